"""The leader is killed and comes back at once with an empty disk: the other node's data must not be wiped by it."""

import time
import unittest

from portal_support import DemoTestCase, report, wait_until

KEYS = 2000


class LeaderRebornEmpty(DemoTestCase):
    def test_nothing_is_wiped(self):
        old = self.demo.leader()
        survivor = next(node for node in self.demo.nodes if node is not old)
        client = self.client(0)
        written = client.pipeline([("SET", f"key:{i}", i) for i in range(KEYS)])
        self.assertEqual({"OK"}, set(written))
        self.demo.wait_replicated()

        killed = time.monotonic()
        old.kill()
        old.empty()
        old.restart()
        wait_until(lambda: self.demo.follows(old, survivor), 30, f"{old.name} is a replica of {survivor.name}")
        report(f"time from kill to the empty node being a replica with its link up: {time.monotonic() - killed:.2f} s")

        self.demo.wait_replicated()
        for node in self.demo.nodes:
            with node.client() as direct:
                self.assertEqual(KEYS, direct.command("DBSIZE"), node.name)
        for number in range(len(self.demo.portals)):
            fresh = self.client(number)
            self.assertEqual([str(i).encode() for i in range(KEYS)], fresh.pipeline([("GET", f"key:{i}") for i in range(KEYS)]))
        self.assertEqual(b"7", client.command("GET", "key:7"), "the first client's connection still serves")
        self.assertEqual("OK", client.command("SET", "key:7", "changed"))


if __name__ == "__main__":
    unittest.main()
