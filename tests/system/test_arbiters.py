"""Portals that share their record through etcd or the Kubernetes API: failover, and what happens when the store is away."""

import signal
import time
import unittest

from arbiter_cluster import ApiServerStandIn, Cluster, Etcd
from portal_support import report, wait_until
from resp_client import RespError

PERMIT = 2.0  # fence_after


class WithArbiter:
    """Run for each store below."""

    store = None

    def setUp(self):
        if why := self.store.unavailable():
            print(f"skipped: {why}", flush=True)
            self.skipTest(why)
        self.cluster = Cluster(self, self.store, {"busy_after": "2s"})

    def client(self, portal, timeout=20.0):
        client = self.cluster.portals[portal].client(timeout)
        self.addCleanup(client.close)
        return client

    def both_know(self, node):
        wait_until(lambda: self.cluster.leader() is node, 20, f"both portals route to {node.name}")

    def write(self, client, key, value="1"):
        """A write that gets through, at once or after the error that says that its fate is unknown."""
        reply = client.command("SET", key, value)
        if isinstance(reply, RespError):
            self.assertEqual("INDOUBT", reply.kind)
            reply = client.command("SET", key, value)
        self.assertEqual("OK", reply)

    def test_a_killed_leader_is_replaced_and_comes_back_as_a_replica(self):
        clients = [self.client(0), self.client(1)]
        for number, client in enumerate(clients):
            self.write(client, f"before-{number}")
        old = self.cluster.leader()
        new = next(node for node in self.cluster.nodes if node is not old)
        killed = time.monotonic()
        old.kill()
        for number, client in enumerate(clients):
            self.write(client, f"after-{number}")
        report(f"{self.store.name}: first write on both portals {(time.monotonic() - killed) * 1000:.0f} ms after the leader was killed")
        self.both_know(new)
        self.assertEqual([b"1"] * 4, clients[0].command("MGET", "before-0", "before-1", "after-0", "after-1"))
        old.start()
        wait_until(lambda: old.role() == "slave", 20, "the old leader follows")
        self.assertIs(new, self.cluster.leader())

    def test_when_the_acting_portal_is_killed_with_the_leader_the_other_takes_over(self):
        acting = wait_until(self.cluster.acting, 10, "one portal acts")
        survivor = next(portal for portal in self.cluster.portals if portal is not acting)
        client = survivor.client()
        self.addCleanup(client.close)
        self.write(client, "before")
        killed = time.monotonic()
        acting.kill()
        self.cluster.leader().kill()
        self.write(client, "after")
        report(f"{self.store.name}: first write {time.monotonic() - killed:.1f} s after leader and acting portal were killed")
        self.assertTrue(survivor.topology()["acting_here"])

    def test_an_acting_portal_that_ends_gives_the_role_away_at_once(self):
        acting = wait_until(self.cluster.acting, 10, "one portal acts")
        survivor = next(portal for portal in self.cluster.portals if portal is not acting)
        began = time.monotonic()
        self.assertEqual(0, acting.stop())
        wait_until(lambda: survivor.topology().get("acting_here"), 3.5, "the other acts before the lease would have ended")
        report(f"{self.store.name}: the other portal acts {time.monotonic() - began:.2f} s after SIGTERM")

    def away(self, leave, come_back):
        """The store goes and comes back: nothing is promoted, forwarding stops by itself, and all is well afterwards."""
        clients = [self.client(0), self.client(1)]
        leader = self.cluster.leader()
        epoch = self.cluster.portals[0].topology()["epoch"]
        self.write(clients[0], "before")
        gone = time.monotonic()
        leave()
        self.write(clients[0], "at once")
        self.assertLess(time.monotonic() - gone, PERMIT, "the known leader is served for as long as the permit lasts")
        # What cannot be confirmed is not forwarded: the command waits, and is never refused while the hold lasts.
        wait_until(lambda: all("could not be confirmed" in portal.status().get("reason", "") for portal in self.cluster.portals), 10,
                   "both portals hold")
        report(f"{self.store.name}: both portals hold {time.monotonic() - gone:.1f} s after the store was gone")
        for number, client in enumerate(clients):
            client.send("SET", f"held-{number}", "1")
        with leader.client() as direct:
            self.assertIsNone(direct.command("GET", "held-0"), "a portal forwarded without a permit")
        come_back()
        back = time.monotonic()
        for client in clients:
            self.assertEqual("OK", client.read())
        report(f"{self.store.name}: held writes were answered {time.monotonic() - back:.2f} s after the store was back")
        self.assertIs(leader, self.cluster.leader())
        self.assertEqual(epoch, self.cluster.portals[0].topology()["epoch"])
        self.assertEqual([b"1"] * 4, clients[1].command("MGET", "before", "at once", "held-0", "held-1"))

    def test_a_store_that_is_killed_and_started_again(self):
        store = self.cluster.store.process
        self.away(store.kill, store.start)

    def test_a_store_that_is_paused(self):
        store = self.cluster.store.process
        self.away(store.pause, store.resume)

    def test_a_leader_that_dies_while_the_store_is_away_is_replaced_when_it_is_back(self):
        client = self.client(0)
        self.write(client, "before")
        old = self.cluster.leader()
        new = next(node for node in self.cluster.nodes if node is not old)
        self.cluster.store.process.pause()
        old.kill()
        client.send("SET", "held", "1")
        end = time.monotonic() + 3  # longer than it takes to find a leader dead: what must not happen, at any moment, is a promotion
        while time.monotonic() < end:
            self.assertEqual("slave", new.role())
            time.sleep(0.02)
        self.cluster.store.process.resume()
        reply = client.read()
        if isinstance(reply, RespError):
            self.assertEqual("INDOUBT", reply.kind)
        self.both_know(new)
        self.assertEqual(b"1", client.command("GET", "before"))

    def test_a_paused_portal_forwards_nothing_when_it_wakes_after_another_has_changed_the_leader(self):
        acting = wait_until(self.cluster.acting, 10, "one portal acts")
        other = next(portal for portal in self.cluster.portals if portal is not acting)
        client = acting.client()
        self.addCleanup(client.close)
        self.write(client, "before")
        old = self.cluster.leader()
        new = next(node for node in self.cluster.nodes if node is not old)
        acting.pause()
        old.signal(signal.SIGSTOP)
        wait_until(lambda: other.topology().get("leader") == new.name, 20, "the other portal has changed the leader")
        old.resume()
        client.send("SET", "late", "1")
        acting.resume()
        self.assertEqual("OK", client.read())
        with new.client() as direct:
            self.assertEqual(b"1", direct.command("GET", "late"), "the write went to the leader of the record")


