"""A node's address that leads to another node's process: an error that names both, and nothing else happens."""

import time
import unittest

import yaml

from portal_support import demo_for, wait_until


class OneProcessTwoNames(unittest.TestCase):
    def configure(self, demo, nodes):
        for portal in demo.portals:
            file = demo.dir / portal.name / "portal.yaml"
            file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"nodes": nodes}))

    def test_an_address_that_is_another_name_of_the_leader_makes_no_failover(self):
        demo = demo_for(self, nodes=3)
        wait_until(lambda: len(demo.portals[0].status()["topology"]["nodes"]) == 3 and all(node["in_sync"] for node in demo.portals[0].status()["topology"]["nodes"]), 20, "all are in sync")
        leader = demo.leader()
        epoch = demo.portals[0].status()["topology"]["epoch"]
        nodes = yaml.safe_load((demo.dir / "portal-0/portal.yaml").read_text())["nodes"]
        other = next(node for node in nodes if node["name"] != leader.name)
        right = other["address"]
        other["address"] = f"localhost:{leader.port}"
        self.configure(demo, nodes)
        sentence = f"{leader.name} and {other['name']} lead to one process"
        for portal in demo.portals:
            wait_until(lambda: sentence in str([node.get("trouble") for node in portal.status()["topology"]["nodes"]]), 10, f"{portal.name} says {sentence}")
            wait_until(lambda: any("level=error" in line and sentence in line for line in portal.log.read_text().splitlines()), 5, f"{portal.name} logs it as an error")
        with demo.portals[0].client() as client:
            until, written = time.monotonic() + 5, 0
            while time.monotonic() < until:
                written += 1
                self.assertEqual(written, client.command("INCR", "counter"))
                self.assertEqual("master", leader.replication().get("role"))
        for portal in demo.portals:
            self.assertEqual(epoch, portal.status()["topology"]["epoch"])
            self.assertEqual(0, portal.metric("redis_portal_failovers_total", type="automatic"))
        other["address"] = right
        self.configure(demo, nodes)
        wait_until(lambda: demo.portals[0].metric("redis_portal_backend_up", backend=other["name"]) == 1, 10, "the node is back")
        self.assertEqual(epoch, demo.portals[0].status()["topology"]["epoch"])


if __name__ == "__main__":
    unittest.main()
