"""What the status, the metrics and `status --check` say of a cluster that is well, degraded, and without a leader."""

import subprocess
import unittest

from portal_support import PROGRAM, demo_for, wait_until


class HonestStatus(unittest.TestCase):
    def check(self, portal):
        done = subprocess.run([PROGRAM, "status", "--check", "--admin", f"http://127.0.0.1:{portal.admin_port}"], capture_output=True, text=True, timeout=30)
        self.assertEqual(1, len(done.stdout.splitlines()), done.stdout + done.stderr)
        return done.returncode, done.stdout

    def test_unknown_is_unknown_and_degraded_has_its_reasons(self):
        demo = demo_for(self)
        first = demo.portals[0]
        wait_until(lambda: first.status()["state"] == "ready", 20, "all is well")
        self.assertEqual([], first.status()["why"])
        with first.client() as client:
            self.assertEqual("OK", client.command("SET", "key", "value"))  # so that nobody is empty
        demo.wait_replicated()
        self.assertEqual(0, self.check(first)[0])
        self.assertEqual(1, first.metric("redis_portal_state", state="ready"))
        old = demo.leader()
        old.kill()
        for portal in demo.portals:
            wait_until(lambda: portal.status()["state"] == "degraded" and portal.status()["topology"]["leader"] not in ("", old.name), 20, f"{portal.name} is degraded")
            roles = lambda: sorted(node["role"] for node in portal.status()["topology"]["nodes"])
            wait_until(lambda: roles() == ["leader", "unknown"], 5, "one leader, and nothing is known of the other node")
            nodes = {node["name"]: node for node in portal.status()["topology"]["nodes"]}
            for key in ("lag_bytes", "offset", "link_up"):
                self.assertNotIn(key, nodes[old.name])
            why = " ".join(portal.status()["why"])
            self.assertIn(f"{old.name} does not answer", why)
            self.assertIn("no replica is in sync", why)
            self.assertEqual(1, portal.metric("redis_portal_backend_role", role="leader"))
            self.assertEqual(1, portal.metric("redis_portal_backend_role", backend=old.name, role="unknown"))
            self.assertNotIn(f'redis_portal_backend_replication_lag_bytes{{backend="{old.name}"}}', portal.get("/metrics")[1])
            code, line = self.check(portal)
            self.assertEqual(1, code)
            self.assertIn("no replica is in sync", line)
            self.assertIn("no replica is in sync", portal.get("/")[1])
        second = next(node for node in demo.nodes if node is not old)
        second.kill()
        wait_until(lambda: self.check(first)[0] == 2, 20, "no leader")
        self.assertEqual("no_leader", first.status()["state"])
        second.restart()
        wait_until(lambda: first.status()["state"] == "degraded", 30, "the last leader leads again")
        other = demo.portals[1]
        other.kill()
        self.assertEqual(3, self.check(other)[0])
        wait_until(lambda: any("portal-1 is away" in why for why in first.status()["why"]), 30, "the portal that was killed is missed")


if __name__ == "__main__":
    unittest.main()
