"""The stand-in API server answers as the Kubernetes API conventions and the description of server-side apply say."""

import unittest

from api_server import ApiServer, Refused
from kubernetes_protobuf import decode

MERGE, STRATEGIC, APPLY = (f"application/{kind}" for kind in ("merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml"))
DEPLOYMENTS = ["apis", "apps", "v1", "namespaces", "data", "deployments"]


def deployment(**spec):
    return {"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": spec}


class Conventions(unittest.TestCase):
    def setUp(self):
        self.server = ApiServer()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def ask(self, method, content=None, name=None, kind="application/json", manager="helm", **query):
        return self.server.route(method, DEPLOYMENTS + ([name] if name else []), {"fieldManager": manager, **query}, content, kind)[1]

    def refused(self, status, reason, *arguments, **options):
        with self.assertRaises(Refused) as caught:
            self.ask(*arguments, **options)
        self.assertEqual((caught.exception.status, caught.exception.reason), (status, reason))
        return str(caught.exception)

    def test_what_is_there_cannot_be_created_and_what_is_not_cannot_be_read(self):
        self.ask("POST", deployment())
        self.refused(409, "AlreadyExists", "POST", deployment())
        self.refused(404, "NotFound", "GET", name="other")

    def test_every_change_has_a_new_version_and_an_old_one_is_a_conflict(self):
        first = self.ask("POST", deployment(replicas=1))["metadata"]["resourceVersion"]
        changed = self.ask("PATCH", {"spec": {"replicas": 2}}, "web", MERGE)["metadata"]["resourceVersion"]
        self.assertNotEqual(first, changed)
        self.assertEqual(self.ask("PATCH", {"spec": {"replicas": 2}}, "web", MERGE)["metadata"]["resourceVersion"], changed)
        stale = deployment(replicas=3)
        stale["metadata"]["resourceVersion"] = first
        self.refused(409, "Conflict", "PUT", stale, "web")

    def test_lists_are_selected_by_label(self):
        self.ask("POST", deployment())
        self.assertEqual(len(self.ask("GET", labelSelector="app=web")["items"]), 1)
        self.assertEqual(len(self.ask("GET", labelSelector="app=other")["items"]), 0)

    def test_null_in_a_merge_patch_removes_and_lists_are_replaced(self):
        self.ask("POST", deployment(replicas=1, paused=True, items=[1, 2]))
        spec = self.ask("PATCH", {"spec": {"paused": None, "items": [3]}}, "web", MERGE)["spec"]
        self.assertEqual(spec, {"replicas": 1, "items": [3]})

    def test_a_strategic_patch_merges_containers_by_name(self):
        self.ask("POST", deployment(containers=[{"name": "a", "image": "1"}, {"name": "b"}]))
        patch = {"spec": {"$setElementOrder/containers": [{"name": "a"}], "containers": [{"name": "a", "image": "2"}, {"name": "b", "$patch": "delete"}]}}
        self.assertEqual(self.ask("PATCH", patch, "web", STRATEGIC)["spec"]["containers"], [{"name": "a", "image": "2"}])

    def test_apply_conflicts_on_fields_that_another_manager_set_unless_forced_or_equal(self):
        self.ask("PATCH", deployment(replicas=2), "web", APPLY)
        self.ask("PATCH", {"spec": {"replicas": 3}}, "web", MERGE, manager="scaler")
        self.assertIn('conflict with "scaler": .spec.replicas', self.refused(409, "Conflict", "PATCH", deployment(replicas=2), "web", APPLY))
        self.assertEqual(self.ask("PATCH", deployment(replicas=3), "web", APPLY)["spec"]["replicas"], 3)
        self.ask("PATCH", {"spec": {"replicas": 4}}, "web", MERGE, manager="scaler")
        self.assertEqual(self.ask("PATCH", deployment(replicas=2), "web", APPLY, force="true")["spec"]["replicas"], 2)

    def test_apply_drops_what_the_manager_no_longer_names_but_not_what_others_own(self):
        self.ask("PATCH", deployment(replicas=2, paused=True), "web", APPLY)
        self.ask("PATCH", deployment(paused=True), "web", APPLY, manager="other")
        self.assertEqual(self.ask("PATCH", deployment(minReadySeconds=5), "web", APPLY)["spec"], {"paused": True, "minReadySeconds": 5})

    def test_a_secret_in_protobuf_is_read(self):
        def piece(number, content):
            return bytes([number << 3 | 2, len(content)]) + content
        metadata = piece(1, b"r1") + piece(11, piece(1, b"owner") + piece(2, b"helm"))
        secret = piece(1, metadata) + piece(2, piece(1, b"release") + piece(2, b"\x00\xff")) + piece(3, b"helm.sh/release.v1")
        raw = b"k8s\0" + piece(1, piece(1, b"v1") + piece(2, b"Secret")) + piece(2, secret)
        self.assertEqual(decode(raw), {"metadata": {"name": "r1", "labels": {"owner": "helm"}}, "type": "helm.sh/release.v1", "data": {"release": "AP8="}})


if __name__ == "__main__":
    unittest.main(verbosity=2)
