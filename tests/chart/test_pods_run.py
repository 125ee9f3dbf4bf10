"""What runs in the rendered pods, run here: the start and probe scripts with a real redis-server, and the portals'
configuration with `redis-portal check`. Only paths and the port are changed."""

import contextlib
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import yaml

from chart_support import CASES, ROOT, ChartTestCase, find, main, render

sys.path.insert(0, str(ROOT / "tests/support"))
from portal_support import is_free, start_process, wait_until  # noqa: E402
from resp_client import Client  # noqa: E402

PROGRAM = os.environ.get("REDIS_PORTAL", str(ROOT / "build/release/redis-portal"))
PASSWORD = 'p"a\\ss $word\'1'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Folders:
    """A folder that stands for the root of a pod's file system."""

    def __init__(self, replaced):
        self.root = Path(tempfile.mkdtemp(prefix="chart-pod-"))
        self.replaced = {path: str(self.root / path.strip("/")) for path in replaced}

    def adapt(self, text):
        for path, real in self.replaced.items():
            text = text.replace(path, real)
        return text

    def write(self, path, text):
        target = self.root / path.strip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.adapt(text))


class SaysOnly(socketserver.StreamRequestHandler):
    """A node that answers everything with one line, as redis-server does while it loads."""

    def handle(self):
        with contextlib.suppress(ConnectionError):
            while self.rfile.readline():
                self.wfile.write(self.server.line)


@unittest.skipIf(shutil.which("redis-server") is None, "redis-server is not installed")
class Nodes(ChartTestCase):
    def setUp(self):
        self.port = free_port()
        self.pod = Folders(["/etc/redis-auth", "/etc/redis/", "/run/redis/", "dir /data"])
        self.pod.replaced["dir /data"] = f"dir {self.pod.root}/data"
        self.pod.replaced["/etc/redis/"] += "/"
        self.pod.replaced["/run/redis/"] += "/"
        self.addCleanup(shutil.rmtree, self.pod.root)
        for name, text in find(render("4", "1.34.0", "default"), "ConfigMap", "shop-redis-portal-redis")["data"].items():
            text = text.replace("port 6379", f"port {self.port}").replace("-p 6379", f"-p {self.port}")
            self.pod.write(f"/etc/redis/{name}", text)
        self.pod.write("/etc/redis-auth/password", PASSWORD)
        for folder in ("run/redis", "data"):
            (self.pod.root / folder).mkdir(parents=True)
        self.server = None

    def start(self):
        self.server = start_process(["sh", self.pod.root / "etc/redis/start.sh"], stdout=subprocess.DEVNULL)
        self.addCleanup(self.stop)
        wait_until(lambda: not is_free(self.port), 10, "redis-server listens")
        return Client(self.port, password=PASSWORD)

    def stop(self):
        self.server.kill()
        self.server.wait()

    def probe(self, question):
        return subprocess.run(["sh", self.pod.root / "etc/redis/probe.sh", question], stdout=subprocess.DEVNULL).returncode

    def test_a_node_boots_as_a_replica_of_nobody_and_is_alive_but_not_ready(self):
        with self.start() as client:
            self.assertEqual(client.command("ROLE")[:3], [b"slave", b"127.0.0.1", 1])
            self.assertEqual((self.probe("alive"), self.probe("ready")), (0, 1))

    def test_a_leader_is_ready_and_boots_as_a_replica_again(self):
        with self.start() as client:
            client.command("REPLICAOF", "NO", "ONE")
            self.assertEqual(self.probe("ready"), 0)
            client.command("CONFIG", "REWRITE")
            client.command("SET", "key", "value")
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(30)
        with self.start() as client:
            wait_until(lambda: client.command("GET", "key") == b"value", 10, "the data is loaded")
            self.assertEqual(client.command("ROLE")[0], b"slave")

    def test_the_password_holds_whatever_is_in_it(self):
        with self.start(), Client(self.port) as stranger:
            self.assertIn("NOAUTH", str(stranger.command("GET", "key")))

    def test_a_frozen_node_is_not_alive(self):
        with self.start():
            self.server.send_signal(signal.SIGSTOP)
            started = time.monotonic()
            self.assertEqual(self.probe("alive"), 1)
            self.assertLess(time.monotonic() - started, 30)
            self.server.send_signal(signal.SIGCONT)

    def test_a_node_that_loads_its_data_is_alive_but_not_ready(self):
        with socketserver.ThreadingTCPServer(("127.0.0.1", self.port), SaysOnly) as node:
            node.daemon_threads = True
            node.line = b"-LOADING Redis is loading the dataset in memory\r\n"
            threading.Thread(target=node.serve_forever, daemon=True).start()
            self.assertEqual((self.probe("alive"), self.probe("ready")), (0, 1))
            node.shutdown()


@unittest.skipUnless(Path(PROGRAM).exists(), "redis-portal is not built")
class Portals(ChartTestCase):
    def test_the_portal_takes_the_configuration_of_every_rendering(self):
        pod = Folders(["/etc/redis-portal/"])
        pod.replaced["/etc/redis-portal/"] += "/"
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
