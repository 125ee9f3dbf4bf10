"""Scripts that clients have loaded are known at the next leader, after a kill as after a planned change, outside of transactions and
inside, through either portal; a flush is respected; functions are replicated by Redis itself."""

import hashlib
import threading
import unittest

from portal_support import demo_for, report, wait_until
from resp_client import RespError

NO_SCRIPT = RespError("NOSCRIPT No matching script. Please use EVAL.")
LIBRARY = "#!lua name=lib\nredis.register_function('fortytwo', function() return 42 end)"


def digest(body):
    return hashlib.sha1(body.encode()).hexdigest()


class Scripts(unittest.TestCase):
    def setUp(self):
        self.demo = demo_for(self)

    def client(self, portal=0):
        client = self.demo.portals[portal].client()
        self.addCleanup(client.close)
        return client

    def test_what_clients_loaded_runs_at_every_next_leader(self):
        first, second = self.client(0), self.client(1)
        loaded = first.command("SCRIPT", "LOAD", "return redis.call('INCR', KEYS[1])").decode()
        self.assertEqual(1, first.command("EVAL", "return redis.call('INCR', 'seen')", "0"))
        seen = digest("return redis.call('INCR', 'seen')")
        queued = digest("return redis.call('INCR', 'queued')")
        self.assertEqual(["OK", "QUEUED", [1]], first.pipeline([("MULTI",), ("EVAL", "return redis.call('INCR', 'queued')", "0"), ("EXEC",)]))
        self.assertEqual(2, second.command("EVALSHA", loaded, "1", "seen"))
        self.assertEqual("OK", first.command("FUNCTION", "LOAD", LIBRARY) and "OK")
        counts = {"EVALSHA": 0, "in MULTI": 0}
        stop = threading.Event()
        failures = []

        def use(client):
            while not stop.is_set():
                for transaction in (False, True):
                    if transaction:
                        answers = client.pipeline([("MULTI",), ("EVALSHA", loaded, "1", "counter"), ("EVALSHA", seen, "0"), ("EXEC",)])[-1]
                    else:
                        answers = client.command("EVALSHA", loaded, "1", "counter")
                    counts["in MULTI" if transaction else "EVALSHA"] += 1
                    for answer in answers if isinstance(answers, list) else [answers]:
                        if isinstance(answer, RespError) and not answer.text.startswith("INDOUBT"):
                            failures.append(answer.text)

        def use_and_tell(client):
            try:
                use(client)
            except Exception as problem:  # else the thread would end in silence
                failures.append(repr(problem))

        users = [threading.Thread(target=use_and_tell, args=(self.client(number % 2),)) for number in range(4)]
        for each in users:
            each.start()
        try:
            for kill in (False, True, False):
                self.demo.settle(*self.demo.change_leader(kill), kill)
                for client in (first, second):
                    for sha in (loaded, seen, queued):
                        answer = client.command("EVALSHA", sha, "1", "counter")
                        self.assertIsInstance(answer, int, answer)
                    self.assertEqual(42, client.command("FCALL", "fortytwo", "0"))
                    self.assertEqual([1, 1, 1], client.command("SCRIPT", "EXISTS", loaded, seen, queued))
        finally:
            stop.set()
            for each in users:
                each.join()
        report(f"calls over three changes of leader: {counts}; failures: {len(failures)}")
        self.assertEqual([], failures[:3])
        self.assertGreater(counts["in MULTI"], 50)

    def test_a_flush_through_either_portal_holds(self):
        first, second = self.client(0), self.client(1)
        bodies = [f"return {number}" for number in range(10, 15)]
        shards = 2

        def known():
            return self.demo.portals[0].metric("redis_portal_scripts_known") / shards

        for body in bodies:
            self.assertIsInstance(first.command("EVAL", body, "0"), int)
            self.assertIsInstance(second.command("EVALSHA", digest(body), "0"), int)
        wait_until(lambda: known() == len(bodies), 10, "both shards know them")
        self.assertEqual("OK", second.command("SCRIPT", "FLUSH"))
        self.assertEqual(2, first.command("EVAL", "return 2", "0"))
        wait_until(lambda: known() == 1, 10, "the other portal notices")
        self.demo.settle(*self.demo.change_leader(True), True)
        for body in bodies:
            self.assertEqual(NO_SCRIPT, first.command("EVALSHA", digest(body), "0"))
        self.assertEqual(2, first.command("EVALSHA", digest("return 2"), "0"))


if __name__ == "__main__":
    unittest.main()
