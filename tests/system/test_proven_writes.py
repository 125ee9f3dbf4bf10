"""writes.proven: nothing that was acknowledged is lost with the leader, and what happens while no replica confirms.

PORTAL_PROVEN_ROUNDS says how often the leader is taken away under load (2).
"""

import collections
import os
import time
import unittest
import urllib.request

from load_client import LoadClient, missing_writes, stop_all, write_more
from binary_content import random_bytes
from portal_support import DemoTestCase, demo_for, report, wait_until
from resp_client import RespError

CLIENTS = 24
ROUNDS = int(os.environ.get("PORTAL_PROVEN_ROUNDS", "2"))
HOLD = 2  # seconds; strict


def in_sync(portal):
    return sorted(node["name"] for node in portal.status()["topology"]["nodes"] if node["in_sync"])


def wait_in_sync(demo, nodes, deadline=20):
    wait_until(lambda: all(in_sync(portal) == sorted(node.name for node in nodes) for portal in demo.portals), deadline,
               f"in sync: {[node.name for node in nodes]}")


class StrictUnderLoad(DemoTestCase):
    settings = ("writes.proven=strict", "monitor.busy_after=0s")

    def take_away(self, number, how):
        """One round: load, the leader goes by `how`, load goes on; nothing acknowledged is missing then."""
        old = self.demo.leader()
        new = next(node for node in self.demo.nodes if node is not old)
        clients = [LoadClient(f"{how}{number}.{i}", self.client(i % len(self.demo.portals))) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        wait_until(lambda: all(len(c.acknowledged) >= 50 or c.dropped for c in clients), 60, "every client has written")
        if how == "pause":
            old.pause()
            self.addCleanup(old.resume)
        else:
            old.kill()
        wait_until(lambda: new.replication().get("role") == "master", 20, f"{new.name} leads")
        # Nobody confirms yet, so writes wait; the old leader comes back as the replica that does.
        if how == "pause":
            old.resume()
        else:
            old.restart()
        write_more(clients, 50, "every client has written to the new leader")
        stop_all(clients)
        acknowledged = [write for client in clients for write in client.acknowledged]
        errors = sum((client.errors for client in clients), collections.Counter())
        with new.client() as reader:
            missing = missing_writes(reader, acknowledged)
        report(f"{how} {number}: acknowledged writes: {len(acknowledged)}, missing: {len(missing)}, errors: {dict(errors)}, "
               f"longest wait: {max(client.worst_wait for client in clients) * 1000:.0f} ms")
        self.assertEqual([], [client.dropped for client in clients if client.dropped])
        self.assertEqual([], missing)
        self.assertLessEqual(set(errors), {("SET", "INDOUBT"), ("SET", "NOPROOF")})
        wait_in_sync(self.demo, self.demo.nodes)

    def test_no_acknowledged_write_is_lost(self):
        wait_in_sync(self.demo, self.demo.nodes)
        for number in range(ROUNDS):
            self.take_away(number, "kill")
            self.take_away(number, "pause")
        self.assertGreater(sum(portal.metric("redis_portal_proofs_total", result="proven") for portal in self.demo.portals), 0)
        self.assertEqual(0, sum(portal.metric("redis_portal_replies_unproven") for portal in self.demo.portals))

    def test_every_kind_of_write_is_answered_as_redis_does(self):
        wait_in_sync(self.demo, self.demo.nodes)
        with self.client() as client:
            self.assertEqual(["OK", b"1", 2, b"2"], client.pipeline([("SET", "k", "1"), ("GET", "k"), ("INCR", "k"), ("GET", "k")]))
            self.assertEqual(["OK", "QUEUED", "QUEUED", [3, b"3"]],
                             client.pipeline([("MULTI",), ("INCR", "k"), ("GET", "k"), ("EXEC",)]))
            self.assertEqual("OK", client.command("WATCH", "k"))
            self.assertEqual("OK", client.command("MULTI"))
            self.assertEqual("QUEUED", client.command("INCR", "k"))
            self.assertEqual([4], client.command("EXEC"))
            self.assertEqual(1, client.command("EVAL", "return redis.call('RPUSH', KEYS[1], ARGV[1])", 1, "l", "x"))
            self.assertEqual([b"l", b"x"], client.command("BLPOP", "l", 1))
            self.assertIsNone(client.command("BLPOP", "l", 0.05))
            large = random_bytes(1_000_000)
            self.assertEqual("OK", client.command("SET", "large", large))
            self.assertEqual(large, client.command("GETDEL", "large"))
            self.assertEqual("WRONGTYPE", client.pipeline([("SET", "s", "1"), ("LPUSH", "s", "1")])[1].kind)
            before = self.demo.leader().replication()["master_repl_offset"]
            self.assertEqual(1, client.command("WAIT", 1, 1000))
            self.assertGreater(int(before), 0)


class ThreeNodes(unittest.TestCase):
    def test_two_leaders_are_lost_one_after_the_other_and_the_last_node_has_all_that_was_acknowledged(self):
        demo = demo_for(self, nodes=3, settings=("writes.proven=strict", "hold.time=3s"))
        wait_in_sync(demo, demo.nodes)
        clients = [LoadClient(f"three.{i}", demo.portals[i % 2].client()) for i in range(8)]
        for each in clients:
            self.addCleanup(each.client.close)
            each.start()
        alive = list(demo.nodes)
        for remaining in (2, 1):
            write_more(clients, 50, "writes go on", 30)
            wait_in_sync(demo, alive)
            leader = demo.leader()
            leader.kill()
            alive.remove(leader)
            wait_until(lambda: demo.leader() in alive, 20, f"one of {remaining} leads")
        stop_all(clients)
        acknowledged = [write for each in clients for write in each.acknowledged]
        errors = sum((each.errors for each in clients), collections.Counter())
        with alive[0].client() as reader:
            missing = missing_writes(reader, acknowledged)
        report(f"two of three nodes lost: acknowledged writes: {len(acknowledged)}, missing: {len(missing)}, errors: {dict(errors)}")
        self.assertEqual([], missing)
        self.assertEqual([], [each.dropped for each in clients if each.dropped])
        self.assertLessEqual(set(errors), {("SET", "INDOUBT"), ("SET", "NOPROOF")})


class ReplicaAway(unittest.TestCase):
    def start(self, proven):
        demo = demo_for(self, settings=(f"writes.proven={proven}", f"hold.time={HOLD if proven == 'strict' else 8}s"))
        wait_in_sync(demo, demo.nodes)
        leader = demo.leader()
        replica = next(node for node in demo.nodes if node is not leader)
        client = demo.portals[0].client()
        self.addCleanup(client.close)
        self.addCleanup(lambda: replica.resume())
        self.assertEqual("OK", client.command("SET", "before", "1"))
        return demo, leader, replica, client

    def test_strict_refuses_within_the_hold_time_and_goes_on_when_the_replica_is_back(self):
        demo, leader, replica, client = self.start("strict")
        replica.pause()
        start = time.monotonic()
        first = client.command("SET", "during", "1")
        took = time.monotonic() - start
        report(f"strict, replica paused: {first.text} after {took:.2f} s")
        self.assertEqual("NOPROOF", first.kind)
        self.assertIn("executed", first.text)
        self.assertLess(took, HOLD + 1.5)
        second = client.command("SET", "never", "1")
        self.assertEqual("NOPROOF", second.kind)
        self.assertIn("not executed", second.text)
        self.assertEqual([None, b"1"], client.command("MGET", "never", "before"), "reads go on")
        self.assertEqual(["OK", "QUEUED"], client.pipeline([("MULTI",), ("SET", "never", "1")]))
        self.assertEqual("EXECABORT", client.command("EXEC").kind)
        whole = client.pipeline([("MULTI",), ("SET", "never", "1"), ("EXEC",)])
        self.assertEqual("EXECABORT", whole[2].kind)
        self.assertIsNone(client.command("GET", "never"))
        self.assertEqual(sorted(node.name for node in demo.nodes), in_sync(demo.portals[0]), "it has all that was acknowledged")
        client.send("SET", "held", "1")
        replica.resume()
        self.assertEqual("OK", client.read())
        self.assertEqual("OK", client.command("SET", "after", "1"))

    def test_available_goes_on_once_the_record_says_that_the_leader_is_alone(self):
        demo, leader, replica, client = self.start("available")
        replica.pause()
        start = time.monotonic()
        reply = client.command("SET", "during", "1")
        took = time.monotonic() - start
        self.assertEqual([leader.name], in_sync(demo.portals[0]))
        report(f"available, replica paused: {reply} after {took:.2f} s")
        self.assertEqual("OK", reply)
        self.assertEqual("OK", client.command("SET", "alone", "1"))

        # The leader dies while it alone has these writes: the replica must not lead.
        leader.kill()
        replica.resume()
        client.send("SET", "nobody", "1")
        wait_until(lambda: "redis" in demo.portals[0].status()["topology"]["reason"], 5, "the portal says whom it waits for")
        self.assertEqual("slave", replica.replication().get("role"))
        refused = client.read()
        self.assertIn(refused.kind, ("INDOUBT", "NOLEADER"))
        self.assertEqual("slave", replica.replication().get("role"))
        leader.restart()
        wait_until(lambda: leader.replication().get("role") == "master", 20, f"{leader.name} leads again")
        self.assertEqual([b"1", b"1", b"1"], wait_until(
            lambda: (lambda got: None if isinstance(got, RespError) else got)(client.command("MGET", "before", "during", "alone")),
            20, "reads are answered"))
        wait_in_sync(demo, demo.nodes)
        self.assertEqual("OK", client.command("SET", "after", "1"))

    def test_a_planned_switchover_shows_no_error(self):
        demo, leader, replica, client = self.start("strict")
        clients = [LoadClient(f"planned.{i}", demo.portals[i % 2].client()) for i in range(8)]
        for each in clients:
            self.addCleanup(each.client.close)
            each.start()
        wait_until(lambda: all(len(c.acknowledged) >= 20 for c in clients), 30, "every client has written")
        demo.portals[0].switchover()
        write_more(clients, 20, "writes go on", 30)
        stop_all(clients)
        errors = sum((each.errors for each in clients), collections.Counter())
        report(f"planned switchover: errors {dict(errors)}, longest wait {max(c.worst_wait for c in clients) * 1000:.0f} ms")
        self.assertEqual({}, dict(errors))
        self.assertEqual("master", replica.replication().get("role"))


if __name__ == "__main__":
    unittest.main()
