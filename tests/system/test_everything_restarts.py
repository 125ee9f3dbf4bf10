"""Portals and nodes are killed together and come back in whatever order: nobody has to help, and the newest data leads."""

import time
import unittest

from portal_support import demo_for, report, wait_until


class EverythingRestarts(unittest.TestCase):
    def setUp(self):
        self.demo = demo_for(self)
        self.leader = self.demo.leader()
        self.replica = next(node for node in self.demo.nodes if node is not self.leader)

    def write(self, key, value="1"):
        with self.demo.portals[0].client() as client:
            self.assertEqual("OK", client.command("SET", key, value))

    def in_sync(self):
        return {node["name"] for portal in self.demo.portals for node in portal.status()["topology"]["nodes"] if node["in_sync"]}

    def served_by(self, node, *keys):
        def reads():
            for portal in self.demo.portals:
                with portal.client() as client:
                    if client.command("MGET", *keys) != [b"1"] * len(keys):
                        return False
            return self.demo.leader() is node
        wait_until(reads, 40, f"{node.name} leads and both portals read all that was written")

    def test_a_portal_that_starts_finds_the_record_and_serves(self):
        self.write("before")
        for portal in self.demo.portals:
            portal.kill()
        for portal in self.demo.portals:
            began = time.monotonic()
            portal.restart()
            wait_until(portal.listens, 20, f"{portal.name} listens")
            with portal.client() as client:
                self.assertEqual(b"1", client.command("GET", "before"))
            report(f"{portal.name} serves {(time.monotonic() - began) * 1000:.0f} ms after its start")
        self.write("after")
        self.assertIs(self.leader, self.demo.leader())
        self.assertEqual({1}, {portal.status()["topology"]["epoch"] for portal in self.demo.portals})

    def test_both_nodes_and_the_one_that_has_less_comes_back_first(self):
        self.write("both have it")
        self.demo.wait_replicated()
        self.replica.kill()
        wait_until(lambda: self.in_sync() == {self.leader.name}, 20, "the record names one node")
        self.write("only the leader has it")
        self.leader.kill()
        self.replica.restart()
        wait_until(lambda: any("may hold confirmed writes" in portal.status()["topology"]["reason"] for portal in self.demo.portals),
                   20, "the portals say whom they wait for")
        said = [portal.status()["topology"]["reason"] for portal in self.demo.portals]
        self.assertTrue(any(f"switchover --to {self.replica.name}" in reason for reason in said), said)
        self.assertEqual("slave", self.replica.replication().get("role"))
        self.leader.restart()
        self.served_by(self.leader, "both have it", "only the leader has it")
        wait_until(lambda: self.demo.follows(self.replica, self.leader), 30, "the other follows")

    def test_nodes_and_portals_all_at_once(self):
        self.write("before")
        self.demo.wait_replicated()
        for process in [*self.demo.portals, *self.demo.nodes]:
            process.kill()
        for process in [self.demo.portals[1], self.replica, self.leader, self.demo.portals[0]]:
            process.restart()
        for portal in self.demo.portals:
            wait_until(portal.listens, 20, f"{portal.name} listens")
        wait_until(self.demo.leader, 40, "one node leads")
        self.served_by(self.demo.leader(), "before")
        self.write("after")


if __name__ == "__main__":
    unittest.main()
