"""Nodes with an ACL user for the portal that may do no more than docs/use/configuration.md asks for: led, switched over, failed over."""

import shutil
import tempfile
import unittest
from pathlib import Path

from arbiter_cluster import Node, Portal, free_ports
from portal_support import wait_until
from resp_client import RespError

RIGHTS = "+info +replicaof +failover +client|pause +client|unpause"


class NodesWithUsers(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="redis-portal-test."))
        self.addCleanup(shutil.rmtree, self.folder, True)
        base = free_ports()
        users = f"--user portal on >s3cret {RIGHTS} --user app on >app ~* &* +@all --user default on nopass ~* &* +@all".split()
        self.base = base
        self.nodes = [Node(f"redis-{i}", base + 10 + i, self.folder, users) for i in range(2)]
        self.portal = Portal("portal-0", base, base + 30, self.folder, self.nodes, {"file": {"path": str(self.folder / "record")}},
                             {"username": "portal", "password": "s3cret"})
        for process in [*self.nodes, self.portal]:
            process.start()
            self.addCleanup(process.kill)
        self.in_sync()

    def in_sync(self):
        wait_until(lambda: len([n for n in self.portal.topology().get("nodes", []) if n["in_sync"]]) == 2, 30, "both are in sync")

    def leader(self):
        return next((node for node in self.nodes if node.role() == "master"), None)

    def test_a_switchover_and_a_failover(self):
        client = self.portal.client()
        self.addCleanup(client.close)
        self.assertEqual("OK", client.command("AUTH", "app", "app"))
        self.assertEqual("OK", client.command("SET", "a", "1"))
        first = self.leader()
        self.portal.switchover()
        self.assertEqual("OK", client.command("SET", "b", "1"))
        second = self.leader()
        self.assertIsNot(first, second)
        self.in_sync()
        second.kill()
        reply = client.command("SET", "c", "1")
        if isinstance(reply, RespError):
            self.assertEqual("INDOUBT", reply.kind)
        self.assertEqual("OK", client.command("SET", "c", "1"))
        self.assertEqual([b"1"] * 3, client.command("MGET", "a", "b", "c"))
        self.assertIs(first, self.leader())
        self.assertNotIn("s3cret", self.portal.log.read_text())

    def test_a_portal_that_may_not_read_settings_asks_once_and_is_well(self):
        refusals = lambda: [line for line in self.portal.log.read_text().splitlines() if "does not tell its settings" in line]
        wait_until(lambda: refusals(), 20, "the leader is asked for its settings")
        rounds = self.portal.topology()["probes"]["redis-0"]["ok"] + 30  # of 200 ms: three rounds of settings
        wait_until(lambda: self.portal.topology()["probes"]["redis-0"]["ok"] > rounds, 30, "three more rounds are over")
        self.assertEqual(1, len(refusals()))
        self.assertEqual([], self.portal.status().get("why", []))

    def test_a_wrong_password_is_a_warning_that_says_what_to_check(self):
        portal = Portal("portal-1", self.base + 1, self.base + 31, self.folder, self.nodes, {"file": {"path": str(self.folder / "record")}},
                        {"username": "portal", "password": "wr0ng"})
        portal.start()
        self.addCleanup(portal.kill)
        warnings = lambda: [line for line in portal.log.read_text().splitlines() if "level=warn" in line and "check monitor.username" in line]
        wait_until(lambda: len(warnings()) == 2, 20, "one for each node")
        self.assertTrue(all("WRONGPASS" in line for line in warnings()))
        self.assertNotIn("wr0ng", portal.log.read_text())


if __name__ == "__main__":
    unittest.main()
