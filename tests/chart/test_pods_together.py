"""A whole rendering lives: it starts by itself, Helm's test passes, pods are replaced under load, the leader, a portal and the
API server are lost. The pods are processes here (pods.py)."""

import os
import subprocess
import threading
import time
import unittest

from chart_support import ChartTestCase, main
from pods import Client, Cluster, free_port, is_free, report, start_process, wait_until
from resp_client import ConnectionClosed, RespError


class Writer(threading.Thread):
    """Writes one key after the other through one portal, connecting again when it must; keeps what was acknowledged."""

    def __init__(self, cluster, portals):
        super().__init__(daemon=True)
        self.cluster, self.portals = cluster, portals
        self.acknowledged, self.errors, self.connections, self.longest, self.stopping = [], [], 0, 0.0, False

    def run(self):
        number, since = 0, time.monotonic()
        while not self.stopping:
            try:
                client = self.cluster.client(self.portals[self.connections % len(self.portals)])
                self.connections += 1
                while not self.stopping:
                    number += 1
                    reply = client.command("SET", f"{id(self)}:{number}", number)
                    if isinstance(reply, RespError):
                        self.errors.append(reply.kind)
                        continue
                    self.acknowledged.append((f"{id(self)}:{number}", number))
                    self.longest, since = max(self.longest, time.monotonic() - since), time.monotonic()
            except (ConnectionClosed, OSError):
                self.connections += 1
                time.sleep(0.01)


class PodsTestCase(ChartTestCase):
    settings = ""

    def setUp(self):
        started = time.monotonic()
        self.cluster = Cluster(self, self.settings)
        self.cluster.wait_ready()
        self.assertEqual("PONG", self.cluster.client(0).command("PING"))
        report(f"from start to all pods ready: {time.monotonic() - started:.1f} s")

    def load(self, *portals):
        writers = [Writer(self.cluster, portals) for _ in range(8)]
        for writer in writers:
            writer.start()
        wait_until(lambda: all(len(writer.acknowledged) > 50 for writer in writers), 30, "all writers write")
        return writers

    def end(self, writers, what):
        counts = [len(writer.acknowledged) for writer in writers]
        wait_until(lambda: all(len(writer.acknowledged) > count + 50 for writer, count in zip(writers, counts)), 60, "all writers still write")
        for writer in writers:
            writer.stopping = True
        for writer in writers:
            writer.join(30)
        written = [entry for writer in writers for entry in writer.acknowledged]
        reader = self.cluster.client(writers[0].portals[0])
        values = []
        for i in range(0, len(written), 500):
            values += reader.command("MGET", *(key for key, _ in written[i:i + 500]))
        lost = [key for (key, number), value in zip(written, values, strict=True) if value != str(number).encode()]
        errors = [kind for writer in writers for kind in writer.errors]
        report(f"{what}: longest pause between writes {max(writer.longest for writer in writers):.2f} s; {len(written)} acknowledged, "
               f"{len(lost)} lost; errors {dict((kind, errors.count(kind)) for kind in set(errors))}")
        return lost, set(errors)


