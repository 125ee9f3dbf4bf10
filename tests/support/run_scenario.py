"""Runs one test file and tells ctest when it has shown nothing: run_scenario.py FILE [unittest's options].

Exit status: 0 all passed, 1 one failed, 77 all were skipped (ctest's SKIP_RETURN_CODE), so that a scenario which this machine cannot
have is not counted among those that passed.
"""

import importlib
import sys
import unittest
from pathlib import Path

ALL_SKIPPED = 77


def exit_status(result):
    """Of a unittest.TestResult."""
    if not result.wasSuccessful():
        return 1
    # A class that is skipped as a whole is not counted in testsRun.
    passed = result.testsRun - sum(isinstance(test, unittest.TestCase) for test, _ in result.skipped)
    return ALL_SKIPPED if result.skipped and passed == 0 else 0


def main():
    file = Path(sys.argv[1])
    sys.path.insert(0, str(file.parent))
    result = unittest.main(module=importlib.import_module(file.stem), argv=sys.argv[1:], exit=False).result
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason}", file=sys.stderr)
    return exit_status(result)


if __name__ == "__main__":
    sys.exit(main())
