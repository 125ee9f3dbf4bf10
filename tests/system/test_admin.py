"""The admin port: health, readiness, metrics and status, before and during a lost leader."""

import contextlib
import re
import shutil
import socket
import subprocess
import time
import unittest
from pathlib import Path

from portal_support import PROGRAM, DemoTestCase, start_process, wait_until


class Admin(DemoTestCase):
    def test_health_and_readiness_answer_200(self):
        for portal in self.demo.portals:
            for path in ("/livez", "/healthz", "/readyz"):
                self.assertEqual(200, portal.get(path)[0], path)

    def test_an_unknown_path_answers_404(self):
        self.assertEqual(404, self.demo.portals[0].get("/no-such-page")[0])

    def test_changes_need_a_login_which_being_on_loopback_is_not(self):
        portal = self.demo.portals[0]
        leader = self.demo.leader()
        for path in ("/switchover", "/drain"):
            for headers in ({}, {"Origin": f"http://127.0.0.1:{portal.admin_port}"}, {"Authorization": "Bearer 0123456789abcdef"}):
                code, body = portal.post(path, **headers)
                self.assertEqual(403, code, body)
            self.assertEqual(405, portal.get(path)[0])
        self.assertIn(f"unix:{portal.admin_socket}", portal.post("/drain")[1])
        self.assertEqual("ready", portal.status()["state"])
        self.assertIs(leader, self.demo.leader())
        self.assertEqual(0o600, Path(portal.admin_socket).stat().st_mode & 0o777)

    def test_the_command_line_finds_the_socket_of_a_portal_of_this_machine(self):
        for admin in (f"http://127.0.0.1:{self.demo.portals[0].admin_port}", f"unix:{self.demo.portals[0].admin_socket}"):
            leader = self.demo.leader()
            in_sync = lambda: [len([n for n in p.status()["topology"]["nodes"] if n["in_sync"]]) for p in self.demo.portals] == [2, 2]
            wait_until(in_sync, 20, "both nodes are in sync")
            done = subprocess.run([PROGRAM, "switchover", "--admin", admin], capture_output=True, text=True, timeout=40)
            self.assertEqual(0, done.returncode, done.stderr)
            wait_until(lambda: self.demo.leader() not in (None, leader), 10, "another node leads")

    def test_sixty_four_connections_that_say_nothing_or_half_do_not_make_probes_fail(self):
        portal = self.demo.portals[0]
        for said in (b"", b"GET /metrics HTTP/1.1\r\nHost: por"):
            with contextlib.ExitStack() as open_ones:
                for _ in range(64):
                    silent = open_ones.enter_context(socket.create_connection(("127.0.0.1", portal.admin_port)))
                    silent.sendall(said)
                self.assertEqual([200, 200], [portal.get(path)[0] for path in ("/livez", "/readyz")], said)

    def test_the_status_page_is_html(self):
        code, body = self.demo.portals[0].get("/")
        self.assertEqual(200, code)
        self.assertIn("<html", body.lower())

    def test_status_is_shown_again_with_watch_until_a_signal(self):
        portal = self.demo.portals[0]
        watch = start_process([PROGRAM, "status", "--watch", "--admin", f"http://127.0.0.1:{portal.admin_port}"], stdout=subprocess.PIPE, text=True)
        with watch.stdout:
            shown = [line for line, _ in zip((line for line in watch.stdout if line.startswith("Leader ")), range(2), strict=False)]
            watch.terminate()
            self.assertEqual(-15, watch.wait(10))
        self.assertEqual(2, len(shown))
        self.assertIn(self.demo.leader().name, shown[1])

    def test_status_tells_topology_and_epoch(self):
        leader = self.demo.leader()
        for portal in self.demo.portals:
            status = portal.status()
            self.assertEqual(portal.name, status["name"])
            topology = status["topology"]
            self.assertEqual(leader.name, topology["leader"])
            self.assertGreaterEqual(topology["epoch"], 1)
            self.assertEqual({node.name for node in self.demo.nodes}, {node["name"] for node in topology["nodes"]})
        acting = [portal for portal in self.demo.portals if portal.status()["topology"]["acting_here"]]
        self.assertEqual(1, len(acting))

    def test_metrics_are_well_formed_and_count_commands(self):
        portal = self.demo.portals[0]
        body = portal.get("/metrics")[1]
        sample = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_]\w*="(\\.|[^"\\])*",?)*\})? (\+Inf|NaN|-?[0-9.e+-]+)')
        for line in body.splitlines():
            self.assertTrue(line.startswith("#") or not line or sample.fullmatch(line), line)
        before = portal.metric("redis_portal_commands_total")
        client = self.client(0)
        client.pipeline([("SET", "k", "v")] * 100)
        wait_until(lambda: portal.metric("redis_portal_commands_total") >= before + 100, 5, "100 commands are counted")
        self.assertGreaterEqual(portal.metric("redis_portal_client_connections"), 1)
        for what in ("tls_handshake_duration_seconds", "event_loop_lag_seconds"):
            self.assertGreaterEqual(portal.metric(f"redis_portal_{what}_count"), 1, what)
            self.assertGreater(portal.metric(f"redis_portal_{what}_sum"), 0, what)

    def test_probes_errors_and_what_the_arbiter_said_last_are_counted(self):
        portal = self.demo.portals[0]
        errors = lambda error: portal.metric("redis_portal_error_replies_total", error=error)
        before = errors("WRONGTYPE"), errors("ERR"), errors("other")
        client = self.client(0)
        client.command("SET", "text", "x")
        client.command("LPUSH", "text", "y")
        client.command("INCR", "text")
        wait_until(lambda: (errors("WRONGTYPE"), errors("ERR"), errors("other")) == (before[0] + 1, before[1] + 1, before[2]), 5, "errors are counted")
        checks = lambda: portal.metric("redis_portal_backend_checks_total", backend=self.demo.nodes[0].name, result="ok")
        counted = checks()
        wait_until(lambda: checks() > counted, 10, "probes go on")
        took = portal.metric("redis_portal_backend_check_seconds_total", backend=self.demo.nodes[0].name)
        self.assertGreater(took, 0)
        self.assertLess(took / checks(), 1, "a second for a probe on loopback")
        self.assertEqual(portal.metric("redis_portal_backend_state_changes_total", backend=self.demo.nodes[0].name, to="up"), 1)
        for what in ("arbiter_last_contact", "leader_changed"):
            age = time.time() - portal.metric(f"redis_portal_{what}_timestamp_seconds")
            self.assertTrue(-2 < age < 300, f"{what}: {age}")
        self.assertEqual(portal.metric("redis_portal_lease_transitions_total"), 0)
        self.assertRegex(portal.status()["topology"]["leader_since"], r"^20\d\d-\d\d-\d\dT")

    def test_every_command_of_a_client_that_waits_for_its_replies_is_timed_by_its_class(self):
        portal = self.demo.portals[0]
        count = lambda kind: portal.metric("redis_portal_command_duration_seconds_count", **{"class": kind})
        client = self.client(0)
        client.command("SET", "timed", 1)
        before = [count(kind) for kind in ("read", "write", "blocking")]
        for _ in range(20):
            client.command("SET", "timed", 1)
        for _ in range(30):
            client.command("GET", "timed")
        client.command("BLPOP", "nothing-there", "0.05")
        wait_until(lambda: [count(kind) for kind in ("read", "write", "blocking")] >= [before[0] + 30, before[1] + 20, before[2] + 1], 5, "all are timed")
        self.assertEqual([count(kind) for kind in ("read", "write", "blocking")], [before[0] + 30, before[1] + 20, before[2] + 1])
        waited = portal.metric("redis_portal_command_duration_seconds_bucket", **{"class": "blocking", "le": "0.025"})
        self.assertLess(waited, count("blocking"), "the time inside Redis counts")
        self.assertEqual(1, portal.metric("redis_portal_leader_known"))
        self.assertGreaterEqual(portal.metric("redis_portal_leader_epoch"), 1)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool_accepts_the_metrics(self):
        ended = subprocess.run(["promtool", "check", "metrics"], input=self.demo.portals[0].get("/metrics")[1],
                               capture_output=True, text=True, timeout=30)
        self.assertEqual(0, ended.returncode, ended.stdout + ended.stderr)


if __name__ == "__main__":
    unittest.main()
