"""An application of redis-py for test_maintenance.py: asks without a pause until its standard input ends. It tries nothing a second
time, so each error is one that the application would have seen."""

import json
import sys
import threading
from collections import Counter

import redis
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig, MaintNotificationsConnectionHandler, MaintNotificationsPoolHandler
from redis.retry import Retry

KINDS = {"NodeMovingNotification": "moving", "NodeFailingOverNotification": "failing_over", "NodeFailedOverNotification": "failed_over"}


def count_notices(counted):
    """Each notice that the library acts on."""
    for handler in (MaintNotificationsConnectionHandler, MaintNotificationsPoolHandler):
        def handle(self, notification, *, original=handler.handle_notification):
            counted[KINDS.get(type(notification).__name__, "other")] += 1
            return original(self, notification)
        handler.handle_notification = handle


def work(client, settings, counted, errors, over):
    name = f"maintained:{threading.get_ident()}"
    while not over.is_set():
        try:
            if settings.get("reads"):
                client.get(name)
            else:
                client.incr(name)
            counted["done"] += 1
        except redis.RedisError as error:
            errors.append(type(error).__name__)
            over.wait(0.2)


def main():
    settings = json.loads(sys.argv[1])
    counted, errors, over = Counter(), [], threading.Event()
    count_notices(counted)
    client = redis.Redis(host=settings["host"], port=settings["port"], password=settings["password"], ssl=True,
                         ssl_ca_certs=settings["ca_file"], protocol=3, socket_timeout=settings["timeout"], retry=Retry(NoBackoff(), 0),
                         maint_notifications_config=MaintNotificationsConfig(enabled=settings["maintenance"]))
    client.ping()
    workers = [threading.Thread(target=work, args=(client, settings, counted, errors, over)) for _ in range(settings["workers"])]
    for worker in workers:
        worker.start()
    print("running", flush=True)
    sys.stdin.read()
    over.set()
    for worker in workers:
        worker.join()
    print(json.dumps({"version": redis.__version__, "done": counted["done"], "errors": errors[:20], "failed": len(errors),
                      "moving": counted["moving"], "failing_over": counted["failing_over"], "failed_over": counted["failed_over"]}), flush=True)


if __name__ == "__main__":
    main()
