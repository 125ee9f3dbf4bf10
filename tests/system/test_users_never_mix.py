"""Hundreds of clients of users who each lack some commands, in every kind of state: each is answered as Redis answers it alone.

Each session holds the same random conversation twice, through the portal, on links that it shares with all the others, and with a
redis-server of the same users on a connection of its own. Every value carries its owner's mark and random bytes; who one is, in which
database and in what state is asked all the time. So whatever crosses (a reply, a right, a user, a database, a transaction) shows as
a difference. Which user lacks what, and what each session says, come from the seed.
REDIS_PORTAL_SEED repeats a run, REDIS_PORTAL_MIX_SECONDS sets its length (REDIS_PORTAL_SEARCH makes it three minutes), REDIS_PORTAL_MIX_SESSIONS
how many are open at once.
"""

import asyncio
import os
import random
import re
import sys
import unittest

from binary_content import Content, difference
from portal_support import report
from resp_client import Client, encode
from server_pair import PortalBefore, RedisServer, frame_end

SEED = int(os.environ.get("REDIS_PORTAL_SEED", random.randrange(1 << 32)))
SECONDS = float(os.environ.get("REDIS_PORTAL_MIX_SECONDS", 180 if os.environ.get("REDIS_PORTAL_SEARCH") else 20))
SESSIONS = int(os.environ.get("REDIS_PORTAL_MIX_SESSIONS", 120))
DATABASES, USERS = 3, 8
PATIENCE = 30
# What ends a state, begins one, or asks about it. ACL WHOAMI and CLIENT INFO everybody may ask. UNSUBSCRIBE and a subscriber's PING the
# portal refuses to nobody, which test_nothing_crosses asserts.
LACKABLE = ["discard", "unwatch", "exec", "reset", "select", "echo", "multi", "watch", "get", "set", "eval", "blpop", "subscribe",
            "client|tracking", "client|setname", "client|getname", "script|debug", "hello", "wait", "rpush", "xread", "getset", "publish"]
MARK = re.compile(rb"<\d+\.\d+>")
OWN_FIELDS = ("name", "db", "sub", "psub", "multi", "user", "resp")
SCRIPT = "return {ARGV[1], redis.call('GET', 'database'), redis.call('GET', KEYS[1])}"


class Differs(Exception):
    """The portal has answered otherwise than Redis."""


class Leaves(Exception):
    """The session's own wish."""


class Line:
    """One of a session's two connections."""

    def __init__(self, reader, writer, listener):
        self.reader, self.writer, self.listener = reader, writer, listener
        self.buffer, self.pushes, self.id = bytearray(), [], 0

    def send(self, commands, cut):
        data = b"".join(encode(*(self.own(word) for word in words)) for words in commands)
        at = cut % (len(data) + 1)
        self.writer.write(data[:at])
        self.writer.write(data[at:])

    def own(self, word):
        """What a client is told of itself and of others differs between the two."""
        return {"{self}": self.id, "{listener}": self.listener}.get(word, word) if isinstance(word, str) else word

    async def reply(self):
        """The next reply; messages and invalidations before it are kept apart."""
        while True:
            while (end := frame_end(self.buffer, 0)) is None:
                data = await asyncio.wait_for(self.reader.read(1 << 18), PATIENCE)
                if not data:
                    return b"(closed)"
                self.buffer += data
            frame = bytes(self.buffer[:end])
            del self.buffer[:end]
            if frame.startswith((b"*3\r\n$7\r\nmessage\r\n", b">")) and b"subscribe\r\n" not in frame[:30]:
                self.pushes.append(frame)
            else:
                return frame


