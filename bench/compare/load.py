"""The cases: what redis-benchmark sends, and what one run of it costs the front and Redis."""

import csv
import io
from dataclasses import dataclass, replace
from statistics import median

from connections import idle_connections
from processes import CompareError, run
from resp_socket import ask, open_socket, tls_context

_KEY = "key:__rand_int__"  # redis-benchmark's own key where no key space is asked for


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    clients: int
    pipeline: int
    command: str
    size: int
    requests: int  # enough for two seconds or more, since CPU time is counted in ticks of 10 ms
    idle: int = 0  # further connections that do nothing meanwhile

    @property
    def connections(self):
        return self.clients + self.idle

    def scaled(self, factor):
        return replace(self, requests=max(int(self.requests * factor), self.clients * self.pipeline * 4))


CASES = (
    Case("c1", "1 client, GET 64 B", 1, 1, "get", 64, 50_000),
    Case("c50", "50 clients, GET 64 B", 50, 1, "get", 64, 200_000),
    Case("c500-set", "500 clients, SET 64 B", 500, 1, "set", 64, 200_000),
    Case("c1000", "1000 clients, GET 64 B", 1000, 1, "get", 64, 200_000),
    Case("c50-p16", "50 clients, pipeline 16, GET 64 B", 50, 16, "get", 64, 1_200_000),
    Case("c50-4k", "50 clients, GET 4 KiB", 50, 1, "get", 4096, 150_000),
    Case("c20-64k", "20 clients, GET 64 KiB", 20, 1, "get", 65536, 30_000),
)
_ACTIVE = 100  # of the many


def many_case(most):
    """10,000 connected clients, or `most`, of which one in a hundred sends requests."""
    connections = min(10_000, most)
    return Case("c10000", f"{connections:,} clients, 1 % active, GET 64 B", _ACTIVE, 1, "get", 64, 200_000, connections - _ACTIVE)


VARIANT_CASES = tuple(case for case in CASES if case.name in ("c50", "c500-set", "c50-p16"))


@dataclass(frozen=True)
class Sample:
    """One run, or the medians of several. CPU in microseconds per request, latency in milliseconds."""

    requests_per_second: float
    front_cpu: float
    redis_cpu: float
    p50: float
    p99: float

    @property
    def total_cpu(self):
        return self.front_cpu + self.redis_cpu


def medians(samples):
    return Sample(
        *(median(getattr(sample, name) for sample in samples) for name in Sample.__dataclass_fields__)
    )


def measure(case, setup, front):
    """Runs one case once through one front."""
    setup.require_running()
    _prepare(case, setup, front)
    argv = ["redis-benchmark", "-h", "127.0.0.1", "-p", front.port, "--csv", "--tls"]
    argv += ["--cacert", setup.certificates.ca_file, "-c", case.clients, "-P", case.pipeline]
    argv += ["-t", case.command, "-d", case.size, "-n", case.requests]
    redis_before = setup.redis.cpu_seconds()
    front_before = front.process.cpu_seconds() if front.process else 0.0
    output = run(argv)
    redis_after = setup.redis.cpu_seconds()
    front_after = front.process.cpu_seconds() if front.process else 0.0
    setup.require_running()
    # Errors and warnings stand before the table that is asked for.
    start = output.find('"test"')
    rows = list(csv.DictReader(io.StringIO(output[start:]))) if start >= 0 else []
    if len(rows) != 1:
        raise CompareError(f"redis-benchmark printed no result for {front.name}, case {case.name}: {output.strip()}")
    per_request = 1e6 / case.requests
    return Sample(
        float(rows[0]["rps"]),
        (front_after - front_before) * per_request,
        (redis_after - redis_before) * per_request,
        float(rows[0]["p50_latency_ms"]),
        float(rows[0]["p99_latency_ms"]),
    )


def _prepare(case, setup, front):
    """Stores the value that a GET reads, and checks that it is what comes through the front."""
    value = b"x" * case.size
    with open_socket(setup.redis_port) as redis:
        ask(redis, "SET", _KEY, value)
    with open_socket(front.port, tls_context(setup.certificates.ca_file)) as client:
        if ask(client, "GET", _KEY) != value:
            raise CompareError(f"{front.name} did not give back the value that was stored in Redis")


def measure_case(case, setup, rounds, progress):
    """All rounds of one case, the fronts taking turns so that a slow moment of the machine meets all of them. Where
    connections must be opened first, one front has all its rounds before the next."""
    samples = {front.name: [] for front in setup.fronts}
    if case.idle:
        for front in setup.fronts:
            progress(f"{case.title}: {case.idle} idle connections, {front.name}")
            with idle_connections(front, tls_context(setup.certificates.ca_file), case.idle):
                for index in range(rounds):
                    progress(f"{case.title}: round {index + 1} of {rounds}, {front.name}")
                    samples[front.name].append(measure(case, setup, front))
        return samples
    for index in range(rounds):
        turn = index % len(setup.fronts)
        for front in setup.fronts[turn:] + setup.fronts[:turn]:
            progress(f"{case.title}: round {index + 1} of {rounds}, {front.name}")
            samples[front.name].append(measure(case, setup, front))
    return samples
