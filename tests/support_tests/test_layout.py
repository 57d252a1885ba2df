"""How the tests are laid out: who may import the tool box, and that each module's tests can be found."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def imports_of_tests(path: Path) -> set[str]:
    """The modules of `tests` that a file imports, wherever in it the import stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    named |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return {name for name in named if name.split(".")[0] == "tests"}


@pytest.mark.parametrize("folder", ["benchmarks", "docs", "tests/support"])
def test_only_the_tool_box_is_imported_from_outside_the_tests(folder: str):
    """Benchmarks, the pictures' script and the tools themselves import nothing of `tests` but `tests.support`."""
    found = {path.name: imports_of_tests(path) for path in (ROOT / folder).rglob("*.py")}
    assert any(found.values()), f"no file of {folder} imports the tools: is this the right folder?"
    outside = {name: {each for each in of if not f"{each}.".startswith("tests.support.")} for name, of in found.items()}
    assert {name: of for name, of in outside.items() if of} == {}


def test_the_package_imports_no_tests():
    """The wheel has no `tests`."""
    assert {path.name for path in (ROOT / "dash_devices_nb").rglob("*.py") if imports_of_tests(path)} == set()


def test_the_table_of_tests_names_every_room_and_only_files_that_exist():
    """`tests/README.md` answers where something is tested."""
    text = (ROOT / "tests/README.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| ")}
    package = ROOT / "dash_devices_nb"
    rooms = {path.parent.relative_to(package).as_posix() for path in package.rglob("__init__.py")} - {"."}
    assert rooms - rows.keys() - {"app"} == set(), "these rooms have no line in tests/README.md"
    named = set(re.findall(r"[\w/]*test_\w+\.py", text))
    assert {name for name in named - {"test_x.py"} if not (ROOT / "tests" / name).exists()} == set()
