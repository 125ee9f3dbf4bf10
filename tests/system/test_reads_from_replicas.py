"""A listener with `serves: replicas`: reads go to a replica, whatever may write is refused by the portal itself, and clients stay
connected when the replica is lost, comes back, or becomes the leader."""

import json
import subprocess
import time
import unittest
import urllib.request

from binary_content import random_bytes
from portal_support import start_process, wait_until
from resp_client import Client, RespError
from server_pair import PortalBefore, RedisServer

NOBODY = [("replicaof", "127.0.0.1 1"), ("repl-diskless-sync-delay", "0")]
READ_ONLY = RespError("READONLY You can't write against a read only replica.")
TIMES = ("monitor: {ping_interval: 100ms, down_after: 1s, fence_after: 500ms, lease: 1s}", "hold: {time: 20s}")


class Readers(unittest.TestCase):
    settings = TIMES

    def setUp(self):
        self.servers = [RedisServer(settings=NOBODY) for _ in range(2)]
        for server in self.servers:
            self.addCleanup(server.stop)
        self.portal = PortalBefore(self.servers[0], settings=self.settings, tls_listener=", serves: replicas", others=self.servers[1:])
        self.addCleanup(self.portal.stop)
        wait_until(lambda: len(self.in_sync()) == 2, 20, "the replica is in sync")

    def topology(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.portal.admin_port}/status.json", timeout=5) as answer:
            return json.load(answer)["topology"]

    def in_sync(self):
        return [node["name"] for node in self.topology().get("nodes", []) if node["in_sync"]]

    def leader(self):
        """The server that leads, and the other one."""
        name = self.topology()["leader"]
        number = int(name.removeprefix("redis-"))
        return self.servers[number], self.servers[1 - number]

    def reader(self):
        return Client(self.portal.tls_port, context=self.portal.context())

    def served_by(self, reader):
        port = int(dict(line.split(b":", 1) for line in reader.command("INFO", "server").splitlines() if b":" in line)[b"tcp_port"])
        return next(server for server in self.servers if server.port == port)

    def read(self, reader, key, value):
        wait_until(lambda: reader.command("GET", key) == value, 5, f"{key} arrives at the reader")


