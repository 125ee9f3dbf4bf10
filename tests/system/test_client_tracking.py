"""CLIENT TRACKING in all modes through a portal: what changes is told to whom it concerns, also after the leader is gone."""

import unittest

from portal_support import DemoTestCase, demo_for, wait_until
from resp_client import Push, RespError

CHANNEL = b"__redis__:invalidate"


def invalidated(*keys):
    return Push([b"invalidate", [key.encode() for key in keys]])


EVERYTHING = Push([b"invalidate", None])


class Tracking(DemoTestCase):
    nodes = 1
    settings = ("threads=3",)

    def setUp(self):
        super().setUp()
        self.writer = self.client(1)
        self.writer.command("FLUSHALL")

    def resp3(self, *tracking):
        client = self.client()
        client.command("HELLO", "3")
        if tracking:
            self.assertEqual("OK", client.command("CLIENT", "TRACKING", *tracking))
        return client

    def id_of(self, client):
        return client.command("CLIENT", "ID")

    def nothing_more(self, client):
        """Whatever had been sent to this client has been read: the next is the answer to what it asks now."""
        self.assertEqual("PONG", client.command("PING"))

    def info(self, client):
        fields = client.command("CLIENT", "TRACKINGINFO")
        return fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2]))


class OneClient(Tracking):
    def test_hears_of_keys_that_it_has_read_once(self):
        client = self.resp3("ON")
        client.command("GET", "a")
        self.writer.command("SET", "a", "1")
        self.assertEqual(invalidated("a"), client.read())
        self.writer.command("SET", "a", "2")
        self.writer.command("SET", "never read", "2")
        self.nothing_more(client)
        self.assertEqual(0, client.command("CLIENT", "GETREDIR"))
        client.command("GET", "a")
        self.writer.command("FLUSHALL")
        self.assertEqual(EVERYTHING, client.read())

    def test_tells_of_its_own_writes_unless_noloop(self):
        client = self.resp3("ON")
        client.command("GET", "a")
        client.send("SET", "a", "1")
        self.assertEqual([invalidated("a"), "OK"], sorted((client.read() for _ in range(2)), key=lambda each: isinstance(each, str)))
        quiet = self.resp3("ON", "NOLOOP")
        quiet.command("GET", "a")
        self.assertEqual("OK", quiet.command("SET", "a", "1"))
        self.nothing_more(quiet)

    def test_broadcast_tells_of_prefixes_without_a_read(self):
        client = self.resp3("ON", "BCAST", "PREFIX", "user:", "PREFIX", "item:")
        self.assertEqual("OK", client.command("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "more:"))
        for key in ("user:1", "other", "item:2", "more:3"):
            self.writer.command("SET", key, "x")
        self.assertEqual([invalidated("user:1"), invalidated("item:2"), invalidated("more:3")], [client.read() for _ in range(3)])

    def test_optin_and_optout_ask_for_each_command(self):
        optin = self.resp3("ON", "OPTIN")
        optin.command("GET", "a")
        self.assertEqual("OK", optin.command("CLIENT", "CACHING", "YES"))
        optin.command("GET", "b")
        optout = self.resp3("ON", "OPTOUT")
        optout.command("GET", "a")
        self.assertEqual("OK", optout.command("CLIENT", "CACHING", "NO"))
        optout.command("GET", "b")
        self.writer.command("MSET", "a", "1", "b", "1")
        self.assertEqual(invalidated("b"), optin.read())
        self.assertEqual(invalidated("a"), optout.read())
        self.nothing_more(optin)
        self.nothing_more(optout)

    def test_off_ends_it_and_gives_the_link_back(self):
        client = self.resp3("ON")
        client.command("GET", "a")
        self.assertEqual("OK", client.command("CLIENT", "TRACKING", "OFF"))
        self.writer.command("SET", "a", "1")
        self.nothing_more(client)
        self.assertEqual(-1, client.command("CLIENT", "GETREDIR"))
        self.assertEqual([b"off"], self.info(client)[b"flags"])

    def test_says_what_it_does_as_redis_says_it(self):
        for options in ((), ("BCAST", "PREFIX", "a"), ("OPTIN",), ("OPTOUT", "NOLOOP")):
            for protocol in ("2", "3"):
                with self.subTest(options=options, protocol=protocol), self.demo.leader().client() as direct:
                    client = self.client()
                    for each in (client, direct):
                        each.command("HELLO", protocol)
                        self.assertEqual("OK", each.command("CLIENT", "TRACKING", "ON", *options))
                    for question in (("CLIENT", "TRACKINGINFO"), ("CLIENT", "GETREDIR"), ("CLIENT", "CACHING", "YES"), ("CLIENT", "CACHING", "NO"),
                                     ("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "ab"), ("CLIENT", "TRACKING", "ON", "OPTIN"), ("CLIENT", "TRACKINGINFO")):
                        self.assertEqual(direct.command(*question), client.command(*question))

    def test_inside_a_transaction_it_begins_with_the_exec(self):
        client = self.resp3()
        client.command("MULTI")
        self.assertEqual("QUEUED", client.command("CLIENT", "TRACKING", "ON"))
        self.assertEqual(["OK"], client.command("EXEC"))
        self.assertIn(b"on", client.command("CLIENT", "TRACKINGINFO")[b"flags"])


class Redirection(Tracking):
    def listener(self):
        client = self.client()
        ident = self.id_of(client)
        self.assertEqual([b"subscribe", CHANNEL, 1], client.command("SUBSCRIBE", CHANNEL))
        return client, ident

    def test_reaches_a_resp2_subscriber_on_whatever_shard(self):
        listener, ident = self.listener()
        trackers = [self.client() for _ in range(4)]
        for number, tracker in enumerate(trackers):
            self.assertEqual("OK", tracker.command("CLIENT", "TRACKING", "ON", "REDIRECT", ident))
            self.assertEqual(ident, tracker.command("CLIENT", "GETREDIR"))
            self.assertEqual(ident, self.info(tracker)[b"redirect"])
            tracker.command("GET", f"key-{number}")
            self.writer.command("SET", f"key-{number}", "1")
            self.assertEqual([b"message", CHANNEL, [b"key-%d" % number]], listener.read())
        trackers[0].command("GET", "a")
        self.writer.command("FLUSHALL")
        self.assertEqual([b"message", CHANNEL, None], listener.read())

    def test_reaches_a_resp3_client_as_a_push(self):
        target = self.resp3()
        tracker = self.resp3("ON", "BCAST", "REDIRECT", self.id_of(target))
        self.writer.command("SET", "a", "1")
        self.assertEqual(invalidated("a"), target.read())
        self.nothing_more(tracker)

    def test_to_a_client_that_is_not_there_is_refused_as_redis_refuses_it(self):
        client = self.client()
        with self.demo.leader().client() as direct:
            for words in (("ON", "REDIRECT", "999999999"), ("ON", "REDIRECT", "0"), ("ON", "REDIRECT", "-5"), ("ON", "REDIRECT"),
                          ("ON", "REDIRECT", "999999999", "REDIRECT", "999999998"), ("ON", "REDIRECT", "999999999", "NOSUCH")):
                with self.subTest(words=words):
                    self.assertEqual(direct.command("CLIENT", "TRACKING", *words), client.command("CLIENT", "TRACKING", *words))
        self.assertEqual([b"off"], self.info(client)[b"flags"])

    def test_one_client_only(self):
        target = self.id_of(self.client())
        self.assertEqual(RespError("ERR A client can only redirect to a single other client"),
                         self.client().command("CLIENT", "TRACKING", "ON", "REDIRECT", target, "REDIRECT", target))

    def test_is_broken_when_the_other_client_goes(self):
        target = self.resp3()
        ident = self.id_of(target)
        tracker = self.resp3("ON", "REDIRECT", ident)
        tracker.command("GET", "a")
        target.close()
        wait_until(lambda: not self.writer.command("EXISTS", "nothing") and self.client().command("CLIENT", "LIST", "ID", ident) == b"", 5, "the target has gone")
        self.writer.command("SET", "a", "1")
        self.assertEqual(Push([b"tracking-redir-broken", ident]), tracker.read())
        with self.subTest("and again, from Redis, each time"):
            tracker.command("GET", "a")
            self.writer.command("SET", "a", "2")
            self.assertEqual(Push([b"tracking-redir-broken", ident]), tracker.read())
            self.assertEqual([b"on", b"broken_redirect"], self.info(tracker)[b"flags"])

    def test_costs_nothing_once_it_is_over(self):
        listener, ident = self.listener()
        tracker = self.client()
        links = lambda: self.demo.portals[0].metric("redis_portal_upstream_links", kind="pinned")
        before = links()
        tracker.command("CLIENT", "TRACKING", "ON", "REDIRECT", ident)
        wait_until(lambda: links() == before + 2, 5, "one link tracks, one gets the invalidations")
        tracker.command("CLIENT", "TRACKING", "OFF")
        wait_until(lambda: links() <= before, 5, "both have gone")


class LostLeader(unittest.TestCase):
    def test_all_is_invalidated_and_tracked_again_with_the_same_options(self):
        demo = demo_for(self, nodes=3, portals=2, settings=("threads=2",))

        def client(protocol="3", *tracking):
            made = demo.portals[0].client()
            self.addCleanup(made.close)
            made.command("HELLO", protocol)
            if tracking:
                self.assertEqual("OK", made.command("CLIENT", "TRACKING", "ON", *tracking))
            return made

        plain = client()
        self.assertEqual("OK", plain.command("CLIENT", "TRACKING", "ON"))
        broadcast = client("3", "BCAST", "PREFIX", "b:")
        optin = client("3", "OPTIN")
        listener = client("2")
        ident = listener.command("CLIENT", "ID")
        listener.command("SUBSCRIBE", CHANNEL)
        redirecting = client("2", "REDIRECT", ident, "BCAST", "PREFIX", "r:")
        plain.command("GET", "a")
        demo.wait_replicated()
        demo.leader().kill()

        for tracker in (plain, broadcast, optin):
            self.assertEqual(EVERYTHING, tracker.read())
        self.assertEqual([b"message", CHANNEL, None], listener.read())

        writer = demo.portals[1].client()
        self.addCleanup(writer.close)
        plain.command("GET", "a")
        optin.command("CLIENT", "CACHING", "YES")
        optin.command("GET", "a")

        def told():  # a broadcast needs no read, so it may be armed a moment after the leader is there
            writer.command("SET", "b:1", "x")
            broadcast.socket.settimeout(0.2)
            try:
                return broadcast.read() == invalidated("b:1")
            except TimeoutError:
                return False

        wait_until(told, 10, "the broadcast is heard again")
        writer.command("SET", "a", "1")
        self.assertEqual(invalidated("a"), plain.read())
        self.assertEqual(invalidated("a"), optin.read())
        self.assertEqual(ident, redirecting.command("CLIENT", "GETREDIR"))
        writer.command("SET", "r:1", "1")
        self.assertEqual([b"message", CHANNEL, [b"r:1"]], listener.read())
        self.assertEqual(0.0, demo.portals[0].metric("redis_portal_client_connections_closed_total", reason="backend"))


del Tracking  # it has no tests of its own, and unittest would look for some

if __name__ == "__main__":
    unittest.main()
