#!/usr/bin/env python3
"""Measures the portal, HAProxy and Redis's own TLS side by side, in front of one redis-server on loopback.

On a shared machine trust CPU per request and the ratios within a run; requests per second vary with the neighbours.
"""

import argparse
import itertools
import signal
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import report
from connections import TLS_VERSIONS, measure_handshakes, measure_idle_memory
from fanout import BURSTS, measure_fan_out
from fronts import FRONT_NAMES, USUAL_FRONTS, Settings, make_certificates, most_clients, require_descriptors, require_programs, start
from load import CASES, VARIANT_CASES, many_case, measure_case
from processes import CompareError, raise_descriptor_limit

_ROOT = Path(__file__).resolve().parents[2]
_MOST_SIDE_ROUNDS = 3  # of what no goal is set for
VARIANTS = {"threads-2": {"threads": 2}, "proven": {"proven": True}, "busy-poll": {"busy_poll": 100}}
_LONE_VARIANTS = ("busy-poll",)  # which also a lone client shows


def _names(known):
    def parse(value):
        names = [name.strip() for name in value.split(",")]
        wrong = [name for name in names if name not in known]
        if wrong:
            raise argparse.ArgumentTypeError(f"{wrong[0]!r} is not one of {', '.join(known)}")
        return names

    return parse


def _at_least_one(value):
    number = int(value)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _numbers(value):
    return [_at_least_one(number) for number in value.split(",")]


