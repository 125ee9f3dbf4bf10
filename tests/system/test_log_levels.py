"""The levels of the log: a switchover is information, a failover a warning, an outage an error; and no line has an empty field."""

import re
import unittest

from portal_support import demo_for, wait_until


class LogLevels(unittest.TestCase):
    def lines(self, portal, level):
        return [line for line in portal.log.read_text().splitlines() if f"level={level} " in line and "this process was paused" not in line]

    def told(self, demo, level, words):
        """By the portal that has carried it out."""
        wait_until(lambda: any(words in line for portal in demo.portals for line in self.lines(portal, level)), 20, f"'{words}' at level {level}")

    def test_switchover_failover_and_outage(self):
        demo = demo_for(self)
        first = demo.portals[0]
        wait_until(lambda: all(portal.status()["state"] == "ready" for portal in demo.portals), 20, "all is well")
        with first.client() as client:
            self.assertEqual("OK", client.command("SET", "key", "value"))  # so that nobody is empty
        demo.wait_replicated()
        first.switchover()
        wait_until(lambda: all(portal.status()["state"] == "ready" for portal in demo.portals), 20, "all is well again")
        self.told(demo, "info", "switchover complete")
        for portal in demo.portals:
            wait_until(lambda: any("switchover account" in line for line in self.lines(portal, "info")), 20, "each portal has its account of it")
            self.assertEqual([], self.lines(portal, "warn") + self.lines(portal, "error"), "what somebody wanted is no warning")

        lost = demo.leader()
        lost.kill()
        self.told(demo, "warn", "failover complete")
        for portal in demo.portals:
            wait_until(lambda: any("failover account" in line for line in self.lines(portal, "warn")), 20, "and so is its account, in one line")
            self.assertEqual([], self.lines(portal, "error"))

        other = next(node for node in demo.nodes if node is not lost)
        other.kill()
        for portal in demo.portals:
            wait_until(lambda: any("no leader" in line and "bring one back" in line for line in self.lines(portal, "error")), 20, "an outage is an error, with what can be done")
        other.restart()
        for portal in demo.portals:
            wait_until(lambda: any("there is a leader again" in line for line in self.lines(portal, "warn")), 20, "and its end is told")
            text = portal.log.read_text()
            self.assertEqual([], re.findall(r'.*=""(?: |$).*', text, re.M), "no field is empty")
            self.assertEqual([], re.findall(r".*_ms=-1(?: |$).*", text, re.M), "what is not known is left out")
            self.assertEqual([], re.findall(r".*suspected: *\".*", text, re.M), "no reason is empty")
            self.assertNotIn(f"waiting for {portal.name} to stop", text)


if __name__ == "__main__":
    unittest.main()
