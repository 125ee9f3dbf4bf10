"""Alerts fire when they must and stay quiet when not; alerts and dashboards use only metrics that exist. promtool runs them."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

from chart_support import CHART, ROOT, ChartTestCase, find, main, render

NOT_OURS = {"up", "kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"}
DAY = 86400
AGES_AWAY = "4000000000x30"

# Each alert with series that make it fire and series that do not. `a` and `b` are the two portals; values are promtool's.
CASES = {
    "RedisPortalNoLeader": ({"leader_known a": "0x30", "leader_known b": "0x30"}, {"leader_known a": "0x30", "leader_known b": "1x30"}),
    "RedisPortalMultipleLeaders": ({"leaders_observed a": "2x30"}, {"leaders_observed a": "1x30"}),
    "RedisPortalAllPortalsDown": ({"up a": "0x30", "up b": "0x30"}, {"up a": "1x30", "up b": "0x30"}),
    "RedisPortalMissing": ({"up a": "1x30", "up b": "0x30"}, {"up a": "1x30", "up b": "1x30"}),
    "RedisPortalNobodyActs": ({"lease_held a": "0x30", "lease_held b": "0x30"}, {"lease_held a": "0x30", "lease_held b": "1x30"}),
    "RedisPortalFailoverHappened": ({"failovers_total a type=automatic result=success": "0x15 1x15"}, {"failovers_total a type=planned result=success": "0x15 1x15", "failovers_total a type=automatic result=aborted": "0x15 1x15"}),
    "RedisPortalFailoverFlapping": ({"failovers_total a type=automatic": "0+1x30"}, {"failovers_total a type=automatic": "0x15 1x15"}),
    "RedisPortalFailoverStuck": ({"failover_in_progress a": "1x30"}, {"failover_in_progress a": "0x19 1x10"}),
    "RedisPortalNoFollower": ({"backend_role a role=replica backend=r1": "1x30", "backend_up a backend=r1": "0x30"},
                              {"backend_role a role=replica backend=r1": "1x30", "backend_up a backend=r1": "1x30"}),
    "RedisPortalNodeDown": ({"backend_up a backend=r1": "0x30", "backend_up b backend=r1": "0x30"},
                            {"backend_up a backend=r1": "0x30", "backend_up b backend=r1": "1x30"}),
    "RedisPortalCredentialsRefused": ({"credentials_ok a backend=r1": "0x30", "credentials_ok a backend=r0": "1x30"}, {"credentials_ok a backend=r1": "1x30", "credentials_ok a backend=r0": "0x3 1x27"}),
    "RedisPortalReplicationLagHigh": ({"backend_replication_lag_bytes a backend=r1": "20000000x30"}, {"backend_replication_lag_bytes a backend=r1": "200x30"}),
    "RedisPortalCertificateExpiresSoon": ({"tls_certificate_not_after_timestamp_seconds a": f"{13 * DAY}x30"}, {"tls_certificate_not_after_timestamp_seconds a": AGES_AWAY}),
    "RedisPortalCertificateExpires": ({"tls_certificate_not_after_timestamp_seconds a": f"{DAY}x30"}, {"tls_certificate_not_after_timestamp_seconds a": f"{13 * DAY}x30"}),
    "RedisPortalDegraded": ({"state a state=degraded": "1x30", "state a state=ready": "0x30"}, {"state a state=degraded": "0x10 1x10", "state a state=ready": "1x10 0x10"}),
    "RedisPortalClientsNearLimit": ({"client_connections a": "90x30", "client_connections_limit a": "100x30"}, {"client_connections a": "80x30", "client_connections_limit a": "100x30"}),
    "RedisPortalClientsHeld": ({"sessions_held a": "3x30"}, {"sessions_held a": "0x19 3x10"}),
    "RedisPortalHandshakeFailures": ({"tls_handshake_failures_total a": "0+60x30", "tls_handshakes_total a": "0+60x30"},
                                     {"tls_handshake_failures_total a": "0+1x30", "tls_handshakes_total a": "0+60x30"}),
    "RedisPortalFailsafeActive": ({"failsafe_active a": "0x30", "failsafe_active b": "1x30"}, {"failsafe_active a": "0x19 1x10"}),
    "RedisPortalConfigReloadFailed": ({"config_last_reload_successful a": "0x30", "config_last_reload_successful b": "1x30"},
                                      {"config_last_reload_successful a": "1x30", "config_last_reload_successful b": "1x30"}),
    "RedisPortalConfigNeedsRestart": ({"config_needs_restart a": "2x30"}, {"config_needs_restart a": "0x10 2x10"}),
    "RedisPortalConfigDiffers": ({"config_info a sha256=1": "1x30", "config_info b sha256=2": "1x30"}, {"config_info a sha256=1": "1x30", "config_info b sha256=1": "1x30"}),
    "RedisPortalVolumeNearlyFull": ({"volume available": "20x30", "volume capacity": "100x30"}, {"volume available": "50x30", "volume capacity": "100x30"}),
    "RedisPortalVolumeFull": ({"volume available": "5x30", "volume capacity": "100x30"}, {"volume available": "20x30", "volume capacity": "100x30"}),
    "RedisPortalVolumeCannotGrow": ({"volume_expansion_blocked a pvc=data-0 reason=limit": "1x30"},
                                    {"volume_expansion_blocked a pvc=data-0 reason=cooldown": "1x30", "volume_expansion_blocked a pvc=data-0 reason=limit": "0x30"}),
}


def series(short):
    """`leader_known a` and the like as a series of promtool's."""
    metric, *words = short.split()
    if metric == "volume":
        return f'kubelet_volume_stats_{words[0]}_bytes{{namespace="data",persistentvolumeclaim="data-shop-redis-portal-redis-0"}}'
    name = metric if metric == "up" else f"redis_portal_{metric}"
    labels = {"namespace": "data", "service": "shop-redis-portal-metrics", "pod": words[0], "instance": words[0], **dict(word.split("=") for word in words[1:])}
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def alert_case(alert, given, fires):
    state = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    return {"name": f"{alert} {'fires' if fires else 'is quiet'}", "interval": "1m",
            "input_series": [{"series": series(short), "values": values} for short, values in given.items()],
            "promql_expr_test": [{"expr": state, "eval_time": "20m", "exp_samples": [{"labels": "{}", "value": 1}] if fires else []}]}


