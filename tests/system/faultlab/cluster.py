"""Redis nodes on hosts of a lab network, with fronts that clients connect to. Subclasses say what the fronts are."""

import errno
import secrets
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from member import Member, build_tricks  # noqa: E402
from network import Network, mount  # noqa: E402
from portal_support import PROGRAM  # noqa: E402
from resp_client import Client, RespError  # noqa: E402

NODE_PORT, FRONT_PORT = 6379, 6380
NODE_DISK = 64 << 20  # bytes; each node has a disk of its own, which can be filled


class Cluster:
    """Nodes, fronts and the clients' host, in `folder`."""

    def __init__(self, folder, nodes=2, settings=(), down_after=1000, seed=0):
        self.dir = Path(folder)
        self.down_after = down_after
        self.settings = list(settings)
        self.password = secrets.token_hex(16)
        self.node_hosts = [f"node{i}" for i in range(nodes)]
        self.front_hosts = ["front0", "front1"]
        self.disks = []
        self.network = Network([*self.node_hosts, *self.front_hosts, "client", *self.extra_hosts()], folder, seed)
        self.tricks = build_tricks(self.dir)
        self.certificates()
        self.nodes = [self.make_node(host) for host in self.node_hosts]
        self.fronts = []

    def extra_hosts(self):
        return []

    def members(self):
        """Every process, in the order in which they are started."""
        return [*self.nodes, *self.fronts]

    def certificates(self):
        names = ",".join(self.network.address(host) for host in self.front_hosts)
        subprocess.run([PROGRAM, "certs", "init", "--dir", self.dir / "certs", "--names", names], check=True, capture_output=True)

    def make_disk(self, name, size):
        """A file system of its own at DIR/name."""
        disk = self.dir / name
        disk.mkdir()
        mount("-t", "tmpfs", "-o", f"size={size}", "none", disk)
        self.disks.append(disk)
        return disk

    def disk(self, node):
        return self.dir / node.host

    def make_node(self, host):
        disk = self.make_disk(host, NODE_DISK)
        settings = self.dir / f"{host}.conf"
        settings.write_text("\n".join([
            "bind 0.0.0.0", "protected-mode no", f"port {NODE_PORT}", f"dir {disk}", f"requirepass {self.password}",
            f"masterauth {self.password}", "repl-ping-replica-period 1", "repl-diskless-sync-delay 0", "repl-timeout 10",
            "appendonly yes", "appendfsync everysec", 'save ""', "shutdown-timeout 1", "enable-debug-command yes",
            *self.node_settings(host), ""]))
        return Member(self.network, host, ["redis-server", settings], self.dir / f"{host}.log", self.tricks)

    def node_settings(self, host):
        return ["replicaof 127.0.0.1 1"]

    def start(self):
        for member in self.members():
            member.start()

    def client(self, host, port=NODE_PORT, timeout=3.0, password=True):
        """A connection to a server on a lab host, made from there. Raises OSError when there is none to be had."""
        with self.network.entered(host):
            return Client(port, password=self.password if password else None, timeout=timeout)

    def ask(self, member, *words, port=NODE_PORT, password=True):
        """The answer of a member to one command; None when it does not answer, or with an error."""
        if not member.running or member.paused:
            return None
        try:
            with self.client(member.host, port, password=password) as client:
                answer = client.command(*words)
        except (OSError, AssertionError):  # AssertionError: the login was not answered with OK
            return None
        return None if isinstance(answer, RespError) else answer

    def role(self, node):
        """INFO replication of a node as a dict, empty when it does not answer."""
        text = (self.ask(node, "INFO", "replication") or b"").decode()
        return dict(line.split(":", 1) for line in text.split() if ":" in line)

    def leader(self):
        leaders = [each for each in self.nodes if self.role(each).get("role") == "master"]
        return leaders[0] if len(leaders) == 1 else None

    def healthy(self, quiet=False):
        """One leader, every other node linked to it and not behind; `quiet`, while nobody writes: all hold the same.

        A link that was cut for a while stays up, and what it owes comes when TCP tries again, so offsets are compared, too.
        """
        reached = max((int(self.role(each).get("master_repl_offset", 0)) for each in self.nodes), default=0)
        roles = [self.role(each) for each in self.nodes]
        leaders = [role for role in roles if role.get("role") == "master"]
        others = [role for role in roles if role.get("role") == "slave" and role.get("master_link_status") == "up" and
                  int(role["slave_repl_offset"]) >= reached]
        return (len(leaders) == 1 and len(others) == len(self.nodes) - 1 and
                (not quiet or {role["slave_repl_offset"] for role in others} == {leaders[0]["master_repl_offset"]}))

    def fill_disk(self, node):
        """Leaves no byte on the node's disk."""
        with open(self.disk(node) / "filler", "wb", buffering=0) as file:
            for piece in (1 << 20, 1 << 12):
                try:
                    while file.write(bytes(piece)) == piece:
                        pass
                except OSError as full:
                    if full.errno != errno.ENOSPC:
                        raise

    def free_disk(self, node):
        (self.disk(node) / "filler").unlink(missing_ok=True)

    def workload_settings(self, clients, seed, pause):
        return {"fronts": [[self.network.address(host), FRONT_PORT] for host in self.front_hosts], "clients": clients,
                "seed": seed, "pause": pause, "password": self.password, "ca_file": str(self.dir / "certs/ca.crt")}

    def stop(self):
        """Ends all processes; files are still there."""
        for member in reversed(self.members()):
            member.kill()

    def discard(self):
        """Ends all that is left, with the disks and what is on them."""
        self.stop()
        self.network.stop()
        for disk in self.disks:
            subprocess.run(["umount", str(disk)], capture_output=True)
