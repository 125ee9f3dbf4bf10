"""A subscriber that may have missed messages is told: Redis ends the shared connection at its output limit, or the leader changes.

`pubsub.on_gap: close` ends the subscribers' connections, as Redis would; by default they go on, and metrics and a log line say that there was a gap.
"""

import unittest

from portal_support import demo_for, wait_until


class MessageGaps(unittest.TestCase):
    def start(self, *settings):
        self.demo = demo_for(self, settings=("threads=1", *settings))
        direct = self.demo.leader().client()
        self.addCleanup(direct.close)
        self.assertEqual("OK", direct.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0"))
        return direct

    def client(self, *command):
        client = self.demo.portals[0].client()
        self.addCleanup(client.close)
        if command:
            client.send(*command)
            for _ in command[1:]:
                client.read()
        return client

    def gaps(self, reason):
        return self.demo.portals[0].metric("redis_portal_message_gaps_total", reason=reason)

    def overflow(self, direct):
        """6 MB of messages at once: more than the limit, and Redis writes nothing before all of them are published."""
        commands = [("MULTI",), *[("PUBLISH", "large", b"x" * 100_000)] * 60, ("EXEC",)]
        self.assertEqual("OK", direct.pipeline(commands)[0])

    def assert_closed(self, client):
        with self.assertRaises((ConnectionError, EOFError, OSError)):
            while True:
                client.read()

    def test_close_ends_those_who_listened_when_redis_ends_their_link_or_another_node_leads(self):
        direct = self.start("pubsub.on_gap=close")
        large, small = self.client("SUBSCRIBE", "large"), self.client("PSUBSCRIBE", "s*", "t*")
        other = self.client()
        self.overflow(direct)
        self.assert_closed(large)
        self.assert_closed(small)  # whose messages came by the same connection
        self.assertEqual("PONG", other.command("PING"))
        self.assertEqual(1, self.gaps("link_lost"))
        self.assertEqual(3, self.demo.portals[0].metric("redis_portal_message_gap_names_total"))
        self.assertEqual(2, self.demo.portals[0].metric("redis_portal_message_gap_subscribers_total"))

        again = self.client("SUBSCRIBE", "news")
        self.demo.change_leader(kill=False)
        self.assert_closed(again)
        self.assertEqual("PONG", other.command("PING"))
        self.assertEqual(1, self.gaps("leader_changed"))

    def test_by_default_they_go_on_and_the_gap_is_counted_and_logged(self):
        direct = self.start()
        large = self.client("SUBSCRIBE", "large")
        self.overflow(direct)
        wait_until(lambda: self.gaps("link_lost") == 1, 10, "the gap is counted")
        wait_until(lambda: direct.command("PUBLISH", "large", "after") == 1, 10, "it is subscribed again")
        while large.read()[2] != b"after":
            pass  # what had come before the gap
        log = "".join(path.read_text(errors="replace") for path in self.demo.dir.glob("portal-0/*.log"))
        self.assertIn('msg="subscribers may have missed messages" reason=link_lost names=1 subscribers=1', log)


if __name__ == "__main__":
    unittest.main()
