"""CLIENT commands speak of the portal's clients, on all its shards, and are worded as redis-server words them."""

import socket
import time
import unittest

from portal_support import DemoTestCase, wait_until
from resp_client import RespError, encode

# Redis 8.0's fields in its order, then what the portal adds.
FIELDS = ("id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf qbuf-free argv-mem multi-mem rbs rbp obl oll omem tot-mem "
          "events cmd user redir resp lib-name lib-ver io-thread tot-net-in tot-net-out tot-cmds tls cipher").split()


def parse(text):
    return [dict(field.split("=", 1) for field in line.split(" ")) for line in text.decode().splitlines()]


class ClientCommands(DemoTestCase):
    nodes = 1
    settings = ("threads=3",)

    def setUp(self):
        super().setUp()
        self.admin = self.client()

    def id_of(self, client):
        return client.command("CLIENT", "ID")

    def listed(self, *filters):
        return parse(self.admin.command("CLIENT", "LIST", *filters))

    def flags_of(self, ident):
        found = self.listed("ID", ident)
        return found[0]["flags"] if found else None

    def wait_flag(self, ident, flag):
        wait_until(lambda: flag in (self.flags_of(ident) or ""), 5, f"client {ident} shows {flag}")

    def make_user(self, name, *rules):
        self.assertEqual("OK", self.admin.command("ACL", "SETUSER", name, "reset", "on", ">secret", "allkeys", "allchannels", *rules))
        self.addCleanup(self.delete_user, name)
        return self.client(username=name, password="secret")

    def delete_user(self, name):
        with self.demo.leader().client() as direct:
            direct.command("ACL", "DELUSER", name)


class List(ClientCommands):
    def test_shows_every_client_of_this_portal_with_its_real_address(self):
        clients = [self.client() for _ in range(7)]
        elsewhere = self.client(1)
        for number, client in enumerate(clients):
            client.command("CLIENT", "SETNAME", f"app-{number}")
        wanted = {f"app-{number}": "127.0.0.1:%d" % client.socket.getsockname()[1] for number, client in enumerate(clients)}
        listed = {line["name"]: line for line in self.listed() if line["name"].startswith("app-")}
        self.assertEqual(wanted, {name: line["addr"] for name, line in listed.items()})
        self.assertNotIn("127.0.0.1:%d" % elsewhere.socket.getsockname()[1], {line["addr"] for line in self.listed()})
        for line in listed.values():
            self.assertEqual(FIELDS, list(line))
            self.assertEqual("127.0.0.1:%d" % self.demo.portals[0].port, line["laddr"])
            self.assertEqual(clients[0].socket.version(), line["tls"])
            self.assertEqual("client|setname", line["cmd"])

    def test_has_the_fields_of_redis_in_its_order(self):
        with self.demo.leader().client() as direct:
            theirs = list(parse(direct.command("CLIENT", "LIST"))[0])
        self.assertEqual(theirs, [field for field in FIELDS if field in theirs])

    def test_counts_what_a_client_sends_gets_and_watches(self):
        client = self.client()
        before = parse(client.command("CLIENT", "INFO"))[0]
        client.command("SET", "counted", "x" * 1000)
        client.command("GET", "counted")
        client.command("WATCH", "a", "b")
        client.command("WATCH", "c")
        after = parse(client.command("CLIENT", "INFO"))[0]
        grown = {name: int(after[name]) - int(before[name]) for name in ("tot-net-in", "tot-net-out", "tot-cmds")}
        self.assertEqual(5, grown["tot-cmds"])
        self.assertTrue(1000 < grown["tot-net-in"] < 3000 and 1000 < grown["tot-net-out"] < 3000, grown)
        self.assertEqual(("0", "3"), (before["watch"], after["watch"]))
        client.command("UNWATCH")
        self.assertEqual("0", parse(client.command("CLIENT", "INFO"))[0]["watch"])
        self.assertIn(int(after["io-thread"]), range(3))

    def test_filters_that_valkey_has_added(self):
        one, two = self.client(), self.client()
        one.command("CLIENT", "SETNAME", "worker")
        two.command("SELECT", "4")
        two.command("CLIENT", "SETINFO", "LIB-NAME", "mine")
        first, second = self.id_of(one), self.id_of(two)

        def ids(*filters):
            return {int(line["id"]) for line in self.listed(*filters)}
        self.assertEqual({first}, ids("NAME", "worker"))
        self.assertEqual({second}, ids("LIB-NAME", "mine", "DB", "4"))
        self.assertEqual({second}, ids("ID", first, second, "NOT-NAME", "worker"))
        self.assertNotIn(self.id_of(self.admin), ids("USER", "default", "SKIPME", "yes"))
        self.assertEqual(set(), ids("IDLE", "1000"))
        self.assertEqual(2, self.admin.command("CLIENT", "KILL", "ID", first, second, "NOT-USER", "default", "TYPE", "normal") +
                         self.admin.command("CLIENT", "KILL", "ID", first, second, "IP", "127.0.0.1"))

    def test_info_is_the_line_of_the_asking_client(self):
        self.admin.command("SELECT", "3")
        self.admin.command("CLIENT", "SETINFO", "LIB-NAME", "mine")
        line = parse(self.admin.command("CLIENT", "INFO"))[0]
        self.assertEqual((str(self.id_of(self.admin)), "3", "mine", "client|info", "default", "N"),
                         (line["id"], line["db"], line["lib-name"], line["cmd"], line["user"], line["flags"]))

    def test_filters_by_type_and_by_ids_in_the_order_given(self):
        one, two = self.client(), self.client()
        two.command("SUBSCRIBE", "news")
        first = self.id_of(one)
        subscribed = [line["id"] for line in self.listed("TYPE", "pubsub")]
        self.assertEqual(1, len(subscribed))
        self.assertIn(str(first), [line["id"] for line in self.listed("TYPE", "normal")])
        self.assertEqual([subscribed[0], str(first)], [line["id"] for line in self.listed("ID", subscribed[0], first, 10**9)])
        self.assertEqual([], self.listed("TYPE", "replica"))

    def test_flags_tell_what_a_client_is_doing(self):
        client = self.client()
        ident = self.id_of(client)
        self.assertEqual("N", self.flags_of(ident))
        client.command("MULTI")
        client.command("SET", "a", "1")
        line = self.listed("ID", ident)[0]
        self.assertEqual(("x", "1"), (line["flags"], line["multi"]))
        client.command("DISCARD")
        client.send("BLPOP", "nothing here", 0)
        self.wait_flag(ident, "b")


