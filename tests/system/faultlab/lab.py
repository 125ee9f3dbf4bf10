#!/usr/bin/env python3
"""The fault lab: real Redis nodes and portals in namespaces, clients that write, faults drawn from a seed, and a checker.

  lab.py --runs 20 --seed 1                twenty random schedules, seeds 1 to 20
  lab.py --runs 20 --jobs 2 --etcd 3       two at a time; the record is kept by an etcd of three members, whose faults count, too
  lab.py --set writes.proven=strict        with that portal setting; then a lost acknowledged write is a violation, too, and
                                           each fault waits until the one before is healed (--overlap: it does not)
  lab.py --seed 7 --show                   prints the schedule of seed 7 under the same options
  lab.py --scenarios                       the named situations of scenarios.py, one after another (--only WORDS: some of them)

Exit status 0: no violation. Needs root. Ctrl-C ends it; namespaces, mounts and processes go with it.
"""

import argparse
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
import scenarios  # noqa: E402
import schedule  # noqa: E402
import workload  # noqa: E402
from cluster import NODE_PORT  # noqa: E402
from injector import Injector  # noqa: E402
from portal_cluster import PortalCluster  # noqa: E402
from portal_support import start_process, wait_until  # noqa: E402

CALM_END = 1.0  # seconds for which the clients go on when everything is healed


def final_state(cluster, operations):
    """What the leader holds in the end."""
    keys = {kind: sorted({op.key for op in operations if op.kind in kinds}) for kind, kinds in
            {"counters": ("count", "share", "swap"), "pairs": ("transfer",), "lists": ("append", "push"), "sets": ("add",),
             "registers": ("write",)}.items()}
    counters = keys["counters"] + [key + part for key in keys["pairs"] for part in (":a", ":b")]
    text = lambda value: value.decode() if isinstance(value, bytes) else value
    with cluster.client(cluster.leader().host, NODE_PORT, timeout=30) as client:
        return {"counters": {key: int(client.command("GET", key) or 0) for key in counters},
                "lists": {key: [text(each) for each in client.command("LRANGE", key, 0, -1)] for key in keys["lists"]},
                "sets": {key: [text(each) for each in client.command("SMEMBERS", key)] for key in keys["sets"]},
                "registers": {key: text(client.command("GET", key)) for key in keys["registers"]}}


class Workload:
    """The clients' process on the client host."""

    def __init__(self, cluster, clients, seed, pause=0.01):
        self.path = cluster.dir / "history"
        settings = cluster.dir / "workload.json"
        settings.write_text(json.dumps(cluster.workload_settings(clients, seed, pause)))
        program = Path(__file__).resolve().parent / "workload.py"
        self.process = start_process(cluster.network.inside("client", ["python3", "-B", str(program), str(settings), str(self.path)]),
                                     stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "running\n":
            raise AssertionError("the clients of the lab did not start")

    @staticmethod
    def first_front(client):
        """The front that a client takes first."""
        return client // len(workload.PLANS) % 2

    def stop(self):
        self.process.terminate()
        status = self.process.wait(60)
        self.process.stdout.close()
        if status != 0:
            raise AssertionError("the clients of the lab ended with an error")
        return history.load(self.path)


def run(seed, inject, settings=(), clients=20, etcd=0, nodes=2, keep=None, say=print, agents=False):
    """One cluster under load, with whatever `inject(injector)` does to it. Returns the verdict.

    `inject` may return a function that takes the history and returns further violations, or None. `keep`: a folder that gets the
    logs and the history when something was wrong.
    """
    folder = Path(tempfile.mkdtemp(prefix="redis-portal-lab."))
    cluster, verdict = None, None
    try:
        cluster = PortalCluster(folder, etcd=etcd, agents=agents, nodes=nodes, settings=settings, seed=seed)
        injector = Injector(cluster, say)
        cluster.start()
        injector.wait_whole("at the start", quiet=True)
        wait_until(cluster.ready, 60, "the portals know that every node is in sync", every=0.1)
        clients_at_work = Workload(cluster, clients, seed)
        judge = inject(injector)
        injector.wait_whole("after the last fault")
        # With proven writes there is service only then: the only replica must be back among those that may be promoted.
        wait_until(cluster.ready, 60, "the portals know that every node is in sync after the last fault", every=0.1)
        calm = time.monotonic()
        time.sleep(CALM_END)
        operations = clients_at_work.stop()
        injector.wait_whole("in the end", quiet=True)
        verdict = checker.check(operations, final_state(cluster, operations))
        if not any(checker.acknowledges_a_write(op) and op.start > calm for op in operations):
            verdict.violation("no write was acknowledged though all faults were over")
        verdict.violations += judge(operations) if judge else []
        return verdict
    finally:
        with undisturbed():
            if cluster is not None:
                cluster.stop()
            if keep and (verdict is None or verdict.violations or verdict.lost):
                shutil.copytree(folder, Path(keep) / f"seed-{seed}", dirs_exist_ok=True,
                                ignore=shutil.ignore_patterns("*.key", "filler", "etcd"))
            if cluster is not None:
                cluster.discard()
            shutil.rmtree(folder, ignore_errors=True)


class undisturbed:
    """While this lasts, Ctrl-C and termination wait."""

    SIGNALS = {signal.SIGINT, signal.SIGTERM}

    def __enter__(self):
        self.before = signal.pthread_sigmask(signal.SIG_BLOCK, self.SIGNALS)

    def __exit__(self, *_):
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)


