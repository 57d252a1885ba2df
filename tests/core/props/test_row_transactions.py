"""What an AG Grid's `rowTransaction` does to its rows."""

from __future__ import annotations

import pytest

from dash_devices_nb.core.props.row_transactions import transacted

ROWS = [{"n": "a", "v": 1}, {"n": "b", "v": 2}]
BY_N = "params.data.n"


@pytest.mark.parametrize(
    ("transaction", "wanted"),
    [
        ({"add": [{"n": "c"}]}, [*ROWS, {"n": "c"}]),
        ({"add": [{"n": "c"}], "addIndex": 0}, [{"n": "c"}, *ROWS]),
        ({"add": [{"n": "c"}], "addIndex": 99}, [*ROWS, {"n": "c"}]),
        ({"update": [{"n": "b", "v": 5}]}, [ROWS[0], {"n": "b", "v": 5}]),
        ({"remove": [{"n": "a"}]}, [ROWS[1]]),
        ({"remove": [{"n": "a"}], "add": [{"n": "c"}], "update": [{"n": "x"}]}, [ROWS[1], {"n": "c"}]),
        ({"add": None, "async": True}, ROWS),
    ],
)
def test_rows_are_added_updated_and_removed_by_their_id(transaction, wanted):
    """As in the grid; the rows of before stay as they were."""
    before = [dict(row) for row in ROWS]
    assert transacted(before, transaction, BY_N) == wanted
    assert before == ROWS


@pytest.mark.parametrize("row_id", ["params.data.m.id", "String(params.data.m.id)", "params.data.m.id.toString()"])
def test_the_id_may_lie_deeper_and_be_a_number(row_id):
    """Ids are texts in the grid."""
    rows = [{"m": {"id": 1}}, {"m": {"id": 2}}]
    assert transacted(rows, {"remove": [{"m": {"id": 2}}]}, row_id) == rows[:1]


@pytest.mark.parametrize(
    ("rows", "transaction", "row_id"),
    [
        (ROWS, {"remove": [{"n": "a"}]}, None),
        (ROWS, {"update": [{"n": "a"}]}, "params.data.a + params.data.b"),
        (ROWS, {"add": 5}, BY_N),
        (ROWS, None, BY_N),
        ({"a": 1}, {"add": []}, BY_N),
    ],
)
def test_what_cannot_be_told_is_not_told(rows, transaction, row_id):
    """The grid decides about it."""
    assert transacted(rows, transaction, row_id) is None


def test_a_grid_without_rows_gets_its_first():
    """`rowData` was never given."""
    assert transacted(None, {"add": [{"n": 1}]}, None) == [{"n": 1}]
