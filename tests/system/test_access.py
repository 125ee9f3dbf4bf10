"""Logins and permissions are Redis's: whatever it would refuse or close, a portal refuses or closes."""

import unittest

from portal_support import DemoTestCase
from resp_client import RespError


class Access(DemoTestCase):
    nodes = 1
    settings = ("threads=2",)

    def setUp(self):
        super().setUp()
        self.admin = self.client()
        self.direct = self.demo.leader().client()
        self.addCleanup(self.direct.close)

    def set_user(self, name, *rules):
        self.assertEqual("OK", self.direct.command("ACL", "SETUSER", name, *rules))
        self.addCleanup(lambda: self.direct.command("ACL", "DELUSER", name))

    def make_user(self, name, *rules):
        self.set_user(name, "reset", "on", ">secret", *rules)
        return self.client(username=name, password="secret")

    def straight(self, name):
        client = self.demo.leader().client()
        self.addCleanup(client.close)
        self.assertEqual("OK", client.command("AUTH", name, "secret"))
        return client

    def assert_same(self, name, client, commands):
        """Client and a connection to Redis of its own, of the same user, are answered the same."""
        direct = self.straight(name)
        for words in commands:
            with self.subTest(command=words):
                self.assertEqual(direct.command(*words), client.command(*words))


class Permissions(Access):
    def test_of_commands_keys_and_databases_are_those_of_redis(self):
        client = self.make_user("ann", "~app:*", "%R~read:*", "+@all", "-@dangerous", "-select", "resetchannels", "&news:*")
        self.assert_same("ann", client, [
            ("SET", "app:1", "x"), ("GET", "app:1"), ("GET", "read:1"), ("SET", "read:1", "x"), ("GET", "other"), ("MGET", "app:1", "other"),
            ("SELECT", "1"), ("SELECT", "0"), ("KEYS", "*"), ("FLUSHALL",), ("ACL", "WHOAMI"), ("ACL", "LIST"), ("PUBLISH", "news:1", "x"), ("PUBLISH", "other", "x"),
            ("EVAL", "return redis.call('get', KEYS[1])", "1", "other"), ("COPY", "app:1", "other"), ("CONFIG", "GET", "maxmemory"),
            ("MULTI",), ("GET", "other"), ("EXEC",), ("BLPOP", "other", "0.01"), ("XREAD", "BLOCK", "10", "STREAMS", "other", "$"), ("NOSUCH",)])

    def test_whoever_may_not_select_keeps_the_database_that_another_login_selected(self):
        self.set_user("ann", "reset", "on", ">secret", "allkeys", "+@all", "-select")
        self.set_user("bob", "reset", "on", ">secret", "allkeys", "+@all")
        came = {"without a login": [("SELECT", "5"), ("AUTH", "ann", "secret")],
                "by HELLO": [("SELECT", "6"), ("HELLO", "2", "AUTH", "ann", "secret")],
                "from another login": [("AUTH", "bob", "secret"), ("SELECT", "7"), ("AUTH", "ann", "secret")],
                "from another login twice": [("AUTH", "bob", "secret"), ("SELECT", "8"), ("AUTH", "ann", "secret"), ("AUTH", "ann", "secret")]}
        for how, steps in came.items():
            answers = []
            for make in (self.client, self.demo.leader().client):
                client = make()
                self.addCleanup(client.close)
                for words in steps:
                    self.assertNotIsInstance(client.command(*words), RespError, (how, words))
                answers.append([client.command(*words) for words in (
                    ("SET", "k", how), ("GET", "k"), ("DBSIZE",), ("SELECT", "5"), ("SELECT", "0"), ("MULTI",), ("GET", "k"), ("EXEC",),
                    ("WATCH", "k"), ("UNWATCH",), ("BLPOP", "none", "0.01"), ("SET", "k", "x"), ("DEL", "k"))])
            with self.subTest(came=how):
                self.assertEqual(answers[1], answers[0])
                self.assertEqual("OK", answers[0][0])

    def test_of_channels_are_those_of_redis(self):
        client = self.make_user("bob", "allkeys", "+@all", "resetchannels", "&news:*")
        self.assert_same("bob", client, [("SUBSCRIBE", "other"), ("PSUBSCRIBE", "news:*x"), ("SSUBSCRIBE", "other"), ("PSUBSCRIBE", "news:*")])

    def test_stay_those_of_the_user_when_clients_share_links(self):
        clients = {name: self.make_user(name, f"~{name}:*", "+@all") for name in ("u1", "u2", "u3")}
        for _ in range(20):
            for name, client in clients.items():
                for other in clients:
                    client.send("SET", f"{other}:k", name)
            for name, client in clients.items():
                for other in clients:
                    answer = client.read()
                    self.assertEqual(other == name, answer == "OK", (name, other, answer))
        self.assertEqual([b"u1", b"u2", b"u3"], [client.command("ACL", "WHOAMI") for client in clients.values()])

    def test_changed_while_logged_in_hold_from_then_on(self):
        client = self.make_user("cay", "allkeys", "+@all")
        self.assertEqual("OK", client.command("SET", "a", "1"))
        self.direct.command("ACL", "SETUSER", "cay", "-set")
        self.assertEqual("NOPERM", client.command("SET", "a", "1").kind)

    def test_a_refusal_is_logged_under_the_right_name(self):
        client = self.make_user("dan", "~app:*", "+@all")
        self.direct.command("ACL", "LOG", "RESET")
        client.command("GET", "other")
        self.client(password=None).command("AUTH", "dan", "wrong")
        log = [dict(zip(entry[::2], entry[1::2])) for entry in self.direct.command("ACL", "LOG")]
        self.assertEqual([(b"dan", b"auth", b"AUTH"), (b"dan", b"key", b"other")],
                         [(entry[b"username"], entry[b"reason"], entry[b"object"]) for entry in log])
        for entry in log:
            self.assertIn(b" name=portal-0 ", entry[b"client-info"])


