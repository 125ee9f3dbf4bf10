"""Busy is not dead: a leader that runs one long command keeps its role and its clients wait for it, as with Redis alone; one that dies
meanwhile, or is stopped, is replaced."""

import os
import signal
import time
import unittest

from node_agents import AgentCluster
from portal_support import demo_for, report, wait_until
from resp_client import RespError

BUSY_AFTER = 4.0
BUSY = 3.0       # seconds: three times down_after
QUICK = 2.0      # seconds in which a death is found, on a machine with much to do
SCRIPT = """
local function now() local t = redis.call('TIME') return t[1] + t[2] / 1000000 end
local ends = now() + tonumber(ARGV[1])
while now() < ends do end
return 1
"""


class BusyLeader(unittest.TestCase):
    def setUp(self):
        self.cluster = AgentCluster(self, node_options=["--enable-debug-command", "yes", "--busy-reply-threshold", "60000"],
                                    monitor={"down_after": "1s", "busy_after": f"{BUSY_AFTER:.0f}s"})
        self.clients = []
        for portal in self.cluster.portals:
            client = portal.client(timeout=30)
            self.addCleanup(client.close)
            self.assertEqual("OK", client.command("SET", "before", portal.name))
            self.clients.append(client)

    def epochs(self):
        return [portal.topology()["epoch"] for portal in self.cluster.portals]

    def node_seen(self, node):
        """As the portal that acts sees it."""
        acting = self.cluster.acting()
        return next((each for each in (acting.topology() if acting else {}).get("nodes", []) if each["name"] == node.name), {})

    def account(self):
        """What the last change of leader was made for."""
        return self.cluster.portals[0].status()["last_failover"]["reason"]

    def keep_busy(self, node, *words, takes):
        """From another connection; `takes` seconds at least."""
        direct = node.client()
        self.addCleanup(direct.close)
        direct.socket.settimeout(30)
        direct.send(*words)
        return time.monotonic() + takes

    def other(self, node):
        return next(each for each in self.cluster.nodes if each is not node)

    def whole(self):
        wait_until(lambda: self.cluster.leader() and all(len([n for n in p.topology().get("nodes", []) if n["in_sync"]]) == 2
                                                         for p in self.cluster.portals), 30, "both nodes are in sync")

    def test_one_long_command_changes_no_leader_and_clients_wait_for_their_answers(self):
        leader, epochs = self.cluster.leader(), self.epochs()
        for what, words in (("DEBUG SLEEP", ("DEBUG", "SLEEP", BUSY)), ("a script", ("EVAL", SCRIPT, 0, BUSY))):
            with self.subTest(what):
                began = time.monotonic()
                self.keep_busy(leader, *words, takes=BUSY)
                time.sleep(0.1)
                for number, client in enumerate(self.clients):
                    client.send("SET", f"during:{number}", what)
                wait_until(lambda: self.node_seen(leader).get("health") == "busy", BUSY, "the portal says that it is busy")
                self.assertIn("no failover", self.cluster.acting().topology()["decision"])
                self.assertEqual(["OK", "OK"], [client.read() for client in self.clients])
                took = time.monotonic() - began
                self.assertGreater(took, BUSY - 0.2)
                self.assertLess(took, BUSY + 1.5)
                wait_until(lambda: self.node_seen(leader).get("health") == "up", 5, "it is up again")
                self.assertEqual(epochs, self.epochs())
                report(f"{what} for {BUSY} s: no change of leader, answered after {took:.2f} s")

    def test_a_leader_that_is_killed_while_it_is_busy_is_replaced_at_once(self):
        old = self.cluster.leader()
        self.keep_busy(old, "DEBUG", "SLEEP", BUSY, takes=BUSY)
        wait_until(lambda: self.node_seen(old).get("health") == "busy", BUSY, "it is busy")
        killed = time.monotonic()
        old.kill()
        self.assertEqual("OK", self.clients[0].command("SET", "after", "1"))
        took = time.monotonic() - killed
        report(f"killed while busy: the first write is accepted after {took * 1000:.0f} ms")
        self.assertLess(took, QUICK)
        self.assertIs(self.other(old), self.cluster.leader())

    def test_a_stopped_leader_is_found_by_its_agent_at_once_and_without_one_after_busy_after(self):
        for with_agent, least, most in ((True, 0.5, BUSY_AFTER - 0.5), (False, BUSY_AFTER - 0.5, BUSY_AFTER + QUICK)):
            with self.subTest(with_agent=with_agent):
                old = self.cluster.leader()
                if not with_agent:
                    for agent in self.cluster.agents:
                        agent.kill()
                stopped = time.monotonic()
                old.pause()
                first = self.clients[0].command("SET", "during", "1")
                if isinstance(first, RespError):  # it may have been sent
                    self.assertEqual("INDOUBT", first.kind)
                    self.assertEqual("OK", self.clients[0].command("SET", "after", "1"))
                took = time.monotonic() - stopped
                report(f"stopped, {'with' if with_agent else 'without'} an agent: the first write is accepted after {took * 1000:.0f} ms")
                self.assertGreater(took, least)
                self.assertLess(took, most)
                wait_until(lambda: self.cluster.leader() is self.other(old), 5, "both portals know the other leader")
                self.assertIn("stopped, as its agent says" if with_agent else "busy_after", self.account())
                old.resume()
                self.whole()

    def test_one_that_says_busy_keeps_its_role_for_busy_after_and_no_longer(self):
        old, epochs = self.cluster.leader(), self.epochs()
        with old.client() as direct:
            direct.command("CONFIG", "SET", "busy-reply-threshold", "300")
        ends = self.keep_busy(old, "EVAL", SCRIPT, 0, 2.0, takes=2.0)
        wait_until(lambda: "BUSY" in self.node_seen(old).get("trouble", ""), 2, "it says so")
        time.sleep(max(0, ends - time.monotonic()))
        wait_until(lambda: self.node_seen(old).get("health") == "up", 5, "it is up again")
        self.assertEqual(epochs, self.epochs())
        began = time.monotonic()
        self.keep_busy(old, "EVAL", SCRIPT, 0, BUSY_AFTER + 5, takes=BUSY_AFTER + 5)
        wait_until(lambda: self.cluster.leader() is self.other(old), BUSY_AFTER + QUICK, "another node leads")
        took = time.monotonic() - began
        report(f"a script without an end: another node led after {took:.2f} s")
        self.assertGreater(took, BUSY_AFTER - 0.5)
        self.whole()


