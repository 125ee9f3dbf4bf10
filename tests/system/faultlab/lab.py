#!/usr/bin/env python3
"""The fault lab: real Redis nodes and portals in namespaces, clients that write, faults drawn from a seed, and a checker.

  lab.py --runs 20 --seed 1            twenty random schedules, seeds 1 to 20
  lab.py --seed 7 --show               prints the schedule of seed 7
  lab.py --set writes.proven=strict    with that portal setting; then a lost acknowledged write is a violation, too

Exit status 0: no violation. Needs root.
"""

import argparse
import collections
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import checker  # noqa: E402
import history  # noqa: E402
import network  # noqa: E402
import schedule  # noqa: E402
from cluster import NODE_PORT, Member, PortalCluster, start_process, wait_until  # noqa: E402


class Injector:
    """Carries a schedule out. `leader` and `replica` mean the nodes that have these roles when the fault begins."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.heals = []  # (due, what to do)
        self.cuts = []   # what the network loses now: functions that say so again

    def run(self, steps, say):
        start = time.monotonic()
        pending = list(steps)
        while pending or self.heals:
            now = time.monotonic() - start
            self.heals.sort(key=lambda each: each[0])
            if self.heals and self.heals[0][0] <= now:
                self.heals.pop(0)[1]()
            elif pending and pending[0].at <= now:
                fault = pending.pop(0)
                say(f"  {fault}")
                self.begin(fault)
            else:
                time.sleep(0.01)

    def resolve(self, target):
        leader = self.cluster.leader() or self.cluster.nodes[0]
        if target == "leader":
            return [leader]
        if target == "replica":
            return [next(each for each in self.cluster.nodes if each is not leader)]
        if target == "both nodes":
            return list(self.cluster.nodes)
        return [each for each in self.cluster.fronts if each.host == target]

    def later(self, fault, action):
        self.heals.append((fault.at + fault.lasts, action))

    def begin(self, fault):
        members = self.resolve(fault.target)
        match fault.name:
            case "kill":
                for each in members:
                    each.kill()
                    self.later(fault, lambda each=each: each.running or each.start())
            case "pause":
                for each in members:
                    each.pause()
                    self.later(fault, each.resume)
            case "restart empty":
                node = members[0]
                node.kill()
                shutil.rmtree(self.cluster.dir / node.host)
                (self.cluster.dir / node.host).mkdir()
                self.later(fault, lambda: node.running or node.start())
            case "busy":
                self.busy = start_process(self.cluster.network.inside(members[0].host, [
                    "redis-cli", "--no-auth-warning", "-a", self.cluster.password, "-p", str(NODE_PORT), "DEBUG", "SLEEP", "0.9"]),
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            case _:
                self.disturb(fault, members[0].host)

    def disturb(self, fault, host):
        lab = self.cluster.network
        other = self.resolve(fault.other)[0].host if fault.other else ""
        match fault.name:
            case "cut":
                cut = lambda: lab.cut(host, other)
            case "cut one way":
                cut = lambda: lab.cut(host, other, both=False)
            case "isolate":
                cut = lambda: lab.isolate(host, but=("client",))
            case "lossy":
                cut = lambda: [lab.shape(host, each, dropped=0.1) for each in lab.hosts if each != host]
            case "slow":
                cut = lambda: [lab.shape(host, each, held=0.05) for each in lab.hosts if each != host]
        self.cuts.append(cut)
        cut()

        def heal():
            self.cuts.remove(cut)
            lab.heal()
            for each in self.cuts:
                each()
        self.later(fault, heal)


def final_state(cluster, operations):
    """What the leader holds in the end, read over one connection on its host."""
    leader = cluster.leader()
    keys = {kind: sorted({op.key for op in operations if op.kind in kinds}) for kind, kinds in
            {"counters": ("count",), "lists": ("append", "push"), "sets": ("add",), "registers": ("write",)}.items()}
    keys["counters"] += [op_key + part for op_key in sorted({op.key for op in operations if op.kind == "transfer"})
                         for part in (":a", ":b")]
    code = """
