"""PUBLISH, SPUBLISH and PUBSUB count clients, not the portals' connections: over all shards of both portals, beside clients that ask Redis directly.

A portal that dies counts for at most two seconds more; a monitor's user who may not use the portals' channel leaves counts as the node has them.
"""

import time
import unittest

from portal_support import demo_for, report, wait_until

CHANNEL = "__redis-portal__:subscribers"


class SubscriberCounts(unittest.TestCase):
    def setUp(self):
        self.demo = demo_for(self, settings=("threads=2",))

    def client(self, portal):
        client = self.demo.portals[portal].client()
        self.addCleanup(client.close)
        return client

    def subscriber(self, portal, *command):
        client = self.client(portal)
        client.send(*command)
        for _ in command[1:]:
            client.read()
        return client

    def counted(self, client, name):
        return client.command("PUBSUB", "NUMSUB", name)[1]

    def becomes(self, expected, ask, what, seconds=5):
        try:
            wait_until(lambda: ask() == expected, seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}: {ask()!r} instead of {expected!r}") from error

    def test_counts_are_those_of_clients_with_connections_of_their_own(self):
        listeners = [self.subscriber(number % 2, "SUBSCRIBE", "news", "other") for number in range(9)]
        listeners += [self.subscriber(number % 2, "PSUBSCRIBE", "n*", "ne[vw]s") for number in range(6)]
        listeners += [self.subscriber(number % 2, "SSUBSCRIBE", "sharded") for number in range(5)]
        both = self.subscriber(0, "SUBSCRIBE", "news")
        both.send("SUBSCRIBE", "news")  # twice counts once
        both.read()
        both.send("PSUBSCRIBE", "news")
        both.read()
        direct = self.demo.leader().client()
        self.addCleanup(direct.close)
        direct.send("SUBSCRIBE", "news")
        direct.read()
        asking = [self.client(0), self.client(1)]
        for asks in asking:
            self.becomes(11, lambda: self.counted(asks, "news"), "the channel's count")
            self.becomes(9, lambda: self.counted(asks, "other"), "the other one's")
            self.becomes(24, lambda: asks.command("PUBLISH", "news", "x"), "who hears a message")
            self.becomes(6, lambda: asks.command("PUBLISH", "nothing", "x"), "who hears it by a pattern")
            self.becomes(5, lambda: asks.command("SPUBLISH", "sharded", "x"), "who hears it in a shard channel")
            self.assertEqual([b"sharded", 5, b"nobody", 0], asks.command("PUBSUB", "SHARDNUMSUB", "sharded", "nobody"))
            self.assertEqual([b"sharded"], asks.command("PUBSUB", "SHARDCHANNELS"))
            self.assertEqual([b"news", b"other"], sorted(asks.command("PUBSUB", "CHANNELS")))
            self.assertEqual([b"news"], asks.command("PUBSUB", "CHANNELS", "n*"))
            self.assertEqual(3, asks.command("PUBSUB", "NUMPAT"))
            self.assertEqual([CHANNEL.encode(), 0], asks.command("PUBSUB", "SHARDNUMSUB", CHANNEL))
            self.assertEqual([], asks.command("PUBSUB", "NUMSUB"))

        late = [self.subscriber(1, "SUBSCRIBE", "late") for _ in range(4)]
        began = time.monotonic()
        late.append(self.subscriber(1, "SUBSCRIBE", "late"))
        self.becomes(5, lambda: asking[0].command("PUBLISH", "late", "x"), "the other portal's newest")
        report(f"known at the other portal after {(time.monotonic() - began) * 1e3:.0f} ms")
        for each in late[:3]:
            each.close()
        self.becomes(2, lambda: asking[0].command("PUBLISH", "late", "x"), "those who stay")

        leader = self.demo.leader()
        direct.close()
        leader.kill()
        wait_until(lambda: self.demo.leader() not in (None, leader), 20, "another node leads")
        for asks in asking:
            self.becomes(10, lambda: self.counted(asks, "news"), "the count at the new leader", 20)
            self.becomes(23, lambda: asks.command("PUBLISH", "news", "x"), "who hears a message there")

    def test_who_only_publishes_learns_of_subscribers_elsewhere(self):
        listeners = [self.subscriber(1, "SUBSCRIBE", "news") for _ in range(6)]
        publisher = self.client(0)
        self.becomes(6, lambda: publisher.command("PUBLISH", "news", "x"), "who hears a message")
        del listeners

    def test_a_portal_that_dies_counts_no_more_and_a_forged_message_never_does(self):
        kept = [self.subscriber(0, "SUBSCRIBE", "news") for _ in range(3)]
        gone = [self.subscriber(1, "SUBSCRIBE", "news") for _ in range(7)]
        asks = self.client(0)
        self.becomes(10, lambda: self.counted(asks, "news"), "both portals' subscribers")
        recorded = self.demo.leader().client()
        self.addCleanup(recorded.close)
        recorded.send("SSUBSCRIBE", CHANNEL)
        recorded.read()
        messages = [recorded.read()[2] for _ in range(3)]
        self.demo.portals[1].kill()
        began = time.monotonic()
        self.becomes(3, lambda: self.counted(asks, "news"), "those of the portal that lives", 5)
        report(f"a killed portal's subscribers counted for {time.monotonic() - began:.2f} s more")
        for message in messages:
            asks.command("SPUBLISH", CHANNEL, message)  # said again
        asks.command("EVAL", "return redis.call('spublish', KEYS[1], ARGV[1])", 1, CHANNEL, "x" * 100)
        time.sleep(0.3)  # nothing is to come of it, which takes no shorter than that to see
        self.assertEqual(3, self.counted(asks, "news"))
        del kept, gone

    def test_a_monitor_that_may_not_publish_leaves_counts_as_the_node_has_them(self):
        for node in self.demo.nodes:
            with node.client() as direct:
                direct.command("ACL", "SETUSER", "default", "resetchannels", "&news")
        listeners = [self.subscriber(1, "SUBSCRIBE", "news") for _ in range(8)]
        asks, own = self.client(0), self.client(1)
        self.becomes(8, lambda: self.counted(own, "news"), "a portal knows its own")
        self.assertLessEqual(self.counted(asks, "news"), 2)  # one feed for each shard
        wait_until(lambda: "the monitor's user needs SSUBSCRIBE and SPUBLISH" in self.demo.printed() + self.logs(), 10, "the log says why")
        for node in self.demo.nodes:
            with node.client() as direct:
                direct.command("ACL", "SETUSER", "default", "allchannels")
        self.becomes(8, lambda: self.counted(asks, "news"), "the user may again", 45)
        del listeners

    def logs(self):
        return "".join(path.read_text(errors="replace") for path in sorted(self.demo.dir.glob("**/*.log")))


if __name__ == "__main__":
    unittest.main()
