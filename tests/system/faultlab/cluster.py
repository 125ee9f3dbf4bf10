"""Redis nodes and their fronts on the hosts of a lab network: two portals, or what people run today (sentinels and HAProxy).

Real processes, each in the namespace of its host. A kill is SIGKILL, a pause SIGSTOP; what was started dies with us.
"""

import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

import sys

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from portal_support import PROGRAM, start_process, wait_until  # noqa: E402
from network import Network  # noqa: E402
from resp_client import Client  # noqa: E402

NODE_PORT, FRONT_PORT, ADMIN_PORT = 6379, 6380, 9380


class Member:
    """One process of the cluster on its host."""

    def __init__(self, cluster, host, argv, log):
        self.cluster, self.host, self.argv, self.log = cluster, host, argv, log
        self.process = None
        self.paused = False

    def start(self):
        with open(self.log, "ab") as out:
            self.process = start_process(self.cluster.network.inside(self.host, self.argv), stdout=out, stderr=out)

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.running:
            self.process.kill()
            self.process.wait()
        self.paused = False

    def pause(self):
        if self.running:
            self.process.send_signal(signal.SIGSTOP)
            self.paused = True

    def resume(self):
        if self.paused:
            self.process.send_signal(signal.SIGCONT)
            self.paused = False

    def terminate(self):
        if self.running:
            self.resume()
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()


class Cluster:
    """Nodes, fronts and the client's host. Subclasses say what the fronts are."""

    def __init__(self, folder, nodes=2, settings=(), down_after=1000, seed=0):
        self.dir = Path(folder)
        self.down_after = down_after
        self.settings = list(settings)
        self.password = secrets.token_hex(16)
        self.node_hosts = [f"node{i}" for i in range(nodes)]
        self.front_hosts = ["front0", "front1"]
        self.network = Network([*self.node_hosts, *self.front_hosts, "client", *self.extra_hosts()], seed)
        self.certificates()
        self.nodes = [self.make_node(host) for host in self.node_hosts]
        self.fronts = []

    def extra_hosts(self):
        return []

    def certificates(self):
        names = ",".join(self.network.address(host) for host in self.front_hosts)
        subprocess.run([PROGRAM, "certs", "init", "--dir", self.dir / "certs", "--names", names], check=True, capture_output=True)

    def make_node(self, host):
        data = self.dir / host
        data.mkdir()
        settings = self.dir / f"{host}.conf"
        settings.write_text("\n".join([
            "bind 0.0.0.0", "protected-mode no", f"port {NODE_PORT}", f"dir {data}", f"requirepass {self.password}",
            f"masterauth {self.password}", "repl-ping-replica-period 1", "repl-diskless-sync-delay 0", "repl-timeout 10",
            "appendonly yes", "appendfsync everysec", 'save ""', "shutdown-timeout 1", "enable-debug-command yes",
            *self.node_settings(host), ""]))
        return Member(self, host, ["redis-server", str(settings)], self.dir / f"{host}.log")

    def node_settings(self, host):
        return ["replicaof 127.0.0.1 1"]

    def start(self):
        for member in [*self.nodes, *self.fronts]:
            member.start()

    def ask(self, host, port, *words, password=True):
        """A command to a server on a lab host, sent from there; None when it does not answer."""
        argv = self.network.inside(host, ["redis-cli", "--no-auth-warning", "-p", str(port), *map(str, words)])
        environment = dict(os.environ, REDISCLI_AUTH=self.password) if password else None
        try:
            return subprocess.run(argv, capture_output=True, text=True, timeout=3, env=environment).stdout
        except subprocess.TimeoutExpired:
            return None

    def role(self, member):
        """INFO replication of a node as a dict, empty when it does not answer."""
        text = self.ask(member.host, NODE_PORT, "INFO", "replication") or ""
        return dict(line.split(":", 1) for line in text.split() if ":" in line) if member.running and not member.paused else {}

    def leader(self):
        leaders = [each for each in self.nodes if self.role(each).get("role") == "master"]
        return leaders[0] if len(leaders) == 1 else None

    def healthy(self, quiet=False):
        """One leader, every other node linked to it; `quiet`, while nobody writes: all hold the same."""
        roles = [self.role(each) for each in self.nodes]
        leaders = [role for role in roles if role.get("role") == "master"]
        others = [role for role in roles if role.get("role") == "slave" and role.get("master_link_status") == "up"]
        return (len(leaders) == 1 and len(others) == len(self.nodes) - 1 and
                (not quiet or {role["slave_repl_offset"] for role in others} == {leaders[0]["master_repl_offset"]}))

    def workload_settings(self, clients, seed, pause):
        return {"fronts": [[self.network.address(host), FRONT_PORT] for host in self.front_hosts], "clients": clients,
                "seed": seed, "pause": pause, "password": self.password, "ca_file": str(self.dir / "certs/ca.crt")}

    def stop(self):
        for member in [*self.fronts, *self.nodes]:
            member.kill()
        self.network.stop()


