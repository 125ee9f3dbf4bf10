#!/usr/bin/env python3
"""Portals against the usual set-up (3 redis-sentinel, 2 HAProxy that look for role:master), on the same hosts, in one run.

  compare.py --rounds 20               every scenario 20 times on both, at equal down-after; prints the table of docs/measured/failover.md
  compare.py --scenario kill --down-after 1000

Needs root (network namespaces) and haproxy. Load runs all the time; each round begins with an empty data set.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import checker  # noqa: E402
import network  # noqa: E402
from injector import SCRIPT, STARVED  # noqa: E402
from lab import Workload, final_state, undisturbed, wait_until  # noqa: E402
from portal_cluster import PortalCluster  # noqa: E402
from sentinel_cluster import SentinelCluster  # noqa: E402

CLIENTS = 20
PAUSE = 0.005  # seconds between two commands of a client
CALM = 1.0     # seconds of load before the fault
AFTER = 2.0    # and after another node leads, before the fault is healed
REACTION = 0.5 # seconds in which a front has noticed a change of leader
POLL = 0.1

KINDS = {"portals": PortalCluster, "sentinel + HAProxy": SentinelCluster}


def kill(cluster, leader):
    leader.kill()
    return leader.start


def stop(cluster, leader):
    leader.pause()
    return leader.resume


def partition(cluster, leader):
    cluster.network.isolate(leader.host)
    return cluster.network.heal


def switchover(cluster, leader):
    cluster.switchover()
    return lambda: None


def front_kill(cluster, leader):
    cluster.fronts[0].kill()
    return cluster.fronts[0].start


def sleep(cluster, leader):
    return keep_busy(cluster, leader, "DEBUG", "SLEEP", str(BUSY))


def script(cluster, leader):
    return keep_busy(cluster, leader, "EVAL", SCRIPT, "0", str(BUSY))


def keep_busy(cluster, leader, *words):
    client = cluster.client(leader.host)
    client.send(*words)
    return client.close


def starve(cluster, leader):
    return leader.starve(STARVED)


def stop_for_a_while(cluster, leader):
    return stop(cluster, leader)


# Nobody is dead, so no other node shall lead: after BUSY seconds each is over.
BUSY = 3.0
BUSY_SCENARIOS = {"DEBUG SLEEP 3": sleep, "a script of 3 s": script, "1 % of a processor for 3 s": starve,
                  "SIGSTOP for 3 s": stop_for_a_while}
SCENARIOS = {"kill -9 of the leader": kill, "SIGSTOP of the leader": stop, "leader cut off from all": partition,
             "planned switchover": switchover, "kill -9 of a portal or HAProxy": front_kill, **BUSY_SCENARIOS}


def longest_gap(operations, fault, settled):
    """Seconds without an acknowledged write: the longest such time that begins between the two moments, or spans the first."""
    ends = sorted(op.end for op in operations if checker.acknowledges_a_write(op))
    before = max((end for end in ends if end <= fault), default=fault)
    times = [before, *(end for end in ends if end > fault)]
    return max((b - max(a, fault) for a, b in zip(times, times[1:]) if a < settled), default=float("inf"))


def has_another_leader(cluster, old, act):
    """And the old one, if it is still to be reached, follows."""
    led = any(cluster.role(each).get("role") == "master" for each in cluster.nodes if each is not old)
    return led and (act is not switchover or cluster.role(old).get("role") == "slave")


def one_round(cluster, act, seed):
    """What the clients saw. The fault is healed, as by a supervisor, once another node leads."""
    wait_until(lambda: cluster.healthy(quiet=True), 60, "the cluster is in sync", every=POLL)
    leader = cluster.leader()
    cluster.ask(leader, "FLUSHALL")
    wait_until(lambda: cluster.healthy(quiet=True) and cluster.ready(), 60, "the fronts know it", every=POLL)
    workload = Workload(cluster, CLIENTS, seed, PAUSE)
    time.sleep(CALM)
    fault = time.monotonic()
    heal = act(cluster, leader)
    if act in BUSY_SCENARIOS.values():
        time.sleep(BUSY)
        heal()
        heal = lambda: None
    elif act is not front_kill:
        wait_until(lambda: has_another_leader(cluster, leader, act), 60, "another node leads", every=POLL)
    settled = time.monotonic() + REACTION
    time.sleep(AFTER)
    heal()
    wait_until(cluster.healthy, 90, "the cluster is whole again", every=POLL)
    time.sleep(0.5)
    operations = workload.stop()
    wait_until(lambda: cluster.healthy(quiet=True), 60, "the cluster is in sync again", every=POLL)
    verdict = checker.check(operations, final_state(cluster, operations))
    # A front takes its own clients along; the others notice nothing.
    hit = [op for op in operations if act is not front_kill or workload.first_front(op.client) == 0]
    return {"changed": int(cluster.leader() is not leader), "dropped": verdict.dropped, "errors": sum(verdict.errors.values()) - verdict.dropped, "lost": len(verdict.lost),
            "violations": verdict.violations, "kinds": dict(verdict.errors), "gap": longest_gap(hit, fault, settled)}


@contextlib.contextmanager
def started(kind, options):
    folder = tempfile.mkdtemp(prefix="redis-portal-lab.")
    cluster = None
    try:
        settings = {}
        if kind == "portals":  # agents tell a stopped process from a busy one
            settings = {"settings": [tuple(pair.split("=", 1)) for pair in options.set], "agents": not options.no_agents}
        cluster = KINDS[kind](folder, down_after=options.down_after, **settings)
        cluster.start()
        yield cluster
    finally:
        with undisturbed():
            if cluster is not None:
                cluster.discard()
            shutil.rmtree(folder, ignore_errors=True)


def run(kind, act, options):
    """All rounds of one scenario. A cluster that does not become whole again is replaced, and counted."""
    results, failed = [], 0
    while len(results) < options.rounds and failed <= options.rounds:
        try:
            with started(kind, options) as cluster:
                while len(results) < options.rounds:
                    results.append(one_round(cluster, act, len(results)))
                    print(f"  {kind}: {results[-1]}", file=sys.stderr, flush=True)
        except AssertionError as why:
            failed += 1
            print(f"  {kind}: round failed: {why}", file=sys.stderr, flush=True)
    return results, failed


def spread(values, unit=1):
    values = [value * unit for value in values]
    return f"{statistics.median(values):.0f} ({max(values):.0f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--down-after", type=int, default=1000, help="milliseconds, for both")
    parser.add_argument("--scenario", default="", help="only those whose name contains this")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="for the portals")
    parser.add_argument("--no-agents", action="store_true", help="no agent runs beside the portals' nodes")
    parser.add_argument("--only", choices=tuple(KINDS))
    parser.add_argument("--out", help="JSON file for the raw figures")
    options = parser.parse_args()
    if reason := network.unavailable() or ("" if shutil.which("haproxy") else "haproxy is not installed"):
        print(f"skipped: {reason}")
        return 0
    raw = {}
    print(f"load of the machine at the start: {' '.join(f'{each:.1f}' for each in os.getloadavg())}, {os.cpu_count()} cores")
    print(f"| {CLIENTS} clients; median (maximum) of {options.rounds} | front | leader changed | connections dropped | errors seen | "
          "acknowledged writes lost | without service, ms | rounds that failed |\n| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name, act in SCENARIOS.items():
        if options.scenario not in name:
            continue
        for kind in KINDS:
            if options.only not in (None, kind):
                continue
            rounds, failed = run(kind, act, options)
            raw[f"{name}, {kind}"] = rounds
            if rounds:
                print(f"| {name} | {kind} | " + " | ".join([
                    f"{sum(each['changed'] for each in rounds)} of {len(rounds)}", spread([each["dropped"] for each in rounds]), spread([each["errors"] for each in rounds]),
                    spread([each["lost"] for each in rounds]), spread([each["gap"] for each in rounds], 1000), str(failed)]) + " |",
                    flush=True)
            if options.out:
                Path(options.out).write_text(json.dumps(raw, indent=1))
    print(f"load of the machine at the end: {' '.join(f'{each:.1f}' for each in os.getloadavg())}")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
