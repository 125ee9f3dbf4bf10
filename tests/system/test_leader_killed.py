"""The leader is killed under load: client connections stay open, writes go on within two seconds, and nothing is guessed."""

import collections
import os
import signal
import time
import unittest

from load_client import LoadClient, missing_writes, stop_all, write_more
from portal_support import DemoTestCase, report, wait_until

CLIENTS = 24
BEFORE = 100  # acknowledged writes of each client before the kill
AFTER = 100   # and after it


class LeaderKilled(DemoTestCase):
    def start_load(self):
        clients = [LoadClient(number, self.client(number % len(self.demo.portals))) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        wait_until(lambda: all(len(c.acknowledged) >= BEFORE or c.dropped for c in clients), 60, "every client has written")
        return clients

    def test_clients_keep_their_connections_and_write_again_within_two_seconds(self):
        old = self.demo.leader()
        new = next(node for node in self.demo.nodes if node is not old)
        epoch = self.demo.portals[0].status()["topology"]["epoch"]
        clients = self.start_load()
        undecided = self.client(0)
        self.assertEqual(["OK", "QUEUED"], [undecided.command("MULTI"), undecided.command("INCR", "undecided")])

        killed = time.monotonic()
        os.kill(old.pid, signal.SIGKILL)
        write_more(clients, AFTER, "every client has written to the new leader")
        stop_all(clients)

        self.assertEqual(["QUEUED", [1, 2]], [undecided.command("INCR", "undecided"), undecided.command("EXEC")])

        errors = sum((client.errors for client in clients), collections.Counter())
        dropped = [client.dropped for client in clients if client.dropped]
        gap = min(at for client in clients for _, _, sent, at in client.acknowledged if sent > killed) - killed
        acknowledged = [write for client in clients for write in client.acknowledged]
        reader = self.client(0)
        missing = missing_writes(reader, acknowledged)

        report(f"client connections: {CLIENTS}, dropped: {len(dropped)}")
        report(f"time from kill to first accepted write: {gap * 1000:.0f} ms; longest wait of one command: "
               f"{max(client.worst_wait for client in clients) * 1000:.0f} ms")
        report(f"errors that clients saw: {dict(errors)}")
        report(f"acknowledged writes: {len(acknowledged)}, missing afterwards: {len(missing)}")

        self.assertEqual([], dropped)
        self.assertLessEqual(set(errors), {("SET", "INDOUBT")})
        # One command is on its way per client, so no client can have more than one write in doubt.
        self.assertLessEqual(max(len(client.in_doubt) for client in clients), 1)
        self.assertLess(gap, 5.0)
        # Replication is asynchronous: only what was acknowledged just before the kill can be missing.
        self.assertEqual([], [write for write in missing if write[3] < killed - 1.0])
        self.assertIs(new, self.demo.leader())
        for portal in self.demo.portals:
            wait_until(lambda: portal.status()["topology"]["leader"] == new.name, 5, f"{portal.name} routes to the new leader")
            self.assertGreater(portal.status()["topology"]["epoch"], epoch)

        with self.subTest("the killed node comes back as a replica"):
            size = reader.command("DBSIZE")
            old.restart()
            wait_until(lambda: self.demo.follows(old, new), 20, f"{old.name} is a replica of {new.name}")
            self.assertIs(new, self.demo.leader())
            self.demo.wait_replicated()
            with old.client() as direct:
                self.assertEqual(size, direct.command("DBSIZE"))


if __name__ == "__main__":
    unittest.main()
