"""Job queues over three kills of the leader and three switchovers: `run_jobs.py NAME [--in-doubt error|close]`.

The program enqueues numbered jobs until a line comes on standard input, and starts the workers. It appends to the file JOBS_ACCEPTED the
number of each job that the library took without an error, and each job appends to JOBS_DONE its number and its worker. No accepted job
may be missing from JOBS_DONE in the end, and each worker that has done a job must do one after the last change of leader. How many jobs
were done twice is printed.

Exit status: 0 as it should be, 1 not, 77 skipped (reason on the last line). `run_jobs.py --list` prints the names; `--write-page` puts
the results of the last runs into docs/use/clients.md.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from catalogue import Client
from fault_sections import put_jobs
from portal_support import Demo, start_process, wait_until
from run_client import CACHE, PAGE, SKIPPED, Preparation, Skip

_PIP = ["{python}", "-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "20", "--only-binary", ":all:", "--no-deps",
        "--upgrade", "--target", "{work}/site", "--requirement", "requirements.txt"]


def _python(name, program, note):
    return Client(name, "Python", ["{python}", "-B", program], folder="jobs/python", fetch=(_PIP,), note=note,
                  environment={"PYTHONPATH": "{work}:{work}/site", "PATH": os.environ["PATH"]})


_NPM = ["npm", "ci", "--engine-strict", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=60000"]


def _node(name, *run, note=""):
    return Client(name, "JavaScript", ["node", *run], folder="jobs/node", needs=("node", "npm"), fetch=(_NPM,), note=note)


_SOCKET_IO = ("`@socket.io/redis-adapter` broadcasts by PUBLISH, which keeps nothing: *lost* counts deliveries, one for each message and "
              "server, that were lost around a change of leader. The adapter asks `PUBSUB NUMSUB` how many servers there are. The portal "
              "answered with its shards when this was measured (it counts clients since), so `serverCount()`, `fetchSockets()`, `allRooms()` and "
              "`serverSideEmit()` with an acknowledgement leave out other servers. The adapter looks after no failed PUBLISH: when ioredis got `-INDOUBT` for one, "
              "Node.js ended the server process (`unhandledRejection`).")


WORKLOADS = [
    _python("Celery", "celery_jobs.py",
            "a worker that gets `-INDOUBT` says `Unrecoverable error` and its process ends, and systemd or Kubernetes must start it again. "
            "With `close` it connects again. Use `listen[].in_doubt: close` for the listener of its workers. A job that a "
            "worker has taken by BRPOP is lost when the write behind it, which notes the job as not yet acknowledged, fails."),
    _python("RQ", "rq_jobs.py",
            "a worker that gets `-INDOUBT` for a write of its own says `found an unhandled exception, quitting` and its process ends. With "
            "`close` it goes on. Use `listen[].in_doubt: close` for the listener of its workers."),
    _node("BullMQ", "bullmq.mjs"),
    _node("socket.io-node-redis", "socketio.mjs", "redis", note=_SOCKET_IO),
    _node("socket.io-ioredis", "socketio.mjs", "ioredis", note=_SOCKET_IO),
    Client("Sidekiq", "Ruby", ["ruby", "sidekiq_jobs.rb"], folder="jobs/ruby", needs=("ruby", "sidekiq"),
           probe=["ruby", "-e", "require 'sidekiq'"]),
    Client("asynq", "Go", ["{work}/jobs"], folder="jobs/go", needs=("go",), fetch=(["go", "mod", "download"],),
           build=(["go", "build", "-o", "jobs", "."],),
           environment={"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"}),
]
BROADCASTS = ("socket.io-node-redis", "socket.io-ioredis")  # every worker gets every job, and may miss some: PUBLISH keeps nothing
ENDED_BY_INDOUBT = ("Celery", "RQ", "socket.io-ioredis")  # processes of theirs end when a write is answered -INDOUBT
SETTINGS = ("error", "close")
BETWEEN = 2.0  # seconds of jobs before each change of leader
DRAIN = 25.0  # seconds within which what was enqueued is done after the last job


class Workload:
    def __init__(self, preparation, demo, folder):
        self.files = {name: folder / name for name in ("JOBS_ACCEPTED", "JOBS_DONE")}
        for file in self.files.values():
            file.touch()
        self.log = folder / "log"
        self.broadcast = preparation.client.name in BROADCASTS
        self.version, self.refused, self.stopped = "", Counter(), threading.Event()
        environment = {"PORTAL_HOST": "127.0.0.1", "PORTAL_PORT": str(demo.portals[0].port), "CA_FILE": demo.ca_file,
                       "REDIS_PASSWORD": demo.password, **{name: str(file) for name, file in self.files.items()}}
        with open(self.log, "wb") as log:
            self.process = start_process(preparation.filled(preparation.client.run), cwd=preparation.work, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=log, process_group=0, text=True,
                                         env={**preparation.environment(), **environment})
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "version":
                self.version = rest
            elif word == "refused":
                self.refused[rest.split(":")[0]] += 1
            elif word == "stopped":
                self.stopped.set()

    def accepted(self):
        return {int(line) for line in self.files["JOBS_ACCEPTED"].read_text().splitlines()}

    def done(self):
        """(number, worker) of each job in the order in which they were done."""
        lines = self.files["JOBS_DONE"].read_text().splitlines()
        return [(int(number), worker) for number, worker in (line.split() for line in lines)]

    def wanted(self):
        """What must be done: each accepted job, or in a broadcast that of each worker."""
        accepted = self.accepted()
        return {(number, worker) for number in accepted for worker in self.workers()} if self.broadcast else accepted

    def finished(self):
        return self.wanted() <= (set(self.done()) if self.broadcast else {number for number, _ in self.done()})

    def workers(self):
        return {worker for _, worker in self.done()}

    def stop_producing(self):
        self.process.stdin.write("stop\n")
        self.process.stdin.flush()
        if not self.stopped.wait(20):
            raise AssertionError("the producer is stuck")

    def end(self):
        with contextlib.suppress(ProcessLookupError):  # all of them have ended
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _switched(demo):
    try:
        return demo.change_leader(kill=False)
    except subprocess.CalledProcessError:
        return None  # the portal refuses while no replica is in sync


def _change(demo, kill):
    wait_until(demo.leader, 20, "there is a leader")
    changed = demo.change_leader(kill=True) if kill else wait_until(lambda: _switched(demo), 30, "a switchover is accepted", every=0.5)
    demo.settle(*changed, kill=kill)


def _seen_within(seconds, condition):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def _drive(load, demo):
    """Returns the workers that do no job any more after the last change."""
    wait_until(lambda: len(load.done()) > 20, 120, "jobs are done")
    for kill in (True, True, True, False, False, False):
        time.sleep(BETWEEN)
        _change(demo, kill)
    before, workers = len(load.done()), load.workers()
    still = lambda: workers - {worker for _, worker in load.done()[before:]}
    _seen_within(15, lambda: not still())
    stuck = still()
    if load.process.poll() is not None:
        return load.workers() | {"the producer, which has ended"}
    load.stop_producing()
    _seen_within(2 if load.broadcast else DRAIN, load.finished)
    return stuck


def _left(demo):
    """The keys that the leader holds, for a run that went wrong."""
    with demo.leader().client() as look:
        return sorted(key.decode(errors="replace") for key in look.command("KEYS", "*"))[:20]


def run(preparation, setting):
    """What was seen, as a dict, and whether it is as it should be."""
    demo = Demo(settings=(f"writes.in_doubt={setting}",))
    load = None
    with tempfile.TemporaryDirectory(prefix="redis-portal-jobs.") as folder:
        try:
            load = Workload(preparation, demo, Path(folder))
            started = time.monotonic()
            stuck = _drive(load, demo)
            wanted, done = load.wanted(), Counter(load.done() if load.broadcast else (number for number, _ in load.done()))
            lost = sorted(wanted - set(done))
            seen = {"version": load.version, "seconds": round(time.monotonic() - started, 1), "accepted": len(load.accepted()),
                    "refused": dict(load.refused), "done": sum(done.values()), "workers": len(load.workers()),
                    "in doubt": int(demo.portals[0].metric("redis_portal_commands_in_doubt_total")),
                    "done twice": sum(times - 1 for times in done.values()),
                    "lost": len(lost), "stuck": len(stuck), "first lost": lost[:10]}
            good = not stuck and (load.broadcast or not lost)
            seen["left"] = [] if good else _left(demo)
            if not good:
                print(load.log.read_text(errors="replace")[-6000:], file=sys.stderr)
            return seen, good
        except BaseException:
            if load:
                print(load.log.read_text(errors="replace")[-6000:], file=sys.stderr)
            raise
        finally:
            if load:
                load.end()
            demo.stop()


def _results():
    """What the last runs have found, as (workload, setting, note, result); those that were not run are left out."""
    files = [(each, setting, CACHE / f"results/jobs/{each.name}-{setting}.json") for each in WORKLOADS for setting in SETTINGS]
    return [(each.name, setting, each.note, json.loads(file.read_text())) for each, setting, file in files if file.exists()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workload", nargs="?", choices=[each.name for each in WORKLOADS])
    parser.add_argument("--in-doubt", choices=SETTINGS, help="default: one that all workers survive")
    parser.add_argument("--list", action="store_true", help="print the names of the workloads")
    parser.add_argument("--write-page", action="store_true", help="put the results of the last runs into docs/use/clients.md")
    options = parser.parse_args()
    if options.list:
        print("\n".join(each.name for each in WORKLOADS))
        return 0
    if options.write_page:
        put_jobs(_results(), PAGE)
        return 0
    if not options.workload:
        parser.error("name a workload, or give an option")
    try:
        preparation = Preparation(next(each for each in WORKLOADS if each.name == options.workload))
        preparation.run()
    except Skip as reason:
        print(f"{options.workload}: skipped: {reason}")
        return SKIPPED
    setting = options.in_doubt or ("close" if options.workload in ENDED_BY_INDOUBT else "error")
    seen, good = run(preparation, setting)
    print(options.workload, setting, json.dumps(seen), flush=True)
    results = CACHE / "results/jobs"
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{options.workload}-{setting}.json").write_text(json.dumps(seen))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
