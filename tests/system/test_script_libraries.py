"""BullMQ's flows, and commands of ioredis in transactions, over planned changes of leader and kills: neither library ever meets NOSCRIPT.

What a library loads is loaded once for a connection, and connections do not end here, so a leader without it would answer NOSCRIPT for ever."""

import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from portal_support import ROOT, demo_for, report, start_process, wait_until

SOURCE = ROOT / "tests/clients/flows"
FOLDER = Path(os.environ.get("PORTAL_CLIENTS_CACHE", str(ROOT / "build/release/clients"))) / "flows"


def prepared():
    """The folder with the program and its libraries; a reason to skip when they cannot be had."""
    if not shutil.which("npm"):
        raise unittest.SkipTest("npm is not installed")
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = (SOURCE / "package.json").read_text()
    installed = FOLDER / "installed.json"
    shutil.copy(SOURCE / "flows.mjs", FOLDER)
    if not installed.exists() or installed.read_text() != wanted:
        shutil.copy(SOURCE / "package.json", FOLDER)
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=FOLDER, capture_output=True, timeout=150)
        if done.returncode != 0:
            raise unittest.SkipTest("the libraries cannot be fetched")
        installed.write_text(wanted)
    return FOLDER


class ScriptLibraries(unittest.TestCase):
    def test_no_library_meets_a_leader_without_its_scripts(self):
        folder = prepared()
        demo = demo_for(self)
        program = start_process(["node", "flows.mjs"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                env={**os.environ, "PORT": str(demo.portals[0].port), "PASSWORD": demo.password, "CA": demo.ca_file})
        self.addCleanup(program.kill)
        self.assertEqual("running\n", program.stdout.readline())
        with demo.portals[0].client() as look:
            def grows():
                before = int(look.command("GET", "counter") or 0)
                wait_until(lambda: int(look.command("GET", "counter") or 0) > before + 60, 30, "the program goes on")

            grows()
            for kill in (False, True, False, True):
                old = demo.leader()
                new = next(node for node in demo.nodes if node is not old)
                if kill:
                    old.kill()
                else:
                    demo.portals[0].switchover()
                wait_until(lambda: new.replication().get("role") == "master", 20, "the other node leads")
                grows()
                if kill:
                    old.restart()
                wait_until(lambda: demo.follows(old, new), 30, "the old leader follows")
                wait_until(lambda: all(node["in_sync"] for node in demo.portals[0].status()["topology"]["nodes"]), 30, "in sync")
        program.stdin.write("\n")
        program.stdin.flush()
        found = json.loads(program.stdout.readline())
        report(f"over two switchovers and two kills: {found}")
        self.assertLessEqual(set(found["errors"]), {"INDOUBT"})
        self.assertEqual(1, found["connections"], "it kept its connection")
        self.assertGreater(found["flows"], 20)


if __name__ == "__main__":
    unittest.main()