class Session:
    def __init__(self, tag, chooser, portal, reference, bound):
        self.tag, self.random, self.portal, self.reference = tag, chooser, portal, reference
        self.bound = bound  # users who may not SELECT; to be one of them in another database is for another test
        self.selected = False
        self.content = Content(chooser)
        self.told, self.said = {}, []  # what CLIENT INFO said last; the last commands

    def value(self):
        """Bytes that carry this session's mark; seldom more than is gathered whole."""
        largest = self.random.choice([0, 20, 20, 200, 200, 200, 5000]) if self.random.random() < 0.98 else 300_000
        mark = self.tag.encode()
        return mark + MARK.sub(b"", self.content.value(largest)) + mark

    def key(self, kind):
        return f"{kind}:{self.tag}"

    def comparable(self, words, frame, line):
        name = str(words[0]).upper()
        if name == "HELLO" or name == "EXEC":
            frame = re.sub(rb"(\$2\r\nid\r\n):\d+", rb"\1:n", frame)
        if name in ("CLIENT", "EXEC"):
            frame = frame.replace(b":%d\r\n" % line.listener, b":listener\r\n").replace(b":%d\r\n" % line.id, b":self\r\n")
        if name in ("CLIENT", "EXEC") and b" user=" in frame:
            frame = re.sub(rb"(\$|=)\d+\r\n(txt:)?id=\d+ [^\n]*\n", lambda found: b" ".join(self.fields(found[0])), frame)
        return frame

    @staticmethod
    def fields(line):
        pairs = dict(pair.split(b"=", 1) for pair in line.split() if b"=" in pair)
        return [b"%s=%s" % (name.encode(), pairs.get(name.encode(), b"")) for name in OWN_FIELDS]

    async def say(self, *commands, replies=None):
        """The same to both, in one piece or cut in two."""
        cut = self.random.choice([0, self.random.randrange(1 << 20)])
        count = len(commands) if replies is None else replies
        for line in (self.reference, self.portal):
            line.send(commands, cut)
        for number in range(count):
            words = commands[number if replies is None else -1]
            wanted = self.comparable(words, await self.reference.reply(), self.reference)
            try:
                given = self.comparable(words, await self.portal.reply(), self.portal)
            except TimeoutError:
                given = b"(nothing)"
            self.said = [*self.said[-14:], (words, wanted)]
            if words[:2] == ("CLIENT", "INFO"):
                self.told = dict(pair.split(b"=", 1) for pair in wanted.split() if b"=" in pair)
                if wanted.startswith(b"+QUEUED"):
                    self.told = {b"multi": b"1", b"sub": b"0"}
            if wanted != given:
                others = {mark for mark in MARK.findall(given) if mark != self.tag.encode()}
                raise Differs(str(words[0]).upper(), f"{self.tag}: {self.short(words)} was answered {given[:100]!r} instead of {wanted[:100]!r} ({difference(wanted, given)})"
                              f"{f'; it carries the marks of {others}' if others else ''}; before: " +
                              "; ".join(f"{self.short(each)} -> {frame[:40]!r}" for each, frame in self.said[:-1]))
            if wanted == b"(closed)":
                raise Leaves
        for push in self.portal.pushes:
            if self.tag.encode() not in push and b"$10\r\ninvalidate\r\n_" not in push and b"tracking-redir-broken" not in push:
                raise Differs("push", f"{self.tag} was told {push[:200]!r}")
        self.portal.pushes.clear()

    @staticmethod
    def short(words):
        return " ".join(word[:30].decode("latin-1") if isinstance(word, bytes) else str(word) for word in words)[:90].encode("unicode_escape").decode()

    def select(self):
        database = self.random.randrange(DATABASES)
        self.selected = self.selected or database != 0
        return ("SELECT", database)

    def reset(self):
        self.selected = False
        return ("RESET",)

    def login(self):
        user = self.random.choice([user for user in map("user-{}".format, range(USERS)) if not self.selected or user not in self.bound])
        return self.random.choice([("AUTH", user, "s3cret"), ("AUTH", user, "s3cret"), ("AUTH", user, "wrong"), ("HELLO", "2", "AUTH", user, "s3cret"),
                                   ("HELLO", "3", "AUTH", user, "s3cret"), ("HELLO", "3", "AUTH", user, "wrong")])

    def tracking(self):
        return ("CLIENT", "TRACKING", *self.random.choice(["ON", "OFF", "ON OPTIN", "ON OPTOUT", "ON NOLOOP", "OFF REDIRECT {listener}", "OFF REDIRECT 1",
                                                           "OFF REDIRECT 999999", "ON REDIRECT {listener}", "ON BCAST PREFIX {own}", "OFF BCAST", "OFF NOLOOP",
                                                           "OFF REDIRECT {self}"]).replace("{own}", f"own:{self.tag}").split())

    def any_command(self):
        choose, own = self.random, self.key("own")
        return choose.choice([
            lambda: ("ECHO", self.value()), lambda: ("SET", own, self.value()), lambda: ("GET", own), lambda: ("GETSET", own, self.value()),
            lambda: ("GET", "database"), lambda: ("GET", "database"), lambda: ("ACL", "WHOAMI"), lambda: ("ACL", "WHOAMI"), lambda: ("CLIENT", "INFO"),
            self.select, self.select, lambda: ("SELECT", "99"),
            lambda: ("MULTI",), lambda: ("MULTI",), lambda: ("EXEC",), lambda: ("EXEC",), lambda: ("DISCARD",), lambda: ("WATCH", own), lambda: ("WATCH", own),
            lambda: ("UNWATCH",), self.login, self.login, lambda: ("HELLO", choose.choice("23")), lambda: ("EVAL", SCRIPT, "1", own, self.value()),
            lambda: ("EVAL", SCRIPT, "1", own, self.value()), lambda: ("RPUSH", self.key("list"), self.value()), lambda: ("BLPOP", self.key("list"), "0.01"),
            lambda: ("XREAD", "BLOCK", "5", "STREAMS", self.key("stream"), "$"), lambda: ("CLIENT", "SETNAME", f"name-{self.tag}"), lambda: ("CLIENT", "GETNAME"),
            self.tracking, self.tracking, lambda: ("CLIENT", "TRACKINGINFO"), lambda: ("CLIENT", "GETREDIR"), lambda: ("PING",), lambda: ("WAIT", "0", "5"),
            lambda: ("NOSUCH", self.tag), lambda: ("GET",), lambda: ("HGETALL", "none"), self.reset, lambda: ("CLIENT", "NO-EVICT", "OFF")])()

    async def anything(self):
        await self.say(*[self.any_command() for _ in range(self.random.randrange(1, 9))])

    async def one_by_one(self):
        for _ in range(self.random.randrange(1, 6)):
            await self.say(self.any_command())

    async def unit(self):
        """A transaction in one write, with what may make it fail or change who one is."""
        inside = []
        for _ in range(self.random.randrange(4)):
            selected, words = self.selected, self.any_command()
            if words[0] in ("MULTI", "EXEC", "DISCARD", "WATCH", "RESET"):
                self.selected = selected  # it is not said
            else:
                inside.append(words)
        before = self.random.choice([[], [], [("WATCH", self.key("own"))]])
        await self.say(*before, ("MULTI",), *inside, (self.random.choice(["EXEC", "DISCARD"]),), *self.random.choice([[], [("ACL", "WHOAMI")]]))

    async def switch(self):
        """Another login in the midst of something."""
        own, choose = ("WATCH", self.key("own")), self.random.choice
        commands = choose([lambda: [own], lambda: [("MULTI",)], lambda: [self.select()], lambda: [("CLIENT", "TRACKING", "ON")], lambda: [own, self.select()],
                           lambda: [("MULTI",), ("GET", "database")]])()
        commands.append(self.login())
        commands += choose([list, lambda: [self.select()], lambda: [self.login()]])()
        commands += choose([lambda: [("UNWATCH",)], lambda: [("EXEC",)], lambda: [("DISCARD",)], lambda: [("MULTI",), ("EXEC",)],
                            lambda: [("CLIENT", "TRACKING", "OFF")], lambda: [self.reset()], list])()
        commands.append(("ACL", "WHOAMI"))
        if self.random.random() < 0.5:
            await self.say(*commands)
        else:
            for words in commands:
                await self.say(words)

    async def muted(self):
        await self.say(("CLIENT", "INFO"))
        if self.told.get(b"multi") == b"-1" and self.told.get(b"sub") == b"0":
            hidden = [("ECHO", self.value()), ("SET", self.key("own"), self.value()), self.select(), ("MULTI",), ("DISCARD",)]
            await self.say(("CLIENT", "REPLY", "OFF"), *self.random.sample(hidden[:3], 2), ("CLIENT", "REPLY", "ON"), replies=1)

    async def subscription(self):
        await self.say(("CLIENT", "INFO"))
        if self.told.get(b"multi") != b"-1":
            return
        channel = self.key("channel")
        await self.say(("SUBSCRIBE", channel))
        await asyncio.sleep(self.random.random() * 0.02)
        for words in self.random.sample([("PING",), ("ACL", "WHOAMI"), ("UNSUBSCRIBE", channel), self.login()], 3):
            await self.say(words)
        await self.say(self.reset())

    async def debugger(self):
        await self.say(("CLIENT", "INFO"))
        if self.told.get(b"multi") == b"-1" and self.random.random() < 0.3:
            await self.say(("SCRIPT", "DEBUG", self.random.choice(["YES", "SYNC"])))
            if self.random.random() < 0.5:
                raise Leaves
            await self.say(("SCRIPT", "DEBUG", "NO"), ("EVAL", SCRIPT, "1", self.key("own"), self.value()))

    async def leaving(self):
        """Goes without a word, in the middle of something."""
        if self.random.random() < 0.5:
            return
        words = self.random.choice([[("MULTI",), ("SET", self.key("own"), self.value())], [("WATCH", self.key("own"))], [("BLPOP", self.key("never"), "0")],
                                    [("MULTI",), ("DISCARD",)], [("WATCH", self.key("own")), self.login()], [("ECHO", self.value())] * 20, [self.tracking()],
                                    [("CLIENT", "REPLY", "OFF"), ("ECHO", self.value())], [self.select(), self.login()]])
        for line in (self.reference, self.portal):
            line.send(words, self.random.randrange(200))
        raise Leaves

    async def questions(self):
        await self.say(("ACL", "WHOAMI"), ("CLIENT", "INFO"), ("GET", "database"), ("ACL", "WHOAMI"))

    async def act(self):
        await self.random.choice([self.anything, self.anything, self.one_by_one, self.unit, self.unit, self.switch, self.switch, self.muted, self.subscription,
                                  self.debugger, self.leaving, self.questions])()
        if self.random.random() < 0.5:
            await self.questions()
        if self.random.random() < 0.15:
            await self.say(self.reset(), self.login())


