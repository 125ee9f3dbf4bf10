#!/usr/bin/env python3
"""Draws compare.json as SVG: for each case, CPU per request of front and Redis, and requests per second."""

import argparse
import html
import json
import sys
from pathlib import Path

_COLOURS = {"redis-tls": "#8a8f98", "haproxy": "#d08a2e", "portal": "#2f6fb3", "floor": "#5b9a68"}
_WIDTH, _BAR, _GAP, _LEFT, _RIGHT, _TOP = 760, 14, 14, 250, 110, 46


def _text(x, y, words, anchor="start", size=12, weight="normal"):
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">{html.escape(words)}</text>'
    )


def _bars(title, unit, groups, shown):
    """`groups`: (label, [(front, [parts])]). Each group has its own scale, since cases differ by orders of magnitude."""
    lines, y = [], _TOP
    for label, rows in groups:
        most = max(sum(parts) for _, parts in rows) or 1
        lines.append(_text(_LEFT - 10, y + _BAR * len(rows) / 2 + 4, label, "end"))
        for front, parts in rows:
            x = _LEFT
            for number, part in enumerate(parts):
                width = part / most * (_WIDTH - _LEFT - _RIGHT)
                opacity = 1 if number == 0 else 0.45
                lines.append(
                    f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" fill="{_COLOURS[front]}" opacity="{opacity}"/>'
                )
                x += width
            lines.append(_text(x + 6, y + _BAR - 4, shown(sum(parts)), size=11))
            y += _BAR
        y += _GAP
    legend = [_text(10, 20, f"{title} ({unit})", size=14, weight="bold")]
    x = _LEFT
    for front, colour in _COLOURS.items():
        legend.append(f'<rect x="{x}" y="28" width="10" height="10" fill="{colour}"/>' + _text(x + 14, 37, front, size=11))
        x += 90
    body = "\n".join(legend + lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" font-family="sans-serif">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def cpu_per_request(results):
    groups = []
    for record in results["cases"]:
        middle = {name: front["median"] for name, front in record["fronts"].items()}
        groups.append((record["case"]["title"], [(n, [m["front_cpu"], m["redis_cpu"]]) for n, m in middle.items()]))
    return _bars("CPU per request: front, and Redis (pale)", "microseconds", groups, lambda value: f"{value:.2f}")


def requests_per_second(results):
    groups = []
    for record in results["cases"]:
        rows = [(name, [front["median"]["requests_per_second"]]) for name, front in record["fronts"].items()]
        groups.append((record["case"]["title"], rows))
    return _bars("Requests per second", "each case has its own scale", groups, lambda value: f"{value:,.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("json", type=Path, help="compare.json, as compare.py --out writes it")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where cpu.svg and requests.svg go")
    arguments = parser.parse_args()
    try:
        results = json.loads(arguments.json.read_text())
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "cpu.svg").write_text(cpu_per_request(results))
        (arguments.out / "requests.svg").write_text(requests_per_second(results))
    except (OSError, KeyError, ValueError) as error:
        print(f"plots: {arguments.json} cannot be drawn: {error!r}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
