"""Leaders that are not the redis-server the command table was made for: renamed and hidden commands, and Valkey 8."""

import random
import unittest

from other_servers import NotAvailable, valkey_8
from portal_support import report, wait_until
from random_commands import CommandSource
from reply_comparison import comparable_all
from resp_client import Client, RespError, encode
from server_pair import PortalBefore, RawConnection, RedisServer



class OtherServers(unittest.TestCase):
    def portal_before(self, server):
        portal = PortalBefore(server)
        self.addCleanup(portal.stop)
        return portal

    def server(self, *arguments, **options):
        server = RedisServer(*arguments, **options)
        self.addCleanup(server.stop)
        return server

    def told(self, portal):
        """The log line on what the leader has told."""
        wait_until(lambda: "the leader has told its commands" in portal.log.read_text(), 10, "the leader is asked for its commands")
        return next(line for line in portal.log.read_text().splitlines() if "the leader has told its commands" in line)

    def test_renamed_and_hidden_commands_work_as_the_server_has_them(self):
        server = self.server(settings=[("rename-command", "GET FETCH"), ("rename-command", "LPUSH ")])
        portal = self.portal_before(server)
        self.told(portal)
        with Client(portal.port) as client:
            self.assertEqual("OK", client.command("SET", "k", "v"))
            self.assertEqual(b"v", client.command("FETCH", "k"))
            self.assertEqual("ERR", client.command("GET", "k").kind)
            self.assertTrue(client.command("LPUSH", "l", "x").text.startswith("ERR unknown command 'LPUSH'"))
            self.assertEqual(["OK", b"w", 1], client.pipeline([("SET", "k", "w"), ("fetch", "k"), ("DEL", "k")]))

    def test_a_leader_that_wants_a_password_is_asked_with_the_monitors_login(self):
        server = self.server(settings=[("requirepass", "secret")], password="secret")
        portal = PortalBefore(server, settings=["monitor: {password: secret}"])
        self.addCleanup(portal.stop)
        self.assertIn("commands=", self.told(portal))

    def valkey(self):
        try:
            return valkey_8()
        except NotAvailable as reason:
            self.skipTest(str(reason))

    def test_valkey_answers_random_commands_as_without_a_portal(self):
        program = self.valkey()
        reference, behind = self.server(program), self.server(program)
        portal = self.portal_before(behind)
        report(self.told(portal).split("msg=")[1])
        seed = random.randrange(1 << 32)
        source = CommandSource(reference.port, random.Random(seed))
        for _ in range(40):
            commands = [("HELLO", source.chooser.choice("23")), ("FLUSHALL",), ("FUNCTION", "FLUSH"), *[source.draw() for _ in range(40)]]
            data = b"".join(encode(*words) for words in commands)
            replies = []
            for port in (reference.port, portal.port):
                connection = RawConnection(port)
                connection.send(data)
                replies.append(comparable_all(commands, [connection.frame() or self.fail(f"no reply, seed {seed}") for _ in commands]))
                connection.close()
            for words, wanted, given in zip(commands, *replies):
                self.assertEqual(wanted, given, f"{words!r}, seed {seed}")

    def test_valkeys_own_commands_work(self):
        portal = self.portal_before(self.server(self.valkey()))
        self.told(portal)
        with Client(portal.port) as client:
            self.assertEqual(b"valkey", dict(zip(*[iter(client.command("HELLO"))] * 2))[b"server"])
            self.assertIsInstance(client.command("CLUSTER", "MYSHARDID"), (bytes, RespError))
            self.assertEqual("OK", client.command("CLIENT", "SETINFO", "LIB-NAME", "x"))
            self.assertIsInstance(client.command("SCRIPT", "SHOW", client.command("SCRIPT", "LOAD", "return 1")), bytes)


if __name__ == "__main__":
    unittest.main()
