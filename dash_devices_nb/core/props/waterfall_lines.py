"""The lines of a `Waterfall`: what `addLines` does to them, so that those who come later see the past.

Each line is a value of its own. So a push adds to a tuple and copies no numbers, however long the history is. The
history is thinned to the columns that a page draws: it looks the same, and a page that lags gets 2 MB and not 40.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from dash_devices_nb.core.props.arrays import Array, Arrays, Numbers
from dash_devices_nb.core.props.json_types import Plain
from dash_devices_nb.core.props.values import Value

ADD_LINES = "addLines"
"""The event prop of a `Waterfall`: one line, or several, the newest last."""
LINES = "lines"
HISTORY = 200
"""The lines that are kept if the component does not say how many."""
COLUMNS = 2048
"""The points of a line that are kept. A page draws as many (`MOST_COLUMNS` in components/waterfall.js)."""


class LinesValue(Value):
    """Lines, oldest first.

    Attributes:
        rows: the value of each.
    """

    __slots__ = ("rows",)

    def __init__(self, rows: tuple[Value, ...]) -> None:
        self.rows = rows
        arrays = _joined(rows)
        super().__init__(None if arrays.between else arrays.json, arrays if arrays.between else None)


def added(old: Value, new: Value, history: Plain) -> LinesValue | None:
    """The lines after `addLines`.

    Args:
        old: the lines before.
        new: the value of `addLines`.
        history: the number of lines to keep, as the component says it.

    Returns:
        None if `new` is neither a line of numbers nor a list of such.
    """
    lines = _rows(new)
    if lines is None:
        return None
    most = history if isinstance(history, int) and not isinstance(history, bool) and history > 0 else HISTORY
    return LinesValue(((_rows(old) or ()) + lines)[-most:])


@lru_cache(maxsize=16)
def starts_of_parts(length: int, parts: int) -> list[int]:
    """Where parts of a line begin, of which a page draws the highest point: point n is in part n * parts // length."""
    return [-(-part * length // parts) for part in range(parts)]


def _rows(value: Value) -> tuple[Value, ...] | None:
    if isinstance(value, LinesValue):
        return value.rows
    if value.arrays is not None and value.arrays.pieces == (b"", b"") and isinstance(value.arrays.between[0], Numbers):
        return _cut(value.arrays.between[0])
    plain = value.plain
    if not isinstance(plain, list) or not plain:
        return None
    rows = plain if all(isinstance(row, list) for row in plain) else [plain]
    return tuple(map(_thinned, rows)) if all(map(_is_line, rows)) else None


def _is_line(row: list[Plain]) -> bool:
    return all(each is None or (isinstance(each, int | float) and not isinstance(each, bool)) for each in row)


def _thinned(row: list[Plain]) -> Value:
    if len(row) <= COLUMNS:
        return Value.of(row)
    starts = starts_of_parts(len(row), COLUMNS)
    parts = ([each for each in row[start:end] if each is not None] for start, end in pairwise([*starts, len(row)]))
    return Value.of([max(part, default=None) for part in parts])


def _cut(array: Numbers) -> tuple[Value, ...]:
    """The rows of an array of one or two dimensions."""
    array = array.thin(array, COLUMNS)
    if len(array.shape) == 1:
        return (_line(array),)
    count, width = array.shape
    size = len(array.data) // count
    parts = (array.data[at : at + size] for at in range(0, len(array.data), size))
    return tuple(_line(replace(array, data=part, shape=(width,))) for part in parts)


def _line(array: Numbers) -> Value:
    return Value(None, Arrays((b"", b""), (array,)))


def _joined(rows: tuple[Value, ...]) -> Arrays:
    """All rows as one JSON list, with their arrays."""
    pieces = [b"["]
    between: list[Array] = []
    for number, row in enumerate(rows):
        if number:
            pieces[-1] += b","
        if row.arrays is None:
            pieces[-1] += row.json
        else:
            first, *others = row.arrays.pieces
            pieces[-1] += first
            pieces += others
            between += row.arrays.between
    pieces[-1] += b"]"
    return Arrays(tuple(pieces), tuple(between))
