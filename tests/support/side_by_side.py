"""One conversation held twice: with a redis-server asked directly, and with one behind a portal. What comes back must be the same.
The two are servers of their own, or one and the same (`one_node`), whose replies then are compared byte by byte without exception.

Each test has servers and a portal of its own, so that what one leaves behind on a link does not colour the next. The portal has
one shard: what one client leaves on a link is what the next one gets.
"""

import contextlib
import unittest

from reply_comparison import comparable
from resp_client import Client, ConnectionClosed, encode
from server_pair import PortalBefore, RawConnection, RedisServer

NOTHING = b"(no reply)"
CLOSED = b"(closed)"


class Talker:
    """A client whose replies are kept as comparable bytes; a reply that does not come and a connection that ends are kept, too."""

    def __init__(self, port, patience, exact):
        self.connection = RawConnection(port, timeout=patience)
        self.exact = exact

    def say(self, *commands, replies=None):
        """Sends the commands in one piece; returns as many replies. A command is its words, as a tuple or as text with spaces."""
        commands = [tuple(words.split(" ")) if isinstance(words, str) else words for words in commands]
        count = len(commands) if replies is None else replies
        frames = []
        try:
            self.connection.send(b"".join(encode(*words) for words in commands))
            while len(frames) < count and NOTHING not in frames:
                frame = self.connection.frame()
                words = commands[min(len(frames), len(commands) - 1)]
                frames.append(NOTHING if frame is None else frame if self.exact else comparable(words, frame))
        except (ConnectionClosed, OSError):
            frames.append(CLOSED)
        except ValueError as error:
            frames.append(b"(no RESP: %s)" % str(error).encode())
        return frames + [b"(missing)"] * (count - len(frames))

    def each(self, *commands):
        """The same, one by one."""
        return [frame for words in commands for frame in self.say(words)]

    def leave(self):
        self.connection.close()


class Side:
    """A port that speaks Redis, and the node that is asked by it."""

    def __init__(self, name, port, server, patience, exact):
        self.name, self.port, self.server, self.patience, self.exact = name, port, server, patience, exact
        self.talkers = []

    def talker(self):
        self.talkers.append(Talker(self.port, self.patience, self.exact))
        return self.talkers[-1]

    def node(self):
        """A client of the node itself."""
        return Client(self.server.port, timeout=self.patience, password=self.server.password)

    def leave(self):
        for talker in self.talkers:
            talker.leave()
        self.talkers.clear()


class SideBySide(unittest.TestCase):
    server_settings = ()
    portal_settings = ()
    patience = 5.0  # seconds for one reply; a fault shows as a reply that never comes
    one_node = False

    def setUp(self):
        behind = RedisServer(settings=self.server_settings)
        self.addCleanup(behind.stop)
        reference = behind
        if not self.one_node:
            reference = RedisServer(settings=self.server_settings)
            self.addCleanup(reference.stop)
        self.portal = PortalBefore(behind, settings=self.portal_settings, threads=1)
        self.addCleanup(self.portal.stop)
        self.direct = Side("redis", reference.port, reference, self.patience, self.one_node)
        self.through = Side("portal", self.portal.port, behind, self.patience, self.one_node)
        self.addCleanup(self.direct.leave)
        self.addCleanup(self.through.leave)

    def at_both(self, *commands):
        """Each command to each node itself, as text with spaces; none may be refused."""
        for side in (self.through,) if self.one_node else (self.direct, self.through):
            with side.node() as node:
                for reply in node.pipeline([words.split(" ") for words in commands]):
                    self.assertNotIsInstance(reply, Exception, reply)

    @contextlib.contextmanager
    def _left(self, side):
        try:
            yield side
        finally:
            side.leave()

    def same(self, conversation, *arguments):
        """`conversation(side, ...)` gives the same list of (what, reply) on both sides."""
        with self._left(self.direct) as side:
            wanted = conversation(side, *arguments)
        with self._left(self.through) as side:
            given = conversation(side, *arguments)
        differing = [f"{what}: redis {str(left)[:200]}, portal {str(right)[:200]}"
                     for (what, left), (_, right) in zip(wanted, given, strict=True) if left != right]
        self.assertEqual([], differing)
