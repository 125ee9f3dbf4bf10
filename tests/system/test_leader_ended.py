"""The leader is told to end (SIGTERM) under load, as when its pod is deleted: it gives its replica every write before it goes."""

import os
import signal
import time
import unittest

from load_client import LoadClient, missing_writes, stop_all, write_more
from portal_support import DemoTestCase, report, wait_until
from test_leader_killed import AFTER, BEFORE, CLIENTS


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
        write_more(clients, AFTER, "every client has written to the new leader")
        stop_all(clients)

        acknowledged = [write for client in clients for write in client.acknowledged]
        reader = self.client(0)
        missing = missing_writes(reader, acknowledged)
        in_doubt = sum(len(client.in_doubt) for client in clients)
        report(f"acknowledged writes: {len(acknowledged)}, missing afterwards: {len(missing)}, in doubt: {in_doubt}")
        report(f"longest wait of one command: {max(client.worst_wait for client in clients) * 1000:.0f} ms; "
               f"{len([write for write in acknowledged if write[3] > told])} writes since the signal")
        self.assertEqual([], [client.dropped for client in clients if client.dropped])
        self.assertEqual([], missing)


if __name__ == "__main__":
    unittest.main()
