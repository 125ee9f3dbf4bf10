"""Thousands of random commands of every group, to a redis-server directly and to one behind a portal: the replies are the same.

The commands arrive pipelined and cut at random bytes, over plain TCP and TLS, in both protocols, some inside transactions. A second
redis-server that is asked directly shows which sequences are not determined by their commands; those are left out and counted.
REDIS_PORTAL_SEED repeats a run, REDIS_PORTAL_COMMANDS sets its length.
"""

import os
import random
import sys
import time
import unittest

from portal_support import report
from random_commands import CommandSource
from reply_comparison import comparable_all
from resp_client import ConnectionClosed, encode
from server_pair import PortalBefore, RawConnection, RedisServer

SEED = int(os.environ.get("REDIS_PORTAL_SEED", random.randrange(1 << 32)))
COMMANDS = int(os.environ.get("REDIS_PORTAL_COMMANDS", 4000))
BATCH = 40


def inline(words):
    """The command as one line, where its words allow that."""
    texts = [word if isinstance(word, bytes) else word.encode() for word in words]
    if any(not text or not text.isalnum() for text in texts):
        return encode(*words)
    return b" ".join(texts) + b"\r\n"


class SameReplies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = [RedisServer() for _ in range(3)]
        for server in cls.servers:
            cls.addClassCleanup(server.stop)
        cls.reference, cls.control, cls.behind = cls.servers
        cls.portal = PortalBefore(cls.behind)
        cls.addClassCleanup(cls.portal.stop)
        print(f"seed {SEED}, {COMMANDS} commands", file=sys.stderr, flush=True)

    def setUp(self):
        self.random = random.Random(SEED)

    def batch(self, source):
        """Commands to be sent on one connection."""
        choose = self.random
        commands = [("HELLO", choose.choice("23")), ("FLUSHALL",), ("FUNCTION", "FLUSH"), ("SCRIPT", "FLUSH")]
        while len(commands) < BATCH:
            draw = choose.random()
            if draw < 0.05:
                body = [source.draw() for _ in range(choose.randrange(5))]
                commands += [("MULTI",), *body, (choose.choice(["EXEC", "EXEC", "EXEC", "DISCARD"]),)]
            elif draw < 0.06:
                commands.append((choose.choice(["WATCH str:1", "UNWATCH", "MULTI", "EXEC", "DISCARD", "SELECT 1", "SELECT 0", "SELECT 99",
                                                "RESET", "WAIT 0 10", "NOSUCH a b", "CLIENT NOSUCH", "GET"])).split())
            else:
                commands.append(source.draw())
        return commands

    def pieces(self, data):
        """`data` cut at random places."""
        cuts = sorted(self.random.randrange(len(data)) for _ in range(self.random.choice([0, 0, 1, 3, 30])))
        return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]

    def replies(self, connection, pieces, count):
        frames = []
        for number, piece in enumerate(pieces):
            connection.send(piece)
            if number % 8 == 1:
                time.sleep(0.0005)  # so that the other side reads this piece by itself
        try:
            while len(frames) < count:
                frame = connection.frame()
                self.assertIsNotNone(frame, "a command that no random sequence should hold keeps its connection waiting")
                frames.append(frame)
        except ConnectionClosed:
            frames.append(b"(closed)")
        connection.close()
        return frames + [b"(missing)"] * (count - len(frames))

    def test_every_random_command_is_answered_as_by_redis(self):
        source = CommandSource(self.reference.port, self.random)
        sent = undetermined = 0
        answered, differences = set(), []
        while sent < COMMANDS:
            commands = self.batch(source)
            data = b"".join(encode(*words) if self.random.random() < 0.95 else inline(words) for words in commands)
            tls = self.random.random() < 0.5
            wanted = self.replies(RawConnection(self.reference.port), [data], len(commands))
            again = self.replies(RawConnection(self.control.port), [data], len(commands))
            front = RawConnection(self.portal.tls_port, self.portal.context()) if tls else RawConnection(self.portal.port)
            given = self.replies(front, self.pieces(data), len(commands))
            wanted, again, given = (comparable_all(commands, frames) for frames in (wanted, again, given))
            sent += len(commands)
            if wanted != again:
                undetermined += len(commands)
                if os.environ.get("REDIS_PORTAL_SHOW_UNDETERMINED"):
                    at = next(i for i in range(len(commands)) if wanted[i] != again[i])
                    print("undetermined:", commands[at], wanted[at][:200], again[at][:200], file=sys.stderr)
                continue
            answered.update(words[0].lower() for words, frame in zip(commands, wanted) if not frame.startswith(b"-"))
            differing = [i for i in range(len(commands)) if wanted[i] != given[i]]
            if differing:
                at = differing[0]
                context = "\n".join(f"    {commands[i]!r} -> {wanted[i][:60]!r} / {given[i][:60]!r}" for i in range(max(0, at - 8), min(at + 8, len(commands))))
                differences.append(f"{commands[at]!r} ({'TLS' if tls else 'plain'})\n  redis:  {wanted[at][:300]!r}\n"
                                   f"  portal: {given[at][:300]!r}\n  after:\n{context}")
        report(f"{sent} commands of {len(source.groups)} groups compared, {len(answered)} commands with success, {undetermined} not determined; seed {SEED}")
        self.assertEqual([], differences[:5], f"{len(differences)} batches differ; REDIS_PORTAL_SEED={SEED}\n" + "\n".join(differences[:5]))
        self.assertLess(undetermined, sent * 0.2)
        self.assertGreater(len(answered), 100 if COMMANDS >= 3000 else 0)


if __name__ == "__main__":
    unittest.main()
