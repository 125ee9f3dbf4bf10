"""Decides from a history and the final state what went wrong: lost acknowledged writes, writes applied twice, broken order,
stale or impossible reads. Pure; knows no Redis.

`violations` are never allowed. `lost` is what asynchronous replication may lose, and what looks the same from outside (a stale
read, an element that is popped again): proven writes may not have it. `dirty` are reads of a write that was never acknowledged
and that vanished: nobody promises anything about those.
"""

import bisect
import collections
import dataclasses

from history import DOUBT, OK, REFUSED, WRITES


@dataclasses.dataclass
class Verdict:
    violations: list = dataclasses.field(default_factory=list)  # sentences
    lost: list = dataclasses.field(default_factory=list)        # sentences, one per lost acknowledged effect
    dirty: list = dataclasses.field(default_factory=list)       # reads of a write that nobody acknowledged and that vanished
    errors: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    dropped: int = 0       # client connections that ended by themselves
    reconnects: int = 0    # connections made after the first one of each client
    longest_gap: float = 0.0  # seconds without any acknowledged write
    acknowledged: int = 0

    def violation(self, text):
        self.violations.append(text)


def check(operations, final):
    """`final`: {"counters": {key: int}, "lists": {key: [..]}, "sets": {key: [..]}, "registers": {key: value}} after healing."""
    verdict = Verdict()
    by_kind = collections.defaultdict(lambda: collections.defaultdict(list))
    for each in sorted(operations, key=lambda op: op.start):
        by_kind[each.kind][each.key].append(each)
        if each.kind != "connect" and each.outcome != OK:
            verdict.errors[each.error] += 1
            verdict.dropped += each.error == "closed"
    for key, each in by_kind["count"].items():
        _check_counter(verdict, key, each, final["counters"].get(key, 0))
    for key, each in by_kind["transfer"].items():
        _check_transfers(verdict, key, each, final["counters"])
    for kind in ("share", "swap"):
        for key, each in by_kind[kind].items():
            _check_shared_counter(verdict, key, each, final["counters"].get(key, 0))
    for key, each in by_kind["append"].items():
        _check_list(verdict, key, each, final["lists"].get(key, []))
    for key, each in by_kind["add"].items():
        _check_set(verdict, key, each, final["sets"].get(key, []))
    for key in by_kind["write"]:
        _check_register(verdict, key, by_kind["write"][key], by_kind["read"][key], final["registers"].get(key))
    for key in by_kind["push"]:
        _check_queue(verdict, key, by_kind["push"][key], by_kind["pop"][key], final["lists"].get(key, []))
    _measure(verdict, operations)
    return verdict


def acknowledges_a_write(op):
    return op.outcome == OK and (op.kind in WRITES or (op.kind in ("pop", "swap") and op.result is not None))


def _measure(verdict, operations):
    ends = sorted(op.end for op in operations if acknowledges_a_write(op))
    verdict.acknowledged = len(ends)
    verdict.longest_gap = max((b - a for a, b in zip(ends, ends[1:])), default=0.0)
    connects = [op.client for op in operations if op.kind == "connect"]
    verdict.reconnects = len(connects) - len(set(connects))


def _check_counter(verdict, key, operations, final):
    """INCR by one client. The value may be any in [low, high]; the difference is what was in doubt."""
    low = high = 0
    for each in operations:
        if each.outcome == OK:
            if each.result > high + 1:
                verdict.violation(f"{key}: INCR answered {each.result}, at most {high + 1} is possible: applied twice")
            elif each.result < low + 1:
                verdict.lost += [f"{key}: {low + 1 - each.result} acknowledged INCR lost before one answered {each.result}"]
            low = high = each.result
        elif each.outcome == DOUBT:
            high += 1
    if final > high:
        verdict.violation(f"{key}: ends as {final}, at most {high} is possible: applied twice")
    elif final < low:
        verdict.lost += [f"{key}: ends as {final}, {low} was acknowledged"]


