"""The release files agree with the package."""

from __future__ import annotations

import json
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


def test_the_extension_by_itself_agrees_with_the_package():
    """The same Pythons and version, no requirement that the package has otherwise, and the same configuration."""
    alone = tomllib.loads((ROOT / "jupyter-config/server-only/pyproject.toml").read_text(encoding="utf-8"))
    assert alone["project"]["requires-python"] == PROJECT["project"]["requires-python"]
    assert set(alone["project"]["dependencies"]) < set(PROJECT["project"]["dependencies"])
    assert set(alone["project"]["classifiers"]) < set(PROJECT["project"]["classifiers"])
    version = ROOT / "jupyter-config/server-only" / alone["tool"]["hatch"]["version"]["path"]
    assert version.resolve() == ROOT / PROJECT["tool"]["hatch"]["version"]["path"]
    both = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in (ROOT / "jupyter-config").rglob("dash_devices_nb*.json")
    ]
    assert len(both) == 2
    assert both[0] == both[1]


def test_the_extensions_for_jupyterlab_differ_in_their_names_only():
    """JupyterLab finds each by the name of its folder."""
    full = json.loads((ROOT / "dash_devices_nb/server/labextension/package.json").read_text(encoding="utf-8"))
    alone = json.loads((ROOT / "jupyter-config/server-only/labextension/package.json").read_text(encoding="utf-8"))
    assert (full.pop("name"), alone.pop("name")) == ("dash-devices-nb", "dash-devices-nb-server")
    assert full == alone
    assert full["version"] == __version__