class PortalThatStoodStill(unittest.TestCase):
    def test_a_portal_that_stood_still_does_not_take_a_busy_leader_for_dead(self):
        """As on a machine that is overloaded, or was suspended: what the portal has not heard meanwhile speaks against nobody."""
        demo = demo_for(self, nodes=2, portals=1, settings=("threads=1",))
        portal = demo.portals[0]
        wait_until(lambda: all(node["in_sync"] for node in portal.status()["topology"]["nodes"]), 30, "all nodes are in sync")
        leader, epoch = demo.leader(), portal.status()["topology"]["epoch"]
        with leader.client() as direct:
            direct.command("CONFIG", "SET", "busy-reply-threshold", "150")
            direct.socket.settimeout(30)
            for _ in range(4):
                with leader.client() as busy:
                    busy.send("EVAL", "while true do end", "0")
                    time.sleep(1)
                    os.kill(portal.pid, signal.SIGSTOP)
                    time.sleep(3)  # three times down_after
                    os.kill(portal.pid, signal.SIGCONT)
                    time.sleep(2)  # in which a decision would be carried out
                    self.assertEqual(epoch, portal.status()["topology"]["epoch"])
                    direct.command("SCRIPT", "KILL")
                wait_until(lambda: portal.status()["topology"]["nodes"][0]["health"] == "up", 10, "it is up again")


if __name__ == "__main__":
    unittest.main()
