"""A running portal takes over changed files, all of a change or nothing, and no client notices."""

import os
import shutil
import signal
import subprocess
import threading
import time
import unittest

import yaml

from mounted_portal import MountedPortal, make_pair
from portal_support import demo_for, free_base_port, report, start_process, wait_until
from resp_client import Client, RespError


class Writer(threading.Thread):
    """Writes all the time over one connection."""

    def __init__(self, portal):
        super().__init__(daemon=True)
        self.client, self.stopping, self.written, self.failure = portal.client(), False, 0, None
        self.start()

    def run(self):
        try:
            while not self.stopping:
                if self.client.command("INCR", f"writer:{id(self)}") != self.written + 1:
                    raise AssertionError("a write was lost or done twice")
                self.written += 1
        except Exception as failure:
            self.failure = failure


class HastyPortal(MountedPortal):
    """One whose configuration is changed while it starts, `delay` seconds after its process was."""

    def __init__(self, demo, delay):
        self.due = time.monotonic() + delay
        super().__init__(demo)

    def ready(self):
        if self.due is not None and time.monotonic() >= self.due:
            self.due = None
            self.configure(limits={"sessions": 77})
        return self.due is None and super().ready()


class ChangesAtStart(unittest.TestCase):
    def test_a_change_while_it_starts_is_not_missed(self):
        demo = demo_for(self, portals=1)
        for delay in (0.0, 0.01, 0.02, 0.03, 0.05, 0.1):
            portal = HastyPortal(demo, delay)
            try:
                wait_until(lambda: portal.metric("redis_portal_client_connections_limit") == 77, 20, f"the change {delay} s after the start")
            finally:
                portal.stop()
                shutil.rmtree(demo.dir / "mounted")


