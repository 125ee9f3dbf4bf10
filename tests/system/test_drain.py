"""A portal that is told to end lets its clients go in steps, and gives the acting role away."""

import os
import signal
import socket
import time
import unittest

from binary_content import random_bytes
from mounted_portal import MountedPortal
from portal_support import demo_for, report, wait_until
from resp_client import encode

DELAY, TIMEOUT = 1.5, 2.0


class Drain(unittest.TestCase):
    def setUp(self):
        self.demo = demo_for(self, portals=1)
        self.portal = MountedPortal(self.demo, drain={"delay": f"{int(DELAY * 1000)}ms", "timeout": f"{int(TIMEOUT * 1000)}ms"})
        self.addCleanup(self.portal.stop)

    def client(self):
        client = self.portal.client()
        self.addCleanup(client.close)
        return client

    def ended(self, client):
        """When the portal closes this connection."""
        client.socket.settimeout(20)
        try:
            while client.socket.recv(4096):
                pass
        except ConnectionResetError:
            pass
        return time.monotonic()

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.portal.port)) == 0

    def test_not_ready_then_no_new_clients_then_no_clients(self):
        idle, blocked, subscriber = self.client(), self.client(), self.client()
        self.assertEqual("PONG", idle.command("PING"))
        blocked.send("BLPOP", "nothing", "0")
        subscriber.command("SUBSCRIBE", "news")
        told = time.monotonic()
        os.kill(self.portal.pid, signal.SIGTERM)
        wait_until(lambda: self.portal.get("/readyz")[0] == 503, DELAY, "/readyz says no")
        report(f"/readyz said no {time.monotonic() - told:.2f} s after SIGTERM")
        self.assertEqual("draining", self.portal.status()["state"])
        late = self.client()
        self.assertEqual("PONG", late.command("PING"))
        self.assertEqual("PONG", idle.command("PING"))
        self.assertLess(time.monotonic() - told, DELAY, "this machine is too slow for the test's times")
        for client in (idle, late):
            self.assertGreaterEqual(self.ended(client) - told, DELAY - 0.1)
        self.assertFalse(self.listens())
        self.assertIsNone(self.portal.process.poll())
        for client in (blocked, subscriber):
            self.assertGreaterEqual(self.ended(client) - told, DELAY + TIMEOUT - 0.1)
        self.assertEqual(0, self.portal.process.wait(15))

    def test_a_pipeline_is_answered_to_its_end(self):
        self.portal.configure(drain={"delay": "0s", "timeout": "30s"})
        wait_until(lambda: self.portal.reloads("success") == 1, 20, "the longer time is taken over")
        client, value = self.client(), random_bytes(65536)
        client.command("SET", "big", value)
        client.send_raw(encode("GET", "big") * 200)
        self.assertEqual(value, client.read())
        os.kill(self.portal.pid, signal.SIGTERM)
        wait_until(lambda: not self.listens(), 10, "the portal takes no more clients")
        for _ in range(199):
            self.assertEqual(value, client.read())
        self.ended(client)
        self.assertEqual(0, self.portal.process.wait(15))

    def test_a_second_signal_ends_it_at_once(self):
        blocked = self.client()
        blocked.send("BLPOP", "nothing", "0")
        os.kill(self.portal.pid, signal.SIGTERM)
        wait_until(lambda: self.portal.get("/readyz")[0] == 503, DELAY, "/readyz says no")
        asked = time.monotonic()
        os.kill(self.portal.pid, signal.SIGTERM)
        self.assertEqual(0, self.portal.process.wait(15))
        self.assertLess(time.monotonic() - asked, DELAY + TIMEOUT)
        self.assertIn("second signal", self.portal.log.read_text())

    def test_the_acting_role_is_given_away_without_waiting_for_the_lease(self):
        first = self.demo.portals[0]
        wait_until(lambda: first.status()["topology"]["acting_here"], 20, "the demo's portal acts")
        os.kill(first.pid, signal.SIGTERM)
        wait_until(lambda: not os.path.exists(f"/proc/{first.pid}") or "gave the acting role away" in first.log.read_text(), 20, "it gives the role away")
        given = time.monotonic()
        wait_until(lambda: self.portal.status()["topology"]["acting_here"], 20, "the other portal acts")
        took = time.monotonic() - given
        report(f"the other portal acted {took:.2f} s after the role was given away; the lease is 4 s")
        self.assertIn("gave the acting role away", first.log.read_text())


if __name__ == "__main__":
    unittest.main()
