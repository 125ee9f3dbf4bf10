"""The checker finds what it is there to find: each kind of wrong history is told, and right ones are not."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import checker  # noqa: E402
from history import DOUBT, OK, REFUSED, Operation  # noqa: E402


def op(kind, key, value, outcome, result, start, end, client=0):
    error = "" if outcome == OK else "INDOUBT" if outcome == DOUBT else "NOLEADER"
    return Operation(client, kind, key, value, outcome, result, start, end, error)


def verdict(operations, **final):
    return checker.check(operations, {"counters": {}, "lists": {}, "sets": {}, "registers": {}} | final)


class Checker(unittest.TestCase):
    def assert_right(self, found):
        self.assertEqual(([], [], []), (found.violations, found.lost, found.dirty))

    def test_an_increment_in_doubt_may_have_happened_or_not(self):
        history = [op("count", "c", None, OK, 1, 0, 1), op("count", "c", None, DOUBT, None, 2, 3)]
        self.assert_right(verdict(history, counters={"c": 1}))
        self.assert_right(verdict(history, counters={"c": 2}))

    def test_an_increment_applied_twice_is_a_violation(self):
        history = [op("count", "c", None, OK, 1, 0, 1), op("count", "c", None, OK, 3, 2, 3)]
        self.assertEqual(1, len(verdict(history, counters={"c": 3}).violations))
        history = [op("count", "c", None, OK, 1, 0, 1), op("count", "c", None, REFUSED, None, 2, 3)]
        self.assertEqual(1, len(verdict(history, counters={"c": 2}).violations), "what was refused has happened")

    def test_a_lost_increment_is_told(self):
        history = [op("count", "c", None, OK, 1, 0, 1), op("count", "c", None, OK, 2, 2, 3)]
        self.assertEqual(1, len(verdict(history, counters={"c": 1}).lost))
        history.append(op("count", "c", None, OK, 2, 4, 5))
        self.assertEqual(1, len(verdict(history, counters={"c": 2}).lost))

    def test_a_transaction_cut_in_two_is_a_violation(self):
        history = [op("transfer", "p", None, OK, [1, 1], 0, 1)]
        self.assert_right(verdict(history, counters={"p:a": 1, "p:b": 1}))
        self.assertTrue(verdict(history, counters={"p:a": 1, "p:b": 0}).violations)

    def test_elements_of_a_list_are_there_once_and_in_order(self):
        history = [op("append", "l", value, OK, n, n, n + 0.5) for n, value in enumerate("abc")]
        self.assert_right(verdict(history, lists={"l": ["a", "b", "c"]}))
        self.assertTrue(verdict(history, lists={"l": ["a", "c", "b"]}).violations)
        self.assertTrue(verdict(history, lists={"l": ["a", "b", "b", "c"]}).violations)
        self.assertEqual(1, len(verdict(history, lists={"l": ["a", "c"]}).lost))

    def test_what_was_refused_must_not_be_there(self):
        self.assertTrue(verdict([op("append", "l", "a", REFUSED, None, 0, 1)], lists={"l": ["a"]}).violations)
        self.assertTrue(verdict([op("add", "s", "a", REFUSED, None, 0, 1)], sets={"s": ["a"]}).violations)

    def test_a_lost_member_of_a_set_is_told(self):
        history = [op("add", "s", "a", OK, 1, 0, 1), op("add", "s", "b", DOUBT, None, 0, 1)]
        self.assert_right(verdict(history, sets={"s": ["a"]}))
        self.assertEqual(1, len(verdict(history, sets={"s": ["b"]}).lost))

    def test_an_element_of_a_queue_comes_out_once(self):
        push = op("push", "q", "a", OK, 1, 0, 1)
        once = op("pop", "q", None, OK, "a", 2, 3)
        self.assert_right(verdict([push, once]))
        self.assertEqual(1, len(verdict([push, once, op("pop", "q", None, OK, "a", 4, 5)]).lost))
        self.assertEqual(1, len(verdict([push]).lost))
        self.assert_right(verdict([push, op("pop", "q", None, DOUBT, None, 2, 3)]))

    def test_elements_of_one_client_come_out_in_its_order(self):
        pushes = [op("push", "q", value, OK, 1, n, n + 0.5) for n, value in enumerate("abc")]
        right = [op("pop", "q", None, OK, value, 10 + n, 10.5 + n) for n, value in enumerate("abc")]
        self.assert_right(verdict([*pushes, *right]))
        wrong = [op("pop", "q", None, OK, value, 10 + n, 10.5 + n) for n, value in enumerate("cab")]
        self.assertEqual(1, len(verdict([*pushes, *wrong]).violations))
        self.assert_right(verdict([*pushes, *(op("pop", "q", None, OK, value, 10 + n, 20) for n, value in enumerate("cab"))]))
        doubt = op("pop", "q", None, DOUBT, None, 5, 6)
        found = verdict([*pushes, doubt, *wrong])
        self.assertEqual(([], 1), (found.violations, len(found.lost)), "a pop that was lost could explain it")
        of_two = [op("push", "q", "a", OK, 1, 0, 1, client=1), op("push", "q", "b", OK, 1, 2, 3, client=2)]
        self.assert_right(verdict([*of_two, *(op("pop", "q", None, OK, v, n, n + 0.5) for n, v in ((10, "b"), (11, "a")))]))

    def test_a_counter_of_several_clients_tells_what_was_applied_twice(self):
        for kind in ("share", "swap"):
            one, two = op(kind, "s", None, OK, 1, 0, 1), op(kind, "s", None, OK, 2, 0.5, 2, client=1)
            self.assert_right(verdict([one, two], counters={"s": 2}))
            self.assertTrue(verdict([one, two], counters={"s": 3}).violations)
            self.assertTrue(verdict([one, op(kind, "s", None, OK, 3, 2, 3)], counters={"s": 3}).violations)
            self.assert_right(verdict([one, op(kind, "s", None, DOUBT, None, 1, 2), op(kind, "s", None, OK, 3, 2, 3)],
                                      counters={"s": 3}))
        self.assert_right(verdict([one, op("swap", "s", None, OK, None, 2, 3)], counters={"s": 1}))
        self.assertTrue(verdict([one, op("swap", "s", None, OK, None, 2, 3)], counters={"s": 2}).violations,
                        "an EXEC that answered nil was carried out")

    def test_a_counter_of_several_clients_tells_what_was_lost(self):
        one, two = op("share", "s", None, OK, 1, 0, 1), op("share", "s", None, OK, 2, 2, 3, client=1)
        self.assertEqual(1, len(verdict([one, two], counters={"s": 1}).lost))
        self.assertEqual(1, len(verdict([one, op("share", "s", None, OK, 1, 0, 1, client=1)], counters={"s": 1}).lost))
        backwards = [op("share", "s", None, OK, 2, 0, 1), op("share", "s", None, OK, 1, 2, 3, client=1),
                     op("share", "s", None, DOUBT, None, 0, 1, client=2)]
        self.assertEqual(1, len(verdict(backwards, counters={"s": 2}).lost))

    def test_reads_that_overlap_a_write_may_see_either_value(self):
        self.assert_right(verdict([op("write", "r", "a", OK, "OK", 0, 1), op("write", "r", "b", OK, "OK", 2, 5, 1),
                                   op("read", "r", None, OK, "b", 3, 3.1, 2), op("read", "r", None, OK, "b", 3.2, 4, 3)],
                                  registers={"r": "b"}))

    def test_a_stale_read_is_told(self):
        history = [op("write", "r", "a", OK, "OK", 0, 1), op("write", "r", "b", OK, "OK", 2, 3)]
        self.assertTrue(verdict([*history, op("read", "r", None, OK, "a", 4, 5)], registers={"r": "b"}).lost)
        self.assertTrue(verdict(history, registers={"r": "a"}).lost, "the last write is gone")
        self.assertTrue(verdict(history, registers={"r": None}).lost, "everything is gone")

    def test_a_value_seen_and_then_not_is_told_even_within_the_write(self):
        history = [op("write", "r", "a", OK, "OK", 0, 1), op("write", "r", "b", OK, "OK", 2, 9),
                   op("read", "r", None, OK, "b", 3, 4, 1), op("read", "r", None, OK, "a", 5, 6, 1)]
        self.assertTrue(verdict(history, registers={"r": "b"}).lost)

    def test_a_read_of_a_write_in_doubt_that_vanished_is_told_apart(self):
        history = [op("write", "r", "a", OK, "OK", 0, 1), op("write", "r", "b", DOUBT, None, 2, 3),
                   op("read", "r", None, OK, "b", 2.5, 2.6, 1), op("read", "r", None, OK, "a", 4, 5, 1)]
        found = verdict(history, registers={"r": "a"})
        self.assertEqual([], found.lost)
        self.assertTrue(found.dirty)

    def test_a_value_that_comes_back_after_an_older_one_is_a_violation(self):
        history = [op("write", "r", "a", OK, "OK", 0, 1), op("write", "r", "b", OK, "OK", 2, 3)]
        read = lambda value, at: op("read", "r", None, OK, value, at, at + 0.5, client=2)
        self.assertTrue(verdict([*history, read("a", 4), read("b", 5)], registers={"r": "b"}).violations)
        self.assertTrue(verdict([*history, read("b", 4), read(None, 5), read("b", 6)], registers={"r": "b"}).violations)
        self.assertEqual([], verdict([*history, read("b", 4), read("a", 5)], registers={"r": "a"}).violations, "b was lost")
        overlapping = [history[0], op("write", "r", "b", OK, "OK", 2, 9, client=1), read("a", 3), read("b", 4)]
        self.assert_right(verdict(overlapping, registers={"r": "b"}))

    def test_what_clients_met_is_counted(self):
        history = [op("connect", "", None, OK, None, 0, 0), op("count", "c", None, OK, 1, 0, 1),
                   Operation(0, "count", "c", None, DOUBT, None, 1, 2, "closed"), op("connect", "", None, OK, None, 3, 3),
                   op("count", "c", None, REFUSED, None, 3, 4), op("count", "c", None, OK, 2, 4, 5)]
        found = verdict(history, counters={"c": 2})
        self.assertEqual((2, 1, 1, 4), (found.acknowledged, found.dropped, found.reconnects, found.longest_gap))
        self.assertEqual({"closed": 1, "NOLEADER": 1}, dict(found.errors))

    def test_a_value_that_nobody_wrote_is_a_violation(self):
        self.assertTrue(verdict([op("write", "r", "a", REFUSED, None, 0, 1), op("read", "r", None, OK, "a", 2, 3)],
                                registers={"r": None}).violations)


if __name__ == "__main__":
    unittest.main()
