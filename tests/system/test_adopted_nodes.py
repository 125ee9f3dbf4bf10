"""A pair of redis-server processes as people have them, not started as replicas of nobody, is adopted. Its leader restarts empty, and leads
by itself, as its own configuration has it: it gets no client, and wipes nobody."""

import shutil
import tempfile
import unittest
from pathlib import Path

from arbiter_cluster import Node, Portal, free_ports
from portal_support import report, wait_until

KEYS = 500


class AdoptedNodes(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="redis-portal-test."))
        self.addCleanup(shutil.rmtree, self.folder, True)
        base = free_ports()
        self.leader = Node("redis-0", base + 10, self.folder, ["--replicaof", "no", "one"])
        self.replica = Node("redis-1", base + 11, self.folder, ["--replicaof", "127.0.0.1", str(base + 10), "--appendonly", "yes"])
        self.portal = Portal("portal-0", base, base + 30, self.folder, [self.leader, self.replica],
                             {"file": {"path": str(self.folder / "record")}}, {})
        for process in (self.leader, self.replica):
            process.start()
            self.addCleanup(process.kill)
        wait_until(lambda: self.leader.role() == "master", 20, "the leader is there")
        with self.leader.client() as direct:
            for number in range(KEYS):
                direct.command("SET", f"key:{number}", number)
        wait_until(lambda: self.keys(self.replica) == KEYS, 30, "the replica has it all")
        wait_until(lambda: self.is_on_disk(self.replica), 30, "and would have it after kill -9")
        self.portal.start()
        self.addCleanup(self.portal.kill)
        wait_until(lambda: len([n for n in self.portal.topology().get("nodes", []) if n["in_sync"]]) == 2, 30, "the pair is adopted")
        self.client = self.portal.client()
        self.addCleanup(self.client.close)

    def keys(self, node):
        try:
            with node.client() as direct:
                return direct.command("DBSIZE")
        except OSError:
            return None

    def is_on_disk(self, node):
        """A replica writes its append-only file anew once it has its copy; until that is done it has none."""
        with node.client() as direct:
            persistence = direct.command("INFO", "persistence").decode()
        return all(line in persistence for line in ("aof_enabled:1", "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0",
                                                    "aof_last_bgrewrite_status:ok")) and "aof_base_size:0" not in persistence

    def test_the_leader_comes_back_empty_while_its_replica_leads(self):
        self.leader.kill()
        wait_until(lambda: self.replica.role() == "master", 20, "the replica leads")
        self.leader.start()
        wait_until(lambda: self.leader.role() == "slave" and self.keys(self.leader) == KEYS, 20, "the empty one has a copy")
        self.assertEqual(KEYS, self.keys(self.replica))
        self.assertEqual(b"7", self.client.command("GET", "key:7"))

    def test_the_leader_comes_back_empty_before_its_replica_is_back(self):
        self.replica.kill()
        self.leader.kill()
        self.leader.start()
        wait_until(lambda: self.leader.role() == "slave", 20, "the empty node that led by itself leads no more")
        self.replica.start()  # to follow that node, as its configuration says
        wait_until(lambda: self.replica.role() == "master", 20, "the node with the data leads")
        self.assertEqual(KEYS, self.keys(self.replica), "nothing was wiped")
        wait_until(lambda: self.keys(self.leader) == KEYS, 20, "the empty one has a copy")
        self.assertEqual(b"7", self.client.command("GET", "key:7"))
        report(f"{KEYS} of {KEYS} keys are there")


if __name__ == "__main__":
    unittest.main()