def run_schedule(seed, faults=4, overlap=True, etcd=0, spacing=schedule.SPACING, **options):
    steps = schedule.draw(seed, faults, spacing, etcd, overlap)
    return run(seed, lambda injector: injector.run_on_time(steps) if overlap else injector.run_one_by_one(steps), etcd=etcd, **options)


def run_scenarios(chosen, seed=1, **options):
    def inject(injector):
        observed = scenarios.run(injector, chosen)
        return lambda operations: [sentence for each in observed for sentence in each.judge(operations)]
    return run(seed, inject, **options)


def told(verdict):
    return (f"acknowledged {verdict.acknowledged}, lost {len(verdict.lost)}, reads of vanished writes {len(verdict.dirty)}, "
            f"violations {len(verdict.violations)}, connections ended {verdict.dropped}, reconnects {verdict.reconnects}, "
            f"errors {dict(verdict.errors)}, longest gap {verdict.longest_gap:.2f} s")


def is_proven(pairs):
    return any(name == "writes.proven" and value != "off" for name, value in pairs)


def in_parallel(seeds, jobs, argv):
    """Runs each seed in a process of its own, `jobs` at a time; the number of those with violations."""
    waiting, going, bad = list(seeds), [], 0
    while waiting or going:
        while waiting and len(going) < jobs:
            seed = waiting.pop(0)
            output = tempfile.TemporaryFile("w+")
            child = start_process([sys.executable, "-B", __file__, *argv, "--seed", str(seed), "--runs", "1", "--jobs", "1"],
                                  stdout=output, stderr=output)
            going.append((child, output))
        for child, output in [each for each in going if each[0].poll() is not None]:
            going.remove((child, output))
            output.seek(0)
            # The last line sums up this one run.
            print("".join(output.readlines()[:-1 if child.returncode in (0, 1) else None]), end="", flush=True)
            bad += child.returncode != 0
        time.sleep(0.1)
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="how many runs at a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=4)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--etcd", type=int, default=0, metavar="MEMBERS", help="0: the portals share a file")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--overlap", action="store_true", help="faults that overlap, also with proven writes")
    parser.add_argument("--scenarios", action="store_true")
    parser.add_argument("--agents", action="store_true", help="the scenarios for a cluster with an agent beside each node")
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("--keep", help="folder for the files of runs that went wrong")
    parser.add_argument("--show", action="store_true", help="print the schedules and do nothing")
    options = parser.parse_args()
    settings = [tuple(pair.split("=", 1)) for pair in options.set]
    proven = is_proven(settings)
    overlap = options.overlap or not proven
    seeds = range(options.seed, options.seed + options.runs)
    if options.show:
        for seed in seeds:
            print(f"seed {seed}", *schedule.draw(seed, options.faults, etcd=options.etcd, overlap=overlap), sep="\n  ")
        return 0
    if reason := network.unavailable():
        print(f"skipped: {reason}")
        return 0
    if options.jobs > 1:
        bad = in_parallel(seeds, options.jobs, sys.argv[1:])
        print(f"{len(seeds)} runs, {bad} with violations")
        return 1 if bad else 0
    common = {"settings": settings, "clients": options.clients, "etcd": options.etcd, "nodes": options.nodes, "keep": options.keep,
              "say": lambda text: print(text, flush=True)}
    bad = 0
    for seed in seeds:
        print(f"seed {seed}", flush=True)
        try:
            if options.scenarios:
                known = scenarios.WITH_AGENTS if options.agents else scenarios.SCENARIOS
                chosen = [each for each in known if options.only in each.name and each.etcd <= options.etcd and
                          (options.only or not each.heavy)]
                verdict = run_scenarios(chosen, seed, agents=options.agents, **common)
            else:
                verdict = run_schedule(seed, options.faults, overlap, **common)
        except AssertionError as failed:
            print(f"  WRONG: {failed}", flush=True)
            bad += 1
            continue
        wrong = verdict.violations + (verdict.lost if proven else [])
        print(f"  {told(verdict)}", flush=True)
        for text in wrong[:20]:
            print(f"  WRONG: {text}", flush=True)
        bad += bool(wrong)
    print(f"{len(seeds)} runs, {bad} with violations")
    return 1 if bad else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