class Errors(ClientCommands):
    def test_are_worded_as_redis_words_them(self):
        cases = """LIST x|LIST TYPE x|LIST ID x|LIST ID|LIST TYPE|KILL|KILL x|KILL ID 0|KILL ID x|KILL TYPE x|KILL USER nobody-here|KILL ADDR
            KILL SKIPME maybe ID 5|KILL ID 1 x|KILL 127.0.0.1:1|KILL ADDR 127.0.0.1:1 LADDR 127.0.0.1:2|KILL ID 999999999|PAUSE x|PAUSE -1
            PAUSE 0 x|PAUSE|PAUSE 0 WRITE x|UNPAUSE x|UNBLOCK x|UNBLOCK 1 x|UNBLOCK 1 TIMEOUT x|UNBLOCK 999999999|UNBLOCK 999999999 ERROR
            UNBLOCK 01|NO-EVICT x|NO-EVICT|REPLY x|REPLY|ID x|INFO x|GETNAME x|SETNAME|NOSUCH|GETREDIR|GETREDIR x|TRACKINGINFO|CACHING YES
            CACHING x|TRACKING x|TRACKING ON BCAST OPTIN|TRACKING ON PREFIX a|TRACKING ON REDIRECT 999999999|TRACKING ON REDIRECT x|PAUSE 0
            UNPAUSE|NO-EVICT ON|NO-EVICT OFF|NO-TOUCH ON|TRACKING OFF|GETNAME|REPLY ON|KILL ID 999999999 USER default SKIPME yes""".replace("\n", "|").split("|")
        for protocol in ("2", "3"):
            client = self.client()
            with self.demo.leader().client() as direct:
                client.command("HELLO", protocol)
                direct.command("HELLO", protocol)
                for case in cases:
                    words = ["CLIENT", *case.split()]
                    with self.subTest(protocol=protocol, command=words):
                        self.assertEqual(direct.command(*words), client.command(*words))
                for case in (["SETNAME", "two words"], ["SETNAME", ""], ["KILL", "USER", "a b"], ["UNBLOCK", ""]):
                    with self.subTest(protocol=protocol, command=case):
                        self.assertEqual(direct.command("CLIENT", *case), client.command("CLIENT", *case))

    def test_of_a_user_without_permission_are_those_of_redis(self):
        subcommands = ["LIST", "INFO", "ID", "GETNAME", "KILL 1.2.3.4:5", "SETNAME x", "NO-EVICT ON", "REPLY OFF", "PAUSE 1000", "UNBLOCK 1",
                       "TRACKING ON", "CACHING YES", "GETREDIR", "TRACKINGINFO"]
        client = self.make_user("plain", "+@all", "-client")
        with self.demo.leader().client() as direct:
            self.assertEqual("OK", direct.command("AUTH", "plain", "secret"))
            for case in subcommands:
                with self.subTest(command=case):
                    words = ["CLIENT", *case.split()]
                    self.assertEqual(direct.command(*words), client.command(*words))
                    self.assertEqual("NOPERM", client.command(*words).kind)
        self.assertEqual("NOPERM", client.command("CLIENT", "UNPAUSE").kind)
        self.assertEqual("PONG", client.command("PING"))

    def test_a_single_subcommand_can_be_allowed(self):
        client = self.make_user("lister", "-@all", "+client|list")
        self.assertTrue(parse(client.command("CLIENT", "LIST")))
        self.assertEqual("NOPERM", client.command("CLIENT", "KILL", "ID", self.id_of(self.admin)).kind)
        self.assertEqual("PONG", self.admin.command("PING"))

    def test_inside_a_transaction_they_speak_of_the_portals_clients(self):
        client, blocked, victim = self.client(), self.client(), self.client()
        own, other = self.id_of(client), self.id_of(blocked)
        blocked.send_raw(encode("BLPOP", "nothing", "0"))
        self.wait_flag(other, "b")
        for words in (["MULTI"], ["CLIENT", "ID"], ["CLIENT", "INFO"], ["CLIENT", "LIST", "ID", str(other)], ["CLIENT", "UNBLOCK", str(other)],
                      ["CLIENT", "KILL", "ID", str(self.id_of(victim))], ["INCR", "counter"]):
            client.send_raw(encode(*words))
            self.assertEqual("OK" if words == ["MULTI"] else "QUEUED", client.read())
        found, info, listed, unblocked, killed, count = client.command("EXEC")
        self.assertEqual(own, found)
        self.assertEqual(str(own), parse(info)[0]["id"])
        self.assertIn("x", parse(info)[0]["flags"])
        self.assertEqual([str(other)], [each["id"] for each in parse(listed)])
        self.assertEqual((1, 1, 1), (unblocked, killed, count))
        self.assertIsNone(blocked.read())
        self.assertEqual(b"", victim.read_closed())

    def test_who_is_blocked_is_unblocked_whatever_stands_behind(self):
        for behind in ([], ["MULTI"], ["MULTI", "EXEC"], ["WATCH k", "MULTI", "PING", "EXEC"]):
            with self.subTest(behind=behind):
                blocked = self.client()
                own = self.id_of(blocked)
                blocked.send_raw(encode("BLPOP", "nothing", "0") + b"".join(encode(*words.split()) for words in behind))
                self.wait_flag(own, "b")
                self.assertEqual("b", parse(self.admin.command("CLIENT", "LIST", "ID", str(own)))[0]["flags"])
                self.assertEqual(1, self.admin.command("CLIENT", "UNBLOCK", own))
                self.assertIsNone(blocked.read())
                for words in behind:
                    expected = {"EXEC": ["PONG"] if "PING" in behind else [], "PING": "QUEUED"}
                    self.assertEqual(expected.get(words, "OK"), blocked.read())

    def test_relays_of_one_client_are_bounded(self):
        target, client = self.client(), self.client()
        redirect = ("CLIENT", "TRACKING", "ON", "REDIRECT", str(self.id_of(target)))
        self.assertEqual("OK", client.command("MULTI"))
        self.assertEqual(["QUEUED"] * 4, [client.command(*redirect) for _ in range(4)])
        self.assertIn("four times", client.command(*redirect).text)
        self.assertEqual("EXECABORT", client.command("EXEC").kind)
        self.assertEqual("OK", client.command(*redirect))

    def test_whoever_kills_himself_inside_a_transaction_hears_that_and_no_more(self):
        client = self.client()
        client.send_raw(encode("MULTI") + encode("PING") + encode("CLIENT", "KILL", "ID", str(self.id_of(client)), "SKIPME", "no") +
                        encode("PING") + encode("EXEC"))
        self.assertEqual(b"+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+PONG\r\n:1\r\n", client.read_closed())


