"""A redis-server that takes no more, or that closes whoever asks for too much: only whoever asked is told, or closed.

It is full (maxclients), or a client's reply is above client-output-buffer-limit or maxmemory-clients. Others on the same links,
and others of the same user, go on.
"""

import random
import threading
import unittest

from portal_support import report, wait_until
from resp_client import Client, ConnectionClosed, RespError
from server_pair import PortalBefore, RedisServer

MB = 1 << 20
HOLD = "hold: {time: 2s}"
PATIENCE = 20.0


def answer(client, *words):
    """The reply; "closed" or "nothing" if there is none."""
    try:
        return client.command(*words)
    except TimeoutError:
        return "nothing"
    except (ConnectionClosed, OSError):
        return "closed"


def is_told(reply):
    """An error or a closed connection, and not one that leaves open whether the command has run."""
    return reply == "closed" or isinstance(reply, RespError) and reply.kind != "INDOUBT"


class Full(unittest.TestCase):
    PLACES = 40

    def start(self, *settings, password=None):
        # Each connection of a portal's monitor keeps its place all the time, so that a full server is not a dead one.
        self.server = RedisServer(settings=[("maxclients", str(self.PLACES)), *settings])
        self.addCleanup(self.server.stop)
        self.portal = PortalBefore(self.server, settings=[HOLD, f"monitor: {{{f'password: {password}, ' if password else ''}down_after: 20s, fence_after: 30s, lease: 60s}}",
                                                            "node_config: {follow_leader: off}", "acl: {assert: off}"],  # their connections would take the place that comes free
                                   threads=1)
        self.addCleanup(self.portal.stop)
        self.admin = Client(self.server.port, password=password, timeout=PATIENCE)
        self.addCleanup(self.admin.close)
        self.password = password

    def client(self):
        client = Client(self.portal.port, password=self.password, timeout=PATIENCE)
        self.addCleanup(client.close)
        return client

    def connected(self):
        return int(self.admin.command("INFO", "clients").decode().split("connected_clients:")[1].split()[0])

    def test_closes_nobody_who_has_a_place_and_tells_who_has_none(self):
        self.start(("requirepass", "s3cret"), password="s3cret")
        bystanders = [self.client() for _ in range(3)]
        for number, client in enumerate(bystanders):
            self.assertEqual("OK", client.command("SET", f"k{number}", number))
        places = self.PLACES - self.connected()
        waiting = []
        for number in range(places):
            client = self.client()
            client.send("BLPOP", f"list:{number}", "0")
            waiting.append(client)
            wait_until(lambda: self.connected() == self.PLACES - places + len(waiting), 10, "it waits at Redis")
        late = [self.client() for _ in range(5)]
        for number, client in enumerate(late):
            client.send("BLPOP", f"late:{number}", "0")
        for _ in range(50):
            for number, client in enumerate(bystanders):
                self.assertEqual(str(number).encode(), answer(client, "GET", f"k{number}"), "a bystander of the same user")
        for client in late:
            client.socket.settimeout(PATIENCE)
            try:
                reply = client.read()
            except TimeoutError:
                reply = "nothing"
            except (ConnectionClosed, OSError):
                reply = "closed"
            self.assertTrue(is_told(reply), f"who came too late got {reply!r}")
        for number, client in enumerate(bystanders):
            self.assertEqual(str(number).encode(), answer(client, "GET", f"k{number}"), "a bystander, after the late ones were told")
        for number, client in enumerate(waiting):
            self.admin.command("RPUSH", f"list:{number}", number)
            self.assertEqual([f"list:{number}".encode(), str(number).encode()], client.read(), "who had a place")
        self.assertEqual("OK", answer(self.client(), "WATCH", "k"), "there are places again")

    def test_refuses_a_write_that_it_never_took(self):
        self.start()
        writer = self.client()
        self.assertEqual("OK", writer.command("SET", "k", "before"))
        fillers = []

        def fill():
            """Takes all places there are."""
            while True:
                filler = Client(self.server.port, timeout=PATIENCE)
                try:
                    if filler.command("PING") != "PONG":
                        raise ConnectionClosed
                except (ConnectionClosed, OSError):
                    filler.close()
                    return
                self.addCleanup(filler.close)
                fillers.append(filler)

        fill()
        for attempt in range(4):
            for line in self.admin.command("CLIENT", "LIST").decode().splitlines():
                if "name=portal-before" in line and "cmd=set" in line:  # the link on which clients' commands travel
                    self.admin.command("CLIENT", "KILL", "ID", line.split()[0].split("=")[1])
            fill()
            calls = self.sets()
            reply = answer(writer, "SET", "k", f"attempt {attempt}")
            self.assertEqual(calls, self.sets(), "Redis has executed it")
            self.assertTrue(is_told(reply), f"a SET that was never taken got {reply!r}")
            if reply == "closed":
                writer = self.client()
            fillers.pop().close()
            wait_until(lambda: answer(writer, "SET", "k", "again") == "OK", 10, "there is a place again")

    def sets(self):
        return self.admin.command("INFO", "commandstats").decode().partition("cmdstat_set:calls=")[2].split(",")[0]


