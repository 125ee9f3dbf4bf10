"""A stand-in for the Kubernetes API server: the Leases of coordination.k8s.io/v1, and what claims_stand_in.py adds. Standard
library only.

Its answers follow the published API conventions: resourceVersion with 409, merge patches, list and watch by label, 410 for
a version that is too old, 401 for a token that is not in --token-file (read for each request, so that tests can rotate it),
Status objects as errors. It is stricter than the real one where that shows mistakes: unknown fields are refused. Leases are
kept in --state, so that it can be killed and started again. POST /stand-in/faults makes the next requests fail:
{"verb": "patch", "status": 429, "count": 1, "retry_after": 1}, and with "resource" only those for it; POST /stand-in/gone
ends every watch with 410.
"""

import argparse
import json
import re
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from claims_stand_in import Claims

CORE_PATH = re.compile(r"/api/v1/namespaces/[a-z0-9-]+/(persistentvolumeclaims|events)(?:/([a-z0-9.-]+))?")
PATH = re.compile(r"/apis/coordination\.k8s\.io/v1/namespaces/([a-z0-9-]+)/leases(?:/([a-z0-9.-]+))?")
MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
QUALIFIED_NAME = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
SPEC = {"holderIdentity": str, "leaseDurationSeconds": int, "acquireTime": str, "renewTime": str, "leaseTransitions": int}
REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Expired",
           415: "UnsupportedMediaType", 422: "Invalid", 429: "TooManyRequests", 500: "InternalError"}


class Refused(Exception):
    def __init__(self, status, message, retry_after=None):
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


def status_object(status, message):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": REASONS.get(status, "Unknown"), "code": status}


def merge(target, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def check(lease):
    """What the real server's validation refuses with 422, and unknown fields."""
    metadata, spec = lease.get("metadata", {}), lease.get("spec", {})
    wrong = [key for key in lease if key not in ("apiVersion", "kind", "metadata", "spec")]
    wrong += [f"spec.{key}" for key, value in spec.items() if not isinstance(value, SPEC.get(key, ()))]
    wrong += [f"spec.{key}" for key in ("acquireTime", "renewTime") if key in spec and not MICRO_TIME.fullmatch(str(spec[key]))]
    if spec.get("leaseDurationSeconds", 1) <= 0 or spec.get("leaseTransitions", 0) < 0:
        wrong.append("spec: a number is out of bounds")
    for kind in ("annotations", "labels"):
        for key, value in metadata.get(kind, {}).items():
            if not QUALIFIED_NAME.fullmatch(key) or not isinstance(value, str):
                wrong.append(f"metadata.{kind}[{key}]")
    if sum(len(key) + len(value) for key, value in metadata.get("annotations", {}).items()) > 256 * 1024:
        wrong.append("metadata.annotations: too long")
    if wrong:
        raise Refused(422, f"Lease is invalid: {', '.join(wrong)}")


class Store:
    def __init__(self, path):
        self.path = path
        self.changed = threading.Condition()
        self.version = 100
        self.leases = {}  # by (namespace, name)
        self.events = []  # (version, type, namespace, lease)
        self.gone = 0     # counts POST /stand-in/gone
        self.faults = []
        if path.exists():
            kept = json.loads(path.read_text())
            self.version = kept["version"]
            self.leases = {(lease["metadata"]["namespace"], lease["metadata"]["name"]): lease for lease in kept["leases"]}
        self.oldest = self.version

    def _put(self, kind, namespace, lease):
        check(lease)
        self.version += 1
        lease["metadata"]["resourceVersion"] = str(self.version)
        self.leases[namespace, lease["metadata"]["name"]] = lease
        self.events.append((self.version, kind, namespace, lease))
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps({"version": self.version, "leases": list(self.leases.values())}))
        draft.replace(self.path)
        self.changed.notify_all()
        return lease

    def create(self, namespace, lease):
        with self.changed:
            name = lease.get("metadata", {}).get("name", "")
            if (namespace, name) in self.leases:
                raise Refused(409, f'leases.coordination.k8s.io "{name}" already exists')
            if "resourceVersion" in lease["metadata"]:
                raise Refused(422, "resourceVersion should not be set on objects to be created")
            lease["metadata"]["namespace"] = namespace
            return self._put("ADDED", namespace, lease)

    def change(self, namespace, name, new_from):
        with self.changed:
            old = self.leases.get((namespace, name))
            if old is None:
                raise Refused(404, f'leases.coordination.k8s.io "{name}" not found')
            new = new_from(json.loads(json.dumps(old)))
            if new["metadata"].get("resourceVersion") != old["metadata"]["resourceVersion"]:
                raise Refused(409, f'Operation cannot be fulfilled on leases.coordination.k8s.io "{name}": the object has been modified')
            return old if new == old else self._put("MODIFIED", namespace, new)

    def fault(self, verb, resource):
        with self.changed:
            for fault in self.faults:
                if fault["verb"] in (verb, "*") and fault.get("resource", resource) == resource and fault["count"] > 0:
                    fault["count"] -= 1
                    raise Refused(fault["status"], fault.get("message", "made to fail"), fault.get("retry_after"))


