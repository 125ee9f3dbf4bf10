"""An iteration with SCAN or one of its kin returns all that was there all the time, or ends with an error: over a change of leader, and on
a port for reads with several replicas. Redis asked directly by the same steps, which is what a portal must not do, leaves elements out."""

import json
import unittest
import urllib.request

from portal_support import demo_for, report, wait_until
from resp_client import Client, RespError
from server_pair import PortalBefore, RedisServer

KEYS = 5000
FOREIGN = ("ERR invalid cursor: another server process gave it, which does not serve here now, so elements would be left out; "
           "begin again with cursor 0")
NOBODY = [("replicaof", "127.0.0.1 1"), ("repl-diskless-sync-delay", "0")]
TIMES = ("monitor: {ping_interval: 100ms, down_after: 1s, fence_after: 500ms, lease: 1s}", "hold: {time: 20s}")
ITERATIONS = (("SCAN",), ("HSCAN", "hash"), ("SSCAN", "set"), ("ZSCAN", "zset"))


def fill(client):
    for first in range(0, KEYS, 500):
        numbers = range(first, first + 500)
        client.command("MSET", *[word for number in numbers for word in (f"key:{number}", "1")])
        client.command("HSET", "hash", *[word for number in numbers for word in (f"field:{number}", "1")])
        client.command("SADD", "set", *[f"member:{number}" for number in numbers])
        client.command("ZADD", "zset", *[word for number in numbers for word in ("1", f"member:{number}")])


def count_of(words, elements):
    """How many different ones; pairs come one behind the other."""
    return len(set(elements[::2] if words[0] in ("HSCAN", "ZSCAN") else [key for key in elements if words[0] != "SCAN" or key.startswith(b"key:")]))


def iterate(clients, words, cursor=b"0", between=lambda step: None):
    """What an iteration has returned, and the error that has ended it or None."""
    found, step = [], 0
    while True:
        answer = clients[step % len(clients)].command(*words, cursor, "COUNT", "100")
        if isinstance(answer, RespError):
            return found, answer.text
        cursor, elements = answer
        found += elements
        step += 1
        if cursor == b"0":
            return found, None
        between(step)


class CursorsOverAChangeOfLeader(unittest.TestCase):
    def setUp(self):
        self.demo = demo_for(self)

    def test_an_iteration_is_whole_or_ends_with_an_error(self):
        clients = [self.demo.portals[number % 2].client() for number in range(4)]
        for each in clients:
            self.addCleanup(each.close)
        fill(clients[0])
        self.demo.wait_replicated()
        results = []
        for kill in (False, True):
            for words in ITERATIONS:
                found, error = iterate(clients, words)
                self.assertEqual((KEYS, None), (count_of(words, found), error), words)
                changed = []

                def change(step, changed=changed, kill=kill):
                    if step == 20 and not changed:
                        changed.append(step)
                        self.demo.settle(*self.demo.change_leader(kill), kill)

                found, error = iterate(clients, words, between=change)
                results.append((words[0], "kill" if kill else "switchover", count_of(words, found), error))
                self.assertTrue(error == FOREIGN or count_of(words, found) == KEYS, results[-1])
                found, error = iterate(clients, words)
                self.assertEqual((KEYS, None), (count_of(words, found), error), words)
        for each in results:
            report(f"{each[0]} over a {each[1]}: {each[2]} of {KEYS}, then {'the error' if each[3] else 'the end'}")


class CursorsOnAPortForReads(unittest.TestCase):
    @staticmethod
    def in_sync(portal):
        with urllib.request.urlopen(f"http://127.0.0.1:{portal.admin_port}/status.json", timeout=5) as answer:
            return sum(node["in_sync"] for node in json.load(answer)["topology"]["nodes"])

    def test_an_iteration_is_whole_whichever_connection_carries_it_on(self):
        servers = [RedisServer(settings=NOBODY) for _ in range(3)]
        for server in servers:
            self.addCleanup(server.stop)
        portal = PortalBefore(servers[0], settings=TIMES, tls_listener=", serves: replicas", others=servers[1:])
        self.addCleanup(portal.stop)
        with Client(portal.port) as writer:
            fill(writer)
            wait_until(lambda: writer.command("WAIT", "2", "100") == 2, 30, "both replicas hold it")
            wait_until(lambda: self.in_sync(portal) == 3, 30, "both replicas are in sync")
        readers = []
        for _ in range(4):
            readers.append(Client(portal.tls_port, context=portal.context()))
            self.addCleanup(readers[-1].close)
        nodes = {reader.command("INFO", "server").split(b"tcp_port:")[1].split(b"\r")[0] for reader in readers}
        self.assertEqual(2, len(nodes), "the readers are spread over the replicas")
        for words in ITERATIONS:
            for reader in readers:
                found, error = iterate([reader], words)
                self.assertEqual((KEYS, None), (count_of(words, found), error), words)
            found, error = iterate(readers, words)
            report(f"{words[0]} by four connections, two replicas: {count_of(words, found)} of {KEYS}, then {'the error' if error else 'the end'}")
            self.assertEqual((KEYS, None), (count_of(words, found), error), words)


if __name__ == "__main__":
    unittest.main()
