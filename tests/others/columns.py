"""Which tests are run, what came of them in each column, and how the columns are compared."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

COLUMNS = ("flask", "quart", "ours")
SUITES = {
    "callbacks": ["tests/integration/callbacks"],
    "renderer": ["tests/integration/renderer"],
    "clientside": ["tests/integration/clientside", "tests/integration/test_clientside_patch.py"],
    "multi_page": ["tests/integration/multi_page", "tests/integration/test_pages_redirect_home.py"],
    "devtools": ["tests/integration/devtools"],
    "async": ["tests/async_tests"],
    "background": ["tests/background_callback"],
    "websocket": ["tests/websocket"],
    "mcp": ["tests/integration/mcp"],
    "patch": ["tests/integration/test_patch.py", "tests/integration/test_integration.py"],
    "hooks": ["tests/integration/test_hooks.py", "tests/integration/test_scripts.py"],
    "dcc": ["components/dash-core-components/tests/integration"],
    "table": ["components/dash-table/tests/selenium"],
}
"""The suites by name, and their folders in a checkout of Dash."""
BY_DECISION = Path(__file__).with_name("by_decision.toml")


@dataclass(frozen=True)
class Result:
    """What came of one test: "passed", "failed", "skipped" or "not collected" (of a file), and one line of why."""

    outcome: str
    why: str = ""


def read_junit(text: str) -> dict[str, Result]:
    """The results of a run by the names that pytest takes, `file::test`; a file that was not collected by its path."""
    found = {}
    for case in ElementTree.fromstring(text).iter("testcase"):
        bad = [each for each in case if each.tag in ("failure", "error")]
        said = (bad[0].get("message") or "").strip() if bad else ""
        lines = (bad[0].text or "").strip().splitlines() if bad else []
        if said == "collection failure":
            raised = [line for line in lines if line.startswith("E ")]
            found[f"{case.get('name', '').replace('.', '/')}.py"] = Result(
                "not collected", (raised or lines or [said])[0].removeprefix("E").strip()
            )
        elif bad:
            found[_name(case)] = Result("failed", [*said.splitlines(), *lines, bad[0].tag][0])
        elif any(each.tag == "skipped" for each in case):
            found[_name(case)] = Result("skipped")
        else:
            found[_name(case)] = Result("passed")
    return found


def _name(case: ElementTree.Element) -> str:
    module = case.get("classname", "")
    file = case.get("file") or f"{module.replace('.', '/')}.py"
    inner = module.removeprefix(file.removesuffix(".py").replace("/", ".")).strip(".").split(".")
    return "::".join([file, *(each for each in inner if each), case.get("name", "")])


def import_path(*folders: Path, inherited: str) -> str:
    """A PYTHONPATH without empty entries: one stands for the current folder, where a checkout has its own `dash`."""
    return os.pathsep.join([*map(str, folders), *(each for each in inherited.split(os.pathsep) if each)])


def tried_twice(once: Callable[[Sequence[str]], dict[str, Result]], paths: Sequence[str]) -> dict[str, Result]:
    """Run tests, and those that failed once more, by themselves: what came of them then counts."""
    results = once(paths)
    failed = [name for name, result in results.items() if result.outcome == "failed"]
    return {**results, **(once(failed) if failed else {})}


@dataclass(frozen=True)
class Difference:
    """What only ours fails.

    Attributes:
        new: tests that only ours fails, and that are not in the list.
        decided: those that are in it.
        mended: tests that are in the list, were run, and pass.
        uncompared: why the suite, or a file of it, says nothing.
    """

    new: list[str]
    decided: list[str]
    mended: list[str]
    uncompared: list[str]


def not_passed(results: Mapping[str, Result]) -> list[str]:
    """What pytest takes to run again all that did not pass: tests, and files that were not collected."""
    return sorted(name for name, result in results.items() if result.outcome != "passed")


def compare(
    quart: Mapping[str, Result], ours: Mapping[str, Result], listed: Iterable[str], *, rest: bool = False
) -> Difference:
    """What ours fails, or did not collect, and stock Dash on Quart passes, beside what is so by decision.

    Args:
        quart: The results of stock Dash on Quart.
        ours: Those of our class.
        listed: The tests that it fails on purpose.
        rest: Whether only what did not pass with ours was run on Quart, which may be nothing, or all fail there.
    """
    listed = set(listed)
    uncompared = [
        f"{column} does not collect {name}: {result.why}"
        for column, results in (("quart", quart), ("ours", ours))
        for name, result in results.items()
        if result.outcome == "not collected"
    ]
    if not ours:
        uncompared.append("nothing was run in the column ours")
    compared, column = (ours, "ours") if rest else (quart, "quart")
    if all(result.outcome != "passed" for result in compared.values()):
        uncompared.append(f"no test passes in the column {column}, with which the other is compared")
    only = [
        name
        for name, result in quart.items()
        if result.outcome == "passed" and ours.get(name, Result("failed")).outcome != "passed"
    ]
    return Difference(
        sorted(name for name in only if name not in listed),
        sorted(name for name in only if name in listed),
        sorted(name for name in listed if ours.get(name, Result("failed")).outcome == "passed"),
        uncompared,
    )


def by_decision(path: Path = BY_DECISION) -> dict[str, str]:
    """The tests that ours fails on purpose, with the decision of each.

    Raises:
        ValueError: an entry that names no decision there is.
    """
    decisions = {each.name[:4] for each in (Path(__file__).parents[2] / "docs/decisions").glob("[0-9]*.md")}
    found: dict[str, str] = {}
    for entry in tomllib.loads(path.read_text()).get("decided", []):
        if entry["decision"] not in decisions:
            raise ValueError(
                f"{path.name}: {entry['decision']!r} is no decision; docs/decisions/ has {sorted(decisions)}"
            )
        for name in entry["tests"]:
            found[name] = entry["decision"]
    return found
