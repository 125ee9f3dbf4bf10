"""Replicas behind a portal (`commands.replication: on`): redis-cli --rdb and --replica, and redis-servers that follow a portal."""

import os
import select
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from other_servers import NotAvailable, of_suite
from portal_support import DemoTestCase, free_base_port, start_process, wait_until
from resp_client import Client


class Stranger:
    """A redis-server that no portal has configured, and which replicates from one."""

    def __init__(self, test, portal, user="default", password=None, server="redis-server", options=()):
        self.folder = Path(tempfile.mkdtemp(prefix="redis-portal-stranger."))
        self.port = free_base_port(1, 1)
        certificates = portal.demo.dir / "certs"  # it wants a certificate of its own, whoever asks for it
        settings = ["--port", self.port, "--dir", self.folder, "--save", "", "--loglevel", "verbose", "--logfile", self.folder / "log",
                    "--tls-replication", "yes", "--tls-ca-cert-file", portal.demo.ca_file, "--tls-auth-clients", "no",
                    "--tls-cert-file", certificates / "tls.crt", "--tls-key-file", certificates / "tls.key",
                    "--masteruser", user, "--masterauth", password or portal.demo.password, "--repl-diskless-load", "swapdb", *options]
        self.process = start_process([server, *map(str, settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        test.addCleanup(self.end)
        wait_until(lambda: self.ask("PING") == "PONG" or self.process.poll() is not None, 10, "the stranger answers")
        test.assertIsNone(self.process.poll(), self.log())
        self.ask("REPLICAOF", "127.0.0.1", portal.port)

    def ask(self, *words):
        try:
            with Client(self.port, timeout=5) as client:
                return client.command(*words)
        except (OSError, AssertionError):
            return None

    def follows(self):
        return b"master_link_status:up" in (self.ask("INFO", "replication") or b"")

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def end(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class ReplicationTestCase(DemoTestCase):
    settings = ("commands.replication=on", "threads=1")

    def setUp(self):
        super().setUp()
        wait_until(lambda: all(node["in_sync"] for node in self.demo.portals[0].status()["topology"]["nodes"]), 30, "all nodes are in sync")

    def cli(self, *arguments, user=None, password=None, portal=0):
        login = [] if user is None else ["--user", user]
        return ["redis-cli", "--tls", "--cacert", str(self.demo.ca_file), "-p", str(self.demo.portals[portal].port), *login, *arguments]

    def environment(self, password=None):
        return {**os.environ, "REDISCLI_AUTH": password or self.demo.password}

    def run_cli(self, *arguments, password=None, **options):
        return subprocess.run(self.cli(*arguments, **options), env=self.environment(password), capture_output=True, timeout=60, stdin=subprocess.DEVNULL)

    def listed(self):
        """The replicas that the leader lists, as dicts."""
        report = self.demo.leader().replication()
        return [dict(field.split("=", 1) for field in value.split(",")) for key, value in report.items()
                if key.startswith("slave") and key[5:].isdigit()]


class Replication(ReplicationTestCase):
    def test_all_data_are_fetched_as_a_file(self):
        client = self.client()
        for i in range(20):
            client.command("SET", f"rdb:{i}", os.urandom(1 << 20).hex())
        with tempfile.TemporaryDirectory(prefix="redis-portal-rdb.") as folder:
            ended = self.run_cli("--rdb", f"{folder}/all.rdb", portal=1)
            self.assertEqual(0, ended.returncode, ended.stderr)
            checked = subprocess.run(["redis-check-rdb", f"{folder}/all.rdb"], capture_output=True, text=True, timeout=30)
            self.assertIn("RDB looks OK!", checked.stdout)
            ended = self.run_cli("--functions-rdb", f"{folder}/functions.rdb")
            self.assertEqual(0, ended.returncode, ended.stderr)
        wait_until(lambda: len(self.listed()) == 1, 10, "nothing of it is left at the leader")

    def test_a_command_line_shows_the_stream(self):
        reader = start_process(self.cli("--replica"), env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(reader.stdout.close)
        self.addCleanup(reader.wait)
        self.addCleanup(reader.kill)
        seen = b""

        def shows(text):
            nonlocal seen
            if select.select([reader.stdout], [], [], 0.2)[0]:
                seen += os.read(reader.stdout.fileno(), 65536)
            return text in seen
        wait_until(lambda: shows(b"SYNC done"), 20, "the stream has begun")
        client = self.client(portal=1)
        self.assertEqual("OK", client.command("SET", "seen in the stream", "1"))
        wait_until(lambda: shows(b"seen in the stream"), 10, "the write is in the stream")
        self.assertEqual([("127.0.0.1", "0")], [(each["ip"], each["port"]) for each in self.listed() if each["port"] == "0"])

    def test_a_redis_server_follows_a_portal_and_comes_back_at_the_next_leader(self):
        client = self.client()
        client.command("SET", "before", "1")
        stranger = Stranger(self, self.demo.portals[1])
        wait_until(stranger.follows, 20, "the stranger follows")
        wait_until(lambda: stranger.ask("GET", "before") == b"1", 10, "it has the data")
        wait_until(lambda: any(each["port"] == "0" and each["state"] == "online" for each in self.listed()), 10, "the leader lists it")
        replicas = self.client().command("CLIENT", "LIST", "TYPE", "replica")
        self.assertEqual(0, replicas.count(b"\n"), "it is a client of the other portal")

        for kill in (False, True):
            old, new = self.demo.change_leader(kill)
            self.assertEqual("OK", client.command("SET", f"under the next {kill}", "1"))
            wait_until(lambda: stranger.ask("GET", f"under the next {kill}") == b"1", 30, "it follows the next leader")
            self.demo.settle(old, new, kill)
        for portal in self.demo.portals:
            nodes = portal.status()["topology"]["nodes"]
            self.assertEqual({node.name for node in self.demo.nodes}, {node["name"] for node in nodes})

    def test_the_link_of_another_client_is_as_good_as_a_new_one(self):
        """Redis gives no stream while an answer is still to come on the connection, be it to a question of the portal's own."""
        for _ in range(5):
            with self.demo.portals[0].client() as other, self.demo.portals[0].client() as reader:
                self.assertEqual(["OK", "OK"], other.pipeline([("WATCH", "k"), ("UNWATCH",)]))
                reader.send("PSYNC", "?", "-1")
                self.assertIn("FULLRESYNC", reader.read())

    def test_no_write_is_proved_by_a_stranger(self):
        """A stranger says of itself that it is the node that is away; see ProvenByNodes for what follows of it."""
        with self.demo.portals[0].client() as client:
            node = next(each for each in self.demo.nodes if each is not self.demo.leader())
            self.assertEqual("OK", client.command("REPLCONF", "listening-port", node.port, "ip-address", "127.0.0.1"))
            client.send("PSYNC", "?", "-1")
            wait_until(lambda: any(each["port"] == "0" for each in self.listed()), 10, "it is listed")
            self.assertEqual(1, sum(each["port"] == str(node.port) for each in self.listed()))

    def test_a_user_without_the_right_hears_redis_and_leaves_nothing_behind(self):
        client = self.client()
        for node in self.demo.nodes:
            with node.client() as direct:
                direct.command("ACL", "SETUSER", "plain", "on", ">secret", "~*", "+@all", "-psync", "-sync", "-replconf")
                direct.command("ACL", "SETUSER", "replica", "on", ">secret", "+psync", "+replconf", "+ping")
        with self.demo.portals[0].client(username="plain", password="secret") as plain:
            for words in (("SYNC",), ("PSYNC", "?", "-1"), ("REPLCONF", "capa", "eof"), ("REPLCONF", "listening-port", "1")):
                self.assertIn("NOPERM", str(plain.command(*words)), words)
            self.assertEqual("OK", plain.command("SET", "k", "v"))
            self.assertEqual(1, len(self.listed()))
        ended = self.run_cli("--rdb", "/dev/null", user="plain", password="secret")
        self.assertEqual(1, ended.returncode)
        self.assertIn(b"NOPERM", ended.stderr)

        stranger = Stranger(self, self.demo.portals[0], user="replica", password="secret")
        client.command("SET", "for those who may", "1")
        wait_until(lambda: stranger.ask("GET", "for those who may") == b"1", 30, "three rights are enough")
        self.assertIn(b" flags=S ", client.command("CLIENT", "LIST", "TYPE", "replica"))

    def test_a_replica_that_stands_still_holds_nobody_up(self):
        stranger = Stranger(self, self.demo.portals[0])
        wait_until(stranger.follows, 20, "the stranger follows")
        os.kill(stranger.process.pid, 19)
        client = self.client()
        value = "v" * (1 << 20)
        memory = self.memory(self.demo.portals[0])
        for i in range(100):
            self.assertEqual("OK", client.command("SET", f"still:{i % 8}", value))
        self.assertLess(self.memory(self.demo.portals[0]) - memory, 32 << 20)
        os.kill(stranger.process.pid, 18)
        client.command("SET", "still:last", "1")
        wait_until(lambda: stranger.ask("GET", "still:last") == b"1", 30, "it catches up")

    @staticmethod
    def memory(portal):
        return int(Path(f"/proc/{portal.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def test_newer_servers_follow_a_portal(self):
        """Redis 8.0 and Valkey 8.1 ask in their own ways (a channel of its own for the data), where the node knows them."""
        missing = []
        for kind in ("redis", "valkey"):
            try:
                server = of_suite(kind, "trixie")
            except NotAvailable as reason:
                missing.append(str(reason))
                continue
            stranger = Stranger(self, self.demo.portals[0], server=server)
            self.client().command("SET", f"for {kind}", "1")
            wait_until(lambda: stranger.ask("GET", f"for {kind}") == b"1", 30, f"{kind} has it")
        if missing:
            self.skipTest("; ".join(missing))


class ReplicasOfAPortalThatDrains(ReplicationTestCase):
    def test_a_portal_that_drains_lets_the_stream_go_at_its_end(self):
        stranger = Stranger(self, self.demo.portals[1])
        wait_until(stranger.follows, 20, "the stranger follows")
        os.kill(self.demo.portals[1].pid, 15)
        wait_until(lambda: not Path(f"/proc/{self.demo.portals[1].pid}/stat").exists() or
                   Path(f"/proc/{self.demo.portals[1].pid}/stat").read_text().split()[2] == "Z", 60, "the portal has ended")
        wait_until(lambda: len(self.listed()) == 1, 10, "nothing of it is left at the leader")


class ProvenByNodes(ReplicationTestCase):
    settings = ("commands.replication=on", "writes.proven=strict", "hold.time=2s")

    def test_a_stranger_confirms_no_write(self):
        client = self.client()
        self.assertEqual("OK", client.command("SET", "k", "1"))
        stranger = Stranger(self, self.demo.portals[1], options=("--replica-announce-port", next(
            node.port for node in self.demo.nodes if node is not self.demo.leader()), "--replica-announce-ip", "127.0.0.1"))
        wait_until(stranger.follows, 20, "the stranger follows")
        node = next(each for each in self.demo.nodes if each is not self.demo.leader())
        node.kill()
        self.assertIn("NOPROOF", str(client.command("SET", "k", "2")))
        node.restart()
        wait_until(lambda: client.command("SET", "k", "3") == "OK", 30, "a node confirms")


if __name__ == "__main__":
    unittest.main()