import json, sys
sys.path.insert(0, sys.argv[1])
from resp_client import Client
keys = json.loads(sys.stdin.read())
with Client(int(sys.argv[2]), password=sys.argv[3]) as c:
    text = lambda v: v.decode() if isinstance(v, bytes) else v
    print(json.dumps({
        "counters": {k: int(c.command("GET", k) or 0) for k in keys["counters"]},
        "lists": {k: [text(v) for v in c.command("LRANGE", k, 0, -1)] for k in keys["lists"]},
        "sets": {k: [text(v) for v in c.command("SMEMBERS", k)] for k in keys["sets"]},
        "registers": {k: text(c.command("GET", k)) for k in keys["registers"]}}))
"""
    support = str(Path(__file__).resolve().parents[2] / "support")
    answer = subprocess.run(cluster.network.inside(leader.host, ["python3", "-c", code, support, str(NODE_PORT), cluster.password]),
                            input=json.dumps(keys), capture_output=True, text=True, timeout=60, check=True)
    return json.loads(answer.stdout)


class Workload:
    """The clients' process on the client host."""

    def __init__(self, cluster, clients, seed, pause=0.005):
        self.path = cluster.dir / "history"
        settings = cluster.dir / "workload.json"
        settings.write_text(json.dumps(cluster.workload_settings(clients, seed, pause)))
        program = Path(__file__).resolve().parent / "workload.py"
        self.process = start_process(cluster.network.inside("client", ["python3", str(program), str(settings), str(self.path)]))

    def stop(self):
        self.process.terminate()
        if self.process.wait(60) != 0:
            raise AssertionError("the clients of the lab ended with an error")
        return history.load(self.path)


def run_schedule(seed, settings, clients=16, faults=4, keep=None, say=print):
    """One schedule; returns its verdict. The folder stays when something was wrong and `keep` names a place for it."""
    folder = Path(tempfile.mkdtemp(prefix="redis-portal-lab."))
    cluster = PortalCluster(folder, settings=settings, seed=seed)
    verdict = None
    try:
        cluster.start()
        wait_until(lambda: cluster.healthy(quiet=True), 30, "the cluster is in sync")
        workload = Workload(cluster, clients, seed)
        Injector(cluster).run(schedule.draw(seed, faults), say)
        wait_until(cluster.healthy, 60, "every node is linked to one leader after the last fault")
        time.sleep(1.0)  # the clients go on for a moment on the healed cluster
        operations = workload.stop()
        wait_until(lambda: cluster.healthy(quiet=True), 20, "the cluster is in sync in the end")
        verdict = checker.check(operations, final_state(cluster, operations))
        return verdict
    finally:
        cluster.stop()
        if keep and (verdict is None or verdict.violations or verdict.lost):
            shutil.copytree(folder, Path(keep) / f"seed-{seed}", dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.key"))
        shutil.rmtree(folder, ignore_errors=True)


def portal_settings(pairs):
    """writes.proven=strict -> the YAML lines of that key."""
    sections = collections.defaultdict(list)
    for pair in pairs:
        name, value = pair.split("=", 1)
        section, key = name.split(".", 1)
        sections[section].append(f"  {key}: {value}")
    return [line for section, lines in sections.items() for line in (f"{section}:", *lines)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=4)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--keep", help="folder for the files of runs that went wrong")
    parser.add_argument("--show", action="store_true", help="print the schedules and do nothing")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.runs)
    if options.show:
        for seed in seeds:
            print(f"seed {seed}", *schedule.draw(seed, options.faults), sep="\n  ")
        return 0
    if reason := network.unavailable():
        print(f"skipped: {reason}")
        return 0
    proven = any(pair.startswith("writes.proven=") and not pair.endswith("=off") for pair in options.set)
    bad = 0
    for seed in seeds:
        print(f"seed {seed}", flush=True)
        verdict = run_schedule(seed, portal_settings(options.set), options.clients, options.faults, options.keep,
                               say=lambda text: print(text, flush=True))
        wrong = verdict.violations + (verdict.lost if proven else [])
        print(f"  acknowledged {verdict.acknowledged}, lost {len(verdict.lost)}, reads of vanished writes {len(verdict.dirty)}, violations {len(verdict.violations)}, "
              f"connections ended {verdict.dropped}, errors {dict(verdict.errors)}, longest gap {verdict.longest_gap:.2f} s", flush=True)
        for text in wrong[:20]:
            print(f"  WRONG: {text}", flush=True)
        bad += bool(wrong)
    print(f"{len(seeds)} runs, {bad} with violations")
    return 1 if bad else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
