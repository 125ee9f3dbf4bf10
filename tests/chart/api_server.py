"""A stand-in for the Kubernetes API server, as far as Helm needs one. Standard library and PyYAML.

It has discovery, create/read/list/delete with resourceVersion, the three kinds of patches that Helm sends, and server-side
apply with owners of fields: who applies a field that another manager has set to something else gets 409. It validates
nothing, runs nothing and admits everything; tests/chart/test_api_server.py holds its answers against the published
conventions.
"""

import copy
import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import yaml

from kubernetes_protobuf import decode

KINDS = {  # plural: (group/version, kind, namespaced)
    "namespaces": ("v1", "Namespace", False), "configmaps": ("v1", "ConfigMap", True), "secrets": ("v1", "Secret", True),
    "services": ("v1", "Service", True), "serviceaccounts": ("v1", "ServiceAccount", True), "pods": ("v1", "Pod", True),
    "persistentvolumeclaims": ("v1", "PersistentVolumeClaim", True), "deployments": ("apps/v1", "Deployment", True),
    "statefulsets": ("apps/v1", "StatefulSet", True), "poddisruptionbudgets": ("policy/v1", "PodDisruptionBudget", True),
    "roles": ("rbac.authorization.k8s.io/v1", "Role", True), "rolebindings": ("rbac.authorization.k8s.io/v1", "RoleBinding", True),
    "networkpolicies": ("networking.k8s.io/v1", "NetworkPolicy", True), "leases": ("coordination.k8s.io/v1", "Lease", True),
    "certificates": ("cert-manager.io/v1", "Certificate", True), "issuers": ("cert-manager.io/v1", "Issuer", True),
    "storageclasses": ("storage.k8s.io/v1", "StorageClass", False),
}
# Lists that a strategic merge patch merges by a key of their items.
MERGE_KEYS = {"containers": ("name",), "volumes": ("name",), "env": ("name",), "volumeMounts": ("mountPath",), "ports": ("containerPort", "port"),
              "imagePullSecrets": ("name",), "topologySpreadConstraints": ("topologyKey",)}
SERVER_FIELDS = ("resourceVersion", "uid", "creationTimestamp", "managedFields", "generation")


class Refused(Exception):
    def __init__(self, status, reason, message):
        super().__init__(message)
        self.status, self.reason = status, reason


def merge_patch(target, patch, strategic=False, field=""):
    """RFC 7386; with `strategic` lists of MERGE_KEYS are merged item by item."""
    if isinstance(patch, list) and strategic and isinstance(target, list) and field in MERGE_KEYS:
        return merge_items(target, patch, MERGE_KEYS[field])
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if strategic and key.startswith("$"):
            continue
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value, strategic, key)
    return result


def merge_items(target, patch, keys):
    result = list(target)
    for item in patch:
        key = next(name for name in keys if name in item)
        at = next((i for i, old in enumerate(result) if old.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            result = [old for old in result if old.get(key) != item[key]]
        elif at is None:
            result.append(merge_patch({}, item, strategic=True))
        else:
            result[at] = merge_patch(result[at], item, strategic=True)
    return result


def leaves(value, path=()):
    """{path: value} of all that can be owned. A list is one leaf."""
    if isinstance(value, dict) and value:
        found = {}
        for key, item in value.items():
            found |= leaves(item, (*path, key))
        return found
    return {path: value}


def set_leaf(node, path, value):
    for key in path[:-1]:
        node = node.setdefault(key, {})
    node[path[-1]] = value


def drop_leaf(node, path):
    for key in path[:-1]:
        node = node.get(key, {})
    node.pop(path[-1], None)


class Store:
    def __init__(self):
        self.lock = threading.RLock()
        self.version = 1
        self.objects = {}  # by (plural, namespace, name)
        self.owners = {}   # the same -> {manager: {path: value}}
        self.create(("namespaces", "", "data"), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "data"}}, "setup")

    def put(self, key, item):
        plural, namespace, name = key
        old = self.objects.get(key)
        strip = lambda one: {**one, "metadata": {k: v for k, v in one["metadata"].items() if k not in SERVER_FIELDS}}  # noqa: E731
        if old is not None and strip(old) == strip(item):
            return old
        self.version += 1
        item["metadata"] |= {"name": name, "resourceVersion": str(self.version)} | ({"namespace": namespace} if namespace else {})
        item["metadata"].setdefault("uid", old["metadata"]["uid"] if old else str(uuid.uuid4()))
        item["metadata"].setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        item["apiVersion"], item["kind"] = KINDS[plural][:2]
        self.objects[key] = item
        return item

    def get(self, key):
        if key not in self.objects:
            raise Refused(404, "NotFound", f'{key[0]} "{key[2]}" not found')
        return self.objects[key]

    def create(self, key, item, manager):
        if key in self.objects:
            raise Refused(409, "AlreadyExists", f'{key[0]} "{key[2]}" already exists')
        self.owners[key] = {manager: owned(item)}
        return self.put(key, item)

    def change(self, key, item, manager):
        """Put and patch: fields that change become the manager's."""
        old = self.get(key)
        wanted = item["metadata"].get("resourceVersion")
        if wanted not in (None, old["metadata"]["resourceVersion"]):
            raise Refused(409, "Conflict", "the object has been modified; please apply your changes to the latest version and try again")
        before, after = owned(old), owned(item)
        changed = {path: value for path, value in after.items() if before.get(path, ...) != value}
        for fields in self.owners[key].values():
            for path in [path for path in fields if path in changed or path not in after]:
                del fields[path]
        self.owners[key].setdefault(manager, {}).update(changed)
        return self.put(key, item)

    def apply(self, key, wanted, manager, force):
        """Server-side apply."""
        if key not in self.objects:
            return self.create(key, wanted, manager)
        item, owners, fields = copy.deepcopy(self.objects[key]), self.owners[key], owned(wanted)
        current = owned(item)
        for other, theirs in owners.items():
            conflicts = [path for path in fields if path in theirs and path in current and current[path] != fields[path]]
            if other != manager and conflicts and not force:
                raise Refused(409, "Conflict", f'Apply failed with 1 conflict: conflict with "{other}": .' + ".".join(conflicts[0]))
            for path in conflicts if other != manager else ():
                del theirs[path]
        for path in owners.get(manager, {}):
            if path not in fields and not any(path in theirs for other, theirs in owners.items() if other != manager):
                drop_leaf(item, path)
        for path, value in fields.items():
            set_leaf(item, path, value)
        owners[manager] = fields
        return self.put(key, item)

    def list(self, plural, namespace, selector):
        terms = [term.split("=", 1) for term in selector.replace("==", "=").split(",") if term]
        return [item for (kind, where, _), item in sorted(self.objects.items()) if kind == plural and namespace in ("", where)
                and all(item["metadata"].get("labels", {}).get(key) == value for key, value in terms)]


