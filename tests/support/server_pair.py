"""A redis-server of one's own, and a portal of one's own in front of it, for tests that need neither replicas nor failover.

`RedisServer` runs any server that speaks RESP (`program`); `PortalBefore` serves it on a plain and on a TLS port. Raw connections
give replies as the bytes that came, so that what two of them answer can be compared.
"""

import random
import shutil
import socket
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from portal_support import PROGRAM, is_free, start_process, wait_until
from resp_client import Client, ConnectionClosed, tls_context


def free_ports(count):
    """Ports below the range that the kernel takes for outgoing connections."""
    for _ in range(200):
        first = random.randrange(24000, 24980)
        if all(is_free(port) for port in range(first, first + count)):
            return range(first, first + count)
    raise AssertionError("no free ports")


class RedisServer:
    """One server process without persistence, in a folder of its own."""

    def __init__(self, program="redis-server", settings=(), password=None):
        self.password = password
        self.dir = Path(tempfile.mkdtemp(prefix="redis-portal-server."))
        (self.port,) = free_ports(1)
        self.log = self.dir / "server.log"
        argv = [program, "--port", str(self.port), "--save", "", "--appendonly", "no", "--dir", str(self.dir), "--logfile", str(self.log)]
        for name, value in settings:
            argv += [f"--{name}", *value.split(" ")]
        self.process = start_process(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers, 20, f"{argv[0]} answers")

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended at start: {self.log.read_text() if self.log.exists() else 'no log'}")
        try:
            with Client(self.port, timeout=1.0) as client:
                client.command("PING")
                return True
        except OSError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class PortalBefore:
    """A portal whose nodes are `server` and `others`. `settings` are lines of YAML, each one top-level key; `tls_listener` are further
    keys of the listener that speaks TLS. With one thread all clients share one shard's links. The plain port is at `address`."""

    def __init__(self, server, settings=(), tls_listener="", others=(), threads=2, address="127.0.0.1"):
        self.dir = Path(tempfile.mkdtemp(prefix="redis-portal-before."))
        self.port, self.tls_port, self.admin_port = free_ports(3)
        self.log = self.dir / "portal.log"
        subprocess.run([PROGRAM, "certs", "init", "--dir", str(self.dir), "--names", "127.0.0.1,localhost"], check=True,
                       stdout=subprocess.DEVNULL)
        config = self.dir / "portal.yaml"
        lines = ["name: portal-before",
                 "listen:",
                 f"  - {{address: '{address}:{self.port}', tls: null}}",
                 f"  - {{address: '127.0.0.1:{self.tls_port}', tls: {{certificate: '{self.dir}/tls.crt', key: '{self.dir}/tls.key'}}{tls_listener}}}",
                 "nodes:",
                 *(f"  - {{name: redis-{i}, address: '127.0.0.1:{node.port}'}}" for i, node in enumerate((server, *others))),
                 f"arbiter: {{file: {{path: '{self.dir}/record'}}}}",
                 f"admin: {{address: '127.0.0.1:{self.admin_port}'}}",
                 f"threads: {threads}",
                 *settings]
        config.write_text("\n".join(lines) + "\n")
        with self.log.open("w") as log:
            self.process = start_process([PROGRAM, "serve", "--config", str(config)], stdout=log, stderr=log)
        wait_until(self._answers, 20, "the portal answers")

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the portal ended at start: {self.log.read_text()}")
        try:
            with Client(self.port, timeout=1.0) as client:
                client.command("PING")
                return True
        except OSError:
            return False

    def context(self):
        return tls_context(str(self.dir / "ca.crt"))

    def metrics(self):
        """The text of /metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def keeps_freed_memory(self):
        """True with AddressSanitizer or ThreadSanitizer, which hold on to memory that the program has given back."""
        maps = Path(f"/proc/{self.process.pid}/maps").read_text()
        return "libasan" in maps or "libtsan" in maps

    def resident_bytes(self):
        """Memory of the process that is in use, VmRSS."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the portal is gone")

    def stop(self):
        """Ends the portal; fails when it died by itself, or when a sanitizer has reported something."""
        died = self.process.poll()
        if died is None:
            self.process.terminate()
            try:
                self.process.wait(25)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        text = self.log.read_text(errors="replace")
        shutil.rmtree(self.dir, ignore_errors=True)
        for sign in ("WARNING: ThreadSanitizer", "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:"):
            if sign in text:
                raise AssertionError(text[text.index(sign):][:4000])
        if died is not None:
            raise AssertionError(f"the portal ended by itself with status {died}: {text[-2000:]}")


class RawConnection:
    """A connection whose replies are kept as bytes, one whole reply or push at a time."""

    def __init__(self, port, context=None, timeout=10.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.timeout = timeout
        self.buffer = bytearray()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def frame(self, timeout=None):
        """The next whole reply or push; None when none has come within `timeout` seconds."""
        self.socket.settimeout(self.timeout if timeout is None else timeout)
        while (end := frame_end(self.buffer, 0)) is None:
            try:
                data = self.socket.recv(262144)
            except TimeoutError:
                return None
            except OSError:
                data = b""
            if not data:
                raise ConnectionClosed("closed by the other side")
            self.buffer += data
        frame = bytes(self.buffer[:end])
        del self.buffer[:end]
        return frame


def frame_end(data, at):
    """Where the RESP value that begins at `at` ends; None while it is not whole."""
    line_end = data.find(b"\r\n", at)
    if line_end < 0:
        return None
    kind, rest, at = data[at:at + 1], data[at + 1:line_end], line_end + 2
    if kind in b"$!=":
        size = int(rest)
        at += 0 if size < 0 else size + 2
        return at if at <= len(data) else None
    if kind in b"*~>%|":
        values = int(rest) * (2 if kind in b"%|" else 1) + (kind == b"|")
        for _ in range(values):
            at = frame_end(data, at)
            if at is None:
                return None
        return at
    return at
