"""The release files agree with the package."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from dash_devices_nb import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_version_has_one_source():
    """The package's; the citation repeats it, and the build reads it."""
    assert "version" in PROJECT["project"]["dynamic"]
    source = (ROOT / PROJECT["tool"]["hatch"]["version"]["path"]).read_text(encoding="utf-8")
    assert f'__version__ = "{__version__}"' in source
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited is not None
    assert cited[1] == __version__


def test_each_python_that_is_tested_is_named():
    """From the lowest that is taken on, without a gap."""
    named = [int(m[1]) for each in PROJECT["project"]["classifiers"] if (m := re.fullmatch(r".* :: 3\.(\d+)", each))]
    assert PROJECT["project"]["requires-python"] == f">=3.{named[0]}"
    assert named == list(range(named[0], named[-1] + 1))
