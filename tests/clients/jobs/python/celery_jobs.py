"""Celery: two workers of four processes each, without a result store."""

import os
import time

import celery

from work import CA_FILE, HOST, PASSWORD, PORT, done, produce, start_worker

app = celery.Celery("jobs", broker=f"rediss://default:{PASSWORD}@{HOST}:{PORT}/0?ssl_cert_reqs=required&ssl_ca_certs={CA_FILE}")
app.conf.update(task_ignore_result=True, worker_hijack_root_logger=False, broker_connection_retry_on_startup=True,
                broker_transport_options={"visibility_timeout": 10})  # the default of an hour is too long for a test


@app.task(name="job")
def job(number):
    done(number, os.getppid())  # the worker; it may give all jobs to few of its processes


if __name__ == "__main__":
    workers = [start_worker("-m", "celery", "-A", "celery_jobs", "worker", "--concurrency", "4", "--loglevel", "WARNING",
                            "--hostname", f"w{number}@%h") for number in range(2)]
    produce(celery.__version__, job.delay, 0.01)
    while True:
        time.sleep(1)
