"""Child processes of a comparison: started in order, stopped by pid in the opposite order, with CPU time and memory."""

import ctypes
import os
import random
import resource
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1
_DESCRIPTORS = 65536
_libc = ctypes.CDLL(None)


class CompareError(Exception):
    """What went wrong, as one sentence for the user."""


def raise_descriptor_limit():
    """Ten thousand clients need ten thousand descriptors, here and in every child, and a front twice as many."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for limit in (max(hard, _DESCRIPTORS), hard):  # root may have more than the limit it was given
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return


def free_port():
    """A free loopback port below the range that the kernel takes for outgoing connections."""
    for _ in range(200):
        port = random.randrange(20000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise CompareError("no free port between 20000 and 30000 was found on 127.0.0.1")


def _child_setup():
    # Should this process be killed, the kernel still stops the child; Ctrl-C is for this process alone, which then
    # stops its children in order.
    os.setsid()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """One started program. Its output goes to a log file."""

    def __init__(self, name, argv, log):
        self.name = name
        self.log = Path(log)
        with open(self.log, "ab") as output:
            self._process = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=_child_setup,
            )
        self.pid = self._process.pid

    def require_running(self):
        status = self._process.poll()
        if status is None:
            return
        lines = self.log.read_text(errors="replace").strip().splitlines()
        last = lines[-1] if lines else "no output"
        raise CompareError(f"{self.name} ended by itself with status {status}; its last line was: {last}")

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def cpu_seconds(self):
        """User and system time of all threads, ended ones included."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND

    def resident_kib(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def wait_until(self, answers, seconds=20):
        """Asks until `answers()` is true; an OSError counts as a no."""
        deadline = time.monotonic() + seconds
        while True:
            self.require_running()
            try:
                if answers():
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise CompareError(f"{self.name} did not answer within {seconds} s; see {self.log}")
            time.sleep(0.05)


def run(argv, seconds=300):
    """Runs a program to its end and returns what it printed."""
    try:
        done = subprocess.run(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            preexec_fn=_child_setup,
        )
    except subprocess.TimeoutExpired:
        raise CompareError(f"{argv[0]} did not end within {seconds} s") from None
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        last = lines[-1] if lines else "no output"
        raise CompareError(f"{argv[0]} ended with status {done.returncode}: {last}")
    return done.stdout
