"""Users (ACL), which Redis does not replicate, are equal on all nodes: they log in at whoever leads.

What would break it, each with a test here or in tests/unit/sentinel/node_users_test.cpp: a leader that dies right after its answer; the other
portal's client; a leader that restarts without users that it was given; users that only a replica had before; the monitor's own user; names of
odd bytes, selectors, users that are off or have no password; a node that may not be asked; a file that is cut short or names an unknown command.
"""

import hashlib
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

from arbiter_cluster import Node, Portal, free_ports
from portal_support import wait_until
from resp_client import Client, RespError

ALL = "~* &* +@all"
# What the monitor may do without users: see docs/use/configuration.md.
FEW = "+info +replicaof +failover +client|pause +client|unpause"


class Users(unittest.TestCase):
    def start(self, acl=None, monitor_rules=(ALL, ALL), users=("", ""), options=(), portals=2):
        self.folder = Path(tempfile.mkdtemp(prefix="redis-portal-test."))
        self.addCleanup(self.clean_up)
        base = free_ports()
        self.nodes = [Node(f"redis-{i}", base + 10 + i, self.folder, ["--user", *f"portal on >m0nitor-secret {monitor_rules[i]}".split(),
                                                                      *users[i].split(), *options]) for i in range(2)]
        sections = {} if acl is None else {"acl": acl}
        self.portals = [Portal(f"portal-{i}", base + i, base + 30 + i, self.folder, self.nodes, {"file": {"path": str(self.folder / "record")}},
                               {"username": "portal", "password": "m0nitor-secret"}, sections=sections) for i in range(portals)]
        for process in [*self.nodes, *self.portals]:
            process.start()
        wait_until(lambda: self.leader() is not None, 30, "the portals know the leader")
        self.in_sync()

    def clean_up(self):
        for process in [*self.portals, *self.nodes]:
            process.kill()
        text = "".join(log.read_text(errors="replace") for log in sorted(self.folder.glob("portal-*.log")))
        outcome = self._outcome.result
        if outcome.failures or outcome.errors:
            print(text[-8000:], file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)
        for secret in ("s3cret", "m0nitor-secret", hashlib.sha256(b"s3cret").hexdigest(), hashlib.sha256(b"n3w-s3cret").hexdigest()):
            self.assertNotIn(secret, text)

    def leader(self):
        names = {portal.topology().get("leader", "") for portal in self.portals if portal.process is not None}
        return next((node for node in self.nodes if names == {node.name}), None)

    def replica(self):
        leader = self.leader()
        return next(node for node in self.nodes if node is not leader)

    def in_sync(self):
        for portal in self.portals:
            wait_until(lambda portal=portal: len([n for n in portal.topology().get("nodes", []) if n["in_sync"]]) == 2, 30, "both are in sync")

    def acting(self):
        return wait_until(lambda: next((portal for portal in self.portals if portal.topology().get("acting_here")), None), 10, "one acts")

    def compared(self):
        """Until the acting portal has found both nodes equal, so that it knows what they have."""
        wait_until(lambda: list(self.acting().topology()["users"]["equal"].values()) == [True, True], 15, "users are compared")

    def users(self, node):
        with node.client() as client:
            return {line.split(b" ", 2)[1]: line for line in client.command("ACL", "LIST")}

    def acl(self, node_or_portal, *words):
        with node_or_portal.client() as client:
            reply = client.command("ACL", *words)
        self.assertFalse(isinstance(reply, RespError), reply)
        return reply

    def logs_in(self, portal, name="app", password="s3cret"):
        """What an application gets at its first try, which waits until there is a leader."""
        with Client(portal.port) as client:
            reply = client.command("AUTH", name, password)
            if reply != "OK":
                return reply
            who = client.command("ACL", "WHOAMI")  # which not every user may ask
            return name if isinstance(who, RespError) and who.kind == "NOPERM" else who.decode()

    def change_leader(self, kill):
        old, new = self.leader(), self.replica()
        if kill:
            old.kill()
        else:
            self.portals[0].switchover()
        return old, new

    def why(self, portal=None):
        return [line for each in ([portal] if portal else self.portals) for line in each.status().get("why", [])]


