"""`redis-portal agent` beside real redis-server processes: probes, metrics beside Debian's redis_exporter, and a leader's pod
that is stopped under load without an error and without a lost write."""

import contextlib
import json
import shutil
import signal
import socketserver
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from arbiter_cluster import Node
from node_agents import TOKEN, Agent, AgentCluster, Writer, free_ports, http_get, samples
from portal_support import PROGRAM, http_post, is_free, report, start_process, wait_until

EXPORTER = shutil.which("prometheus-redis-exporter")
# What changes from one scrape to the next by the scrape itself or with time.
MOVING = {"redis_uptime_in_seconds", "redis_commands_processed_total", "redis_connections_received_total", "redis_net_input_bytes_total",
          "redis_net_output_bytes_total", "redis_total_reads_processed", "redis_total_writes_processed", "redis_connected_clients",
          "redis_commands_total", "redis_commands_duration_seconds_total", "redis_errors_total", "redis_total_error_replies",
          "redis_client_recent_max_input_buffer_bytes", "redis_client_recent_max_output_buffer_bytes", "redis_db_avg_ttl_seconds",
          "redis_master_repl_offset", "redis_repl_backlog_history_bytes", "redis_connected_slave_offset_bytes", "redis_slave_repl_offset",
          "redis_connected_slave_lag_seconds", "redis_master_last_io_seconds_ago", "redis_latest_fork_seconds"}
SINGLE_CLAIM = ("redis_cpu_", "redis_memory_", "redis_mem_", "redis_allocator_")  # close, not equal
# The names that the two dashboards of redis_exporter's repository use, and those for rules.
WANTED = {"redis_up", "redis_uptime_in_seconds", "redis_connected_clients", "redis_blocked_clients", "redis_connected_slaves",
          "redis_memory_used_bytes", "redis_memory_max_bytes", "redis_memory_used_rss_bytes", "redis_commands_total",
          "redis_commands_duration_seconds_total", "redis_keyspace_hits_total", "redis_keyspace_misses_total", "redis_net_input_bytes_total",
          "redis_net_output_bytes_total", "redis_db_keys", "redis_db_keys_expiring", "redis_expired_keys_total", "redis_evicted_keys_total",
          "redis_instance_info", "redis_rejected_connections_total", "redis_rdb_last_bgsave_status", "redis_aof_last_write_status",
          "redis_mem_fragmentation_ratio", "redis_total_system_memory_bytes", "redis_exporter_last_scrape_error"}
OF_A_LEADER = {"redis_connected_slave_lag_seconds", "redis_connected_slave_offset_bytes"}
OF_A_REPLICA = {"redis_master_last_io_seconds_ago", "redis_slave_info", "redis_master_link_up"}


class OneNode(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="redis-portal-test."))
        self.addCleanup(shutil.rmtree, self.folder, True)
        base = free_ports(0, 1, 10, 12, 14, 16)
        self.node = Node("redis-0", base, self.folder)
        self.other = Node("redis-1", base + 1, self.folder)
        self.agent = Agent("redis-0", self.folder, base, base + 10, self.folder, link_down="2s")
        for process in (self.agent, self.node, self.other):
            self.addCleanup(process.kill)
        self.agent.start()
        wait_until(lambda: self.agent.probe("/healthz"), 20, "the agent answers")

    def start(self, node):
        node.start()
        wait_until(lambda: not is_free(node.port), 20, "redis-server listens")


