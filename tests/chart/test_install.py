"""Helm 3 and 4 install, upgrade, roll back and uninstall the chart against the stand-in API server (api_server.py)."""

import base64
import copy
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from api_server import ApiServer
from chart_support import CHART, LAYERS, RELEASE, ChartTestCase, helm, main, tools

SECRETS = [f"shop-redis-portal-{name}" for name in ("auth", "tickets", "ca", "tls")]


class Cluster:
    """A stand-in API server with one version of Helm in front."""

    def __init__(self, test, version):
        self.server = ApiServer()
        test.addCleanup(self.server.server_close)
        test.addCleanup(self.server.shutdown)
        self.store = self.server.store
        self.version = version

    def helm(self, command, *arguments, version=None, namespace="data"):
        checks = ["--disable-openapi-validation"] if command in ("install", "upgrade") else []
        answer = helm(version or self.version, command, RELEASE, *arguments, *checks,
                      "--namespace", namespace, "--kube-apiserver", self.server.url, "--kube-token", "none", "--qps=1000", "--burst-limit=1000")
        if answer.returncode != 0:
            raise AssertionError(f"helm {command}: {answer.stderr}")
        return answer.stdout

    def get(self, plural, name):
        return self.store.get((plural, "data", name))

    def data(self, name):
        return {key: base64.b64decode(value) for key, value in self.get("secrets", name)["data"].items()}

    def names(self, plural):
        return {name for kind, _, name in self.store.objects if kind == plural and not name.startswith("sh.helm.release")}

    def patch(self, plural, name, change, manager):
        """What a program other than Helm does to an object."""
        path = ["apis", "apps", "v1"] if plural == "statefulsets" else ["api", "v1"]
        self.server.route("PATCH", [*path, "namespaces", "data", plural, name], {"fieldManager": manager}, change, "application/merge-patch+json")

    def act_as_portals(self):
        """Leases as the portals make and write them, and a volume claim that was grown by hand."""
        for name in ("shop-redis-portal", "shop-redis-portal-portals"):
            lease = {"metadata": {"name": name, "annotations": {"redis-portal/record": "{}", "redis-portal/leader": "redis-1"}}, "spec": {"holderIdentity": "a", "leaseTransitions": 3}}
            self.store.create(("leases", "data", name), lease, "redis-portal")
        claim = {"metadata": {"name": "data-shop-redis-portal-redis-0"}, "spec": {"resources": {"requests": {"storage": "16Gi"}}}}
        self.store.create(("persistentvolumeclaims", "data", claim["metadata"]["name"]), claim, "kubectl-patch")


def openssl(*arguments, certificate):
    with tempfile.NamedTemporaryFile(suffix=".crt") as file:
        file.write(certificate)
        file.flush()
        return subprocess.run(["openssl", "x509", "-in", file.name, "-noout", *arguments], capture_output=True, text=True, check=True).stdout


