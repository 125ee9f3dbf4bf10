"""redis-cli, as a person uses it, through both portals."""

import os
import subprocess
import tempfile
import unittest

from portal_support import DemoTestCase


class RedisCli(DemoTestCase):
    def run_cli(self, *arguments, portal=0, data=None):
        return subprocess.run(
            ["redis-cli", "--tls", "--cacert", self.demo.ca_file, "-p", str(self.demo.portals[portal].port), *arguments],
            env={**os.environ, "REDISCLI_AUTH": self.demo.password}, input=data, capture_output=True, timeout=60)

    def cli(self, *arguments, portal=0, data=None):
        """Standard output of redis-cli, which must succeed and must not complain."""
        ended = self.run_cli(*arguments, portal=portal, data=data)
        self.assertEqual((0, b""), (ended.returncode, ended.stderr), ended.stdout)
        return ended.stdout.decode().rstrip("\n")

    def test_the_printed_line_works_when_pasted(self):
        lines = [line.strip() for line in self.demo.printed().splitlines() if " redis-cli " in line]
        self.assertEqual(len(self.demo.portals), len(lines))
        for line in lines:
            ended = subprocess.run(["bash", "-c", line + " PING"], capture_output=True, text=True, timeout=30)
            self.assertEqual((0, "PONG\n", ""), (ended.returncode, ended.stdout, ended.stderr))

    def test_what_one_portal_wrote_the_other_reads(self):
        self.assertEqual("OK", self.cli("SET", "greeting", "hello", portal=0))
        self.assertEqual("hello", self.cli("GET", "greeting", portal=1))

    def test_resp3(self):
        self.cli("HSET", "hash", "field", "value")
        self.assertEqual('1# "field" => "value"', self.cli("-3", "--no-raw", "HGETALL", "hash"))

    def test_another_database(self):
        self.cli("-n", "3", "SET", "only in 3", "1")
        self.assertEqual("1", self.cli("-n", "3", "EXISTS", "only in 3"))
        self.assertEqual("0", self.cli("EXISTS", "only in 3"))

    def test_mass_insertion_by_pipe(self):
        data = b"".join(b"*3\r\n$3\r\nSET\r\n$9\r\npipe:%04d\r\n$4\r\n%04d\r\n" % (i, i) for i in range(5000))
        self.assertIn("errors: 0, replies: 5000", self.cli("--pipe", data=data))
        self.assertEqual("5000", self.cli("EVAL", "return #redis.call('KEYS', 'pipe:*')", "0"))

    def test_a_value_of_some_megabytes(self):
        value = os.urandom(4 << 20).hex().encode()
        self.assertEqual("OK", self.cli("-x", "SET", "big", data=value))
        self.assertEqual(value.decode(), self.cli("GET", "big", portal=1))

    def test_scan_and_info(self):
        self.cli("MSET", *[word for i in range(50) for word in (f"scan:{i}", "1")])
        self.assertEqual({f"scan:{i}" for i in range(50)}, set(self.cli("--scan", "--pattern", "scan:*").splitlines()))
        self.assertIn("role:master", self.cli("INFO", "replication"))

    def test_several_commands_on_standard_input(self):
        self.assertEqual("OK\nOK\nQUEUED\n2", self.cli(data=b"SET n 1\nMULTI\nINCR n\nEXEC\n"))

    def test_the_stream_of_a_replica_is_refused_at_once(self):
        with tempfile.TemporaryDirectory(prefix="redis-portal-rdb.") as folder:
            for arguments in (["--rdb", f"{folder}/all.rdb"], ["--replica"], ["SYNC"], ["PSYNC", "?", "-1"]):
                ended = self.run_cli(*arguments, data=b"")
                self.assertEqual(1, ended.returncode, arguments)
                self.assertIn(b"SYNC with master failed: -DENIED this portal carries no replication (commands.replication: off): connect to a node itself for ", ended.stderr)
            ended = self.run_cli("--functions-rdb", f"{folder}/functions.rdb", data=b"")
            self.assertEqual(1, ended.returncode)
            self.assertIn(b"DENIED this portal carries no replication", ended.stderr)


if __name__ == "__main__":
    unittest.main()
