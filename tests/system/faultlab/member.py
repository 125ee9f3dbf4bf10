"""One process of the lab on its host: started, killed, paused; its fork can be slow and its date wrong."""

import mmap
import signal
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from portal_support import start_process  # noqa: E402


def build_tricks(folder):
    """Compiles what is preloaded into members; its path."""
    library = Path(folder) / "slow_fork_and_clock.so"
    source = Path(__file__).resolve().parent / "slow_fork_and_clock.c"
    subprocess.run(["gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


class Member:
    """A kill is SIGKILL, a pause SIGSTOP. What was started dies with this process."""

    def __init__(self, network, host, argv, log, tricks=None):
        """`tricks`: what build_tricks() made, for members whose fork and clock the lab plays with."""
        self.network, self.host, self.argv, self.log = network, host, [str(word) for word in argv], log
        self.process = None
        self.paused = False
        self.tricks = None
        if tricks is not None:
            path = Path(log).with_suffix(".tricks")
            path.write_bytes(struct.pack("qq", 0, 0))
            with open(path, "r+b") as file:
                self.tricks = mmap.mmap(file.fileno(), 16)
            # A program built with a sanitizer wants its own library in front.
            self.argv = ["env", f"LD_PRELOAD={tricks}", f"LAB_TRICKS={path}", "ASAN_OPTIONS=verify_asan_link_order=0", *self.argv]

    def start(self):
        with open(self.log, "ab") as out:
            self.process = start_process(self.network.inside(self.host, self.argv), stdout=out, stderr=out)

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def slow_fork(self, milliseconds):
        self.tricks[0:8] = struct.pack("q", milliseconds)

    def set_clock(self, seconds_off):
        self.tricks[8:16] = struct.pack("q", seconds_off)

    def starve(self, percent):
        """Leaves it that part of a processor. What ends it; without a control group for processors, nothing happens."""
        group = Path(f"/sys/fs/cgroup/cpu/redis-portal-lab-{self.process.pid}")
        try:
            group.mkdir()
            (group / "cpu.cfs_period_us").write_text("1000000")  # so it has nothing for almost a second at a time
            (group / "cpu.cfs_quota_us").write_text(str(percent * 10000))
            (group / "cgroup.procs").write_text(str(self.process.pid))
        except OSError:
            return lambda: None

        def end():
            for each in (group / "cgroup.procs").read_text().split():
                (group.parent / "cgroup.procs").write_text(each)
            group.rmdir()
        return end

    def kill(self):
        if self.running:
            self.process.kill()
            self.process.wait()
        self.paused = False

    def pause(self):
        if self.running:
            self.process.send_signal(signal.SIGSTOP)
            self.paused = True

    def resume(self):
        if self.paused:
            self.process.send_signal(signal.SIGCONT)
            self.paused = False
