"""What a client may expect of any Redis, through both portals: each connection behaves as one of its own to the leader."""

import threading
import unittest

from portal_support import DemoTestCase, wait_until
from resp_client import ConnectionClosed, Push, RespError, encode


class BasicCommands(DemoTestCase):
    def setUp(self):
        super().setUp()
        self.client(0).command("FLUSHALL")

    def each_portal(self):
        """(portal number, logged-in client) for both portals."""
        return [(number, self.client(number)) for number in range(len(self.demo.portals))]

    def assert_error(self, reply, kind):
        self.assertIsInstance(reply, RespError)
        self.assertEqual(kind, reply.kind, reply.text)


class Strings(BasicCommands):
    def test_what_one_portal_wrote_the_other_reads(self):
        for number, client in self.each_portal():
            self.assertEqual("OK", client.command("SET", f"key {number}", b"binary \x00\r\n value"))
            other = self.client(1 - number)
            self.assertEqual(b"binary \x00\r\n value", other.command("GET", f"key {number}"))
            self.assertIsNone(other.command("GET", "no such key"))

    def test_errors_of_redis_pass_unchanged(self):
        for _, client in self.each_portal():
            client.command("SET", "text", "x")
            self.assertEqual(RespError("WRONGTYPE Operation against a key holding the wrong kind of value"), client.command("LPUSH", "text", "y"))
            self.assertEqual(RespError("ERR value is not an integer or out of range"), client.command("INCR", "text"))
            self.assertEqual(RespError("ERR wrong number of arguments for 'get' command"), client.command("GET"))
            self.assertEqual(RespError("ERR unknown command 'NOSUCHCOMMAND', with args beginning with: 'a' "), client.command("NOSUCHCOMMAND", "a"))
            self.assertEqual(b"x", client.command("GET", "text"))

    def test_a_pipeline_of_many_kinds_keeps_its_order(self):
        for number, client in self.each_portal():
            replies = client.pipeline([("SET", "p", "0"), ("INCR", "p"), ("CLIENT", "GETNAME"), ("PING", "here"), ("NOSUCH",), ("MULTI",),
                                       ("INCR", "p"), ("EXEC",), ("BLPOP", "nothing", "0.05"), ("ECHO", "e"), ("SELECT", "1"), ("GET", "p"), ("SELECT", "0"), ("GET", "p")])
            self.assertIsInstance(replies.pop(4), RespError)
            self.assertEqual(["OK", 1, None, b"here", "OK", "QUEUED", [2], None, b"e", "OK", None, "OK", b"2"], replies)

    def test_a_pipeline_split_at_odd_bytes_gives_the_same_replies(self):
        commands = [("SET", f"split:{i}", "v" * i) for i in range(12)] + [("GET", f"split:{i}") for i in range(12)]
        data = b"".join(encode(*command) for command in commands)
        wanted = ["OK"] * 12 + [b"v" * i for i in range(12)]
        for _, client in self.each_portal():
            for size in (1, 2, 3, 7, 13, 64):
                for at in range(0, len(data), size):
                    client.send_raw(data[at:at + size])
                self.assertEqual(wanted, [client.read() for _ in commands], f"pieces of {size}")

    def test_values_of_megabytes_pass_both_ways(self):
        for _, client in self.each_portal():
            value = bytes(range(256)) * (32 * 1024)
            self.assertEqual("OK", client.command("SET", "big", value))
            self.assertEqual(value, client.command("GET", "big"))
            self.assertEqual("PONG", client.command("PING"))

    def test_many_clients_never_see_each_others_replies(self):
        problems = []

        def work(number):
            with self.demo.portals[number % 2].client() as client:
                for serial in range(200):
                    value = f"{number}-{serial}".encode()
                    replies = client.pipeline([("SET", f"own:{number}", value), ("GET", f"own:{number}"), ("ECHO", value)])
                    if replies != ["OK", value, value]:
                        problems.append((number, serial, replies))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], problems)