class PortalCluster(Cluster):
    """Two portals with the file arbiter, which lies on a disk that all of them share."""

    def __init__(self, folder, **options):
        super().__init__(folder, **options)
        (self.dir / "password").write_text(self.password + "\n")
        for host in self.front_hosts:
            self.fronts.append(Member(self, host, [PROGRAM, "serve", "--config", str(self.portal_file(host))],
                                      self.dir / f"{host}.log"))

    def portal_file(self, host):
        file = self.dir / f"{host}.yaml"
        lines = [f"name: {host}", "listen:", f"  - address: 0.0.0.0:{FRONT_PORT}", "    tls:",
                 f"      certificate: {self.dir}/certs/tls.crt", f"      key: {self.dir}/certs/tls.key", "nodes:"]
        for node in self.node_hosts:
            lines += [f"  - name: {node}", f"    address: {self.network.address(node)}:{NODE_PORT}"]
        lines += ["monitor:", f"  password_file: {self.dir}/password", f"  down_after: {self.down_after}ms",
                  *self.arbiter(), "admin:", f"  address: 127.0.0.1:{ADMIN_PORT}", "threads: 1", *self.settings, ""]
        file.write_text("\n".join(lines))
        return file

    def arbiter(self):
        return ["arbiter:", "  file:", f"    path: {self.dir}/arbiter/record"]

    def status(self, front):
        """/status.json of a portal as text, empty when it does not answer."""
        code = ("import urllib.request;"
                f"print(urllib.request.urlopen('http://127.0.0.1:{ADMIN_PORT}/status.json', timeout=2).read().decode())")
        try:
            return subprocess.run(self.network.inside(front.host, ["python3", "-c", code]), capture_output=True, text=True,
                                  timeout=5).stdout
        except subprocess.TimeoutExpired:
            return ""

    def switchover(self):
        return subprocess.run(self.network.inside(self.front_hosts[0], [PROGRAM, "switchover", "--admin",
                                                                        f"http://127.0.0.1:{ADMIN_PORT}"]),
                              capture_output=True, text=True, timeout=30)


class SentinelCluster(Cluster):
    """The usual set-up: three redis-sentinels and two HAProxy with TLS that look for role:master."""

    def extra_hosts(self):
        return ["sentinel2"]

    def __init__(self, folder, **options):
        super().__init__(folder, **options)
        bundle = self.dir / "certs/bundle.pem"
        bundle.write_text((self.dir / "certs/tls.crt").read_text() + (self.dir / "certs/tls.key").read_text())
        self.sentinels = []
        for host in [*self.front_hosts, "sentinel2"]:
            settings = self.dir / f"sentinel-{host}.conf"
            settings.write_text("\n".join([
                "bind 0.0.0.0", "protected-mode no", "port 26379", f"dir {self.dir}",
                f"sentinel monitor main {self.network.address('node0')} {NODE_PORT} 2",
                f"sentinel auth-pass main {self.password}", f"sentinel down-after-milliseconds main {self.down_after}",
                "sentinel failover-timeout main 10000", "sentinel parallel-syncs main 1", ""]))
            self.sentinels.append(Member(self, host, ["redis-server", str(settings), "--sentinel"], self.dir / f"sentinel-{host}.log"))
        for host in self.front_hosts:
            self.fronts.append(Member(self, host, ["haproxy", "-db", "-f", str(self.haproxy_file(host, bundle))],
                                      self.dir / f"{host}.log"))

    def node_settings(self, host):
        return [] if host == "node0" else [f"replicaof {self.network.address('node0')} {NODE_PORT}"]

    def haproxy_file(self, host, bundle):
        file = self.dir / f"{host}.cfg"
        checks = [f"tcp-check send AUTH\\ {self.password}\\r\\n", "tcp-check expect string +OK",
                  "tcp-check send info\\ replication\\r\\n", "tcp-check expect string role:master"]
        lines = ["global", "  nbthread 1", "  maxconn 4000", "defaults", "  mode tcp", "  timeout connect 1s",
                 "  timeout client 1h", "  timeout server 1h", "  timeout check 1s",
                 "frontend redis", f"  bind 0.0.0.0:{FRONT_PORT} ssl crt {bundle}", "  default_backend leader",
                 "backend leader", "  option tcp-check", "  tcp-check connect", *(f"  {check}" for check in checks)]
        for node in self.node_hosts:
            lines.append(f"  server {node} {self.network.address(node)}:{NODE_PORT} check inter 200ms fall 2 rise 1 "
                         "on-marked-down shutdown-sessions")
        file.write_text("\n".join([*lines, ""]))
        return file

    def start(self):
        super().start()
        for sentinel in self.sentinels:
            sentinel.start()

    def stop(self):
        for sentinel in self.sentinels:
            sentinel.kill()
        super().stop()
