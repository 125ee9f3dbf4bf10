"""A portal that may open few files: clients get what the portal can spare, and it goes on forwarding."""

import tempfile
import unittest
from pathlib import Path

import yaml

from portal_support import PROGRAM, DemoTestCase, Portal, free_base_port, start_process, wait_until
from resp_client import Client, RespError

LIMIT, SESSIONS = 128, 64


class FewDescriptors(DemoTestCase):
    portals = 1

    def start(self, files):
        port = free_base_port(0, 1)
        folder = Path(tempfile.mkdtemp(dir=self.demo.dir))
        config = yaml.safe_load((self.demo.dir / "portal-0/portal.yaml").read_text())
        config |= {"name": "poor", "admin": {"address": f"127.0.0.1:{port + 3000}"}, "listen": [{"address": f"127.0.0.1:{port}", "tls": None}]}
        (folder / "portal.yaml").write_text(yaml.safe_dump(config))
        limited = ["sh", "-c", f'ulimit -n {files}; exec "$0" serve --config "$1"', PROGRAM, str(folder / "portal.yaml")]
        process = start_process(limited, stderr=open(folder / "portal.log", "w"), text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        portal = Portal({"name": "poor", "port": port, "admin_port": port + 3000, "pid": process.pid, "log": folder / "portal.log"}, self.demo)
        return portal, process

    def ready(self, portal):
        try:
            return portal.get("/readyz")[0] == 200
        except OSError:
            return False

    def test_admits_fewer_sessions_and_goes_on(self):
        portal, process = self.start(LIMIT)
        wait_until(lambda: self.ready(portal), 20, "the portal is ready")
        self.assertEqual(SESSIONS, portal.status()["sessions"]["limit"])
        clients = [Client(portal.port, timeout=10) for _ in range(SESSIONS)]
        for client in clients:
            self.addCleanup(client.close)
            self.assertEqual("OK", client.command("AUTH", self.demo.password))
        with Client(portal.port, timeout=10) as refused:
            self.assertEqual(RespError("ERR max number of clients reached"), refused.read())
        calls = lambda: portal.status()["topology"]["arbiter_calls"]
        before = calls()
        wait_until(lambda: calls()["mark"]["ok"] > before["mark"]["ok"] + 2, 20, "the record is confirmed")
        self.assertEqual(0, calls()["mark"]["error"] + calls()["read"]["error"])
        self.assertEqual("OK", clients[0].command("SET", "k", "v"))
        self.assertIn("fewer sessions are admitted", portal.log.read_text())

    def test_says_when_they_are_too_few(self):
        portal, process = self.start(20)
        self.assertEqual(1, process.wait(20))
        said = portal.log.read_text()
        self.assertIn("raise the hard limit of open files", said.splitlines()[-1])
        self.assertNotIn("terminate called", said)


if __name__ == "__main__":
    unittest.main()
