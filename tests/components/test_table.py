"""The committed table is whole, and a few of its rows are so today; `make components` walks all."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.components import core, table, tables
from tests.components.cases import Case
from tests.components.walk import Row, walk

SLICE = [
    "dcc.Input debounce",
    "dcc.Slider",
    "dcc.Tabs",
    "html.Details",
    "dash_table.DataTable rows",
]


def row(**cells: str) -> Row:
    """A row with the usual cells, but for some."""
    usual = {"component": "dcc.It", "prop": "value", "text": "click", "shown": "3 pages", **table.USUAL}
    return Row(**(usual | cells))


def test_an_odd_cell_needs_a_reason():
    """A cell that is not as usual fails without a reason, and a reason without an odd cell does."""
    assert table.faults([row()], {}, whole=True) == []
    odd = row(push="1 by nobody")
    assert table.faults([odd], {}, whole=True) == ["dcc.It value, push: '1 by nobody' has no reason"]
    assert table.faults([odd], {"dcc.It value": {"push": "it says so"}}, whole=True) == []
    stale = ["dcc.It value, push: there is a reason, and nothing odd"]
    assert table.faults([row()], {"dcc.It value": {"push": "it said so"}}, whole=True) == stale
    assert table.faults([], {"dcc.It value": {"push": "it said so"}}, whole=False) == []
    assert table.faults([], {"dcc.It value": {"push": "it said so"}}, whole=True) == stale


def test_a_run_that_differs_from_the_table_is_told():
    """A row that is not committed so is named, with both."""
    [told] = table.differences([row(component="dcc.Nothing")], {}, whole=False)
    assert told.startswith("dcc.Nothing value:\n  committed None\n  counted   | dcc.Nothing | `value` | click |")


def test_every_odd_row_of_the_committed_table_says_why():
    """No reason is missing in what is committed, and none is there that the table does not show."""
    committed = table.written()
    assert len(committed) > 100
    assert [key for key, line in committed.items() if "?." in line] == []
    assert [key for key in table.reasons() if key not in committed] == []


@pytest.mark.parametrize(
    "case", [case for case in core.CASES + tables.CASES if case.name in SLICE], ids=lambda c: c.name
)
async def test_a_few_rows_are_so(case: Case, chromium: Browser, monkeypatch: pytest.MonkeyPatch):
    """Three pages, an act, a push, an opening: who is called is what the table says."""
    # Each act that calls nothing waits for so long; the whole walk (`make components`) has more patience.
    monkeypatch.setattr("tests.components.walk.CALLED_WITHIN", 5.0)
    assert table.differences(await walk(case, chromium), table.reasons(), whole=False) == []