class Releases(ChartTestCase):
    def clusters(self):
        for version in LAYERS:
            with self.subTest(f"helm {version}"):
                yield Cluster(self, version)

    def test_what_the_notes_tell_to_ask_kubectl_gives_what_they_promise(self):
        for cluster in self.clusters():
            notes = cluster.helm("install", CHART)
            cluster.act_as_portals()
            words = [f'kubectl() {{ "{tools() / f"layer{cluster.version}" / "kubectl/kubectl"}" --server {cluster.server.url} "$@"; }}']
            asked = [line.strip() for line in notes.splitlines() if "kubectl get " in line and " pvc " not in line]
            self.assertEqual(len(asked), 4, asked)
            for line in asked:
                words += [f'echo "{line}"' if line.startswith("$(") else line, "echo"]
            with tempfile.TemporaryDirectory() as folder:
                answer = subprocess.run(["bash", "-e", "-c", "\n".join([*words, 'echo "$REDISCLI_AUTH"'])], cwd=folder, capture_output=True, text=True,
                                        timeout=60, env={**os.environ, "HOME": folder})
                self.assertEqual(answer.returncode, 0, answer.stderr)
                self.assertEqual((Path(folder) / "ca.crt").read_bytes(), cluster.data("shop-redis-portal-tls")["ca.crt"])
            said = answer.stdout.split()
            self.assertEqual(said[-3:], ["redis-1", "a", cluster.data("shop-redis-portal-auth")["redis-password"].decode()])

    def test_passwords_and_certificates_survive_an_upgrade_and_a_rollback(self):
        for cluster in self.clusters():
            cluster.helm("install", CHART)
            before = {name: cluster.data(name) for name in SECRETS}
            self.assertEqual(len(before[SECRETS[0]]["redis-password"]), 32)
            cluster.helm("upgrade", CHART, "--set", "portal.config.hold.time=3s")
            self.assertIn("time: 3s", cluster.get("configmaps", "shop-redis-portal-portal")["data"]["portal.yaml"])
            self.assertEqual({name: cluster.data(name) for name in SECRETS}, before)
            cluster.helm("rollback", "1")
            self.assertNotIn("time: 3s", cluster.get("configmaps", "shop-redis-portal-portal")["data"]["portal.yaml"])
            self.assertEqual({name: cluster.data(name) for name in SECRETS}, before)

    def as_cert_manager(self, cluster, prefix="shop-redis-portal-issued"):
        """What cert-manager writes into the Secrets of the chart's Certificates."""
        for name in (f"{prefix}-ca", f"{prefix}-tls"):
            data = {key: base64.b64encode(b"by cert-manager").decode() for key in ("tls.crt", "tls.key")}
            cluster.store.create(("secrets", "data", name), {"metadata": {}, "type": "kubernetes.io/tls", "data": data}, "cert-manager")

    def test_a_rollback_works_across_a_change_that_leaves_a_kept_secret_unused(self):
        own = {"metadata": {}, "type": "Opaque", "data": {"redis-password": base64.b64encode(b"mine").decode()}}
        for cluster in self.clusters():
            cluster.helm("install", CHART)
            before = {name: cluster.data(name) for name in SECRETS}
            for settings, act in (("tls.certManager.enabled=true", lambda: self.as_cert_manager(cluster)),
                                  ("auth.existingSecret=mine", lambda: cluster.store.create(("secrets", "data", "mine"), own, "setup"))):
                with self.subTest(settings):
                    cluster.helm("upgrade", CHART, "--set", settings)
                    act()
                    cluster.helm("upgrade", CHART, "--set", settings)
                    cluster.helm("rollback", "1")
                    self.assertEqual({name: cluster.data(name) for name in SECRETS}, before)

    def test_other_names_for_a_release_with_data_are_refused_before_anything_is_changed(self):
        for cluster in self.clusters():
            cluster.helm("install", CHART)
            before = copy.deepcopy({key: item for key, item in cluster.store.objects.items() if "sh.helm" not in key[2]})
            for setting in ("nameOverride=cache", "fullnameOverride=cache"):
                with self.assertRaisesRegex(AssertionError, "has its data under the name shop-redis-portal-redis"):
                    cluster.helm("upgrade", CHART, "--set", setting)
            self.assertEqual({key: item for key, item in cluster.store.objects.items() if "sh.helm" not in key[2]}, before)

    def test_from_cert_manager_to_the_own_ca_and_what_to_delete_where_an_older_chart_used_its_name(self):
        for cluster in self.clusters():
            cluster.helm("install", CHART, "--set", "tls.certManager.enabled=true")
            self.as_cert_manager(cluster)
            cluster.helm("upgrade", CHART, "--set", "tls.certManager.enabled=false")
            self.assertIn(b"BEGIN CERTIFICATE", cluster.data("shop-redis-portal-tls")["tls.crt"])
            cluster.helm("uninstall")
            for name in ("shop-redis-portal-ca", "shop-redis-portal-tls"):
                del cluster.store.objects["secrets", "data", name]
            self.as_cert_manager(cluster, "shop-redis-portal")
            with self.assertRaisesRegex(AssertionError, "kubectl -n data delete secret shop-redis-portal-ca shop-redis-portal-tls"):
                cluster.helm("install", CHART)
            for name in ("shop-redis-portal-ca", "shop-redis-portal-tls"):
                del cluster.store.objects["secrets", "data", name]
            cluster.helm("install", CHART)

    def test_releases_of_one_name_in_two_namespaces_put_their_dashboards_into_a_third(self):
        for cluster in self.clusters():
            for name in ("other", "monitoring"):
                cluster.store.create(("namespaces", "", name), {"metadata": {"name": name}}, "setup")
            for namespace in ("data", "other"):
                cluster.helm("install", CHART, "--set", "metrics.dashboards.enabled=true,metrics.dashboards.namespace=monitoring", namespace=namespace)
            made = [cluster.store.get(key) for key in cluster.store.objects if key[:2] == ("configmaps", "monitoring") and "dashboard" in key[2]]
            self.assertEqual(len(made), 4)
            self.assertEqual(len({file for item in made for file in item["data"]}), 4, "Grafana's sidecar puts all files into one folder")

    def test_an_upgrade_from_an_older_chart_changes_nothing_that_is_immutable(self):
        for cluster in self.clusters():
            with tempfile.TemporaryDirectory() as folder:
                older = Path(folder) / "redis-portal"
                shutil.copytree(CHART, older)
                about = older / "Chart.yaml"
                about.write_text(about.read_text().replace("version: 0.1.0", "version: 0.0.9").replace("appVersion: 0.1.0", "appVersion: 0.0.9"))
                cluster.helm("install", older)
            before = copy.deepcopy(cluster.get("statefulsets", "shop-redis-portal-redis"))
            cluster.helm("upgrade", CHART)
            after = cluster.get("statefulsets", "shop-redis-portal-redis")
            self.assertNotEqual(before["metadata"]["labels"], after["metadata"]["labels"])
            for field in ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"):
                self.assertEqual(before["spec"][field], after["spec"][field], field)

    def test_an_upgrade_after_a_failover_meets_no_conflict_and_leaves_what_portals_wrote(self):
        for cluster in self.clusters():
            cluster.helm("install", CHART)
            cluster.act_as_portals()
            cluster.patch("statefulsets", "shop-redis-portal-redis", {"status": {"readyReplicas": 2}}, "kube-controller-manager")
            cluster.helm("upgrade", CHART, "--set", "redis.maxmemoryPercent=50")
            self.assertEqual(cluster.get("leases", "shop-redis-portal")["spec"]["leaseTransitions"], 3)
            self.assertEqual(cluster.get("persistentvolumeclaims", "data-shop-redis-portal-redis-0")["spec"]["resources"]["requests"]["storage"], "16Gi")
            cluster.helm("rollback", "1")

    def test_uninstall_leaves_data_record_and_secrets_and_an_install_takes_them_up(self):
        for cluster in self.clusters():
            cluster.helm("install", CHART)
            cluster.act_as_portals()
            kept = {name: cluster.data(name) for name in SECRETS if "tickets" not in name}
            cluster.helm("uninstall")
            self.assertEqual(cluster.names("deployments") | cluster.names("services") | cluster.names("roles"), set())
            self.assertEqual(cluster.names("secrets"), set(kept))
            self.assertEqual(cluster.names("leases"), {"shop-redis-portal", "shop-redis-portal-portals"})
            self.assertEqual(cluster.names("persistentvolumeclaims"), {"data-shop-redis-portal-redis-0"})
            cluster.helm("install", CHART)
            self.assertEqual({name: cluster.data(name) for name in kept}, kept)

    def test_helm_4_takes_over_a_release_of_helm_3(self):
        cluster = Cluster(self, "3")
        cluster.helm("install", CHART)
        before = {name: cluster.data(name) for name in SECRETS}
        cluster.helm("upgrade", CHART, "--set", "portal.config.hold.time=3s", version="4")
        self.assertIn("time: 3s", cluster.get("configmaps", "shop-redis-portal-portal")["data"]["portal.yaml"])
        self.assertEqual({name: cluster.data(name) for name in SECRETS}, before)

    def test_helm_4_says_so_when_somebody_else_set_a_field_of_the_chart(self):
        cluster = Cluster(self, "4")
        cluster.helm("install", CHART)
        cluster.patch("statefulsets", "shop-redis-portal-redis", {"spec": {"replicas": 3}}, "kubectl-scale")
        with self.assertRaisesRegex(AssertionError, 'conflict with "kubectl-scale": .spec.replicas'):
            cluster.helm("upgrade", CHART)