class Kill(ClientCommands):
    def gone(self, client):
        self.assertEqual(b"", client.read_closed())

    def test_by_id_address_user_and_type_across_shards(self):
        clients = [self.client() for _ in range(6)]
        self.assertEqual(1, self.admin.command("CLIENT", "KILL", "ID", self.id_of(clients[0])))
        self.gone(clients[0])
        self.assertEqual("OK", self.admin.command("CLIENT", "KILL", "127.0.0.1:%d" % clients[1].socket.getsockname()[1]))
        self.gone(clients[1])
        self.assertEqual(1, self.admin.command("CLIENT", "KILL", "ADDR", "127.0.0.1:%d" % clients[2].socket.getsockname()[1]))
        self.gone(clients[2])
        users = [self.make_user("doomed", "+@all"), self.client(username="doomed", password="secret")]
        self.assertEqual(2, self.admin.command("CLIENT", "KILL", "USER", "doomed"))
        for user in users:
            self.gone(user)
        clients[3].command("SUBSCRIBE", "news")
        self.assertEqual(1, self.admin.command("CLIENT", "KILL", "TYPE", "pubsub"))
        self.gone(clients[3])
        self.assertEqual(["PONG"] * 3, [client.command("PING") for client in (clients[4], clients[5], self.admin)])

    def test_spares_the_asking_client_unless_told_otherwise_and_never_a_link_of_the_portal(self):
        other, neighbour = self.client(), self.client(1)
        with self.demo.leader().client() as direct:
            links = {line["id"] for line in parse(direct.command("CLIENT", "LIST"))}
            own = "127.0.0.1:%d" % self.demo.portals[0].port
            self.assertGreaterEqual(self.admin.command("CLIENT", "KILL", "LADDR", own, "SKIPME", "yes"), 1)
            self.gone(other)
            self.assertEqual(1, self.admin.command("CLIENT", "KILL", "LADDR", own, "SKIPME", "no"))
            self.gone(self.admin)
            self.assertLessEqual(links, {line["id"] for line in parse(direct.command("CLIENT", "LIST"))})
        self.assertEqual("PONG", neighbour.command("PING"))

    def test_with_the_old_form_a_client_may_kill_itself_and_is_answered(self):
        own = "127.0.0.1:%d" % self.admin.socket.getsockname()[1]
        self.assertEqual("OK", self.admin.command("CLIENT", "KILL", own))
        self.gone(self.admin)

    def test_a_killed_client_is_counted(self):
        before = self.demo.portals[0].metric("redis_portal_client_connections_closed_total", reason="killed")
        self.admin.command("CLIENT", "KILL", "ID", self.id_of(self.client()))
        after = self.demo.portals[0].metric("redis_portal_client_connections_closed_total", reason="killed")
        self.assertEqual(1, after - before)


