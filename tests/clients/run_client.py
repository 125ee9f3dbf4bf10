"""Runs the program of one client library against a demo of its own: `run_client.py NAME`.

The program learns where to connect from the environment (see `_addresses`), prints one line for each scenario, and asks for a fault
by a line `please WORD`, which is answered on its standard input by `done` once the fault has happened:

    version 1.2.3
    ok NAME | unsupported NAME: reason | failed NAME: reason
    please kill_leader | please count_connections | please kill_portal

Exit status: 0 all scenarios ok or not supported by the client, 1 one failed or is missing, 77 skipped (reason on the last line).
`run_client.py --list` prints the names; `--write-page` writes docs/use/clients.md from the results of the last runs, `--check-page` fails
when that page lacks a client or a scenario.
"""

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from catalogue import CLIENTS
from portal_support import PROGRAM, ROOT, Demo, start_process
from relays import RecordingAddress, SharedAddress, start_loop
from results_page import missing_from, write_page
from scenarios import SCENARIOS

SKIPPED = 77
PINS = ("requirements.txt", "package.json", "package-lock.json", "go.mod", "go.sum", "pom.xml", "Cargo.toml", "Cargo.lock")
FETCH_SECONDS = 240
BUILD_SECONDS = 600
RUN_SECONDS = 120
PAGE = ROOT / "docs/use/clients.md"
FOLDER = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("PORTAL_CLIENTS_CACHE", str(ROOT / "build/release/clients")))


class Skip(Exception):
    """This client cannot be tested on this machine."""


def _python_with_pip():
    for candidate in filter(None, (sys.executable, shutil.which("python3"))):
        if subprocess.run([candidate, "-m", "pip", "--version"], capture_output=True).returncode == 0:
            return candidate
    raise Skip("no Python with pip")


class _Stamp:
    """A file that tells for which commands and files a step was done."""

    def __init__(self, path, commands, files):
        digest = hashlib.sha256(repr(commands).encode())
        for file in files:
            digest.update(str(file).encode() + b"\0" + file.read_bytes())
        self._path, self._digest = path, digest.hexdigest()

    def holds(self):
        return self._path.exists() and self._path.read_text() == self._digest

    def forget(self):
        self._path.unlink(missing_ok=True)

    def set(self):
        self._path.write_text(self._digest)


class Preparation:
    """A work folder that holds a copy of the client's program and what it needs; done again when the program's files change."""

    def __init__(self, client):
        self.client = client
        self.work = CACHE / client.folder
        self.places = {"work": str(self.work), "python": sys.executable}
        if any("{python}" in word for command in (client.run, *client.fetch) for word in command):
            self.places["python"] = _python_with_pip()

    def filled(self, words):
        return [word.format(**self.places) for word in words]

    def environment(self):
        return {**os.environ, **{key: value.format(**self.places) for key, value in self.client.environment.items()}}

    def run(self):
        for program in self.client.needs:
            if not shutil.which(program):
                raise Skip(f"{program} is not installed")
        if self.client.probe and subprocess.run(self.client.probe, capture_output=True).returncode != 0:
            raise Skip("its Debian package is not installed")
        source = FOLDER / self.client.folder
        self.work.mkdir(parents=True, exist_ok=True)
        with open(self.work / ".lock", "w") as lock:  # clients of one language share a work folder
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._prepare(source, sorted(file for file in source.rglob("*") if file.is_file()))

    def _prepare(self, source, files):
        prepared = _Stamp(self.work / ".prepared", (self.client.fetch, self.client.build), files)
        if prepared.holds():
            return
        prepared.forget()
        shutil.copytree(source, self.work, dirs_exist_ok=True)
        fetched = _Stamp(self.work / ".fetched", self.client.fetch, [file for file in files if file.name in PINS])
        if not fetched.holds():
            fetched.forget()
            for command in self.client.fetch:
                self._step(command, FETCH_SECONDS, lambda why: Skip(f"could not be fetched: {why}"))
            fetched.set()
        for command in self.client.build:
            self._step(command, BUILD_SECONDS, lambda why: SystemExit(f"could not be built: {why}"))
        prepared.set()

    def _step(self, command, seconds, error):
        words = self.filled(command)
        log = self.work / "preparation.log"
        with open(log, "ab") as output:
            process = subprocess.Popen(words, cwd=self.work, env=self.environment(), stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=output, start_new_session=True)
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise error(f"{words[0]} took longer than {seconds} s") from None
        if status != 0:
            print(log.read_text(errors="replace")[-3000:], file=sys.stderr)
            raise error(f"{' '.join(words[:4])} ended with status {status}")


ASKED_FOR = ("kill_leader", "count_connections", "kill_portal")


class Faults:
    """Does what a program asks for by `please WORD`."""

    def __init__(self, demo):
        self.demo = demo
        self._accepted = 0.0
        self.connected_again = 0

    def _accepted_now(self):
        return self.demo.portals[0].metric("redis_portal_client_connections_accepted_total")

    def kill_leader(self):
        self._accepted = self._accepted_now()
        assert self._accepted > 0, "no such metric"
        self.demo.wait_replicated()  # what the program has written is to be there after its leader's death
        self.demo.leader().kill()

    def count_connections(self):
        """Counts those made since the leader was killed: a library may hide that it lost one."""
        self.connected_again = int(self._accepted_now() - self._accepted)

    def kill_portal(self):
        self.demo.portals[0].kill()


