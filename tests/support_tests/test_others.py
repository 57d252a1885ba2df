"""`make others`: how the columns are compared, without a checkout of Dash."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.others.columns import Result, by_decision, compare, read_junit

JUNIT = """<testsuites><testsuite>
<testcase classname="tests.integration.test_a" file="tests/integration/test_a.py" name="test_good" />
<testcase classname="tests.integration.test_a" file="tests/integration/test_a.py" name="test_bad[1]">
  <failure message="AssertionError: 1 is not 2&#10;more">trace</failure></testcase>
<testcase classname="tests.integration.test_a" name="test_left"><skipped message="no redis" /></testcase>
<testcase classname="tests.integration.test_a" name="test_broken"><error>ImportError: x</error></testcase>
</testsuite></testsuites>"""


def test_a_run_is_read_with_the_first_line_of_why() -> None:
    """Each test has its id, what came of it, and one line that says why."""
    assert read_junit(JUNIT) == {
        "tests/integration/test_a.py::test_good": Result("passed"),
        "tests/integration/test_a.py::test_bad[1]": Result("failed", "AssertionError: 1 is not 2"),
        "tests/integration/test_a.py::test_left": Result("skipped"),
        "tests/integration/test_a.py::test_broken": Result("failed", "ImportError: x"),
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


def test_the_committed_list_names_decisions_that_there_are() -> None:
    """Each test that is failed on purpose has a decision in docs/decisions/."""
    assert all(len(number) == 4 for number in by_decision().values())


def test_a_list_that_names_no_decision_is_refused(tmp_path: Path) -> None:
    """A number that no decision has is an error that says so."""
    path = tmp_path / "list.toml"
    path.write_text('[[decided]]\ndecision = "9999"\ntests = ["a"]\n')
    with pytest.raises(ValueError, match="'9999' is no decision"):
        by_decision(path)
