"""Values: what the schema refuses, what contradicts itself, and that the reference is made from values.yaml."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

from chart_support import CHART, LAYERS, ROOT, ChartTestCase, find, helm, main, render, template

REFUSED_BY_SCHEMA = {
    "tls.enabeld=true": "enabeld",
    "portal.config.monitor.down_afterr=1s": "down_afterr",
    "portal.config.limits.sessions=many": "sessions",
    "portal.replicaCount=1": "replicaCount",
    "portal.config.hold.time=10": "time",
    "persistence.size=lots": "size",
    "service.nodePort=70000": "nodePort",
    "service.externalTrafficPolicy=local": "externalTrafficPolicy",
    "redis.image.digest=sha256:12": "digest",
}
CONTRADICTIONS = {
    "portal.terminationGracePeriodSeconds=20,portal.drainDelaySeconds=10":
        "portal.terminationGracePeriodSeconds (20) must be at least portal.drainDelaySeconds + portal.drainTimeoutSeconds + 5 (25)",
    "portal.proxyProtocol=true,service.type=ClusterIP": "portal.proxyProtocol needs service.type NodePort or LoadBalancer",
    "tls.existingSecret=mine,tls.certManager.enabled=true": "tls.existingSecret and tls.certManager.enabled exclude each other",
    "auth.password=x,auth.existingSecret=mine": "auth.password and auth.existingSecret exclude each other",
    "tls.enabled=false,tls.clientCASecret=mine": "tls.clientCASecret needs tls.enabled",
    "portal.config.monitor.lease=6000ms": "fence_after (6s) must be shorter than lease (6000ms)",
    "portal.config.monitor.busy_after=1s": "busy_after (1s) must be 0s or longer than down_after (1s)",
    "portal.config.monitor.ping_interval=1m": "ping_interval (1m) must be at most down_after (1s)",
    "storageClass.create=true": "storageClass.create needs storageClass.preset or storageClass.provisioner",
    "storageClass.create=true,storageClass.preset=gcp-pd,persistence.storageClass=fast": "persistence.storageClass and storageClass.create exclude",
    "persistence.size=65Gi": "persistence.autoExpand.limit (64Gi) must be at least persistence.size (65Gi)",
    "redis.agent.handOverTime=40s": "redis.terminationGracePeriodSeconds (60) must be at least redis.agent.handOverTime + 25 s (65)",
    "redis.resources.limits=null": "redis.maxmemoryPercent needs redis.resources.limits.memory",
    "service.type=ClusterIP,service.nodePort=30000": "service.nodePort needs service.type NodePort",
    "service.replicasNodePort=30000": "service.replicasNodePort (30000) needs service.replicasPort",
    "service.replicasPort=6379": "service.replicasPort (6379) must differ from service.port (6379)",
    "service.type=ClusterIP,service.replicasPort=6380,service.replicasNodePort=30000": "service.replicasNodePort needs service.type NodePort",
}


class Values(ChartTestCase):
    def test_the_schema_names_the_key_that_is_wrong(self):
        for version in LAYERS:
            for setting, key in REFUSED_BY_SCHEMA.items():
                with self.subTest(f"helm {version}", setting=setting):
                    answer = template(version, "1.34.0", "--set", setting)
                    self.assertNotEqual(answer.returncode, 0)
                    self.assertIn(key, answer.stderr)
                    self.assertIn("schema", answer.stderr)

    def test_contradictions_are_told_with_both_values_and_the_fix(self):
        for setting, sentence in CONTRADICTIONS.items():
            with self.subTest(setting):
                answer = template("4", "1.34.0", "--set", setting)
                self.assertNotEqual(answer.returncode, 0)
                self.assertIn(sentence, answer.stderr)

    def test_all_contradictions_are_told_at_once(self):
        answer = template("3", "1.34.0", "--set", "storageClass.create=true,redis.agent.handOverTime=40s")
        self.assertEqual(answer.stderr.count("\n  - "), 2, answer.stderr)

    def test_words_that_yaml_reads_as_booleans_reach_the_portal_as_words(self):
        settings = "portal: {config: {busy_poll: %s, monitor: {failsafe: %s}, writes: {proven: %s}}}"
        with tempfile.TemporaryDirectory() as folder:
            def values(*words):
                file = Path(folder) / f"{'-'.join(words).replace(chr(34), '_')}.yaml"
                file.write_text(settings % words)
                return file

            for version in LAYERS:
                for written, failsafe in (("off", "off"), ('"off"', '"off"'), ("false", "on"), ("no", "true")):
                    with self.subTest(f"helm {version}", written=written):
                        objects = render(version, "1.34.0", "default", "--values", values(written, failsafe, written))
                        config = find(objects, "ConfigMap", "shop-redis-portal-portal")
                        portal = yaml.safe_load(config["data"]["portal.yaml"])
                        self.assertEqual((portal["busy_poll"], portal["writes"]["proven"]), ("off", "off"))
                        self.assertEqual(portal["monitor"]["failsafe"], "on" if failsafe in ("on", "true") else "off")
                answer = template(version, "1.34.0", "--values", values("on", "on", "on"))
                self.assertNotEqual(answer.returncode, 0)
                self.assertIn("busy_poll", answer.stderr)
                self.assertIn("proven", answer.stderr)

    def test_a_parent_chart_may_put_its_own_into_global(self):
        self.assertEqual(template("3", "1.34.0", "--set", "global.somebodyElses=1").returncode, 0)


class Notes(ChartTestCase):
    def notes(self, *arguments):
        answer = helm("4", "install", "shop", CHART, "--namespace", "data", "--dry-run=client", *arguments)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return answer.stdout.split("NOTES:")[1]

    def test_the_notes_fetch_password_and_ca_and_connect(self):
        text = self.notes()
        self.assertIn("kubectl get secret shop-redis-portal-auth -n data -o jsonpath='{.data.redis-password}' | base64 -d", text)
        self.assertIn("kubectl get secret shop-redis-portal-tls -n data -o jsonpath='{.data.ca\\.crt}' | base64 -d > ca.crt", text)
        self.assertIn("redis-cli --tls --cacert ca.crt -h localhost -p 6380 PING", text)
        self.assertIn("kubectl get lease shop-redis-portal -n data -o jsonpath='{.metadata.annotations.redis-portal/leader}", text)

    def test_the_notes_follow_an_existing_secret_with_a_dotted_key(self):
        text = self.notes("--set", "auth.existingSecret=mine,auth.existingSecretPasswordKey=redis.pass")
        self.assertIn("kubectl get secret mine -n data -o jsonpath='{.data.redis\\.pass}'", text)

    def test_insecure_choices_are_warned_of(self):
        text = self.notes("--values", CHART / "ci/insecure-values.yaml")
        for key in ("auth.enabled=false", "tls.enabled=false", "persistence.enabled=false", "spread.enabled=false", "networkPolicy.enabled=false"):
            self.assertIn("* " + key, text)
        self.assertNotIn("--tls", text)
        self.assertIn("kubectl create serviceaccount redis-portal -n data", text)
        self.assertIn("* rbac.create=false", text)
        secure = self.notes("--values", CHART / "ci/cert-manager-values.yaml")
        self.assertNotIn("WARNINGS", secure)

    def test_the_notes_say_whether_volumes_grow_and_are_encrypted(self):
        text = self.notes("--set", "storageClass.create=true,storageClass.preset=ibm-vpc-block")
        self.assertIn("8Gi for each node; grows by itself up to 64Gi.", text)
        self.assertIn("Encrypted: StorageClass data-shop-redis-portal (ibm-vpc-block).", text)
        text = self.notes("--set", "persistence.autoExpand.enabled=false")
        self.assertIn("* persistence.autoExpand.enabled=false", text)
        self.assertIn("Encryption is up to the StorageClass.", text)


class Reference(unittest.TestCase):
    def test_schema_and_readme_are_what_values_yaml_gives(self):
        answer = subprocess.run([sys.executable, "-B", ROOT / "scripts/chart_reference.py", "--check"], capture_output=True, text=True)
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_an_undocumented_key_is_refused(self):
        sys.path.insert(0, str(ROOT / "scripts"))
        import chart_reference
        text = (CHART / "values.yaml").read_text()
        with self.assertRaisesRegex(SystemExit, "auth.extra: key without"):
            chart_reference.read_values(text.replace("auth:\n", "auth:\n  extra: 1\n", 1))
        with self.assertRaisesRegex(SystemExit, "auth.enabled: '## @param' line without a key"):
            chart_reference.read_values(text.replace("  enabled: true\n  ## @param auth.password", "  ## @param auth.password", 1))


if __name__ == "__main__":
    main()
