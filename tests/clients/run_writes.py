"""What happens to writes whose connection is lost, of one library with its default settings: `run_writes.py NAME [--in-doubt error|close]`.

The library's program has 50 workers, each with a connection of its own, that count up a counter (INCR) and push ids (RPUSH) through a
portal, until a line comes on standard input. Meanwhile the leader is killed with kill -9, then replaced by switchovers, then the
portal's connections to it are cut while it lives, each three times. Then the program prints one line of JSON: for each worker `tried`
(its last id), `failed` (the ids whose push was not acknowledged), `values` (what each INCR answered, null for an error) and `errors`.
What the leader holds afterwards says which writes were done twice or are missing.

`run_writes.py --list` prints the names; `--write-page` puts the results of the last runs into docs/use/clients.md.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from catalogue import CLIENTS
from fault_sections import put_writes
from portal_support import Demo, start_process, wait_until
from run_client import CACHE, PAGE, SKIPPED, Preparation, Skip

PROGRAMS = {
    "redis-py": ["{python}", "-B", "writes.py"],
    "ioredis": ["node", "writes.mjs", "ioredis"],
    "node-redis": ["node", "writes.mjs", "redis"],
    "go-redis": ["{work}/bin/writes"],
    "Jedis": ["java", "-XX:TieredStopAtLevel=1", "-cp", "{work}/classes:{work}/lib/*", "clients.WritesProgram"],
}
SETTINGS = ("error", "close")
FAULTS = ("kill", "switchover", "cut")
TIMES = 3
BETWEEN = 1.5  # seconds of writes before each fault
RESULTS = CACHE / "results/writes"


class Workload:
    """The program, and what the leader holds of its writes."""

    def __init__(self, name, demo):
        client = next(client for client in CLIENTS if client.name == name)
        self.preparation = Preparation(replace(client, run=PROGRAMS[name]))
        self.preparation.run()
        self.demo = demo
        environment = {"PORTAL_HOST": "127.0.0.1", "PORTAL_PORT": str(demo.portals[0].port), "CA_FILE": demo.ca_file,
                       "FOREIGN_CA_FILE": demo.ca_file, "SHARED_PORT": "0", "RECORDING_PORT": "0",
                       "REDIS_USERNAME": "default", "REDIS_PASSWORD": demo.password}
        self.process = start_process(self.preparation.filled(self.preparation.client.run), cwd=self.preparation.work,
                                     env={**self.preparation.environment(), **environment}, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        self.version = self.process.stdout.readline().split()[-1]
        self.workers = 50

    def held(self):
        """The ids of each worker on the leader."""
        with wait_until(self.demo.leader, 20, "there is a leader").client() as look:
            return [[int(value) for value in look.command("LRANGE", f"ids:{worker}", "0", "-1")] for worker in range(self.workers)]

    def counters(self):
        with wait_until(self.demo.leader, 20, "there is a leader").client() as look:
            return [int(look.command("GET", f"counter:{worker}")) for worker in range(self.workers)]

    def lengths(self):
        with wait_until(self.demo.leader, 20, "there is a leader").client() as look:
            return [look.command("LLEN", f"ids:{worker}") for worker in range(self.workers)]

    def stopped(self, seconds):
        """How many workers push nothing within this time, though there is a leader."""
        before = self.lengths()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and any(now <= then for now, then in zip(self.lengths(), before)):
            time.sleep(0.2)
        return sum(now <= then for now, then in zip(self.lengths(), before))

    def end(self):
        timer = threading.Timer(60, self.process.kill)
        timer.start()
        output, _ = self.process.communicate("stop\n")
        timer.cancel()
        return json.loads(output)


def _cut(demo):
    """The leader ends every connection of a client right after it has done their commands, before it answers: those are in doubt.

    While it is stopped the commands of the workers gather, and behind them the order to end their connections: it does all of that in
    one go, and writes answers only after it.
    """
    leader = wait_until(demo.leader, 20, "there is a leader")
    with leader.client() as cutter:
        leader.pause()
        time.sleep(0.15)
        cutter.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        leader.resume()
        cutter.read()


def _switched(demo):
    """As Demo.change_leader(); None when the portal refuses, as it does while no replica is in sync."""
    try:
        return demo.change_leader(kill=False)
    except subprocess.CalledProcessError:
        return None


def _do(demo, fault):
    wait_until(demo.leader, 20, "there is a leader")
    if fault == "cut":
        _cut(demo)
    elif fault == "kill":
        demo.settle(*demo.change_leader(kill=True), kill=True)
    else:
        demo.settle(*wait_until(lambda: _switched(demo), 30, "a switchover is accepted", every=0.5), kill=False)


def _surplus(values):
    """(value, done twice, missing) for each increment: with none failed in between, each answers one more than the last."""
    last = failed = 0
    for value in values:
        if value is None:
            failed += 1
            continue
        yield value, max(0, value - last - 1 - failed), max(0, last + 1 - value)
        last, failed = value, 0


def judge(reported, held, counters):
    """What became of all writes; `counters` holds those of the leader at the end of each kind of fault."""
    found = Counter()
    for number, (worker, ids) in enumerate(zip(reported, held)):
        failed, present = set(worker["failed"]), Counter(ids)
        acknowledged = set(range(1, worker["tried"] + 1)) - failed
        found["acknowledged"] += len(acknowledged) + sum(value is not None for value in worker["values"])
        found["pushed twice"] += sum(times - 1 for times in present.values())
        found["missing"] += len(acknowledged - set(present))
        found["failed pushes done"] += len(failed & set(present))
        for value, twice, missing in _surplus(worker["values"]):
            fault = next((fault for fault in FAULTS if value <= counters[fault][number]), FAULTS[-1])
            found[f"counted twice: {fault}"] += twice
            found["missing"] += missing
        found.update({f"error {name}": times for name, times in worker["errors"].items()})
    return found


def _pushed_twice(held):
    return sum(len(ids) - len(set(ids)) for ids in held)


def run(name, setting):
    demo = Demo(settings=(f"writes.in_doubt={setting}",))
    try:
        load = Workload(name, demo)
        doubt = lambda: int(demo.portals[0].metric("redis_portal_commands_in_doubt_total"))
        phases, counters, stopped = {}, {}, 0
        for fault in FAULTS:
            doubt_before, twice_before = doubt(), _pushed_twice(load.held())
            for _ in range(TIMES):
                time.sleep(BETWEEN)
                _do(demo, fault)
            stopped = max(stopped, load.stopped(15))
            counters[fault] = load.counters()  # each worker has gone on: no write of before is still on its way
            phases[fault] = {"in doubt": doubt() - doubt_before, "pushed twice": _pushed_twice(load.held()) - twice_before}
        found = judge(load.end(), load.held(), counters)
        for fault in FAULTS:
            phases[fault]["counted twice"] = found.pop(f"counted twice: {fault}")
        return {"version": load.version, "phases": phases, "stopped": stopped, "total": found}
    except BaseException:
        demo.dump_logs()
        raise
    finally:
        demo.stop()


def problems(setting, result):
    """What must not be: a write that its client was told of, or that a planned change met, is never done twice; all workers go on."""
    twice = {fault: seen["pushed twice"] + seen["counted twice"] for fault, seen in result["phases"].items()}
    found = []
    if setting == "error" and sum(twice.values()):
        found.append(f"writes were done twice though their client had been told: {twice}")
    if twice["switchover"] or result["phases"]["switchover"]["in doubt"]:
        found.append("a switchover left writes in doubt")
    if result["phases"]["cut"]["in doubt"] == 0:
        found.append("no write was in doubt, so nothing was shown")
    if result["stopped"]:
        found.append(f"{result['stopped']} workers write no more")
    return found


def _results():
    """What the last runs have found, as (library, setting, result); a library that this machine cannot have is left out."""
    files = [(name, setting, RESULTS / f"{name}-{setting}.json") for name in PROGRAMS for setting in SETTINGS]
    return [(name, setting, json.loads(file.read_text())) for name, setting, file in files if file.exists()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("client", nargs="?", choices=list(PROGRAMS))
    parser.add_argument("--in-doubt", choices=SETTINGS, action="append", help="default: both, one after the other")
    parser.add_argument("--list", action="store_true", help="print the names of the libraries")
    parser.add_argument("--write-page", action="store_true", help="put the results of the last runs into docs/use/clients.md")
    options = parser.parse_args()
    if options.list:
        print("\n".join(PROGRAMS))
    elif options.write_page:
        put_writes(_results(), PAGE)
    elif options.client:
        for setting in options.in_doubt or SETTINGS:
            try:
                result = run(options.client, setting)
            except Skip as reason:
                print(f"{options.client}: skipped: {reason}")
                return SKIPPED
            print(options.client, setting, json.dumps(result), flush=True)
            RESULTS.mkdir(parents=True, exist_ok=True)
            (RESULTS / f"{options.client}-{setting}.json").write_text(json.dumps(result))
            if found := problems(setting, result):
                print("; ".join(found))
                return 1
    else:
        parser.error("name a library, or give an option")
    return 0


if __name__ == "__main__":
    sys.exit(main())