def _check_shared_counter(verdict, key, operations, final):
    """A counter that several clients count up by one, by INCR or by WATCH and EXEC (nil when another one was faster).

    Each acknowledged value is there once, in the order in which things happened, and the end is no more than what may have
    been counted.
    """
    counted = [op for op in operations if op.outcome == DOUBT or (op.outcome == OK and op.result is not None)]
    acknowledged = [op for op in counted if op.outcome == OK]
    starts = sorted(op.start for op in counted)
    for op in acknowledged:
        possible = bisect.bisect_left(starts, op.end)
        if op.result > possible:
            verdict.violation(f"{key}: answers {op.result}, at most {possible} is possible: applied twice")
    if final > len(counted):
        verdict.violation(f"{key}: ends as {final}, at most {len(counted)} is possible: applied twice")
    for value, times in collections.Counter(op.result for op in acknowledged).items():
        if times > 1:
            verdict.lost.append(f"{key}: {value} was acknowledged {times} times")
    by_end = sorted(acknowledged, key=lambda op: op.end)
    before, highest = 0, 0  # how many of them had ended, and the highest value among those
    for op in sorted(acknowledged, key=lambda op: op.start):
        while before < len(by_end) and by_end[before].end < op.start:
            highest = max(highest, by_end[before].result)
            before += 1
        if op.result < highest:
            verdict.lost.append(f"{key}: answers {op.result} after {highest}")
    if acknowledged and final < max(op.result for op in acknowledged):
        verdict.lost.append(f"{key}: ends as {final}, {max(op.result for op in acknowledged)} was acknowledged")


def _check_transfers(verdict, key, operations, counters):
    """MULTI INCR key:a INCR key:b EXEC: both or none."""
    a, b = counters.get(key + ":a", 0), counters.get(key + ":b", 0)
    if a != b:
        verdict.violation(f"{key}: a transaction was cut in two: {a} and {b}")
    for each in operations:
        if each.outcome == OK and each.result[0] != each.result[1]:
            verdict.violation(f"{key}: EXEC answered {each.result}: a transaction was cut in two")
    _check_counter(verdict, key + ":a", [dataclasses.replace(op, result=op.result[0]) if op.outcome == OK else op
                                         for op in operations], a)


def _check_list(verdict, key, operations, final):
    """RPUSH of growing values by one client: each at most once, in order, all acknowledged ones there."""
    seen = collections.Counter(final)
    for value, times in seen.items():
        if times > 1:
            verdict.violation(f"{key}: {value} is there {times} times: applied twice")
    refused = {op.value for op in operations if op.outcome == REFUSED}
    for value in seen:
        if value in refused:
            verdict.violation(f"{key}: {value} is there, though its command was refused")
    order = [op.value for op in operations if op.value in seen]
    if order != [value for value in final if value in set(order)] and all(times == 1 for times in seen.values()):
        verdict.violation(f"{key}: elements are not in the order in which they were pushed")
    verdict.lost += [f"{key}: {op.value} was acknowledged" for op in operations if op.outcome == OK and op.value not in seen]


def _check_set(verdict, key, operations, final):
    there = set(final)
    for each in operations:
        if each.outcome == OK and each.value not in there:
            verdict.lost.append(f"{key}: {each.value} was acknowledged")
        elif each.outcome == REFUSED and each.value in there:
            verdict.violation(f"{key}: {each.value} is there, though its command was refused")
    for value in there - {op.value for op in operations}:
        verdict.violation(f"{key}: {value} was never added")


def _check_queue(verdict, key, pushes, pops, final):
    """RPUSH and BLPOP by several clients: no element comes out twice or before its elders; none vanishes beyond the pops in doubt."""
    popped = collections.Counter(op.result for op in pops if op.outcome == OK and op.result is not None)
    for value, times in popped.items():
        if times > 1:
            verdict.lost.append(f"{key}: {value} was popped {times} times (its first pop was lost)")
    gone = [op.value for op in pushes if op.outcome == OK and op.value not in popped and op.value not in set(final)]
    doubtful = sum(op.outcome == DOUBT for op in pops)
    if len(gone) > doubtful:
        verdict.lost += [f"{key}: {value} was acknowledged and is nowhere" for value in gone[doubtful:]]
    told = [f"{key}: {value} was popped before {elder}, which was pushed earlier" for elder, value in _overtaken(pushes, pops, popped)]
    # Without a pop in doubt there is no loss that would explain it.
    (verdict.lost if doubtful else verdict.violations).extend(told)
    pushed = {op.value for op in pushes}
    for value in [*popped, *final]:
        if value not in pushed:
            verdict.violation(f"{key}: {value} was never pushed")


