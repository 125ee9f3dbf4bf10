"""Two portals in front of the nodes, on a file that both see, or on etcd with a host for each member."""

import json
import subprocess
import urllib.request

from cluster import FRONT_PORT, NODE_PORT, PROGRAM, Cluster
from member import Member

ADMIN_PORT, ETCD_PORT, ETCD_PEER_PORT, AGENT_PORT = 9380, 2379, 2380, 9121


class PortalCluster(Cluster):
    def __init__(self, folder, etcd=0, agents=False, **options):
        """`etcd`: how many members; 0: the portals share a file. `agents`: whether one runs beside each node."""
        self.has_agents = agents
        self.arbiter_hosts = [f"arbiter{i}" for i in range(etcd)]
        super().__init__(folder, **options)
        (self.dir / "password").write_text(self.password + "\n")
        if self.arbiter_hosts:
            self.make_disk("etcd", 512 << 20)
        self.agents = [self.make_agent(host) for host in self.node_hosts] if agents else []
        self.arbiters = [self.make_arbiter(host) for host in self.arbiter_hosts]
        self.fronts = [Member(self.network, host, [PROGRAM, "serve", "--config", self.portal_file(host)], self.dir / f"{host}.log",
                              self.tricks) for host in self.front_hosts]

    def extra_hosts(self):
        return self.arbiter_hosts

    def members(self):
        return [*self.arbiters, *self.agents, *super().members()]

    def make_agent(self, host):
        file = self.dir / f"agent-{host}.yaml"
        file.write_text(f"redis: {{address: 127.0.0.1:{NODE_PORT}, password_file: {self.dir}/password}}\n"
                        f"listen: 0.0.0.0:{AGENT_PORT}\ndata: {self.dir / host}\n")
        return Member(self.network, host, [PROGRAM, "agent", "--config", file], self.dir / f"agent-{host}.log")

    def make_arbiter(self, host):
        def url(of, port):
            return f"http://{self.network.address(of)}:{port}"
        clients, peers = url(host, ETCD_PORT), url(host, ETCD_PEER_PORT)
        return Member(self.network, host, [
            "etcd", "--name", host, "--data-dir", self.dir / "etcd" / host,
            "--listen-client-urls", clients, "--advertise-client-urls", clients,
            "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
            "--initial-cluster", ",".join(f"{each}={url(each, ETCD_PEER_PORT)}" for each in self.arbiter_hosts),
            "--logger", "zap", "--log-level", "error"], self.dir / f"{host}.log")

    def portal_file(self, host):
        file = self.dir / f"{host}.yaml"
        lines = [f"name: {host}", "listen:", f"  - address: 0.0.0.0:{FRONT_PORT}", "    tls:",
                 f"      certificate: {self.dir}/certs/tls.crt", f"      key: {self.dir}/certs/tls.key", "nodes:"]
        for node in self.node_hosts:
            lines += [f"  - name: {node}", f"    address: {self.network.name(node)}:{NODE_PORT}"]
        # Sections that are set from outside are merged: a key may stand once only.
        sections = {"monitor": {"password_file": f"{self.dir}/password", "down_after": f"{self.down_after}ms"},
                    "admin": {"address": f"127.0.0.1:{ADMIN_PORT}"}}
        for name, value in self.settings:
            section, key = name.split(".", 1)
            sections.setdefault(section, {})[key] = value
        for section, keys in sections.items():
            lines += [f"{section}:", *(f"  {key}: {value}" for key, value in keys.items())]
        if self.has_agents:
            lines += ["upkeep:", "  agents:"]
            for node in self.node_hosts:
                lines += [f"  - node: {node}", f"    address: {self.network.address(node)}:{AGENT_PORT}"]
        file.write_text("\n".join([*lines, *self.arbiter(), "threads: 1", ""]))
        return file

    def arbiter(self):
        if not self.arbiter_hosts:
            return ["arbiter:", f"  file: {{path: {self.dir}/arbiter/record}}"]
        members = ", ".join(f'"http://{self.network.address(host)}:{ETCD_PORT}"' for host in self.arbiter_hosts)
        return ["arbiter:", f"  etcd: {{endpoints: [{members}], prefix: /lab/}}"]

    def status(self, front):
        """/status.json of a portal, empty when it does not answer."""
        if not front.running or front.paused:
            return {}
        try:
            with self.network.entered(front.host), \
                    urllib.request.urlopen(f"http://127.0.0.1:{ADMIN_PORT}/status.json", timeout=2) as answer:
                return json.loads(answer.read())
        except OSError:
            return {}

    def epoch(self):
        """The newest epoch that a portal knows of; it changes with the leader."""
        return max((self.status(front).get("topology", {}).get("epoch", 0) for front in self.fronts), default=0)

    def ready(self):
        """Every portal has confirmed the record, and knows that every node is in sync."""
        seen = [self.status(front).get("topology", {}) for front in self.fronts]
        return all(each.get("record_confirmed") and len(each["nodes"]) == len(self.nodes) and
                   all(node["in_sync"] for node in each["nodes"]) for each in seen)

    def switchover(self):
        done = subprocess.run(self.network.inside(self.front_hosts[0], [PROGRAM, "switchover", "--admin",
                                                                        f"http://127.0.0.1:{ADMIN_PORT}"]),
                              capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise AssertionError(f"switchover: {done.stderr}")
