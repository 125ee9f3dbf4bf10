"""Values of any bytes, from none to 4 MiB, in every reply that can hold them: byte by byte what the node itself says.

In each round a client writes values through the portal, pipelined and cut at random, and reads them in every way; the same node,
asked directly, gives the bytes that must come. Meanwhile others write and read on the same links, and in some rounds a MONITOR, a
tracking client and subscribers listen, one through the portal beside one at the node: both must hear the same.
REDIS_PORTAL_SEED repeats the rounds, REDIS_PORTAL_CONTENT_SECONDS sets how long they go on.
"""

import contextlib
import os
import random
import select
import ssl
import sys
import threading
import time
import unittest

from binary_content import MB, Content, difference
from portal_support import report
from resp_client import ConnectionClosed, encode
from server_pair import PortalBefore, RawConnection, RedisServer, frame_end

SEED = int(os.environ.get("REDIS_PORTAL_SEED", random.randrange(1 << 32)))
SECONDS = float(os.environ.get("REDIS_PORTAL_CONTENT_SECONDS", 30))
PATIENCE = 20.0


class Wrong(AssertionError):
    """Not what the node itself says."""


def words_of(command):
    return b" ".join(word if isinstance(word, bytes) else str(word).encode() for word in command)[:80]


def exchange(connection, commands, pieces=None):
    """Sends the commands in pieces and reads meanwhile, on one thread; returns as many replies as there are commands."""
    pieces = [b"".join(encode(*words) for words in commands)] if pieces is None else pieces
    unsent, frames = [memoryview(piece) for piece in reversed(pieces)], []
    last = time.monotonic()
    connection.socket.settimeout(0)
    try:
        while len(frames) < len(commands):
            while (end := frame_end(connection.buffer, 0)) is not None and len(frames) < len(commands):
                frames.append(bytes(connection.buffer[:end]))
                del connection.buffer[:end]
                last = time.monotonic()
            if len(frames) == len(commands):
                break
            pending = isinstance(connection.socket, ssl.SSLSocket) and connection.socket.pending()
            select.select([connection.socket], [connection.socket] if unsent else [], [], 0 if pending else 1)
            if unsent:
                with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    sent = connection.socket.send(unsent[-1])
                    unsent[-1] = unsent[-1][sent:]
                    last = time.monotonic()
                    if not unsent[-1]:
                        unsent.pop()
            with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                data = connection.socket.recv(1 << 20)
                if not data:
                    raise ConnectionClosed("closed by the other side")
                connection.buffer += data
                last = time.monotonic()
            if time.monotonic() - last > PATIENCE:
                raise TimeoutError(f"nothing for {PATIENCE} s")
    except (OSError, ValueError) as error:
        raise Wrong(f"{type(error).__name__}: {str(error)[:80]}, instead of the reply to {words_of(commands[len(frames)])!r}, the {len(frames) + 1}th of "
                    f"{len(commands)}; {sum(len(each) for each in unsent)} bytes were not taken") from None
    return frames


class Listener:
    """A pair of connections, one at the node and one through the portal, that are told the same things."""

    def __init__(self, node, portal, opening, protocol="2"):
        self.pair = node, portal
        for connection in self.pair:
            exchange(connection, [("HELLO", protocol), *opening])
        self.heard = [[], []]

    def hear(self, until):
        """Reads both until a frame holds `until`."""
        for connection, heard in zip(self.pair, self.heard):
            while not heard or until not in heard[-1]:
                frame = connection.frame(PATIENCE)
                if frame is None:
                    raise Wrong(f"{type(self).__name__}: {'the node' if connection is self.pair[0] else 'the portal'} does not tell of {until!r}; "
                                f"{len(heard)} frames have come")
                heard.append(frame)

    def compare(self):
        node, portal = (self.comparable(heard) for heard in self.heard)
        if node != portal:
            at = next((i for i, (left, right) in enumerate(zip(node, portal)) if left != right), min(len(node), len(portal)))
            left, right = (each[at] if at < len(each) else b"(nothing)" for each in (node, portal))
            raise Wrong(f"{type(self).__name__}, frame {at} of {len(node)}/{len(portal)}: {difference(left, right)}")
        return len(node)

    def comparable(self, heard):
        return heard

    def close(self):
        for connection in self.pair:
            connection.close()


class Monitor(Listener):
    # What the portal asks for itself (probes, logins) is seen by both; what was said before both listened, by one.
    def comparable(self, heard):
        begin = next((i for i, line in enumerate(heard) if b'"listening begins"' in line), 0)
        return heard[begin:]