def _overtaken(pushes, pops, popped):
    """Pairs (elder, value) of one client's elements that came out, once each, in the wrong order, with no overlap in time."""
    taken = {op.result: op for op in pops if op.outcome == OK and op.result is not None and popped[op.result] == 1}
    last = {}  # client -> of its elements so far, the one whose pop began last
    for push in pushes:
        pop = taken.get(push.value)
        if pop is None:
            continue
        elder = last.get(push.client)
        if elder is not None and pop.end < taken[elder].start:
            yield elder, push.value
        if elder is None or pop.start > taken[elder].start:
            last[push.client] = push.value


def _check_register(verdict, key, writes, reads, final):
    """SET of unique values and GET, by several clients: is there an order that explains every answer?"""
    written = {op.value for op in writes if op.outcome != REFUSED}
    last = max([op.end for op in writes + reads], default=0.0)
    answers = [(op.result, op.start, op.end) for op in reads if op.outcome == OK] + [(final, last + 1, last + 2)]
    for value, *_ in answers:
        if value is not None and value not in written:
            verdict.violation(f"{key}: reads {value}, which was never written or was refused")
    for value, other in _come_back(writes, reads):
        verdict.violation(f"{key}: {value} is read again after the older {other}: two nodes were read at one time")
    stale = _stale(writes, answers)
    if stale:
        acknowledged = [op for op in writes if op.outcome == OK]
        surely = {op.value for op in acknowledged} | {None}
        proven = _stale(acknowledged, [answer for answer in answers if answer[0] in surely])
        texts = [f"{key}: {old} is read again after {new}" for old, new in stale]
        (verdict.lost if proven else verdict.dirty).extend(texts)


def _come_back(writes, reads):
    """Pairs (value, older) where a value is seen, then one that was there before it was written, then the value again.

    A value that was lost with a leader does not come back, so this is no loss: somebody still read the old leader, or one that
    has no data. The value before the first write is None.
    """
    written = {op.value: op for op in writes if op.outcome == OK}
    seen = collections.defaultdict(list)
    for op in reads:
        if op.outcome == OK and (op.result is None or op.result in written):
            seen[op.result].append(op)
    found = []
    for value, write in written.items():
        if not seen[value]:
            continue
        first = min(op.end for op in [*seen[value], write])
        last = max(op.start for op in seen[value])
        for other, others in seen.items():
            older = other is None or written[other].end < write.start
            if older and any(first < op.start and op.end < last for op in others):
                found.append((value, other))
    return found


def _stale(writes, answers):
    """Pairs (old, new) of values that no order explains.

    With unique values each read names its write. A write and its reads form a cluster; the history is linearizable if and
    only if the clusters' zones fit (Gibbons and Korach 1997, Testing Shared Memories, section 4).
    """
    clusters = {None: [float("-inf"), float("-inf")]}  # value -> [earliest end, latest start]; None: never written
    for each in writes:
        if each.outcome != REFUSED:
            clusters[each.value] = [each.end if each.outcome == OK else float("inf"), each.start]
    for value, start, end in answers:
        if value in clusters:
            cluster = clusters[value]
            cluster[0] = min(cluster[0], end)
            cluster[1] = max(cluster[1], start)
    zones = [(low, high, value) for value, (low, high) in clusters.items() if low != float("inf")]
    forward = sorted(((low, high, value) for low, high, value in zones if low < high), key=lambda zone: zone[0])
    stale = set()
    reach, owner = float("-inf"), None
    for number, (low, high, value) in enumerate(forward):
        if number and low < reach:
            stale.add((owner, value))
        if high > reach:
            reach, owner = high, value
    for low, high, value in zones:
        if low >= high:  # a backward zone [high, low] must not lie inside a forward one
            stale.update((other, value) for f_low, f_high, other in forward if f_low < high and low < f_high)
    return stale