class Transactions(BasicCommands):
    def test_multi_exec_in_one_piece_and_in_many(self):
        for _, client in self.each_portal():
            client.command("DEL", "n")
            commands = [("MULTI",), ("INCR", "n"), ("INCR", "n"), ("EXEC",)]
            self.assertEqual(["OK", "QUEUED", "QUEUED", [1, 2]], client.pipeline(commands))
            self.assertEqual(["OK", "QUEUED", "QUEUED", [3, 4]], [client.command(*command) for command in commands])

    def test_discard_and_errors_inside(self):
        for _, client in self.each_portal():
            client.command("MULTI")
            client.command("SET", "discarded", "1")
            self.assertEqual("OK", client.command("DISCARD"))
            self.assertIsNone(client.command("GET", "discarded"))
            client.command("MULTI")
            self.assert_error(client.command("GET"), "ERR")
            self.assert_error(client.command("EXEC"), "EXECABORT")
            self.assertEqual(RespError("ERR EXEC without MULTI"), client.command("EXEC"))
            self.assertEqual("PONG", client.command("PING"))

    def test_a_transaction_sees_nothing_of_other_clients_while_it_is_open(self):
        first, second = self.client(0), self.client(1)
        first.command("MULTI")
        first.command("SET", "t", "first")
        self.assertEqual("OK", second.command("SET", "t", "second"))
        self.assertEqual(["OK"], first.command("EXEC"))
        self.assertEqual(b"first", second.command("GET", "t"))

    def test_watch_notices_a_write_through_the_other_portal(self):
        for number, client in self.each_portal():
            other = self.client(1 - number)
            client.command("SET", "w", "1")
            self.assertEqual("OK", client.command("WATCH", "w"))
            other.command("SET", "w", "2")
            client.command("MULTI")
            client.command("SET", "w", "3")
            self.assertIsNone(client.command("EXEC"))
            self.assertEqual(b"2", client.command("GET", "w"))

            client.command("WATCH", "w")
            self.assertEqual("OK", client.command("UNWATCH"))
            other.command("SET", "w", "4")
            self.assertEqual(["OK", "QUEUED", ["OK"]], client.pipeline([("MULTI",), ("SET", "w", "5"), ("EXEC",)]))


class Blocking(BasicCommands):
    def test_a_blocked_pop_gets_what_another_client_pushes(self):
        for number, client in self.each_portal():
            client.send("BLPOP", "list", "10")
            pusher = self.client(1 - number)
            leader = self.demo.leader()
            with leader.client() as direct:
                wait_until(lambda: b"blocked_clients:1" in direct.command("INFO", "clients"), 5, "the client is blocked at the leader")
            self.assertEqual("PONG", self.client(number).command("PING"), "others go on")
            self.assertEqual(1, pusher.command("RPUSH", "list", "item"))
            self.assertEqual([b"list", b"item"], client.read())

    def test_a_blocked_pop_ends_with_its_timeout(self):
        for _, client in self.each_portal():
            self.assertIsNone(client.command("BLPOP", "empty", "0.1"))
            self.assertEqual("PONG", client.command("PING"))


class PublishSubscribe(BasicCommands):
    def test_messages_cross_the_portals(self):
        for number, subscriber in self.each_portal():
            publisher = self.client(1 - number)
            self.assertEqual([b"subscribe", b"news", 1], subscriber.command("SUBSCRIBE", "news"))
            self.assertEqual([b"psubscribe", b"n*", 2], subscriber.command("PSUBSCRIBE", "n*"))
            self.assertEqual(2, publisher.command("PUBLISH", "news", "hello"))
            self.assertEqual([b"message", b"news", b"hello"], subscriber.read())
            self.assertEqual([b"pmessage", b"n*", b"news", b"hello"], subscriber.read())
            self.assertEqual([b"pong", b""], subscriber.command("PING"))
            self.assert_error(subscriber.command("GET", "x"), "ERR")
            self.assertEqual([b"unsubscribe", b"news", 1], subscriber.command("UNSUBSCRIBE", "news"))
            self.assertEqual([b"punsubscribe", b"n*", 0], subscriber.command("PUNSUBSCRIBE", "n*"))
            self.assertEqual("PONG", subscriber.command("PING"))
            self.assertIsNone(subscriber.command("GET", "x"))

    def test_with_resp3_a_subscriber_may_go_on_with_other_commands(self):
        for number, client in self.each_portal():
            client.command("HELLO", "3")
            self.assertEqual(Push([b"subscribe", b"news", 1]), client.command("SUBSCRIBE", "news"))
            self.assertEqual("OK", client.command("SET", "x", "1"))
            self.client(1 - number).command("PUBLISH", "news", "hello")
            message = client.read()
            self.assertIsInstance(message, Push)
            self.assertEqual([b"message", b"news", b"hello"], message)