class Invalidations(Listener):
    """At the end of a turn of its loop the node makes one push of all keys that have changed and sends it to each who listens: from the
    first turn in which both did, byte by byte the same. One of the two began to listen earlier, and heard of bystanders what the other
    could not."""

    def comparable(self, heard):
        for frame in heard:
            if not frame.startswith(b">2\r\n$10\r\ninvalidate\r\n*"):
                raise Wrong(f"a tracking client was told {frame[:80]!r}")
        return heard[next((i for i, frame in enumerate(heard) if b"the first key" in frame), 0):]


class Messages(Listener):
    pass


class Bystander(threading.Thread):
    """Another client of the same links; knows what it must be told."""

    def __init__(self, connection, seed):
        super().__init__(daemon=True)
        self.connection, self.content = connection, Content(random.Random(seed))
        self.key = f"bystander:{seed}"
        self.wrong, self.rounds, self.stopped = None, 0, False
        self.start()

    def run(self):
        try:
            while not self.stopped:
                value = self.content.value(self.content.chooser.choice([100, 5000, 400_000]))
                bulk = b"$%d\r\n%s\r\n" % (len(value), value)
                commands = [("MULTI",), ("SET", self.key, value), ("GET", self.key), ("EXEC",), ("GET", self.key), ("GETSET", self.key, ""), ("STRLEN", self.key)]
                wanted = [b"+OK\r\n", b"+QUEUED\r\n", b"+QUEUED\r\n", b"*2\r\n+OK\r\n" + bulk, bulk, bulk, b":0\r\n"]
                for words, right, frame in zip(commands, wanted, exchange(self.connection, commands)):
                    if right != frame:
                        raise Wrong(f"a bystander's {words[0]}: {difference(right, frame)}")
                self.rounds += 1
        except (Wrong, OSError) as error:
            self.wrong = error

    def end(self):
        self.stopped = True
        self.join(PATIENCE * 2)
        self.connection.close()


