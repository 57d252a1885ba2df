"""How Sphinx builds the documents: `make docs`. Nothing is fetched from elsewhere."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from dash_devices_nb import __version__

HERE = Path(__file__).parent
ROOT = HERE.parent

project = "dash_devices_nb"
author = "dash_devices_nb developers"
copyright = author
version = release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
html_theme = "furo"
html_title = "dash_devices_nb"
exclude_patterns = ["decisions/template.md", "_build"]
nb_execution_mode = "off"  # the tests run the notebooks; what they show are live pages
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
autodoc_typehints = "signature"
autodoc_mock_imports = ["qcodes", "pymeasure", "ophyd_async", "aioca", "bluesky"]
autodoc_class_signature = "separated"
napoleon_google_docstring = True
napoleon_use_rtype = False
default_role = "code"  # docstrings write names in single backticks
suppress_warnings = ["myst.header", "misc.highlighting_failure"]

OUTSIDE = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+)([^)#]+)(#[^)]*)?\)")


def setup(app: Any) -> None:
    """Copy the notebooks below docs/, make the list of the decisions, and name what lies outside of docs/."""
    tutorials = HERE / "tutorials"
    tutorials.mkdir(exist_ok=True)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        shutil.copy(path, tutorials / path.name)
    names = "\n".join(path.stem for path in sorted((HERE / "decisions").glob("[0-9]*.md")))
    (HERE / "decisions/index.md").write_text(
        "# Decisions\n\nWhat a newcomer would question, with the facts that forced a choice.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n",
        encoding="utf-8",
    )
    app.connect("source-read", name_what_is_outside)


def name_what_is_outside(app: Any, docname: str, source: list[str]) -> None:
    """Links to files outside docs/ have no page here: show their paths."""
    folder = (HERE / docname).parent

    def named(match: re.Match[str]) -> str:
        text, ups, path = match[1], match[2], match[3]
        target = (folder / ups / path).resolve()
        if target == ROOT / "README.md":
            return text
        return match[0] if target.is_relative_to(HERE) else f"{text} (`{path}`)"

    source[0] = OUTSIDE.sub(named, source[0])
