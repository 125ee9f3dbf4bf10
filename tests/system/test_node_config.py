"""Settings that Redis does not replicate hold after a change of leader: what clients CONFIG SET, and what node_config.assert says."""

import time
import unittest

from portal_support import demo_for, wait_until

ROUND = 2  # seconds, in which the acting portal looks at the settings again


class NodeConfig(unittest.TestCase):
    def value(self, node, name):
        with node.client() as client:
            return client.command("CONFIG", "GET", name)[1].decode()

    def events_come(self, portal):
        """Whether a subscriber of the portal hears of a key that is written through it."""
        with portal.client() as listener, portal.client() as writer:
            listener.command("SUBSCRIBE", "__keyevent@0__:set")
            writer.command("SET", "told-of", "1")
            listener.socket.settimeout(5)
            try:
                return listener.read()[2] == b"told-of"
            except TimeoutError:
                return False

    def told(self, demo):
        return sum(portal.status()["topology"]["settings"]["told"] for portal in demo.portals)

    def change(self, demo, kill):
        old, new = demo.change_leader(kill)
        demo.settle(old, new, kill)
        return old, new

    def test_events_that_an_application_asked_for_go_on_after_a_switchover(self):
        demo = demo_for(self)
        with demo.portals[0].client() as client:
            self.assertEqual("OK", client.command("CONFIG", "SET", "notify-keyspace-events", "KEA"))
        self.change(demo, kill=False)  # at once: the switchover itself carries it over
        self.assertTrue(self.events_come(demo.portals[0]))

    def test_events_that_an_application_asked_for_go_on_after_a_kill(self):
        demo = demo_for(self)
        with demo.portals[0].client() as client:
            self.assertEqual("OK", client.command("CONFIG", "SET", "notify-keyspace-events", "KEA"))
        replica = demo.replicas()[0]
        wait_until(lambda: self.value(replica, "notify-keyspace-events") == "AKE", 15, "the replica has it")
        old, new = self.change(demo, kill=True)
        self.assertTrue(self.events_come(demo.portals[1]))
        wait_until(lambda: self.value(old, "notify-keyspace-events") == "AKE", 15, "the old leader has it again")

    def test_what_is_asserted_holds_everywhere_and_is_told_once(self):
        demo = demo_for(self, settings=("node_config.assert=[\"maxmemory 300mb\", \"slowlog-max-len 77\"]",))
        for node in demo.nodes:
            wait_until(lambda node=node: self.value(node, "maxmemory") == str(300 << 20), 15, f"{node.name} has it")
            wait_until(lambda node=node: self.value(node, "slowlog-max-len") == "77", 15, f"{node.name} has it")
        leader = demo.leader()
        with leader.client() as client:
            client.command("CONFIG", "SET", "slowlog-max-len", "5")
        wait_until(lambda: self.value(leader, "slowlog-max-len") == "77", 15, "it is put right")
        # A node has a value before the portal knows that it took it. Once more would be seen within the next rounds.
        wait_until(lambda: self.told(demo) >= 5, 15, "two for each node, and one again")
        time.sleep(2 * ROUND)
        self.assertEqual(5, self.told(demo))

    def test_a_value_that_a_node_refuses_is_said(self):
        demo = demo_for(self, settings=("node_config.assert=[\"maxmemory lots\"]",))
        def why():
            return [line for portal in demo.portals for line in portal.status().get("why", [])]
        wait_until(lambda: len([line for line in why() if "refuses a setting" in line]) == 2, 20, "both nodes refuse it")
        self.assertTrue(all("maxmemory: ERR" in line for line in why()), why())
        self.assertEqual("degraded", {portal.status()["state"] for portal in demo.portals if portal.status()["why"]}.pop())


if __name__ == "__main__":
    unittest.main()