class Blocked(ClientCommands):
    def blocked_client(self, *command):
        client = self.client()
        ident = self.id_of(client)
        client.send(*command)
        self.wait_flag(ident, "b")
        return client, ident

    def test_unblock_ends_the_wait_as_a_timeout_or_an_error(self):
        for how, wanted in (((), None), (("TIMEOUT",), None), (("ERROR",), RespError("UNBLOCKED client unblocked via CLIENT UNBLOCK"))):
            with self.subTest(how=how):
                client, ident = self.blocked_client("BLPOP", "never", 0)
                self.assertEqual(1, self.admin.command("CLIENT", "UNBLOCK", ident, *how))
                self.assertEqual(wanted, client.read())
                self.assertEqual("PONG", client.command("PING"))
                self.assertEqual(0, self.admin.command("CLIENT", "UNBLOCK", ident))

    def test_unblock_works_for_all_that_blocks(self):
        self.admin.command("XADD", "stream", "*", "a", "b")
        for command in (("BZPOPMIN", "never", 0), ("BLMOVE", "never", "to", "LEFT", "RIGHT", 0), ("XREAD", "BLOCK", 0, "STREAMS", "stream", "$")):
            with self.subTest(command=command):
                client, ident = self.blocked_client(*command)
                self.assertEqual(1, self.admin.command("CLIENT", "UNBLOCK", ident))
                self.assertIsNone(client.read())

    def test_only_who_may_unblock_can(self):
        client, ident = self.blocked_client("BLPOP", "never", 0)
        weak = self.make_user("weak", "+@all", "-client|unblock")
        self.assertEqual("NOPERM", weak.command("CLIENT", "UNBLOCK", ident).kind)
        strong = self.make_user("strong", "-@all", "+client|unblock")
        self.assertEqual(1, strong.command("CLIENT", "UNBLOCK", ident))
        self.assertIsNone(client.read())

    def test_a_blocked_client_that_goes_takes_no_element_with_it(self):
        for behind in (b"", encode("GET", "x"), encode("GET", "x") + b"*2\r\n$3\r\nGET\r\n"):
            with self.subTest(behind=behind):
                client, _ = self.blocked_client("BLPOP", "queue", 0)
                client.send_raw(behind)
                client.close()
                with self.demo.leader().client() as direct:
                    wait_until(lambda: "blocked_clients:0" in direct.command("INFO", "clients").decode(), 5, "the node has forgotten the block")
                    self.assertEqual(1, direct.command("LPUSH", "queue", "element"))
                    self.assertEqual(b"element", direct.command("LPOP", "queue"))

    def test_a_killed_client_is_not_blocked_any_more_either(self):
        client, ident = self.blocked_client("BLPOP", "queue", 0)
        self.assertEqual(1, self.admin.command("CLIENT", "KILL", "ID", ident))
        self.assertEqual(b"", client.read_closed())
        with self.demo.leader().client() as direct:
            wait_until(lambda: "blocked_clients:0" in direct.command("INFO", "clients").decode(), 5, "the node has forgotten the block")


