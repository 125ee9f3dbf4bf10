"""Conversations of one to four clients, to a redis-server directly and to one behind a portal: every byte that comes back is the same.

Each is held in both protocols; its commands one by one, in one piece as far as the order allows, and cut every few bytes.
"""

import shlex
import time
import unittest

from binary_content import random_bytes
from reply_comparison import comparable
from reply_scenarios import SCENARIOS
from resp_client import ConnectionClosed, encode
from server_pair import PortalBefore, RawConnection, RedisServer

QUIET = 0.02  # nothing more comes from the server asked directly, which has answered another client since


def steps_of(text):
    """(who, mode, words or None) for each line."""
    steps = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        who, words = line.strip().split(":", 1)
        mode = who[-1] if who[-1] in "?-" else ""
        split = [random_bytes(int(word[8:-1])) if word.startswith("<random:") else word.encode().decode("unicode_escape").encode("latin-1") if "\\" in word else word for word in shlex.split(words)]
        steps.append((who.rstrip("?-"), mode, split or None))
    return steps


def joined(steps):
    """Neighbouring steps of one client as one: (who, mode, list of words)."""
    groups = []
    for who, mode, words in steps:
        if groups and groups[-1][0] == who and groups[-1][1] != "-" and mode != "-" and words is not None and groups[-1][2]:
            groups[-1] = (who, groups[-1][1] or mode, [*groups[-1][2], words])
        else:
            groups.append((who, mode, [words] if words else []))
    return groups


class SameReplies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        settings = [("enable-debug-command", "yes")]
        cls.reference, cls.behind = RedisServer(settings=settings), RedisServer(settings=settings)
        cls.addClassCleanup(cls.reference.stop)
        cls.addClassCleanup(cls.behind.stop)
        cls.portal = PortalBefore(cls.behind, settings=["commands: {deny: []}"])
        cls.addClassCleanup(cls.portal.stop)

    def converse(self, port, groups, protocol, cut, wanted_counts):
        """All that came back, group by group. `wanted_counts` are the numbers of replies the reference gave; None: find them out."""
        clients, results = {}, []
        cleaner = RawConnection(port)
        cleaner.send(b"FLUSHALL\r\nSCRIPT FLUSH\r\nFUNCTION FLUSH\r\n")
        for _ in range(3):
            cleaner.frame()
        try:
            for number, (who, mode, commands) in enumerate(groups):
                if who not in clients:
                    clients[who] = RawConnection(port, timeout=5.0)
                    if protocol == "3":
                        clients[who].send(encode("HELLO", "3"))
                        clients[who].frame()
                client = clients[who]
                data = b"".join(encode(*words) for words in commands)
                try:
                    for at in range(0, len(data), cut):
                        client.send(data[at:at + cut])
                        if at < 100 * cut:
                            time.sleep(0.0003 if len(data) > cut else 0)  # so that the pieces are read one by one
                except OSError:
                    pass  # closed: its reading says so
                frames = []
                try:
                    if mode == "-":
                        time.sleep(0.02)
                    elif wanted_counts is None:
                        while len(frames) < len(commands) and mode != "?":
                            frames.append(client.frame())
                        cleaner.send(b"PING\r\n")
                        cleaner.frame()
                        while mode == "?" and (frame := client.frame(QUIET)) is not None:
                            frames.append(frame)
                    else:
                        while len(frames) < wanted_counts[number]:
                            frames.append(client.frame(3.0))
                except ConnectionClosed:
                    frames.append(b"(closed)")
                results.append([b"(no reply)" if frame is None else frame for frame in frames])
            for who, client in clients.items():
                try:
                    extra = client.frame(0.01)
                except ConnectionClosed:
                    extra = b"(closed)"
                results.append([extra])
        finally:
            cleaner.close()
            for client in clients.values():
                client.close()
        return results

    def comparables(self, groups, results):
        out = []
        for (_, _, commands), frames in zip(groups, results):
            words = [*commands, *[["?"]] * len(frames)]
            simple = len(frames) == len(commands)
            out.append([comparable(words[i] if simple else ["?"], frame) for i, frame in enumerate(frames)])
        return out + results[len(groups):]

    def hold(self, name, text):
        steps = steps_of(text)
        one_by_one = [(who, mode, [words] if words else []) for who, mode, words in steps]
        for protocol in "23":
            for style, groups, cut in (("one by one", one_by_one, 1 << 20), ("in one piece", joined(steps), 1 << 20), ("cut", joined(steps), 11)):
                with self.subTest(scenario=name, protocol=protocol, style=style):
                    wanted = self.converse(self.reference.port, groups, protocol, 1 << 20, None)
                    given = self.converse(self.portal.port, groups, protocol, cut, [len(frames) for frames in wanted])
                    left, right = self.comparables(groups, wanted), self.comparables(groups, given)
                    if left != right:
                        at = next(i for i in range(len(left)) if left[i] != right[i])
                        self.fail(f"{groups[at] if at < len(groups) else 'behind the end'}\n  redis:  {left[at]!r:.600}\n  portal: {right[at]!r:.600}")


def add_tests():
    for kind, scenarios in SCENARIOS.items():
        def test(self, scenarios=scenarios):
            for name, text in scenarios.items():
                self.hold(name, text)
        setattr(SameReplies, f"test_{kind.replace(' ', '_')}", test)


add_tests()

if __name__ == "__main__":
    unittest.main()
