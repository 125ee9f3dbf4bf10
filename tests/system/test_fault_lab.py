"""The fault lab, in short: hosts of their own, faults from a seed, named situations, a checker. Many more: faultlab/lab.py --runs."""

import os
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "faultlab"))
import lab  # noqa: E402
import network  # noqa: E402
import scenarios  # noqa: E402

SEED = int(os.environ.get("FAULT_LAB_SEED", "8"))


class FaultLab(unittest.TestCase):
    def setUp(self):
        if reason := network.unavailable():
            self.skipTest(reason)

    def assert_right(self, said, verdict, least=500):
        print(*said, f"  {lab.told(verdict)}", sep="\n", file=sys.stderr)
        self.assertEqual([], verdict.violations)
        self.assertGreater(verdict.acknowledged, least)

    def test_no_effect_is_invented_doubled_or_reordered_whatever_fails(self):
        said = [f"seed {SEED}"]
        self.assert_right(said, lab.run_schedule(SEED, faults=3, spacing=2.5, say=said.append))

    def test_clients_see_of_each_situation_no_more_than_they_must(self):
        etcd = 3 if shutil.which("etcd") else 0
        chosen = [each for each in scenarios.SCENARIOS if each.etcd <= etcd and not each.heavy]
        if left_out := [each.name for each in scenarios.SCENARIOS if each.etcd > etcd]:
            print(f"etcd is not installed (Debian: etcd-server), so without: {', '.join(left_out)}", file=sys.stderr)
        said = []
        self.assert_right(said, lab.run_scenarios(chosen, etcd=etcd, say=said.append))

    def test_agents_tell_a_stopped_leader_from_a_busy_one(self):
        said = []
        self.assert_right(said, lab.run_scenarios(scenarios.WITH_AGENTS, agents=True, say=said.append), least=100)

    @unittest.skipUnless(shutil.which("etcd"), "etcd is not installed (Debian: etcd-server)")
    def test_a_portal_that_is_cut_off_with_the_old_leader_acknowledges_no_proven_write_that_is_lost(self):
        chosen = [each for each in scenarios.SCENARIOS if each.name == scenarios.CUT_OFF_TOGETHER]
        said = []
        verdict = lab.run_scenarios(chosen, etcd=1, settings=[("writes.proven", "strict")], say=said.append)
        self.assert_right(said, verdict, least=100)
        self.assertEqual([], verdict.lost)


if __name__ == "__main__":
    unittest.main()
