"""Runs `redis-portal demo` for the system tests and gives access to its portals and nodes. Standard library only.

The program is taken from REDIS_PORTAL (ctest sets it), else build/release/redis-portal. Everything that a test starts dies
with the test process, whatever kills it: children ask the kernel for that (PR_SET_PDEATHSIG), as the demo's own do.
"""

import ctypes
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from resp_client import Client, tls_context

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("REDIS_PORTAL", str(ROOT / "build/release/redis-portal"))

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start_process(argv, **options):
    """subprocess.Popen whose child is killed when this process ends. To be called on the main thread."""
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen(argv, preexec_fn=_die_with_parent, **options)


def wait_until(condition, deadline, what, every=0.02):
    """Asks again, each time after `every` seconds, until condition() is true (its value is returned) or `deadline` seconds have passed."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {deadline} s")
        time.sleep(every)


def report(text):
    """Prints a measured figure, so that it stands in ctest's log."""
    print(f"[measured] {text}", file=sys.stderr, flush=True)


def http_post(url, headers=()):
    """(status, body) of an empty POST."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=b"", headers=dict(headers), method="POST"), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_base_port(nodes, portals):
    """A base port whose derived ports are all free, below the range that the kernel takes for outgoing connections."""
    for _ in range(200):
        base = random.randrange(20000, 29000)
        wanted = [*range(base, base + portals), *range(base + 10, base + 10 + nodes), *range(base + 3000, base + 3000 + portals)]
        if all(is_free(port) for port in wanted):
            return base
    raise AssertionError("no free ports")


class Node:
    """One redis-server of the demo."""

    def __init__(self, description, password):
        self.name = description["name"]
        self.port = description["port"]
        self.pid = description["pid"]
        self.start_command = description["start"]
        self.data_dir = Path(description["data_dir"])
        self.password = password
        self.process = None  # set once the test itself has started it again

    def client(self):
        return Client(self.port, password=self.password)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self._forget()

    def pause(self):
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)

    def _forget(self):
        if self.process is not None:
            self.process.wait()
            self.process = None
        wait_until(lambda: is_free(self.port), 5, f"{self.name} is gone after kill -9")

    def restart(self):
        """Starts the killed node with the command of demo.json."""
        self.process = start_process(self.start_command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid

    def empty(self):
        """Removes all that the killed node has stored."""
        for entry in self.data_dir.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def replication(self):
        """INFO replication as a dict; empty when the node does not answer."""
        try:
            with Client(self.port, password=self.password, timeout=1.0) as client:
                text = client.command("INFO", "replication")
        except (OSError, AssertionError):
            return {}
        if not isinstance(text, bytes):
            return {}
        return dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)


class Portal:
    """One portal of the demo."""

    def __init__(self, description, demo):
        self.name = description["name"]
        self.port = description["port"]
        self.admin_port = description["admin_port"]
        self.admin_socket = description.get("admin_socket")
        self.pid = description["pid"]
        self.log = Path(description["log"])
        self.demo = demo
        self.process = None  # set once the test itself has started it again

    def client(self, **options):
        """A client that is logged in over verified TLS."""
        options.setdefault("password", self.demo.password)
        return Client(self.port, context=options.pop("context", None) or tls_context(self.demo.ca_file), **options)

    def kill(self):
        self.start_command = [word.decode() for word in Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")[:-1]]
        os.kill(self.pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
            self.process = None
        wait_until(lambda: is_free(self.port), 5, f"{self.name} is gone after kill -9")

    def restart(self):
        """Starts the killed portal as the demo has started it."""
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = start_process(self.start_command, stdout=log, stderr=log)
        self.pid = self.process.pid

    def listens(self):
        return not is_free(self.port)

    def get(self, path):
        """(status, body) of the admin server."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def post(self, path, **headers):
        """(status, body) of a change that is asked for over the admin port."""
        return http_post(f"http://127.0.0.1:{self.admin_port}{path}", headers)

    def switchover(self, *arguments):
        """A planned change of leader over the portal's socket, as an operator starts it."""
        subprocess.run([PROGRAM, "switchover", *arguments, "--admin", f"unix:{self.admin_socket}"], check=True, capture_output=True, timeout=40)

    def status(self):
        code, body = self.get("/status.json")
        if code != 200:
            raise AssertionError(f"/status.json answered {code}")
        return json.loads(body)

    def metric(self, name, **labels):
        """The sum of the samples of that name which carry these labels."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            match = re.fullmatch(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?", line)
            if match and match[1] == name:
                found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
                if all(found.get(key) == value for key, value in labels.items()):
                    total += float(match[3])
        return total


class Demo:
    """A running demo with a folder and ports of its own."""

    def __init__(self, nodes=2, portals=2, settings=(), options=()):
        self.dir = Path(tempfile.mkdtemp(prefix="redis-portal-test."))
        self.base_port = free_base_port(nodes, portals)
        argv = [PROGRAM, "demo", "--dir", str(self.dir), "--base-port", str(self.base_port),
                "--nodes", str(nodes), "--portals", str(portals), *options]
        for setting in settings:
            argv += ["--set", setting]
        self.output = tempfile.NamedTemporaryFile(prefix="redis-portal-demo-output.", mode="w+")
        self.process = start_process(argv, stdout=self.output, stderr=self.output)
        try:
            wait_until(self._described, 60, "demo.json is written")
            description = json.loads((self.dir / "demo.json").read_text())
        except BaseException:
            self.dump_logs()
            self.stop()
            raise
        self.ca_file = description["ca_file"]
        self.password = description["password"]
        self.nodes = [Node(entry, self.password) for entry in description["nodes"]]
        self.portals = [Portal(entry, self) for entry in description["portals"]]

    def _described(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the demo ended at start with status {self.process.returncode}")
        return (self.dir / "demo.json").exists()

    def printed(self):
        """All that the demo has written to its terminal."""
        return Path(self.output.name).read_text()

    def stop(self):
        """Stops the demo and removes its folder; returns the demo's exit status. Fails on a sanitizer's report."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(25)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for started in [*getattr(self, "nodes", []), *getattr(self, "portals", [])]:
            if started.process is not None:
                started.process.kill()
                started.process.wait()
        self.output.close()
        found = self.sanitizer_report()
        shutil.rmtree(self.dir, ignore_errors=True)
        if found:
            raise AssertionError(found)
        return self.process.returncode

    def sanitizer_report(self):
        """What a sanitizer has written into a portal's log, or nothing."""
        for portal in getattr(self, "portals", []):
            text = portal.log.read_text(errors="replace") if portal.log.exists() else ""
            for sign in ("WARNING: ThreadSanitizer", "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:"):
                if sign in text:
                    return f"{portal.name}: {text[text.index(sign):][:4000]}"
        return ""

    def dump_logs(self):
        """Shows the ends of all logs; for a test that failed."""
        for log in [Path(self.output.name), *sorted(self.dir.glob("*/*.log"))]:
            if log.exists():
                lines = log.read_text(errors="replace").splitlines()[-60:]
                print(f"--- {log.name} of {log.parent.name}", *lines, sep="\n", file=sys.stderr)

    def leader(self):
        """The one node that says it leads; None while none or several do."""
        leaders = [node for node in self.nodes if node.replication().get("role") == "master"]
        return leaders[0] if len(leaders) == 1 else None

    def replicas(self):
        return [node for node in self.nodes if node.replication().get("role") == "slave"]

    def follows(self, node, leader):
        """True when `node` is a replica of `leader` with its link up."""
        seen = node.replication()
        return seen.get("role") == "slave" and seen.get("master_port") == str(leader.port) and seen.get("master_link_status") == "up"

    def wait_replicated(self):
        """Until every live replica holds all that the leader holds."""
        def done():
            leader = self.leader()
            offsets = {node.replication().get("slave_repl_offset", "") for node in self.replicas()}
            return leader is not None and offsets == {leader.replication().get("master_repl_offset")}
        wait_until(done, 10, "replicas hold what the leader holds")

    def change_leader(self, kill):
        """Another node leads: after kill -9 of the leader, or by a switchover. The old leader and the new one; see settle()."""
        old = self.leader()
        new = next(node for node in self.nodes if node is not old)
        if kill:
            old.kill()
        else:
            self.portals[0].switchover()
        wait_until(lambda: new.replication().get("role") == "master", 20, "the other node leads")
        return old, new

    def settle(self, old, new, kill):
        """After change_leader(): until every portal knows the new leader, and the old one, started again if it was killed, is in sync."""
        for portal in self.portals:
            wait_until(lambda portal=portal: portal.status()["topology"]["leader"] == new.name, 20, "the portals know")
        if kill:
            old.restart()
        wait_until(lambda: self.follows(old, new), 30, "the old leader follows")
        wait_until(lambda: all(node["in_sync"] for node in self.portals[0].status()["topology"]["nodes"]), 30, "in sync")


def _show_logs_after_a_failure(test, demo):
    # unittest has no public way for a test to learn in its clean-up whether it has failed.
    result = test._outcome.result
    before = len(result.failures) + len(result.errors)
    test.addCleanup(lambda: len(result.failures) + len(result.errors) > before and demo.dump_logs())


def demo_for(test, **options):
    """A demo for one test: stopped at its end, with its logs shown if the test failed."""
    demo = Demo(**options)
    test.addCleanup(demo.stop)
    _show_logs_after_a_failure(test, demo)
    return demo


class DemoTestCase(unittest.TestCase):
    """Runs one demo for all tests of the class: self.demo."""

    nodes = 2
    portals = 2
    settings = ()

    @classmethod
    def setUpClass(cls):
        cls.demo = Demo(cls.nodes, cls.portals, cls.settings)
        cls.addClassCleanup(cls.demo.stop)

    def setUp(self):
        _show_logs_after_a_failure(self, self.demo)

    def client(self, portal=0, **options):
        """A logged-in client through that portal, closed at the end of the test."""
        client = self.demo.portals[portal].client(**options)
        self.addCleanup(client.close)
        return client