class Probes(OneNode):
    def test_a_node_is_alive_while_it_answers_and_ready_when_it_leads_or_follows(self):
        self.assertEqual([self.agent.probe(path) for path in ("/startupz", "/livez", "/readyz", "/healthz")], [False, False, False, True])
        self.start(self.node)
        self.assertEqual([self.agent.probe(path) for path in ("/startupz", "/livez", "/readyz")], [True, True, False])
        with self.node.client() as client:
            client.command("REPLICAOF", "NO", "ONE")
            self.assertTrue(self.agent.probe("/readyz"))
            self.start(self.other)
            with self.other.client() as other:
                other.command("REPLICAOF", "NO", "ONE")
                client.command("REPLICAOF", "127.0.0.1", self.other.port)
                wait_until(lambda: b"master_link_status:up" in client.command("INFO", "replication"), 20, "the link is up")
                self.assertTrue(self.agent.probe("/readyz"))
                self.other.kill()
                wait_until(lambda: b"master_link_status:down" in client.command("INFO", "replication"), 20, "the link is down")
                self.assertTrue(self.agent.probe("/readyz"), "a link lost a moment ago does not count")
                wait_until(lambda: not self.agent.probe("/readyz"), 20, "a link that stays down does")
        self.assertTrue(self.agent.probe("/livez"))

    def test_a_hung_node_fails_within_the_bound_and_the_agent_itself_does_not(self):
        self.start(self.node)
        self.node.pause()
        began = time.monotonic()
        status, reason = self.agent.get("/livez")
        report(f"verdict on a hung node after {time.monotonic() - began:.2f} s: {reason.strip()}")
        self.assertEqual(status, 503)
        self.assertIn("no answer", reason)
        self.assertTrue(self.agent.probe("/healthz"))
        self.node.resume()
        wait_until(lambda: self.agent.probe("/livez"), 20, "it is alive again")

    def test_a_node_that_loads_runs_a_script_or_cannot_write_is_alive_but_not_ready(self):
        class Says(socketserver.StreamRequestHandler):
            def handle(self):
                with contextlib.suppress(ConnectionError):
                    while self.rfile.readline():
                        self.wfile.write(self.server.line)

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        with socketserver.ThreadingTCPServer(("127.0.0.1", self.node.port), Says) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            for word in (b"LOADING", b"BUSY", b"MISCONF", b"MASTERDOWN", b"NOAUTH"):
                server.line = b"-" + word + b" so it is\r\n"
                with self.subTest(word):
                    self.assertEqual([self.agent.probe(path) for path in ("/startupz", "/livez", "/readyz")], [True, True, False])
            server.shutdown()

    def test_the_file_is_checked_and_wrong_methods_and_paths_are_refused(self):
        answer = subprocess.run([*self.agent.argv, "--check"], capture_output=True, text=True)
        self.assertEqual((answer.returncode, answer.stdout.endswith(": ok\n")), (0, True), answer.stderr)
        wrong = self.folder / "wrong.yaml"
        wrong.write_text("lisen: 127.0.0.1:1\nprobes: {answer_time: 2}\n")
        answer = subprocess.run([*self.agent.argv[:-1], str(wrong)], capture_output=True, text=True)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("did you mean listen?", answer.stderr)
        self.assertIn("has no unit", answer.stderr)
        self.assertEqual(self.agent.get("/hand-over")[0], 404, "the hand-over is on a port of its own")

    def test_a_hand_over_is_begun_by_a_login_only(self):
        self.start(self.node)
        with self.node.client() as client:
            client.command("REPLICAOF", "NO", "ONE")
        url = f"http://127.0.0.1:{self.agent.hand_over_port}"
        status, body = http_get(self.agent.hand_over_port, "/hand-over")
        self.assertEqual((status, self.agent.leaving()), (405, False), body)
        for headers in ({}, {"Authorization": "Bearer " + TOKEN[:-1] + "x"}, {"Authorization": "Bearer " + TOKEN, "Origin": "http://evil.example"}):
            status, body = http_post(f"{url}/hand-over", headers)
            self.assertIn(status, (401, 403), body)
            self.assertNotIn(TOKEN[:-1], body)
        self.assertEqual((http_post(f"http://127.0.0.1:{self.agent.port}/hand-over")[0], self.agent.leaving()), (405, False))
        self.assertEqual(http_get(self.agent.port, "/handed-over"), (200, "no replica is there that could lead\n"))
        self.assertFalse(self.agent.leaving(), "to wait for a hand-over does not begin one")
        self.assertEqual(http_post(f"{url}/hand-over", {"Authorization": f"Bearer {TOKEN}"}), (200, "no replica is there that could lead\n"))
        self.assertTrue(self.agent.leaving())
        self.assertNotIn(TOKEN, self.agent.log.read_text())

    def test_the_mark_of_a_node_that_does_not_stop_ends_by_itself(self):
        self.start(self.node)
        agent = Agent("short", self.folder, self.node.port, self.agent.port + 4, self.folder, hand_over_time="1s")
        self.addCleanup(agent.kill)
        agent.start()
        wait_until(lambda: agent.probe("/healthz"), 20, "the agent answers")
        url = f"http://127.0.0.1:{agent.hand_over_port}"
        self.assertEqual(http_post(f"{url}/hand-over", {"Authorization": f"Bearer {TOKEN}"}), (200, "this node does not lead\n"))
        wait_until(lambda: not agent.leaving(), 20, "the mark has ended")
        for arguments in ((), ("--agent", url, "--token-file", str(agent.token_file)), ("--agent", url)):
            answer = agent.hand_over(*arguments)
            self.assertEqual((answer.returncode, answer.stdout), (0, "this node does not lead\n"), answer.stderr)
        wait_until(lambda: not agent.leaving(), 20, "the mark has ended again")

    def test_its_socket_is_its_user_s_alone_and_goes_with_it(self):
        self.assertEqual(self.agent.socket.stat().st_mode & 0o777, 0o600)
        second = Agent("second", self.folder, self.node.port, self.agent.port + 4, self.folder)
        config = self.folder / "agent-second.yaml"
        config.write_text(config.read_text().replace(str(second.socket), str(self.agent.socket)))
        answer = subprocess.run(second.argv, capture_output=True, text=True, timeout=20)
        self.assertEqual(answer.returncode, 1)
        self.assertIn(f"Cannot listen on the socket {self.agent.socket} (another process that runs uses it): change hand_over.socket", answer.stderr)
        self.agent.process.send_signal(signal.SIGKILL)
        self.agent.process.wait()
        self.assertTrue(self.agent.socket.exists())
        self.agent.start()
        wait_until(lambda: self.agent.probe("/healthz"), 20, "a stale socket is replaced")
        self.agent.process.terminate()
        self.agent.process.wait(20)
        self.assertFalse(self.agent.socket.exists())


