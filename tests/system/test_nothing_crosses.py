"""What one client leaves behind never reaches another: values, users, databases, protocols, transactions, the debugger, tracking.

Each case is the shortest conversation that once let something cross, and its neighbours. What redis-server answers to the same
conversation, asked directly, is what a portal must answer.
"""

import itertools
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import unittest

from portal_support import wait_until
from side_by_side import CLOSED, NOTHING, SideBySide

MB = 1 << 20
SEED = int(os.environ.get("REDIS_PORTAL_SEED", random.randrange(1 << 32)))
print(f"seed {SEED}", file=sys.stderr, flush=True)


class Values(SideBySide):
    """Replies above 256 KiB are handed on in parts; no part may be judged by its first byte."""

    one_node = True
    MARKS = b">*+-$:_#%~!=,(|\r\n"

    def values(self):
        """Large values: runs of the bytes with which RESP's types begin, the beginnings of whole replies, and random bytes."""
        chooser = random.Random(SEED)
        for mark in self.MARKS:
            yield f"1 MiB of {chr(mark)!r}", bytes([mark]) * MB  # the one case in which the pattern is the point
        yield "1 MiB of marks", bytes(chooser.choices(self.MARKS, k=MB))
        yield "1 MiB of pushes", b"".join(b">%d\r\n$3\r\nabc\r\n" % chooser.randrange(4) for _ in range(MB // 14))
        for number in range(40):
            yield f"random bytes {number}", chooser.randbytes(chooser.randrange(MB // 2, 2 * MB))

    def test_of_any_content_come_back_as_they_were(self):
        wrong = []
        for protocol in "23":
            client = self.through.talker()
            client.say(("HELLO", protocol))
            for what, value in self.values():
                self.at_both("FLUSHALL")
                with self.through.node() as node:
                    node.command("SET", "k", value)
                given = client.say("GET k")
                if given != [b"$%d\r\n%s\r\n" % (len(value), value)]:
                    wrong.append(f"RESP{protocol} {what}: {self.difference(value, given)}")
                    client.leave()
                    client = self.through.talker()
                    client.say(("HELLO", protocol))
                if len(wrong) > 5:
                    break
            client.leave()
        self.assertEqual([], wrong, f"seed {SEED}")

    @staticmethod
    def difference(value, given):
        if not given[0].startswith(b"$"):
            return repr(given[0][:40])
        body = given[0][len(b"$%d\r\n" % len(value)):]
        at = next((i for i, (left, right) in enumerate(zip(value, body)) if left != right), min(len(value), len(body)))
        return f"differs from byte {at} of {len(value)}"

    def test_of_any_content_come_back_in_every_reply_that_holds_them(self):
        chooser = random.Random(SEED)

        def conversation(side, protocol, values):
            client, out = side.talker(), []
            with side.node() as node:
                node.command("FLUSHALL")
                node.command("HSET", "h", *[word for i, value in enumerate(values) for word in (f"field{i}", value)])
                node.command("RPUSH", "l", *values)
                node.command("MSET", *[word for i, value in enumerate(values) for word in (f"k{i}", value)])
            client.say(("HELLO", protocol))
            keys = [f"k{i}" for i in range(len(values))]
            for words in (("HGETALL", "h"), ("HMGET", "h", *[f"field{i}" for i in range(len(values))]), ("LRANGE", "l", "0", "-1"), ("MGET", *keys),
                          ("EVAL", "return {redis.call('MGET', unpack(KEYS)), {redis.call('GET', KEYS[1])}}", str(len(keys)), *keys)):
                out.append((f"{words[0]} in RESP{protocol}", client.say(words)))
            transaction = client.say("MULTI", ("MGET", *keys), "HGETALL h", "EXEC")
            out.append((f"EXEC in RESP{protocol}", transaction))
            return out

        for protocol in "23":
            for size in (100, 5_000, 200_000):
                values = [bytes(chooser.choices(self.MARKS, k=size)) for _ in range(max(3, 600_000 // size))]
                self.same(conversation, protocol, values)


class Users(SideBySide):
    """Whoever changes its user, database or protocol in the midst of something leaves no link that is not what it was."""

    WAYS = [
        "WATCH k|{login}|UNWATCH",
        "WATCH k|{login}|MULTI|EXEC",
        "WATCH k|{login}|MULTI|DISCARD",
        "WATCH k|{login}|GET k",
        "WATCH k|SELECT 3|{login}|UNWATCH",
        "WATCH k|{login}|SELECT 3|UNWATCH",
        "WATCH k|{login}|RESET",
        "MULTI|{login}|EXEC",
        "MULTI|{login}|SELECT 3|EXEC",
        "MULTI|{login}|DISCARD",
        "MULTI|SELECT 3|{login}|EXEC|WATCH k|SELECT 0|UNWATCH",
        "SELECT 3|{login}",
        "SELECT 3|WATCH k|{login}|SELECT 5|UNWATCH",
        "BLPOP nolist 0.01|{login}|BLPOP nolist 0.01",
        "CLIENT TRACKING ON BCAST|{login}|CLIENT TRACKING OFF",
        "WATCH k|HELLO 3|{login}|UNWATCH|HELLO 2",
    ]
    LOGINS = ["AUTH {admin} s3cret", "HELLO 2 AUTH {admin} s3cret", "HELLO 3 AUTH {admin} s3cret"]
    QUESTIONS = ["ACL WHOAMI", "GET database", "HGETALL h", "WATCH x", "ACL WHOAMI", "GET database", "HGETALL h", "CLIENT TRACKINGINFO", "MULTI", "ACL WHOAMI",
                 "GET database", "EXEC"]

    def conversation(self, side, users, way, pipelined, leaves):
        with side.node() as node:
            node.command("SET", "k", "1")
        out = []
        first = side.talker()
        out.append(("the first logs in", first.say(f"AUTH {users[0]} s3cret")))
        commands = way.split("|")
        replies = first.say(*commands) if pipelined else first.each(*commands)
        out += list(zip(commands, replies))
        if leaves:
            first.leave()
        questions = self.QUESTIONS[3:] if pipelined else self.QUESTIONS  # on a leased link first, or on a shared one
        for user in (users if leaves else reversed(users)):
            for _ in range(2):
                second = side.talker()
                second.say(f"AUTH {user} s3cret")
                out += [(f"{words} of the next {user}", reply) for words, reply in zip(questions, second.each(*questions))]
        return out

    def test_are_those_who_logged_in(self):
        for side in (self.direct, self.through):
            with side.node() as node:
                for database in (0, 3, 5):
                    node.pipeline([("SELECT", database), ("SET", "database", database), ("HSET", "h", "f", database)])
        for number, (way, login, pipelined, leaves) in enumerate(itertools.product(self.WAYS, self.LOGINS, (False, True), (False, True))):
            users = [f"app-{number}", f"admin-{number}"]  # of their own, so that one case's links are not another's
            self.at_both(*[f"ACL SETUSER {user} on >s3cret allkeys allchannels +@all" for user in users])
            words = way.format(login=login.format(admin=users[1]))
            with self.subTest(way=words, pipelined=pipelined, leaves=leaves):
                self.same(self.conversation, users, words, pipelined, leaves)


class ForgedAnswers(SideBySide):
    """EXEC answers what the client has stored: values in the form of a message must not shift the answers behind them."""

    RIGHTS = "on >s3cret allkeys allchannels +@all -@admin -@dangerous"
    WAYS = {
        "a list in the form of a message": ("DEL l|RPUSH l message ch x", "SUBSCRIBE ch|LRANGE l 0 -1|{login}|ECHO hi|UNSUBSCRIBE ch"),
        "a script's answer in the form of a message": ("PING", "PSUBSCRIBE pmz|EVAL {script} 0|{login}|ECHO hi|PUNSUBSCRIBE pmz"),
        "a name that it listens to already": ("SUBSCRIBE ch", "HELLO 2|SUBSCRIBE ch|SUBSCRIBE d|UNSUBSCRIBE|{login}|ECHO hi"),
    }
    SCRIPT = "return{'pmessage','pmz','pmz','x'}"
    LOGINS = ["AUTH high wrong", "HELLO 3 AUTH high wrong", "HELLO 2 AUTH high wrong"]

    def test_make_nobody_another_user(self):
        self.at_both(f"ACL SETUSER low {self.RIGHTS}", "ACL SETUSER high on >s3cret allkeys allchannels +@all")
        for (what, (before, queued)), login, protocol in itertools.product(self.WAYS.items(), self.LOGINS, "23"):
            with self.subTest(what=what, login=login, protocol=protocol):
                high = self.through.talker()
                self.assertEqual([b"$4\r\nhigh\r\n"], high.say(f"HELLO {protocol} AUTH high s3cret", "ACL WHOAMI")[1:])
                low = self.through.talker()
                low.say(f"HELLO {protocol} AUTH low s3cret", *before.split("|"))
                commands = [tuple(word.format(login=login, script=self.SCRIPT) for word in words.split(" ")) if "{script}" in words
                            else words.format(login=login) for words in queued.split("|")]
                low.say("MULTI", *commands, "EXEC", "UNSUBSCRIBE", "PUNSUBSCRIBE")
                answers = low.say("ACL WHOAMI", "CONFIG GET requirepass", "PING the-end", replies=1)
                while answers[-1] not in (CLOSED, NOTHING) and b"the-end" not in answers[-1]:
                    answers += low.say(("PING", "again"), replies=1)
                answers = b"".join(answers)
                self.assertTrue(b"$3\r\nlow\r\n" in answers or CLOSED in answers, answers)
                self.assertNotIn(b"high", answers)
                self.assertNotIn(b"requirepass", answers)
                high.leave()
                low.leave()


def confirmed(kind, count):
    return b"*3\r\n$%d\r\n%s\r\n$1\r\nc\r\n:%d\r\n" % (len(kind), kind.encode(), count)


class RefusedEnds(SideBySide):
    """A command that is to end a state may be refused like any other; then the state has not ended."""

    WAYS = {
        "discard": ["MULTI|SET k 1|DISCARD", "MULTI|SET k 1|DISCARD|GET k", "WATCH k|MULTI|SET k 1|DISCARD", "MULTI|DISCARD"],
        "exec": ["MULTI|SET k 1|EXEC", "MULTI|SET k 1|EXEC|GET k", "WATCH k|MULTI|SET k 1|EXEC", "WATCH k|MULTI|GET k|EXEC"],
        "unwatch": ["WATCH k|UNWATCH", "WATCH k|UNWATCH|MULTI|SET k 1|EXEC", "WATCH k|UNWATCH|GET k"],
        "reset": ["WATCH k|RESET", "SELECT 3|RESET|GET k", "MULTI|SET k 1|RESET", "MULTI|SET k 1|RESET|EXEC"],
        "select": ["WATCH k|SELECT 3|UNWATCH", "MULTI|SELECT 3|EXEC", "SELECT 3|GET k"],
        "multi": ["MULTI|SET k 1|EXEC", "WATCH k|MULTI|SET k 1|EXEC|UNWATCH"],
        "echo": ["WATCH k|ECHO x|UNWATCH", "MULTI|ECHO x|EXEC"],
        "ping": ["WATCH k|PING|UNWATCH"],
        "client|tracking": ["CLIENT TRACKING ON BCAST|CLIENT TRACKING OFF"],
        "client|reply": ["CLIENT REPLY ON|GET k"],
        "set": ["MULTI|SET k 1|EXEC|GET k", "MULTI|SET k 1|DISCARD|GET k"],
        "watch": ["WATCH k|MULTI|SET k 1|EXEC"],
    }
    SUBSCRIBED = {
        "reset": ["SUBSCRIBE c|RESET|UNSUBSCRIBE c"],
    }
    # What the portal answers itself, so that a client may always stop listening: the way, and the right that the user lacks.
    NEVER_REFUSED = {
        "unsubscribe": ("SUBSCRIBE c|UNSUBSCRIBE c|PING", [confirmed("subscribe", 1), confirmed("unsubscribe", 0), b"+PONG\r\n"]),
        "punsubscribe": ("PSUBSCRIBE c|PUNSUBSCRIBE c|PING", [confirmed("psubscribe", 1), confirmed("punsubscribe", 0), b"+PONG\r\n"]),
        "ping": ("SUBSCRIBE c|PING|UNSUBSCRIBE c", [confirmed("subscribe", 1), b"*2\r\n$4\r\npong\r\n$0\r\n\r\n", confirmed("unsubscribe", 0)]),
    }
    QUESTIONS = ["GET k", "GET database", "TTL k", "GET k"]

    def conversation(self, side, user, way, pieces, leaves):
        with side.node() as node:
            node.command("SET", "k", "first")
        first = side.talker()
        first.say(f"AUTH {user} s3cret")
        commands = way.split("|")
        replies = first.say(*commands) if pieces == "one piece" else first.each(*commands)
        out = list(zip(commands, replies))
        if leaves:
            first.leave()
        for number in range(3):
            second = side.talker()
            second.say(f"AUTH {user} s3cret")
            out += [(f"{words} of bystander {number}", reply) for words, reply in zip(self.QUESTIONS, second.each(*self.QUESTIONS))]
        return out

    def cases(self, lacking, ways, rules="allkeys allchannels +@all -{}"):
        for way, pieces, leaves in itertools.product(ways, ("one piece", "one by one"), (False, True)):
            self.users += 1
            user = f"lacking-{self.users}"  # of its own, so that one case's links are not another's
            self.at_both(f"ACL SETUSER {user} on >s3cret {rules.format(lacking)}")
            yield user, way, pieces, leaves

    def hold(self, lacking, ways, *rules):
        for case in self.cases(lacking, ways, *rules):
            with self.subTest(lacking=lacking, case=case):
                self.same(self.conversation, *case)

    def setUp(self):
        super().setUp()
        self.users = 0
        for side in (self.direct, self.through):
            with side.node() as node:
                for database in (0, 3):
                    node.pipeline([("SELECT", database), ("SET", "database", database)])

    def test_leave_nothing_to_the_next_client_of_that_user(self):
        for lacking, ways in self.WAYS.items():
            self.hold(lacking, ways)

    def test_of_a_user_with_a_few_commands_only(self):
        self.hold("discard", ("MULTI|SET k 1|DISCARD", "MULTI|SET k 1|DISCARD|GET k", "MULTI|SET k 1|EXEC"), "allkeys +get +set +multi +exec")

    def test_of_a_subscriber_are_refused_as_by_redis(self):
        for lacking, ways in self.SUBSCRIBED.items():
            self.hold(lacking, ways)

    def test_that_end_listening_are_never_refused(self):
        for lacking, (way, wanted) in self.NEVER_REFUSED.items():
            for case in self.cases(lacking, [way]):
                with self.subTest(lacking=lacking, case=case):
                    with self._left(self.direct) as side:
                        by_redis = self.conversation(side, *case)
                    with self._left(self.through) as side:
                        by_portal = self.conversation(side, *case)
                    commands = way.split("|")
                    self.assertIn(b"-NOPERM", b"".join(reply for _, reply in by_redis[:len(commands)]))
                    self.assertEqual([*zip(commands, wanted), *by_redis[len(commands):]], by_portal)


class DeniedEnds(SideBySide):
    """`commands.deny` holds for the commands that end a transaction, in whatever pieces it arrives."""

    portal_settings = ("commands: {deny: [discard, exec]}",)

    def test_whether_they_come_in_one_piece_or_one_by_one(self):
        for end in ("DISCARD", "EXEC"):
            with self.subTest(end=end):
                one_by_one, in_one_piece = self.through.talker(), self.through.talker()
                commands = ("MULTI", "SET k 1", end)
                wanted, given = one_by_one.each(*commands), in_one_piece.say(*commands)
                self.assertTrue(wanted[-1].startswith(b"-DENIED"), wanted)
                self.assertEqual(wanted[-1], given[-1])
                self.assertEqual([b"$-1\r\n"], self.through.talker().say("GET k"))


class Debugger(SideBySide):
    """SCRIPT DEBUG is the state of one connection, and what a debugged script changes is rolled back."""

    portal_settings = ("commands: {deny: []}",)
    SCRIPT = "redis.call('SET', KEYS[1], 'changed') return redis.call('GET', KEYS[1])"

    def test_of_one_client_is_no_other_clients(self):
        def conversation(side, leaves, first_words):
            first, out = side.talker(), []
            out += list(zip(first_words, first.each(*first_words)))
            if leaves:
                first.leave()
            for before in ((), ("WATCH x",), ("MULTI",)):
                other = side.talker()
                other.each(*before)
                script = ("EVAL", "return 'ran'", "0")
                out.append((f"EVAL of another behind {before}", other.say(script, *([("EXEC",)] if before == ("MULTI",) else []))))
            return out

        for words in (["SCRIPT DEBUG YES"], ["SCRIPT DEBUG SYNC"], ["SCRIPT DEBUG YES", "GET k"], ["SCRIPT DEBUG YES", "WATCH k", "UNWATCH"],
                      ["SCRIPT DEBUG YES", "SCRIPT DEBUG NO"], ["SCRIPT DEBUG YES", "RESET"]):
            for leaves in (False, True):
                with self.subTest(words=words, leaves=leaves):
                    self.same(conversation, leaves, words)

    def test_of_redis_cli_changes_nothing(self):
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(self.SCRIPT)
            script.flush()
            for side in (self.direct, self.through):
                for typed in ("continue\n", "s\ns\ns\nc\n", "abort\n", ""):
                    with self.subTest(side=side.name, typed=typed), side.node() as node:
                        node.command("SET", "debugged", "before")
                        ran = subprocess.run(["redis-cli", "-h", "127.0.0.1", "-p", str(side.port), "--ldb", "--eval", script.name, "debugged"],
                                             input=typed + "quit\n", capture_output=True, text=True, timeout=20)
                        self.assertEqual(b"before", node.command("GET", "debugged"), ran.stdout + ran.stderr)
                        other = side.talker()
                        self.assertEqual([b":1\r\n"], other.say(("EVAL", "return 1", "0")))


class Tracking(SideBySide):
    """CLIENT TRACKING in every form, by clients that leave: whatever becomes of the links to the node, the portal lives."""

    FORMS = ["OFF REDIRECT 1", "OFF REDIRECT {target}", "OFF REDIRECT 999999999", "ON REDIRECT {target}", "OFF BCAST", "ON BCAST REDIRECT {target}",
             "OFF REDIRECT {target} BCAST", "ON OPTIN", "OFF OPTIN", "ON OPTOUT", "ON NOLOOP", "OFF PREFIX a", "ON BCAST PREFIX a REDIRECT {target}"]

    def disturb(self):
        """Clients that say each form, some of them several times over, and leave; returns one that stays."""
        stays = self.through.talker()
        target = self.through.talker()
        ident = target.say("CLIENT ID")[0][1:-2].decode()
        for form in self.FORMS:
            for words in ([form], [form, form], ["ON REDIRECT {target}", form, "OFF"], ["ON BCAST", form]):
                client = self.through.talker()
                client.each(*[f"CLIENT TRACKING {each}".format(target=ident) for each in words])
                client.say("GET k")
                client.leave()
        for _ in range(5):  # the shortest form that brought a portal down
            client = self.through.talker()
            client.say("CLIENT TRACKING OFF REDIRECT 1")
            client.leave()
        self.assertEqual([b"+PONG\r\n"], stays.say("PING"))
        return stays

    def lives(self, stays):
        def answers():
            self.assertIsNone(self.portal.process.poll(), f"the portal has died: status {self.portal.process.poll()}")
            return self.through.talker().say("PING") == [b"+PONG\r\n"]

        wait_until(answers, 20, "a new client is served")
        self.assertIn(stays.say("PING"), ([b"+PONG\r\n"],), "the client that stayed is served")

    @staticmethod
    def all_old_are_busy(clients):
        """Redis has looked at all connections: those that are older than its `timeout` by far have said something lately."""
        figures = [(int(re.search(r" age=(\d+)", line)[1]), int(re.search(r" idle=(\d+)", line)[1])) for line in clients.splitlines()]
        old = [idle for age, idle in figures if age >= 4]
        return old and max(old) <= 2

    def test_when_redis_closes_idle_links(self):
        stays = self.disturb()
        with self.through.node() as node:
            node.command("CONFIG", "SET", "timeout", "1")
            wait_until(lambda: self.all_old_are_busy(node.command("CLIENT", "LIST").decode()), 30, "Redis has closed what was idle")
            node.command("CONFIG", "SET", "timeout", "0")
        self.lives(stays)

    def test_when_redis_closes_all_links(self):
        stays = self.disturb()
        for _ in range(2):
            with self.through.node() as node:
                node.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                node.command("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes")
            self.lives(stays)

    def test_when_the_node_is_killed(self):
        self.disturb()
        os.kill(self.through.server.process.pid, signal.SIGKILL)
        self.through.server.process.wait()
        wait_until(lambda: self.portal.process.poll() is not None or "node is down" in self.portal.log.read_text(), 20, "the portal has noticed")
        self.assertIsNone(self.portal.process.poll(), f"the portal has died: status {self.portal.process.poll()}")


del SideBySide  # it has no tests of its own, and unittest would look for some

if __name__ == "__main__":
    unittest.main()
