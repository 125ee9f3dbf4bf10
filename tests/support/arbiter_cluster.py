"""Two redis-server processes and two portals on an arbiter that is reached over a network: real etcd, or the stand-in for the
Kubernetes API server. The demo has portals on one host share a file, so these are started with `redis-portal serve` and
configurations of their own. Standard library only."""

import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from portal_support import PROGRAM, ROOT, is_free, start_process, wait_until
from resp_client import Client


class Process:
    """A process that a test can kill, pause and start again."""

    def __init__(self, argv, log):
        self.argv = argv
        self.log = log
        self.process = None

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = start_process(self.argv, stdout=log, stderr=log)

    def signal(self, number):
        self.process.send_signal(number)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self):
        """Ends it as an operator does; returns its exit status."""
        self.process.terminate()
        status = self.process.wait(30)
        self.process = None
        return status


class Etcd:
    """A real etcd of one member."""

    name = "etcd"

    def __init__(self, folder, base_port, address="127.0.0.1"):
        self.url = f"http://{address}:{base_port + 20}"
        peers = f"http://127.0.0.1:{base_port + 21}"
        self.process = Process(
            ["etcd", "--data-dir", str(folder / "etcd"), "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
             "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}",
             "--logger", "zap", "--log-level", "error"], folder / "etcd.log")

    @staticmethod
    def unavailable():
        return "" if shutil.which("etcd") else "etcd is not installed (Debian: etcd-server)"

    def settings(self):
        return {"etcd": {"endpoints": [self.url], "prefix": "/test/cache"}}

    def answers(self):
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=1) as answer:
                return b"true" in answer.read()
        except OSError:
            return False


class ApiServerStandIn:
    """tests/support/api_server_stand_in.py; no real API server."""

    name = "stand-in for the Kubernetes API server"

    def __init__(self, folder, base_port, address="127.0.0.1"):
        self.url = f"http://{address}:{base_port + 20}"
        self.token = folder / "token"
        self.token.write_text("token-1\n", encoding="utf-8")
        self.process = Process([sys.executable, "-B", str(ROOT / "tests/support/api_server_stand_in.py"), "--address", address,
                                "--port", str(base_port + 20), "--state", str(folder / "leases.json"), "--token-file", str(self.token)],
                               folder / "stand_in.log")

    @staticmethod
    def unavailable():
        return ""

    def settings(self):
        return {"kubernetes": {"namespace": "redis", "name": "cache", "api_server": self.url, "token_file": str(self.token)}}

    def answers(self):
        try:
            urllib.request.urlopen(self.url, timeout=1)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True


class Node(Process):
    """`options` are further words of its command line; `context` is what it is reached with when it speaks TLS only."""

    def __init__(self, name, port, folder, options=(), context=None):
        data = folder / name
        data.mkdir()
        listens = ["--port", "0", "--tls-port"] if context else ["--port"]
        super().__init__(["redis-server", *listens, str(port), "--bind", "127.0.0.1", "--dir", str(data), "--save", "",
                          "--replicaof", "127.0.0.1", "1", "--repl-ping-replica-period", "1", *options], folder / f"{name}.log")
        self.name = name
        self.port = port
        self.context = context

    def client(self):
        return Client(self.port, context=self.context, timeout=2)

    def role(self):
        try:
            with self.client() as client:
                return client.command("ROLE")[0].decode()
        except (OSError, AttributeError, TypeError):
            return ""


class Portal(Process):
    def __init__(self, name, port, admin_port, folder, nodes, arbiter, monitor, node_tls=None, sections=None):
        self.config = folder / f"{name}.yaml"
        # YAML understands JSON.
        self.config.write_text(json.dumps({
            "name": name, "listen": [{"address": f"127.0.0.1:{port}", "tls": None}],
            "nodes": [{"name": node.name, "address": f"{getattr(node, 'address', '127.0.0.1')}:{node.port}", "tls": node_tls} for node in nodes],
            "monitor": monitor, "arbiter": arbiter, "threads": 1,
            "admin": {"address": f"127.0.0.1:{admin_port}", "socket": str(folder / f"{name}.sock")},
            **(sections or {})}), encoding="utf-8")
        super().__init__([PROGRAM, "serve", "--config", str(self.config)], folder / f"{name}.log")
        self.name = name
        self.port = port
        self.admin_port = admin_port
        self.admin_socket = folder / f"{name}.sock"

    def client(self, timeout=20.0):
        return Client(self.port, timeout=timeout)

    def status(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/status.json", timeout=5) as answer:
                return json.loads(answer.read())
        except OSError:
            return {}

    def topology(self):
        return self.status().get("topology", {})

    def switchover(self):
        """A planned change of leader over the portal's socket, as an operator starts it."""
        subprocess.run([PROGRAM, "switchover", "--admin", f"unix:{self.admin_socket}"], check=True, capture_output=True, timeout=40)


class Cluster:
    """Everything together, in a folder and on ports of its own."""

    def __init__(self, test, store, monitor=None):
        self.folder = Path(tempfile.mkdtemp(prefix="redis-portal-test."))
        base = free_ports()
        self.store = store(self.folder, base)
        self.nodes = [Node(f"redis-{i}", base + 10 + i, self.folder) for i in range(2)]
        self.portals = [Portal(f"portal-{i}", base + i, base + 30 + i, self.folder, self.nodes, self.store.settings(), monitor or {})
                        for i in range(2)]
        self.test = test
        test.addCleanup(self.stop)
        self.store.process.start()
        wait_until(self.store.answers, 20, f"{self.store.name} answers")
        for process in [*self.nodes, *self.portals]:
            process.start()
        wait_until(lambda: self.leader() is not None, 20, "both portals know the leader")
        wait_until(lambda: all(len([n for n in p.topology().get("nodes", []) if n["in_sync"]]) == 2 for p in self.portals), 20,
                   "both nodes are in sync")

    def stop(self):
        for process in [*self.portals, *self.nodes, self.store.process]:
            if process.process is not None:
                process.resume()
                process.kill()
        outcome = self.test._outcome.result
        if len(outcome.failures) + len(outcome.errors) > 0:
            for log in sorted(self.folder.glob("*.log")):
                print(f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-60:], sep="\n", file=sys.stderr)
        reports = [log.name for log in self.folder.glob("portal-*.log")
                   if any(sign in log.read_text(errors="replace") for sign in ("Sanitizer", "runtime error:"))]
        shutil.rmtree(self.folder, ignore_errors=True)
        if reports:
            raise AssertionError(f"a sanitizer has spoken in {reports}")

    def leader(self):
        """The node that both portals name as leader; None while they do not agree."""
        names = {portal.topology().get("leader", "") for portal in self.portals if portal.process is not None}
        return next((node for node in self.nodes if names == {node.name}), None)

    def acting(self):
        found = [portal for portal in self.portals if portal.process is not None and portal.topology().get("acting_here")]
        return found[0] if len(found) == 1 else None


def free_ports():
    """A base port whose derived ports are all free, below the range that the kernel takes for outgoing connections."""
    for _ in range(200):
        base = random.randrange(20000, 29000)
        if all(is_free(base + offset) for offset in (0, 1, 10, 11, 20, 21, 30, 31)):
            return base
    raise AssertionError("no free ports")