def _arguments():
    cases = [case.name for case in CASES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portal", type=Path, default=_ROOT / "build/release/redis-portal", help="the program to measure")
    parser.add_argument(
        "--fronts",
        type=_names(FRONT_NAMES),
        help=f"some of {','.join(FRONT_NAMES)} (default: all; floor, the least that a front can do, only with --full)",
    )
    parser.add_argument("--case", type=_names(cases), default=cases, help=f"some of {','.join(cases)}")
    parser.add_argument("--no-load", action="store_true", help="leave the cases out (with --fan-out, --handshakes or --idle)")
    parser.add_argument("--rounds", type=_at_least_one, default=3, help="runs of each case through each front (default 3)")
    parser.add_argument("--quick", action="store_true", help="one round with a fifth of the requests: a try, not a figure")
    parser.add_argument(
        "--fan-out", type=_numbers, default=[], metavar="N,...", help="also messages to N subscribers of one channel, for each N"
    )
    parser.add_argument("--handshakes", action="store_true", help="also full and resumed handshakes, TLS 1.2 and 1.3")
    parser.add_argument("--idle", type=_at_least_one, metavar="N", help="also memory of N idle connections, fresh processes")
    parser.add_argument("--many", action="store_true", help="also 10,000 connected clients (or what the limit of open files allows), 1 %% active")
    parser.add_argument(
        "--variants",
        type=_names(VARIANTS),
        default=[],
        help=f"also some of {','.join(VARIANTS)}: a few cases with two threads each, with proven writes, or with busy_poll",
    )
    parser.add_argument("--full", action="store_true", help="everything, five rounds: what the goals are judged by")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write compare.json and compare.md there")
    arguments = parser.parse_args()
    arguments.fronts = arguments.fronts or list(FRONT_NAMES if arguments.full else USUAL_FRONTS)
    if arguments.full:
        arguments.rounds = 5
        arguments.handshakes = arguments.many = True
        arguments.idle = arguments.idle or 3000
        arguments.fan_out = arguments.fan_out or [1, 100, 1000]
        arguments.variants = arguments.variants or list(VARIANTS)
    if arguments.quick:
        arguments.rounds = 1
    return arguments


def _progress(line):
    print(line, file=sys.stderr, flush=True)


def _most_clients(arguments):
    many = [many_case(most_clients()).connections] if arguments.many else []
    return max([arguments.idle or 0] + arguments.fan_out + many + [case.clients for case in CASES if case.name in arguments.case])


def _fan_out(setup, subscribers, burst, arguments):
    """The fronts take turns, so that a neighbour's load does not fall on one of them alone."""
    fronts = [front for front in setup.fronts if front.name != "floor"]  # which knows no subscriptions
    rounds = {front.name: [] for front in fronts}
    for number in range(min(arguments.rounds, _MOST_SIDE_ROUNDS)):
        for front in fronts:
            _progress(f"{subscribers} subscriber(s), bursts of {burst}, {front.name}, round {number + 1}")
            rounds[front.name].append(measure_fan_out(setup, front, subscribers, burst, 0.2 if arguments.quick else 1))
    return [report.fan_out_record(each) for each in rounds.values()]


def _cases(arguments, setup, cases, rounds):
    """The records of these cases, measured one after the other."""
    for case in cases:
        scaled = case.scaled(0.2 if arguments.quick else 1)
        yield report.case_record(scaled, measure_case(scaled, setup, rounds, _progress))


@contextmanager
def _may_fail(what):
    """What else was measured is worth more than an end here."""
    try:
        yield
    except CompareError as error:
        _progress(f"{what} was not measured: {error}")


def _variant(arguments, folder, name, settings):
    """A few cases with other settings. Without the portal's own kind of writes there is nothing to compare it with."""
    fronts = [front for front in arguments.fronts if front not in ("redis-tls", "floor") and not (settings.proven and front == "haproxy")]
    cases = [case for case in CASES if case.name == "c1" and name in _LONE_VARIANTS] + list(VARIANT_CASES)
    with ExitStack() as stack:
        setup = start(stack, folder / name, fronts, settings)
        rounds = min(arguments.rounds, _MOST_SIDE_ROUNDS)
        return {"variant": name, "cases": list(_cases(arguments, setup, cases, rounds))}


def _measure(arguments, folder):
    certificates = make_certificates(folder / "certificates", arguments.portal)
    settings = Settings(certificates, arguments.portal, _most_clients(arguments))
    results = {
        "environment": report.environment(arguments.portal),
        "rounds": arguments.rounds,
        "cases": [],
        "variants": [],
        "fan_out": [],
        "handshakes": [],
        "idle": [],
    }

    with ExitStack() as stack:
        setup = start(stack, folder / "load", arguments.fronts, settings)
        if not arguments.no_load:
            chosen = [case for case in CASES if case.name in arguments.case]
            results["cases"] += _cases(arguments, setup, chosen, arguments.rounds)
        for subscribers, burst in itertools.product(arguments.fan_out, BURSTS):
            with _may_fail(f"fan-out to {subscribers} subscriber(s)"):
                results["fan_out"] += _fan_out(setup, subscribers, burst, arguments)
        if arguments.handshakes:
            for front in setup.fronts:
                for tls in TLS_VERSIONS:
                    for resumed in (False, True):
                        _progress(f"{'resumed' if resumed else 'full'} handshakes, TLS {tls}, {front.name}")
                        row = measure_handshakes(setup, front, tls, resumed, seconds=1 if arguments.quick else 4)
                        results["handshakes"].append(asdict(row))
    if arguments.many:  # fresh processes: what a thousand clients left behind is no part of it
        with _may_fail("the case of many clients"), ExitStack() as stack:
            setup = start(stack, folder / "many", arguments.fronts, settings)
            results["cases"] += _cases(arguments, setup, [many_case(most_clients())], arguments.rounds)
    for name in arguments.variants:
        with _may_fail(f"variant {name}"):
            results["variants"].append(_variant(arguments, folder, name, replace(settings, **VARIANTS[name])))
    if arguments.idle:
        for name in arguments.fronts:
            for tls in TLS_VERSIONS:
                _progress(f"{arguments.idle} idle connections, TLS {tls}, {name}")
                with ExitStack() as stack:
                    setup = start(stack, folder / f"idle-{name}-{tls}", [name], settings)
                    row = measure_idle_memory(setup, setup.fronts[0], tls, arguments.idle)
                    results["idle"].append(asdict(row))
    return results


def main():
    arguments = _arguments()
    # A polite kill unwinds like Ctrl-C does, so that what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        raise_descriptor_limit()
        require_programs(arguments.fronts, arguments.portal)
        require_descriptors(_most_clients(arguments))
        with tempfile.TemporaryDirectory(prefix="redis-portal-compare-") as folder:
            results = _measure(arguments, Path(folder))
        print(report.text(results))
        if arguments.out:
            report.write_files(results, arguments.out)
            _progress(f"wrote {arguments.out / 'compare.json'} and {arguments.out / 'compare.md'}")
    except (CompareError, OSError) as error:
        print(f"compare: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("compare: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