class ReadsFromReplicas(Readers):
    def test_who_waits_in_a_node_is_let_go_there_from_either_port(self):
        """Each node numbers its connections for itself, so the number means nothing to the other."""
        with Client(self.portal.port) as writer, self.reader() as reader, Client(self.portal.port) as popper, self.reader() as waiter:
            for asker in (writer, reader):
                for client, words in ((waiter, ("XREAD", "BLOCK", "0", "STREAMS", "s", "$")), (popper, ("BLPOP", "q", "0"))):
                    client.send(*words)
                ids = {}
                for client, command in ((waiter, "xread"), (popper, "blpop")):
                    def listed():
                        lines = writer.command("CLIENT", "LIST").decode().splitlines() + reader.command("CLIENT", "LIST").decode().splitlines()
                        found = [line for line in lines if f" cmd={command} " in line and " flags=b " in line]
                        ids[client] = found[0].split()[0].removeprefix("id=") if found else None
                        return found
                    wait_until(listed, 5, f"{command} waits")
                for client in (waiter, popper):
                    self.assertEqual(1, asker.command("CLIENT", "UNBLOCK", ids[client]))
                    self.assertIsNone(client.read())
                    self.assertEqual(0, asker.command("CLIENT", "UNBLOCK", ids[client]))

    def test_reads_go_to_the_replica_and_writes_are_refused(self):
        leader, replica = self.leader()
        with Client(self.portal.port) as writer, self.reader() as reader:
            self.assertIs(self.served_by(writer), leader)
            self.assertIs(self.served_by(reader), replica)
            writer.command("SET", "key", "value")
            self.read(reader, "key", b"value")
            self.assertEqual(reader.command("ROLE")[0], b"slave")
            self.assertIn(b"replica", reader.command("HELLO", "2"))
            digest = reader.command("SCRIPT", "LOAD", "return redis.call('GET', KEYS[1])")
            self.assertEqual(reader.command("EVALSHA_RO", digest, "1", "key"), b"value")
            for words in (("SET", "key", "other"), ("EVAL", "return 1", "0"), ("GETDEL", "key"), ("BLPOP", "list", "0"), ("PUBLISH", "a", "b"),
                          ("FLUSHALL",), ("SET", "large", random_bytes(1_000_000)), ("NO-SUCH-COMMAND",)):
                with self.subTest(command=words[0]):
                    self.assertEqual(reader.command(*words), READ_ONLY)
            self.assertEqual(reader.command("GET", "key"), b"value")

    def test_a_transaction_with_a_write_is_aborted_and_one_of_reads_runs(self):
        with Client(self.portal.port) as writer, self.reader() as reader:
            writer.command("SET", "key", "1")
            self.read(reader, "key", b"1")
            self.assertEqual(reader.command("MULTI"), "OK")
            self.assertEqual(reader.command("GET", "key"), "QUEUED")
            self.assertEqual(reader.command("EXEC"), [b"1"])
            reader.command("MULTI")
            self.assertEqual(reader.command("SET", "key", "2"), READ_ONLY)
            self.assertIn("EXECABORT", reader.command("EXEC").text)
            in_one_piece = reader.pipeline([("MULTI",), ("GET", "key"), ("SET", "key", "2"), ("EXEC",)])
            self.assertEqual(in_one_piece[:3], ["OK", "QUEUED", READ_ONLY])
            self.assertIn("EXECABORT", in_one_piece[3].text)
            self.assertEqual(reader.command("GET", "key"), b"1")

    def test_subscribers_there_hear_what_is_published_at_the_leader(self):
        with Client(self.portal.port) as writer, self.reader() as reader:
            reader.command("SUBSCRIBE", "news")
            writer.command("PUBLISH", "news", "hello")
            self.assertEqual(reader.read(), [b"message", b"news", b"hello"])

    def test_without_a_replica_the_leader_serves_readers_and_still_nobody_writes_there(self):
        leader, replica = self.leader()
        with Client(self.portal.port) as writer, self.reader() as reader:
            writer.command("SET", "key", "value")
            self.read(reader, "key", b"value")
            replica.process.kill()
            replica.process.wait()
            self.assertEqual(reader.command("GET", "key"), b"value")
            self.assertIs(self.served_by(reader), leader)
            for words in (("SET", "key", "other"), ("EVAL", "return redis.call('SET', 'key', 'other')", "0")):
                self.assertEqual(reader.command(*words), READ_ONLY)
            replica.process = start_process(replica.process.args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until(lambda: self.served_by(reader) is replica, 20, "readers go to the replica again")
            self.read(reader, "key", b"value")

    def test_a_replica_that_is_started_again_without_its_data_is_not_read_from(self):
        """It answers at once, and the monitor finds out a moment later that it is another process."""
        leader, replica = self.leader()
        with Client(self.portal.port) as writer, self.reader() as reader:
            writer.command("SET", "key", "value")
            self.read(reader, "key", b"value")
            for _ in range(5):
                wait_until(lambda: self.served_by(reader) is replica, 20, "readers go to the replica")
                replica.process.kill()
                replica.process.wait()
                replica.process = start_process(replica.process.args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                ends = time.monotonic() + 1
                answers = set()
                while time.monotonic() < ends:
                    answers.add(reader.command("GET", "key"))
                self.assertEqual({b"value"}, answers)

    def test_readers_stay_connected_when_their_replica_becomes_the_leader(self):
        leader, replica = self.leader()
        with Client(self.portal.port) as writer, self.reader() as reader:
            writer.command("SET", "key", "value")
            self.read(reader, "key", b"value")
            leader.process.kill()
            leader.process.wait()
            self.assertEqual(reader.command("GET", "key"), b"value")
            self.assertEqual(writer.command("SET", "key", "next"), "OK")
            self.read(reader, "key", b"next")
            self.assertEqual(reader.command("SET", "key", "other"), READ_ONLY)
            leader.process = start_process(leader.process.args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until(lambda: self.served_by(reader) is leader, 20, "the node that led serves readers")
            self.read(reader, "key", b"next")


class BackupsFromReplicas(Readers):
    settings = (*TIMES, "commands: {replication: on}")

    def test_a_backup_is_taken_from_the_replica(self):
        leader, replica = self.leader()
        with Client(self.portal.port) as writer:
            for number in range(100):
                writer.command("SET", f"key:{number}", random_bytes(1000))
            writer.command("WAIT", "1", "5000")
        file = self.portal.dir / "dump.rdb"
        fetched = subprocess.run(["redis-cli", "--tls", "--cacert", str(self.portal.dir / "ca.crt"), "-p", str(self.portal.tls_port), "--rdb", str(file)],
                                 capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(0, fetched.returncode, fetched.stderr)
        read = subprocess.run(["redis-check-rdb", str(file)], capture_output=True, timeout=60, text=True)
        self.assertIn("100 keys read", read.stdout)
        with Client(replica.port) as at_replica, Client(leader.port) as at_leader:
            syncs = [dict(line.split(b":", 1) for line in client.command("INFO", "stats").splitlines() if b":" in line)[b"sync_full"]
                     for client in (at_leader, at_replica)]
        self.assertEqual([b"1", b"1"], syncs, "the replica took its data from the leader, and gave them to the client")


if __name__ == "__main__":
    unittest.main()
