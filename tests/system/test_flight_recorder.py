"""Each change of leader leaves one account, in /status.json, in the log and in the metrics, which agrees with what clients saw."""

import collections
import subprocess
import unittest

from load_client import LoadClient, stop_all, write_more
from portal_support import PROGRAM, demo_for, report, wait_until

CLIENTS = 16
STAGES = ["detected_ms", "fenced_ms", "promoted_ms", "recorded_ms", "published_ms", "first_write_ms"]


class FlightRecorder(unittest.TestCase):
    def setUp(self):
        self.demo = demo_for(self, settings=("monitor.busy_after=0s",))  # SIGSTOP is to look like death
        self.demo.wait_replicated()
        connections = [self.demo.portals[number % len(self.demo.portals)].client() for number in range(CLIENTS)]
        self.clients = [LoadClient(number, connection) for number, connection in enumerate(connections)]
        for client in self.clients:
            self.addCleanup(client.client.close)
            client.start()
        write_more(self.clients, 50, "every client has written")

    def accounts(self, old):
        """Of the change away from `old`, by each portal, once settled; the one that carried it out first."""
        write_more(self.clients, 50, "every client has written")
        stop_all(self.clients)
        self.assertEqual([], [client.dropped for client in self.clients if client.dropped])

        def settled():
            last = [(portal, portal.status()["flight_recorder"][-1]) for portal in self.demo.portals]
            return last if all(each["from"] == old.name and each["settled"] for _, each in last) else None

        found = wait_until(settled, 20, "every portal has closed its account")
        return sorted(found, key=lambda each: each[1]["carried_out_by"] != each[0].name)

    def check(self, old, new):
        accounts = self.accounts(old)
        portal, acting = accounts[0]
        self.assertEqual(portal.name, acting["carried_out_by"])
        times = [acting[stage] for stage in STAGES]
        self.assertEqual(sorted(times), times, acting)
        self.assertLessEqual(acting["last_reply_ms"], acting["detected_ms"])
        self.assertEqual({each.name for each in self.demo.portals}, {each["portal"] for each in acting["fencing"]})
        verdicts = {each["node"]: each["verdict"] for each in acting["candidates"]}
        self.assertIn("chosen", verdicts[new.name])
        errors = sum((client.errors for client in self.clients), collections.Counter())
        self.assertEqual(errors[("SET", "INDOUBT")], sum(each["in_doubt"] for _, each in accounts), (errors, accounts))
        self.assertEqual(0, sum(each["connections_closed"] + each["no_leader"] for _, each in accounts))
        line = next(each for each in portal.log.read_text().splitlines() if " account" in each and f"from={old.name}" in each)
        self.assertIn(f"first_write_ms={acting['first_write_ms']}", line)
        self.assertIn(f'stage="first_write"}} {acting["first_write_ms"] / 1000:g}', portal.get("/metrics")[1])
        report(f"{acting['reason']}: " + ", ".join(f"{stage[:-3]} {acting[stage]}" for stage in STAGES) +
               f" ms; in doubt {acting['in_doubt']}, held {acting['held']}")
        return acting

    def nodes(self):
        old = self.demo.leader()
        return old, next(node for node in self.demo.nodes if node is not old)

    def test_a_killed_leader(self):
        old, new = self.nodes()
        old.kill()
        account = self.check(old, new)
        self.assertFalse(account["planned"])
        self.assertIn("refuse", " ".join(each["what"] for each in account["evidence"]))
        self.assertGreater(account["held"], 0)

    def test_a_silent_leader(self):
        old, new = self.nodes()
        old.pause()
        self.addCleanup(old.resume)
        account = self.check(old, new)
        self.assertIn("suspected", account["evidence"][0]["what"])
        self.assertEqual(0, account["evidence"][0]["ms"], account)

    def test_a_switchover(self):
        old, new = self.nodes()
        admin = f"http://127.0.0.1:{self.demo.portals[0].admin_port}"
        subprocess.run([PROGRAM, "switchover", "--admin", admin], check=True, capture_output=True, timeout=30)
        account = self.check(old, new)
        self.assertTrue(account["planned"])
        self.assertEqual([], account["evidence"])
        self.assertEqual(0, account["in_doubt"])


if __name__ == "__main__":
    unittest.main()
