"""The pods of one rendering as processes on this machine: the rendered scripts with real redis-server, the rendered
configuration with real portals, the rendered Secrets as files. Paths, ports and addresses are changed, nothing else; the API
server is the stand-in of tests/support."""

import base64
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from chart_support import ROOT, find, render

sys.path.insert(0, str(ROOT / "tests/support"))
from arbiter_cluster import ApiServerStandIn, Process, free_ports  # noqa: E402
from portal_support import PROGRAM, is_free, report, start_process, wait_until  # noqa: E402, F401
from resp_client import Client, tls_context  # noqa: E402

NAME = "shop-redis-portal"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Folders:
    """A folder that stands for the root of a pod's file system; texts that name `paths` are changed to name it."""

    def __init__(self, paths):
        self.root = Path(tempfile.mkdtemp(prefix="chart-pod-"))
        self.paths = paths

    def adapt(self, text):
        for path in self.paths:
            text = text.replace(path, f"{self.root}{path}")
        return text

    def write(self, path, text):
        target = self.root / path.strip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.adapt(text))
        return target


class RedisPod(Process):
    def __init__(self, objects, port, password):
        self.pod = Folders(["/etc/redis-auth/", "/etc/redis/", "/run/redis/", "/data\n"])
        for name, text in find(objects, "ConfigMap", f"{NAME}-redis")["data"].items():
            self.pod.write(f"/etc/redis/{name}", text.replace("port 6379", f"port {port}").replace("-p 6379", f"-p {port}"))
        self.pod.write("/etc/redis-auth/password", password)
        for folder in ("run/redis", "data"):
            (self.pod.root / folder).mkdir(parents=True)
        super().__init__(["sh", str(self.pod.root / "etc/redis/start.sh")], self.pod.root / "log")
        self.port, self.password = port, password
        self.agent_port = free_port()
        config = yaml.safe_load((self.pod.root / "etc/redis/agent.yaml").read_text())
        config["redis"]["address"] = f"127.0.0.1:{port}"
        config["listen"] = f"127.0.0.1:{self.agent_port}"
        config["data"] = str(self.pod.root / "data")
        path = self.pod.root / "etc/redis/agent-here.yaml"
        path.write_text(json.dumps(config))
        self.agent = Process([PROGRAM, "agent", "--config", str(path)], self.pod.root / "agent-log")
        container = find(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
        self.probes = {"alive": container["livenessProbe"], "ready": container["readinessProbe"]}
        self.hook = container["lifecycle"]["preStop"]["httpGet"]["path"]

    def start(self):
        super().start()
        self.start_agent()

    def start_agent(self):
        if self.agent.process is None:
            self.agent.start()
        wait_until(lambda: not is_free(self.agent_port), 20, "the agent listens")

    def stop(self):
        """As a kubelet ends a pod: the hook and the agent's SIGTERM at once, then Redis's SIGTERM. Redis's exit status."""
        self.agent.process.terminate()
        subprocess.run(["curl", "-so", "/dev/null", "--max-time", "60", f"http://127.0.0.1:{self.agent_port}{self.hook}"], check=True)
        status = super().stop()
        self.agent.process.wait(30)
        self.agent.process = None
        return status

    def kill(self):
        super().kill()
        self.agent.kill()

    def client(self):
        return Client(self.port, password=self.password)

    def probe(self, question):
        path = self.probes[question]["httpGet"]["path"]
        return subprocess.run(["curl", "-fso", "/dev/null", "--max-time", "5", f"http://127.0.0.1:{self.agent_port}{path}"]).returncode == 0

    def role(self):
        try:
            with self.client() as client:
                return client.command("ROLE")[0].decode()
        except (OSError, AttributeError, TypeError):
            return ""


class PortalPod(Process):
    def __init__(self, name, objects, port, admin_port, nodes, arbiter):
        self.pod = Folders(["/etc/redis-portal/"])
        config = yaml.safe_load(find(objects, "ConfigMap", f"{NAME}-portal")["data"]["portal.yaml"])
        config["name"] = name
        config["listen"][0]["address"] = f"127.0.0.1:{port}"
        config["admin"]["address"] = f"127.0.0.1:{admin_port}"
        config["admin"]["socket"] = f"{self.pod.root}{config['admin']['socket']}"
        Path(config["admin"]["socket"]).parent.mkdir(parents=True)
        for entry, node in zip(config["nodes"], nodes, strict=True):
            entry["address"] = f"127.0.0.1:{node.port}"
        for entry, node in zip(config["upkeep"]["agents"], nodes, strict=True):
            entry["address"] = f"127.0.0.1:{node.agent_port}"
        config["arbiter"]["kubernetes"] |= {key: arbiter["kubernetes"][key] for key in ("api_server", "token_file")}
        mounts = find(objects, "Deployment")["spec"]["template"]["spec"]
        paths = {mount["name"]: mount["mountPath"] for mount in mounts["containers"][0]["volumeMounts"]}
        for volume in mounts["volumes"]:
            if "secret" in volume:
                data = find(objects, "Secret", volume["secret"]["secretName"])["data"]
                for item in volume["secret"]["items"]:
                    self.pod.write(f"{paths[volume['name']]}/{item['path']}", base64.b64decode(data[item["key"]]).decode())
        path = self.pod.write("/etc/redis-portal/config/portal.yaml", json.dumps(config))  # YAML understands JSON
        super().__init__([PROGRAM, "serve", "--config", str(path)], self.pod.root / "log")
        self.name, self.port, self.admin = name, port, f"http://127.0.0.1:{admin_port}"

    def ready(self):
        return subprocess.run(["curl", "-fso", "/dev/null", f"{self.admin}/readyz"]).returncode == 0

    def status(self):
        answer = subprocess.run([PROGRAM, "status", "--json", "--admin", self.admin], capture_output=True, text=True)
        return json.loads(answer.stdout) if answer.stdout.startswith("{") else {}

    def in_sync(self):
        return [node for node in self.status().get("topology", {}).get("nodes", []) if node["in_sync"]]


class Cluster:
    """All pods of a rendering with default values, except for `settings` (as for helm --set)."""

    def __init__(self, test, settings):
        self.objects = render("4", "1.34.0", "default", *(("--set", settings) if settings else ()))
        base = free_ports()
        self.folder = Path(tempfile.mkdtemp(prefix="chart-cluster-"))
        self.store = ApiServerStandIn(self.folder, base)
        self.password = self.secret("auth", "redis-password")
        self.ca_file = self.folder / "ca.crt"
        self.ca_file.write_text(self.secret("tls", "ca.crt"))
        self.nodes = [RedisPod(self.objects, base + 10 + i, self.password) for i in range(2)]
        self.portals = [PortalPod(f"portal-{i}", self.objects, base + i, base + 30 + i, self.nodes, self.store.settings()) for i in range(2)]
        self.test = test
        test.addCleanup(self.stop)
        self.store.process.start()
        wait_until(self.store.answers, 20, "the stand-in API server answers")
        for process in [*self.nodes, *self.portals]:
            process.start()

    def secret(self, name, key):
        return base64.b64decode(find(self.objects, "Secret", f"{NAME}-{name}")["data"][key]).decode()

    def client(self, portal):
        client = Client(self.portals[portal].port, context=tls_context(self.ca_file), name="localhost", password=self.password, timeout=60)
        self.test.addCleanup(client.close)
        return client

    def leader(self):
        leaders = [node for node in self.nodes if node.process is not None and node.role() == "master"]
        return leaders[0] if len(leaders) == 1 else None

    def acting(self):
        return next((portal for portal in self.portals if portal.process is not None and portal.status().get("topology", {}).get("acting_here")), None)

    def wait_ready(self, seconds=60):
        for process in [*self.nodes, *self.portals]:
            if process.process is not None and process.process.poll() is not None:
                raise AssertionError(f"{process.argv} has ended")
        wait_until(lambda: all(process.process is None or process.probe("ready") for process in self.nodes), seconds, "all Redis pods are ready")
        wait_until(lambda: all(portal.process is None or portal.ready() for portal in self.portals), seconds, "all portals are ready")
        live = sum(process.process is not None for process in self.nodes)
        # What minReadySeconds is for: a replica that is ready counts as in sync a moment later.
        wait_until(lambda: all(len(portal.in_sync()) == live for portal in self.portals if portal.process is not None), seconds, "all nodes are in sync")

    def stop(self):
        failed = self.test._outcome.result.failures or self.test._outcome.result.errors
        for process in [*self.portals, *self.nodes, self.store.process]:
            if process.process is not None:
                process.resume()
                process.kill()
            if failed and process.log.exists():
                print(f"--- {process.log}", *process.log.read_text(errors="replace").splitlines()[-40:], sep="\n", file=sys.stderr)
        for folder in [self.folder, *(process.pod.root for process in [*self.portals, *self.nodes])]:
            shutil.rmtree(folder, ignore_errors=True)
