"""redis-py, the newest there is, asks to be told of maintenance, and waits longer while the leader changes."""

import json
import os
import subprocess
import sys
import threading
import unittest
from pathlib import Path

from portal_support import ROOT, demo_for, report, start_process, wait_until

PROGRAM = Path(__file__).with_name("redis_py_in_maintenance.py")


def _newest_redis_py():
    """The folder that it was installed into."""
    folder = Path(os.environ.get("PORTAL_CLIENTS_CACHE", str(ROOT / "build/release/clients"))) / "newest-redis-py"
    if not (folder / "redis").is_dir():
        made = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "20", "--only-binary",
                               ":all:", "--target", str(folder), "redis>=7"], capture_output=True, text=True)
        if made.returncode != 0:
            raise unittest.SkipTest(f"redis-py cannot be fetched: {(made.stderr.strip().splitlines() or ['no pip'])[-1]}")
    return folder


class Application:
    """The program of redis-py: counts what it has done, and says so when its standard input ends."""

    def __init__(self, test, port, host="localhost", **settings):
        settings |= {"host": host, "port": port, "password": test.demo.password, "ca_file": str(test.demo.ca_file)}
        self.process = start_process([sys.executable, "-B", str(PROGRAM), json.dumps(settings)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     text=True, env={**os.environ, "PYTHONPATH": str(test.site)})
        test.addCleanup(self._stop)
        test.assertEqual("running", self.process.stdout.readline().strip())

    def end(self):
        """What it counted: {done, errors, moving, failing_over, failed_over, version}."""
        out, _ = self.process.communicate(timeout=60)
        return json.loads(out.splitlines()[-1])

    def _stop(self):
        self.process.kill()
        self.process.communicate()


class Numbers(unittest.TestCase):
    def test_both_portals_tell_a_change_of_leader_by_the_same_numbers_which_grow(self):
        self.demo = demo_for(self, portals=2, settings=("maintenance=on",))
        clients = [portal.client() for portal in self.demo.portals]
        for client in clients:
            self.addCleanup(client.close)
            client.command("HELLO", "3")
            self.assertEqual("OK", client.command("CLIENT", "MAINT_NOTIFICATIONS", "ON", "moving-endpoint-type", "none"))
        last = 0
        for _ in range(2):
            old, replica = self.demo.leader(), self.demo.replicas()[0]
            replica.pause()
            old.kill()
            begun = [client.read() for client in clients]
            replica.resume()
            over = [client.read() for client in clients]
            report(f"told {begun[0]}, then {over[0]}")
            for opener, closer in zip(begun, over):
                self.assertEqual(([b"FAILING_OVER", 0, b'["1"]'], [b"FAILED_OVER", b'["1"]']), ([opener[0], *opener[2:]], [closer[0], *closer[2:]]))
                self.assertEqual(opener[1] + 1, closer[1])
            self.assertEqual(begun[0][1], begun[1][1])
            self.assertGreater(begun[0][1], last)
            last = over[0][1]
            self.demo.settle(old, replica, kill=True)

    def test_a_planned_switchover_is_over_before_it_is_worth_telling(self):
        self.demo = demo_for(self, portals=2, settings=("maintenance=on",))
        client = self.demo.portals[1].client()
        self.addCleanup(client.close)
        client.command("HELLO", "3")
        self.assertEqual("OK", client.command("CLIENT", "MAINT_NOTIFICATIONS", "ON"))
        self.demo.settle(*self.demo.change_leader(kill=False), kill=False)
        told = self.demo.portals[1].metric("redis_portal_maintenance_notices_total")
        report(f"{told:.0f} notices for a planned switchover")
        self.assertIn(told, (0, 2, 4), "none, or on a slow machine pairs")


class Maintenance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = _newest_redis_py()

    def test_a_command_waits_longer_while_nobody_can_lead(self):
        self.demo = demo_for(self, portals=2, settings=("maintenance=on",))
        old = self.demo.leader()
        replica = self.demo.replicas()[0]
        told, untold = (Application(self, self.demo.portals[0].port, workers=1, timeout=2, maintenance=on, reads=True) for on in (True, False))
        replica.pause()
        old.kill()
        # Longer than a read of either waits by itself.
        threading.Event().wait(4)
        replica.resume()
        wait_until(lambda: self.demo.portals[0].status()["topology"]["leader"] == replica.name, 20, "the replica leads")
        told, untold = told.end(), untold.end()
        report(f"redis-py {told['version']}: told {told}, not told {untold}")
        self.assertEqual([], told["errors"])
        self.assertEqual((1, 1), (told["failing_over"], told["failed_over"]))
        self.assertIn("TimeoutError", untold["errors"], "else the test shows nothing")


if __name__ == "__main__":
    unittest.main()
