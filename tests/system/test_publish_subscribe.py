"""Publish/subscribe through the portals: many subscribers cost the leader one, and none notices that the leader was killed.

PORTAL_SUBSCRIBERS sets how many; ten thousand need some 11000 descriptors here and half of them in each portal.
"""

import os
import resource
import time
import unittest

from binary_content import random_bytes
from portal_support import DemoTestCase, report, wait_until
from resp_client import Push, encode

SUBSCRIBERS = int(os.environ.get("PORTAL_SUBSCRIBERS", "400"))
MESSAGES = 20


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < SUBSCRIBERS + 1000:
        raise unittest.SkipTest(f"{SUBSCRIBERS} subscribers need more than the {hard} open files that are allowed here")


class PublishSubscribe(DemoTestCase):
    settings = ("threads=1",)

    def subscribers(self, channel):
        clients = [self.client(number % 2) for number in range(SUBSCRIBERS)]
        for client in clients:
            client.send("SUBSCRIBE", channel)
        for client in clients:
            self.assertEqual([b"subscribe", channel.encode(), 1], client.read())
        return clients

    def heard_by_all(self, clients, channel, text):
        for client in clients:
            self.assertEqual([b"message", channel.encode(), text], client.read())

    @staticmethod
    def waits_of_pings(client, count):
        waits = []
        for _ in range(count):
            asked = time.monotonic()
            client.command("PING")
            waits.append(time.monotonic() - asked)
        return sorted(waits)

    def numsub(self, channel):
        leader = self.demo.leader()
        if leader is None:
            return None
        with leader.client() as direct:
            return direct.command("PUBSUB", "NUMSUB", channel)[1]

    def test_hundreds_of_subscribers_are_one_for_each_portal_and_outlive_the_leader(self):
        raise_descriptor_limit()
        clients = self.subscribers("news")
        self.assertEqual(2, self.numsub("news"))
        publisher, other = self.client(0), self.client(0)
        wait_until(lambda: publisher.command("PUBSUB", "NUMSUB", "news")[1] == SUBSCRIBERS, 10, "the portal knows of all")
        start = time.monotonic()
        publisher.send_raw(b"".join(encode("PUBLISH", "news", f"n{number}") for number in range(MESSAGES)))
        waits = self.waits_of_pings(other, 200)
        self.assertEqual([SUBSCRIBERS] * MESSAGES, [publisher.read() for _ in range(MESSAGES)])
        for number in range(MESSAGES):
            self.heard_by_all(clients, "news", b"n%d" % number)
        report(f"{MESSAGES} messages to {SUBSCRIBERS} subscribers in {time.monotonic() - start:.2f} s")
        report(f"another client's PING meanwhile: median {waits[100] * 1e3:.2f} ms, longest {waits[-1] * 1e3:.2f} ms")

        within = self.client(0)  # by a transaction, so on a link of its own
        self.assertEqual(["OK", "QUEUED", [[b"subscribe", b"inside", 1]]], within.pipeline([("MULTI",), ("SUBSCRIBE", "inside"), ("EXEC",)]))

        self.demo.leader().kill()
        wait_until(lambda: self.numsub("news") == 2 and self.numsub("inside") == 1, 20, "both portals listen at the new leader")
        publisher.command("PUBLISH", "news", "after")
        self.heard_by_all(clients, "news", b"after")
        publisher.command("PUBLISH", "inside", "after too")
        self.heard_by_all([within], "inside", b"after too")
        self.assertEqual([b"unsubscribe", b"inside", 0], within.command("UNSUBSCRIBE", "inside"))

        for client in clients:
            client.close()
        wait_until(lambda: self.numsub("news") == 0, 10, "nobody listens any more")

    def test_messages_of_one_publisher_come_whole_and_in_order_whatever_their_size(self):
        listener = self.client(0)
        listener.command("HELLO", "3")
        self.assertEqual(Push([b"subscribe", b"sizes", 1]), listener.command("SUBSCRIBE", "sizes"))
        publisher = self.client(1)
        texts = [b"%d:" % size + random_bytes(size) for size in (0, 1, 1000, 1100, 70_000, 3, 2_000_000, 5)]
        publisher.send_raw(b"".join(encode("PUBLISH", "sizes", text) for text in texts))
        for text in texts:
            self.assertEqual(Push([b"message", b"sizes", text]), listener.read())

    def test_a_user_hears_only_the_channels_that_redis_allows(self):
        admin = self.client(0)
        self.assertEqual("OK", admin.command("ACL", "SETUSER", "ann", "on", ">secret", "+@all", "allkeys", "resetchannels", "&open:*"))
        ann = self.client(0, username="ann", password="secret")
        self.assertEqual("NOPERM", ann.command("SUBSCRIBE", "open:a", "closed").kind)
        self.assertEqual([b"subscribe", b"open:a", 1], ann.command("SUBSCRIBE", "open:a"))
        with self.subTest("and is cut off when its channel is taken away, as by Redis"):
            self.assertEqual("OK", admin.command("ACL", "SETUSER", "ann", "resetchannels", "&other:*"))
            self.assertEqual(b"", ann.read_closed())

    def test_who_logs_in_as_another_publishes_with_that_users_rights_only(self):
        admin = self.client(0)
        self.assertEqual("OK", admin.command("ACL", "SETUSER", "bob", "on", ">secret", "+@all", "allkeys", "resetchannels", "&bob:*"))
        client = self.client(0)
        client.command("HELLO", "3")
        self.assertEqual(Push([b"subscribe", b"private", 1]), client.command("SUBSCRIBE", "private"))
        self.assertEqual("OK", client.command("AUTH", "bob", "secret"))
        self.assertEqual("NOPERM", client.command("PUBLISH", "private", "forged").kind)
        self.assertEqual(0, client.command("PUBLISH", "bob:news", "his own"))

    def test_keyspace_notifications_are_channels_like_others(self):
        admin = self.client(0)
        self.assertEqual("OK", admin.command("CONFIG", "SET", "notify-keyspace-events", "KEA"))
        listener = self.client(1)
        self.assertEqual([b"psubscribe", b"__keyspace@0__:*", 1], listener.command("PSUBSCRIBE", "__keyspace@0__:*"))
        admin.command("SET", "watched", "1")
        self.assertEqual([b"pmessage", b"__keyspace@0__:*", b"__keyspace@0__:watched", b"set"], listener.read())


if __name__ == "__main__":
    unittest.main()