@unittest.skipIf(EXPORTER is None, "prometheus-redis-exporter is not installed")
class BesideRedisExporter(OneNode):
    def compare(self, redis_port, agent_port, wanted):
        port = free_ports(0)
        exporter = start_process([EXPORTER, "-web.listen-address", f"127.0.0.1:{port}", "-redis.addr", f"redis://127.0.0.1:{redis_port}",
                                  "-include-system-metrics"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(exporter.wait)
        self.addCleanup(exporter.kill)
        wait_until(lambda: http_get(port, "/metrics")[0] == 200, 20, "redis_exporter answers")
        theirs, their_types = samples(http_get(port, "/metrics")[1])
        ours, our_types = samples(http_get(agent_port, "/metrics")[1])
        names = {key[0] for key in ours if key[0].startswith("redis_") and not key[0].startswith("redis_portal_")}
        self.assertLessEqual(wanted, names)
        compared = 0
        for name in sorted(names):
            with self.subTest(name):
                their = {key[1:]: value for key, value in theirs.items() if key[0] == name}
                our = {key[1:]: value for key, value in ours.items() if key[0] == name}
                self.assertTrue(their, "redis_exporter does not know this name")
                self.assertEqual(our_types[name], their_types[name])
                self.assertEqual({tuple(label for label, _ in key) for key in our}, {tuple(label for label, _ in key) for key in their})
                for key in set(our) & set(their) if name not in MOVING else ():
                    close = name.startswith(SINGLE_CLAIM)
                    compared += 1
                    self.assertAlmostEqual(our[key], their[key], delta=max(0.5 * abs(their[key]), 0.05) if close else 1e-9)
        report(f"{len(names)} names of {len({key[0] for key in theirs if key[0].startswith('redis_')})}, {compared} values compared")

    def test_every_name_has_the_same_type_labels_and_value(self):
        self.start(self.node)
        self.start(self.other)
        other_agent = Agent("redis-1", self.folder, self.other.port, self.agent.port + 4, self.folder)
        self.addCleanup(other_agent.kill)
        other_agent.start()
        with self.node.client() as leader, self.other.client() as replica:
            leader.command("REPLICAOF", "NO", "ONE")
            replica.command("REPLICAOF", "127.0.0.1", self.node.port)
            for i in range(50):
                leader.command("SET", f"k{i}", i)
            leader.command("EXPIRE", "k1", 1000)
            leader.command("GET", "k1")
            leader.command("GET", "none")
            leader.command("LPUSH", "k1", "wrong type")
            wait_until(lambda: b"state=online" in leader.command("INFO", "replication") and b"master_link_status:up" in
                       replica.command("INFO", "replication"), 20, "the replica is online")
        self.compare(self.node.port, self.agent.port, WANTED | OF_A_LEADER)
        self.compare(self.other.port, other_agent.port, WANTED | OF_A_REPLICA)

    def test_a_node_that_is_gone_is_down_and_says_why(self):
        found, _ = samples(self.agent.get("/metrics")[1])
        self.assertEqual(found[("redis_up",)], 0)
        self.assertEqual(found[("redis_exporter_last_scrape_error", ("err", "refused"))], 1)
        self.assertGreater(found[("redis_portal_volume_filesystem_size_bytes",)], 0)


class HandOver(unittest.TestCase):
    def load(self, cluster):
        writers = [Writer(cluster.portals[i % 2], f"w{i}") for i in range(4)]
        for writer in writers:
            writer.start()
        wait_until(lambda: all(len(writer.acknowledged) > 50 for writer in writers), 30, "all writers write")
        return writers

    def finish(self, cluster, writers, what):
        counts = [len(writer.acknowledged) for writer in writers]
        wait_until(lambda: all(len(writer.acknowledged) > count + 50 for writer, count in zip(writers, counts)), 60, "all writers still write")
        for writer in writers:
            writer.stopping = True
        for writer in writers:
            writer.join(40)
        with cluster.portals[0].client() as client:
            lost = [key for writer in writers for key in writer.lost(client)]
        errors = [error for writer in writers for error in writer.errors]
        report(f"{what}: {sum(len(writer.acknowledged) for writer in writers)} acknowledged, {len(lost)} lost, {len(errors)} errors, "
               f"longest pause {max(writer.longest for writer in writers):.2f} s")
        self.assertEqual((lost, errors), ([], []))

    def test_the_leader_s_pod_is_stopped_under_load_and_nobody_notices(self):
        cluster = AgentCluster(self)
        for turn in range(2):
            old = cluster.leader()
            writers = self.load(cluster)
            answer, redis_status, agent_status = cluster.stop_pod(old)
            self.assertEqual((answer, redis_status, agent_status), ((200, "another node leads\n"), 0, 0))
            self.finish(cluster, writers, f"leader pod stopped, turn {turn}")
            self.assertIsNot(cluster.leader(), old)
            old.start()
            cluster.agent_of(old).start()
            wait_until(lambda: all(len([n for n in p.topology().get("nodes", []) if n["in_sync"]]) == 2 for p in cluster.portals), 30,
                       "both nodes are in sync again")
        events = [event for event in cluster.asked("events").values() if event["involvedObject"]["kind"] == "Lease"]
        self.assertEqual([event["reason"] for event in events if event["reason"] == "SwitchoverCompleted"], ["SwitchoverCompleted"] * 2)
        self.assertEqual([event["reason"] for event in events if event["reason"] == "LeaderElected"], ["LeaderElected"])

    def test_a_failover_and_a_lost_lease_are_told_as_events(self):
        cluster = AgentCluster(self)

        def told():
            return [event["reason"] for event in sorted(cluster.asked("events").values(), key=lambda event: event["firstTimestamp"])
                    if event["involvedObject"]["kind"] == "Lease" and event["reason"] != "LeaderElected"]

        old = cluster.leader()
        old.kill()
        wait_until(lambda: len(told()) == 2, 30, "the failover is told")
        self.assertEqual(told(), ["FailoverStarted", "FailoverCompleted"])
        acting = cluster.acting()
        acting.pause()
        other = next(portal for portal in cluster.portals if portal is not acting)
        wait_until(lambda: other.topology().get("acting_here"), 60, "the other portal acts")
        acting.resume()
        wait_until(lambda: told()[2:] == ["LeaseLost"], 30, "the lost lease is told")
        self.assertIn(f"{acting.name} acts no longer", next(event["message"] for event in cluster.asked("events").values()
                                                            if event["reason"] == "LeaseLost"))

    def test_a_leader_is_relieved_by_hand_and_may_lead_again_when_it_does_not_stop(self):
        cluster = AgentCluster(self)
        old = cluster.leader()
        answer = cluster.agent_of(old).hand_over()
        self.assertEqual((answer.returncode, answer.stdout), (0, "another node leads\n"), answer.stderr)
        wait_until(lambda: cluster.leader() not in (None, old), 20, "both portals know the other leader")
        new = cluster.leader()
        wait_until(lambda: not cluster.agent_of(old).leaving(), 30, "the mark has ended")
        wait_until(lambda: all(len([n for n in p.topology().get("nodes", []) if n["in_sync"]]) == 2 for p in cluster.portals), 30, "both nodes are in sync")
        self.assertEqual(cluster.agent_of(new).hand_over().stdout, "another node leads\n")
        wait_until(lambda: cluster.leader() is old, 20, "it leads again")

    def test_a_replica_s_pod_and_a_leader_with_no_replica_do_not_wait(self):
        cluster = AgentCluster(self)
        leader = cluster.leader()
        replica = next(node for node in cluster.nodes if node is not leader)
        began = time.monotonic()
        self.assertEqual(cluster.stop_pod(replica)[0], (200, "this node does not lead\n"))
        with leader.client() as client:
            wait_until(lambda: b"connected_slaves:0" in client.command("INFO", "replication"), 20, "the replica is gone")
        self.assertEqual(cluster.stop_pod(leader)[0], (200, "no replica is there that could lead\n"))
        self.assertLess(time.monotonic() - began, 20)

    def test_events_that_the_role_does_not_allow_cost_a_log_line_and_a_metric(self):
        cluster = AgentCluster(self)
        cluster.tell("faults", {"verb": "create", "resource": "events", "status": 403, "count": 1000, "message": "forbidden"})
        old = cluster.leader()
        self.assertEqual(cluster.stop_pod(old)[0][0], 200)
        denied = {"verb": "create", "resource": "events", "role": "cache-portal"}
        wait_until(lambda: cluster.metric("redis_portal_kubernetes_denied_total", **denied), 20, "the denial is counted")
        wait_until(lambda: "give the Role cache-portal the verbs create and patch on events" in cluster.acting().log.read_text(), 20,
                   "the log names verb and Role")
        with cluster.portals[0].client() as client:
            self.assertEqual(client.command("SET", "still", "works"), "OK")

    def test_a_certificate_that_is_new_refused_or_ends_soon_is_told_as_an_event(self):
        cluster = AgentCluster(self)
        portal, folder = cluster.portals[0], cluster.folder / "tls"
        make_pair(folder, 400)
        port = free_ports(0)
        self.restart_with(portal, listen=[{"address": f"127.0.0.1:{port}", "tls": {"certificate": str(folder / "tls.crt"), "key": str(folder / "tls.key")}}])

        def told(reason):
            events = [event for event in cluster.asked("events").values() if event["reason"] == reason]
            return next((event for event in events if event["message"].startswith("portal-0: ")), None)

        def reload():
            portal.signal(signal.SIGHUP)

        key = (folder / "tls.key").read_bytes()
        (folder / "tls.key").write_bytes(b"no key")
        reload()
        wait_until(lambda: told("ReloadRefused"), 20, "the refusal is told")
        self.assertEqual("Warning", told("ReloadRefused")["type"])
        self.assertIn("tls.key", told("ReloadRefused")["message"])
        self.assertIsNone(told("CertificateReloaded"))
        (folder / "tls.key").write_bytes(key)
        self.assertIsNone(told("CertificateExpiringSoon"), "a year is not soon")
        make_pair(folder, 3)
        reload()
        wait_until(lambda: told("CertificateReloaded"), 20, "the new certificate is told")
        wait_until(lambda: told("CertificateExpiringSoon"), 20, "that it ends soon is told")
        self.assertIn(f"the certificate of 127.0.0.1:{port} ends on ", told("CertificateExpiringSoon")["message"])
        self.assertEqual(["cache"] * 3, [told(reason)["involvedObject"]["name"] for reason in ("ReloadRefused", "CertificateReloaded", "CertificateExpiringSoon")])

    def test_a_portal_may_be_asked_to_be_unready_without_a_leader(self):
        cluster = AgentCluster(self)
        portal, other = cluster.portals
        self.restart_with(portal, admin={"address": f"127.0.0.1:{portal.admin_port}", "ready_without_leader": False})
        ready = lambda one: http_get(one.admin_port, "/readyz")
        wait_until(lambda: ready(portal)[0] == 200, 20, "it is ready while there is a leader")
        for node in cluster.nodes:
            node.kill()
        wait_until(lambda: ready(portal)[0] == 503, 30, "it is not ready without a leader")
        self.assertIn("no leader", ready(portal)[1])
        self.assertEqual(200, ready(other)[0], "one that holds is ready")
        self.assertEqual(200, http_get(portal.admin_port, "/livez")[0])
        for node in cluster.nodes:
            node.start()
        wait_until(lambda: ready(portal)[0] == 200, 30, "and it is ready again")

    @staticmethod
    def restart_with(portal, **sections):
        portal.stop()
        portal.config.write_text(json.dumps(json.loads(portal.config.read_text()) | sections))
        portal.start()
        wait_until(lambda: http_get(portal.admin_port, "/readyz")[0] == 200, 20, "the portal is ready")


def make_pair(folder, days):
    subprocess.run([PROGRAM, "certs", "init", "--dir", str(folder), "--names", "localhost", "--days", str(days)], check=True, capture_output=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
