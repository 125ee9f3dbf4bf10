"""What happened is known after a restart of every portal, and any portal says what the acting one waits for."""

import unittest

from portal_support import demo_for, wait_until


class History(unittest.TestCase):
    def test_leader_since_and_the_last_changes_survive_a_restart_of_every_portal(self):
        demo = demo_for(self)
        first = demo.portals[0]
        wait_until(lambda: first.status()["state"] == "ready", 20, "all is well")
        old = demo.leader()
        with first.client() as client:
            old.kill()
            self.assertEqual("OK", client.command("SET", "key", "value"))

        def told(portal):
            last = portal.status()["last_failover"]
            return last and last["from"] == old.name and last
        last = wait_until(lambda: told(first), 20, "the failover is told")
        since = first.status()["topology"]["leader_since"]
        wait_until(lambda: all(any(each["from"] == old.name for each in portal.status()["history"]) for portal in demo.portals), 30, "the record has the account")
        for portal in demo.portals:
            portal.kill()
        for portal in demo.portals:
            portal.restart()
        for portal in demo.portals:
            wait_until(lambda: portal.listens() and portal.get("/readyz")[0] == 200, 20, f"{portal.name} is back")
            wait_until(lambda: "leader_since" in portal.status()["topology"], 10, "its status is that of a whole turn")
            status = portal.status()
            self.assertEqual(since, status["topology"]["leader_since"])
            again = status["last_failover"]
            for key in ("from", "to", "epoch", "reason", "planned", "carried_out_by", "date"):
                self.assertEqual(last[key], again[key])
            self.assertIn(last["reason"], portal.get("/")[1])

    def test_any_portal_says_what_the_acting_one_waits_for_and_links_to_all(self):
        demo = demo_for(self)
        wait_until(lambda: demo.portals[0].status()["state"] == "ready", 20, "all is well")
        for node in demo.nodes:
            node.kill()
        for portal in demo.portals:
            wait_until(lambda: "bring one back" in " ".join(portal.status()["why"]), 30, f"{portal.name} says what is missing")
            page = portal.get("/")[1]
            for other in demo.portals:
                self.assertIn(f'<a href="http://127.0.0.1:{other.admin_port}/">{other.name}</a>', page)
            with self.assertRaisesRegex(AssertionError, "NOLEADER.*bring one back"):
                portal.client()


if __name__ == "__main__":
    unittest.main()