class Together(PodsTestCase):
    def test_helm_s_test_passes_and_all_probes_say_yes(self):
        (pod,) = [item for item in self.cluster.objects if item["kind"] == "Pod" and item["spec"]["containers"][0]["name"] == "test"]
        container = pod["spec"]["containers"][0]
        settings = {"HOSTNAME": pod["metadata"]["name"], "HOST": "localhost", "PORT": str(self.cluster.portals[1].port), "REDISCLI_AUTH": self.cluster.password,
                    "TLS": next(entry["value"] for entry in container["env"] if entry["name"] == "TLS").replace("/etc/redis-tls/ca.crt", str(self.cluster.ca_file))}
        self.assertEqual({entry["name"] for entry in container["env"]} | {"HOSTNAME"}, set(settings))
        answer = subprocess.run(container["command"], env={**os.environ, **settings}, capture_output=True, text=True, timeout=60)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn("are right", answer.stdout)
        self.assertTrue(all(node.probe("alive") for node in self.cluster.nodes))

    def test_a_rolling_update_of_redis_loses_no_acknowledged_write(self):
        writers = self.load(0, 1)
        for node in reversed(self.cluster.nodes):
            self.assertEqual(node.stop(), 0)
            node.start()
            self.cluster.wait_ready()
        lost, errors = self.end(writers, "both Redis pods replaced, one after the other")
        self.assertEqual((lost, errors), ([], set()))

    def test_a_rolling_update_of_portals_loses_no_acknowledged_write(self):
        writers = self.load(0, 1)
        for portal in self.cluster.portals:
            self.assertEqual(portal.stop(), 0)
            portal.start()
            self.cluster.wait_ready()
        lost, errors = self.end(writers, "both portals replaced, one after the other")
        self.assertEqual(lost, [])
        self.assertLessEqual(errors, {"INDOUBT"})

    def test_a_leader_pod_that_is_killed_comes_back_as_a_replica(self):
        writers = self.load(0, 1)
        old = self.cluster.leader()
        old.kill()
        new = wait_until(self.cluster.leader, 30, "there is a new leader")
        old.start()
        self.cluster.wait_ready()
        _, errors = self.end(writers, "the leader pod was killed")
        self.assertLessEqual(errors, {"INDOUBT"})
        self.assertIs(self.cluster.leader(), new)

    def test_a_leader_that_stops_answering_is_replaced(self):
        writers = self.load(0, 1)
        old = self.cluster.leader()
        old.pause()
        wait_until(lambda: any(node.role() == "master" for node in self.cluster.nodes if node is not old), 30, "the other node leads")
        counts = [len(writer.acknowledged) for writer in writers]
        wait_until(lambda: all(len(writer.acknowledged) > count for writer, count in zip(writers, counts)), 30, "writes go on")
        old.resume()
        wait_until(lambda: old.role() == "slave", 30, "the old leader follows")
        _, errors = self.end(writers, "the leader stopped answering")
        self.assertLessEqual(errors, {"INDOUBT"})

    def test_both_portals_are_killed_and_come_back(self):
        writers = self.load(0, 1)
        leader = self.cluster.leader()
        for portal in self.cluster.portals:
            portal.kill()
        for portal in self.cluster.portals:
            portal.start()
        self.cluster.wait_ready()
        lost, errors = self.end(writers, "both portals were killed and started again")
        self.assertEqual((lost, errors), ([], set()))
        self.assertIs(self.cluster.leader(), leader)

    def test_the_data_of_another_redis_is_taken_over_as_the_documentation_says(self):
        other_port = free_port()
        other = start_process(["redis-server", "--port", str(other_port), "--requirepass", "old", "--save", ""], stdout=subprocess.DEVNULL)
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        wait_until(lambda: not is_free(other_port), 10, "the other Redis listens")
        with Client(other_port, password="old") as source:
            source.command("SET", "kept", "value")
        leader = self.cluster.leader()
        for portal in self.cluster.portals:
            self.assertEqual(portal.stop(), 0)
        with leader.client() as node:
            node.command("CONFIG", "SET", "masterauth", "old")
            node.command("REPLICAOF", "127.0.0.1", other_port)
            wait_until(lambda: b"master_link_status:up" in node.command("INFO", "replication"), 20, "the data has come")
            node.command("REPLICAOF", "NO", "ONE")
            node.command("CONFIG", "SET", "masterauth", self.cluster.password)
        for portal in self.cluster.portals:
            portal.start()
        self.cluster.wait_ready()
        self.assertIs(self.cluster.leader(), leader)
        self.assertEqual(self.cluster.client(0).command("GET", "kept"), b"value")
        for node in self.cluster.nodes:
            with node.client() as client:
                wait_until(lambda: client.command("DBSIZE") == 1, 20, "each node has the data")


class WithShorterLease(PodsTestCase):
    """What takes as long as lease and fence_after, with a third of their defaults."""

    settings = "portal.config.monitor.fence_after=2s,portal.config.monitor.lease=4s"

    def test_a_machine_with_the_leader_and_the_acting_portal_is_lost(self):
        acting = wait_until(self.cluster.acting, 20, "one portal acts")
        writers = self.load(1 - self.cluster.portals.index(acting))
        self.cluster.leader().kill()
        acting.kill()
        _, errors = self.end(writers, "leader and acting portal were killed at once")
        self.assertLessEqual(errors, {"INDOUBT"})

    def test_a_leader_lost_while_the_api_server_is_away_is_replaced_when_it_is_back(self):
        writers = self.load(0, 1)
        old = self.cluster.leader()
        self.cluster.store.process.kill()
        old.kill()
        time.sleep(3)  # longer than fence_after: without the record nobody makes a leader
        self.assertIsNone(self.cluster.leader())
        self.cluster.store.process.start()
        wait_until(self.cluster.leader, 30, "there is a new leader")
        _, errors = self.end(writers, "the leader was killed while the API server was away for 3 s")
        self.assertLessEqual(errors, {"INDOUBT"})

    def test_clients_notice_nothing_while_the_api_server_is_away(self):
        writers = self.load(0, 1)
        self.cluster.store.process.kill()
        time.sleep(5)  # longer than fence_after and lease
        lost, errors = self.end(writers, "the API server was away for 5 s")
        self.cluster.store.process.start()
        self.assertEqual((lost, errors), ([], set()))


if __name__ == "__main__":
    main()