class UsersNeverMix(unittest.TestCase):
    def setUp(self):
        settings = [("client-output-buffer-limit", "pubsub 0 0 0")]
        self.reference, self.behind = RedisServer(settings=settings), RedisServer(settings=settings)
        self.addCleanup(self.reference.stop)
        self.addCleanup(self.behind.stop)
        # Of a busy machine's silence nothing is to be concluded here: a failover answers otherwise than Redis.
        self.portal = PortalBefore(self.behind, settings=["commands: {deny: []}", "monitor: {down_after: 20s, fence_after: 30s, lease: 60s}"])
        self.addCleanup(self.portal.stop)
        chooser = random.Random(SEED)
        users, self.bound = {}, set()
        for number in range(USERS):
            lacking = chooser.sample(LACKABLE, chooser.randrange(0, 6)) if number else []
            users[f"user-{number}"] = ["reset", "on", ">s3cret", "allkeys", "allchannels", "+@all", *[f"-{name}" for name in lacking]]
            if "select" in lacking:
                self.bound.add(f"user-{number}")
            print(f"user-{number} lacks {' '.join(lacking) or 'nothing'}", file=sys.stderr, flush=True)
        for server in (self.reference, self.behind):
            with Client(server.port) as client:
                for name, rules in users.items():
                    self.assertEqual("OK", client.command("ACL", "SETUSER", name, *rules))
                for database in range(DATABASES):
                    client.pipeline([("SELECT", database), ("SET", "database", database)])

    def test_each_client_is_answered_as_if_it_were_alone(self):
        print(f"seed {SEED}, {SESSIONS} sessions, {SECONDS} s", file=sys.stderr, flush=True)
        self.figures, self.differences = {"sessions": 0, "actions": 0}, {}
        asyncio.run(self.crowd())
        differing = sum(len(each) for each in self.differences.values())
        report(f"{self.figures['sessions']} sessions did {self.figures['actions']} things, {differing} were answered otherwise than by Redis; seed {SEED}")
        if self.differences:
            print(self.portal.log.read_text(errors="replace")[-3000:], file=sys.stderr)
            examples = "\n".join(f"{kind}, {len(texts)} times; the first: {texts[0]}" for kind, texts in sorted(self.differences.items()))
            self.fail(f"REDIS_PORTAL_SEED={SEED}\n{examples}")
        self.assertGreater(self.figures["actions"], SESSIONS)

    async def connect(self, port, listener, **tls):
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port, limit=1 << 20, **tls), PATIENCE)
        line = Line(reader, writer, listener)
        line.send([("CLIENT", "ID")], 0)
        line.id = int((await line.reply())[1:-2])
        return line

    async def crowd(self):
        self.live = set()
        for port in (self.reference.port, self.portal.port):
            for _ in range(1000):  # so that a client's id is no number that anything else could be
                (await self.connect(port, 0)).writer.transport.abort()
        listeners = [await self.connect(port, 0) for port in (self.reference.port, self.portal.port)]
        self.end = asyncio.get_running_loop().time() + SECONDS
        publisher = asyncio.create_task(self.publish())
        try:
            await asyncio.gather(*(self.inhabit(number, *[listener.id for listener in listeners]) for number in range(SESSIONS)))
        finally:
            publisher.cancel()
            for line in listeners:
                line.writer.transport.abort()

    async def publish(self):
        """Speaks to the channels of those who are there."""
        line, chooser = await self.connect(self.portal.port, 0), random.Random(SEED)
        while not line.writer.is_closing():
            tags = chooser.sample(sorted(self.live), min(10, len(self.live)))
            line.send([("PUBLISH", f"channel:{tag}", f"for {tag}") for tag in tags], 0)
            for _ in tags:
                await line.reply()
            await asyncio.sleep(0.005)

    async def inhabit(self, number, listener_there, listener_here):
        """One place in the crowd: a session after the other."""
        chooser, context, clock, generation = random.Random(f"{SEED}:{number}"), self.portal.context(), asyncio.get_running_loop().time, 0
        while clock() < self.end:
            generation += 1
            tag = f"<{number}.{generation}>"
            tls = {"port": self.portal.tls_port, "ssl": context, "server_hostname": "127.0.0.1"} if chooser.random() < 0.5 else {"port": self.portal.port}
            reference = await self.connect(self.reference.port, listener_there)
            portal = await self.connect(listener=listener_here, **tls)
            session = Session(tag, chooser, portal, reference, self.bound)
            self.live.add(tag)
            self.figures["sessions"] += 1
            try:
                await session.say(("AUTH", f"user-{chooser.randrange(USERS)}", "s3cret"))
                while clock() < self.end:
                    await session.act()
                    self.figures["actions"] += 1
            except Leaves:
                pass
            except Differs as differs:  # from here on the two are no longer in the same state
                self.differences.setdefault(differs.args[0], []).append(differs.args[1])
            finally:
                self.live.discard(tag)
                for line in (portal, reference):
                    line.writer.transport.abort()


if __name__ == "__main__":
    unittest.main()
