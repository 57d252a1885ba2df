"""The components that stock Dash's tests use, and that are in no package index: they are built in the checkout."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from pathlib import Path

NAME = "dash_test_components"
FOLDER = "@plotly/dash-test-components"
GENERATE = "from dash.development.component_generator import cli; cli()"
"""The program `dash-generate-components` of the installed Dash, which need not be on the path."""


@functools.cache
def built(source: Path) -> Path:
    """The folder from which they are imported, as Dash's own `npm run setup-tests.py` builds them, but for R.

    Built once per checkout.

    Raises:
        SystemExit: the checkout is not whole, npm is missing, or a step failed.
    """
    folder = source / FOLDER
    if not (folder / "package.json").exists():
        raise SystemExit(f"{source} has no {FOLDER}, whose components the tests use: give a whole checkout of Dash")
    if (folder / NAME / "__init__.py").exists():
        return folder
    npm = shutil.which("npm")
    if not npm:
        raise SystemExit(f"npm was not found: it builds {FOLDER}, whose components the tests use")
    for command in (
        [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        [npm, "run", "build:js"],
        [sys.executable, "-c", GENERATE, "./src/components", NAME],
    ):
        ended = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if ended.returncode:
            sys.stderr.write(ended.stdout + ended.stderr)
            raise SystemExit(f"`{' '.join(command)}` in {folder} ended with {ended.returncode}")
    shutil.copytree(folder / "base", folder / NAME, dirs_exist_ok=True)
    return folder
