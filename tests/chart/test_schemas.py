"""Two validators that others made, with the API server's own schemas inside, over all renderings: kubernetes-validate (PyPI;
published OpenAPI schemas, unknown fields refused) and kubectl-validate (a Go module of the Kubernetes project; the API server's
validation without the server). Kinds of operators are unknown to both; test_kinds.py has them."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import yaml

from chart_support import CASES, KUBE_VERSIONS, TOOLS, ChartTestCase, main, render

KUBERNETES_VALIDATE = "kubernetes-validate==1.37.0"
KUBECTL_VALIDATE = "sigs.k8s.io/kubectl-validate@v0.0.4"
OF_OPERATORS = ("monitoring.coreos.com/", "cert-manager.io/")
CHECKER = """
import json, sys
import kubernetes_validate
found = []
for version, item in json.load(sys.stdin):
    try:
        kubernetes_validate.validate(item, version, strict=True)
    except kubernetes_validate.ValidationError as problem:
        found.append(f"{version} {item['kind']} {item['metadata'].get('name')}: {'.'.join(map(str, problem.path))}: {problem.message}")
print(json.dumps(found))
"""


def fetched(name, argv, done, **options):
    """Runs `argv` once for all test runs; skips the calling test when that is not possible here."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    with open(TOOLS / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        failed = TOOLS / f"{name}.failed"
        if done.exists():
            return
        if not failed.exists() or time.time() - failed.stat().st_mtime > 300:
            try:
                answer = subprocess.run(argv, capture_output=True, text=True, timeout=800, **options)
                why = "" if answer.returncode == 0 else (answer.stderr.strip().splitlines() or ["no reason given"])[-1][:200]
            except subprocess.TimeoutExpired:
                why = "not within 800 s"
            failed.write_text(why)
        if why := failed.read_text():
            raise unittest.SkipTest(f"{name} cannot be fetched (no network?): {why}")
        failed.unlink()
        if not done.exists():
            raise AssertionError(f"{name}: fetched, but {done} is not there")


def renderings():
    for kube in KUBE_VERSIONS:
        for case in CASES:
            yield kube, case, [item for item in render("4", kube, case) if not item["apiVersion"].startswith(OF_OPERATORS)]


class KubernetesValidate(ChartTestCase):
    def check(self, items):
        python = next((found for found in filter(None, (sys.executable, shutil.which("python3")))
                       if subprocess.run([found, "-m", "pip", "--version"], capture_output=True).returncode == 0), None)
        if python is None:
            self.skipTest("no Python with pip, and kubernetes-validate comes from PyPI")
        folder = TOOLS / "kubernetes-validate"
        fetched("kubernetes-validate", [python, "-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "20", "--only-binary", ":all:",
                                        "--target", folder, KUBERNETES_VALIDATE], folder / "kubernetes_validate")
        answer = subprocess.run([python, "-c", CHECKER], input=json.dumps(items), capture_output=True, text=True, timeout=200,
                                env={**os.environ, "PYTHONPATH": str(folder)})
        if answer.returncode != 0 and "ModuleNotFoundError" in answer.stderr:
            self.skipTest("kubernetes-validate was fetched for another version of Python")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return json.loads(answer.stdout)

    def test_all_objects_fit_the_schemas_of_the_oldest_and_the_newest_version(self):
        items = {json.dumps([re.sub(r"\.0$", "", kube), item], sort_keys=True) for kube, _, objects in renderings() for item in objects}
        self.assertGreater(len(items), 100)
        self.assertEqual(self.check([json.loads(item) for item in sorted(items)]), [])

    def test_an_unknown_field_and_a_wrong_type_are_found(self):
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"prots": [], "ports": [{"port": 1}]}}
        self.assertEqual(len(self.check([["1.34", service]])), 1)
        service["spec"] = {"ports": [{"port": "6379"}]}
        self.assertEqual(len(self.check([["1.34", service]])), 1)


class KubectlValidate(ChartTestCase):
    def check(self, objects):
        if shutil.which("go") is None:
            self.skipTest("no Go, and kubectl-validate is built from a Go module")
        program = TOOLS / "go/kubectl-validate"
        if not program.exists() and os.environ.get("CHART_KUBECTL_VALIDATE") != "1":
            self.skipTest("building kubectl-validate takes minutes; CHART_KUBECTL_VALIDATE=1 does it once")
        fetched("kubectl-validate", ["go", "install", KUBECTL_VALIDATE], program, env={**os.environ, "GOBIN": str(program.parent)})
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "all.yaml").write_text(yaml.safe_dump_all(objects))
            # Without a home it asks no cluster and no network: its own schemas only.
            return subprocess.run([program, folder], capture_output=True, text=True, timeout=100, env={"HOME": folder, "PATH": os.environ["PATH"]})

    def test_all_objects_pass(self):
        once = {json.dumps(item, sort_keys=True) for _, _, objects in renderings() for item in objects}
        answer = self.check([json.loads(item) for item in sorted(once)])
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)

    def test_a_wrong_object_is_refused(self):
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "data"}, "spec": {"ports": [{"port": "many"}], "prots": []}}
        answer = self.check([service])
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("prots", answer.stdout + answer.stderr)


if __name__ == "__main__":
    main()
