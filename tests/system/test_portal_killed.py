"""One portal is killed: the other serves, acts, and can carry out a failover alone."""

import time
import unittest

from portal_support import demo_for, report, wait_until
from resp_client import RespError


class PortalKilled(unittest.TestCase):
    def setUp(self):
        self.demo = demo_for(self)

    def acting(self):
        """The portal that says it acts; None while none or both do."""
        found = [portal for portal in self.demo.portals if portal.status()["topology"]["acting_here"]]
        return found[0] if len(found) == 1 else None

    def kill_one(self, kill_the_acting_one):
        acting = wait_until(self.acting, 10, "one portal acts")
        following = next(portal for portal in self.demo.portals if portal is not acting)
        victim, survivor = (acting, following) if kill_the_acting_one else (following, acting)
        client = survivor.client()
        self.addCleanup(client.close)
        self.assertEqual("OK", client.command("SET", "before", "1"))

        victim.kill()
        self.assertEqual("OK", client.command("SET", "portal killed", "1"))
        killed = time.monotonic()
        wait_until(lambda: survivor.status()["topology"]["acting_here"], 15, f"{survivor.name} acts")
        report(f"the surviving portal acts {time.monotonic() - killed:.2f} s after the kill")
        self.assertEqual("OK", client.command("SET", "acting", "1"))
        self.demo.wait_replicated()

        leader = self.demo.leader()
        other = next(node for node in self.demo.nodes if node is not leader)
        killed = time.monotonic()
        leader.kill()
        reply = client.command("SET", "failed over", "1")
        if isinstance(reply, RespError):
            self.assertEqual("INDOUBT", reply.kind)
            self.assertEqual("OK", client.command("SET", "failed over", "1"))
        report(f"with one portal: time from kill of the leader to first accepted write: {(time.monotonic() - killed) * 1000:.0f} ms")
        self.assertIs(other, self.demo.leader())
        self.assertEqual([b"1"] * 4, client.command("MGET", "before", "portal killed", "acting", "failed over"))

    def test_the_other_portal_takes_over_the_acting_role_and_fails_over(self):
        self.kill_one(kill_the_acting_one=True)

    def test_the_acting_portal_does_not_wait_for_the_dead_one(self):
        self.kill_one(kill_the_acting_one=False)


if __name__ == "__main__":
    unittest.main()
