"""Every rendered object has only fields that its kind has, with values of the right type. Not covered: what an API server
checks across fields and by admission."""

import json
import shutil
import subprocess
import unittest

from chart_support import HERE, ChartTestCase, main, matrix, tools


def check(objects):
    answer = subprocess.run(["node", HERE / "check_kinds.mjs", tools()], input=json.dumps(objects), capture_output=True, text=True, timeout=120)
    if answer.returncode != 0:
        raise AssertionError(answer.stderr)
    return [f"{where}: {problem}" for where, problem in json.loads(answer.stdout)]


@unittest.skipIf(shutil.which("node") is None, "node is not installed")
class Kinds(ChartTestCase):
    def test_all_objects_of_all_renderings(self):
        once = {json.dumps(item, sort_keys=True) for _, objects in matrix() for item in objects}
        self.assertGreater(len(once), 100)
        self.assertEqual(check([json.loads(item) for item in sorted(once)]), [])

    def test_misspelt_fields_and_wrong_types_are_found(self):
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
                   "spec": {"prots": [], "ports": [{"port": "6379"}]}}
        found = "\n".join(check([service]))
        self.assertIn("Service/s.spec.prots: unknown field of V1ServiceSpec", found)
        self.assertIn("Service/s.spec.ports[0].port: wants number, is string", found)
        monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "m"}, "spec": {"selector": {}, "endpoints": 3}}
        self.assertIn("ServiceMonitor/m", check([monitor])[0])


if __name__ == "__main__":
    main()
