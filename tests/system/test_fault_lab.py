"""Two schedules of the fault lab, short: hosts of their own, faults from a seed, a checker. Many more: faultlab/lab.py --runs."""

import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "faultlab"))
import lab  # noqa: E402
import network  # noqa: E402

SEED = int(os.environ.get("FAULT_LAB_SEED", "2"))


class FaultLab(unittest.TestCase):
    def test_no_effect_is_invented_doubled_or_reordered_whatever_fails(self):
        if reason := network.unavailable():
            self.skipTest(reason)
        for seed in (SEED, SEED + 1):
            with self.subTest(seed=seed):
                said = [f"seed {seed}"]
                verdict = lab.run_schedule(seed, [], faults=2, say=said.append)
                print(*said, sep="\n", file=sys.stderr)
                self.assertEqual([], verdict.violations)
                self.assertGreater(verdict.acknowledged, 1000)


if __name__ == "__main__":
    unittest.main()