def owned(item):
    body = {key: value for key, value in item.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    body["metadata"] = {key: item["metadata"][key] for key in ("labels", "annotations") if key in item["metadata"]}
    return leaves(body)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Type") == "application/vnd.kubernetes.protobuf":
            return decode(raw)
        return yaml.safe_load(raw) or {}

    def handle_one(self):
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        try:
            content = self.body()
            with self.server.store.lock:
                status, answer = self.server.route(self.command, url.path.strip("/").split("/"), query, content, self.headers.get("Content-Type", ""))
        except Refused as refused:
            status = refused.status
            answer = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": str(refused), "reason": refused.reason, "code": status}
        self.answer(status, answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one


class ApiServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.store = Store()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def route(self, method, parts, query, content, content_type):
        if parts == ["version"]:
            return 200, {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
        if parts == ["api"]:
            return 200, {"kind": "APIVersions", "versions": ["v1"]}
        if parts == ["apis"]:
            groups = sorted({group for group, _, _ in KINDS.values() if "/" in group})
            versions = [{"groupVersion": group, "version": group.split("/")[1]} for group in groups]
            return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": [
                {"name": version["groupVersion"].split("/")[0], "versions": [version], "preferredVersion": version} for version in versions]}
        group, rest = (parts[1], parts[2:]) if parts[0] == "api" else ("/".join(parts[1:3]), parts[3:])
        if not rest and group in {kind[0] for kind in KINDS.values()}:
            verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
            return 200, {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": [
                {"name": plural, "singularName": kind.lower(), "namespaced": namespaced, "kind": kind, "verbs": verbs}
                for plural, (where, kind, namespaced) in KINDS.items() if where == group]}
        namespace = ""
        if rest[:1] == ["namespaces"] and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        plural, name = (*rest, None)[:2] if rest else (None, None)
        if plural not in KINDS or KINDS[plural][0] != group or len(rest) > 2:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        return self.act(method, plural, namespace, name, query, content, content_type)

    def act(self, method, plural, namespace, name, query, content, content_type):
        store, manager = self.store, query.get("fieldManager", "unknown")
        key = (plural, namespace, name or (content or {}).get("metadata", {}).get("name"))
        if method == "GET" and name is None:
            return 200, {"kind": KINDS[plural][1] + "List", "apiVersion": KINDS[plural][0], "metadata": {"resourceVersion": str(store.version)},
                         "items": store.list(plural, namespace, query.get("labelSelector", ""))}
        if method == "GET":
            return 200, store.get(key)
        if method == "POST":
            return 201, store.create(key, content, manager)
        if method == "DELETE":
            store.get(key)
            del store.owners[key]
            return 200, store.objects.pop(key)
        if method == "PUT":
            return 200, store.change(key, content, manager)
        if content_type == "application/apply-patch+yaml":
            return 200, store.apply(key, content, manager, query.get("force") == "true")
        strategic = content_type == "application/strategic-merge-patch+json"
        if not strategic and content_type != "application/merge-patch+json":
            raise Refused(415, "UnsupportedMediaType", f"patches of type {content_type} are not known here")
        return 200, store.change(key, merge_patch(store.get(key), content, strategic), manager)
