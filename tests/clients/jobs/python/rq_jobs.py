"""RQ: two workers, each of which forks a process for a job."""

import os
import sys
import time

import redis
import rq

from work import CA_FILE, HOST, PASSWORD, PORT, done, produce, start_worker

connection = redis.Redis(host=HOST, port=int(PORT), password=PASSWORD, ssl=True, ssl_ca_certs=CA_FILE)
queue = rq.Queue("jobs", connection=connection)


def job(number):
    done(number, os.getppid())


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        sys.exit(0 if rq.Worker([queue], connection=connection).work(logging_level="WARNING") else 1)
    workers = [start_worker("rq_jobs.py", "worker") for _ in range(2)]
    produce(rq.__version__, lambda number: queue.enqueue("rq_jobs.job", number), 0.1)
    while True:
        time.sleep(1)
