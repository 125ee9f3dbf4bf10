"""Whether a client must log in is decided by what Redis's rules are when it comes, not by what they were when a link was made."""

import unittest

from portal_support import wait_until
from resp_client import Client, ConnectionClosed, RespError
from server_pair import PortalBefore, RedisServer

MONITOR = "monitor: {username: portal, password: s3cret, down_after: 5s, fence_after: 8s, lease: 16s}"
# The portal takes notice of changed rules by itself; a machine that others use, too, is given more than the second it promises.
PATIENCE = 5
SECRET = "changed-at-run-time"


class LoginsJudgedAnew(unittest.TestCase):
    """The portal has a user of its own, so that what is changed about the default user concerns clients alone."""

    def start(self, *settings):
        self.server = RedisServer(settings=[("user", "portal on >s3cret +info +replicaof +failover +client|pause +client|unpause"), *settings])
        self.addCleanup(self.server.stop)
        self.portal = PortalBefore(self.server, settings=[MONITOR])
        self.addCleanup(self.portal.stop)
        self.admin = Client(self.server.port, timeout=5.0)
        self.addCleanup(self.admin.close)

    def client(self, **login):
        client = Client(self.portal.port, timeout=15.0, **login)
        self.addCleanup(client.close)
        return client

    def direct(self):
        client = Client(self.server.port, timeout=5.0)
        self.addCleanup(client.close)
        return client

    def kind(self, client, *words):
        try:
            reply = client.command(*words)
        except (ConnectionClosed, OSError):
            return "closed"
        return reply.kind if isinstance(reply, RespError) else reply

    def newcomers(self):
        """What clients that come now and do not log in are answered: on a shared link, on a leased one, and a write."""
        return [self.kind(self.client(), *words) for words in (("GET", "k"), ("WATCH", "k"), ("SET", "k", "by a stranger"), ("BLPOP", "nolist", "0.01"),
                                                               ("HELLO", "3"), ("SUBSCRIBE", "c"))]

    def are_refused(self, what):
        self.assertEqual("NOAUTH", self.kind(self.direct(), "GET", "k"), "asked directly")
        seen = []

        def refused():
            seen[:] = self.newcomers()
            return all(each == "NOAUTH" for each in seen)

        try:
            wait_until(refused, PATIENCE, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the last strangers were answered {seen}") from None
        self.admin.command("SET", "k", "1")
        self.assertEqual(["NOAUTH"] * len(seen), self.newcomers())
        self.assertEqual(b"1", self.admin.command("GET", "k"))

    def serve_before(self):
        """Clients that have come before and keep links of all kinds busy."""
        shared, leased, subscriber = (self.client() for _ in range(3))
        self.assertEqual("OK", shared.command("SET", "k", "1"))
        self.assertEqual("OK", leased.command("WATCH", "k"))
        self.assertEqual([b"subscribe", b"c", 1], subscriber.command("SUBSCRIBE", "c"))
        self.assertNotIn("NOAUTH", self.newcomers()[:5])

    def test_a_password_set_at_run_time_is_asked_for(self):
        self.start()
        self.serve_before()
        self.assertEqual("OK", self.admin.command("CONFIG", "SET", "requirepass", SECRET))
        self.are_refused("whoever comes without a login is refused")
        self.assertEqual(b"1", self.client(password=SECRET).command("GET", "k"))

    def test_a_default_user_that_is_switched_off_lets_nobody_in(self):
        self.start()
        self.serve_before()
        self.assertEqual("OK", self.admin.command("ACL", "SETUSER", "app", "on", ">s3cret", "allkeys", "+@all"))
        self.assertEqual("OK", self.admin.command("ACL", "SETUSER", "default", "off"))
        self.are_refused("whoever comes without a login is refused")
        self.assertEqual(b"1", self.client(username="app", password="s3cret").command("GET", "k"))

    def test_a_default_user_that_gets_a_password_by_its_rules_is_asked_for_it(self):
        self.start()
        self.serve_before()
        self.assertEqual("OK", self.admin.command("ACL", "SETUSER", "default", "resetpass", f">{SECRET}"))
        self.are_refused("whoever comes without a login is refused")

    def test_a_password_that_is_removed_is_not_asked_for(self):
        self.start(("requirepass", SECRET))
        self.assertEqual("OK", self.admin.command("AUTH", SECRET))
        self.assertEqual("OK", self.client(password=SECRET).command("SET", "k", "1"))
        self.assertEqual("NOAUTH", self.kind(self.client(), "GET", "k"))
        self.assertEqual("OK", self.admin.command("CONFIG", "SET", "requirepass", ""))
        self.assertEqual(b"1", self.direct().command("GET", "k"), "asked directly")
        # Each shard finds out for itself, and clients are dealt to them in turn.
        wait_until(lambda: [self.kind(self.client(), "GET", "k") for _ in range(4)] == 4 * [b"1"], PATIENCE, "whoever comes without a login is served")
        self.assertEqual("OK", self.kind(self.client(), "WATCH", "k"))


if __name__ == "__main__":
    unittest.main()