class Failsafe(unittest.TestCase):
    """`monitor.failsafe: on`, on the stand-in for the API server: what counts here is that the store is away."""

    def setUp(self):
        self.cluster = Cluster(self, ApiServerStandIn, {"failsafe": "on"})

    def test_writes_go_on_without_the_store_while_all_nodes_agree_and_stop_when_one_does_not(self):
        portal = self.cluster.portals[0]
        client = portal.client()
        self.addCleanup(client.close)
        leader = self.cluster.leader()
        replica = next(node for node in self.cluster.nodes if node is not leader)
        self.cluster.store.process.kill()
        wait_until(lambda: portal.topology().get("failsafe_active"), 10, "failsafe is active")
        began = time.monotonic()
        longest = 0.0
        while time.monotonic() < began + 3 * PERMIT:
            sent = time.monotonic()
            self.assertEqual("OK", client.command("SET", "failsafe", "1"))
            longest = max(longest, time.monotonic() - sent)
            time.sleep(0.01)
        report(f"failsafe: without the store for {3 * PERMIT:.0f} s the longest write took {longest * 1000:.0f} ms")
        replica.pause()
        wait_until(lambda: "could not be confirmed" in portal.status().get("reason", ""), 10,
                   "the portal holds: the replica may have been promoted by somebody who reaches the store")
        replica.resume()
        wait_until(lambda: portal.topology().get("failsafe_active"), 10, "failsafe is active again")
        self.assertEqual("OK", client.command("SET", "failsafe", "2"))
        self.cluster.store.process.start()
        wait_until(lambda: not portal.topology().get("failsafe_active", True), 10, "failsafe has ended")
        self.assertIs(leader, self.cluster.leader())


class OnEtcd(WithArbiter, unittest.TestCase):
    store = Etcd


class OnTheStandInApiServer(WithArbiter, unittest.TestCase):
    store = ApiServerStandIn


if __name__ == "__main__":
    unittest.main()
