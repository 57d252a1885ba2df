"""Which tests are run, what came of them in each column, and how the columns are compared."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
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
    """What came of one test: "passed", "failed" or "skipped", and the last line of why."""

    outcome: str
    why: str = ""


def read_junit(text: str) -> dict[str, Result]:
    """The results of a run, by `file::test`; of a test that was tried twice the last counts."""
    found = {}
    for case in ElementTree.fromstring(text).iter("testcase"):
        name = f"{case.get('file') or case.get('classname', '').replace('.', '/') + '.py'}::{case.get('name')}"
        bad = [each for each in case if each.tag in ("failure", "error")]
        if bad:
            said = (bad[0].get("message") or bad[0].text or "").strip().splitlines()
            found[name] = Result("failed", said[0] if said else bad[0].tag)
        elif any(each.tag == "skipped" for each in case):
            found[name] = Result("skipped")
        else:
            found[name] = Result("passed")
    return found


@dataclass(frozen=True)
class Difference:
    """What only ours fails.

    Attributes:
        new: tests that only ours fails, and that are not in the list.
        decided: those that are in it.
        mended: tests that are in the list, were run, and pass.
    """

    new: list[str]
    decided: list[str]
    mended: list[str]


def compare(quart: Mapping[str, Result], ours: Mapping[str, Result], listed: Iterable[str]) -> Difference:
    """What ours fails, or did not collect, and stock Dash on Quart passes, beside what is so by decision."""
    listed = set(listed)
    only = [
        name
        for name, result in quart.items()
        if result.outcome == "passed" and ours.get(name, Result("failed")).outcome != "passed"
    ]
    return Difference(
        sorted(name for name in only if name not in listed),
        sorted(name for name in only if name in listed),
        sorted(name for name in listed if ours.get(name, Result("failed")).outcome == "passed"),
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
