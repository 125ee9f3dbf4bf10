"""The programs that are compared: one redis-server, and fronts that speak TLS to clients and forward to it."""

import os
import resource
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from processes import Child, CompareError, free_port, run
from resp_socket import answers_ping, ask, open_socket, tls_context

FRONT_NAMES = ("redis-tls", "haproxy", "portal", "floor")
USUAL_FRONTS = FRONT_NAMES[:3]  # floor: the least that a front can do, bench/floor/plain_front.cpp
_SPARE_CONNECTIONS = 100  # for the checks of this program and of the fronts


@dataclass(frozen=True)
class Certificates:
    ca_file: Path
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Settings:
    """What every start has in common. `clients` is how many connections the fronts must take at a time; `proven`: the
    portal answers a write when a replica has it; `busy_poll`: microseconds for which the portal looks again before it sleeps."""

    certificates: Certificates
    portal_program: Path
    clients: int
    threads: int = 1
    proven: bool = False
    busy_poll: int = 0

    @property
    def connection_limit(self):
        return self.clients + _SPARE_CONNECTIONS


@dataclass
class Front:
    """Where clients connect, and whose CPU time that costs. redis-tls is Redis itself, so it has no process of its own."""

    name: str
    port: int
    process: Child | None = None


@dataclass
class Setup:
    """Everything that runs during a measurement."""

    redis: Child
    redis_port: int
    certificates: Certificates
    fronts: list[Front] = field(default_factory=list)

    def require_running(self):
        self.redis.require_running()
        for front in self.fronts:
            if front.process:
                front.process.require_running()


def require_programs(fronts, portal_program):
    """Nothing is started unless everything that will be needed is there."""
    wanted = {"redis-server": "redis-server", "redis-benchmark": "redis-tools"}
    if "haproxy" in fronts:
        wanted["haproxy"] = "haproxy"
    for program, package in wanted.items():
        if _program(program) is None:
            raise CompareError(f"{program} is not installed: apt-get install {package}")
    if "floor" in fronts and not os.access(_floor_program(portal_program), os.X_OK):
        raise CompareError(f"{_floor_program(portal_program)} does not exist: build it with 'make build'")
    if "portal" in fronts and not os.access(portal_program, os.X_OK):
        raise CompareError(f"{portal_program} does not exist: build it with 'make build', or leave it out with --fronts")


def most_clients():
    """HAProxy needs two descriptors for each client, and refuses to start without."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 2 * _SPARE_CONNECTIONS


def require_descriptors(clients):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = most_clients()
    if clients > most:
        raise CompareError(f"{clients} connections are too many: the limit of {limit} open files here allows {most}")


def _program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def _floor_program(portal_program):
    """It is built beside the portal."""
    return portal_program.parent / "bench" / "plain_front"


def make_certificates(folder, portal_program):
    """One leaf certificate for all fronts; made by the portal where it is built, else by openssl."""
    folder.mkdir()
    if os.access(portal_program, os.X_OK):
        run([portal_program, "certs", "init", "--dir", folder, "--names", "localhost,127.0.0.1"])
        return Certificates(folder / "ca.crt", folder / "tls.crt", folder / "tls.key")
    certificate, key = folder / "tls.crt", folder / "tls.key"
    run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "7"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        + ["-keyout", key, "-out", certificate]
    )
    return Certificates(certificate, certificate, key)


def start(stack: ExitStack, folder, names, settings):
    """Starts Redis and the named fronts; the stack stops them. Returns when each of them answers PING."""
    folder.mkdir()
    redis, redis_port, tls_port = _start_redis(stack, folder, settings)
    replica_port = _start_replica(stack, folder, settings) if settings.proven else None
    setup = Setup(redis, redis_port, settings.certificates)
    starters = {"haproxy": _start_haproxy, "portal": _start_portal, "floor": _start_floor}
    context = tls_context(settings.certificates.ca_file)
    for name in names:
        if name == "redis-tls":
            setup.fronts.append(Front(name, tls_port))
            continue
        port = free_port()
        process = starters[name](folder, port, [redis_port] + ([replica_port] if replica_port else []), settings)
        stack.callback(process.stop)
        process.wait_until(lambda port=port: answers_ping(port, context))
        if settings.proven and name == "portal":
            process.wait_until(lambda port=port: _takes_writes(port, context))
        setup.fronts.append(Front(name, port, process))
    return setup


def _start_redis(stack, folder, settings):
    port, tls_port = free_port(), free_port()
    certificates = settings.certificates
    process = Child(
        "redis-server",
        [_program("redis-server"), "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no"]
        + ["--dir", folder, "--maxclients", settings.connection_limit, "--tls-port", tls_port, "--tls-auth-clients", "no"]
        + ["--tls-cert-file", certificates.certificate, "--tls-key-file", certificates.key]
        + ["--tls-ca-cert-file", certificates.ca_file],
        folder / "redis-server.log",
    )
    stack.callback(process.stop)
    process.wait_until(lambda: answers_ping(port))
    return process, port, tls_port


def _start_replica(stack, folder, settings):
    """A second node. The portal makes it the replica of the first."""
    port = free_port()
    folder = folder / "replica"
    folder.mkdir()
    process = Child(
        "redis-server (replica)",
        [_program("redis-server"), "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no"]
        + ["--dir", folder, "--maxclients", settings.connection_limit, "--replicaof", "127.0.0.1 1"],
        folder / "redis-server.log",
    )
    stack.callback(process.stop)
    process.wait_until(lambda: answers_ping(port))
    return port


def _takes_writes(port, context):
    """Proven writes are answered only once a replica follows."""
    with open_socket(port, context) as client:
        return ask(client, "SET", "bench:ready", "1") == b"+OK"


def _start_haproxy(folder, port, redis_ports, settings):
    combined = folder / "haproxy.pem"
    combined.touch(mode=0o600)
    combined.write_bytes(settings.certificates.certificate.read_bytes() + settings.certificates.key.read_bytes())
    configuration = folder / "haproxy.cfg"
    configuration.write_text(
        f"""global
    nbthread {settings.threads}
    maxconn {settings.connection_limit}
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen redis
    bind 127.0.0.1:{port} ssl crt {combined} ssl-min-ver TLSv1.2
    server redis-0 127.0.0.1:{redis_ports[0]}
"""
    )
    return Child("haproxy", [_program("haproxy"), "-db", "-f", configuration], folder / "haproxy.log")


def _start_portal(folder, port, redis_ports, settings):
    certificates = settings.certificates
    nodes = "".join(f'  - {{name: redis-{i}, address: "127.0.0.1:{each}"}}\n' for i, each in enumerate(redis_ports))
    configuration = folder / "portal.yaml"
    configuration.write_text(
        f"""name: bench
threads: {settings.threads}
listen:
  - address: 127.0.0.1:{port}
    tls: {{certificate: {certificates.certificate}, key: {certificates.key}}}
nodes:
{nodes}arbiter: {{file: {{path: {folder / "record"}}}}}
limits: {{sessions: {settings.connection_limit}}}
{"writes: {proven: strict}" if settings.proven else ""}
{f"busy_poll: {settings.busy_poll}" if settings.busy_poll else ""}
admin: {{address: 127.0.0.1:{free_port()}}}
"""
    )
    return Child("redis-portal", [settings.portal_program, "serve", "--config", configuration], folder / "portal.log")


def _start_floor(folder, port, redis_ports, settings):
    certificates = settings.certificates
    argv = [_floor_program(settings.portal_program), port, redis_ports[0], certificates.certificate, certificates.key]
    return Child("plain_front", argv, folder / "plain_front.log")
