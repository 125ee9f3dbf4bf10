"""Two Redis containers and two portal containers with the restrictions of the rendered pods, and clients that write through both: the
leader's container is killed, frozen, cut off, replaced by an empty one behind the same address; two nodes replicate each other."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import yaml

from arbiter_cluster import ApiServerStandIn, free_ports
from chart_support import ChartTestCase, find, main, render
from containers import BUILT_IMAGE, Container, Podman, portal_root, redis_root
from pods import NAME, PROGRAM, Client, report, tls_context, wait_until
from test_pods_together import Writer

SETTINGS = "portal.config.monitor.fence_after=2s,portal.config.monitor.lease=4s"
SLOW = 0.4  # seconds without an answer, for a leader that saves; monitor.down_after is 1 s
MOST_BYTES = 40 * 1000 * 1000


class Image(unittest.TestCase):
    def test_it_is_small_and_has_no_shell(self):
        with tempfile.TemporaryDirectory() as folder:
            root = portal_root(Path(folder) / "root")
            files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
            size = sum(path.stat().st_size for path in files)
            report(f"the image's root file system holds {len(files)} files, {size / 1e6:.1f} MB")
            self.assertLess(size, MOST_BYTES)
            programs = [str(path.relative_to(root)) for path in files if path.stat().st_mode & 0o111 and ".so" not in path.name]
            self.assertEqual(programs, ["usr/bin/redis-portal"])


    def test_laid_out_twice_it_is_the_same_to_the_byte(self):
        with tempfile.TemporaryDirectory() as folder:
            packed = []
            for name in ("first", "second"):
                root = portal_root(Path(folder) / name)
                answer = subprocess.run(["tar", "-C", root, "--sort=name", "-cf", "-", "."], capture_output=True, check=True)
                packed.append(hashlib.sha256(answer.stdout).hexdigest())
            self.assertEqual(packed[0], packed[1])


@unittest.skipUnless(BUILT_IMAGE, "CHART_PORTAL_IMAGE names no archive of an image that the Dockerfile made")
class BuiltImage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.podman = Podman()
        cls.addClassCleanup(cls.podman.close)
        cls.podman.portal_image("portal")

    def run_in(self, *words, entrypoint=()):
        return self.podman.run("run", "--rm", "--network", "none", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL", "--security-opt",
                               "no-new-privileges", *entrypoint, "localhost/portal", *words)

    def test_it_holds_what_is_laid_out_and_nothing_else(self):
        with tempfile.TemporaryDirectory() as folder:
            laid_out = portal_root(Path(folder) / "root")
            mounted = Path(self.podman.run("image", "mount", "localhost/portal"))
            files = lambda root: {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}  # noqa: E731
            self.assertEqual(files(mounted), files(laid_out))
        size = int(self.podman.run("inspect", "--type", "image", "--format", "{{.Size}}", "localhost/portal"))
        report(f"the image that the Dockerfile made holds {size / 1e6:.1f} MB")
        self.assertLess(size, MOST_BYTES)

    def test_it_runs_as_a_numbered_user_and_knows_no_shell(self):
        self.assertEqual(self.podman.run("inspect", "--type", "image", "--format", "{{.User}}", "localhost/portal"), "65532:65532")
        self.assertRegex(self.run_in("--version"), "^redis-portal [0-9.]+")
        self.assertIn("--config", self.run_in("agent", "--help"))
        with self.assertRaisesRegex(AssertionError, "no such file or directory"):
            self.run_in("-c", "id", entrypoint=("--entrypoint", "/bin/sh"))

    def test_the_loader_finds_every_library(self):
        listed = self.run_in("--list", "/usr/bin/redis-portal", entrypoint=("--entrypoint", "/usr/lib64/ld-linux-x86-64.so.2"))
        self.assertIn("libssl.so.3 => /", listed)
        self.assertNotIn("not found", listed)


class RedisContainer(Container):
    def __init__(self, podman, number, objects, folder, password):
        spec = find(objects, "StatefulSet")["spec"]["template"]["spec"]
        text = find(objects, "ConfigMap", f"{NAME}-redis")["data"]["redis.conf"]
        file = folder / f"redis-{number}.conf"
        file.write_text(f'{text}\nrequirepass "{password}"\nmasterauth "{password}"\n')
        file.chmod(0o644)
        super().__init__(podman, f"redis-{number}", 10 + number, "redis", spec, {file: "/etc/redis/redis.conf"},
                         ["/redis-server", "/etc/redis/redis.conf"], "/data")
        self.password = password

    def client(self):
        return Client(6379, host=self.address, password=self.password, timeout=2)

    def replication(self):
        try:
            with self.client() as client:
                return dict(line.split(":", 1) for line in client.command("INFO", "replication").decode().splitlines() if ":" in line)
        except (OSError, AttributeError, AssertionError):
            return {}


class PortalContainer(Container):
    def __init__(self, podman, number, objects, folder, nodes, arbiter):
        spec = find(objects, "Deployment")["spec"]["template"]["spec"]
        config = yaml.safe_load(find(objects, "ConfigMap", f"{NAME}-portal")["data"]["portal.yaml"])
        config["name"] = f"portal-{number}"
        for entry, node in zip(config["nodes"], nodes, strict=True):
            entry["address"] = f"{node.address}:6379"
        config["arbiter"]["kubernetes"] |= {"api_server": arbiter["api_server"], "token_file": "/etc/redis-portal/api/token"}
        paths = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
        mounts = {}

        def mount(name, path, content):
            file = folder / f"portal-{number}-{name}"
            file.write_bytes(content)
            file.chmod(0o644)
            mounts[file] = path

        mount("portal.yaml", f"{paths['config']}/portal.yaml", json.dumps(config).encode())
        mount("token", "/etc/redis-portal/api/token", arbiter["token"])
        for volume in spec["volumes"]:
            for item in volume.get("secret", {}).get("items", []):
                data = find(objects, "Secret", volume["secret"]["secretName"])["data"][item["key"]]
                mount(f"{volume['name']}-{item['path']}", f"{paths[volume['name']]}/{item['path']}", base64.b64decode(data))
        super().__init__(podman, f"portal-{number}", 20 + number, "portal", spec, mounts, spec["containers"][0]["args"])
        self.admin = f"http://{self.address}:9380"

    def status(self):
        answer = subprocess.run([PROGRAM, "status", "--json", "--admin", self.admin], capture_output=True, text=True, timeout=30)
        return json.loads(answer.stdout) if answer.stdout.startswith("{") else {}

    def ready(self):
        return len([node for node in self.status().get("topology", {}).get("nodes", []) if node["in_sync"]]) == 2


class Containers(ChartTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if shutil.which("redis-server") is None:
            raise unittest.SkipTest("redis-server is not installed")
        podman = cls.podman = Podman()
        cls.addClassCleanup(podman.close)
        podman.portal_image("portal")
        podman.import_image(redis_root(podman.folder / "redis-root"), "redis")
        objects = render("4", "1.34.0", "default", "--set", SETTINGS)
        secret = lambda name, key: base64.b64decode(find(objects, "Secret", f"{NAME}-{name}")["data"][key]).decode()  # noqa: E731
        cls.password = secret("auth", "redis-password")
        cls.ca_file = podman.folder / "ca.crt"
        cls.ca_file.write_text(secret("tls", "ca.crt"))
        files = podman.folder / "files"
        files.mkdir()
        cls.nodes = [RedisContainer(podman, i, objects, files, cls.password) for i in range(2)]
        cls.nodes[0].start()  # makes the network's bridge, on which the stand-in listens
        store = ApiServerStandIn(files, free_ports(), podman.address(1))
        store.process.start()
        cls.addClassCleanup(store.process.kill)
        wait_until(store.answers, 20, "the stand-in API server answers")
        arbiter = {"api_server": store.url, "token": store.token.read_bytes()}
        cls.portals = [PortalContainer(podman, i, objects, files, cls.nodes, arbiter) for i in range(2)]
        for container in [cls.nodes[1], *cls.portals]:
            container.start()

    def setUp(self):
        self.addCleanup(self.show_logs_after_a_failure, len(self._outcome.result.failures) + len(self._outcome.result.errors))
        self.wait_ready()
        self.writers = [Writer(self, (i % 2, 1 - i % 2)) for i in range(4)]
        for writer in self.writers:
            writer.start()
        wait_until(lambda: all(len(writer.acknowledged) > 20 for writer in self.writers), 30, "all writers write")

    def show_logs_after_a_failure(self, before):
        if len(self._outcome.result.failures) + len(self._outcome.result.errors) > before:
            for container in [*self.nodes, *self.portals]:
                print(f"--- {container.name}", container.log(), sep="\n", file=sys.stderr)

    def client(self, portal):
        client = Client(6380, host=self.portals[portal].address, context=tls_context(self.ca_file), name="localhost", password=self.password, timeout=60)
        self.addCleanup(client.close)
        return client

    def wait_ready(self):
        wait_until(lambda: all(portal.ready() for portal in self.portals), 60, "both portals see two nodes in sync")

    def leader(self, nodes=None):
        leaders = [node for node in nodes or self.nodes if node.replication().get("role") == "master"]
        return leaders[0] if len(leaders) == 1 else None

    def lose(self, what, fault, repair):
        """Afterwards the other node leads, clients write on, and the lost one comes back as a replica."""
        old = wait_until(self.leader, 30, "one node leads")
        (other,) = [node for node in self.nodes if node is not old]
        fault(old)
        wait_until(lambda: other.replication().get("role") == "master", 30, "the other node leads")
        counts = [len(writer.acknowledged) for writer in self.writers]
        wait_until(lambda: all(len(writer.acknowledged) > count + 20 for writer, count in zip(self.writers, counts)), 60, "all writers write on")
        repair(old)
        wait_until(lambda: old.replication().get("master_link_status") == "up", 60, "the lost node follows")
        self.wait_ready()
        self.end(what)

    def end(self, what, expected=("INDOUBT",)):
        for writer in self.writers:
            writer.stopping = True
        for writer in self.writers:
            writer.join(60)
        errors = {kind for writer in self.writers for kind in writer.errors}
        total = sum(len(writer.acknowledged) for writer in self.writers)
        report(f"{what}: longest pause between writes {max(writer.longest for writer in self.writers):.2f} s; {total} acknowledged; errors {errors or 'none'}")
        self.assertLessEqual(errors, set(expected))
        self.assertEqual(1, sum(node.replication().get("role") == "master" for node in self.nodes))

    def test_the_leader_s_container_is_killed(self):
        self.lose("leader's container killed", Container.kill, Container.start)

    def test_the_leader_s_container_is_frozen(self):
        self.lose("leader's container frozen", Container.pause, Container.resume)

    def test_the_leader_s_container_is_cut_off(self):
        self.lose("leader's container cut off", Container.disconnect, Container.connect)

    def test_an_empty_node_behind_the_leader_s_address_wipes_nobody(self):
        client = self.client(0)
        self.assertEqual(client.command("SET", "kept", "1"), "OK")
        wait_until(lambda: client.command("WAIT", "1", "1000") == 1, 10, "the replica has it")
        self.lose("leader replaced by an empty node behind its address", Container.replace, lambda _: None)
        for node in self.nodes:
            with node.client() as client:
                self.assertEqual(client.command("GET", "kept"), b"1")

    def test_nodes_that_replicate_each_other_are_taken_apart(self):
        with self.nodes[0].client() as first, self.nodes[1].client() as second:
            first.command("REPLICAOF", self.nodes[1].address, "6379")
            second.command("REPLICAOF", self.nodes[0].address, "6379")
        wait_until(self.leader, 60, "one node leads again")
        counts = [len(writer.acknowledged) for writer in self.writers]
        wait_until(lambda: all(len(writer.acknowledged) > count + 20 for writer, count in zip(self.writers, counts)), 60, "all writers write on")
        self.wait_ready()
        # Until the portals have seen it, the node that was the leader refuses writes itself.
        self.end("nodes made to replicate each other", ("INDOUBT", "READONLY"))

    def test_a_leader_that_is_slow_while_it_saves_stays_the_leader_without_its_replica(self):
        leader = wait_until(self.leader, 30, "one node leads")
        (other,) = [node for node in self.nodes if node is not leader]
        client = self.client(0)
        for number in range(100):
            self.assertEqual(client.command("SET", f"filling:{number}", b"x" * 200_000), "OK")
        other.disconnect()
        seen = lambda: {node["name"]: node["health"] for node in self.portals[0].status().get("topology", {}).get("nodes", [])}  # noqa: E731
        gone = "redis-" + str(self.nodes.index(other))
        wait_until(lambda: seen().get(gone) == "down", 30, "the portals have seen that the replica is gone")
        epochs = [portal.status()["topology"]["epoch"] for portal in self.portals]
        with leader.client() as node:
            self.assertIn("aving", str(node.command("BGSAVE")))  # started, or in progress already
        for _ in range(3):
            leader.stall(SLOW)
            counts = [len(writer.acknowledged) for writer in self.writers]
            wait_until(lambda: all(len(writer.acknowledged) > count + 20 for writer, count in zip(self.writers, counts)), 60, "all writers write on")
        self.assertEqual([portal.status()["topology"]["epoch"] for portal in self.portals], epochs, "nobody began a failover")
        self.assertIs(self.leader(), leader)
        other.connect()
        wait_until(lambda: other.replication().get("master_link_status") == "up", 60, "the replica follows again")
        self.wait_ready()
        self.end("leader slow in a background save, replica cut off", ())

    def test_a_portal_s_container_is_stopped_as_the_kubelet_does(self):
        asked = time.monotonic()
        status = self.portals[0].stop(30)
        report(f"a portal's container ended {time.monotonic() - asked:.1f} s after SIGTERM, with status {status}")
        self.assertEqual(status, 0)
        self.portals[0].start()
        self.wait_ready()
        self.end("portal's container stopped and started")


if __name__ == "__main__":
    main()
