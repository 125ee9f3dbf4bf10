"""What no honest client sends: each is answered as Redis answers it or cut off, memory stays bounded, and other clients are served all the while."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
import unittest

from binary_content import random_bytes
from portal_support import report, wait_until
from resp_client import Client, encode
from server_pair import PortalBefore, RedisServer

MIB = 1 << 20

MALFORMED = [b"*1\r\n+PING\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$x\r\n", b"*x\r\n", b"*2147483648\r\n", b"*1\r\n$536870913\r\n", b"*1\r\n:5\r\n", b"*1\r\n*1\r\n$4\r\nPING\r\n",
             b"*-x\r\n", b"* 1\r\n", b"*1 \r\n", b"*+1\r\n", b"*01\r\n", b"*1\r\n$01\r\nx\r\n", b"*1\r\n$ 4\r\nPING\r\n", b"*1\r\n$4 \r\nPING\r\n", b"*2\r\n$4\r\nPING\r\nx",
             b"*\r\n", b"*1\r\n$\r\n", b"*1\r\n\r\n", b"*" + b"1" * 70000, b"x" * 70000, b"*1\r\n$" + b"1" * 70000, b"GET \"unbalanced\r\n", b"GET 'a'b\r\n", b"GET \"a\"b\r\n",
             b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"*1\r\n$99999999999999999999\r\n", b"*1\r\n$4\r\nPING\r\n*x\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
             b"*9223372036854775808\r\n", b"$4\r\nPING\r\n", b"*1\r\n%1\r\n"]


def talk(port, data, wait=1.0):
    """All that comes back for `data`, and whether the connection was closed by the other side."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as client:
        answer = b""
        try:
            client.sendall(data)
            while piece := client.recv(65536):
                answer += piece
        except TimeoutError:
            return answer, False
        except OSError:
            pass
        return answer, True


class Bystander(threading.Thread):
    """An honest client beside the attack; `problem` says what went wrong, `slowest` how long its slowest command took."""

    def __init__(self, portal):
        super().__init__(daemon=True)
        self.portal, self.done, self.problem, self.served, self.slowest = portal, threading.Event(), None, 0, 0.0

    def run(self):
        try:
            with Client(self.portal.tls_port, context=self.portal.context()) as client:
                while not self.done.is_set():
                    begin = time.monotonic()
                    value = f"honest {self.served}".encode()
                    if client.pipeline([("SET", "bystander", value), ("GET", "bystander")]) != ["OK", value]:
                        raise AssertionError("a wrong reply")
                    self.slowest = max(self.slowest, time.monotonic() - begin)
                    self.served += 1
                    time.sleep(0.002)
        except Exception as problem:  # whatever it is, the test reports it
            self.problem = repr(problem)


class HostileInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.reference, cls.behind = RedisServer(), RedisServer()
        cls.addClassCleanup(cls.reference.stop)
        cls.addClassCleanup(cls.behind.stop)
        cls.portal = PortalBefore(cls.behind, settings=["limits: {handshake_time: 2s, output_bytes: 1MiB, output_time: 2s, sessions: 3000}"])
        cls.addClassCleanup(cls.portal.stop)

    def setUp(self):
        self.bystander = Bystander(self.portal)
        self.bystander.start()
        wait_until(lambda: self.bystander.served > 3 or self.bystander.problem, 10, "the bystander is served")
        self.before = self.portal.resident_bytes()
        self.open = []

    def tearDown(self):
        for each in self.open:
            each.close()
        self.bystander.done.set()
        self.bystander.join(20)
        self.assertIsNone(self.bystander.problem)
        served = self.bystander.served
        self.assertGreater(served, 3)
        grown = self.portal.resident_bytes() - self.before
        report(f"{self.id().split('.')[-1]}: bystander served {served} times, slowest {self.bystander.slowest * 1000:.0f} ms, memory {grown / MIB:+.1f} MiB")

    def connect(self, port=None):
        client = socket.create_connection(("127.0.0.1", port or self.portal.port), timeout=10)
        self.open.append(client)
        return client

    def assert_memory_grew_less_than(self, mib):
        if not self.portal.keeps_freed_memory():
            self.assertLess((self.portal.resident_bytes() - self.before) / MIB, mib)

    def test_every_malformed_frame_is_answered_in_redis_words(self):
        for data in MALFORMED:
            with self.subTest(data=data[:60]):
                self.assertEqual(talk(self.reference.port, data), talk(self.portal.port, data))

    def test_replies_before_a_malformed_frame_still_come(self):
        data = encode("SET", "k", "v") + encode("GET", "k") + b"*1\r\n?\r\n" + encode("GET", "k")
        self.assertEqual(talk(self.reference.port, data), talk(self.portal.port, data))

    def test_limits_hold_before_a_login(self):
        server = RedisServer(settings=[("requirepass", "secret")], password="secret")
        self.addCleanup(server.stop)
        portal = PortalBefore(server, settings=["monitor: {password: secret}"])
        self.addCleanup(portal.stop)
        for data in (b"*11\r\n", b"*1\r\n$16385\r\n", b"*10\r\n$4\r\nPING\r\n", b"PING\r\n", encode("GET", "x" * 16385), encode("AUTH", "x", *["y"] * 9), encode("NOSUCH"), encode("GET")):
            with self.subTest(data=data[:40]):
                self.assertEqual(talk(server.port, data), talk(portal.port, data))

    def test_lengths_that_are_only_announced_cost_nothing(self):
        for announced in (b"*1000000\r\n$536870912\r\n", b"*2\r\n$3\r\nGET\r\n$536870000\r\n", b"*2147483647\r\n"):
            for _ in range(150):
                self.connect().sendall(announced + b"x" * 100)
        time.sleep(1)
        self.assert_memory_grew_less_than(24)

    def test_a_million_empty_commands_are_passed_over(self):
        for empty in (b"\r\n", b"*0\r\n", b"*-1\r\n", b"   \r\n"):
            client = self.connect()
            client.settimeout(60)
            for _ in range(50):
                client.sendall(empty * 20000)
            client.sendall(b"PING\r\n")
            self.assertEqual(b"+PONG\r\n", client.recv(100))
        self.assert_memory_grew_less_than(16)

    def test_single_bytes_are_put_together(self):
        data = encode("SET", "slow", "v") + encode("GET", "slow") + b"PING\r\n"
        clients = [self.connect() for _ in range(20)]
        for client in clients:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(data)):
            for client in clients:
                client.sendall(data[at:at + 1])
            time.sleep(0.001)
        for client in clients:
            answer = b""
            while len(answer) < len(b"+OK\r\n$1\r\nv\r\n+PONG\r\n"):
                answer += client.recv(100)
            self.assertEqual(b"+OK\r\n$1\r\nv\r\n+PONG\r\n", answer)

    def test_a_half_closed_client_gets_its_replies(self):
        for _ in range(20):
            client = self.connect()
            client.sendall(encode("SET", "half", "v") + encode("GET", "half") * 500 + b"*3\r\n$3\r\nSET\r\n")
            client.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := client.recv(65536):
                answer += piece
            self.assertEqual(b"+OK\r\n" + b"$1\r\nv\r\n" * 500, answer)

    def test_a_client_that_never_reads_is_cut_off(self):
        with Client(self.portal.port) as setter:
            setter.command("SET", "large", random_bytes(100_000))
        for _ in range(10):
            client = self.connect()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(encode("GET", "large") * 100)
        closed = 'redis_portal_client_connections_closed_total{reason="output_limit"} 10'
        wait_until(lambda: closed in self.portal.metrics(), 20, "clients that do not read are closed")
        self.assert_memory_grew_less_than(48)

    def test_renegotiation_is_refused(self):
        openssl = shutil.which("openssl")
        if openssl is None:
            self.skipTest("the openssl program is not installed")
        asking = subprocess.Popen([openssl, "s_client", "-tls1_2", "-connect", f"127.0.0.1:{self.portal.tls_port}", "-CAfile", f"{self.portal.dir}/ca.crt"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(asking.kill)
        for line in (b"PING\r\n", b"R\n"):  # its own command when it comes alone: renegotiate
            asking.stdin.write(line)
            asking.stdin.flush()
            time.sleep(0.5)
        said = asking.communicate(timeout=10)[0]
        self.assertIn(b"+PONG", said)
        self.assertIn(b"RENEGOTIATING", said)
        self.assertTrue(b"no renegotiation" in said or b"alert handshake failure" in said, said[-500:])

    def test_stalled_handshakes_are_cut_off_and_do_not_keep_others_out(self):
        hello = ssl.MemoryBIO()
        engine = self.portal.context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1")
        try:
            engine.do_handshake()
        except ssl.SSLWantReadError:
            pass
        beginning = hello.read()
        stalled = [self.connect(self.portal.tls_port) for _ in range(600)]
        for number, client in enumerate(stalled):
            client.sendall(beginning[:(0, 1, 5, 100, len(beginning))[number % 5]])
        with Client(self.portal.tls_port, context=self.portal.context()) as late:
            self.assertEqual("PONG", late.command("PING"))
        self.assert_memory_grew_less_than(64)
        end = time.monotonic() + 10
        for client in stalled:
            client.settimeout(max(0.1, end - time.monotonic()))
            try:
                while client.recv(65536):
                    pass
            except TimeoutError:
                self.fail("a stalled handshake is still open")
            except OSError:
                pass

    def test_noise_in_place_of_a_handshake_is_cut_off(self):
        for noise in (b"PING\r\n", b"\x16\x03\x01\xff\xff" + b"\x00" * 3000, b"\x80\x2e\x01\x03\x01", b"\x17\x03\x03\x40\x00" + b"x" * 20000, b"GET / HTTP/1.1\r\n\r\n"):
            client = self.connect(self.portal.tls_port)
            client.sendall(noise)
            client.settimeout(5)
            try:
                while client.recv(65536):
                    pass
            except TimeoutError:
                self.fail(f"{noise[:20]!r} is still open")
            except OSError:
                pass

    def test_replies_nested_thousands_deep_pass(self):
        script = "local t = {} local top = t for i = 1, 3000 do local n = {} t[1] = n t = n end return top"
        data = encode("EVAL", script, "0") + encode("PING")
        self.assertEqual(talk(self.reference.port, data), talk(self.portal.port, data))


if __name__ == "__main__":
    unittest.main()
