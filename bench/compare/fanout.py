"""What a published message costs for each subscriber that gets it, and how long another client waits meanwhile.

One publisher at Redis itself, all subscribers through one front. Every message of a burst has arrived everywhere before
the next burst is published, so that no front is helped by subscribers that fall behind.
"""

import multiprocessing
import selectors
import ssl
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from processes import CompareError
from resp_socket import ask, open_socket, tls_context

CHANNEL = b"bench:news"
SIZE = 64  # bytes of a message
BURSTS = (1, 16)  # messages published together
_DELIVERIES = 100_000
_PATIENCE = 60.0


@dataclass(frozen=True)
class FanOut:
    front: str
    subscribers: int
    burst: int
    per_second: float
    front_cpu: float  # microseconds per message and subscriber
    redis_cpu: float
    ping_p99: float  # milliseconds, of a client of the front that did not subscribe


def measure_fan_out(setup, front, subscribers, burst, scale=1.0):
    setup.require_running()
    context = tls_context(setup.certificates.ca_file)
    rounds = max(20, int(_DELIVERIES * scale) // (subscribers * burst))
    if subscribers == 1:
        rounds = min(rounds, int(5000 * scale))
    processes = {setup.redis, front.process or setup.redis}
    with ExitStack() as stack:
        publisher = stack.enter_context(open_socket(setup.redis_port))
        readers = stack.enter_context(_subscribers(front, context, subscribers))
        _publish_and_read(publisher, readers, burst)  # buffers have their size afterwards
        pings = stack.enter_context(_pings(setup, front))
        before = {each: each.cpu_seconds() for each in processes}
        started = time.monotonic()
        for _ in range(rounds):
            _publish_and_read(publisher, readers, burst)
        elapsed = time.monotonic() - started
        used = {each: each.cpu_seconds() - before[each] for each in processes}
        waits = sorted(pings())
    count = rounds * burst * subscribers
    return FanOut(
        front.name,
        subscribers,
        burst,
        count / elapsed,
        used[front.process] * 1e6 / count if front.process else 0.0,
        used[setup.redis] * 1e6 / count,
        waits[len(waits) * 99 // 100] * 1e3,
    )


def _publish_and_read(publisher, readers, burst):
    """Publishes one burst, and reads until every subscriber has all of it."""
    text = b"x" * SIZE
    publisher.sendall(b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(CHANNEL), CHANNEL, SIZE, text) * burst)
    frame = b"*3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(CHANNEL), CHANNEL, SIZE, text)
    missing = dict.fromkeys((key.fileobj for key in readers.get_map().values()), burst * len(frame))
    deadline = time.monotonic() + _PATIENCE
    while missing:
        if time.monotonic() > deadline:
            raise CompareError(f"{len(missing)} subscribers did not get their messages within {_PATIENCE:.0f} s")
        for key, _ in readers.select(timeout=1):
            try:
                data = key.fileobj.recv(1 << 16)
            except ssl.SSLWantReadError:
                continue
            if not data:
                raise CompareError("the front closed a subscriber's connection")
            left = missing[key.fileobj] - len(data)
            if left:
                missing[key.fileobj] = left
            else:
                del missing[key.fileobj]
    answers = 0
    while answers < burst:
        answers += publisher.recv(1 << 16).count(b"\n")


@contextmanager
def _subscribers(front, context, count):
    """A selector over connections that subscribed and do not block."""
    with ExitStack() as stack, selectors.DefaultSelector() as readers:
        for _ in range(count):
            connection = stack.enter_context(open_socket(front.port, context))
            if ask(connection, "SUBSCRIBE", CHANNEL) != b"*3":
                raise CompareError(f"{front.name} did not confirm SUBSCRIBE")
            connection.setblocking(False)
            readers.register(connection, selectors.EVENT_READ)
        yield readers


@contextmanager
def _pings(setup, front):
    """Another client in a process of its own; what is yielded ends it and returns how long each of its PINGs took."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_ping, args=(front.port, setup.certificates.ca_file, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        ours.recv()

        def finish():
            ours.send(None)
            return ours.recv()

        yield finish
    except EOFError:
        raise CompareError(f"the client that sends PING to {front.name} has failed") from None
    finally:
        ours.close()
        process.join()


def _ping(port, ca_file, pipe):
    waits = []
    with open_socket(port, tls_context(ca_file)) as connection:
        while not pipe.poll(0.001):
            asked = time.monotonic()
            ask(connection, "PING")
            waits.append(time.monotonic() - asked)
            if len(waits) == 1:
                pipe.send(None)
    pipe.send(waits)
