"""The part of the stand-in API server that knows PersistentVolumeClaims and Events. Standard library only.

A claim's resize goes the way of the real one: the patch changes spec only; then the condition Resizing, then
FileSystemResizePending, then the new capacity. Patches are refused as the real server refuses them: a smaller size (422), a
class without expansion and a quota that is used up (403), unknown fields (400). With `folder`, a tmpfs mounted there is made
larger with the volume, `scale` bytes for each GiB.

POST /stand-in/claims makes a claim: {"name": ..., "size": "8Gi", "expandable": true, "stick": false, "folder": null, "scale": 0}.
GET /stand-in/claims and /stand-in/events tell what there is; POST /stand-in/quota {"gib": 20} sets a quota.
"""

import subprocess
import threading
import time
import uuid

GIB = 1 << 30
STEP_SECONDS = 0.3


def gib_of(quantity):
    if not quantity.endswith("Gi"):
        raise ValueError(f"this stand-in counts in Gi, not in {quantity}")
    return int(quantity[:-2])


class Claims:
    """Claims and events by name, of one namespace."""

    def __init__(self, refused):
        self.refused = refused  # the server's exception: status, message
        self.lock = threading.Lock()
        self.claims, self.settings, self.events = {}, {}, {}
        self.patches = []       # (claim, size), in order
        self.quota = None
        self.version = 1

    def make(self, settings):
        with self.lock:
            name, size = settings["name"], settings["size"]
            self.settings[name] = settings
            self.claims[name] = {
                "kind": "PersistentVolumeClaim", "apiVersion": "v1",
                "metadata": {"name": name, "uid": str(uuid.uuid4()), "resourceVersion": "1", "annotations": {}},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
                "status": {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}}}

    def get(self, name):
        with self.lock:
            if name not in self.claims:
                raise self.refused(404, f'persistentvolumeclaims "{name}" not found')
            return self.claims[name]

    def patch(self, name, changes):
        claim = self.get(name)
        with self.lock:
            if set(changes) - {"metadata", "spec"} or set(changes.get("spec", {})) - {"resources"}:
                raise self.refused(400, "strict decoding error: unknown field")
            size = changes["spec"]["resources"]["requests"]["storage"]
            old = claim["spec"]["resources"]["requests"]["storage"]
            if gib_of(size) < gib_of(old):
                raise self.refused(422, f'PersistentVolumeClaim "{name}" is invalid: spec.resources.requests.storage: Forbidden: '
                                        "field can not be less than status.capacity")
            if not self.settings[name].get("expandable", True):
                raise self.refused(403, f'persistentvolumeclaims "{name}" is forbidden: only dynamically provisioned pvc can be resized '
                                        "and the storageclass that provisions the pvc must support resize")
            total = sum(gib_of(other["spec"]["resources"]["requests"]["storage"]) for other in self.claims.values())
            if self.quota is not None and total + gib_of(size) - gib_of(old) > self.quota:
                raise self.refused(403, f'persistentvolumeclaims "{name}" is forbidden: exceeded quota: storage, requested: '
                                        f"requests.storage={size}, limited: requests.storage={self.quota}Gi")
            claim["metadata"]["annotations"].update(changes.get("metadata", {}).get("annotations", {}))
            claim["spec"]["resources"]["requests"]["storage"] = size
            self.patches.append((name, size))
            if size != old:
                threading.Thread(target=self._resize, args=(name, size), daemon=True).start()
            return claim

    def _resize(self, name, size):
        settings, status = self.settings[name], self.claims[name]["status"]
        for condition in ("Resizing", "FileSystemResizePending"):
            time.sleep(STEP_SECONDS)
            with self.lock:
                status["conditions"] = [{"type": condition, "status": "True"}]
            while settings.get("stick"):
                time.sleep(0.05)
        if settings.get("folder"):
            subprocess.run(["mount", "-o", f"remount,size={gib_of(size) * settings['scale']}", settings["folder"]], check=True)
        with self.lock:
            status.pop("conditions")
            status["capacity"] = {"storage": size}

    def write_event(self, name, event):
        with self.lock:
            if name is None:
                name = event["metadata"]["name"]
                if name in self.events:
                    raise self.refused(409, f'events "{name}" already exists')
                missing = {"involvedObject", "reason", "message", "type"} - set(event)
                if missing or event["involvedObject"]["namespace"] != "redis":
                    raise self.refused(422, f'Event "{name}" is invalid: {missing}')
                self.events[name] = event
            elif name not in self.events:
                raise self.refused(404, f'events "{name}" not found')
            else:
                self.events[name].update(event)
            return self.events[name]
