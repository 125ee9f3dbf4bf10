"""A client whose machine has gone without a word is noticed and let go: it takes no element that others wait for.

The client lives in a network namespace of its own whose only link is removed; server and portal live in another one, so that
nothing of the machine's own network is touched.
"""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import unittest

from portal_support import start_process, wait_until
from resp_client import Client
from server_pair import PortalBefore, RedisServer

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
NEAR, FAR = "10.99.0.1", "10.99.0.2"
KEEPALIVE = 2  # seconds; both of redis-server and of the portal
PATIENCE = 60


def unavailable():
    """Why there can be no namespaces here, or an empty text."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "there is no `ip` (Debian: iproute2)"
    probe = subprocess.run(["unshare", "--net", "ip", "link", "add", "near", "type", "veth", "peer", "name", "far"], capture_output=True, text=True)
    return "" if probe.returncode == 0 else f"namespaces are refused here: {probe.stderr.strip()}"


WHY_NOT = unavailable()


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


@unittest.skipIf(WHY_NOT, WHY_NOT)
class VanishedClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if _libc.unshare(_CLONE_NEWNET) != 0:  # for this thread and all that it starts from now on
            raise OSError(ctypes.get_errno(), "unshare")
        ip("link", "set", "lo", "up")
        cls.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        cls.addClassCleanup(os.close, cls.home)

    def setUp(self):
        holder = start_process(["unshare", "--net", "cat"], stdin=subprocess.PIPE)  # its namespace lasts as long as it does
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        wait_until(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != os.readlink("/proc/thread-self/ns/net"), 10, "there is a namespace")
        self.far = os.open(f"/proc/{holder.pid}/ns/net", os.O_RDONLY)
        self.addCleanup(os.close, self.far)
        ip("link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(holder.pid))
        ip("addr", "add", f"{NEAR}/24", "dev", "near")
        ip("link", "set", "near", "up")
        with self.away():
            ip("addr", "add", f"{FAR}/24", "dev", "far")
            ip("link", "set", "far", "up")
        self.server = RedisServer(settings=[("bind", "0.0.0.0"), ("protected-mode", "no"), ("tcp-keepalive", str(KEEPALIVE))])
        self.addCleanup(self.server.stop)
        self.portal = PortalBefore(self.server, settings=[f"limits: {{keepalive: {KEEPALIVE}s}}"], address="0.0.0.0")
        self.addCleanup(self.portal.stop)
        self.node = Client(self.server.port)
        self.addCleanup(self.node.close)

    @contextlib.contextmanager
    def away(self):
        """Sockets that this thread opens meanwhile are on the other machine."""
        self.enter(self.far)
        try:
            yield
        finally:
            self.enter(self.home)

    @staticmethod
    def enter(namespace):
        if _libc.setns(namespace, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def far_client(self, port, **options):
        with self.away():
            client = Client(port, host=NEAR, **options)
        self.addCleanup(client.close)
        return client

    def blocked(self):
        return int(self.node.command("INFO", "clients").decode().split("blocked_clients:")[1].split()[0])

    def test_take_no_element_from_others(self):
        direct, through = self.far_client(self.server.port), self.far_client(self.portal.port)
        direct.send("BLPOP", "direct", "0")
        through.send("BLPOP", "through", "0")
        wait_until(lambda: self.blocked() == 2, 10, "both wait")
        ip("link", "del", "near")
        wait_until(lambda: f"addr={FAR}" not in self.node.command("CLIENT", "LIST").decode(), PATIENCE, "Redis itself has let its client go")
        try:
            wait_until(lambda: self.blocked() == 0, PATIENCE, "the portal has let its client go")
        finally:
            self.node.command("RPUSH", "direct", "element")
            self.node.command("RPUSH", "through", "element")
            kept = self.node.command("LLEN", "direct"), self.node.command("LLEN", "through")
            self.assertEqual((1, 1), kept, "elements that are kept of those pushed for clients that are gone")

    def test_leave_neither_sessions_nor_subscriptions_behind(self):
        subscriber, idle, watcher = (self.far_client(self.portal.port) for _ in range(3))
        self.assertEqual([b"subscribe", b"c", 1], subscriber.command("SUBSCRIBE", "c"))
        self.assertEqual("PONG", idle.command("PING"))
        self.assertEqual("OK", watcher.command("WATCH", "k"))
        local = Client(self.portal.port)
        self.addCleanup(local.close)
        self.assertIn(f"addr={FAR}", local.command("CLIENT", "LIST").decode())
        ip("link", "del", "near")
        wait_until(lambda: f"addr={FAR}" not in local.command("CLIENT", "LIST").decode(), PATIENCE, "the portal has let its clients go")
        wait_until(lambda: local.command("PUBSUB", "NUMSUB", "c") == [b"c", 0], PATIENCE, "nobody subscribes any more")

    def test_that_are_only_silent_stay(self):
        silent = self.far_client(self.portal.port)
        silent.send("BLPOP", "l", "0")
        gone = self.far_client(self.server.port)
        gone.send("BLPOP", "direct", "0")
        wait_until(lambda: self.blocked() == 2, 10, "both wait")
        # The silent one's machine answers; it outlives one that vanishes, however long that takes here.
        with self.away():
            ip("addr", "add", "10.99.0.3/24", "dev", "far")
            vanishing = socket.create_connection((NEAR, self.portal.port), source_address=("10.99.0.3", 0))
            self.addCleanup(vanishing.close)
            vanishing.sendall(b"BLPOP other 0\r\n")
            wait_until(lambda: self.blocked() == 3, 10, "all wait")
            ip("addr", "del", "10.99.0.3/24", "dev", "far")
        wait_until(lambda: self.blocked() == 2, PATIENCE, "the portal has let the vanished one go")
        self.node.command("RPUSH", "l", "element")
        self.assertEqual([b"l", b"element"], silent.read())


if __name__ == "__main__":
    unittest.main()
