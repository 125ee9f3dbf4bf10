"""The demo itself: what it writes, how it ends, and what it says when it cannot start."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from portal_support import PROGRAM, demo_for, free_base_port, is_free, report, wait_until


def alive(pid):
    """True while the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class ADemo(unittest.TestCase):
    def start(self, **options):
        started = time.monotonic()
        demo = demo_for(self, **options)
        report(f"demo ready after {time.monotonic() - started:.2f} s")
        return demo

    def test_describes_its_members_and_ends_them_all_on_a_signal(self):
        demo = self.start()
        description = json.loads((demo.dir / "demo.json").read_text())
        self.assertEqual({"dir", "ca_file", "username", "password", "portals", "nodes"}, description.keys())
        for portal in description["portals"]:
            self.assertLessEqual({"name", "host", "port", "admin_port", "admin_socket", "pid"}, portal.keys())
        for node in description["nodes"]:
            self.assertLessEqual({"name", "host", "port", "pid", "start"}, node.keys())
        self.assertEqual([demo.base_port, demo.base_port + 1], [portal.port for portal in demo.portals])
        self.assertEqual([demo.base_port + 3000, demo.base_port + 3001], [portal.admin_port for portal in demo.portals])
        self.assertEqual([demo.base_port + 10, demo.base_port + 11], [node.port for node in demo.nodes])

        pids = [member.pid for member in demo.portals + demo.nodes]
        self.assertTrue(all(alive(pid) for pid in pids))
        demo.process.send_signal(signal.SIGINT)
        self.assertEqual(0, demo.process.wait(20))
        self.assertEqual([], [pid for pid in pids if alive(pid)])

    def test_leaves_no_process_behind_when_it_is_killed(self):
        demo = self.start()
        pids = [member.pid for member in demo.portals + demo.nodes]
        demo.process.kill()
        demo.process.wait()
        wait_until(lambda: not any(alive(pid) for pid in pids), 5, "portals and nodes end with the demo")

    def test_keeps_its_folder_to_itself(self):
        demo = self.start()
        before = (demo.dir / "demo.json").read_text()
        base = free_base_port(2, 2)
        second = subprocess.run([PROGRAM, "demo", "--dir", demo.dir, "--base-port", str(base)], capture_output=True, text=True, timeout=60)
        self.assertEqual(1, second.returncode)
        self.assertIn(f"another demo runs in the folder {demo.dir}", second.stderr)
        self.assertEqual(before, (demo.dir / "demo.json").read_text())
        self.assertTrue(demo.leader())

    def test_keeps_secrets_out_of_process_arguments_and_readable_files(self):
        demo = self.start()
        for member in demo.portals + demo.nodes:
            self.assertNotIn(demo.password.encode(), Path(f"/proc/{member.pid}/cmdline").read_bytes())
        for path in demo.dir.rglob("*"):
            if path.is_file() and demo.password.encode() in path.read_bytes():
                self.assertEqual(0o600, path.stat().st_mode & 0o777, path)

    def test_starts_a_node_again_when_asked_to(self):
        demo = self.start(options=["--restart-nodes"])
        node = demo.leader()
        other = next(each for each in demo.nodes if each is not node)
        os.kill(node.pid, signal.SIGKILL)
        wait_until(lambda: demo.leader() is other and demo.follows(node, other), 20, f"{node.name} is back as a replica")
        described = {each["name"]: each["pid"] for each in json.loads((demo.dir / "demo.json").read_text())["nodes"]}
        self.assertNotEqual(node.pid, described[node.name])
        self.assertTrue(alive(described[node.name]))

    def test_its_clients_witness_that_a_lost_leader_costs_nothing_but_a_moment(self):
        demo = self.start(options=["--traffic"])
        lines = lambda: [line for line in demo.printed().splitlines() if "commands/s" in line]
        wait_until(lambda: any("redis-" in line and not line.startswith("0 commands") for line in lines()), 20, "clients are served")
        old = demo.leader()
        os.kill(old.pid, signal.SIGKILL)
        wait_until(lambda: f"leads now, after {old.name}" in demo.printed(), 30, "the change is told")
        seen = len(lines())
        wait_until(lambda: len(lines()) > seen and "commands/s" in lines()[-1], 20, "clients go on")
        self.assertIn(" 0 errors", lines()[-1], demo.printed())
        self.assertNotIn("made anew", lines()[-1], "no connection was lost")
        self.assertFalse(lines()[-1].startswith("0 commands"), demo.printed())

    def test_also_ends_a_node_that_was_started_again_by_hand(self):
        demo = self.start()
        node = demo.replicas()[0]
        node.kill()
        node.restart()
        wait_until(lambda: node.replication(), 10, f"{node.name} answers again")
        demo.process.terminate()
        self.assertEqual(0, demo.process.wait(20))
        node.process.wait(5)


class ADemoThatCannotStart(unittest.TestCase):
    def run_demo(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run([PROGRAM, "demo", "--dir", folder, *arguments], capture_output=True, text=True, timeout=60)

    def test_names_the_port_that_is_taken(self):
        base = free_base_port(2, 2)
        with socket.socket() as occupant:
            occupant.bind(("127.0.0.1", base + 11))
            occupant.listen()
            ended = self.run_demo("--base-port", str(base))
        self.assertEqual(1, ended.returncode)
        self.assertIn(f"port {base + 11}", ended.stderr)
        self.assertEqual(1, len(ended.stderr.splitlines()), ended.stderr)

    def test_a_subcommand_that_is_missing_or_not_known_is_answered_with_those_that_there_are(self):
        for words, said in (((), "a subcommand is missing"), (("serv",), "'serv' is not known"), (("certs", "make"), "'make' is not known")):
            ended = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=60)
            self.assertEqual((2, ""), (ended.returncode, ended.stdout))
            self.assertIn(said, ended.stderr)
            self.assertIn("init, show" if "certs" in words else "serve, check, agent, demo", ended.stderr)

    def test_says_what_is_wrong_with_a_setting_and_leaves_nothing_running(self):
        for setting in ("no-equals-sign", "name.below=1", "no_such_key=1", "monitor.down_after=soon"):
            base = free_base_port(2, 2)
            ended = self.run_demo("--base-port", str(base), "--set", setting)
            self.assertEqual(1, ended.returncode, setting)
            self.assertIn(setting.split("=")[0].split(".")[-1], ended.stderr)
            self.assertTrue(all(is_free(port) for port in (base, base + 1, base + 10, base + 11)))


if __name__ == "__main__":
    unittest.main()
