"""redis-py with its default settings, for run_writes.py: each worker has a client of its own, counts up its counter and pushes its ids."""

import json
import sys
import threading
import time
from collections import Counter

import redis

from report import CA_FILE, HOST, PASSWORD, PORT, USERNAME

WORKERS = 50
PAUSE = 0.005
stop = threading.Event()


def named(error):
    """The code of an error that the server answered, else the kind of error."""
    word = str(error).split(" ")[0]
    return word if word.isupper() and isinstance(error, redis.ResponseError) else type(error).__name__


class Worker(threading.Thread):
    def __init__(self, number):
        super().__init__(daemon=True)
        self.number = number
        self.client = redis.Redis(host=HOST, port=PORT, username=USERNAME, password=PASSWORD, ssl=True, ssl_ca_certs=CA_FILE)
        self.tried, self.failed, self.values, self.errors = 0, [], [], Counter()

    def attempt(self, write, *arguments):
        try:
            return write(*arguments)
        except Exception as error:
            self.errors[named(error)] += 1
            return None

    def run(self):
        while not stop.is_set():
            self.values.append(self.attempt(self.client.incr, f"counter:{self.number}"))
            self.tried += 1
            self.failed.append(self.tried)
            if self.attempt(self.client.rpush, f"ids:{self.number}", self.tried) is not None:
                self.failed.pop()
            time.sleep(PAUSE)


workers = [Worker(number) for number in range(WORKERS)]
for worker in workers:
    worker.start()
print("version", redis.__version__, flush=True)
sys.stdin.readline()
stop.set()
deadline = time.monotonic() + 20
for worker in workers:
    worker.join(max(0, deadline - time.monotonic()))
print(json.dumps([{"tried": w.tried, "failed": w.failed, "values": w.values, "errors": w.errors} for w in workers]), flush=True)