class Pause(ClientCommands):
    def setUp(self):
        super().setUp()
        self.addCleanup(lambda: self.admin.command("CLIENT", "UNPAUSE"))

    def quiet(self, client, seconds):
        """True if nothing comes for so long."""
        client.socket.settimeout(seconds)
        try:
            return client.socket.recv(1) and False
        except (TimeoutError, socket.timeout):
            return True
        finally:
            client.socket.settimeout(20)

    def test_of_writes_holds_writes_and_lets_reads_pass_until_unpause(self):
        writers = [self.client() for _ in range(4)]
        self.admin.command("SET", "n", "0")
        self.assertEqual("OK", self.admin.command("CLIENT", "PAUSE", 60000, "WRITE"))
        for writer in writers:
            self.assertEqual(b"0", writer.command("GET", "n"))
            writer.send("INCR", "n")
        script = self.client()
        script.send("EVAL", "return 1", 0)
        self.assertTrue(self.quiet(writers[0], 0.3))
        self.assertEqual(b"0", self.admin.command("GET", "n"))
        self.assertIn("b", self.flags_of(parse(self.admin.command("CLIENT", "LIST"))[1]["id"]))
        self.assertEqual("OK", self.admin.command("CLIENT", "UNPAUSE"))
        self.assertEqual({1, 2, 3, 4}, {writer.read() for writer in writers})
        self.assertEqual(1, script.read())

    def test_of_all_holds_everything_until_its_time_is_over(self):
        client = self.client()
        start = time.monotonic()
        self.assertEqual("OK", self.admin.command("CLIENT", "PAUSE", 400))
        self.assertEqual("PONG", client.command("PING"))
        self.assertGreaterEqual(time.monotonic() - start, 0.4)

    def test_holds_a_transaction_that_has_writes(self):
        client = self.client()
        client.command("MULTI")
        client.command("SET", "in", "1")
        self.assertEqual("OK", self.admin.command("CLIENT", "PAUSE", 60000, "WRITE"))
        reader = self.client()
        self.assertEqual(["OK", "QUEUED", [None]], reader.pipeline([("MULTI",), ("GET", "nothing"), ("EXEC",)]))
        client.send("EXEC")
        whole = self.client()
        whole.send_raw(encode("MULTI") + encode("SET", "whole", "1") + encode("EXEC"))
        self.assertTrue(self.quiet(client, 0.2))
        self.assertIsNone(self.admin.command("GET", "in"))
        self.assertIsNone(self.admin.command("GET", "whole"))
        self.admin.command("CLIENT", "UNPAUSE")
        self.assertEqual(["OK"], client.read())
        self.assertEqual(["OK", "QUEUED", ["OK"]], [whole.read() for _ in range(3)])

    def test_who_goes_while_paused_leaves_nothing_behind(self):
        self.admin.command("CLIENT", "PAUSE", 60000, "WRITE")
        client = self.client()
        ident = self.id_of(client)
        client.send("SET", "late", "1")
        self.wait_flag(ident, "b")
        client.close()
        wait_until(lambda: self.flags_of(ident) is None, 5, "the paused client has gone")
        self.admin.command("CLIENT", "UNPAUSE")
        self.assertIsNone(self.admin.command("GET", "late"))


del ClientCommands  # it has no tests of its own, and unittest would look for some

if __name__ == "__main__":
    unittest.main()
