"""What components of pages change in place: paths and new values, laid into the value that the app has."""

import json

import pytest

from dash_devices_nb.core.props.json_limits import MOST_LEVELS
from dash_devices_nb.core.props.store import MOST_EDITED
from dash_devices_nb.core.props.values import PatchValue
from dash_devices_nb.core.protocol import page_frames
from dash_devices_nb.core.protocol.page_frames import MOST_STEPS, SetFrame, parse
from dash_devices_nb.errors import FrameError
from tests.core.desk import Desk, client, component, key, values

DEEPEST = MOST_LEVELS - 6
"""Levels of a value in an edit: the frame takes the others."""
ROWS = [{"n": "a", "v": 1}, {"n": "b", "v": 2}]


def change(fields: dict) -> SetFrame:
    """A `set` frame with these fields, as the app reads it."""
    frame = parse(json.dumps({"t": "set", "s": 1, "m": {}, **fields}))
    assert isinstance(frame, SetFrame)
    return frame


def edited(*places: list) -> dict:
    """The mods of a frame with these edits of the grid's rows."""
    frame = change({"m": {"grid": {"event": 1}}, "e": [["grid", "rows", list(places)]]})
    return {".".join(name): value for name, value in frame.mods.items()}


def grid() -> Desk:
    """An app with a grid, whose callback on an event reads the rows."""
    desk = Desk()
    desk.callback("apply", "", "grid.event", "grid.rows")
    desk.start(component("grid", rows=ROWS))
    return desk


def test_edits_of_several_pages_all_stand():
    """The call has the rows with the edit; all pages, also the one that made it, get the edit itself, in one order."""
    desk = grid()
    one, other = client("one"), client("other")
    desk.change(one, edited([[0, "v"], 10]))
    desk.change(other, edited([[1, "v"], 20], [[1, "new"], None]))
    assert desk.called[0] == ("apply", [1, [{"n": "a", "v": 10}, ROWS[1]]])
    assert desk.value("grid.rows") == [{"n": "a", "v": 10}, {"n": "b", "v": 20, "new": None}]
    edits = [(send.but, send.mods[key("grid.rows")]) for send in desk.sent if key("grid.rows") in send.mods]
    assert [but for but, _ in edits] == [None, None]
    assert all(isinstance(value, PatchValue) for _, value in edits)
    assert ROWS == [{"n": "a", "v": 1}, {"n": "b", "v": 2}], "the layout's own rows are as they were"


def test_an_edit_of_what_is_gone_gives_way():
    """The rest of the change is taken, and the page gets the rows that there are."""
    desk = grid()
    desk.push({"grid.rows": ROWS[:1]})
    desk.forget()
    desk.change(client("one"), edited([[1, "v"], 20]))
    assert desk.called == [("apply", [1, ROWS[:1]])]
    assert [refuse.mods for refuse in desk.refused] == [values({"grid.rows": ROWS[:1]})]


def test_an_edit_that_cannot_be_kept_gives_way():
    """A value does not grow by edits beyond what is kept, however small each is."""
    desk = Desk()
    desk.callback("apply", "", "grid.event", "grid.rows")
    desk.start(component("grid", rows={"half": "x" * (MOST_EDITED // 2)}))
    desk.change(client("one"), edited([["other"], "x" * (MOST_EDITED // 2)]))
    assert list(desk.value("grid.rows")) == ["half"]
    assert desk.called == [("apply", [1, desk.value("grid.rows")])]


def test_edits_may_make_a_value_deeper_than_a_frame():
    """As deep as a path into it and a value of a page together."""
    deep: object = 1
    for _ in range(DEEPEST):
        deep = [deep]
    desk = Desk()
    desk.callback("apply", "", "grid.rows", initial=False)
    rows: object = 0
    for _ in range(MOST_STEPS):
        rows = [rows]
    desk.start(component("grid", rows=rows))
    desk.change(client("one"), edited([[0] * MOST_STEPS, deep]))
    [(_, [value])] = desk.called
    assert str(value).count("[") == MOST_STEPS + DEEPEST
    assert len(desk.dispatcher.value(key("grid.rows")).json) == 2 * (MOST_STEPS + DEEPEST) + 1


@pytest.mark.parametrize(
    "given",
    [
        1,
        [1],
        [["grid", "rows", []]],
        [["grid", "rows", [[[], 1]]]],
        [["grid", "rows", [[["deep"] * 65, 1]]]],
        [["grid", "rows", [[[-1], 1]]]],
        [["grid", "rows", [[[True], 1]]]],
        [["grid", "rows", [[[0.5], 1]]]],
        [["grid", "rows", [[0, 1]]]],
        [["grid", 1, [[[0], 1]]]],
        {"grid": {"rows": 1}},
    ],
)
def test_malformed_edits_are_refused(given: object):
    """A path is keys and places from 0, at least one."""
    with pytest.raises(
        FrameError, match=r"set\.e(\[0\])?: expected \[id, prop, \[\[path, value\], \.\.\.\]\] with paths"
    ):
        change({"e": given})
    with pytest.raises(FrameError, match=r"set\.w: expected 'said' or 'kept', got \"they\""):
        change({"w": "they"})


def test_edits_of_one_value_are_written_once(monkeypatch):
    """Each was written again with those before it: one frame of a viewer's with ten thousand took minutes."""
    written = []

    def dumps(value: object) -> str:
        written.append(value)
        return "{}"

    monkeypatch.setattr(page_frames, "dumps", dumps)
    edits = [["grid", "rows", [[[number], "x"]]] for number in range(100)]
    (patch,) = change({"e": edits}).mods.values()
    assert isinstance(patch, PatchValue)
    assert [operation["location"] for operation in patch.operations] == [[number] for number in range(100)]
    assert len(written) == 1
