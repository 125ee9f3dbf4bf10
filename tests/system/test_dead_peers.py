"""Peers that vanish without a word, or never answer: a client whose machine is gone, and a connection to the node whose packets nobody delivers any
more while others of the same node go on. Hosts are network namespaces of this test, joined by a switch that drops frames."""

import shutil
import socket
import sys
import tempfile
import unittest
from pathlib import Path

from arbiter_cluster import Portal, Process
from portal_support import wait_until
from resp_client import Client

sys.path.insert(0, str(Path(__file__).parent / "faultlab"))
import network  # noqa: E402

_REDIS, _PORTAL, _ADMIN = 6379, 6380, 9380


class Host:
    """A process of a host, with the names that Portal expects of a node."""

    def __init__(self, name, port, address):
        self.name, self.port, self.address = name, port, address


class DeadPeers(unittest.TestCase):
    def setUp(self):
        if reason := network.unavailable():
            self.skipTest(reason)
        self.folder = Path(tempfile.mkdtemp(prefix="redis-portal-test."))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.net = network.Network(["node", "portal", "client"], self.folder)
        self.addCleanup(self.net.stop)
        data = self.folder / "data"
        data.mkdir()
        self.node = Process(self.net.inside("node", [
            "redis-server", "--port", str(_REDIS), "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", str(data), "--save", "",
            "--replicaof", "127.0.0.1", "1", "--tcp-keepalive", "2"]), self.folder / "node.log")
        self.addCleanup(self.node.kill)
        self.node.start()
        self.direct = self.connect("portal", "node", _REDIS)

    def start_portal(self, limits, node=None):
        self.portal = Portal("portal-0", _PORTAL, _ADMIN, self.folder, [Host("redis-0", _REDIS, node or self.net.name("node"))],
                             {"file": {"path": str(self.folder / "record")}}, {},
                             sections={"listen": [{"address": f"0.0.0.0:{_PORTAL}", "tls": None}], "limits": limits})
        self.portal.argv = self.net.inside("portal", self.portal.argv)
        self.addCleanup(self.show_log)
        self.portal.start()
        wait_until(lambda: self.topology_names_a_leader(), 30, "the portal serves")

    def show_log(self):
        self.portal.kill()
        outcome = self._outcome.result
        if outcome.failures or outcome.errors:
            print(self.portal.log.read_text(errors="replace")[-4000:], flush=True)

    def status(self):
        with self.net.entered("portal"):
            return self.portal.status()

    def topology_names_a_leader(self):
        return self.status().get("topology", {}).get("leader") == "redis-0"

    def connect(self, from_host, to_host, port):
        def attempt():
            try:
                with self.net.entered(from_host):
                    return Client(port, host=self.net.address(to_host), timeout=60)
            except OSError:
                return None
        client = wait_until(attempt, 20, f"{to_host} takes connections")
        self.addCleanup(client.close)
        return client

    def blocked_at_the_node(self):
        """The ports of the portal's connections that wait there for BLPOP."""
        lines = self.direct.command("CLIENT", "LIST").decode().splitlines()
        return {int(dict(word.split("=", 1) for word in line.split())["addr"].rsplit(":", 1)[1])
                for line in lines if "cmd=blpop" in line}

    def test_a_client_that_has_vanished_takes_no_element(self):
        self.start_portal({"keepalive": "2s"})
        client = self.connect("client", "portal", _PORTAL)
        client.send("BLPOP", "queue", "0")
        wait_until(self.blocked_at_the_node, 20, "it is blocked")
        self.net.isolate("client")
        wait_until(lambda: self.status()["sessions"]["current"] == 0, 30, "the portal has noticed")
        wait_until(lambda: not self.blocked_at_the_node(), 20, "its wait has ended at the node")
        self.assertEqual(1, self.direct.command("RPUSH", "queue", "element"))
        self.assertEqual([b"element"], self.direct.command("LRANGE", "queue", "0", "-1"))

    def test_a_flow_that_nobody_delivers_any_more_ends_in_seconds_also_while_a_read_waits_there(self):
        self.start_portal({})
        client = self.connect("client", "portal", _PORTAL)
        self.assertEqual("OK", client.command("SET", "k", "v"))
        flows = self.data_ports()
        self.net.cut_flows(flows)
        self.assertEqual(b"v", client.command("GET", "k"))
        self.assertFalse(flows & self.open_ports(), "the portal has given up what was cut")

    def test_a_silent_flow_ends_in_seconds_and_the_blocked_client_is_served_by_another(self):
        self.start_portal({})
        client = self.connect("client", "portal", _PORTAL)
        client.send("BLPOP", "queue", "0")
        lost = wait_until(self.blocked_at_the_node, 20, "it is blocked")
        self.net.cut_flows(lost)
        wait_until(lambda: self.blocked_at_the_node() and not self.blocked_at_the_node() & lost, 40, "it waits on another connection")
        self.assertEqual(1, self.direct.command("RPUSH", "queue", "element"))
        self.assertEqual([b"queue", b"element"], client.read())

    def test_an_address_that_is_silent_starves_no_other_of_the_same_name(self):
        # The first of the two, since it is nearer to the portal's own (RFC 6724, rule 9); nobody answers there.
        with open(self.net.names, "a", encoding="utf-8") as names:
            names.write("".join(f"{self.net.address(host)} both.lab\n" for host in ("client", "node")))
        self.swallow_connections("client")
        self.start_portal({}, "both.lab")
        client = self.connect("portal", "portal", _PORTAL)
        self.assertEqual("OK", client.command("SET", "k", "v"))
        self.assertEqual(b"v", self.direct.command("GET", "k"))

    def swallow_connections(self, host):
        """Somebody listens at the node's port there whose queue is full, so that its kernel drops who knocks."""
        with self.net.entered(host):
            listener, *callers = [socket.socket() for _ in range(4)]
        for each in (listener, *callers):
            each.setblocking(False)
            self.addCleanup(each.close)
        listener.bind((self.net.address(host), _REDIS))
        listener.listen(0)
        for each in callers:
            each.connect_ex((self.net.address(host), _REDIS))

    def open_ports(self):
        """The portal's ends of its connections to the node, without that of this test."""
        with self.net.entered("portal"):
            lines = Path("/proc/thread-self/net/tcp").read_text().splitlines()[1:]
        return {int(words[1].split(":")[1], 16) for words in map(str.split, lines)
                if words[2].endswith(f":{_REDIS:04X}") and words[3] == "01"}

    def data_ports(self):
        """Those that clients' commands travel on: the node saw nothing but GET, SET and the like there."""
        lines = [dict(word.split("=", 1) for word in line.split())
                 for line in self.direct.command("CLIENT", "LIST").decode().splitlines()]
        return {int(line["addr"].rsplit(":", 1)[1]) for line in lines if line["cmd"] in ("get", "set")}


if __name__ == "__main__":
    unittest.main()
