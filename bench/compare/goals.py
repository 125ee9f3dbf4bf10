"""What the portal is to reach beside HAProxy in the same run, and whether it did.

A ratio is the portal's figure over HAProxy's; (name, "<=" or ">=", bound). "total_cpu" is front and Redis together.
Where `beats_redis` is set, the portal with Redis is also to cost less, and to serve more, than Redis with TLS of its own.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    bounds: tuple
    beats_redis: bool = False
    added_p50: float | None = None  # the most of HAProxy's p50 over Redis's own TLS that the portal may add to it


CASE_GOALS = {
    "c1": Goal((("total_cpu", "<=", 0.75), ("requests_per_second", ">=", 1.2)), added_p50=0.4),
    "c50": Goal((("total_cpu", "<=", 0.50), ("requests_per_second", ">=", 1.5))),
    "c500-set": Goal((("total_cpu", "<=", 0.40), ("requests_per_second", ">=", 1.8)), beats_redis=True),
    "c1000": Goal((("total_cpu", "<=", 0.40), ("requests_per_second", ">=", 1.8)), beats_redis=True),
    "c50-p16": Goal((("total_cpu", "<=", 0.60), ("requests_per_second", ">=", 1.4))),
    "c50-4k": Goal((("total_cpu", "<=", 0.55), ("requests_per_second", ">=", 1.4))),
    "c20-64k": Goal((("total_cpu", "<=", 0.75), ("requests_per_second", ">=", 1.15))),
    "c10000": Goal((("total_cpu", "<=", 0.50), ("p99", "<=", 0.50))),
}
_NAMES = {"total_cpu": "sum", "requests_per_second": "requests/s", "p99": "p99"}
HANDSHAKE_BOUND = 0.85
IDLE_BOUND = 0.8


def _check(title, what, value, sign, bound, floor=None):
    """`floor`: what the least possible front reached in the same run, if it took part."""
    met = value <= bound if sign == "<=" else value >= bound
    return {"title": title, "what": what, "value": value, "sign": sign, "bound": bound, "met": met, "floor": floor}


def _case_checks(record):
    goal, ratios = CASE_GOALS.get(record["case"]["name"]), record.get("portal_to_haproxy")
    if goal is None or ratios is None:
        return
    title = record["case"]["title"]
    floors = record.get("floor_to_haproxy", {})
    for name, sign, bound in goal.bounds:
        if ratios[name] is not None:
            yield _check(title, f"{_NAMES[name]} / HAProxy", ratios[name], sign, bound, floors.get(name))
    if "redis-tls" not in record["fronts"]:
        return
    redis, haproxy, portal = (record["fronts"][name]["median"] for name in ("redis-tls", "haproxy", "portal"))
    floor = record["fronts"].get("floor", {}).get("median")
    if goal.beats_redis:
        floors = {name: floor[name] / redis[name] for name in ("total_cpu", "requests_per_second")} if floor else {}
        yield _check(title, "sum / Redis's own TLS", portal["total_cpu"] / redis["total_cpu"], "<=", 1.0, floors.get("total_cpu"))
        rate = portal["requests_per_second"] / redis["requests_per_second"]
        yield _check(title, "requests/s / Redis's own TLS", rate, ">=", 1.0, floors.get("requests_per_second"))
    if goal.added_p50 is not None and haproxy["p50"] > redis["p50"]:
        theirs = haproxy["p50"] - redis["p50"]
        least = (floor["p50"] - redis["p50"]) / theirs if floor else None
        yield _check(title, "added p50 / HAProxy's", (portal["p50"] - redis["p50"]) / theirs, "<=", goal.added_p50, least)


def _pairs(rows, key):
    by_front = {}
    for row in rows:
        by_front.setdefault(key(row), {})[row["front"]] = row
    return ((kind, fronts) for kind, fronts in by_front.items() if {"portal", "haproxy"} <= fronts.keys())


def checks(results):
    """Every goal that this run says something about."""
    found = [check for record in results["cases"] for check in _case_checks(record)]
    for (tls, resumed), fronts in _pairs(results["handshakes"], lambda row: (row["tls"], row["resumed"])):
        title = f"{'resumed' if resumed else 'full'} handshake, TLS {tls}"
        value = fronts["portal"]["cpu"] / fronts["haproxy"]["cpu"]
        floor = fronts["floor"]["cpu"] / fronts["haproxy"]["cpu"] if "floor" in fronts else None
        found.append(_check(title, "front / HAProxy", value, "<=", HANDSHAKE_BOUND, floor))
    for tls, fronts in _pairs(results["idle"], lambda row: row["tls"]):
        portal, haproxy = (fronts[name]["front_kib"] + fronts[name]["redis_kib"] for name in ("portal", "haproxy"))
        own = fronts["portal"]["front_kib"] / fronts["haproxy"]["front_kib"]
        found.append(_check(f"idle connection, TLS {tls}", "memory / HAProxy", portal / haproxy, "<=", IDLE_BOUND))
        found.append(_check(f"idle connection, TLS {tls}", "front's memory alone / HAProxy", own, "<=", IDLE_BOUND))
    return found
