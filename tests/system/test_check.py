"""`redis-portal check`, with `--connect`, and the words of the command line that a person may get wrong."""

import subprocess
import unittest

import yaml

from portal_support import PROGRAM, demo_for, free_base_port, start_process, wait_until
from resp_client import Client
from server_pair import free_ports


def run(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


class Check(unittest.TestCase):
    def configured(self, demo, **sections):
        path = demo.dir / "checked.yaml"
        config = yaml.safe_load((demo.dir / "portal-0/portal.yaml").read_text()) | {"name": "checked"} | sections
        path.write_text(yaml.safe_dump(config))
        return str(path)

    def expect_problem(self, file, *words, connect=False):
        code, _, complaint = run("check", "--config", file, *(["--connect"] if connect else []))
        self.assertEqual(1, code, complaint)
        for word in words:
            self.assertIn(word, complaint)

    def test_what_check_finds_and_what_connect_finds_beside_it(self):
        demo = demo_for(self, portals=1)
        wait_until(lambda: demo.portals[0].status()["state"] == "ready", 20, "all is well")
        good = self.configured(demo)
        before = sorted(path.name for path in (demo.dir / "arbiter").rglob("*"))
        code, said, complaint = run("check", "--config", good, "--connect")
        self.assertEqual((0, ""), (code, complaint), said)
        for words in ("redis-0 answers at 127.0.0.1:", "redis-1 answers at", "leads", "follows 127.0.0.1:", "answers: epoch 1, leader redis-0", "the certificate of"):
            self.assertIn(words, said)
        after = sorted(path.name for path in (demo.dir / "arbiter").rglob("*"))
        self.assertEqual([name for name in before if not name.startswith("record")], [name for name in after if not name.startswith("record")], "nothing is left behind")
        nodes = yaml.safe_load((demo.dir / "portal-0/portal.yaml").read_text())["nodes"]

        # A command that no server knows.
        self.expect_problem(self.configured(demo, commands={"deny": ["flushal"]}), "commands.deny[0]", "did you mean flushall?")
        self.expect_problem(self.configured(demo, commands={"deny": ["shutdown", "config|sett"]}), "commands.deny[1]", "did you mean config|set?")
        self.assertEqual(0, run("check", "--config", self.configured(demo, commands={"deny": ["module:ft.search", "debug|sleep", "config|set"]}))[0])

        # Nodes that are not there, that refuse the login, that are one, and that run in cluster mode.
        nowhere = free_base_port(0, 1)
        self.expect_problem(self.configured(demo, nodes=[nodes[0], {"name": "redis-1", "address": f"127.0.0.1:{nowhere}"}]), "nodes[1].address: redis-1 cannot be reached", "refused", connect=True)
        self.expect_problem(self.configured(demo, nodes=[nodes[0], {"name": "redis-1", "address": "no-such-host.invalid:6379"}]), "nodes[1].address: redis-1 cannot be reached", connect=True)
        self.expect_problem(self.configured(demo, monitor={"password": "wrong"}), "redis-0 refuses the monitor's login", "WRONGPASS", connect=True)
        self.expect_problem(self.configured(demo, nodes=[nodes[0], {"name": "redis-1", "address": nodes[0]["address"].replace("127.0.0.1", "localhost")}]), "redis-0 and redis-1 lead to one process", connect=True)
        port, bus = free_ports(2)  # by default the bus would be at a port that any outgoing connection may have
        cluster = start_process(["redis-server", "--port", str(port), "--cluster-enabled", "yes", "--cluster-port", str(bus), "--dir", str(demo.dir), "--save", "", "--requirepass", demo.password], stdout=subprocess.DEVNULL)
        self.addCleanup(cluster.wait)
        self.addCleanup(cluster.kill)
        wait_until(lambda: self.answers(port, demo.password), 10, "the node in cluster mode answers")
        self.expect_problem(self.configured(demo, arbiter={"etcd": {"endpoints": [f"http://127.0.0.1:{nowhere}"]}}), "arbiter: etcd", "cannot be used", connect=True)
        clustered = self.configured(demo, nodes=[{"name": "redis-0", "address": f"127.0.0.1:{port}"}], arbiter={"file": {"path": str(demo.dir / "another-record")}},
                                    admin={"address": f"127.0.0.1:{nowhere}"}, listen=[{"address": f"127.0.0.1:{nowhere + 1}", "tls": None}])
        self.expect_problem(clustered, "runs in cluster mode", "cluster-enabled no", connect=True)

        # serve refuses it on purpose, too, and says so.
        portal = start_process([PROGRAM, "serve", "--config", clustered], stderr=open(demo.dir / "clustered.log", "w"))
        self.addCleanup(portal.wait)
        self.addCleanup(portal.kill)
        wait_until(lambda: "redis-0 runs in cluster mode" in (demo.dir / "clustered.log").read_text(), 15, "the log names the node")
        code, line, _ = run("status", "--check", "--admin", f"127.0.0.1:{nowhere}")
        self.assertEqual(2, code)
        self.assertIn("redis-0 runs in cluster mode", line)

    def answers(self, port, password):
        try:
            with Client(port, password=password):
                return True
        except (OSError, AssertionError):
            return False

    def test_words_that_are_nearly_right(self):
        for wrong, meant in (("chek", "check"), ("serv", "serve"), ("staus", "status")):
            code, _, complaint = run(wrong)
            self.assertEqual(2, code)
            self.assertIn(f"did you mean {meant}?", complaint)
        code, _, complaint = run("certs", "shw")
        self.assertEqual(2, code)
        self.assertIn("did you mean show?", complaint)
        self.assertNotIn("did you mean", run("frobnicate")[2])


if __name__ == "__main__":
    unittest.main()
