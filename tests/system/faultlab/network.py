"""Hosts of the fault lab: one network namespace each, joined by a switch of our own that drops and delays frames by rule.

The kernel here has no netem, so each namespace gets a TAP device whose other end a small process reads: it forwards
Ethernet frames and knows, per ordered pair of hosts, what share to drop and how long to hold. Names are a hosts file of
the lab's own. Needs root and /dev/net/tun. Namespaces, mounts and devices belong to a mount namespace of this process, so
that everything goes when the process ends, however it ends.
"""

import contextlib
import ctypes
import fcntl
import heapq
import multiprocessing
import os
import random
import select
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

_TUNSETIFF = 0x400454CA
_IFF_TAP_NO_PI = 0x0002 | 0x1000
_MTU = 16000
_PR_SET_PDEATHSIG = 1


_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_PRIVATE = "mount --make-rprivate / && mkdir -p /run/netns && mount -t tmpfs none /run/netns"


def unavailable():
    """Why there can be no lab network on this machine, or an empty text."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun"
    if shutil.which("ip") is None:
        return "there is no `ip` (Debian: iproute2)"
    probe = subprocess.run(["unshare", "--mount", "sh", "-c", f"{_PRIVATE} && ip netns add probe"], capture_output=True, text=True)
    return "" if probe.returncode == 0 else f"namespaces are refused here: {probe.stderr.strip()}"


def _move_into(namespace, kind):
    """Moves this thread into a namespace given by its open file; setns(2)."""
    if _libc.setns(namespace, kind) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True, capture_output=True)


def _leave_the_machines_mounts():
    """What this process mounts from now on is seen by it and its children alone, and goes with them. Once per process."""
    if not getattr(_leave_the_machines_mounts, "done", False):
        if _libc.unshare(_CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["sh", "-c", _PRIVATE], check=True, capture_output=True)
        _leave_the_machines_mounts.done = True


def _open_tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TAP_NO_PI))
    return fd


class _Switch:
    """Forwards frames between TAP ends; runs in a process of its own."""

    def __init__(self, fds, seed):
        self.fds = fds
        self.random = random.Random(seed)
        self.rules = {}  # (from, to) -> (share dropped, seconds held)
        self.flows = frozenset()  # TCP ports of connections that are lost, whatever hosts they join
        self.held = []   # heap of (due, serial, to, frame)
        self.serial = 0

    def run(self, control):
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        poll = select.epoll()
        index = {}
        for number, fd in enumerate(self.fds):
            poll.register(fd, select.EPOLLIN)
            index[fd] = number
        poll.register(control.fileno(), select.EPOLLIN)
        while True:
            wait = max(0.0, self.held[0][0] - time.monotonic()) if self.held else -1
            for fd, _ in poll.poll(wait):
                if fd == control.fileno():
                    message = control.recv()
                    if message is None:
                        return
                    self.rules, self.flows = message
                    control.send(True)
                else:
                    self._drain(fd, index[fd])
            now = time.monotonic()
            while self.held and self.held[0][0] <= now:
                _, _, to, frame = heapq.heappop(self.held)
                self._write(to, frame)

    def _drain(self, fd, source):
        for _ in range(64):
            try:
                frame = os.read(fd, _MTU + 64)
            except BlockingIOError:
                return
            # Host number n has the address 02:00:00:00:00:n; everything else is broadcast (ARP) or multicast.
            if frame[0] == 2 and frame[5] < len(self.fds):
                self._forward(source, frame[5], frame)
            elif frame[0] == 0xFF:
                for to in range(len(self.fds)):
                    if to != source:
                        self._forward(source, to, frame)

    def _lost_flow(self, frame):
        """IPv4 (with any options) and TCP, one of its ports among those that are cut."""
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            return False
        tcp = 14 + 4 * (frame[14] & 15)
        return not self.flows.isdisjoint(struct.unpack_from(">HH", frame, tcp))

    def _forward(self, source, to, frame):
        if self.flows and self._lost_flow(frame):
            return
        rule = self.rules.get((source, to))
        if rule is None:
            self._write(to, frame)
            return
        dropped, held = rule
        if dropped and self.random.random() < dropped:
            return
        if held:
            self.serial += 1
            heapq.heappush(self.held, (time.monotonic() + held, self.serial, to, frame))
        else:
            self._write(to, frame)

    def _write(self, to, frame):
        try:
            os.write(self.fds[to], frame)
        except (BlockingIOError, OSError):
            pass  # a full queue drops, as a real one does


class Network:
    """The hosts by name, their addresses, and the faults between them. `folder` takes the hosts file."""

    def __init__(self, hosts, folder, seed=0):
        _leave_the_machines_mounts()
        self.hosts = list(hosts)
        self.addresses = {host: f"10.77.0.{number + 1}" for number, host in enumerate(self.hosts)}
        self.prefix = f"rp{os.getpid()}"
        self.rules = {}
        self.flows = frozenset()
        self.names = Path(folder) / "hosts"
        self._write_names()
        mount("--bind", self.names, "/etc/hosts")
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        fds = []
        for number, host in enumerate(self.hosts):
            tap = f"{self.prefix}t{number}"
            fds.append(_open_tap(tap))
            space = self.namespace(host)
            self._ip("netns", "add", space)
            self._ip("link", "set", tap, "netns", space)
            self._ip("-n", space, "link", "set", tap, "name", "lab", "address", f"02:00:00:00:00:{number:02x}", "mtu", str(_MTU))
            self._ip("-n", space, "addr", "add", f"{self.address(host)}/24", "dev", "lab")
            self._ip("-n", space, "link", "set", "lab", "up")
            self._ip("-n", space, "link", "set", "lo", "up")
        self.control, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        self.process = context.Process(target=_Switch(fds, seed).run, args=(theirs,), daemon=True)
        self.process.start()
        for fd in fds:
            os.close(fd)

    @staticmethod
    def _ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def namespace(self, host):
        return f"{self.prefix}-{host}"

    def address(self, host):
        return self.addresses[host]

    @staticmethod
    def name(host):
        """The host's name, which stays when its address changes."""
        return f"{host}.lab"

    def _write_names(self):
        """Written in place and in one piece: /etc/hosts is this very file, and somebody may be reading it."""
        lines = ["127.0.0.1 localhost", *(f"{address} {self.name(host)}" for host, address in self.addresses.items()), ""]
        with open(os.open(self.names, os.O_WRONLY | os.O_CREAT, 0o644), "wb", buffering=0) as file:
            file.truncate(file.write("\n".join(lines).encode()))

    def move(self, host):
        """Gives a host another address; its name follows, and nobody answers at the old one."""
        space, old = self.namespace(host), self.addresses[host]
        number = int(old.rsplit(".", 1)[1])
        self.addresses[host] = f"10.77.0.{number + 20 if number + 20 < 250 else number % 20}"
        self._ip("-n", space, "addr", "del", f"{old}/24", "dev", "lab")
        self._ip("-n", space, "addr", "add", f"{self.addresses[host]}/24", "dev", "lab")
        self._write_names()

    @contextlib.contextmanager
    def entered(self, host):
        """Sockets that this thread opens meanwhile are that host's, also afterwards."""
        space = os.open(f"/run/netns/{self.namespace(host)}", os.O_RDONLY)
        try:
            _move_into(space, _CLONE_NEWNET)
            yield
        finally:
            _move_into(self.home, _CLONE_NEWNET)
            os.close(space)

    def inside(self, host, argv):
        """The command line that runs argv on that host."""
        return ["ip", "netns", "exec", self.namespace(host), *argv]

    def cut(self, source, to, both=True):
        """Frames from `source` to `to` are lost, and the other way round unless told otherwise."""
        self.shape(source, to, dropped=1.0, both=both)

    def cut_flows(self, ports):
        """What comes from or goes to these TCP ports is lost; the hosts reach each other otherwise."""
        self.flows = frozenset(ports)
        self._apply()

    def shape(self, source, to, dropped=0.0, held=0.0, both=True):
        a, b = self.hosts.index(source), self.hosts.index(to)
        self.rules[a, b] = (dropped, held)
        if both:
            self.rules[b, a] = (dropped, held)
        self._apply()

    def isolate(self, host, but=()):
        """Cuts a host from all others except those named."""
        for other in self.hosts:
            if other != host and other not in but:
                a, b = self.hosts.index(host), self.hosts.index(other)
                self.rules[a, b] = self.rules[b, a] = (1.0, 0.0)
        self._apply()

    def heal(self):
        self.rules = {}
        self.flows = frozenset()
        self._apply()

    def _apply(self):
        self.control.send((dict(self.rules), self.flows))
        self.control.recv()

    def stop(self):
        self.control.send(None)
        self.process.join(5)
        for host in self.hosts:
            subprocess.run(["ip", "netns", "del", self.namespace(host)], capture_output=True)
        subprocess.run(["umount", "/etc/hosts"], capture_output=True)
        os.close(self.home)