def selected(lease, selector):
    labels = lease["metadata"].get("labels", {})
    return all(labels.get(term.split("=")[0]) == term.split("=", 1)[1] for term in selector.split(",") if term)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    store = None
    claims = Claims(Refused)
    token_file = None

    def log_message(self, *_):
        pass

    def answer(self, status, content, retry_after=None):
        body = json.dumps(content).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")

    def handle_request(self, verb, act):
        try:
            url = urlsplit(self.path)
            found = PATH.fullmatch(url.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            content = self.body()
            if self.token_file and self.headers.get("Authorization") != f"Bearer {self.token_file.read_text().strip()}":
                raise Refused(401, "Unauthorized")
            if core := CORE_PATH.fullmatch(url.path):
                self.store.fault(verb, core[1])
                self.core(verb, core[1], core[2], content)
                return
            if not found:
                raise Refused(404, "the server could not find the requested resource")
            if verb == "get" and found[2] is None:
                verb = "watch" if query.get("watch") in ("1", "true") else "list"
            self.store.fault(verb, "leases")
            act(found[1], found[2], query, content, verb)
        except Refused as refused:
            self.answer(refused.status, status_object(refused.status, str(refused)), refused.retry_after)

    def core(self, verb, resource, name, content):
        if verb == "patch" and self.headers.get("Content-Type") != "application/merge-patch+json":
            raise Refused(415, "this stand-in knows merge patches only")
        if resource == "events" and verb in ("create", "patch"):
            self.answer(201 if verb == "create" else 200, self.claims.write_event(name, content))
        elif resource == "persistentvolumeclaims" and verb == "get" and name:
            self.answer(200, self.claims.get(name))
        elif resource == "persistentvolumeclaims" and verb == "patch":
            self.answer(200, self.claims.patch(name, content))
        else:
            raise Refused(405, "the stand-in does not know this")

    def do_GET(self):
        if self.path == "/stand-in/claims":
            self.answer(200, {"claims": self.claims.claims, "patches": self.claims.patches})
            return
        if self.path == "/stand-in/events":
            self.answer(200, self.claims.events)
            return

        def act(namespace, name, query, _, verb):
            selector = query.get("labelSelector", "")
            if verb == "watch":
                self.watch(namespace, selector, query)
                return
            with self.store.changed:
                leases = [lease for (where, _), lease in sorted(self.store.leases.items()) if where == namespace]
                version = str(self.store.version)
            if verb == "list":
                self.answer(200, {"kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1",
                                  "metadata": {"resourceVersion": version},
                                  "items": [lease for lease in leases if selected(lease, selector)]})
                return
            named = [lease for lease in leases if lease["metadata"]["name"] == name]
            if not named:
                raise Refused(404, f'leases.coordination.k8s.io "{name}" not found')
            self.answer(200, named[0])

        self.handle_request("get", act)

    def watch(self, namespace, selector, query):
        store = self.store
        end = time.monotonic() + float(query.get("timeoutSeconds", 1800))
        with store.changed:
            since, gone = int(query.get("resourceVersion", 0)), store.gone
            if since and since < store.oldest:
                raise Refused(410, f"too old resource version: {since} ({store.oldest})")
            pending = []
            if not since:
                pending = [("ADDED", lease) for (where, _), lease in sorted(store.leases.items()) if where == namespace]
                since = store.version
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while time.monotonic() < end:
            for kind, lease in pending:
                if selected(lease, selector):
                    self.chunk({"type": kind, "object": lease})
            with store.changed:
                store.changed.wait_for(lambda: store.version > since or store.gone != gone, 0.5)
                if store.gone != gone:
                    break
                pending = [(kind, lease) for version, kind, where, lease in store.events if version > since and where == namespace]
                since = store.version
        if store.gone != gone:
            self.chunk({"type": "ERROR", "object": status_object(410, "too old resource version")})
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, content):
        line = json.dumps(content).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    def do_POST(self):
        if self.path == "/stand-in/faults":
            fault = self.body()
            with self.store.changed:
                self.store.faults.append({"count": 1, **fault})
            self.answer(200, {})
        elif self.path == "/stand-in/gone":
            self.body()
            with self.store.changed:
                self.store.gone += 1
                self.store.changed.notify_all()
            self.answer(200, {})
        elif self.path == "/stand-in/claims":
            self.claims.make(self.body())
            self.answer(200, {})
        elif self.path == "/stand-in/quota":
            self.claims.quota = self.body()["gib"]
            self.answer(200, {})
        elif self.path == "/stand-in/heal":
            self.body()
            with self.store.changed:
                self.store.faults.clear()
            for settings in self.claims.settings.values():
                settings["stick"] = False
            self.answer(200, {})
        else:
            self.handle_request("create", lambda namespace, _name, _query, lease, _verb:
                                self.answer(201, self.store.create(namespace, lease)))

    def do_PATCH(self):
        def act(namespace, name, _query, patch, _verb):
            if self.headers.get("Content-Type") != "application/merge-patch+json":
                raise Refused(415, "this stand-in knows merge patches only")
            self.answer(200, self.store.change(namespace, name, lambda old: merge(old, patch)))

        self.handle_request("patch", act)

    def do_PUT(self):
        self.handle_request("update", lambda namespace, name, _query, lease, _verb: self.answer(
            200, self.store.change(namespace, name, lambda old: {**lease, "metadata": {"namespace": namespace, **lease["metadata"]}})))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # clients of tests are killed and cut off


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--token-file", type=Path)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    arguments = parser.parse_args()
    Handler.store = Store(arguments.state)
    Handler.token_file = arguments.token_file
    server = Server((arguments.address, arguments.port), Handler)
    if arguments.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)
        # The handshake belongs to the connection's thread, so that a silent client keeps nobody waiting.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()
