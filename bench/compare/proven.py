#!/usr/bin/env python3
"""What proven writes cost: SET through three portals alike but for writes.proven, in front of one leader with one replica.

All three run all the time and take turns, so the ratios within a run count; requests per second vary with the neighbours.
"""

import argparse
import csv
import io
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from fronts import make_certificates, require_programs
from processes import Child, CompareError, free_port, raise_descriptor_limit, run
from resp_socket import answers_ping, ask, open_socket, tls_context

_ROOT = Path(__file__).resolve().parents[2]
MODES = ("off", "available", "strict")
CASES = ((50, 1, 100_000), (500, 1, 100_000), (50, 16, 400_000))  # clients, pipeline, requests


def _start_node(stack, folder, name, leader=None):
    port = free_port()
    argv = ["redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", folder, "--maxclients", 2000,
            "--repl-diskless-sync-delay", 0]
    node = Child(name, argv + (["--replicaof", f"127.0.0.1 {leader}"] if leader else []), folder / f"{name}.log")
    stack.callback(node.stop)
    node.wait_until(lambda: answers_ping(port))
    return node, port


def _start_portal(stack, folder, mode, ports, certificates, program):
    port = free_port()
    configuration = folder / f"{mode}.yaml"
    nodes = "".join(f'  - {{name: redis-{i}, address: "127.0.0.1:{each}"}}\n' for i, each in enumerate(ports))
    configuration.write_text(
        f"""name: {mode}
threads: 1
listen:
  - address: 127.0.0.1:{port}
    tls: {{certificate: {certificates.certificate}, key: {certificates.key}}}
nodes:
{nodes}arbiter: {{file: {{path: {folder / mode}}}}}
writes: {{proven: "{mode}"}}
limits: {{sessions: 1500}}
admin: {{address: 127.0.0.1:{free_port()}}}
"""
    )
    portal = Child(f"portal-{mode}", [program, "serve", "--config", configuration], folder / f"{mode}.log")
    stack.callback(portal.stop)
    context = tls_context(certificates.ca_file)

    def writes():
        with open_socket(port, context) as client:
            return ask(client, "SET", "ready", "1") == b"+OK"

    portal.wait_until(writes)
    return portal, port


def _measure(case, portal, nodes, certificates):
    clients, pipeline, requests = case
    processes = [portal[0], *(node for node, _ in nodes)]
    before = [process.cpu_seconds() for process in processes]
    output = run(["redis-benchmark", "-h", "127.0.0.1", "-p", portal[1], "--csv", "--tls", "--cacert", certificates.ca_file,
                  "-c", clients, "-P", pipeline, "-t", "set", "-d", 64, "-n", requests])
    used = [(process.cpu_seconds() - start) * 1e6 / requests for process, start in zip(processes, before)]
    row = next(csv.DictReader(io.StringIO(output[output.find('"test"'):])))
    return [float(row["rps"]), *used, sum(used), float(row["p50_latency_ms"]), float(row["p99_latency_ms"])]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portal", type=Path, default=_ROOT / "build/release/redis-portal", help="the program to measure")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case through each portal (default 3)")
    parser.add_argument("--scale", type=float, default=1, help="so many times the usual number of requests")
    arguments = parser.parse_args()
    try:
        raise_descriptor_limit()
        require_programs(["portal"], arguments.portal)
        with tempfile.TemporaryDirectory(prefix="redis-portal-proven-") as name, ExitStack() as stack:
            folder = Path(name)
            certificates = make_certificates(folder / "certificates", arguments.portal)
            leader = _start_node(stack, folder, "redis-0")
            nodes = [leader, _start_node(stack, folder, "redis-1", leader[1])]
            ports = [port for _, port in nodes]
            portals = {mode: _start_portal(stack, folder, mode, ports, certificates, arguments.portal) for mode in MODES}
            print("| case | writes.proven | requests/s | of off | portal us | leader us | replica us | sum us | p50 ms | p99 ms |")
            print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
            for clients, pipeline, requests in CASES:
                case = (clients, pipeline, int(requests * arguments.scale))
                rounds = {mode: [] for mode in MODES}
                for number in range(arguments.rounds):
                    for mode in MODES[number % 3:] + MODES[:number % 3]:
                        rounds[mode].append(_measure(case, portals[mode], nodes, certificates))
                figures = {mode: [median(column) for column in zip(*each)] for mode, each in rounds.items()}
                for mode, figure in figures.items():
                    rate, *cpu = figure
                    print(f"| {clients} clients{f', pipeline {pipeline}' if pipeline > 1 else ''} | {mode} | {rate:.0f} | "
                          f"{rate / figures['off'][0]:.2f} | " + " | ".join(f"{each:.2f}" for each in cpu) + " |", flush=True)
    except (CompareError, OSError) as error:
        print(f"proven: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
