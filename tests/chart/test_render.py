"""What every rendering of the chart holds: Helm 3 and 4, an old and a new Kubernetes, each file of ci/."""

import re
import unittest

import yaml

from chart_support import CASES, CHART, KUBE_VERSIONS, LAYERS, RELEASE, ROOT, ChartTestCase, containers, find, helm, main, matrix
from chart_support import pod_specs, render, template

SELECTOR_KEYS = {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"}
LABEL_KEYS = SELECTOR_KEYS | {"app.kubernetes.io/version", "app.kubernetes.io/part-of", "app.kubernetes.io/managed-by", "helm.sh/chart"}
EVENT_VERBS = ("events", None, {"create", "patch"})
CLAIM_VERBS = ("persistentvolumeclaims", {"data-shop-redis-portal-redis-0", "data-shop-redis-portal-redis-1"}, {"get", "patch"})
LEASE_VERBS = [("leases", None, {"list", "watch", "create"}), ("leases", {"shop-redis-portal", "shop-redis-portal-portals"}, {"patch"})]
DEFAULTS = ("4", "1.34.0", "default")


def portal_config(objects):
    name = find(objects, "Deployment")["metadata"]["name"]
    return yaml.safe_load(find(objects, "ConfigMap", name)["data"]["portal.yaml"])


def matches(selector, labels):
    return all(labels.get(key) == value for key, value in selector.items())


class Objects(ChartTestCase):
    def test_lint_finds_nothing(self):
        for version in LAYERS:
            for case in CASES:
                with self.subTest(f"helm {version}, {case}"):
                    values = () if case == "default" else ("--values", CHART / "ci" / case)
                    answer = helm(version, "lint", "--strict", CHART, *values)
                    self.assertEqual(answer.returncode, 0, answer.stdout)

    def test_helm_3_and_4_render_the_same(self):
        provided = "existing-secrets-values.yaml"
        for kube in KUBE_VERSIONS:
            self.assertEqual(render("3", kube, provided), render("4", kube, provided))

    def test_rendering_twice_gives_the_same_bytes_when_secrets_are_provided(self):
        values = ("--values", CHART / "ci/existing-secrets-values.yaml")
        self.assertEqual(template("4", "1.34.0", *values).stdout, template("4", "1.34.0", *values).stdout)

    def test_no_values_give_a_secure_cluster(self):
        objects = render(*DEFAULTS)
        self.assertEqual(find(objects, "Deployment")["spec"]["replicas"], 2)
        self.assertEqual(find(objects, "StatefulSet")["spec"]["replicas"], 2)
        self.assertEqual(sum(item["kind"] == "PodDisruptionBudget" for item in objects), 2)
        self.assertEqual(sum(item["kind"] == "NetworkPolicy" for item in objects), 2)
        self.assertTrue(find(objects, "StatefulSet")["spec"]["volumeClaimTemplates"])
        self.assertEqual(find(objects, "Service", "shop-redis-portal")["spec"]["type"], "NodePort")
        for name in ("auth", "tls", "ca", "tickets"):
            find(objects, "Secret", f"shop-redis-portal-{name}")

    def test_every_object_has_the_common_labels(self):
        for where, objects in matrix():
            for item in objects:
                if item["metadata"]["name"] == f"{RELEASE}-extra":
                    continue
                with self.subTest(where, object=item["metadata"]["name"]):
                    self.assertLessEqual(LABEL_KEYS, set(item["metadata"]["labels"]))
                    if item["kind"] != "StorageClass":
                        self.assertIn("namespace", item["metadata"])

    def test_selectors_use_only_what_never_changes(self):
        for where, objects in matrix():
            for item in objects:
                with self.subTest(where, object=item["metadata"]["name"]):
                    if item["kind"] in ("Deployment", "StatefulSet", "PodDisruptionBudget"):
                        self.assertEqual(set(item["spec"]["selector"]["matchLabels"]), SELECTOR_KEYS)
                    if item["kind"] == "Service":
                        self.assertEqual(set(item["spec"]["selector"]), SELECTOR_KEYS)
                    for claim in item["spec"].get("volumeClaimTemplates", []) if item["kind"] == "StatefulSet" else []:
                        self.assertFalse({"helm.sh/chart", "app.kubernetes.io/version"} & set(claim["metadata"]["labels"]))

    def test_every_selector_finds_pods_and_every_port_resolves(self):
        for where, objects in matrix():
            pods = [(metadata["labels"], spec) for _, metadata, spec in pod_specs(objects)]
            for item in objects:
                if item["kind"] not in ("Service", "PodDisruptionBudget", "ServiceMonitor"):
                    continue
                with self.subTest(where, object=item["metadata"]["name"], kind=item["kind"]):
                    if item["kind"] == "ServiceMonitor":
                        wanted = item["spec"]["selector"]["matchLabels"]
                        found = [other for other in objects if other["kind"] == "Service" and matches(wanted, other["metadata"]["labels"])]
                        self.assertEqual(len(found), 1)
                        self.assertIn(item["spec"]["endpoints"][0]["port"], [port["name"] for port in found[0]["spec"]["ports"]])
                        continue
                    selector = item["spec"]["selector"]
                    chosen = [spec for labels, spec in pods if matches(selector.get("matchLabels", selector), labels)]
                    self.assertEqual(len(chosen), 1)
                    names = {port["name"] for container in chosen[0]["containers"] for port in container.get("ports", [])}
                    if item["kind"] == "Service":
                        self.assertLessEqual({port["targetPort"] for port in item["spec"]["ports"]}, names)

    def test_names_fit_for_a_release_name_of_53_characters(self):
        for name in ("r" * 53, "r" * 52 + "x"):
            answer = helm("4", "template", name, CHART, "--values", CHART / "ci/everything-values.yaml")
            self.assertEqual(answer.returncode, 0, answer.stderr)
            for found in re.findall(r"^  name: (.+)$", answer.stdout, re.M):
                # A StatefulSet's name gets a hash of 11 characters behind it in a label, a Deployment's pods one of 17.
                self.assertLessEqual(len(found), 63 if "-dash" in found or "test" in found or "extra" in found else 46 + 6, found)
        first, second = (helm("4", "template", "r" * 52 + last, CHART).stdout for last in "xy")
        self.assertNotEqual(re.search(r"name: (.*)-portal$", first, re.M)[1], re.search(r"name: (.*)-portal$", second, re.M)[1])

    def test_what_portals_write_themselves_is_not_declared(self):
        for where, objects in matrix():
            with self.subTest(where):
                self.assertFalse({"Lease", "PersistentVolumeClaim"} & {item["kind"] for item in objects})
                for _, metadata, _ in pod_specs(objects):
                    self.assertFalse([key for key in metadata["labels"] if "role" in key])

    def test_every_reference_to_a_secret_or_config_map_is_kept(self):
        outside = {"kube-root-ca.crt", "shop-redis", "shop-redis-tls", "shop-clients-ca", "shop-redis-tickets"}
        for where, objects in matrix():
            made = {(item["kind"], item["metadata"]["name"]): set(item.get("data", {})) for item in objects}
            if "cert-manager" in where:
                made["Secret", "cache-issued-tls"] = {"tls.crt", "tls.key", "ca.crt"}
            for place, _, spec in pod_specs(objects):
                for volume in spec.get("volumes", []):
                    kind, name = ("Secret", volume["secret"]["secretName"]) if "secret" in volume else ("ConfigMap", volume.get("configMap", {}).get("name"))
                    if name is None or name in outside:
                        continue
                    with self.subTest(where, object=place, volume=volume["name"]):
                        self.assertIn((kind, name), made)
                        items = volume.get("secret", volume.get("configMap")).get("items", [])
                        self.assertLessEqual({item["key"] for item in items}, made[kind, name])
                        mounts = [mount for container in containers(spec) for mount in container.get("volumeMounts", [])]
                        self.assertIn(volume["name"], [mount["name"] for mount in mounts])
                        self.assertFalse([mount for mount in mounts if "subPath" in mount])


class Pods(ChartTestCase):
    def test_restricted_pod_security_with_read_only_root(self):
        for where, objects in matrix():
            for place, _, spec in pod_specs(objects):
                with self.subTest(where, object=place):
                    pod = spec["securityContext"]
                    self.assertTrue(pod["runAsNonRoot"])
                    self.assertGreater(pod["runAsUser"], 0)
                    self.assertGreater(pod["runAsGroup"], 0)
                    self.assertEqual(pod["seccompProfile"], {"type": "RuntimeDefault"})
                    self.assertIs(spec["enableServiceLinks"], False)
                    self.assertIs(spec["automountServiceAccountToken"], False)
                    self.assertFalse({"hostNetwork", "hostPID", "hostIPC"} & set(spec))
                    for volume in spec.get("volumes", []):
                        self.assertLessEqual(set(volume) - {"name"}, {"configMap", "secret", "emptyDir", "projected"})
                        if "emptyDir" in volume:
                            self.assertIn("sizeLimit", volume["emptyDir"])
                    for container in containers(spec):
                        security = container["securityContext"]
                        self.assertIs(security["allowPrivilegeEscalation"], False)
                        self.assertIs(security["readOnlyRootFilesystem"], True)
                        self.assertEqual(security["capabilities"], {"drop": ["ALL"]})
                        self.assertIn("memory", container["resources"]["limits"])
                        self.assertIn("memory", container["resources"]["requests"])
                        self.assertNotIn("hostPort", str(container.get("ports")))

    def test_pods_of_helm_test_have_one_container_so_that_their_logs_can_be_read(self):
        for where, objects in matrix():
            pods = [item for item in objects if item["kind"] == "Pod" and "helm.sh/hook" in item["metadata"].get("annotations", {})]
            with self.subTest(where):
                self.assertEqual([len(pod["spec"]["containers"]) for pod in pods], [1] * len(pods))
                self.assertEqual(len({pod["metadata"]["name"] for pod in pods}), len(pods))

    def test_portal_probes_never_ask_for_redis_to_decide_on_a_restart(self):
        for where, objects in matrix():
            with self.subTest(where):
                portal = find(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
                startup = portal["startupProbe"]
                self.assertEqual((startup["httpGet"]["path"], startup["periodSeconds"], startup["failureThreshold"]), ("/livez", 1, 30))
                self.assertEqual(portal["livenessProbe"]["httpGet"]["path"], "/livez")
                ready = portal["readinessProbe"]
                self.assertEqual((ready["httpGet"]["path"], ready["periodSeconds"], ready["failureThreshold"]), ("/readyz", 2, 2))

    def test_portals_are_replaced_one_by_one_and_redis_nodes_start_together(self):
        objects = render(*DEFAULTS)
        portals = find(objects, "Deployment")["spec"]
        self.assertEqual(portals["strategy"], {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}})
        self.assertEqual(portals["minReadySeconds"], 5)
        nodes = find(objects, "StatefulSet")["spec"]
        self.assertEqual(nodes["podManagementPolicy"], "Parallel")
        self.assertEqual(nodes["persistentVolumeClaimRetentionPolicy"], {"whenDeleted": "Retain", "whenScaled": "Retain"})
        headless = find(objects, "Service", nodes["serviceName"])["spec"]
        self.assertEqual(headless["clusterIP"], "None")
        self.assertIs(headless["publishNotReadyAddresses"], True)

    def test_portals_drain_by_themselves_and_have_the_time_for_it(self):
        for where, objects in matrix():
            with self.subTest(where):
                spec = find(objects, "Deployment")["spec"]["template"]["spec"]
                self.assertNotIn("lifecycle", spec["containers"][0])
                delay, timeout = (int(portal_config(objects)["drain"][key].removesuffix("s")) for key in ("delay", "timeout"))
                self.assertGreaterEqual(spec["terminationGracePeriodSeconds"], delay + timeout + 5)
        self.assertEqual(portal_config(render(*DEFAULTS))["drain"], {"delay": "5s", "timeout": "10s"})

    def test_pods_spread_over_zones_and_hosts(self):
        for case, wanted in (("default", "ScheduleAnyway"), ("everything-values.yaml", "DoNotSchedule")):
            objects = render("4", "1.34.0", case)
            for kind in ("Deployment", "StatefulSet"):
                constraints = find(objects, kind)["spec"]["template"]["spec"]["topologySpreadConstraints"]
                self.assertEqual([item["topologyKey"] for item in constraints], ["topology.kubernetes.io/zone", "kubernetes.io/hostname"])
                for item in constraints:
                    with self.subTest(case, kind=kind, key=item["topologyKey"]):
                        expected = wanted if kind == "Deployment" else "ScheduleAnyway"
                        self.assertEqual(item["whenUnsatisfiable"], expected)
                        self.assertEqual(item.get("matchLabelKeys"), ["pod-template-hash"] if kind == "Deployment" else None)

    def test_disruption_budgets_never_let_a_broken_pod_block_a_drain(self):
        for item in render(*DEFAULTS):
            if item["kind"] == "PodDisruptionBudget":
                self.assertEqual(item["spec"]["maxUnavailable"], 1)
                self.assertEqual(item["spec"]["unhealthyPodEvictionPolicy"], "AlwaysAllow")

    def test_redis_memory_limit_is_its_request_and_portals_have_no_cpu_limit(self):
        objects = render(*DEFAULTS)
        redis = find(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]["resources"]
        self.assertEqual(redis["limits"]["memory"], redis["requests"]["memory"])
        self.assertNotIn("cpu", find(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"])

    def test_what_replaces_pods_is_what_the_program_cannot_reload(self):
        """The keys in the checksum are those that docs/use/configuration.md (made from the program) calls `restart`."""
        template_text = (CHART / "templates/portal/_config.tpl").read_text()
        listed = set(re.search(r"range list ((?:\"\w+\" ?)+)-?}}\n{{- if hasKey \$config", template_text)[1].replace('"', "").split())
        rows = re.findall(r"^\| `(\w+)` \|.*\| restart \|", (ROOT / "docs/use/configuration.md").read_text(), re.M)
        top = re.search(r"### Top level\n(.*?)\n### ", (ROOT / "docs/use/configuration.md").read_text(), re.S)[1]
        self.assertEqual(listed, set(re.findall(r"^\| `(\w+)` \|.*\| restart \|", top, re.M)))
        inside = {"fence_after", "lease", "down_after", "busy_after", "ping_interval", "path", "endpoints", "api_server"}  # of sections listed as a whole
        self.assertLessEqual(inside, set(rows))

    def test_only_what_is_read_once_replaces_pods(self):
        def checksum(kind, *values):
            return find(render("4", "1.34.0", "default", *values), kind)["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        portal, redis = checksum("Deployment"), checksum("StatefulSet")
        for live in ("portal.config.hold.time=3s", "portal.config.limits.sessions=5", "portal.config.log.level=debug", "tls.minVersion=1.3", "portal.drainDelaySeconds=3"):
            self.assertEqual(portal, checksum("Deployment", "--set-string" if "Version" in live else "--set", live), live)
        for once in ("portal.config.threads=4", "portal.config.monitor.lease=20s", "fullnameOverride=other", "portal.bindAddress=127.0.0.1", "service.replicasPort=6380"):
            self.assertNotEqual(portal, checksum("Deployment", "--set", once), once)
        self.assertEqual(redis, checksum("StatefulSet", "--set", "portal.config.hold.time=3s"))
        self.assertEqual(portal, checksum("Deployment", "--set", "tls.extraNames={redis.example.org}"))
        self.assertNotEqual(redis, checksum("StatefulSet", "--set", "redis.maxmemoryPercent=50"))


class Network(ChartTestCase):
    def test_traffic_policies_hold_for_node_ports(self):
        service = find(render("4", "1.34.0", "existing-secrets-values.yaml"), "Service", "shop-redis-portal")["spec"]
        self.assertEqual((service["externalTrafficPolicy"], service["internalTrafficPolicy"]), ("Local", "Cluster"))
        self.assertEqual(service["ports"][0]["nodePort"], 30679)

    def test_a_second_port_takes_readers_to_replicas(self):
        objects = render("4", "1.34.0", "everything-values.yaml")
        portal = find(objects, "Deployment")["metadata"]["name"]
        listeners = yaml.safe_load(find(objects, "ConfigMap", portal)["data"]["portal.yaml"])["listen"]
        self.assertEqual([(each["address"], each.get("serves", "leader")) for each in listeners], [("0.0.0.0:6380", "leader"), ("0.0.0.0:6381", "replicas")])
        self.assertEqual(listeners[0]["tls"], listeners[1]["tls"])
        ports = find(objects, "Service", portal.removesuffix("-portal"))["spec"]["ports"]
        self.assertEqual(ports[1], {"name": "redis-replicas", "port": 6380, "targetPort": "redis-replicas", "protocol": "TCP", "nodePort": 30680, "appProtocol": "redis"})
        self.assertIn({"port": 6381, "protocol": "TCP"}, find(objects, "NetworkPolicy", portal)["spec"]["ingress"][0]["ports"])
        container = find(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
        self.assertIn({"name": "redis-replicas", "containerPort": 6381, "protocol": "TCP"}, container["ports"])

    def test_metrics_are_never_on_the_clients_service(self):
        for where, objects in matrix():
            with self.subTest(where):
                portals = find(objects, "Deployment")["metadata"]["name"].removesuffix("-portal")
                targets = [port["targetPort"] for port in find(objects, "Service", portals)["spec"]["ports"]]
                self.assertEqual(targets, ["redis", "redis-replicas"] if "everything" in where else ["redis"])
                self.assertEqual(find(objects, "Service", f"{portals}-metrics")["spec"]["type"], "ClusterIP")

    def test_redis_takes_connections_of_portals_and_nodes_only(self):
        policy = find(render(*DEFAULTS), "NetworkPolicy", "shop-redis-portal-redis")["spec"]
        self.assertEqual(policy["policyTypes"], ["Ingress", "Egress"])
        rule, agent = policy["ingress"]
        self.assertEqual(rule["ports"], [{"port": 6379, "protocol": "TCP"}])
        self.assertEqual(agent["ports"], [{"port": 9121, "protocol": "TCP"}])
        self.assertEqual(agent["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"], "portal")
        components = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in rule["from"]]
        self.assertEqual(components, ["portal", "redis"])
        self.assertEqual([port["port"] for rule in policy["egress"] for port in rule["ports"]], [53, 53, 6379])

    def test_nothing_that_comes_over_the_network_begins_a_hand_over_or_a_change(self):
        for where, objects in matrix():
            with self.subTest(where):
                pod = find(objects, "StatefulSet")["spec"]["template"]["spec"]
                config = yaml.safe_load(next(item for item in objects if "agent.yaml" in item.get("data", {}))["data"]["agent.yaml"])
                self.assertEqual(set(config["hand_over"]), {"time"}, "SIGTERM alone begins it")
                agent = next(container for container in pod["containers"] if container["name"] == "agent")
                self.assertEqual([port["containerPort"] for port in agent["ports"]], [9121])
                self.assertEqual(pod["containers"][0]["lifecycle"], {"preStop": {"httpGet": {"path": "/handed-over", "port": 9121}}})
                portal = find(objects, "Deployment")["spec"]["template"]["spec"]
                self.assertNotIn("token_file", portal_config(objects)["admin"])
                folder = portal_config(objects)["admin"]["socket"].removesuffix("/admin.sock")
                mount = next(mount for mount in portal["containers"][0]["volumeMounts"] if mount["mountPath"] == folder)
                self.assertEqual([set(volume) - {"name"} for volume in portal["volumes"] if volume["name"] == mount["name"]], [{"emptyDir"}])

    def test_portals_reach_names_redis_and_the_api_server_only(self):
        policy = find(render(*DEFAULTS), "NetworkPolicy", "shop-redis-portal-portal")["spec"]
        self.assertEqual([port["port"] for rule in policy["egress"] for port in rule["ports"]], [53, 53, 6379, 9121, 443, 6443])
        self.assertEqual([(rule["ports"][0]["port"], "from" in rule) for rule in policy["ingress"]], [(6380, False), (9380, True)])

    def test_the_chart_s_own_test_may_always_connect(self):
        policy = find(render("4", "1.34.0", "cert-manager-values.yaml"), "NetworkPolicy", "cache-portal")["spec"]
        self.assertEqual(policy["ingress"][0]["from"][-1]["podSelector"]["matchLabels"]["app.kubernetes.io/component"], "test")

    def test_the_role_has_the_verbs_that_the_portal_uses_and_no_other(self):
        objects = render(*DEFAULTS)
        rules = find(objects, "Role")["rules"]
        self.assertEqual([(rule["resources"][0], set(rule["resourceNames"]) if "resourceNames" in rule else None, set(rule["verbs"])) for rule in rules],
                         [*LEASE_VERBS, EVENT_VERBS, CLAIM_VERBS])
        self.assertEqual([rule["apiGroups"] for rule in rules], [["coordination.k8s.io"], ["coordination.k8s.io"], [""], [""]])
        without = find(render("4", "1.34.0", "default", "--set", "persistence.autoExpand.enabled=false"), "Role")["rules"]
        self.assertNotIn("persistentvolumeclaims", [rule["resources"][0] for rule in without])
        for where, objects in matrix():
            self.assertFalse({"ClusterRole", "ClusterRoleBinding"} & {item["kind"] for item in objects}, where)

    def test_only_portals_have_a_token_and_it_is_short_lived(self):
        for where, objects in matrix():
            for place, _, spec in pod_specs(objects):
                tokens = [source["serviceAccountToken"] for volume in spec.get("volumes", []) for source in volume.get("projected", {}).get("sources", [])
                          if "serviceAccountToken" in source]
                with self.subTest(where, object=place):
                    self.assertEqual(tokens, [{"path": "token", "expirationSeconds": 3600}] if place.startswith("Deployment") else [])


class Certificates(ChartTestCase):
    def test_the_certificate_names_the_service_and_what_was_added(self):
        certificate = [item for item in render("4", "1.34.0", "cert-manager-values.yaml") if item["kind"] == "Certificate" and item["metadata"]["name"] == "cache-tls"][0]["spec"]
        self.assertEqual(certificate["dnsNames"], ["cache", "cache.data", "cache.data.svc", "cache.data.svc.cluster.local", "localhost", "redis.example.org"])
        self.assertEqual(certificate["ipAddresses"], ["127.0.0.1", "192.0.2.7"])
        self.assertEqual(certificate["privateKey"]["rotationPolicy"], "Always")

    def test_the_ca_s_key_is_in_no_pod(self):
        for where, objects in matrix():
            for place, _, spec in pod_specs(objects):
                self.assertFalse([volume for volume in spec.get("volumes", []) if volume.get("secret", {}).get("secretName", "").endswith("-ca") and volume["name"] != "client-ca"], (where, place))

    def test_a_storage_class_of_the_chart_encrypts_and_expands(self):
        objects = render("4", "1.34.0", "cert-manager-values.yaml")
        made = find(objects, "StorageClass")
        self.assertEqual(made["parameters"], {"encrypted": "true", "kmsKeyId": "example", "type": "gp3"})
        self.assertTrue(made["allowVolumeExpansion"])
        self.assertEqual(made["volumeBindingMode"], "WaitForFirstConsumer")
        self.assertEqual(find(objects, "StatefulSet")["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"], made["metadata"]["name"])


if __name__ == "__main__":
    main()
