"""The portal under systemd: what it tells the service manager, and the unit file."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

from mounted_portal import MountedPortal
from portal_support import ROOT, demo_for

UNIT = ROOT / "packaging/redis-portal.service"
MOST_EXPOSED = 2.0


class Told(unittest.TestCase):
    def setUp(self):
        self.demo = demo_for(self, portals=1)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        path = str(self.demo.dir / "notify")
        self.socket.bind(path)
        self.socket.settimeout(20)
        self.portal = MountedPortal(self.demo, environment={"NOTIFY_SOCKET": path})
        self.addCleanup(self.portal.stop)

    def told(self, wanted):
        """The next message that has this line."""
        while True:
            lines = self.socket.recv(4096).decode().splitlines()
            if wanted in lines:
                return lines

    def test_ready_reloading_ready_alive_stopping(self):
        self.told("READY=1")
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        os.kill(self.portal.pid, signal.SIGHUP)
        (since,) = [line for line in self.told("RELOADING=1") if line.startswith("MONOTONIC_USEC=")]
        self.assertGreaterEqual(int(since.split("=")[1]), before)
        self.told("READY=1")
        lines = self.told("WATCHDOG=1")
        self.assertRegex("\n".join(lines), r"STATUS=leader redis-\d, \d+ clients")
        os.kill(self.portal.pid, signal.SIGTERM)
        self.told("STOPPING=1")
        self.assertEqual(0, self.portal.process.wait(20))


class Unit(unittest.TestCase):
    def setUp(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not installed")

    def test_it_is_hardened(self):
        answer = subprocess.run(["systemd-analyze", "security", "--offline=true", UNIT], capture_output=True, text=True, timeout=60)
        level = re.search(r"Overall exposure level for redis-portal.service: ([0-9.]+)", answer.stdout)
        self.assertIsNotNone(level, answer.stdout[-500:] + answer.stderr)
        self.assertLess(float(level[1]), MOST_EXPOSED)


if __name__ == "__main__":
    unittest.main()
