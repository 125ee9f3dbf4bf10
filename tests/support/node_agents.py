"""`redis-portal agent` beside the nodes of arbiter_cluster.Cluster, and the way a kubelet stops a pod. Standard library only."""

import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from arbiter_cluster import ApiServerStandIn, Node, Portal, Process
from portal_support import PROGRAM, is_free, wait_until
from resp_client import ConnectionClosed, RespError

TOKEN = "0123456789abcdef0123456789abcdef"


def http_get(port, path, timeout=30):
    """(status, body); (0, reason) when there is no answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def samples(text):
    """{(name, (label, value)...): number} of the Prometheus text format, and {name: type}."""
    found, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            types[name] = kind
        elif match := re.fullmatch(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?", line):
            labels = tuple(sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or "")))
            found[(match[1], *labels)] = float(match[3])
    return found, types


def free_ports(*offsets):
    for _ in range(200):
        base = random.randrange(20000, 29000)
        if all(is_free(base + offset) for offset in offsets):
            return base
    raise AssertionError("no free ports")


class Agent(Process):
    def __init__(self, name, folder, redis_port, port, data, hand_over_time="10s", **probes):
        self.port, self.hand_over_port = port, port + 2
        self.socket, self.token_file = folder / f"agent-{name}.sock", folder / f"agent-{name}.token"
        self.token_file.write_text(TOKEN + "\n")
        config = folder / f"agent-{name}.yaml"
        config.write_text(json.dumps({
            "redis": {"address": f"127.0.0.1:{redis_port}"}, "listen": f"127.0.0.1:{port}", "data": str(data),
            "probes": {"answer_time": "1s", **probes}, "hand_over": {
                "listen": f"127.0.0.1:{port + 2}", "token_file": str(self.token_file), "socket": str(self.socket), "time": hand_over_time}}), encoding="utf-8")
        super().__init__([PROGRAM, "agent", "--config", str(config)], folder / f"agent-{name}.log")

    def get(self, path):
        return http_get(self.port, path)

    def probe(self, path):
        return self.get(path)[0] == 200

    def leaving(self):
        return json.loads(self.get("/status.json")[1])["leaving"]

    def hand_over(self, *arguments):
        """As an operator does it before a node is stopped by hand."""
        return subprocess.run([PROGRAM, "hand-over", *(arguments or ("--agent", f"unix:{self.socket}"))], capture_output=True, text=True, timeout=60)


class AgentCluster:
    """Two nodes with an agent each, two portals, the stand-in API server with a claim for each node."""

    def __init__(self, test, data=lambda _: None, auto_expand=None, claims=(), node_options=(), monitor=None):
        self.folder = Path(tempfile.mkdtemp(prefix="redis-portal-test."))
        base = free_ports(0, 1, 10, 11, 20, 30, 31, 40, 42, 44, 46)
        self.store = ApiServerStandIn(self.folder, base)
        self.nodes = [Node(f"redis-{i}", base + 10 + i, self.folder) for i in range(2)]
        self.agents = []
        for i, node in enumerate(self.nodes):
            own = data(i) or self.folder / node.name
            node.argv = [str(own) if word == str(self.folder / node.name) else word for word in node.argv] + list(node_options)
            self.agents.append(Agent(node.name, self.folder, node.port, base + 40 + 4 * i, own))
        upkeep = {"role": "cache-portal", "agents": [
            {"node": node.name, "address": f"127.0.0.1:{agent.port}", "claim": f"data-{node.name}"}
            for node, agent in zip(self.nodes, self.agents)]}
        if auto_expand:
            upkeep["auto_expand"] = auto_expand
        self.portals = [Portal(f"portal-{i}", base + i, base + 30 + i, self.folder, self.nodes, self.store.settings(), monitor or {},
                               sections={"upkeep": upkeep}) for i in range(2)]
        self.test = test
        test.addCleanup(self.stop)
        self.store.process.start()
        wait_until(self.store.answers, 20, "the stand-in answers")
        for claim in claims:
            self.tell("claims", claim)
        for process in [*self.nodes, *self.agents, *self.portals]:
            process.start()
        wait_until(lambda: self.leader() is not None, 30, "both portals know the leader")
        wait_until(lambda: all(len([n for n in p.topology().get("nodes", []) if n["in_sync"]]) == 2 for p in self.portals), 30,
                   "both nodes are in sync")

    def tell(self, what, content):
        request = urllib.request.Request(f"{self.store.url}/stand-in/{what}", json.dumps(content).encode(), method="POST")
        urllib.request.urlopen(request, timeout=5).read()

    def asked(self, what):
        with urllib.request.urlopen(f"{self.store.url}/stand-in/{what}", timeout=5) as answer:
            return json.loads(answer.read())

    def leader(self):
        names = {portal.topology().get("leader", "") for portal in self.portals}
        return next((node for node in self.nodes if names == {node.name}), None)

    def acting(self):
        return next((portal for portal in self.portals if portal.topology().get("acting_here")), None)

    def agent_of(self, node):
        return self.agents[self.nodes.index(node)]

    def metric(self, name, **labels):
        """The sample of that name and labels at the portal that acts; None when there is none."""
        acting = self.acting()
        found, _ = samples(http_get(acting.admin_port, "/metrics")[1] if acting else "")
        return found.get((name, *sorted(labels.items())))

    def stop_pod(self, node):
        """As a kubelet does: hooks, which only wait, and SIGTERM reach both containers at once, and Redis's own SIGTERM follows its hook."""
        agent = self.agent_of(node)
        agent.process.terminate()
        answer = http_get(agent.port, "/handed-over")
        status = node.stop()
        return answer, status, agent.process.wait(30)

    def stop(self):
        for process in [*self.portals, *self.agents, *self.nodes, self.store.process]:
            if process.process is not None:
                process.resume()
                process.kill()
        outcome = self.test._outcome.result
        if len(outcome.failures) + len(outcome.errors) > 0:
            for log in sorted(self.folder.glob("*.log")):
                print(f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-60:], sep="\n", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)


class Writer(threading.Thread):
    """Writes one key after the other through one portal and keeps what was acknowledged, and every error."""

    def __init__(self, portal, name):
        super().__init__(daemon=True)
        self.portal, self.prefix = portal, name
        self.acknowledged, self.errors, self.longest, self.stopping = [], [], 0.0, False

    def run(self):
        client = self.portal.client(timeout=30)
        number, since = 0, time.monotonic()
        while not self.stopping:
            number += 1
            try:
                reply = client.command("SET", f"{self.prefix}:{number}", number)
            except (ConnectionClosed, OSError) as error:
                self.errors.append(repr(error))
                client = self.portal.client(timeout=30)
                continue
            if isinstance(reply, RespError):
                self.errors.append(str(reply))
                continue
            self.acknowledged.append((f"{self.prefix}:{number}", str(number).encode()))
            self.longest, since = max(self.longest, time.monotonic() - since), time.monotonic()
        client.close()

    def lost(self, client):
        values = []
        for i in range(0, len(self.acknowledged), 500):
            values += client.command("MGET", *(key for key, _ in self.acknowledged[i:i + 500]))
        return [key for (key, wanted), value in zip(self.acknowledged, values) if value != wanted]
