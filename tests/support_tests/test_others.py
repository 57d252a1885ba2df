"""`make others`: how the columns are compared, without a checkout of Dash."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.others import stock_components
from tests.others.columns import Result, by_decision, compare, import_path, not_passed, read_junit, tried_twice

JUNIT = """<testsuites><testsuite>
<testcase classname="tests.integration.test_a" file="tests/integration/test_a.py" name="test_good" />
<testcase classname="tests.integration.test_a" file="tests/integration/test_a.py" name="test_bad[1]">
  <failure message="AssertionError: 1 is not 2&#10;more">trace</failure></testcase>
<testcase classname="tests.integration.test_a" name="test_left"><skipped message="no redis" /></testcase>
<testcase classname="tests.integration.test_a" name="test_broken"><error>ImportError: x</error></testcase>
<testcase classname="tests.integration.test_a.TestIt" file="tests/integration/test_a.py" name="test_in" />
<testcase classname="" name="tests.integration.test_b"><error message="collection failure">ImportError while importing
E   ModuleNotFoundError: No module named 'redis'</error></testcase>
</testsuite></testsuites>"""


def test_a_run_is_read_with_the_first_line_of_why() -> None:
    """Each test has its id, what came of it, and one line that says why."""
    assert read_junit(JUNIT) == {
        "tests/integration/test_a.py::test_good": Result("passed"),
        "tests/integration/test_a.py::test_bad[1]": Result("failed", "AssertionError: 1 is not 2"),
        "tests/integration/test_a.py::test_left": Result("skipped"),
        "tests/integration/test_a.py::test_broken": Result("failed", "ImportError: x"),
        "tests/integration/test_a.py::TestIt::test_in": Result("passed"),
        "tests/integration/test_b.py": Result("not collected", "ModuleNotFoundError: No module named 'redis'"),
    }


def test_what_only_ours_fails_counts_and_what_it_does_not_collect() -> None:
    """What stock Dash on Quart fails too is not ours; a test that vanished in our column is."""
    good, bad, left = Result("passed"), Result("failed"), Result("skipped")
    quart = {"both": good, "neither": bad, "ours": good, "gone": good, "skipped": good, "decided": good, "mended": good}
    ours = {"both": good, "neither": bad, "ours": bad, "skipped": left, "decided": bad, "mended": good}
    difference = compare(quart, ours, {"decided", "mended", "not run"})
    assert difference.new == ["gone", "ours", "skipped"]
    assert difference.decided == ["decided"]
    assert difference.mended == ["mended"]
    assert difference.uncompared == []


def test_a_suite_that_was_not_compared_is_no_pass() -> None:
    """A file that a column does not collect says nothing, nor does a suite that fails, or is not run, in one."""
    good, gone = Result("passed"), Result("not collected", "No module named 'redis'")
    assert compare({"a": good, "b.py": gone}, {"a": good}, ()).uncompared == [
        "quart does not collect b.py: No module named 'redis'"
    ]
    assert compare({"a": good}, {"a": good, "b.py": gone}, ()).uncompared == [
        "ours does not collect b.py: No module named 'redis'"
    ]
    assert compare({"a": Result("failed")}, {"a": good}, ()).uncompared == [
        "no test passes in the column quart, with which the other is compared"
    ]
    assert len(compare({}, {}, ()).uncompared) == 2


def test_stock_dash_may_run_only_what_did_not_pass_with_ours() -> None:
    """A suite of which ours passes all needs no run on Quart, and one whose rest fails there as well is compared."""
    good, bad, gone = Result("passed"), Result("failed"), Result("not collected", "x")
    ours = {"a": good, "c": bad, "b.py": gone, "d": Result("skipped")}
    assert not_passed(ours) == ["b.py", "c", "d"]
    assert compare({}, {"a": good}, (), rest=True).uncompared == []
    assert compare({"c": bad}, {"a": good, "c": bad}, (), rest=True) == compare({"a": good}, {"a": good}, ())
    assert compare({"c": good}, {"a": good, "c": bad}, (), rest=True).new == ["c"]
    assert compare({"c": good}, {"c": bad}, (), rest=True).uncompared == [
        "no test passes in the column ours, with which the other is compared"
    ]


def test_a_test_that_failed_is_run_once_more_and_that_counts() -> None:
    """Only what failed is run again, once; a file that was not collected is not."""
    runs: list[Sequence[str]] = []

    def once(names: Sequence[str]) -> dict[str, Result]:
        runs.append(names)
        if len(runs) > 1:
            return {"flaky": Result("passed"), "broken": Result("failed", "again")}
        return {
            "good": Result("passed"),
            "flaky": Result("failed", "late"),
            "broken": Result("failed", "first"),
            "b.py": Result("not collected"),
        }

    assert tried_twice(once, ["folder"]) == {
        "good": Result("passed"),
        "flaky": Result("passed"),
        "broken": Result("failed", "again"),
        "b.py": Result("not collected"),
    }
    assert runs == [["folder"], ["flaky", "broken"]]


def test_nothing_is_imported_from_the_folder_where_the_tests_run() -> None:
    """A checkout has a folder `dash`: an empty entry of PYTHONPATH would take it for the installed Dash."""
    assert import_path(Path("/a"), inherited="") == "/a"
    assert import_path(Path("/a"), Path("/b"), inherited=":/c:") == "/a:/b:/c"


def test_a_checkout_without_the_components_of_its_tests_is_refused(tmp_path: Path) -> None:
    """Tests that import them would not be collected: it says what is missing."""
    with pytest.raises(SystemExit, match="has no @plotly/dash-test-components"):
        stock_components.built(tmp_path)


def test_components_are_built_in_the_checkout_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Dash's own setup does: npm, webpack, the generator, and the folder `base`; a step that fails ends it."""
    folder = tmp_path / stock_components.FOLDER
    (folder / "base").mkdir(parents=True)
    (folder / "base/__init__.py").write_text("")
    (folder / "package.json").write_text("{}")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("npm", "python"):
        (tools / name).write_text(
            f'#!/bin/sh\necho {name} "$1" "$2" "$3" "$4" >> {tmp_path}/said\nexit $(cat {tmp_path}/code)\n'
        )
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setattr("sys.executable", str(tools / "python"))
    (tmp_path / "code").write_text("3")
    stock_components.built.cache_clear()
    with pytest.raises(SystemExit, match=r"npm ci .* ended with 3"):
        stock_components.built(tmp_path)
    (tmp_path / "code").write_text("0")
    (tmp_path / "said").unlink()
    assert stock_components.built(tmp_path) == folder
    stock_components.built.cache_clear()
    assert stock_components.built(tmp_path) == folder
    said = (tmp_path / "said").read_text().splitlines()
    assert [line.split()[:3] for line in said[:2]] == [["npm", "ci", "--no-audit"], ["npm", "run", "build:js"]]
    assert said[2] == f"python -c {stock_components.GENERATE} ./src/components {stock_components.NAME}"
    assert (folder / stock_components.NAME / "__init__.py").exists()


def test_the_committed_list_names_decisions_that_there_are() -> None:
    """Each test that is failed on purpose has a decision in docs/decisions/."""
    assert all(len(number) == 4 for number in by_decision().values())


def test_a_list_that_names_no_decision_is_refused(tmp_path: Path) -> None:
    """A number that no decision has is an error that says so."""
    path = tmp_path / "list.toml"
    path.write_text('[[decided]]\ndecision = "9999"\ntests = ["a"]\n')
    with pytest.raises(ValueError, match="'9999' is no decision"):
        by_decision(path)
