"""The leader restarts on purpose, or is made a replica behind the portals' back, under load: what it says then (READONLY, LOADING,
MASTERDOWN, UNBLOCKED) reaches no client."""

import threading
import unittest

from load_client import LoadClient, stop_all
from portal_support import DemoTestCase, report, wait_until
from resp_client import ConnectionClosed, RespError

CLIENTS = 8
WRITES = 60


class TransactionClient(threading.Thread):
    """Transactions that travel in one piece, until told to stop."""

    def __init__(self, number, client):
        super().__init__(name=f"transactions-{number}", daemon=True)
        self.key = f"transactions:{number}"
        self.client = client
        self.stopping = False
        self.done = 0
        self.wrong = []
        self.dropped = None

    def run(self):
        try:
            while not self.stopping:
                replies = self.client.pipeline([("MULTI",), ("INCR", self.key), ("GET", self.key), ("EXEC",)])
                ran = replies[3]
                if isinstance(ran, list) and replies[:3] == ["OK", "QUEUED", "QUEUED"] and str(ran[0]).encode() == ran[1]:
                    self.done += 1
                elif not (isinstance(ran, RespError) and ran.kind == "INDOUBT"):
                    self.wrong.append(replies)
        except (ConnectionClosed, OSError) as error:
            self.dropped = error


class LeaderRestarts(DemoTestCase):
    def under_load(self, happens):
        """Runs `happens(leader, other)` while clients write, read, run transactions and wait for an element."""
        wait_until(lambda: self.demo.leader() and len(self.demo.replicas()) == 1, 30, "one node leads")
        self.demo.wait_replicated()
        wait_until(lambda: all(len([n for n in p.status()["topology"]["nodes"] if n["in_sync"]]) == 2 for p in self.demo.portals), 30,
                   "both nodes are in sync")
        old = self.demo.leader()
        new = next(node for node in self.demo.nodes if node is not old)
        clients = [LoadClient(number, self.client(number % 2)) for number in range(CLIENTS)]
        transactions = [TransactionClient(number, self.client(number)) for number in range(2)]
        waiting = self.client(0)
        waiting.send("BLPOP", "queue", "60")
        for client in [*clients, *transactions]:
            client.start()
        wait_until(lambda: all(len(c.acknowledged) >= WRITES or c.dropped for c in clients), 60, "every client has written")

        before = max(portal.status()["topology"]["epoch"] for portal in self.demo.portals)
        happens(old, new)
        counts = [len(client.acknowledged) for client in clients]
        runs = [client.done for client in transactions]
        epoch = lambda: min(portal.status()["topology"]["epoch"] for portal in self.demo.portals)
        wait_until(lambda: epoch() > before and self.demo.leader(), 30, "a leader was made")
        wait_until(lambda: all(len(c.acknowledged) >= n + WRITES or c.dropped for c, n in zip(clients, counts)) and
                   all(c.done >= n + 5 or c.dropped for c, n in zip(transactions, runs)), 60, "every client goes on")
        stop_all([*clients, *transactions])
        report(f"longest wait of one command: {max(client.worst_wait for client in clients) * 1000:.0f} ms")

        kinds = {kind for client in clients for _, kind in client.errors}
        self.assertLessEqual(kinds, {"INDOUBT"})
        self.assertEqual([], [client.dropped for client in [*clients, *transactions] if client.dropped])
        self.assertEqual([], [wrong for client in transactions for wrong in client.wrong])
        leader = self.demo.leader()
        follower = next(node for node in self.demo.nodes if node is not leader)
        with leader.client() as direct:
            self.assertEqual(1, direct.command("RPUSH", "queue", "element"))
        self.assertEqual([b"queue", b"element"], waiting.read())
        wait_until(lambda: self.demo.follows(follower, leader), 30, f"{follower.name} follows {leader.name}")
        self.demo.wait_replicated()
        return leader

    def shut_down(self, node, *words):
        with node.client() as direct:
            try:
                direct.command("SHUTDOWN", *words)
            except (ConnectionClosed, ConnectionError):
                pass
        node._forget()

    def test_with_its_data(self):
        def happens(old, _new):
            self.shut_down(old)
            old.restart()
        self.under_load(happens)

    def test_without_its_data(self):
        def happens(old, _new):
            self.shut_down(old, "NOSAVE")
            old.empty()
            old.restart()
        self.under_load(happens)

    def test_made_a_replica_by_somebody_else(self):
        """Whoever has the newest data leads: mostly the node that was demoted, which is promoted again."""
        def happens(old, new):
            with old.client() as direct:
                self.assertEqual("OK", direct.command("REPLICAOF", "127.0.0.1", new.port))
        self.under_load(happens)


if __name__ == "__main__":
    unittest.main()
