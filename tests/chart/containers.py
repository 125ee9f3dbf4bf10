"""Containers without a daemon (podman with runc), with storage, settings and a network of their own. Images are put together from
what is on this machine: the portal's as packaging/image_root.sh lays it out, or the one in the archive that CHART_PORTAL_IMAGE
names (buildah push redis-portal:VERSION docker-archive:FILE); Redis's from redis-server and its libraries."""

import ipaddress
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from chart_support import ROOT
from pods import PROGRAM

BUILT_IMAGE = os.environ.get("CHART_PORTAL_IMAGE")
SETTINGS = """
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=2000:2000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""
STORAGE = """
[storage]
driver = "vfs"
graphroot = "{0}/storage"
runroot = "{0}/run"
"""


class Podman:
    """Skips the calling test when containers cannot run here. Ends what it started with close()."""

    def __init__(self):
        missing = [tool for tool in ("podman", "runc", "iptables") if shutil.which(tool) is None]
        if missing or os.geteuid() != 0:
            raise unittest.SkipTest(f"containers need {', '.join(missing) or 'root'} (Debian: podman runc netavark aardvark-dns catatonit iptables)")
        self.folder = Path(tempfile.mkdtemp(prefix="chart-containers-"))
        (self.folder / "containers.conf").write_text(SETTINGS)
        (self.folder / "storage.conf").write_text(STORAGE.format(self.folder))
        self.environment = {**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf"), "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf")}
        self.network = f"chart{os.getpid()}"
        self.subnet = ipaddress.ip_network(f"10.{random.randrange(100, 250)}.{random.randrange(250)}.0/24")
        self.names = set()
        try:
            self.run("network", "create", "--subnet", str(self.subnet), self.network)
        except AssertionError as problem:
            self.close()
            raise unittest.SkipTest(f"podman makes no network here: {problem}") from None

    def run(self, *arguments, check=True):
        answer = subprocess.run(["podman", *map(str, arguments)], capture_output=True, text=True, env=self.environment, timeout=120)
        if check and answer.returncode != 0:
            raise AssertionError(f"podman {arguments[0]}: {answer.stderr.strip().splitlines()[-1:]}")
        return answer.stdout.strip()

    def address(self, number):
        return str(self.subnet[number])

    def import_image(self, root, name, *changes):
        packed = self.folder / f"{name}.tar"
        subprocess.run(["tar", "-C", root, "-cf", packed, "."], check=True)
        self.run("import", *(word for change in changes for word in ("--change", change)), packed, f"localhost/{name}")
        packed.unlink()

    def load_image(self, archive, name):
        loaded = re.search(r"Loaded image[^:]*: *(\S+)", self.run("load", "--input", archive))[1]
        self.run("tag", loaded, f"localhost/{name}")

    def portal_image(self, name):
        if BUILT_IMAGE:
            self.load_image(BUILT_IMAGE, name)
        else:
            root = portal_root(self.folder / "portal-root")
            self.import_image(root, name, "USER 65532:65532", 'ENTRYPOINT ["/usr/bin/redis-portal"]')

    def close(self):
        for name in self.names:
            self.run("rm", "--force", "--time", "0", name, check=False)
        self.run("network", "rm", "--force", self.network, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def portal_root(folder):
    """The root file system of the portal's image."""
    subprocess.run([ROOT / "packaging/image_root.sh", PROGRAM, folder], check=True)
    return folder


def redis_root(folder):
    server = Path(shutil.which("redis-server")).resolve()
    listed = subprocess.run(["ldd", server], capture_output=True, text=True, check=True).stdout
    for file in [server, *map(Path, re.findall(r"(/\S+) \(0x", listed))]:
        target = folder / str(file).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    (folder / "redis-server").symlink_to(server)
    (folder / "data").mkdir()
    return folder


class Container:
    """One container of a rendered pod: user, read-only root, capabilities and privileges as the pod spec has them."""

    def __init__(self, podman, name, number, image, spec, mounts, argv, data=None):
        self.podman, self.name, self.address = podman, f"{podman.network}-{name}", podman.address(number)
        security, pod = spec["containers"][0]["securityContext"], spec["securityContext"]
        flags = ["--user", f"{pod['runAsUser']}:{pod['runAsGroup']}", "--cap-drop", *security["capabilities"]["drop"]]
        flags += ["--read-only", "--read-only-tmpfs=false"] if security["readOnlyRootFilesystem"] else []
        flags += [] if security["allowPrivilegeEscalation"] else ["--security-opt", "no-new-privileges"]
        for source, target in mounts.items():
            flags += ["--volume", f"{source}:{target}:ro"]
        empty = {volume["name"] for volume in spec["volumes"] if "emptyDir" in volume}
        for mount in spec["containers"][0]["volumeMounts"]:
            flags += ["--tmpfs", f"{mount['mountPath']}:rw,mode=1777"] if mount["name"] in empty else []
        if data:
            self.disk = podman.folder / f"disk-{name}"
            self.disk.mkdir()
            os.chown(self.disk, pod["runAsUser"], pod["runAsGroup"])
            flags += ["--volume", f"{self.disk}:{data}:rw"]
        podman.names.add(self.name)
        self.made = ["create", "--name", self.name, "--network", podman.network, "--ip", self.address, *flags, f"localhost/{image}", *argv]
        podman.run(*self.made)

    def start(self):
        self.podman.run("start", self.name)

    def kill(self):
        self.podman.run("kill", self.name)

    def stop(self, grace):
        """As the kubelet does: SIGTERM, the grace period, SIGKILL. The exit status."""
        self.podman.run("stop", "--time", grace, self.name)
        return int(self.podman.run("inspect", "--format", "{{.State.ExitCode}}", self.name))

    def replace(self):
        """A new container with an empty disk behind the same address."""
        self.podman.run("rm", "--force", "--time", "0", self.name)
        for entry in self.disk.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        self.podman.run(*self.made)
        self.start()

    def pause(self):
        self.podman.run("pause", self.name)

    def resume(self):
        self.podman.run("unpause", self.name)

    def stall(self, seconds):
        """Its first process stands still for that long; others of the container, such as a background save, go on."""
        process = int(self.podman.run("inspect", "--format", "{{.State.Pid}}", self.name))
        os.kill(process, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(process, signal.SIGCONT)

    def disconnect(self):
        self.podman.run("network", "disconnect", self.podman.network, self.name)

    def connect(self):
        self.podman.run("network", "connect", "--ip", self.address, self.podman.network, self.name)

    def log(self):
        answer = subprocess.run(["podman", "logs", "--tail", "40", self.name], capture_output=True, text=True, env=self.podman.environment, timeout=60)
        return answer.stdout + answer.stderr