def dashboards():
    return {path.name: json.loads(path.read_text()) for path in sorted((CHART / "files/dashboards").glob("*.json"))}


def drawn(dashboard):
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def known_metrics():
    page = (ROOT / "docs/operate/metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+)", page, re.M)
    for kind, names in re.findall(r"^- (gauge|counter)\b[^:]*: (.*)$", page, re.M):
        rows += [(name, kind) for name in re.findall(r"`(\w+)`", names)]
    return {name + part for name, kind in rows for part in (("_bucket", "_count", "_sum") if kind == "histogram" else ("",))}


def used_metrics(expression):
    return set(re.findall(r"\b(up|[a-z]+_[a-z_]+)(?=\{)", expression))


class Dashboards(unittest.TestCase):
    def test_files_are_what_the_generator_gives(self):
        answer = subprocess.run([sys.executable, "-B", ROOT / "scripts/chart_dashboards.py", "--check"], capture_output=True, text=True)
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_panels_use_only_metrics_that_exist(self):
        for name, dashboard in dashboards().items():
            for expression in drawn(dashboard):
                with self.subTest(name, expression=expression):
                    self.assertTrue(used_metrics(expression))
                    self.assertLessEqual(used_metrics(expression), known_metrics())


class Alerts(ChartTestCase):
    def rules(self, *settings):
        objects = render("4", "1.34.0", "default", "--set", ",".join(("metrics.prometheusRule.enabled=true", *settings)))
        return find(objects, "PrometheusRule")["spec"]

    def promtool(self, *arguments):
        if shutil.which("promtool") is None:
            self.skipTest("promtool is not installed (Debian's package prometheus)")
        answer = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=200)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)

    def test_alerts_use_only_metrics_that_exist(self):
        for rule in self.rules()["groups"][0]["rules"]:
            with self.subTest(rule["alert"]):
                self.assertTrue(used_metrics(rule["expr"]))
                self.assertLessEqual(used_metrics(rule["expr"]), known_metrics() | NOT_OURS)

    def test_every_alert_says_what_is_wrong_and_how_bad_it_is(self):
        for rule in self.rules("metrics.prometheusRule.runbookUrl=https://example.org/book/")["groups"][0]["rules"]:
            with self.subTest(rule["alert"]):
                self.assertIn(rule["labels"]["severity"], ("info", "warning", "critical"))
                self.assertTrue(rule["annotations"]["summary"] and rule["annotations"]["description"])
                self.assertEqual(rule["annotations"]["runbook_url"], "https://example.org/book/" + rule["alert"].lower())

    def test_every_alert_has_its_section_in_the_runbook(self):
        sections = re.findall(r"^#### (\w+)$", (ROOT / "docs/operate/metrics.md").read_text(), re.M)
        self.assertEqual(sections, list(CASES))

    def test_an_alert_can_be_left_out(self):
        left = [rule["alert"] for rule in self.rules("metrics.prometheusRule.disabled={RedisPortalNoFollower}")["groups"][0]["rules"]]
        self.assertEqual(set(CASES) - set(left), {"RedisPortalNoFollower"})

    def test_every_alert_fires_and_every_alert_stays_quiet(self):
        rules = self.rules()
        self.assertEqual([rule["alert"] for rule in rules["groups"][0]["rules"]], list(CASES))
        cases = [alert_case(alert, given, fires) for alert, both in CASES.items() for given, fires in zip(both, (True, False))]
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "rules.yaml").write_text(yaml.safe_dump(rules))
            (Path(folder) / "test.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": cases}))
            self.promtool("check", "rules", Path(folder) / "rules.yaml")
            self.promtool("test", "rules", Path(folder) / "test.yaml")

    def test_prometheus_reads_every_expression_of_the_dashboards(self):
        expressions = [expression.replace("$__rate_interval", "5m") for dashboard in dashboards().values() for expression in drawn(dashboard)]
        rules = [{"record": f"panel:{i}", "expr": expression} for i, expression in enumerate(expressions)]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}, file)
            file.flush()
            self.promtool("check", "rules", file.name)


if __name__ == "__main__":
    main()