class Reload(unittest.TestCase):
    def setUp(self):
        self.demo = demo_for(self, portals=1)
        self.portal = MountedPortal(self.demo)
        self.addCleanup(self.portal.stop)
        self.writers = [Writer(self.portal) for _ in range(4)]

    def none_was_disturbed(self):
        counts = [writer.written for writer in self.writers]
        wait_until(lambda: all(writer.written > count + 20 or writer.failure for writer, count in zip(self.writers, counts)), 20, "all write on")
        self.assertEqual([None] * 4, [writer.failure for writer in self.writers])

    def tearDown(self):
        for writer in self.writers:
            writer.stopping = True
            writer.join(10)
            writer.client.close()

    def reloaded(self, result, before):
        wait_until(lambda: self.portal.reloads(result) > before, 40, f"a reload with the result {result}")

    def issued(self):
        """Serial number of the certificate that a new handshake shows."""
        client = self.portal.client()
        self.addCleanup(client.close)
        return client.socket.getpeercert()["serialNumber"]

    def test_what_can_change_while_it_runs_changes_at_once_and_for_all(self):
        client = self.portal.client()
        self.addCleanup(client.close)
        self.assertNotIsInstance(client.command("DBSIZE"), RespError)
        sha = self.portal.status()["configuration"]["sha256"]
        swapped = time.monotonic()
        self.portal.configure(commands={"deny": ["dbsize"]}, limits={"sessions": 6}, log={"level": "debug"}, writes={"in_doubt": "close"})
        self.reloaded("success", 0)
        report(f"a swapped configuration was in use after {time.monotonic() - swapped:.2f} s")
        wait_until(lambda: isinstance(client.command("DBSIZE"), RespError), 5, "the command is denied on an open connection")
        self.assertEqual(6, self.portal.metric("redis_portal_client_connections_limit"))
        status = self.portal.status()["configuration"]
        self.assertNotEqual(sha, status["sha256"])
        self.assertEqual("", status["refusal"])
        self.assertEqual(1, self.portal.metric("redis_portal_config_info", sha256=status["sha256"]))
        self.assertIn("commands.deny", self.portal.log.read_text())
        last = self.portal.client()
        self.addCleanup(last.close)
        refused = self.portal.client(password=None)
        self.addCleanup(refused.close)
        self.assertIn("max number of clients", str(refused.read()))
        self.none_was_disturbed()

    def test_a_key_that_needs_a_restart_holds_up_no_other(self):
        fresh = make_pair(self.demo, "fresh")
        first = self.issued()
        before = self.portal.reloads("success")
        self.portal.tls.swap(fresh)
        self.portal.configure(limits={"sessions": 77}, threads=7)
        self.reloaded("success", before)
        wait_until(lambda: self.portal.metric("redis_portal_client_connections_limit") == 77, 10, "the limit is taken over")
        wait_until(lambda: self.issued() != first, 35, "the certificate, too")
        self.assertEqual(["threads"], self.portal.status()["configuration"]["needs_restart"])
        self.assertEqual("", self.portal.status()["configuration"]["refusal"])
        self.assertEqual(1, self.portal.metric("redis_portal_config_needs_restart"))
        wait_until(lambda: "threads was changed in the file and cannot change while the portal runs" in self.portal.log.read_text(), 10, "the log says so")
        self.portal.config.pop("threads")
        self.portal.configure()
        wait_until(lambda: self.portal.metric("redis_portal_config_needs_restart") == 0, 35, "nothing waits any more")
        self.none_was_disturbed()

    def test_a_bad_file_changes_nothing(self):
        sha = self.portal.status()["configuration"]["sha256"]
        for wanted, complaint in (({"hold": {"time": "5"}}, "has no unit"), ({"hold": {"time": "5s"}, "threads": "many"}, "threads")):
            before = self.portal.reloads("refused")
            self.portal.configure(**wanted)
            self.reloaded("refused", before)
            status = self.portal.status()["configuration"]
            self.assertIn(complaint, status["refusal"])
            self.assertEqual(sha, status["sha256"])
            self.assertEqual(0, self.portal.metric("redis_portal_config_last_reload_successful"))
            wait_until(lambda: complaint in self.portal.log.read_text(), 10, f"the log says {complaint}")  # a thread of its own writes it
        self.none_was_disturbed()
        self.portal.config.pop("threads")
        self.portal.config.pop("hold")
        self.portal.configure()
        self.reloaded("success", 0)
        self.assertEqual(1, self.portal.metric("redis_portal_config_last_reload_successful"))

    def test_a_new_certificate_serves_new_handshakes_and_a_broken_pair_changes_nothing(self):
        first = self.issued()
        fresh = make_pair(self.demo, "fresh")
        self.portal.tls.swap({"tls.crt": fresh["tls.crt"], "tls.key": self.portal.pair["tls.key"]})
        self.reloaded("refused", 0)
        self.assertIn("is not the key of", self.portal.status()["configuration"]["refusal"])
        self.assertEqual(first, self.issued())
        swapped = time.monotonic()
        self.portal.tls.swap(fresh)
        wait_until(lambda: self.issued() != first, 35, "new handshakes show the new certificate")
        report(f"new handshakes showed the new certificate after {time.monotonic() - swapped:.2f} s")
        self.none_was_disturbed()

    def test_a_new_node_is_taken_up(self):
        folder = self.demo.dir / "redis-new"
        folder.mkdir()
        port = free_base_port(0, 1)
        process = start_process(["redis-server", "--port", str(port), "--dir", str(folder), "--replicaof", "127.0.0.1", "1", "--requirepass", self.demo.password,
                                 "--masterauth", self.demo.password, "--save", ""], stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        nodes = [*self.portal.config["nodes"], {"name": "redis-new", "address": f"127.0.0.1:{port}"}]
        for portal in self.demo.portals:  # the other one may be who acts
            file = self.demo.dir / portal.name / "portal.yaml"
            file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"nodes": nodes}))
        self.portal.configure(nodes=nodes)
        wait_until(lambda: self.portal.metric("redis_portal_backend_up", backend="redis-new") == 1, 20, "the new node is watched")
        with Client(port, password=self.demo.password) as node:
            wait_until(lambda: b"master_link_status:up" in node.command("INFO", "replication"), 30, "the new node follows the leader")
        self.none_was_disturbed()

    def test_the_signal_reloads_at_once(self):
        before = self.portal.reloads("success")
        os.kill(self.portal.pid, signal.SIGHUP)
        self.reloaded("success", before)
        self.none_was_disturbed()


if __name__ == "__main__":
    unittest.main()
