"""What the Python workloads share: where to connect, the two files that run_jobs.py reads, the worker processes and the producer."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

HOST, PORT, PASSWORD, CA_FILE = (os.environ[name] for name in ("PORTAL_HOST", "PORTAL_PORT", "REDIS_PASSWORD", "CA_FILE"))
_PR_SET_PDEATHSIG = 1


def note(file, text):
    """Appends one line to the file that this environment variable names, in one write, so that lines of processes do not mix."""
    with open(os.environ[file], "ab", buffering=0) as out:
        out.write(f"{text}\n".encode())


def done(number, worker):
    note("JOBS_DONE", f"{number} {worker}")


def start_worker(*words):
    """A worker process that dies with this one; what it prints goes to the log of the run."""
    return subprocess.Popen([sys.executable, "-B", *words], stdin=subprocess.DEVNULL, stdout=sys.stderr,
                            preexec_fn=lambda: ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))


def produce(version, enqueue, pause):
    """Enqueues jobs 1, 2, ... until a line comes on standard input; JOBS_ACCEPTED gets the number of each that the library took."""
    print("version", version, flush=True)
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    number = 0
    while not stop.is_set():
        number += 1
        try:
            enqueue(number)
            note("JOBS_ACCEPTED", number)
        except Exception as error:
            print(f"refused {type(error).__name__} {str(error)[:60]}", flush=True)
        time.sleep(pause)
    print("stopped", flush=True)
