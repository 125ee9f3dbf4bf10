"""The leader is stopped with SIGSTOP, so nothing refuses a connection: it is noticed by silence, replaced, and taken back
as a replica when it runs again. Its machine answers for it still, so this is with `busy_after` 0; see test_busy_leader.py."""

import time
import unittest

from portal_support import DemoTestCase, report, wait_until
from resp_client import RespError


class LeaderPaused(DemoTestCase):
    settings = ("monitor.busy_after=0s",)

    def test_another_node_leads_and_the_paused_one_comes_back_as_a_replica(self):
        old = self.demo.leader()
        new = next(node for node in self.demo.nodes if node is not old)
        client = self.client(0)
        self.assertEqual("OK", client.command("SET", "before", "1"))
        self.demo.wait_replicated()

        paused = time.monotonic()
        old.pause()
        self.addCleanup(old.resume)
        client.send("SET", "during", "1")
        first = client.read()
        if isinstance(first, RespError):
            self.assertEqual("INDOUBT", first.kind)
        self.assertEqual("OK", client.command("SET", "after", "1"))
        report(f"time from pause to first accepted write: {(time.monotonic() - paused) * 1000:.0f} ms (first reply: {first})")
        self.assertEqual("master", new.replication().get("role"))

        old.resume()
        wait_until(lambda: self.demo.follows(old, new), 20, f"{old.name} is a replica of {new.name}")
        self.demo.wait_replicated()
        with old.client() as direct:
            self.assertEqual([b"1", b"1"], direct.command("MGET", "before", "after"))


if __name__ == "__main__":
    unittest.main()
