"""A server that a script, a function or a module keeps busy behaves through a portal as it does without one: others are told so at once,
what ends the script reaches it, and nothing but the script is harmed. Each step is also asked of a redis-server without a portal."""

import threading
import unittest

from portal_support import DemoTestCase, wait_until
from resp_client import RespError

LOOP = "while true do end"
LIBRARY = "#!lua name=loops\nredis.register_function{function_name='loop', callback=function() while true do end end, flags={'no-writes'}}"


class BusyServer(DemoTestCase):
    nodes = 1

    def setUp(self):
        super().setUp()
        with self.demo.leader().client() as direct:
            self.assertEqual("OK", direct.command("CONFIG", "SET", "busy-reply-threshold", "500"))
            self.assertEqual("OK", direct.command("SET", "k", "v"))
            self.assertEqual("loops", direct.command("FUNCTION", "LOAD", "REPLACE", LIBRARY).decode())

    def outcome(self, client, *words):
        answer = client.command(*words)
        return answer.text if isinstance(answer, RespError) else str(answer)

    def keep_busy(self, connect, words):
        """What the client that began it hears in the end."""
        heard = []
        client = connect()
        self.addCleanup(client.close)
        thread = threading.Thread(target=lambda: heard.append(self.outcome(client, *words)))
        thread.start()
        self.addCleanup(thread.join)
        return thread, heard

    def story(self, connect, words, kill):
        """What happens to all concerned, from the first to the last."""
        other, second, third, fourth = clients = [connect() for _ in range(4)]
        for client in clients:
            self.addCleanup(client.close)
        warm = [self.outcome(other, "GET", "k"), self.outcome(second, "EVAL", "return 1", 0)]
        thread, heard = self.keep_busy(connect, words)
        wait_until(lambda: self.outcome(other, "PING").startswith("BUSY"), 10, "the server says that it is busy")
        during = [self.outcome(other, "GET", "k"), self.outcome(second, "SET", "k", "w"), self.outcome(third, "GET", "k"),
                  self.outcome(fourth, "EVAL", "return 1", 0), self.outcome(second, "EVALSHA", "0" * 40, 0),
                  self.outcome(other, "MULTI"), self.outcome(other, "GET", "k"), self.outcome(other, "EXEC"), self.outcome(other, kill, "KILL")]
        thread.join(20)
        self.assertFalse(thread.is_alive(), "who began it is still waiting")
        return warm + during + heard + [self.outcome(other, "GET", "k"), self.outcome(second, "EVAL", "return 1", 0)]

    def test_a_script_and_a_function_are_told_to_others_and_killed_as_without_a_portal(self):
        for words, kill in ((("EVAL", LOOP, 0), "SCRIPT"), (("FCALL_RO", "loop", 0), "FUNCTION"), (("EVAL_RO", LOOP, 0), "SCRIPT")):
            with self.subTest(words[0]):
                wanted = self.story(self.demo.leader().client, words, kill)
                given = self.story(self.client, words, kill)
                self.assertIn("BUSY", wanted[2], "the comparison proves nothing")
                self.assertEqual(wanted, given)

    def test_nobody_is_in_doubt_and_no_link_is_given_up(self):
        clients = [self.client() for _ in range(20)]
        for client in clients:
            self.assertEqual(1, client.command("EVAL", "return 1", 0))
        thread, heard = self.keep_busy(self.client, ("EVAL", LOOP, 0))
        wait_until(lambda: self.outcome(clients[0], "PING").startswith("BUSY"), 10, "the server says that it is busy")
        for _ in range(3):
            for client in clients:
                client.send("EVAL", "return 1", 0)
                client.send("SET", "k", "w")
            answers = [self.reply_of(client) for client in clients for _ in range(2)]
            self.assertEqual([], [each for each in answers if not each.startswith("BUSY")])
        self.assertEqual("OK", self.outcome(clients[1], "SCRIPT", "KILL"))
        thread.join(20)
        self.assertIn("Script killed by user", heard[0])
        for name in ("redis_portal_fences_broken_total", "redis_portal_commands_in_doubt_total"):
            self.assertEqual(0, self.demo.portals[0].metric(name))

    def reply_of(self, client):
        answer = client.read()
        return answer.text if isinstance(answer, RespError) else str(answer)


if __name__ == "__main__":
    unittest.main()