class ConnectionState(BasicCommands):
    def test_select_concerns_one_client_only(self):
        for number, client in self.each_portal():
            other = self.client(number)
            self.assertEqual("OK", client.command("SELECT", "5"))
            client.command("SET", "here", "5")
            self.assertIsNone(other.command("GET", "here"))
            self.assertEqual(b"5", client.command("GET", "here"))
            self.assertEqual(RespError("ERR DB index is out of range"), client.command("SELECT", "99"))
            self.assertEqual(RespError("ERR value is not an integer or out of range"), client.command("SELECT", "five"))
            self.assertEqual(b"5", client.command("GET", "here"))

    def test_client_setname_getname_and_id(self):
        for number, client in self.each_portal():
            other = self.client(number)
            self.assertEqual("OK", client.command("CLIENT", "SETNAME", f"me-{number}"))
            self.assertEqual(f"me-{number}".encode(), client.command("CLIENT", "GETNAME"))
            self.assertIsNone(other.command("CLIENT", "GETNAME"))
            self.assert_error(client.command("CLIENT", "SETNAME", "with space"), "ERR")
            first, second = client.command("CLIENT", "ID"), other.command("CLIENT", "ID")
            self.assertIsInstance(first, int)
            self.assertNotEqual(first, second)
            self.assertEqual(first, client.command("CLIENT", "ID"))

    def test_hello_changes_the_protocol_of_one_client(self):
        for number, client in self.each_portal():
            other = self.client(number)
            greeting = client.command("HELLO", "3")
            self.assertIsInstance(greeting, dict)
            self.assertEqual((b"redis", 3), (greeting[b"server"], greeting[b"proto"]))
            client.command("HSET", "h", "field", "value")
            self.assertEqual({b"field": b"value"}, client.command("HGETALL", "h"))
            self.assertEqual([b"field", b"value"], other.command("HGETALL", "h"))
            self.assertIsInstance(client.command("HELLO", "2"), list)
            self.assertEqual([b"field", b"value"], client.command("HGETALL", "h"))
            self.assert_error(client.command("HELLO", "4"), "NOPROTO")

    def test_hello_logs_in_and_names(self):
        for number in range(2):
            client = self.client(number, password=None)
            greeting = client.command("HELLO", "3", "AUTH", "default", self.demo.password, "SETNAME", "hi")
            self.assertIsInstance(greeting, dict)
            self.assertEqual(b"hi", client.command("CLIENT", "GETNAME"))
            self.assertEqual("OK", client.command("SET", "x", "1"))

    def test_reset_forgets_everything(self):
        for _, client in self.each_portal():
            client.command("SELECT", "3")
            client.command("CLIENT", "SETNAME", "n")
            client.command("MULTI")
            self.assertEqual("RESET", client.command("RESET"))
            self.assert_error(client.command("GET", "x"), "NOAUTH")
            self.assertEqual("OK", client.command("AUTH", self.demo.password))
            self.assertIsNone(client.command("CLIENT", "GETNAME"))
            self.assertEqual(RespError("ERR EXEC without MULTI"), client.command("EXEC"))
            client.command("SET", "in 0", "1")
            self.assertEqual(b"1", self.client().command("GET", "in 0"))

    def test_quit_answers_and_closes_after_what_came_before(self):
        for _, client in self.each_portal():
            client.send_raw(encode("SET", "q", "1") + encode("GET", "q") + encode("QUIT") + encode("GET", "q"))
            self.assertEqual(["OK", b"1", "OK"], [client.read() for _ in range(3)])
            self.assertEqual(b"", client.read_closed())


