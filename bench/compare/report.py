"""Puts measurements into words: tables for the terminal, the same as Markdown and JSON."""

import json
import os
import platform
import statistics
import subprocess
import time
from dataclasses import asdict

from goals import checks
from load import medians

_CASE_HEAD = ("case", "front", "requests/s", "front us", "redis us", "sum us", "p50 ms", "p99 ms")
_RATIO_HEAD = ("portal / haproxy", "requests/s", "front us", "sum us", "p50", "p99")
_FAN_OUT_HEAD = ("subscribers", "burst", "front", "deliveries/s", "front us", "redis us", "sum us", "other's PING p99 ms")
_HANDSHAKE_HEAD = ("front", "TLS", "handshake", "per second", "front us each")
_IDLE_HEAD = ("front", "TLS", "idle connections", "front KiB each", "redis KiB each", "sum KiB each")

_GOAL_HEAD = ("goal", "figure", "measured", "wanted", "met", "floor")
_VARIANT_HEAD = ("variant", *_CASE_HEAD)

_FAN_OUT_FIGURES = ("per_second", "front_cpu", "redis_cpu", "ping_p99")


def environment(portal_program):
    """Where and with what the figures were made."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
        "versions": {
            "redis-server": _first_line("redis-server", "--version"),
            "haproxy": _first_line("haproxy", "-v"),
            "openssl": _first_line("openssl", "version"),
            "portal": _first_line(str(portal_program), "--version"),
        },
    }


def _cpu_model():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def _first_line(*argv):
    try:
        output = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return output.splitlines()[0] if output else None


def ratio(portal, haproxy):
    """Below 1 is better for everything but requests per second."""
    pairs = {
        "requests_per_second": (portal.requests_per_second, haproxy.requests_per_second),
        "front_cpu": (portal.front_cpu, haproxy.front_cpu),
        "total_cpu": (portal.total_cpu, haproxy.total_cpu),
        "p50": (portal.p50, haproxy.p50),
        "p99": (portal.p99, haproxy.p99),
    }
    return {name: above / below if below else None for name, (above, below) in pairs.items()}


def case_record(case, samples):
    """One case for the report: all rounds, their medians and the ratios, as plain data."""
    middle = {name: medians(rounds) for name, rounds in samples.items()}
    record = {
        "case": asdict(case),
        "fronts": {
            name: {
                "median": asdict(middle[name]) | {"total_cpu": middle[name].total_cpu},
                "rounds": [asdict(sample) for sample in rounds],
            }
            for name, rounds in samples.items()
        },
    }
    if "portal" in middle and "haproxy" in middle:
        record["portal_to_haproxy"] = ratio(middle["portal"], middle["haproxy"])
    if "floor" in middle and "haproxy" in middle:
        record["floor_to_haproxy"] = ratio(middle["floor"], middle["haproxy"])
    return record


def fan_out_record(rounds):
    """The medians of one front's rounds, and the rounds."""
    middle = {name: statistics.median(getattr(each, name) for each in rounds) for name in _FAN_OUT_FIGURES}
    first = rounds[0]
    named = {"front": first.front, "subscribers": first.subscribers, "burst": first.burst}
    return named | middle | {"rounds": [asdict(each) for each in rounds]}


def _case_rows(records):
    for record in records:
        for name, front in record["fronts"].items():
            middle = front["median"]
            yield (
                record["case"]["title"],
                name,
                f"{middle['requests_per_second']:.0f}",
                "" if name == "redis-tls" else f"{middle['front_cpu']:.2f}",
                f"{middle['redis_cpu']:.2f}",
                f"{middle['total_cpu']:.2f}",
                f"{middle['p50']:.3f}",
                f"{middle['p99']:.3f}",
            )


def _ratio_rows(records):
    for record in records:
        if "portal_to_haproxy" in record:
            values = record["portal_to_haproxy"].values()
            yield (record["case"]["title"], *("" if value is None else f"{value:.2f}" for value in values))


def _fan_out_rows(records):
    for row in records:
        own = "" if row["front"] == "redis-tls" else f"{row['front_cpu']:.2f}"
        total = f"{row['front_cpu'] + row['redis_cpu']:.2f}"
        yield (
            *(str(row["subscribers"]), str(row["burst"]), row["front"], f"{row['per_second']:.0f}"),
            *(own, f"{row['redis_cpu']:.2f}", total, f"{row['ping_p99']:.1f}"),
        )


def _handshake_rows(handshakes):
    for row in handshakes:
        kind = "resumed" if row["resumed"] else "full"
        yield (row["front"], row["tls"], kind, f"{row['per_second']:.0f}", f"{row['cpu']:.0f}")


def _idle_rows(idle):
    for row in idle:
        front, redis = row["front_kib"], row["redis_kib"]
        own = "" if row["front"] == "redis-tls" else f"{front:.1f}"
        yield (row["front"], row["tls"], str(row["connections"]), own, f"{redis:.1f}", f"{front + redis:.1f}")


def _goal_rows(found):
    for check in found:
        wanted = f"{check['sign']} {check['bound']:.2f}"
        floor = "" if check["floor"] is None else f"{check['floor']:.2f}"
        yield (check["title"], check["what"], f"{check['value']:.2f}", wanted, "met" if check["met"] else "not met", floor)


def _variant_rows(variants):
    for variant in variants:
        yield from ((variant["variant"], *row) for row in _case_rows(variant["cases"]))


def _tables(results):
    for head, rows in (
        (_CASE_HEAD, _case_rows(results["cases"])),
        (_RATIO_HEAD, _ratio_rows(results["cases"])),
        (_GOAL_HEAD, _goal_rows(checks(results))),
        (_VARIANT_HEAD, _variant_rows(results["variants"])),
        (_FAN_OUT_HEAD, _fan_out_rows(results["fan_out"])),
        (_HANDSHAKE_HEAD, _handshake_rows(results["handshakes"])),
        (_IDLE_HEAD, _idle_rows(results["idle"])),
    ):
        rows = list(rows)
        if rows:
            yield head, rows


def _is_number(text):
    return text.replace(".", "", 1).isdigit()


def text(results):
    """Aligned columns for a terminal."""
    blocks = []
    for head, rows in _tables(results):
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        lines = []
        for row in [head, *rows]:
            right = [row is not head and _is_number(cell) for cell in row]
            cells = [cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right)]
            lines.append("  ".join(cells).rstrip())
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def markdown(results):
    where = results["environment"]
    versions = ", ".join(version for version in where["versions"].values() if version)
    lines = [
        "# The portal beside HAProxy",
        "",
        f"{where['date']}; {where['cores']} cores, {where['cpu']}, Linux {where['kernel']}, load {where['load_average']:.1f}.",
        f"{versions}.",
        f"Medians over {results['rounds']} round(s). CPU in microseconds per request, all threads; Redis's own TLS is the floor.",
    ]
    for head, rows in _tables(results):
        lines += ["", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def write_files(results, folder):
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results | {"goals": checks(results)}, indent=2)
    (folder / "compare.json").write_text(text + "\n")
    (folder / "compare.md").write_text(markdown(results))
