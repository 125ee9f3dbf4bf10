"""What connections cost apart from requests: handshakes, and memory while they are idle."""

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from processes import CompareError
from resp_socket import ask, open_socket, tls_context

TLS_VERSIONS = ("1.2", "1.3")


@dataclass(frozen=True)
class Handshakes:
    front: str
    tls: str
    resumed: bool
    count: int
    per_second: float
    cpu: float  # of the front, microseconds per handshake


@dataclass(frozen=True)
class IdleMemory:
    front: str
    tls: str
    connections: int
    front_kib: float  # resident memory per connection
    redis_kib: float  # what the connection costs Redis behind the front


@contextmanager
def idle_connections(front, context, connections):
    """Connections that send one PING each and then stay."""
    with ExitStack() as stack:
        for _ in range(connections):
            connection = stack.enter_context(open_socket(front.port, context))
            if ask(connection, "PING") != b"+PONG":
                raise CompareError(f"{front.name} did not answer PING")
        yield


def measure_handshakes(setup, front, tls, resumed, seconds):
    """One client that connects again and again. `openssl s_time` would not do: it never resumes a TLS 1.3 session."""
    setup.require_running()
    context = tls_context(setup.certificates.ca_file, tls)
    session = _session_of(front, context) if resumed else None
    process = front.process or setup.redis
    cpu_before, started = process.cpu_seconds(), time.monotonic()
    count = 0
    while time.monotonic() - started < seconds:
        with open_socket(front.port, context, session) as connection:
            if connection.session_reused != resumed:
                raise CompareError(f"{front.name} did not resume a TLS {tls} session")
        count += 1
    elapsed = time.monotonic() - started
    time.sleep(0.1)  # the last connections' ends are part of what is counted
    cpu = process.cpu_seconds() - cpu_before
    return Handshakes(front.name, tls, resumed, count, count / elapsed, cpu * 1e6 / count)


def _session_of(front, context):
    # Tickets of TLS 1.3 come after the handshake, so something must be read first.
    with open_socket(front.port, context) as connection:
        ask(connection, "PING")
        return connection.session


def measure_idle_memory(setup, front, tls, connections):
    """To be used with processes that did nothing before."""
    context = tls_context(setup.certificates.ca_file, tls)
    front_before = front.process.resident_kib() if front.process else 0
    redis_before = setup.redis.resident_kib()
    with idle_connections(front, context, connections):
        time.sleep(1)  # a front that gives buffers back when a connection falls idle has had the time
        setup.require_running()
        front_after = front.process.resident_kib() if front.process else 0
        redis_after = setup.redis.resident_kib()
    return IdleMemory(
        front.name,
        tls,
        connections,
        (front_after - front_before) / connections,
        (redis_after - redis_before) / connections,
    )