class Certificates(ChartTestCase):
    def setUp(self):
        self.cluster = Cluster(self, "4")
        self.cluster.helm("install", CHART)
        self.ca, self.first = self.cluster.data("shop-redis-portal-ca"), self.cluster.data("shop-redis-portal-tls")

    def check_chain(self, made):
        self.assertEqual(made["ca.crt"], self.ca["ca.crt"])
        with tempfile.TemporaryDirectory() as folder:
            for name in ("ca.crt", "tls.crt"):
                (Path(folder) / name).write_bytes(made[name])
            verdict = subprocess.run(["openssl", "verify", "-CAfile", f"{folder}/ca.crt", "-purpose", "sslserver", "-verify_hostname",
                                      "shop-redis-portal.data.svc.cluster.local", f"{folder}/tls.crt"], capture_output=True, text=True)
        self.assertEqual(verdict.returncode, 0, verdict.stderr)

    def test_the_first_certificate_verifies(self):
        self.check_chain(self.first)
        config_map = self.cluster.get("configmaps", "shop-redis-portal-ca")["data"]["ca.crt"]
        self.assertEqual(config_map.strip(), self.ca["ca.crt"].decode().strip())

    def test_a_new_name_gives_a_new_certificate_of_the_same_ca(self):
        self.cluster.helm("upgrade", CHART, "--set", "tls.extraNames={redis.example.org,192.0.2.7}")
        second = self.cluster.data("shop-redis-portal-tls")
        self.assertNotEqual(second["tls.crt"], self.first["tls.crt"])
        self.check_chain(second)
        names = openssl("-ext", "subjectAltName", certificate=second["tls.crt"])
        self.assertIn("DNS:redis.example.org", names)
        self.assertIn("IP Address:192.0.2.7", names)

    def test_an_upgrade_renews_a_certificate_that_ends_soon(self):
        self.cluster.helm("upgrade", CHART, "--set", "tls.selfSigned.renewBeforeDays=396")
        self.assertEqual(self.cluster.data("shop-redis-portal-tls"), self.first)
        self.cluster.helm("upgrade", CHART, "--set", "tls.selfSigned.renewBeforeDays=398")
        second = self.cluster.data("shop-redis-portal-tls")
        self.assertNotEqual(second["tls.crt"], self.first["tls.crt"])
        self.check_chain(second)


class Notes(ChartTestCase):
    def test_a_storage_class_that_cannot_expand_is_warned_of(self):
        for expands in (True, False):
            cluster = Cluster(self, "4")
            made = {"metadata": {"name": "slow", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}, "allowVolumeExpansion": expands}
            cluster.store.create(("storageclasses", "", "slow"), made, "setup")
            text = cluster.helm("install", CHART)
            self.assertEqual("StorageClass slow does not allow volumes to grow" in text, not expands)
            self.assertNotIn("Rendered without a cluster", text)


if __name__ == "__main__":
    main()
