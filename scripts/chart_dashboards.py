#!/usr/bin/python3
"""Writes the Grafana dashboards of the chart (helm/redis-portal/files/dashboards). --check fails when they differ.

A panel is one line here: title, unit, and what is drawn with its legend. PORTALS in an expression becomes the dashboard's
selector of a release.
"""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "helm/redis-portal/files/dashboards"
SELECTOR = 'namespace="$namespace",service="$service"'
STAT, GRAPH = "stat", "timeseries"

PORTALS = [
    ("Now", STAT, [
        ("Leader known", "none", [("min(redis_portal_leader_known{PORTALS})", "")]),
        ("Nodes that claim to lead", "none", [("max(redis_portal_leaders_observed{PORTALS})", "")]),
        ("Portals ready", "none", [("sum(redis_portal_ready{PORTALS})", "")]),
        ("Epoch", "none", [("max(redis_portal_leader_epoch{PORTALS})", "")]),
        ("Clients", "none", [("sum(redis_portal_client_connections{PORTALS})", "")]),
        ("Certificate ends in", "s", [("min(redis_portal_tls_certificate_not_after_timestamp_seconds{PORTALS}) - time()", "")]),
    ]),
    ("Clients", GRAPH, [
        ("Commands", "ops", [("sum by (pod) (rate(redis_portal_commands_total{PORTALS}[$__rate_interval]))", "{{pod}}")]),
        ("Connections", "none", [("sum by (pod) (redis_portal_client_connections{PORTALS})", "{{pod}}"),
                                 ("max(redis_portal_client_connections_limit{PORTALS})", "limit")]),
        ("Traffic", "Bps", [("sum(rate(redis_portal_client_received_bytes_total{PORTALS}[$__rate_interval]))", "from clients"),
                            ("sum(rate(redis_portal_client_sent_bytes_total{PORTALS}[$__rate_interval]))", "to clients")]),
        ("Connections ended", "ops", [("sum by (reason) (rate(redis_portal_client_connections_closed_total{PORTALS}[$__rate_interval]))", "{{reason}}")]),
        ("TLS handshakes", "ops", [("sum by (version) (rate(redis_portal_tls_handshakes_total{PORTALS}[$__rate_interval]))", "{{version}}"),
                                   ("sum(rate(redis_portal_tls_resumed_handshakes_total{PORTALS}[$__rate_interval]))", "resumed")]),
        ("TLS handshakes that failed", "ops", [("sum by (reason) (rate(redis_portal_tls_handshake_failures_total{PORTALS}[$__rate_interval]))", "{{reason}}")]),
        ("Errors", "ops", [("sum by (error) (rate(redis_portal_error_replies_total{PORTALS}[$__rate_interval]))", "of Redis: {{error}}"),
                           ("sum(rate(redis_portal_commands_denied_total{PORTALS}[$__rate_interval]))", "denied"),
                           ("sum(rate(redis_portal_protocol_errors_total{PORTALS}[$__rate_interval]))", "protocol")]),
        ("Time of a command, 99 of 100", "s", [("histogram_quantile(0.99, sum by (le, class) (rate(redis_portal_command_duration_seconds_bucket{PORTALS}[$__rate_interval])))", "{{class}}")]),
        ("Time of a TLS handshake, 99 of 100", "s", [("histogram_quantile(0.99, sum by (le) (rate(redis_portal_tls_handshake_duration_seconds_bucket{PORTALS}[$__rate_interval])))", "handshake")]),
        ("Turn of an event loop, 99 of 100", "s", [("histogram_quantile(0.99, sum by (le, pod) (rate(redis_portal_event_loop_lag_seconds_bucket{PORTALS}[$__rate_interval])))", "{{pod}}")]),
        ("Shards at work", "short", [("sum by (pod) (rate(redis_portal_event_loop_lag_seconds_sum{PORTALS}[$__rate_interval]))", "{{pod}} cores")]),
        ("CPU and memory of portals", "short", [("sum by (pod) (rate(process_cpu_seconds_total{PORTALS}[$__rate_interval]))", "{{pod}} cores"),
                                                ("sum by (pod) (process_resident_memory_bytes{PORTALS}) / 1048576", "{{pod}} MiB")]),
    ]),
]
FAILOVER = [
    ("Now", STAT, [
        ("Leader known", "none", [("min(redis_portal_leader_known{PORTALS})", "")]),
        ("Failover in progress", "none", [("max(redis_portal_failover_in_progress{PORTALS})", "")]),
        ("Sessions waiting", "none", [("sum(redis_portal_sessions_held{PORTALS})", "")]),
        ("Largest lag", "bytes", [("max(redis_portal_backend_replication_lag_bytes{PORTALS})", "")]),
    ]),
    ("Nodes", GRAPH, [
        ("Nodes that answer", "none", [("max by (backend) (redis_portal_backend_up{PORTALS})", "{{backend}}")]),
        ("Leader", "none", [('max by (backend) (redis_portal_backend_role{PORTALS,role="leader"})', "{{backend}}")]),
        ("Replication lag", "bytes", [("max by (backend) (redis_portal_backend_replication_lag_bytes{PORTALS})", "{{backend}}")]),
        ("Replication offset", "bytes", [("max by (backend) (redis_portal_backend_replication_offset_bytes{PORTALS})", "{{backend}}")]),
        ("Probes that failed", "ops", [('sum by (backend, result) (rate(redis_portal_backend_checks_total{PORTALS,result!="ok"}[$__rate_interval]))',
                                        "{{backend}}, {{result}}")]),
        ("Time of a probe", "s", [("sum by (backend) (rate(redis_portal_backend_check_seconds_total{PORTALS}[$__rate_interval])) / "
                                   'sum by (backend) (rate(redis_portal_backend_checks_total{PORTALS,result="ok"}[$__rate_interval]))', "{{backend}}")]),
        ("Acting portal", "none", [("max by (pod) (redis_portal_lease_held{PORTALS})", "{{pod}}")]),
        ("Changes of leader", "none", [("sum by (type, result) (increase(redis_portal_failovers_total{PORTALS}[1h]))", "{{type}}, {{result}}")]),
    ]),
    ("What clients felt", GRAPH, [
        ("Commands that waited", "ops", [("sum(rate(redis_portal_commands_held_total{PORTALS}[$__rate_interval]))", "held"),
                                         ("sum(rate(redis_portal_commands_replayed_total{PORTALS}[$__rate_interval]))", "sent again")]),
        ("Commands that failed", "ops", [("sum(rate(redis_portal_commands_in_doubt_total{PORTALS}[$__rate_interval]))", "in doubt"),
                                         ("sum(rate(redis_portal_commands_no_leader_total{PORTALS}[$__rate_interval]))", "no leader")]),
        ("Waiting now", "none", [("sum by (pod) (redis_portal_sessions_held{PORTALS})", "{{pod}}")]),
        ("Links to Redis", "none", [("sum by (kind) (redis_portal_upstream_links{PORTALS})", "{{kind}}")]),
    ]),
]


