"""The command table against COMMAND of every server that this machine can run: the check itself is the program that COMMAND_TABLE_TEST names."""

import os
import subprocess
import unittest

from other_servers import NotAvailable, of_suite
from portal_support import report

# Names of servers and of the Debian that has them: 13 is released, the newest of all is in the one that never is.
RELEASED, NEWEST = "trixie", "sid"

# It changes from day to day, and no change of ours may fail because of that.
moving = unittest.skipUnless(os.environ.get("REDIS_PORTAL_NEWEST"), "REDIS_PORTAL_NEWEST is not set: the newest servers of Debian are left out")


class CommandTable(unittest.TestCase):
    def agree(self, kind, suite):
        program = os.environ.get("COMMAND_TABLE_TEST")
        if not program:
            self.skipTest("COMMAND_TABLE_TEST does not name the program that compares")
        try:
            server = of_suite(kind, suite)
        except NotAvailable as reason:
            self.skipTest(str(reason))
        run = subprocess.run([program], env={**os.environ, "COMMAND_TABLE_SERVER": server}, capture_output=True, text=True, timeout=60)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        (said,) = [line for line in run.stdout.splitlines() if "commands and subcommands" in line]
        version = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10).stdout.split(" sha=")[0]
        report(f"{version.strip()}: {said.split(': ', 1)[1]}")

    def test_redis_8_0(self):
        self.agree("redis", RELEASED)

    def test_valkey_8_1(self):
        self.agree("valkey", RELEASED)

    @moving
    def test_the_newest_redis_of_debian(self):
        self.agree("redis", NEWEST)

    @moving
    def test_the_newest_valkey_of_debian(self):
        self.agree("valkey", NEWEST)


if __name__ == "__main__":
    unittest.main()
