"""The Redis password changes while portals run: noticed before a failover needs it, and taken over without a restart."""

import unittest

from portal_support import demo_for, report, wait_until
from resp_client import Client, RespError

import time


class PasswordChange(unittest.TestCase):
    def login_ok(self, portal, node):
        return {each["name"]: each.get("login_ok") for each in portal.status()["topology"]["nodes"]}[node.name]

    def test_a_password_that_a_client_changes_is_noticed_and_a_new_file_cures_it(self):
        demo = demo_for(self)
        portals = demo.portals
        wait_until(lambda: all(self.login_ok(portal, node) for portal in portals for node in demo.nodes), 15, "the logins are good")
        self.assertEqual(2, portals[0].metric("redis_portal_credentials_ok"))
        leader, epoch = demo.leader(), portals[0].status()["topology"]["epoch"]
        with portals[0].client() as client:
            changed = time.monotonic()
            self.assertEqual("OK", client.command("CONFIG", "SET", "requirepass", "brand-new-secret"))
            for portal in portals:
                wait_until(lambda: self.login_ok(portal, leader) is False, 40, f"{portal.name} notices", every=0.2)
            report(f"a changed password was noticed after {time.monotonic() - changed:.1f} s")
        self.assertEqual(0, portals[0].metric("redis_portal_credentials_ok", backend=leader.name))
        for portal in portals:
            errors = [line for line in portal.log.read_text().splitlines() if "level=error" in line and "refuses the monitor's login" in line]
            self.assertTrue(errors and "WRONGPASS" in errors[0], portal.log.read_text()[-2000:])
            self.assertNotIn("brand-new-secret", portal.log.read_text())
        code, body = portals[0].post("/switchover")
        self.assertEqual(403, code, "over the port without a token")
        with self.assertRaises(Exception):
            portals[0].switchover()
        self.assertEqual(epoch, portals[0].status()["topology"]["epoch"], "nobody had to stop for it")

        # The cure: the same password on every node, and in the portals' file.
        replica = next(node for node in demo.nodes if node is not leader)
        for node in (leader, replica):
            with Client(node.port, password="brand-new-secret" if node is leader else demo.password) as client:
                for key in ("masterauth", "requirepass"):
                    self.assertNotIsInstance(client.command("CONFIG", "SET", key, "brand-new-secret"), RespError)
            node.password = "brand-new-secret"
        (demo.dir / "password").write_text("brand-new-secret\n")
        demo.password = "brand-new-secret"
        for portal in portals:
            wait_until(lambda: all(self.login_ok(portal, node) for node in demo.nodes), 40, f"{portal.name} logs in again", every=0.2)
        portals[0].switchover()
        self.assertEqual(replica.name, demo.leader().name)
        with portals[1].client() as client:
            self.assertEqual(1, client.command("INCR", "still-served"))


if __name__ == "__main__":
    unittest.main()
