#!/usr/bin/env python3
"""What a portal of many cores would carry, worked out from compare.json. Not measured: it says what the figures imply.

Shards share nothing that is written on the data path, so requests per second are taken to grow with the cores; part of
each core is left for everything else. A Redis serves commands on one thread, so behind it `redis needed` counts whole
Redis servers' worth of CPU at the same load. Bytes are what the portal sends to clients, without TCP's and TLS's own.
"""

import argparse
import json
import sys
from pathlib import Path

_HEAD = ("case", "cores", "portal, requests/s", "one Redis, requests/s", "redis needed", "to clients, Gbit/s")


def rows(results, cores, share):
    for record in results["cases"]:
        portal = record["fronts"].get("portal")
        if portal is None:
            continue
        middle, case = portal["median"], record["case"]
        if not middle["front_cpu"] or not middle["redis_cpu"]:
            continue
        one_redis = share * 1e6 / middle["redis_cpu"]
        for count in cores:
            rate = count * share * 1e6 / middle["front_cpu"]
            reply = case["size"] if case["command"] == "get" else 5
            yield (
                *(case["title"], str(count), f"{rate:,.0f}", f"{one_redis:,.0f}"),
                *(f"{rate / one_redis:.1f}", f"{rate * reply * 8 / 1e9:.1f}"),
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("json", type=Path, help="compare.json, as compare.py --out writes it")
    parser.add_argument("--cores", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--share", type=float, default=0.7, help="the part of each core that is used (default 0.7)")
    arguments = parser.parse_args()
    try:
        table = list(rows(json.loads(arguments.json.read_text()), arguments.cores, arguments.share))
    except (OSError, KeyError, ValueError) as error:
        print(f"scale: {arguments.json} cannot be read: {error!r}", file=sys.stderr)
        return 1
    for line in (_HEAD, ["---"] * len(_HEAD), *table):
        print("| " + " | ".join(line) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