class OfTheLeader(Users):
    def test_a_user_that_was_just_made_logs_in_after_a_kill(self):
        for acting in (True, False):
            with self.subTest("through the portal that acts" if acting else "through the other one"):
                self.start()
                self.compared()
                portal = self.acting() if acting else next(each for each in self.portals if each is not self.acting())
                leader = self.leader()
                with portal.client() as client:
                    self.assertEqual("OK", client.command("ACL", "SETUSER", "app", "on", ">s3cret", "~app:*", "+@all"))
                    # As with a write, what the leader alone has when it dies is lost.
                    wait_until(lambda: b"app" in self.users(self.replica()), 0.9, "the replica has it before the next comparison")
                    leader.kill()
                self.assertEqual("app", self.logs_in(portal))
                self.assertIsNot(leader, self.leader())
                self.clean_up_now()

    def clean_up_now(self):
        for process in [*self.portals, *self.nodes]:
            process.kill()

    def test_changes_of_all_kinds_reach_the_replica_and_survive(self):
        self.start()
        self.compared()
        odd = b"we(ird\"'\xff"
        with self.portals[0].client() as client:
            for words in (("app", "on", ">s3cret", "~app:*", "%R~read:*", "&news", "+@read", "-keys", "(~sel)ect +get)", "(%W~w* +set)"), ("none", "off"),
                          ("open", "on", "nopass", "skip-sanitize-payload", "+@all"), (odd, "on", ">s3cret", "~*", "+ping"), ("gone", "on", "nopass")):
                self.assertEqual("OK", client.command("ACL", "SETUSER", *words))
            self.assertEqual("OK", client.command("ACL", "SETUSER", "app", ">n3w-s3cret"))
            self.assertEqual(1, client.command("ACL", "DELUSER", "gone"))
        wanted = self.users(self.leader())
        self.assertEqual({b"app", b"none", b"open", odd, b"default", b"portal"}, set(wanted))
        plain = lambda users: {name: line.replace(b" sanitize-payload", b"") for name, line in users.items()}
        wait_until(lambda: plain(self.users(self.replica())) == plain(wanted), 3, "the replica has them")
        told = lambda: [(users["set"], users["deleted"]) for users in (portal.topology()["users"] for portal in self.portals)]

        def settled():
            before = told()
            time.sleep(2.5)  # two comparisons
            return before == told()
        wait_until(settled, 20, "nothing is told again and again")
        self.change_leader(kill=True)
        for password in ("s3cret", "n3w-s3cret"):
            self.assertEqual("app", self.logs_in(self.portals[0], "app", password))
        self.assertEqual("WRONGPASS", self.logs_in(self.portals[0], "gone").kind)

    def test_a_deleted_user_is_deleted_everywhere_and_those_that_are_logged_in_end(self):
        self.start()
        self.acl(self.portals[0], "SETUSER", "app", "on", ">s3cret", *ALL.split())
        self.compared()
        wait_until(lambda: b"app" in self.users(self.replica()), 3, "the replica has it")
        direct = Client(self.replica().port, username="app", password="s3cret")
        self.addCleanup(direct.close)
        self.acl(self.leader(), "DELUSER", "app")  # behind the portals' backs
        wait_until(lambda: b"app" not in self.users(self.replica()), 4, "the replica lacks it, too")
        self.assertEqual({b"default", b"portal"}, set(self.users(self.replica())))
        direct.read_closed()  # as at the leader

    def test_a_switchover_takes_along_what_was_changed_a_moment_before(self):
        self.start()
        self.compared()
        self.acl(self.leader(), "SETUSER", "app", "on", ">s3cret", *ALL.split())  # no portal is told
        old, new = self.change_leader(kill=False)
        self.assertEqual("app", self.logs_in(self.portals[0]))
        wait_until(lambda: self.leader() is new, 5, "the other one leads")

    def test_nodes_that_start_again_get_the_users(self):
        self.start()
        self.acl(self.portals[0], "SETUSER", "app", "on", ">s3cret", *ALL.split())
        self.compared()
        replica, leader = self.replica(), self.leader()
        wait_until(lambda: b"app" in self.users(replica), 3, "the replica has it")
        replica.kill()
        replica.start()
        wait_until(lambda: replica.role() and b"app" in self.users(replica), 15, "it has it again")
        self.in_sync()
        self.compared()
        with replica.client() as direct:  # the leader is to lead on
            self.assertEqual("OK", direct.command("CONFIG", "SET", "replica-priority", "0"))
        with leader.client() as direct:
            self.assertEqual("OK", direct.command("SAVE"))
        leader.kill()
        leader.argv = [*leader.argv, "--replicaof", "no", "one"]
        leader.start()
        wait_until(lambda: leader.role() == "master" and b"app" in self.users(leader), 30, "the leader has it back")
        self.assertIn(b"app", self.users(replica))

    def test_users_that_only_a_replica_had_are_left_and_said(self):
        self.start(acl={"assert": "leader"}, users=("", "--user local on nopass"))
        holder = self.nodes[1]
        if self.leader() is holder:
            wait_until(lambda: b"local" in self.users(self.nodes[0]), 5, "the leader's users are everybody's")
            return
        wait_until(lambda: any("has the user local" in line for line in self.why()), 10, "it is said")
        self.assertIn(b"local", self.users(holder))
        self.acl(holder, "DELUSER", "local")
        wait_until(lambda: not self.why(), 10, "all is well")


