"""The leader is told to end (SIGTERM) under load, as when its pod is deleted: it gives its replica every write before it goes."""

import os
import signal
import time
import unittest

from portal_support import DemoTestCase, report, wait_until
from test_leader_killed import AFTER, BEFORE, CLIENTS, LoadClient


class LeaderEnded(DemoTestCase):
    def test_no_acknowledged_write_is_lost_and_connections_stay(self):
        old = self.demo.leader()
        clients = [LoadClient(number, self.client(number % len(self.demo.portals))) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        wait_until(lambda: all(len(c.acknowledged) >= BEFORE or c.dropped for c in clients), 60, "every client has written")

        told = time.monotonic()
        os.kill(old.pid, signal.SIGTERM)
        wait_until(lambda: not old.replication(), 30, "the leader has ended")
        counts = [len(client.acknowledged) for client in clients]
        wait_until(lambda: all(len(c.acknowledged) >= n + AFTER or c.dropped for c, n in zip(clients, counts)), 60,
                   "every client has written to the new leader")
        for client in clients:
            client.stopping = True
        for client in clients:
            client.join(30)

        acknowledged = [write for client in clients for write in client.acknowledged]
        reader = self.client(0)
        values = [reader.pipeline([("GET", key) for key, *_ in acknowledged[i:i + 500]]) for i in range(0, len(acknowledged), 500)]
        missing = [write for write, value in zip(acknowledged, (v for part in values for v in part)) if value != write[1].encode()]
        in_doubt = sum(len(client.in_doubt) for client in clients)
        report(f"acknowledged writes: {len(acknowledged)}, missing afterwards: {len(missing)}, in doubt: {in_doubt}")
        report(f"longest wait of one command: {max(client.worst_wait for client in clients) * 1000:.0f} ms; "
               f"{len([write for write in acknowledged if write[3] > told])} writes since the signal")
        self.assertEqual([], [client.dropped for client in clients if client.dropped])
        self.assertEqual([], missing)


if __name__ == "__main__":
    unittest.main()
