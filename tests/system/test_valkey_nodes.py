"""Valkey 8 as the nodes: the leader is killed under load, the role is moved as planned, and moved by FAILOVER TO where CLIENT PAUSE is denied."""

import collections
import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from load_client import LoadClient, missing_writes, stop_all, write_more
from other_servers import NotAvailable, valkey_8
from portal_support import PROGRAM, demo_for, report, wait_until

CLIENTS = 8
WRITES = 50


class ValkeyNodes(unittest.TestCase):
    def setUp(self):
        try:
            program = valkey_8()
        except NotAvailable as reason:
            self.skipTest(str(reason))
        # The demo runs the redis-server that it finds first.
        programs = tempfile.TemporaryDirectory(prefix="redis-portal-valkey.")
        self.addCleanup(programs.cleanup)
        (Path(programs.name) / "redis-server").symlink_to(program)
        before = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", before)
        os.environ["PATH"] = f"{programs.name}:{before}"
        self.demo = demo_for(self)
        for node in self.demo.nodes:
            with node.client() as direct:
                self.assertIn(b"server_name:valkey", direct.command("INFO", "server"), node.name)

    def start_load(self):
        clients = []
        for number in range(CLIENTS):
            client = self.demo.portals[number % 2].client()
            self.addCleanup(client.close)
            clients.append(LoadClient(number, client))
            clients[-1].start()
        self.addCleanup(stop_all, clients)
        write_more(clients, WRITES, "every client writes")
        return clients

    def ended(self, clients, what):
        """What the clients saw, once they have stopped: errors, and acknowledged writes that are missing."""
        stop_all(clients)
        errors = sum((client.errors for client in clients), collections.Counter())
        acknowledged = [write for client in clients for write in client.acknowledged]
        with self.demo.portals[0].client() as reader:
            missing = missing_writes(reader, acknowledged)
        report(f"{what}: {len(acknowledged)} writes acknowledged, {len(missing)} missing, errors {dict(errors)}, longest wait "
               f"{max(client.worst_wait for client in clients) * 1000:.0f} ms")
        self.assertEqual([], [client.dropped for client in clients if client.dropped])
        return errors, missing

    def switch_over(self):
        old = self.demo.leader()
        command = [PROGRAM, "switchover", "--admin", f"http://127.0.0.1:{self.demo.portals[0].admin_port}"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=30)
        self.assertEqual(0, run.returncode, run.stderr)
        self.assertIsNot(old, self.demo.leader())
        wait_until(lambda: self.demo.follows(old, self.demo.leader()), 20, "the old leader follows")

    def test_the_leader_is_killed_and_comes_back(self):
        old = self.demo.leader()
        new = next(node for node in self.demo.nodes if node is not old)
        clients = self.start_load()
        killed = time.monotonic()
        old.kill()
        write_more(clients, WRITES, "every client has written to the new leader")
        errors, missing = self.ended(clients, "kill -9 of the leader")
        self.assertLessEqual(set(errors), {("SET", "INDOUBT")})
        # Replication is asynchronous: only what was acknowledged just before the kill can be missing.
        self.assertEqual([], [write for write in missing if write[3] < killed - 1.0])
        self.assertIs(new, self.demo.leader())
        old.restart()
        wait_until(lambda: self.demo.follows(old, new), 20, "the killed node is a replica")
        self.demo.wait_replicated()

    def test_the_role_is_moved_as_planned(self):
        clients = self.start_load()
        self.switch_over()
        write_more(clients, WRITES, "every client has written to the new leader")
        with self.demo.leader().client() as direct:
            self.assertEqual("OK", direct.command("ACL", "SETUSER", "default", "-client|pause"))
        self.switch_over()
        write_more(clients, WRITES, "every client has written to the leader after that")
        errors, missing = self.ended(clients, "two planned switchovers, the second by FAILOVER TO")
        self.assertEqual({}, dict(errors))
        self.assertEqual([], missing)


if __name__ == "__main__":
    unittest.main()
