"""redis-benchmark with all its default tests, through a portal, many clients and pipelined."""

import subprocess
import unittest

from portal_support import DemoTestCase, report


class RedisBenchmark(DemoTestCase):
    def run_benchmark(self, *arguments):
        for portal in self.demo.portals:
            ended = subprocess.run(
                ["redis-benchmark", "-h", "127.0.0.1", "-p", str(portal.port), "--tls", "--cacert", self.demo.ca_file,
                 "-a", self.demo.password, "--csv", *arguments],
                capture_output=True, text=True, timeout=120)
            output = ended.stdout + ended.stderr
            self.assertEqual(0, ended.returncode, output)
            self.assertNotIn("error", output.lower())
            rows = ended.stdout.splitlines()[1:]
            self.assertGreater(len(rows), 15, output)
            figures = [row.replace('"', "").rsplit(",", 7) for row in rows]
            report(f"{portal.name} {' '.join(arguments)}: {len(rows)} tests; " +
                   ", ".join(f"{name.split(' ')[0]} {float(rate):.0f}/s" for name, rate, *_ in figures[:4]))

    def test_fifty_clients(self):
        self.run_benchmark("-c", "50", "-n", "2000")

    def test_fifty_clients_with_sixteen_commands_at_a_time(self):
        self.run_benchmark("-c", "50", "-P", "16", "-n", "16000")


if __name__ == "__main__":
    unittest.main()
