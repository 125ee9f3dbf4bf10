"""`replica-priority` of Redis: the lower number is promoted first, 0 never."""

import time
import unittest

from portal_support import DemoTestCase, wait_until


class ReplicaPriority(DemoTestCase):
    nodes = 4
    portals = 1

    def set_priority(self, node, number):
        with node.client() as direct:
            self.assertEqual("OK", direct.command("CONFIG", "SET", "replica-priority", number))

    def seen(self, node):
        return next(each for each in self.topology()["nodes"] if each["name"] == node.name)

    def topology(self):
        return self.demo.portals[0].status()["topology"]

    def test_the_lower_number_leads_next_and_0_never(self):
        portal, client = self.demo.portals[0], self.client()
        self.assertEqual("OK", client.command("SET", "before", "1"))
        wait_until(lambda: all(each["in_sync"] for each in self.topology()["nodes"]), 30, "all are in sync")
        self.demo.wait_replicated()
        leader = self.demo.leader()
        never, second, first = (node for node in self.demo.nodes if node is not leader)
        for node, number in ((never, 0), (second, 50), (first, 10)):
            self.set_priority(node, number)
            wait_until(lambda: self.seen(node).get("priority") == number, 5, "the portal knows it")

        leader.kill()
        self.assertEqual("OK", client.command("SET", "first", "1"))
        self.assertIs(first, self.demo.leader())
        wait_until(lambda: self.seen(second)["in_sync"] and self.seen(never)["in_sync"], 30, "the others follow it")
        self.demo.wait_replicated()

        self.set_priority(second, 0)
        wait_until(lambda: "no node may take over" in self.topology()["decision"] or self.seen(second).get("priority") == 0, 10, "the portal knows it")
        first.kill()
        client.send("SET", "second", "1")
        wait_until(lambda: f"{second.name} (replica-priority 0, so it is never promoted)" in self.topology()["decision"], 10, "the status says why nobody leads")
        self.assertIn(f"{never.name} (replica-priority 0", self.topology()["decision"])
        self.assertIn("CONFIG SET replica-priority 100", self.topology()["decision"])
        end = time.monotonic() + 1.5
        while time.monotonic() < end:  # at no moment
            self.assertEqual({"slave"}, {node.replication().get("role") for node in (never, second)})
        self.set_priority(second, 100)
        self.assertEqual("OK", client.read(), "the write has waited")
        self.assertEqual("master", second.replication()["role"])
        self.assertEqual([b"1"] * 3, client.command("MGET", "before", "first", "second"))


if __name__ == "__main__":
    unittest.main()
