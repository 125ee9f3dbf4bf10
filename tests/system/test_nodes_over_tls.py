"""Nodes that speak TLS only: commands of clients, subscriptions, large values, failover, and certificates that are replaced."""

import contextlib
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from binary_content import random_bytes
from arbiter_cluster import Node, Portal, free_ports
from portal_support import PROGRAM, report, wait_until
from resp_client import RespError, tls_context


class NodesOverTls(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="redis-portal-test."))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.tls = self.certificates("tls")
        context = tls_context(str(self.tls / "ca.crt"))
        context.load_cert_chain(self.tls / "tls.crt", self.tls / "tls.key")
        self.base = free_ports()
        files = [option for name, file in (("cert", "tls.crt"), ("key", "tls.key"), ("ca-cert", "ca.crt"))
                 for option in (f"--tls-{name}-file", str(self.tls / file))]
        # Clients, portals and replicas show a certificate, too.
        self.nodes = [Node(f"redis-{i}", self.base + 10 + i, self.folder, [*files, "--tls-replication", "yes"], context)
                      for i in range(2)]
        self.portal = self.make_portal("portal-0", 0, {name: str(self.tls / file) for name, file in
                                                       (("ca", "ca.crt"), ("certificate", "tls.crt"), ("key", "tls.key"))})
        for process in self.nodes:
            process.start()

    def certificates(self, name):
        done = subprocess.run([PROGRAM, "certs", "init", "--dir", str(self.folder / name), "--names", "127.0.0.1,localhost"],
                              capture_output=True, text=True)
        self.assertEqual(0, done.returncode, done.stderr)
        return self.folder / name

    def make_portal(self, name, number, node_tls):
        portal = Portal(name, self.base + number, self.base + 30 + number, self.folder, self.nodes,
                        {"file": {"path": str(self.folder / "record")}}, {}, node_tls)
        self.addCleanup(self.show, portal)
        return portal

    def show(self, portal):
        for process in [portal, *self.nodes]:
            process.kill()
        outcome = self._outcome.result
        if outcome.failures or outcome.errors:
            print(portal.log.read_text(errors="replace")[-6000:], flush=True)

    def serve(self):
        self.portal.start()
        wait_until(lambda: len([n for n in self.portal.topology().get("nodes", []) if n["in_sync"]]) == 2, 30, "both are in sync")

    def client(self):
        client = self.portal.client()
        self.addCleanup(client.close)
        return client

    def test_commands_large_values_messages_and_a_failover(self):
        self.serve()
        client, listener = self.client(), self.client()
        self.assertEqual("OK", client.command("SET", "k", "v"))
        self.assertEqual([b"v"] * 2000, client.pipeline([("GET", "k")] * 2000))
        large = random_bytes(5_000_000)
        self.assertEqual("OK", client.command("SET", "large", large))
        self.assertEqual(large, client.command("GET", "large"))
        self.assertEqual([b"subscribe", b"news", 1], listener.command("SUBSCRIBE", "news"))
        self.assertEqual(1, client.command("PUBLISH", "news", "hello"))
        self.assertEqual([b"message", b"news", b"hello"], listener.read())
        blocked = self.client()
        blocked.send("BLPOP", "queue", "30")

        old = next(node for node in self.nodes if node.role() == "master")
        new = next(node for node in self.nodes if node is not old)
        wait_until(lambda: self.reads(new, "large") == large, 20, "the replica has it")
        killed = time.monotonic()
        old.kill()
        reply = client.command("SET", "after", "1")
        if isinstance(reply, RespError):
            self.assertEqual("INDOUBT", reply.kind)
            reply = client.command("SET", "after", "1")
        self.assertEqual("OK", reply)
        report(f"failover over TLS: first accepted write {(time.monotonic() - killed) * 1000:.0f} ms after the kill")
        self.assertEqual(large, client.command("GET", "large"))
        self.assertEqual(1, client.command("RPUSH", "queue", "e"))
        self.assertEqual([b"queue", b"e"], blocked.read())

    def test_a_busy_leader_keeps_its_role(self):
        """The probe's signs of life travel encrypted, too."""
        self.serve()
        client = self.client()
        self.assertEqual("OK", client.command("SET", "k", "v"))
        leader, epoch = self.portal.topology()["leader"], self.portal.topology()["epoch"]
        with next(node for node in self.nodes if node.name == leader).client() as direct:
            direct.send("EVAL", "local t = redis.call('TIME')[1] while redis.call('TIME')[1] - t < 3 do end", 0)
            time.sleep(0.2)
            self.assertEqual("OK", client.command("SET", "k", "w"))
        wait_until(lambda: self.portal.topology()["nodes"], 5, "the portal answers")
        self.assertEqual((leader, epoch), (self.portal.topology()["leader"], self.portal.topology()["epoch"]))
        self.assertIn("node is busy", self.portal.log.read_text())

    def reads(self, node, key):
        with node.client() as direct:
            return direct.command("GET", key)

    def test_a_node_of_another_authority_is_never_spoken_to(self):
        other = self.certificates("other")
        stranger = self.make_portal("portal-1", 1, {"ca": str(other / "ca.crt")})
        self.portal = stranger
        stranger.start()
        wait_until(lambda: "TLS handshake" in str(stranger.topology()), 20, "the status says what is wrong")
        self.assertEqual("", stranger.topology().get("leader"))

    def test_renewed_files_are_noticed_and_new_links_show_the_new_certificate(self):
        shown, other = self.folder / "shown", self.certificates("other")
        shown.mkdir()
        self.show_certificate(shown, self.tls)
        shutil.copy(self.tls / "ca.crt", shown / "ca.crt")
        self.portal = self.make_portal("portal-0", 0, {"ca": str(shown / "ca.crt"), "certificate": str(shown / "tls.crt"),
                                                       "key": str(shown / "tls.key")})
        self.serve()
        client, blocked = self.client(), self.client()
        self.assertEqual("OK", client.command("SET", "k", "v"))

        with self.noticed():
            self.show_certificate(shown, other)  # the nodes do not know who signed it
        blocked.send("BLPOP", "nothing", "0.01")  # takes a link of its own
        wait_until(lambda: self.portal.status()["sessions"]["held"] > 0, 20, "the node refuses the new link")
        with self.noticed():
            self.show_certificate(shown, self.tls)
        self.assertIsNone(blocked.read())
        self.assertEqual(b"v", client.command("GET", "k"))

    def test_a_renewed_authority_is_noticed_as_well(self):
        shown, other = self.folder / "shown", self.certificates("other")
        shown.mkdir()
        shutil.copy(self.tls / "ca.crt", shown / "ca.crt")
        self.portal = self.make_portal("portal-0", 0, {"ca": str(shown / "ca.crt"), "certificate": str(self.tls / "tls.crt"),
                                                       "key": str(self.tls / "tls.key")})
        self.serve()
        blocked = self.client()
        with self.noticed():
            shutil.copy(other / "ca.crt", shown / "ca.crt")  # signed nothing that the nodes show
        blocked.send("BLPOP", "nothing", "0.01")
        wait_until(lambda: self.portal.status()["sessions"]["held"] > 0, 20, "the portal refuses the node")
        with self.noticed():
            shutil.copy(self.tls / "ca.crt", shown / "ca.crt")
        self.assertIsNone(blocked.read())

    def test_a_certificate_for_nodes_that_ends_soon_is_told_of(self):
        short = self.folder / "short"
        done = subprocess.run([PROGRAM, "certs", "init", "--dir", str(short), "--names", "127.0.0.1", "--days", "5"],
                              capture_output=True, text=True)
        self.assertEqual(0, done.returncode, done.stderr)
        self.portal = self.make_portal("portal-0", 0, {"ca": str(self.tls / "ca.crt"), "certificate": str(short / "tls.crt"),
                                                       "key": str(short / "tls.key")})
        self.portal.start()
        wait_until(lambda: "the certificate for node redis-0 ends on" in self.portal.log.read_text(), 20, "the log warns of it")

    def show_certificate(self, folder, source):
        for file in ("tls.crt", "tls.key"):
            shutil.copy(source / file, folder / file)

    @contextlib.contextmanager
    def noticed(self):
        """What is changed within is taken over, though nobody sends a signal."""
        def reloads():
            return sum("level=info" in line and "reloaded" in line for line in self.portal.log.read_text().splitlines())
        before = reloads()
        yield
        wait_until(lambda: reloads() > before, 20, "the changed files are taken over")


if __name__ == "__main__":
    unittest.main()
