"""Readers of streams that wait over a change of leader miss no entry, whatever the sign they began with."""

import threading
import unittest

from portal_support import demo_for, report, wait_until

ROUNDS = 4


class StreamReads(unittest.TestCase):
    def setUp(self):
        self.demo = demo_for(self)

    def client(self, portal=0):
        client = self.demo.portals[portal].client()
        self.addCleanup(client.close)
        return client

    def test_what_comes_while_the_leader_changes_is_read(self):
        writer = self.client()
        writer.command("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
        missed = {"XREAD $": 0, "XREADGROUP >": 0}
        rounds = 0
        for kill in (False, True) * (ROUNDS // 2):
            writer.command("XADD", "s", "*", "old", "entry")
            self.demo.wait_replicated()
            group, readers, got = self.client(1), [self.client(number % 2) for number in range(6)], {}
            group.command("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")

            def read(number, client, words):
                try:
                    got[number] = client.command(*words)
                except OSError:
                    pass  # it has waited in vain

            threads = [threading.Thread(target=read, args=(number, client, ("XREAD", "BLOCK", "10000", "STREAMS", "s", "$")))
                       for number, client in enumerate(readers)]
            threads.append(threading.Thread(target=read, args=("group", group, ("XREADGROUP", "GROUP", "g", "c", "BLOCK", "10000", "STREAMS", "s", ">"))))
            for each in threads:
                each.start()
            leader = self.demo.leader()
            with leader.client() as look:
                wait_until(lambda: dict(line.split(b":", 1) for line in look.command("INFO", "clients").splitlines()
                                        if b":" in line)[b"blocked_clients"] == b"7", 10, "all readers wait")
            old, new = self.demo.change_leader(kill)
            with new.client() as direct:  # before the readers are back, perhaps
                direct.command("XADD", "s", "*", "new", "entry")
            for each in threads:
                each.join(30)
            rounds += 1
            for number in (*range(len(readers)), "group"):
                answer = got.get(number)
                entries = answer[0][1] if isinstance(answer, list) else []
                if [fields for _, fields in entries] != [[b"new", b"entry"]]:
                    missed["XREADGROUP >" if number == "group" else "XREAD $"] += 1
            self.demo.settle(old, new, kill)
        report(f"readers that missed the entry in {rounds} changes of leader: {missed}")
        self.assertEqual({"XREAD $": 0, "XREADGROUP >": 0}, missed)


if __name__ == "__main__":
    unittest.main()