class OfAFile(Users):
    def start_with(self, text):
        self.file = Path(tempfile.mkdtemp(prefix="redis-portal-test.")) / "users.acl"
        self.addCleanup(shutil.rmtree, self.file.parent, True)
        self.file.write_text(text)
        self.start(acl={"assert": str(self.file)})

    def everywhere(self, names, within=15):
        for node in self.nodes:
            wait_until(lambda node=node: set(self.users(node)) == {b"default", b"portal", *names}, within, f"{node.name} has {names}")

    def test_every_node_has_what_the_file_says(self):
        self.start_with("# ours\nuser app on >s3cret ~* +@all\nuser old on nopass\n")
        self.everywhere({b"app", b"old"})
        self.acl(self.portals[0], "SETUSER", "app", "off")
        self.acl(self.portals[0], "SETUSER", "stray", "on")
        self.everywhere({b"app", b"old"})
        wait_until(lambda: all(b" on " in self.users(node)[b"app"] for node in self.nodes), 5, "it is put right")
        self.file.write_text("user app on >n3w-s3cret ~* +@all\nuser portal off\n")
        self.everywhere({b"app"})
        self.assertEqual("app", self.logs_in(self.portals[0], password="n3w-s3cret"))
        self.assertTrue(all(b" on " in self.users(node)[b"portal"] for node in self.nodes), "the monitor's own is left alone")
        self.change_leader(kill=True)
        self.assertEqual("app", self.logs_in(self.portals[0], password="n3w-s3cret"))

    def test_a_file_that_is_none_changes_nothing_and_is_said(self):
        self.start_with("user app on >s3cret ~* +@all\n")
        self.everywhere({b"app"})
        for text, words in (("", "names no user"), ("user app on >s3cret\nusr b >s3cret\n", "line 2"), ("user app on\nuser app on\n", "line 2")):
            self.file.write_text(text)
            wait_until(lambda words=words: [words in line for line in self.why()].count(True) == 2, 10, f"both say {words}")
        self.everywhere({b"app"})

    def test_a_rule_that_a_node_does_not_know_is_said_without_secrets(self):
        self.start_with("user app on >s3cret ~* +@all\nuser kept on nopass\n")
        self.everywhere({b"app", b"kept"})
        self.file.write_text("user app on #s3cret ~* +@all\nuser new on +no.such\n")
        wait_until(lambda: len([line for line in self.why() if "refuses the user app" in line]) == 2, 10, "both nodes refuse it")
        self.assertEqual({b"default", b"portal", b"app", b"kept"}, set(self.users(self.leader())), "nobody is deleted by a file with a mistake")
        self.assertNotIn("s3cret", str(self.why()))
        self.assertEqual("app", self.logs_in(self.portals[0]))


class Refusals(Users):
    def refused(self, node):
        with node.client() as client:
            return [dict(zip(entry[::2], entry[1::2])) for entry in client.command("ACL", "LOG")]

    def test_a_node_that_may_not_be_asked_is_asked_once_and_said(self):
        self.start(acl={"assert": "leader"}, monitor_rules=(FEW + " +config|get +client|setname +client|list",) * 2)
        wait_until(lambda: any("does not let the monitor keep its users equal" in line for line in self.why()), 10, "it is said")
        self.assertEqual("degraded", self.acting().status()["state"])
        time.sleep(3)
        asked = [entry for entry in self.refused(self.leader()) if entry[b"object"] == b"acl|list"]
        self.assertEqual([1], [entry[b"count"] for entry in asked])

    def test_by_default_it_is_no_trouble(self):
        self.start(monitor_rules=(FEW,) * 2)
        wait_until(lambda: "does not let the monitor keep its users equal" in self.acting().log.read_text(), 10, "the log says so")
        self.assertEqual([], self.why())
        self.acl(self.portals[0], "SETUSER", "app", "on", ">s3cret")
        self.assertNotIn(b"app", self.users(self.replica()))

    def test_off_is_off(self):
        self.start(acl={"assert": "off"})
        self.acl(self.portals[0], "SETUSER", "app", "on", ">s3cret")
        time.sleep(2.5)
        self.assertNotIn(b"app", self.users(self.replica()))

    def test_strict_does_not_promote_a_node_that_refuses(self):
        self.start(acl={"assert": "leader", "strict": "on"}, portals=1)
        leader, replica = self.leader(), self.replica()
        self.acl(replica, "SETUSER", "portal", "-acl")
        self.acl(self.portals[0], "SETUSER", "app", "on", ">s3cret", *ALL.split())
        wait_until(lambda: any(replica.name in line and "users equal" in line for line in self.why()), 10, "it is said")
        with self.portals[0].client() as client:
            client.command("SET", "a", "1")
        with self.assertRaises(Exception) as refused:
            self.portals[0].switchover()
        self.assertIn(b"users equal", getattr(refused.exception, "stderr", b"") + getattr(refused.exception, "stdout", b""))
        leader.kill()
        wait_until(lambda: "users equal" in self.portals[0].topology().get("decision", ""), 15, "the status says why nobody leads")
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.assertEqual("slave", replica.role())


if __name__ == "__main__":
    unittest.main()
