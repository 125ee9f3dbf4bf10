"""Values of hundreds of megabytes, both ways, while others use the same links: the portal's memory stays small, nobody else
waits for the transfer, and whoever reads slowly or never only slows down himself.

Times are compared within one run: with and without a transfer, against the transfer's own duration, and against clients that
talk to Redis directly at the same time (Redis itself stands still for a moment while it copies such a value).
"""

import hashlib
import json
import os
import random
import select
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

from binary_content import random_bytes
from portal_support import ROOT, DemoTestCase, report, wait_until
from resp_client import encode

MB = 1 << 20
SIZE = 512 * MB
MOST_GROWTH = 16 * MB
OTHERS = 50
# Elements of the list that is read whole. 10 needs 1 GB of memory and a minute.
MILLIONS = int(os.environ.get("PORTAL_LIST_MILLIONS", "3"))


class Memory:
    """Resident memory of a process: growth of its peak since the making of this object."""

    def __init__(self, pid):
        self.status = Path(f"/proc/{pid}/status")
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak starts anew
        self.before = self.read("VmRSS")

    def read(self, name):
        line = next(line for line in self.status.read_text().splitlines() if line.startswith(name))
        return int(line.split()[1]) * 1024

    def growth(self):
        return self.read("VmHWM") - self.before