def _foreign_ca(folder):
    subprocess.run([PROGRAM, "certs", "init", "--dir", str(folder), "--names", "127.0.0.1,localhost"], check=True,
                   capture_output=True)
    return folder / "ca.crt"


def _addresses(demo, shared, recording):
    return {
        "PORTAL_HOST": "127.0.0.1",
        "PORTAL_PORT": str(demo.portals[0].port),  # one portal, for all scenarios but two
        "SHARED_PORT": str(shared.port),  # the first portal that lives
        "RECORDING_PORT": str(recording.port),  # for `opening`
        "CA_FILE": demo.ca_file,
        "FOREIGN_CA_FILE": str(_foreign_ca(demo.dir / "foreign")),
        "REDIS_USERNAME": "default",
        "REDIS_PASSWORD": demo.password,
    }


class Run:
    """One run of a program: its lines are read, its faults carried out."""

    def __init__(self, preparation, environment, faults):
        self.version = ""
        self.scenarios = {}
        self.faults = faults
        self.process = start_process(preparation.filled(preparation.client.run), cwd=preparation.work,
                                     env={**preparation.environment(), **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.too_long = False
        timer = threading.Timer(RUN_SECONDS, self._give_up)
        timer.start()
        started = time.monotonic()
        for line in self.process.stdout:
            self._line(line.decode(errors="replace").rstrip("\n"))
        self.status = self.process.wait()
        timer.cancel()
        self.seconds = time.monotonic() - started

    def _give_up(self):
        self.too_long = True
        self.process.kill()

    def _line(self, line):
        print(line, flush=True)
        word, _, rest = line.partition(" ")
        if word == "version":
            self.version = rest
        elif word == "please" and rest in ASKED_FOR:
            getattr(self.faults, rest)()
            self.process.stdin.write(b"done\n")
            self.process.stdin.flush()
        elif word in ("ok", "unsupported", "failed"):
            name, _, reason = rest.partition(": ")
            if line == "ok leader_killed" and self.faults.connected_again:
                word, reason = "failed", f"{self.faults.connected_again} connections were made anew"
            self.scenarios[name] = [word, reason]

    def problems(self):
        found = [f"{name}: {reason}" for name, (state, reason) in self.scenarios.items() if state == "failed"]
        found += [f"{name}: no such scenario" for name in self.scenarios if name not in SCENARIOS]
        found += [f"{name}: not reported" for name in SCENARIOS if name not in self.scenarios]
        found += [f"{name}: no reason given" for name, (state, reason) in self.scenarios.items()
                  if state == "unsupported" and not reason]
        if self.too_long:
            found.append(f"took longer than {RUN_SECONDS} s")
        elif self.status != 0:
            found.append(f"ended with status {self.status}")
        return found


def test(client):
    try:
        preparation = Preparation(client)
        started = time.monotonic()
        preparation.run()
        print(f"{client.name}: prepared in {time.monotonic() - started:.1f} s", flush=True)
    except Skip as reason:
        print(f"{client.name}: skipped: {reason}")
        return SKIPPED
    demo = Demo()
    try:
        loop = start_loop()
        shared = SharedAddress(loop, demo.portals)
        certificates = Path(demo.ca_file).parent
        recording = RecordingAddress(loop, demo.portals[0], demo.ca_file, certificates / "tls.crt", certificates / "tls.key")
        run = Run(preparation, _addresses(demo, shared, recording), Faults(demo))
        problems = run.problems()
        if problems:
            demo.dump_logs()
    finally:
        demo.stop()
    print(f"{client.name} {run.version}: {run.seconds:.1f} s, " + ("; ".join(problems) if problems else "all as it should be"))
    results = CACHE / "results"
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{client.name}.json").write_text(json.dumps(
        {"version": run.version, "scenarios": run.scenarios, "opening": recording.requests()}))
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("client", nargs="?", choices=[client.name for client in CLIENTS])
    parser.add_argument("--list", action="store_true", help="print the names of the clients")
    parser.add_argument("--write-page", action="store_true", help="write docs/use/clients.md from the results of the last runs")
    parser.add_argument("--check-page", action="store_true", help="fail when docs/use/clients.md lacks a client or a scenario")
    options = parser.parse_args()
    if options.list:
        print("\n".join(client.name for client in CLIENTS))
    elif options.write_page:
        write_page(CACHE / "results", PAGE)
    elif options.check_page:
        missing = missing_from(PAGE)
        print(f"{PAGE.name} lacks or words otherwise: {', '.join(missing)}" if missing else f"{PAGE.name} is complete")
        return 1 if missing else 0
    elif options.client:
        return test(next(client for client in CLIENTS if client.name == options.client))
    else:
        parser.error("name a client, or give an option")
    return 0


if __name__ == "__main__":
    sys.exit(main())
