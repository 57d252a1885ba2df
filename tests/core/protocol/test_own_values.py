"""Values that one page was given alone: which of them are older than the shared ones."""

from __future__ import annotations

from dash_devices_nb.core.props.event_props import EventValue
from dash_devices_nb.core.props.state import SharedState
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.protocol import own_values
from dash_devices_nb.core.protocol.own_values import OwnValues, newer
from tests.core.desk import patch, values

A, B, FIGURE, CAMERA = ("a", "value"), ("b", "value"), ("graph", "figure"), ("camera", "src")


def changed(state: SharedState, *keys: tuple[str, str]) -> None:
    """Change these props, in one revision."""
    state.next_revision()
    for key in keys:
        state.set(key, Value.of(state.revision))


def test_a_value_stands_until_the_prop_changes_for_all():
    """Of a prop that nobody has set, too."""
    state, given = SharedState(), OwnValues()
    changed(state, A)
    given.give(values({"a.value": 9, "b.value": 9}), state.revision)
    assert given.overtaken(state) == {}
    assert given.stands(A, state.of("a")["value"])
    changed(state, B)
    assert list(given.overtaken(state)) == [B]
    changed(state, A)
    assert set(given.overtaken(state)) == {A, B}
    assert not given.stands(A, state.of("a")["value"])
    given.give(values({"a.value": 10}), state.revision)
    assert list(given.overtaken(state)) == [B]
    assert given.stands(A, state.of("a")["value"])


def test_what_changes_a_value_needs_the_one_before():
    """A patch, and points: they are overtaken as others are, but a page that lacks the value before has to get it."""
    state, given = SharedState(), OwnValues()
    changed(state, A, FIGURE, CAMERA)
    given.give({A: patch(("Append", [], {"value": 1})), ("graph", "extendData"): point(), ("b", "data"): point()}, 1)
    given.give_image(CAMERA, 1)
    standing = {key for key, entry in state.items() if given.stands(key, entry)}
    assert standing == {CAMERA}
    changed(state, A, FIGURE, CAMERA)
    assert set(given.overtaken(state)) == {A, FIGURE, CAMERA}


def point() -> EventValue:
    """An event."""
    return EventValue(Value.of([1]), kept=True)


def test_what_is_kept_is_bounded(monkeypatch):
    """The oldest are forgotten."""
    monkeypatch.setattr(own_values, "MOST", 2)
    state, given = SharedState(), OwnValues()
    given.give(values({"a.value": 1, "b.value": 1}), 0)
    given.give(values({"a.value": 2}), 0)
    given.give_image(CAMERA, 0)
    changed(state, A, B, CAMERA)
    assert set(given.overtaken(state)) == {A, CAMERA}


def test_only_what_is_newer_than_what_is_known():
    """A prop without a shared value is not newer."""
    state = SharedState()
    changed(state, A)
    changed(state, B)
    assert list(newer(state, [(A, 1), (B, 1), (CAMERA, 0)])) == [B]