class Login(BasicCommands):
    def test_without_a_login_redis_refuses(self):
        for number in range(2):
            client = self.client(number, password=None)
            self.assertEqual(RespError("NOAUTH Authentication required."), client.command("GET", "x"))
            self.assertEqual(RespError("WRONGPASS invalid username-password pair or user is disabled."), client.command("AUTH", "wrong"))
            self.assertEqual(RespError("NOAUTH Authentication required."), client.command("GET", "x"))
            self.assertEqual("OK", client.command("AUTH", self.demo.password))
            self.assertIsNone(client.command("GET", "x"))

    def test_a_wrong_password_later_keeps_the_login(self):
        for _, client in self.each_portal():
            self.assert_error(client.command("AUTH", "wrong"), "WRONGPASS")
            self.assertEqual("OK", client.command("SET", "still", "in"))

    def test_an_acl_user_has_its_own_rights_on_shared_links(self):
        admin = self.client(0)
        self.assertEqual("OK", admin.command("ACL", "SETUSER", "reader", "on", ">secret", "~public:*", "+get", "+ping", "+acl|whoami"))
        admin.command("SET", "public:a", "1")
        admin.command("SET", "private", "2")
        for number in range(2):
            reader = self.client(number, username="reader", password="secret")
            self.assertEqual(b"reader", reader.command("ACL", "WHOAMI"))
            self.assertEqual(b"1", reader.command("GET", "public:a"))
            self.assert_error(reader.command("GET", "private"), "NOPERM")
            self.assert_error(reader.command("SET", "public:a", "3"), "NOPERM")
            self.assertEqual(b"2", self.client(number).command("GET", "private"))
            self.assertEqual("OK", reader.command("AUTH", "default", self.demo.password))
            self.assertEqual(b"2", reader.command("GET", "private"))
        admin.command("ACL", "DELUSER", "reader")

    def test_a_changed_password_is_refused_within_a_second(self):
        admin = self.client(0)
        admin.command("ACL", "SETUSER", "changing", "on", ">old", "~*", "+@all")
        self.assertEqual("PONG", self.client(0, username="changing", password="old").command("PING"))
        admin.command("ACL", "SETUSER", "changing", "<old", ">new")

        def refused():
            client = self.client(0, password=None)
            return isinstance(client.command("AUTH", "changing", "old"), RespError)

        wait_until(refused, 1, "the old password is refused")
        self.assertEqual("PONG", self.client(0, username="changing", password="new").command("PING"))
        admin.command("ACL", "DELUSER", "changing")


class Protocol(BasicCommands):
    def test_inline_commands(self):
        for _, client in self.each_portal():
            client.send_raw(b"SET inline \"two words\"\r\nGET inline\nPING\r\n\r\nECHO 'x'\r\n")
            self.assertEqual(["OK", b"two words", "PONG", b"x"], [client.read() for _ in range(4)])

    def test_protocol_errors_are_worded_as_redis_words_them_and_close(self):
        leader = self.demo.leader()
        cases = [b"*1\r\nPING\r\n", b"*x\r\n", b"*3000000000\r\n", b"*1\r\n$x\r\n", b"*1\r\n$-5\r\n", b"SET \"open\r\n", b"x" * 70000]
        for number in range(2):
            for case in cases:
                with self.subTest(portal=number, sent=case[:20]):
                    with leader.client() as direct:
                        direct.send_raw(case)
                        wanted = direct.read_closed()
                    client = self.client(number)
                    client.send_raw(case)
                    self.assertEqual(wanted, client.read_closed())
                    self.assertTrue(wanted.startswith(b"-ERR Protocol error"), wanted)

    def test_replies_before_a_protocol_error_still_arrive(self):
        for _, client in self.each_portal():
            client.send_raw(encode("SET", "a", "1") + encode("GET", "a") + b"*1\r\n:5\r\n")
            self.assertEqual("OK", client.read())
            self.assertEqual(b"1", client.read())
            self.assertEqual(RespError("ERR Protocol error: expected '$', got ':'"), client.read())
            with self.assertRaises(ConnectionClosed):
                client.read()

    def test_commands_that_would_change_the_topology_are_denied(self):
        for _, client in self.each_portal():
            for command in (("REPLICAOF", "NO", "ONE"), ("SLAVEOF", "127.0.0.1", "1"), ("SHUTDOWN",), ("FAILOVER",), ("DEBUG", "SLEEP", "0")):
                self.assert_error(client.command(*command), "DENIED")
            self.assertEqual("PONG", client.command("PING"))


del BasicCommands  # it has no tests of its own, and unittest would look for some

if __name__ == "__main__":
    unittest.main()
