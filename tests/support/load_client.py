"""Clients that write and read back all the time, for tests that take a leader away under load."""

import collections
import threading
import time

from portal_support import wait_until
from resp_client import ConnectionClosed, RespError


class LoadClient(threading.Thread):
    """Writes unique ids and reads back, one command at a time, until told to stop; records all that happens."""

    def __init__(self, number, client):
        super().__init__(name=f"load-{number}", daemon=True)
        self.number = number
        self.client = client
        self.stopping = False
        self.acknowledged = []  # (key, value, time sent, time acknowledged)
        self.in_doubt = []      # keys
        self.errors = collections.Counter()  # (command, kind of error)
        self.dropped = None
        self.worst_wait = 0.0

    def run(self):
        serial = 0
        try:
            while not self.stopping:
                serial += 1
                key, value = f"load:{self.number}:{serial}", f"{self.number}-{serial}"
                sent = time.monotonic()
                reply = self.client.command("SET", key, value)
                now = time.monotonic()
                self.worst_wait = max(self.worst_wait, now - sent)
                if reply == "OK":
                    self.acknowledged.append((key, value, sent, now))
                elif isinstance(reply, RespError):
                    self.errors["SET", reply.kind] += 1
                    self.in_doubt.append(key)
                else:
                    self.errors["SET", f"unexpected {reply!r}"] += 1
                reply = self.client.command("GET", key)
                if isinstance(reply, RespError):
                    self.errors["GET", reply.kind] += 1
                elif reply is not None and reply != value.encode():
                    self.errors["GET", f"reply of another request: {reply!r}"] += 1
        except (ConnectionClosed, OSError) as error:
            self.dropped = error


def write_more(clients, count, what, deadline=60):
    """Returns when each client that still has its connection has had `count` more writes acknowledged."""
    before = [len(client.acknowledged) for client in clients]
    wait_until(lambda: all(len(c.acknowledged) >= n + count or c.dropped for c, n in zip(clients, before)), deadline, what)


def stop_all(clients):
    for client in clients:
        client.stopping = True
    for client in clients:
        client.join(30)


def missing_writes(reader, acknowledged):
    """Those of the acknowledged writes that `reader` does not find."""
    values = [reader.pipeline([("GET", key) for key, *_ in acknowledged[i:i + 500]]) for i in range(0, len(acknowledged), 500)]
    return [write for write, value in zip(acknowledged, (v for part in values for v in part)) if value != write[1].encode()]