def variable(name, query):
    return {"name": name, "type": "query", "query": query, "refresh": 2, "sort": 1, "datasource": {"type": "prometheus", "uid": "${datasource}"}}


def panel(number, kind, title, unit, targets, place):
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "id": number, "type": kind, "title": title, "datasource": source, "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0} if kind == GRAPH else {"unit": unit}, "overrides": []},
        "targets": [{"refId": chr(ord("A") + i), "datasource": source, "expr": expression.replace("PORTALS", SELECTOR), "legendFormat": legend}
                    for i, (expression, legend) in enumerate(targets)],
    }


def dashboard(title, rows):
    panels, y = [], 0
    for row, kind, entries in rows:
        panels.append({"id": len(panels) + 1, "type": "row", "title": row, "collapsed": False, "panels": [], "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        y += 1
        width, height = (24 // len(entries), 4) if kind == STAT else (12, 8)
        for i, (name, unit, targets) in enumerate(entries):
            across = 24 // width
            place = {"x": width * (i % across), "y": y + height * (i // across), "w": width, "h": height}
            panels.append(panel(len(panels) + 1, kind, name, unit, targets, place))
        y += height * ((len(entries) * width + 23) // 24)
    variables = [{"name": "datasource", "type": "datasource", "query": "prometheus"},
                 variable("namespace", "label_values(redis_portal_build_info, namespace)"),
                 variable("service", 'label_values(redis_portal_build_info{namespace="$namespace"}, service)')]
    # No uid: Grafana gives each copy its own.
    return json.dumps({"title": title, "tags": ["redis-portal"], "schemaVersion": 36, "editable": True, "refresh": "30s",
                       "time": {"from": "now-1h", "to": "now"}, "templating": {"list": variables}, "panels": panels}, indent=1) + "\n"


def main():
    wanted = {"portals.json": dashboard("redis-portal: portals", PORTALS), "failover.json": dashboard("redis-portal: failover", FAILOVER)}
    stale = [name for name, text in wanted.items() if not (FOLDER / name).exists() or (FOLDER / name).read_text() != text]
    if "--check" in sys.argv:
        sys.exit("".join(f"{name} differs; run scripts/chart_dashboards.py\n" for name in stale) or 0)
    for name in stale:
        (FOLDER / name).write_text(wanted[name])


if __name__ == "__main__":
    main()
