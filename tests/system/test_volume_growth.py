"""Volumes that grow: portals and agents as processes, the claims in the stand-in API server (tests/support/claims_stand_in.py).
How full a volume is comes from a real file system: a tmpfs of a few megabytes for each GiB of the claim."""

import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from node_agents import AgentCluster
from portal_support import report, wait_until
from resp_client import RespError

MIB = 1 << 20
SCALE = 4 * MIB  # of tmpfs for each GiB of the claim
GIB = 1 << 30


def why_not():
    """Why no tmpfs can be mounted here; empty when it can."""
    if os.geteuid() != 0:
        return "mounting a tmpfs needs root"
    folder = tempfile.mkdtemp()
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MIB}", "tmpfs", folder], capture_output=True, text=True)
        if mounted.returncode != 0:
            return f"no tmpfs can be mounted here: {mounted.stderr.strip()}"
        subprocess.run(["umount", folder], check=True)
        return ""
    finally:
        os.rmdir(folder)


WHY_NOT = why_not()


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Growth(unittest.TestCase):
    def volume(self, gib):
        folder = Path(tempfile.mkdtemp(prefix="redis-portal-volume."))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={gib * SCALE}", "tmpfs", str(folder)], check=True)
        self.addCleanup(shutil.rmtree, folder, True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(folder)])
        return folder

    def cluster(self, gib=(8, 8), expand=None, node_options=(), **claim):
        self.folders = [self.volume(size) for size in gib]
        claims = [{"name": f"data-redis-{i}", "size": f"{size}Gi", "folder": str(folder), "scale": SCALE, **claim}
                  for i, (size, folder) in enumerate(zip(gib, self.folders))]
        settings = {"limit": "64GiB", "cooldown": "1s", **(expand or {})}
        return AgentCluster(self, data=lambda i: self.folders[i], auto_expand=settings, claims=claims, node_options=node_options)

    @staticmethod
    def fill(folder, percent):
        found = os.statvfs(folder)
        size = found.f_blocks * found.f_frsize
        (folder / "ballast").write_bytes(b"x" * (size * percent // 100))

    def sizes(self, cluster):
        claims = cluster.asked("claims")["claims"]
        return [claims[f"data-redis-{i}"]["status"]["capacity"]["storage"] for i in range(2)]

    def reasons(self, cluster):
        return {(event["reason"], event["involvedObject"]["name"]) for event in cluster.asked("events").values()
                if event["involvedObject"]["kind"] == "PersistentVolumeClaim"}

    def test_both_grow_to_one_size_the_replica_first_and_never_twice_for_one_need(self):
        cluster = self.cluster()
        leader = cluster.nodes.index(cluster.leader())
        self.fill(self.folders[leader], 80)
        wait_until(lambda: self.sizes(cluster) == ["12Gi", "12Gi"], 60, "both have 12Gi")
        self.assertEqual(cluster.asked("claims")["patches"], [[f"data-redis-{1 - leader}", "12Gi"], [f"data-redis-{leader}", "12Gi"]])
        wait_until(lambda: {("VolumeExpanding", "data-redis-0"), ("VolumeExpanding", "data-redis-1"), ("VolumeExpanded", "data-redis-0"),
                            ("VolumeExpanded", "data-redis-1")} <= self.reasons(cluster), 30, "the Events are there")
        name = f"data-redis-{leader}"
        wait_until(lambda: cluster.metric("redis_portal_volume_capacity_bytes", pvc=name) == 12 * GIB, 30, "the metric follows")
        self.assertEqual(cluster.metric("redis_portal_volume_expansions_total", pvc=name, result="ok"), 1)
        self.assertEqual(cluster.metric("redis_portal_volume_limit_bytes", pvc=name), 64 * GIB)

    def test_a_new_smaller_volume_grows_at_once(self):
        cluster = self.cluster(gib=(8, 20))
        wait_until(lambda: self.sizes(cluster) == ["20Gi", "20Gi"], 60, "the smaller one has grown")
        self.assertEqual(cluster.asked("claims")["patches"], [["data-redis-0", "20Gi"]])

    def blocked(self, cluster, claim, reason):
        wait_until(lambda: cluster.metric("redis_portal_volume_expansion_blocked", pvc=claim, reason=reason) == 1, 60, f"blocked: {reason}")

    def test_a_class_without_expansion_and_a_used_up_quota_are_told_and_not_asked_for_again(self):
        for claim, reason in (({"expandable": False}, "unsupported"), ({}, "quota")):
            with self.subTest(reason):
                cluster = self.cluster(**claim)
                if reason == "quota":
                    cluster.tell("quota", {"gib": 17})
                self.fill(self.folders[0], 80)
                self.blocked(cluster, "data-redis-0", reason)
                wait_until(lambda: ("ExpansionBlocked", "data-redis-0") in self.reasons(cluster), 30, "an Event says so")
                self.assertEqual(cluster.asked("claims")["patches"], [])
                self.assertEqual(cluster.metric("redis_portal_volume_expansions_total", pvc="data-redis-0", result="refused"), 1)
                cluster.stop()

    def test_a_role_without_the_verb_costs_growth_only_and_is_named(self):
        cluster = self.cluster()
        cluster.tell("faults", {"verb": "patch", "resource": "persistentvolumeclaims", "status": 403, "count": 1000, "message": "forbidden"})
        self.fill(self.folders[0], 80)
        self.blocked(cluster, "data-redis-0", "denied")
        denied = {"verb": "patch", "resource": "persistentvolumeclaims", "role": "cache-portal"}
        self.assertGreater(cluster.metric("redis_portal_kubernetes_denied_total", **denied), 0)
        self.assertIn("give the Role cache-portal the verbs get and patch on persistentvolumeclaims", cluster.acting().log.read_text())
        with cluster.portals[1].client() as client:
            self.assertEqual(client.command("SET", "still", "works"), "OK")

    def test_what_is_growing_is_followed_and_not_patched_again_and_the_limit_holds(self):
        cluster = self.cluster(expand={"limit": "9GiB"}, stick=True)
        for folder in self.folders:  # so full that the leader does not wait for the replica
            self.fill(folder, 96)
        self.blocked(cluster, "data-redis-0", "pending")
        self.assertEqual(sorted(cluster.asked("claims")["patches"]), [["data-redis-0", "9Gi"], ["data-redis-1", "9Gi"]])
        cluster.tell("heal", {})
        wait_until(lambda: self.sizes(cluster) == ["9Gi", "9Gi"], 60, "both have 9Gi")
        self.blocked(cluster, "data-redis-0", "limit")
        self.assertEqual(len(cluster.asked("claims")["patches"]), 2)

    def test_a_full_volume_stops_writes_grows_and_writes_return(self):
        cluster = self.cluster(expand={"cooldown": "6h"}, node_options=("--appendonly", "yes", "--appendfsync", "everysec"))
        portal = cluster.portals[0]
        refused = ""
        with portal.client(timeout=60) as client:
            for number in range(4000):
                reply = client.command("SET", f"fill:{number % 400}", b"x" * 20000)
                if isinstance(reply, RespError):
                    refused = str(reply)
                    break
            self.assertIn("MISCONF", refused, "the disk became full")
            report(f"a full disk answers: {refused}")
            began = time.monotonic()
            wait_until(lambda: client.command("SET", "after", "growth") == "OK", 120, "writes return")
            report(f"writes returned after {time.monotonic() - began:.1f} s")
            self.assertEqual(client.command("GET", "after"), b"growth")
        wait_until(lambda: self.sizes(cluster) == ["12Gi", "12Gi"], 60, "both have 12Gi")
        for node in cluster.nodes:
            if node.process.poll() is not None:  # a replica that cannot write ends itself (replica-ignore-disk-write-errors)
                node.start()
        wait_until(lambda: all(len([n for n in p.topology().get("nodes", []) if n["in_sync"]]) == 2 for p in cluster.portals), 60, "both nodes are in sync")
        report(f"sizes after the full disk: {self.sizes(cluster)}; patches {cluster.asked('claims')['patches']}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
