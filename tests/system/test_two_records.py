"""Portals that keep records of their own, and Sentinels that were forgotten, are noticed and named."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from mounted_portal import MountedPortal
from portal_support import demo_for, free_base_port, start_process, wait_until
from resp_client import Client


class TwoRecords(unittest.TestCase):
    def test_a_portal_with_a_record_of_its_own_is_named_by_both_sides_and_chooses_no_leader(self):
        demo = demo_for(self, portals=1)
        first = demo.portals[0]
        wait_until(lambda: first.status()["state"] == "ready", 20, "all is well")
        names = demo.nodes[0].client().command("CLIENT", "LIST").decode()
        self.assertIn("name=redis-portal:", names)
        portal = MountedPortal.__new__(MountedPortal)
        with self.assertRaises(AssertionError):  # it never gets ready
            MountedPortal.__init__(portal, demo, arbiter={"file": {"path": str(demo.dir / "other-record")}}, ready_within=4)
        self.addCleanup(portal.stop)
        wait_until(lambda: "by another record" in str(portal.status()["why"]), 20, "the newcomer says so")
        self.assertEqual("no_leader", portal.status()["state"])
        self.assertIn("portal-0", str(portal.status()["why"]))
        wait_until(lambda: first.status()["state"] == "degraded", 45, "the portal that was first notices it", every=0.2)
        self.assertIn("portal mounted watches", str(first.status()["why"]))
        self.assertTrue([line for line in first.log.read_text().splitlines() if "level=error" in line and "by another record" in line])
        portal.stop()
        wait_until(lambda: first.status()["state"] == "ready", 45, "all is well again", every=0.2)

    def test_a_sentinel_that_still_watches_is_noticed(self):
        demo = demo_for(self, portals=1)
        first = demo.portals[0]
        wait_until(lambda: first.status()["state"] == "ready", 20, "all is well")
        folder = Path(tempfile.mkdtemp(prefix="redis-portal-sentinel."))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        port = free_base_port(0, 1)
        (folder / "sentinel.conf").write_text(f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor shop 127.0.0.1 {demo.leader().port} 1\nsentinel auth-pass shop {demo.password}\n")
        process = start_process(["redis-server", str(folder / "sentinel.conf"), "--sentinel"], stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(lambda: "a Redis Sentinel at 127.0.0.1 watches" in str(first.status()["why"]), 45, "it is noticed", every=0.2)
        self.assertEqual("degraded", first.status()["state"])


if __name__ == "__main__":
    unittest.main()