class TooMuch(unittest.TestCase):
    """One asks for more than Redis gives; five others of the same user write all the time."""

    OTHERS = 5

    def run_case(self, *settings):
        self.server = RedisServer()
        self.addCleanup(self.server.stop)
        self.portal = PortalBefore(self.server, settings=[HOLD, "monitor: {down_after: 20s, fence_after: 30s, lease: 60s}"], threads=1)
        self.addCleanup(self.portal.stop)
        admin = Client(self.server.port, timeout=PATIENCE)
        self.addCleanup(admin.close)
        self.assertEqual("OK", admin.command("CLIENT", "NO-EVICT", "ON"))
        chooser = random.Random(1)
        admin.command("SET", "big", chooser.randbytes(9 * MB))
        for _ in range(2):
            admin.command("APPEND", "big", chooser.randbytes(9 * MB))
        for name, value in settings:  # not before: what has just been sent counts as a client's memory, too
            self.assertEqual("OK", admin.command("CONFIG", "SET", name, value))
        with Client(self.server.port, timeout=PATIENCE) as direct:
            self.assertEqual("closed", answer(direct, "GET", "big"), "asked directly")
        admin.command("CONFIG", "RESETSTAT")

        self.stopped = False
        self.counts, self.errors = [0] * self.OTHERS, [[] for _ in range(self.OTHERS)]
        threads = [threading.Thread(target=self.write, args=(number,), daemon=True) for number in range(self.OTHERS)]
        for thread in threads:
            thread.start()
        wait_until(lambda: min(self.counts) > 20, 20, "the others write")
        askers = [Client(self.portal.port, timeout=PATIENCE) for _ in range(2)]
        for asker in askers:
            self.addCleanup(asker.close)
        replies = [answer(asker, "GET", "big") for asker in askers]
        after = list(self.counts)
        wait_until(lambda: all(now > then + 20 for now, then in zip(self.counts, after)), 20, "the others go on")
        self.stopped = True
        for thread in threads:
            thread.join(PATIENCE)
        asked = int((admin.command("INFO", "commandstats").decode().partition("cmdstat_get:calls=")[2].split(",")[0]) or 0)
        errors = [str(error) for each in self.errors for error in each]
        report(f"the askers got {[str(reply)[:60] for reply in replies]}; Redis was asked {asked} times; the others made {sum(self.counts)} writes, "
               f"{len(errors)} failed")
        with self.subTest("who asked is told, or closed"):
            for reply in replies:
                self.assertTrue(reply == "closed" or isinstance(reply, RespError), repr(reply)[:100])
        with self.subTest("Redis is not asked again and again"):
            self.assertLessEqual(asked, 2 * len(askers))
        with self.subTest("others lose at most what was beside it on the shared link"):
            for each in self.errors:
                self.assertLessEqual(len(each), len(askers), each[:3])
        with self.subTest("no other client is closed"):
            self.assertNotIn("closed", errors)

    def write(self, number):
        with Client(self.portal.port, timeout=PATIENCE) as client:
            while not self.stopped:
                reply = answer(client, "INCR", f"n{number}")
                if not isinstance(reply, int):
                    self.errors[number].append(reply)
                    if reply in ("closed", "nothing"):
                        return
                self.counts[number] += 1

    def test_for_its_output_buffer(self):
        self.run_case(("client-output-buffer-limit", "normal 10mb 0 0"))

    def test_for_the_memory_of_all_clients(self):
        self.run_case(("maxmemory-clients", "10mb"))


if __name__ == "__main__":
    unittest.main()
