#!/usr/bin/env python3
"""What one request may cost the shard that carries it: allocations, and instructions in user space, by limits.json.
And how many bytes an idle client may: those of the portal's own, without OpenSSL's.

Counts, not times: they are the same on a fast and a slow machine. Instructions are counted by valgrind and include
OpenSSL's part, so a limit leaves room for another version of it.
"""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

_PROGRAM = os.environ["REQUEST_BUDGET"]
_LIMITS = json.loads((Path(__file__).parent / "limits.json").read_text())
# Everything that a request causes happens in these two; neither calls the other, and what time alone causes is outside.
_COUNTED = ("portal::net::Stream::on_events(unsigned int)", "portal::net::Turn::end()")


def _run(*argv):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=250)
    if done.returncode != 0:
        raise AssertionError(f"{argv[0]} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done


def instructions(case, requests):
    """Instructions of the shard while it serves `requests`, and what it takes to get there."""
    with tempfile.TemporaryDirectory() as folder:
        counted = [f"--toggle-collect={name}" for name in _COUNTED]
        out = f"--callgrind-out-file={folder}/out"
        done = _run("valgrind", "--tool=callgrind", out, *counted, _PROGRAM, case, requests)
    for line in done.stderr.splitlines():
        if "Collected" in line:
            return int(line.split(":")[1])
    raise AssertionError(f"valgrind said nothing of what it has collected: {done.stderr}")


class RequestBudget(unittest.TestCase):
    def test_an_idle_client_holds_no_more_than_its_limit(self):
        size = float(_run(_PROGRAM, "idle", 200).stdout.splitlines()[-1])
        print(f"idle: {size:.0f} bytes per client, at most {_LIMITS['idle']['bytes']}")
        self.assertLessEqual(size, _LIMITS["idle"]["bytes"])
        self.assertGreater(size, _LIMITS["idle"]["bytes"] / 2, "the limit says nothing any more: lower it")

    def test_a_request_allocates_no_more_than_its_limit(self):
        for case, limit in _LIMITS.items():
            if "allocations" not in limit:
                continue
            with self.subTest(case):
                count = float(_run(_PROGRAM, case, 1600).stdout.splitlines()[-1])  # behind what the shard logs
                print(f"{case}: {count:.3f} allocations per request, at most {limit['allocations']}")
                self.assertLessEqual(count, limit["allocations"])

    @unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed, so instructions are not counted")
    def test_a_request_takes_no_more_instructions_than_its_limit(self):
        for case, limit in _LIMITS.items():
            if "instructions" not in limit:  # valgrind would be at it for too long
                continue
            with self.subTest(case):
                few, many = instructions(case, 160), instructions(case, 480)
                count = (many - few) / 320
                print(f"{case}: {count:.0f} instructions per request, at most {limit['instructions']}")
                self.assertLessEqual(count, limit["instructions"])
                self.assertGreater(count, limit["instructions"] / 3, "the limit says nothing any more: lower it")


if __name__ == "__main__":
    unittest.main()
