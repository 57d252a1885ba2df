"""The pages' scripts that need no browser, each on its own: `tests/client/unit/`, by Node.js's own test runner."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parent / "unit"


@pytest.mark.skipif(not shutil.which("node"), reason="there is no Node.js (`make test` installs one)")
def test_the_scripts_pass_their_unit_tests():
    """`node --test` finds no failure in the unit tests of the pages' scripts, and it finds the tests."""
    files = sorted(map(str, UNIT.glob("*.test.mjs")))
    assert files
    run = subprocess.run(["node", "--test", *files], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "# fail 0" in run.stdout or "fail 0" in run.stdout, run.stdout