class Others(threading.Thread):
    """Many clients on one thread, each sending its next command when the last is answered; keeps every round trip."""

    def __init__(self, clients):
        super().__init__(daemon=True)
        self.clients = clients
        self.samples = []  # (when it ended, how long it took, which client)
        self.wrong = []
        self.stopped = False
        self.random = random.Random(1)
        self.start()

    def run(self):
        try:
            self.ask_and_wait()
        except (OSError, AssertionError) as error:
            self.wrong.append(error)

    def ask_and_wait(self):
        poll = select.epoll()
        begun, expected, got = {}, {}, {}
        by_descriptor = {client.socket.fileno(): (i, client) for i, client in enumerate(self.clients)}

        def ask(i, client):
            key = f"other:{i}"
            write = self.random.random() < 0.5
            client.send_raw(encode("SET", key, f"value {i}") if write else encode("GET", key))
            expected[i] = b"+OK\r\n" if write else b"$%d\r\nvalue %d\r\n" % (len(f"value {i}"), i)
            got[i] = b""
            begun[i] = time.monotonic()

        for i, client in enumerate(self.clients):
            client.command("SET", f"other:{i}", f"value {i}")
            poll.register(client.socket.fileno(), select.EPOLLIN)
            ask(i, client)
        while not self.stopped:
            for descriptor, _ in poll.poll(0.1):
                i, client = by_descriptor[descriptor]
                got[i] += client.socket.recv(65536)
                if len(got[i]) < len(expected[i]):
                    continue
                now = time.monotonic()
                self.samples.append((now, now - begun[i], i))
                if got[i] != expected[i]:
                    self.wrong.append(got[i])
                ask(i, client)

    def between(self, begin, end, clients):
        """(how many, p99, maximum) of round trips of these clients that ended in that time."""
        times = sorted(took for when, took, i in list(self.samples) if begin <= when <= end and i in clients)
        return len(times), times[len(times) * 99 // 100], times[-1]


class BigValuesTest(DemoTestCase):
    nodes = 1
    portals = 1
    # Redis does not answer pings while it copies such a value, which on a busy machine must not look like its death.
    settings = ("threads=1", "limits.output_bytes=4MiB", "limits.output_time=5s", "monitor.down_after=20s", "monitor.fence_after=30s", "monitor.lease=60s")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.demo.nodes[0].client() as node:
            node.command("CONFIG", "SET", "appendonly", "no")  # the disk is not what is measured here
            node.command("CONFIG", "SET", "save", "")

    def transfer(self, *words):
        portal = self.demo.portals[0]
        argv = [sys.executable, str(ROOT / "tests/support/big_transfer.py"), str(portal.port), str(self.demo.ca_file), self.demo.password]
        begin = time.monotonic()
        done = subprocess.run([*argv, *words], check=True, capture_output=True, text=True, timeout=120)
        return json.loads(done.stdout), begin, time.monotonic()

    def others(self):
        through = [self.client() for _ in range(OTHERS)]
        direct = [self.demo.nodes[0].client() for _ in range(5)]
        for client in direct:
            self.addCleanup(client.close)
        others = Others(through + direct)
        self.addCleanup(others.join)
        self.addCleanup(lambda: setattr(others, "stopped", True))
        return others

    def check(self, what, others, quiet, *words):
        """Runs a transfer; checks the portal's memory, and that the others did not wait for it."""
        memory = Memory(self.demo.portals[0].pid)
        done, begin, end = self.transfer(*words)
        growth = memory.growth()
        _, p99, most = others.between(begin, end, range(OTHERS))
        _, _, direct_most = others.between(begin, end, range(OTHERS, OTHERS + 5))
        report(f"{what}: {done['bytes'] // MB} MiB in {done['seconds']:.2f} s, memory +{growth / MB:.1f} MiB; others p99 "
               f"{p99 * 1e3:.1f} ms (alone {quiet[1] * 1e3:.1f}), most {most * 1e3:.0f} ms (alone {quiet[2] * 1e3:.0f}, "
               f"direct to Redis {direct_most * 1e3:.0f})")
        self.assertLess(growth, MOST_GROWTH)
        self.assertLess(most, direct_most + done["seconds"] / 2, "somebody waited for the transfer")
        self.assertEqual(others.wrong, [])
        return done

    def test_transfers_cost_little_memory_and_delay_nobody_else(self):
        others = self.others()
        begin = time.monotonic()
        time.sleep(2)  # the others alone, to compare with
        quiet = others.between(begin, time.monotonic(), range(OTHERS))
        written = self.check("SET", others, quiet, "set", "big", str(SIZE))
        done = self.check("GET", others, quiet, "get", "GET", "big")
        self.assertEqual(done["bytes"], len(f"${SIZE}\r\n") + SIZE + 2)
        self.assertEqual(written["digest"], done["digest"], "the value has changed on its way")
        self.check("GET at 50 MB/s of 100 MB", others, quiet, "get", "GETRANGE", "big", "0", "99999999", "--rate", "50e6")
        with self.demo.nodes[0].client() as node:
            node.command("DEL", "big")
            node.command("EVAL", "local t = {} for i = 1, ARGV[1] do for j = 1, 5000 do t[j] = '>' .. i * 5000 + j end "
                                 "redis.call('RPUSH', 'list', unpack(t)) end", "0", str(200 * MILLIONS))
            elements = (b">%d" % number for number in range(5001, 5001 + 1_000_000 * MILLIONS))
            wanted = hashlib.blake2b(b"".join(b"$%d\r\n%s\r\n" % (len(element), element) for element in elements)[:-2]).hexdigest()
            for what in ("for the first time", "again"):
                done = self.check(f"LRANGE of {MILLIONS} million elements {what}", others, quiet, "get", "LRANGE", "list", "0", "-1")
                self.assertEqual(wanted, done["digest"], "elements have changed on their way")
            node.command("DEL", "list")

    def test_a_client_that_never_reads_costs_little_and_others_do_not_notice(self):
        with self.demo.nodes[0].client() as node:
            node.command("SET", "big", random_bytes(64 * MB))
        others = self.others()
        memory = Memory(self.demo.portals[0].pid)
        never = self.client()
        never.send_raw(encode("GET", "big") * 3)
        wait_until(lambda: self.demo.portals[0].metric("redis_portal_upstream_received_bytes_total") > 1 * MB, 10, "the reply has begun")
        begin = time.monotonic()
        time.sleep(3)  # it goes on not reading, and the others are served
        served, p99, most = others.between(begin, time.monotonic(), range(OTHERS))
        report(f"beside one that never reads: {served} round trips in 3 s, p99 {p99 * 1e3:.1f} ms, most {most * 1e3:.0f} ms; "
               f"memory +{memory.growth() / MB:.1f} MiB")
        self.assertGreater(served, OTHERS)
        self.assertLess(memory.growth(), MOST_GROWTH)
        self.assertEqual(others.wrong, [])
        with self.demo.nodes[0].client() as node:
            node.command("DEL", "big")

    def test_small_replies_that_nobody_reads_are_bounded_and_the_client_is_closed(self):
        portal = self.demo.portals[0]
        setter = self.client()
        setter.command("SET", "medium", random_bytes(100_000))
        never = self.client()
        never.socket.settimeout(20)
        never.send_raw(encode("GET", "medium") * 2000)
        wait_until(lambda: portal.metric("redis_portal_client_connections_closed_total", reason="output_limit") == 1, 20, "it is closed")
        self.assertEqual(setter.command("STRLEN", "medium"), 100_000)


    def test_clients_that_ask_for_much_at_once_fill_neither_redis_nor_the_portal(self):
        clients, requests, size = 10, 400, 100_000
        node = self.demo.nodes[0].client()
        self.addCleanup(node.close)
        node.command("SET", "medium", random_bytes(size))
        others = self.others()
        begin = time.monotonic()
        memory = Memory(self.demo.portals[0].pid)
        argv = [sys.executable, str(ROOT / "tests/support/big_transfer.py"), str(self.demo.portals[0].port), str(self.demo.ca_file),
                self.demo.password, "get", "GET", "medium", "--times", str(requests)]
        greedy = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(clients)]
        held = 0
        while any(each.poll() is None for each in greedy):
            info = node.command("INFO", "memory").decode()
            held = max(held, int(info.split("mem_clients_normal:")[1].split()[0]))
            self.assertLess(time.monotonic() - begin, 120, "it goes on")
            time.sleep(0.01)
        end = time.monotonic()
        _, p99, most = others.between(begin, end, range(OTHERS))
        _, direct_p99, direct_most = others.between(begin, end, range(OTHERS, OTHERS + 5))
        report(f"{clients} clients, {requests} GETs of {size} bytes each in one piece: {end - begin:.1f} s; Redis held at most {held / MB:.1f} MiB "
               f"for its clients, portal +{memory.growth() / MB:.1f} MiB; others p99 {p99 * 1e3:.1f} ms (direct {direct_p99 * 1e3:.1f}), "
               f"most {most * 1e3:.0f} ms (direct {direct_most * 1e3:.0f})")
        for each in greedy:
            self.assertEqual(json.loads(each.communicate()[0])["bytes"], requests * (len(f"${size}\r\n") + size + 2))
        self.assertLess(held, clients * requests * size / 4)
        self.assertLess(memory.growth(), 64 * MB)
        self.assertLess(most, direct_most + (end - begin) / 2, "somebody waited for all of it")
        self.assertEqual(others.wrong, [])


if __name__ == "__main__":
    unittest.main()