class Login(Access):
    def test_with_one_and_two_words_answers_as_redis(self):
        self.set_user("eve", "reset", "on", ">secret", "allkeys", "+@all")
        password = self.demo.password
        cases = [("AUTH",), ("AUTH", "wrong"), ("AUTH", password), ("AUTH", "default", password), ("AUTH", "eve", "secret"), ("ACL", "WHOAMI"), ("AUTH", "eve", "wrong"),
                 ("ACL", "WHOAMI"), ("AUTH", "nobody", "x"), ("AUTH", "a", "b", "c"), ("AUTH", password), ("ACL", "WHOAMI"), ("HELLO", "3", "AUTH", "eve", "wrong"),
                 ("HELLO", "2", "AUTH", "eve"), ("ACL", "WHOAMI")]
        client = self.client(password=None)
        for words in cases:
            with self.subTest(command=words):
                self.assertEqual(self.direct.command(*words), client.command(*words))
        self.direct.command("AUTH", password)

    def test_with_a_changed_password_is_refused_at_once_and_sessions_go_on(self):
        old = self.make_user("fay", "allkeys", "+@all")
        self.assertEqual("OK", self.direct.command("ACL", "SETUSER", "fay", "resetpass", ">new"))
        self.assertEqual("WRONGPASS", self.client(password=None).command("AUTH", "fay", "secret").kind)
        self.assertEqual("PONG", self.client(username="fay", password="new").command("PING"))
        self.assertEqual("PONG", old.command("PING"))

    def test_of_a_user_that_is_switched_off_is_refused_and_sessions_go_on_as_with_redis(self):
        client = self.make_user("gil", "allkeys", "+@all")
        self.assertEqual("PONG", client.command("PING"))
        straight = self.straight("gil")
        self.direct.command("ACL", "SETUSER", "gil", "off")
        for each in (straight, client):
            self.assertEqual("PONG", each.command("PING"))
            self.assertEqual("WRONGPASS", each.command("AUTH", "gil", "secret").kind)


class DeletedUser(Access):
    def test_all_its_clients_are_closed_as_redis_closes_them(self):
        busy = [self.make_user("hal", "allkeys", "allchannels", "+@all") for _ in range(6)]
        straight = self.straight("hal")
        for client in busy[:3]:
            self.assertEqual("PONG", client.command("PING"))
        busy[0].command("SUBSCRIBE", "news")
        busy[1].send("BLPOP", "never", "0")
        busy[2].command("MULTI")
        before = self.demo.portals[0].metric("redis_portal_client_connections_closed_total", reason="login")
        self.assertEqual(1, self.direct.command("ACL", "DELUSER", "hal"))
        for client in [straight, *busy]:
            self.assertEqual(b"", client.read_closed())
        self.assertGreater(self.demo.portals[0].metric("redis_portal_client_connections_closed_total", reason="login"), before)
        self.assertEqual("PONG", self.admin.command("PING"))

    def test_a_client_without_any_link_is_closed_when_it_next_asks(self):
        idle = self.make_user("ida", "allkeys", "+@all")
        self.assertEqual(1, self.direct.command("ACL", "DELUSER", "ida"))
        idle.send("GET", "x")
        self.assertEqual(b"", idle.read_closed())

    def test_a_client_with_another_password_of_the_user_is_not_taken_along(self):
        self.set_user("joe", "reset", "on", ">one", ">two", "allkeys", "+@all")
        one = self.client(username="joe", password="one")
        two = self.client(username="joe", password="two")
        self.assertEqual(["PONG", "PONG"], [one.command("PING"), two.command("PING")])
        self.assertEqual("OK", self.direct.command("ACL", "SETUSER", "joe", "<one"))
        self.assertGreaterEqual(self.direct.command("CLIENT", "KILL", "USER", "joe"), 1)
        self.assertEqual("PONG", two.command("PING"))
        self.assertEqual(b"", one.read_closed())


class IdleClients(Access):
    def test_cost_redis_no_connection(self):
        connected = lambda: int(dict(line.split(":", 1) for line in self.direct.command("INFO", "clients").decode().split("\r\n") if ":" in line)["connected_clients"])
        self.admin.command("PING")
        before = connected()
        clients = [self.client() for _ in range(100)]
        self.assertLessEqual(connected() - before, 2)
        for client in clients:
            client.send("PING")
        self.assertEqual(["PONG"] * len(clients), [client.read() for client in clients])
        self.assertLessEqual(connected() - before, 4)


del Access  # it has no tests of its own, and unittest would look for some

if __name__ == "__main__":
    unittest.main()
