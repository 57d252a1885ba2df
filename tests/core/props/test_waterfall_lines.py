"""`addLines` adds to `lines`, of which the last ones are kept, whether they are arrays or lists."""

import json
from array import array

import pytest

from dash_devices_nb.core.props.arrays import Arrays, Numbers, Packed
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.props.waterfall_lines import COLUMNS, HISTORY, LinesValue, added, starts_of_parts
from tests.core.desk import Desk, component


def as_list(numbers: Numbers) -> bytes:
    return json.dumps(array("d", numbers.data).tolist()).encode()


def numbers(*points: float, shape: tuple[int, ...] = ()) -> Value:
    """A value that is an array."""
    made = Numbers(array("d", points).tobytes(), "f8", shape or (len(points),), as_list, lambda numbers, most: numbers)
    return Value(None, Arrays((b"", b""), (made,)))


NOTHING = Value.of(None)


def test_lines_of_both_kinds_are_kept_in_order():
    """A list stays JSON, an array stays bytes; both are lists for who reads them."""
    lines = added(NOTHING, Value.of([1, 2]), None)
    lines = added(lines, numbers(3, 4), None)
    lines = added(lines, Value.of([[5, None], [7, 8]]), None)
    assert lines.plain == [[1, 2], [3, 4], [5, None], [7, 8]]
    assert [type(each) for each in lines.arrays.between] == [Numbers]


def test_an_array_of_two_dimensions_is_several_lines():
    """The newest last."""
    lines = added(NOTHING, numbers(1, 2, 3, 4, 5, 6, shape=(3, 2)), None)
    assert lines.plain == [[1, 2], [3, 4], [5, 6]]
    assert len(lines.rows) == 3


@pytest.mark.parametrize(("history", "kept"), [(2, 2), (None, HISTORY), (0, HISTORY), (True, HISTORY), ("7", HISTORY)])
def test_the_oldest_lines_go(history, kept):
    """What the component says, or 200."""
    lines = LinesValue(())
    for number in range(HISTORY + 5):
        lines = added(lines, Value.of([number]), history)
    assert [row.plain for row in lines.rows] == [[number] for number in range(HISTORY + 5 - kept, HISTORY + 5)]


@pytest.mark.parametrize("value", [None, 7, [], "line", {"y": [1]}, [1, "a"], [[1], ["a"]], [True]])
def test_what_is_no_line_of_numbers_leaves_the_history(value):
    """Pages get it as the event that it is."""
    assert added(NOTHING, Value.of(value), None) is None


def test_an_array_that_plotly_has_packed_is_no_line():
    """It is an object in JSON."""
    packed = Value(None, Arrays((b'{"bdata":', b"}"), (Packed(bytes(8)),)))
    assert added(NOTHING, packed, None) is None


def test_the_layouts_lines_are_the_first():
    """As a list, which the program has given."""
    assert added(Value.of([[0, 1]]), numbers(2, 3), 5).plain == [[0, 1], [2, 3]]


def test_the_history_has_the_columns_that_a_page_draws():
    """Each is the highest point of its part; a gap is lower than all."""
    line: list = [None] * (3 * COLUMNS) + [0]
    line[7] = -5
    (kept,) = added(NOTHING, Value.of(line), None).plain
    assert len(kept) == COLUMNS
    assert kept[2] == -5
    assert kept[-1] == 0
    assert set(kept) == {None, -5, 0}


@pytest.mark.parametrize(("length", "parts"), [(10, 3), (4096, 2048), (50_000, 2048), (2049, 2048)])
def test_parts_begin_where_a_page_begins_them(length, parts):
    """`binned` in components/waterfall.js puts point n into column floor(n * parts / length)."""
    columns = [at * parts // length for at in range(length)]
    assert starts_of_parts(length, parts) == [columns.index(part) for part in range(parts)]


def test_what_is_pushed_as_lines_is_added_to_those_that_are_there():
    """The state has them, for pages that come later."""
    desk = Desk()
    desk.start(component("w", kind="Waterfall", lines=[[1, 2]], history=2))
    desk.push({"w.addLines": [3, 4]})
    desk.push({"w.addLines": [5, 6]})
    assert desk.value("w.lines") == [[3, 4], [5, 6]]
