"""What runs in the rendered pods, run here: the start and probe scripts with a real redis-server, and the portals'
configuration with `redis-portal check`. Only paths and the port are changed."""

import contextlib
import shutil
import socketserver
import subprocess
import threading
import unittest
from pathlib import Path

import yaml

from chart_support import CASES, ChartTestCase, find, main, render
from pods import PROGRAM, Client, Folders, RedisPod, free_port, is_free, wait_until

PASSWORD = 'p"a\\ss $word\'1'


class SaysOnly(socketserver.StreamRequestHandler):
    """A node that answers everything with one line, as redis-server does while it loads."""

    def handle(self):
        with contextlib.suppress(ConnectionError):
            while self.rfile.readline():
                self.wfile.write(self.server.line)


@unittest.skipIf(shutil.which("redis-server") is None, "redis-server is not installed")
class Nodes(ChartTestCase):
    def setUp(self):
        objects = render("4", "1.34.0", "default")
        self.node = RedisPod(objects, free_port(), PASSWORD)
        self.addCleanup(shutil.rmtree, self.node.pod.root)
        self.addCleanup(self.node.kill)

    def start(self):
        self.node.start()
        wait_until(lambda: not is_free(self.node.port), 10, "redis-server listens")
        return self.node.client()

    def test_a_node_boots_as_a_replica_of_nobody_and_is_alive_but_not_ready(self):
        with self.start() as client:
            self.assertEqual(client.command("ROLE")[:3], [b"slave", b"127.0.0.1", 1])
            self.assertEqual((self.node.probe("alive"), self.node.probe("ready")), (True, False))

    def test_a_leader_is_ready_and_boots_as_a_replica_again(self):
        with self.start() as client:
            client.command("REPLICAOF", "NO", "ONE")
            self.assertTrue(self.node.probe("ready"))
            client.command("CONFIG", "REWRITE")
            client.command("SET", "key", "value")
        self.assertEqual(self.node.stop(), 0)
        with self.start() as client:
            wait_until(lambda: client.command("GET", "key") == b"value", 10, "the data is loaded")
            self.assertEqual(client.command("ROLE")[0], b"slave")

    def test_the_password_holds_whatever_is_in_it(self):
        with self.start(), Client(self.node.port) as stranger:
            self.assertIn("NOAUTH", str(stranger.command("GET", "key")))

    def test_a_frozen_node_is_not_alive(self):
        with self.start():
            self.assertTrue(self.node.probe("alive"))
            self.node.pause()
            self.assertFalse(self.node.probe("alive"))
            self.node.resume()

    def test_a_node_that_loads_its_data_is_alive_but_not_ready(self):
        with socketserver.ThreadingTCPServer(("127.0.0.1", self.node.port), SaysOnly) as node:
            node.daemon_threads = True
            node.line = b"-LOADING Redis is loading the dataset in memory\r\n"
            threading.Thread(target=node.serve_forever, daemon=True).start()
            self.node.start_agent()
            self.assertEqual((self.node.probe("alive"), self.node.probe("ready")), (True, False))
            node.shutdown()


@unittest.skipUnless(Path(PROGRAM).exists(), "redis-portal is not built")
class Portals(ChartTestCase):
    def test_the_portal_takes_the_configuration_of_every_rendering(self):
        pod = Folders(["/etc/redis-portal/"])
        self.addCleanup(shutil.rmtree, pod.root)
        etc = pod.root / "etc/redis-portal"
        made = subprocess.run([PROGRAM, "certs", "init", "--dir", etc / "tls", "--names", "localhost"], capture_output=True, text=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        pod.write("/etc/redis-portal/client-ca/ca.crt", (etc / "tls/ca.crt").read_text())
        pod.write("/etc/redis-portal/auth/password", PASSWORD)
        pod.write("/etc/redis-portal/tickets/ticket-secret", "x" * 48)
        for case in CASES:
            objects = render("4", "1.34.0", case)
            name = find(objects, "Deployment")["metadata"]["name"]
            with self.subTest(case):
                text = find(objects, "ConfigMap", name)["data"]["portal.yaml"]
                self.assertEqual(len(yaml.safe_load(text)["nodes"]), find(objects, "StatefulSet")["spec"]["replicas"])
                pod.write("/etc/redis-portal/config/portal.yaml", text)
                verdict = subprocess.run([PROGRAM, "check", "--config", etc / "config/portal.yaml"], capture_output=True, text=True)
                self.assertEqual(verdict.returncode, 0, verdict.stderr)


if __name__ == "__main__":
    main()