class SameContent(unittest.TestCase):
    def setUp(self):
        self.server = RedisServer(settings=[("enable-debug-command", "yes"), ("client-output-buffer-limit", "pubsub 0 0 0")])
        self.addCleanup(self.server.stop)
        self.portal = PortalBefore(self.server, settings=["commands: {deny: []}", "limits: {output_bytes: 256MiB}",
                                                          "monitor: {down_after: 20s, fence_after: 30s, lease: 60s}"], threads=1)
        self.addCleanup(self.portal.stop)

    def at_node(self):
        connection = RawConnection(self.server.port)
        self.addCleanup(connection.close)
        return connection

    def through_portal(self, tls=False):
        connection = RawConnection(self.portal.tls_port, self.portal.context()) if tls else RawConnection(self.portal.port)
        self.addCleanup(connection.close)
        return connection

    def pieces(self, data):
        """`data` cut at random places, mostly near one another."""
        count = self.random.choice([0, 0, 1, 3, 30])
        around = self.random.randrange(len(data))
        cuts = sorted(min(len(data), around + self.random.randrange(self.random.choice([4, 4000]))) for _ in range(count))
        return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)]) if a < b]

    def say(self, connection, commands):
        return exchange(connection, commands, self.pieces(b"".join(encode(*words) for words in commands)))

    def writes(self, largest):
        """(commands, what each must be answered), and the keys by kind."""
        content, choose = self.content, self.random
        # Four fields fit into a hash table that is never rehashed: then two readings see the same order.
        values = [content.value(largest) for _ in range(choose.randrange(1, 5))]
        keys = {kind: content.key() for kind in ("string", "other", "hash", "list", "set", "zset", "stream", "taken", "popped")}
        fields = [content.key() for _ in values]
        distinct = len(set(values))
        self.values, self.keys, self.fields = values, keys, fields
        commands = [(("SET", keys["string"], values[0]), b"+OK\r\n"), (("MSET", keys["other"], values[-1], keys["taken"], values[0]), b"+OK\r\n"),
                    (("HSET", keys["hash"], *[word for pair in zip(fields, values) for word in pair]), b":%d\r\n" % len(values)),
                    (("RPUSH", keys["list"], *values), b":%d\r\n" % len(values)), (("RPUSH", keys["popped"], *values), b":%d\r\n" % len(values)),
                    (("SADD", keys["set"], values[0]), b":1\r\n"),
                    (("ZADD", keys["zset"], *[word for i, value in enumerate(values) for word in (f"{i}.5", value)]), b":%d\r\n" % distinct),
                    (("XADD", keys["stream"], "1-1", *[word for pair in zip(fields, values) for word in pair]), b"$3\r\n1-1\r\n")]
        choose.shuffle(commands)
        return [*commands, (("XADD", keys["stream"], "2-1", "f", values[0]), b"$3\r\n2-1\r\n")]

    def reads(self):
        """Commands that change nothing, so that the node can be asked the same."""
        choose, keys, fields = self.random, self.keys, self.fields
        length = len(self.values[0])
        begin, end = sorted(choose.randrange(length + 2) for _ in range(2))
        pair = [keys["string"], keys["other"]]
        reads = [("GET", keys["string"]), ("MGET", *pair, "no such key"), ("HGETALL", keys["hash"]), ("HMGET", keys["hash"], *fields, "none"),
                 ("HVALS", keys["hash"]), ("HGET", keys["hash"], choose.choice(fields)), ("LRANGE", keys["list"], "0", "-1"), ("LINDEX", keys["list"], "-1"),
                 ("SMEMBERS", keys["set"]), ("SINTER", keys["set"]), ("SRANDMEMBER", keys["set"]), ("ZRANGE", keys["zset"], "0", "-1", "WITHSCORES"),
                 ("ZRANGE", keys["zset"], "0", "-1"), ("XRANGE", keys["stream"], "-", "+"), ("XREVRANGE", keys["stream"], "+", "-", "COUNT", "1"),
                 ("XREAD", "STREAMS", keys["stream"], "0"), ("XREAD", "BLOCK", "10", "STREAMS", keys["stream"], "1-1"),
                 ("GETRANGE", keys["string"], begin, end), ("DUMP", keys["string"]), ("DUMP", keys["hash"]), ("ECHO", self.values[0]), ("PING", self.values[-1]),
                 ("SORT", keys["list"], "BY", "nosort"), ("HSCAN", keys["hash"], "0", "COUNT", "100"), ("SSCAN", keys["set"], "0"), ("HRANDFIELD", keys["set"]),
                 ("EVAL", "return {redis.call('GET', KEYS[1]), {redis.call('MGET', KEYS[1], KEYS[2]), {{ARGV[1], 7}, false}}}", "2", *pair, self.content.value(100_000)),
                 ("EVAL_RO", "redis.setresp(3) return redis.call('HGETALL', KEYS[1])", "1", keys["hash"]),
                 ("EVAL", "return redis.status_reply(ARGV[1])", "0", self.content.line(choose.choice([10, 300_000]))),
                 ("EVAL", "return redis.error_reply(ARGV[1])", "0", b"MINE " + self.content.line(choose.choice([10, 300_000]))),
                 ("EVAL", "error(ARGV[1])", "0", self.content.line(choose.randrange(60))),
                 (b"no:" + self.content.line(choose.randrange(200)), self.content.value(200)), ("GET", keys["hash"]), ("OBJECT", self.content.line(30), "k"),
                 ("DEBUG", "PROTOCOL", choose.choice(["string", "map", "set", "verbatim", "double", "null", "bignum"])), ("COMMAND", "GETKEYS", "MGET", *pair)]
        choose.shuffle(reads)
        reads = reads[:choose.randrange(4, len(reads))]
        if choose.random() < 0.5:
            inside = [words for words in reads[:5] if words[0] not in ("XREAD",)]
            reads += [("MULTI",), *inside, ("EXEC",)]
        if choose.random() < 0.3:
            reads = [("WATCH", keys["list"]), *reads, ("UNWATCH",)]
        return reads

    def takes(self):
        """Commands that give a value away, which can be asked only once, and what they must be answered."""
        taken, popped, values = self.keys["taken"], self.keys["popped"], self.values
        bulk = lambda value: b"$%d\r\n%s\r\n" % (len(value), value)
        new = self.content.value(50_000)
        takes = [(("GETSET", taken, new), bulk(values[0])), (("SET", taken, values[-1], "GET"), bulk(new)), (("GETEX", taken, "PERSIST"), bulk(values[-1])),
                 (("GETDEL", taken), bulk(values[-1])), (("LMOVE", popped, popped, "LEFT", "LEFT"), bulk(values[0])),
                 (("BLPOP", popped, "1"), b"*2\r\n" + bulk(popped) + bulk(values[0])),
                 (("SPOP", self.keys["set"]), bulk(values[0]))]
        if len(values) > 1:
            takes.append((("LPOP", popped, "100"), b"*%d\r\n" % (len(values) - 1) + b"".join(bulk(value) for value in values[1:])))
        if self.random.random() < 0.5:
            inside = takes[:4]
            takes = [(("MULTI",), b"+OK\r\n"), *[(words, b"+QUEUED\r\n") for words, _ in inside],
                     (("EXEC",), b"*%d\r\n" % len(inside) + b"".join(right for _, right in inside)), *takes[4:]]
        return takes

    def hold(self, what, commands, wanted, given):
        for number, (words, right, frame) in enumerate(zip(commands, wanted, given, strict=True)):
            if right != frame:
                raise Wrong(f"{what}, reply {number} of {len(commands)}, to {words_of(words)!r} (values of {[len(value) for value in self.values]} bytes): "
                            f"{difference(right, frame)}")
            self.compared += 1
            self.bytes += len(frame)

    def listeners(self):
        """Who listens in this round; a MONITOR makes four bytes of each, so values are smaller then."""
        channel = self.content.key().replace(b"*", b"x").replace(b"?", b"x").replace(b"[", b"x").replace(b"\\", b"x")
        listeners = [Messages(self.at_node(), self.through_portal(self.random.random() < 0.5), [(self.random.choice(["SUBSCRIBE", "PSUBSCRIBE"]), channel)], protocol)
                     for protocol in "23"]
        listeners.append(Invalidations(self.at_node(), self.through_portal(), [("CLIENT", "TRACKING", "ON", "BCAST")], "3"))
        if self.random.random() < 0.5:
            listeners.append(Monitor(self.at_node(), self.through_portal(), [("MONITOR",)], self.random.choice("23")))
        return listeners, channel

    def round(self, name):
        self.random = random.Random(name)
        self.content = Content(self.random, name.rsplit(" ", 1)[1] + ".")
        direct, client = self.at_node(), self.through_portal(self.random.random() < 0.5)
        listening = self.random.random() < 0.4
        listeners, channel = self.listeners() if listening else ([], b"")
        protocol = self.random.choice("23")
        exchange(direct, [("HELLO", protocol)])
        exchange(client, [("HELLO", protocol)])
        what = f"RESP{protocol}{', with listeners' if listening else ''}"
        try:
            if listening:
                exchange(direct, [("ECHO", "listening begins"), ("SET", "the first key", "x")])
            writes = self.writes(self.random.choice([100, 20_000, 300_000] if listening else [1000, 300_000, MB, 4 * MB]))
            self.hold(what, [words for words, _ in writes], [right for _, right in writes], self.say(client, [words for words, _ in writes]))
            stored = exchange(direct, [("GET", self.keys["string"]), ("LINDEX", self.keys["list"], "-1")])
            self.hold("stored", [("GET",), ("LINDEX",)], [b"$%d\r\n%s\r\n" % (len(value), value) for value in (self.values[0], self.values[-1])], stored)
            reads = self.reads()
            self.hold(what, reads, exchange(direct, reads), self.say(client, reads))
            takes = self.takes()
            self.hold(what, [words for words, _ in takes], [right for _, right in takes], self.say(client, [words for words, _ in takes]))
            if listening:
                messages = [("PUBLISH", channel, self.content.value(self.random.choice([100, 300_000]))) for _ in range(self.random.randrange(1, 12))]
                self.say(client, messages)
                exchange(client, [("PUBLISH", channel, "the last message"), ("SET", "the last key", "x"), ("ECHO", "listening ends")])
                for listener in listeners:
                    listener.hear({Messages: b"the last message", Invalidations: b"the last key", Monitor: b'"listening ends"'}[type(listener)])
                    self.compared += listener.compare()
            exchange(direct, [("DEL", *self.keys.values(), "the first key", "the last key")])
        finally:
            for each in (direct, client, *listeners):
                each.close()

    def test_comes_back_as_it_was_in_every_reply(self):
        print(f"seed {SEED}, {SECONDS} s", file=sys.stderr, flush=True)
        self.compared = self.bytes = rounds = 0
        bystanders = [Bystander(self.through_portal(number % 2), f"{SEED}:{number}") for number in range(3)]
        wrong, end = [], time.monotonic() + SECONDS
        while time.monotonic() < end and len(wrong) < 5:
            name = f"{SEED}:round {rounds}"
            rounds += 1
            try:
                self.round(name)
            except Wrong as error:
                wrong.append(f"{name}: {error}")
        for bystander in bystanders:
            bystander.end()
            if bystander.wrong:
                wrong.append(str(bystander.wrong))
        report(f"{rounds} rounds, {self.compared} replies and messages of {self.bytes >> 20} MiB compared, bystanders {sum(each.rounds for each in bystanders)} times; seed {SEED}")
        self.assertEqual([], wrong, "\n".join(["", *wrong]) + f"\nREDIS_PORTAL_SEED={SEED}")
        self.assertGreater(rounds, 3)
        self.assertGreater(min(each.rounds for each in bystanders), 0)


if __name__ == "__main__":
    unittest.main()
