#!/usr/bin/env python3
"""Portals against the usual set-up (3 redis-sentinel, 2 HAProxy that look for role:master), on the same hosts, in one run.

  compare.py --rounds 20               every scenario 20 times on both, at equal down-after; prints the table of docs/failover.md
  compare.py --scenario kill --down-after 1000

Needs root (network namespaces) and haproxy. Load runs all the time; each round begins with an empty data set.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import checker  # noqa: E402
import network  # noqa: E402
from cluster import NODE_PORT, PortalCluster, SentinelCluster, wait_until  # noqa: E402
from lab import Workload, final_state, portal_settings  # noqa: E402

CLIENTS = 24
CALM = 1.0    # seconds of load before the fault
AFTER = 6.0   # and at least after it


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
    if isinstance(cluster, PortalCluster):
        done = cluster.switchover()
        if done.returncode != 0:
            raise AssertionError(f"switchover: {done.stderr}")
    else:
        cluster.ask("front0", 26379, "SENTINEL", "FAILOVER", "main", password=False)
    return lambda: None


def front_kill(cluster, leader):
    cluster.fronts[0].kill()
    return cluster.fronts[0].start


SCENARIOS = {"kill -9 of the leader": kill, "SIGSTOP of the leader": stop, "leader cut off from all": partition,
             "planned switchover": switchover, "kill -9 of a front": front_kill}


def longest_gap(operations, fault):
    """Seconds without an acknowledged write, from the fault on."""
    ends = sorted(op.end for op in operations if op.outcome == "ok" and op.kind not in ("read", "pop"))
    before = max((end for end in ends if end <= fault), default=fault)
    times = [before, *(end for end in ends if end > fault)]
    return max((b - max(a, fault) for a, b in zip(times, times[1:])), default=float("inf"))


def one_round(cluster, act, seed):
    wait_until(lambda: cluster.healthy(quiet=True), 60, "the cluster is in sync")
    leader = cluster.leader()
    cluster.ask(leader.host, NODE_PORT, "FLUSHALL")
    time.sleep(2.5)  # the fronts have seen it, and replicas count as in sync
    workload = Workload(cluster, CLIENTS, seed, pause=0.002)
    time.sleep(CALM)
    fault = time.monotonic()
    heal = act(cluster, leader)
    time.sleep(AFTER)
    heal()
    wait_until(cluster.healthy, 90, "the cluster is whole again")
    time.sleep(0.5)
    operations = workload.stop()
    wait_until(lambda: cluster.healthy(quiet=True), 60, "the cluster is in sync again")
    verdict = checker.check(operations, final_state(cluster, operations))
    return {"dropped": verdict.dropped, "errors": sum(verdict.errors.values()) - verdict.dropped, "lost": len(verdict.lost),
            "violations": verdict.violations, "kinds": dict(verdict.errors), "gap": longest_gap(operations, fault)}


def run(kind, act, rounds, options):
    results = []
    with tempfile.TemporaryDirectory(prefix="redis-portal-lab.") as folder:
        make = {"down_after": options.down_after}
        cluster = (PortalCluster(folder, settings=portal_settings(options.set), **make) if kind == "portals"
                   else SentinelCluster(folder, **make))
        try:
            cluster.start()
            for number in range(rounds):
                results.append(one_round(cluster, act, number))
                print(f"  {kind}: {results[-1]}", file=sys.stderr, flush=True)
        finally:
            cluster.stop()
    return results


def spread(values, unit=1, digits=0):
    values = [value * unit for value in values]
    return f"{statistics.median(values):.{digits}f} ({max(values):.{digits}f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--down-after", type=int, default=1000, help="milliseconds, for both")
    parser.add_argument("--scenario", help="only those whose name contains this")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="for the portals")
    parser.add_argument("--only", choices=("portals", "sentinel + HAProxy"))
    parser.add_argument("--out", help="JSON file for the raw figures")
    options = parser.parse_args()
    if reason := network.unavailable():
        print(f"skipped: {reason}")
        return 0
    raw = {}
    print(f"| {CLIENTS} clients; median (maximum) of {options.rounds} | front | connections dropped | errors seen | "
          "acknowledged writes lost | without service, ms |\n| --- | --- | --- | --- | --- | --- |", flush=True)
    for name, act in SCENARIOS.items():
        if options.scenario and options.scenario not in name:
            continue
        for kind in ("portals", "sentinel + HAProxy"):
            if options.only not in (None, kind):
                continue
            rounds = raw[f"{name}, {kind}"] = run(kind, act, options.rounds, options)
            print(f"| {name} | {kind} | " + " | ".join([
                spread([each["dropped"] for each in rounds]), spread([each["errors"] for each in rounds]),
                spread([each["lost"] for each in rounds]), spread([each["gap"] for each in rounds], 1000)]) + " |", flush=True)
    if options.out:
        Path(options.out).write_text(json.dumps(raw, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
