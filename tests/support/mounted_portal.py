"""A portal beside those of a demo whose files are mounted as the kubelet does it: each name is a link through `..data`, and a
new content comes by renaming that one link."""

import os
import subprocess
from pathlib import Path

import yaml

from portal_support import PROGRAM, Portal, free_base_port, start_process, wait_until


class Mount:
    """A ConfigMap or Secret in a folder."""

    def __init__(self, folder, files):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.versions = 0
        self.swap(files)
        for name in files:
            (self.folder / name).symlink_to(f"..data/{name}")

    def swap(self, files):
        self.versions += 1
        fresh = self.folder / f"..version-{self.versions}"
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        link = self.folder / "..data_tmp"
        link.symlink_to(fresh.name)
        old = os.path.realpath(self.folder / "..data")
        link.rename(self.folder / "..data")
        for path in Path(old).glob("*") if self.versions > 1 else ():
            path.unlink()


def make_pair(demo, file_name, names="localhost,127.0.0.1"):
    """A new certificate of the demo's CA: {tls.crt, tls.key}."""
    folder = Path(demo.ca_file).parent
    subprocess.run([PROGRAM, "certs", "init", "--dir", str(folder), "--names", names, "--file-name", file_name], check=True, capture_output=True)
    return {f"tls.{kind}": (folder / f"{file_name}.{kind}").read_bytes() for kind in ("crt", "key")}


class MountedPortal(Portal):
    def __init__(self, demo, environment=None, ready_within=20, **settings):
        """`settings` go over the sections of the demo's configuration, `environment` over this process's."""
        port = free_base_port(0, 1)
        folder = demo.dir / "mounted"
        self.pair = make_pair(demo, "mounted")
        self.tls = Mount(folder / "tls", self.pair)
        self.config = yaml.safe_load((demo.dir / "portal-0/portal.yaml").read_text())
        self.config |= {"name": "mounted", "admin": {"address": f"127.0.0.1:{port + 3000}"},
                        "listen": [{"address": f"127.0.0.1:{port}", "tls": {"certificate": str(self.tls.folder / "tls.crt"), "key": str(self.tls.folder / "tls.key")}}]}
        self.config |= settings
        self.mount = Mount(folder / "config", {"portal.yaml": yaml.safe_dump(self.config)})
        log = folder / "portal.log"
        process = start_process([PROGRAM, "serve", "--config", str(self.mount.folder / "portal.yaml")], stderr=open(log, "w"),
                                env={**os.environ, **(environment or {})})
        super().__init__({"name": "mounted", "port": port, "admin_port": port + 3000, "pid": process.pid, "log": log}, demo)
        self.process = process
        wait_until(self.ready, ready_within, "the mounted portal is ready")

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the portal has ended: {self.log.read_text()}")
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def configure(self, **sections):
        """Mounts the configuration with these sections over it."""
        self.config |= sections
        self.mount.swap({"portal.yaml": yaml.safe_dump(self.config)})

    def reloads(self, result):
        return self.metric("redis_portal_config_reloads_total", result=result)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
