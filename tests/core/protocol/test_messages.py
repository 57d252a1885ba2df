"""The frames between a page and the app: what is written, and what is refused with a sentence."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.callbacks.propagation import Cause
from dash_devices_nb.core.props.event_props import MARK
from dash_devices_nb.core.props.ids import Ref, Wild
from dash_devices_nb.core.props.values import PATCH, Value
from dash_devices_nb.core.protocol import messages
from dash_devices_nb.core.protocol.messages import number, parse, seconds
from dash_devices_nb.errors import FrameError
from tests.core.props.test_values import JSON

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(
    st.dictionaries(st.tuples(NAMES, NAMES), JSON, max_size=5), st.none() | st.integers(1), st.none() | st.integers(0)
)
def test_a_frame_of_values_is_json_however_the_ids_look(mods, revision, undoes):
    """Quotes, spaces and backslashes in ids and props are escaped; the values are those that went in."""
    frame = messages.mods_frame({k: Value.of(v) for k, v in mods.items()}, revision, number=3, undoes=undoes)
    read = json.loads(b"".join(frame))
    assert {(i, p): v for i, props in read["m"].items() for p, v in props.items()} == mods
    assert read.get("r") == revision
    assert read["q"] == 3
    assert read.get("f") == undoes


def test_an_answer_carries_its_body_as_it_is():
    """The body is JSON text already and is not encoded twice."""
    frame = messages.answer_frame(4, 7, 200, '{"response":{}}', {"r": 12})
    assert json.loads(frame) == {"t": "res", "q": 4, "n": 7, "s": 200, "r": 12, "b": {"response": {}}}
    assert json.loads(messages.answer_frame(5, 8, 204, ""))["b"] is None


def test_a_shared_dependency_is_sent_with_its_pattern():
    """A page tells by it which changes go to the app."""
    assert messages.ref_json(Ref("a", "v")) == ["a", "v"]
    ref = Ref("pattern", "v", (("kind", "row"), ("n", Wild.MATCH), ("part", Wild.ALL)))
    assert messages.ref_json(ref) == [{"kind": "row", "n": None, "part": None}, "v"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ("{", "a frame of 1 bytes is not JSON"),
        ("", "a frame of 0 bytes is not JSON"),
        (b"\xff\xfe", "a frame of 2 bytes is not JSON"),
        ("[1]", r"a frame is a JSON object with a type 't', not '\[1\]'"),
        ("3", "a frame is a JSON object with a type 't', not '3'"),
        ('{"x":1}', "a frame is a JSON object with a type 't'"),
        ('{"t":5}', "a frame is a JSON object with a type 't'"),
    ],
)
def test_what_is_no_frame_is_refused(frame, message):
    """The message says what a frame is and what came."""
    with pytest.raises(FrameError, match=message):
        messages.parse(frame)


@given(st.binary(max_size=40) | st.text(max_size=40))
def test_no_bytes_raise_anything_but_a_frame_error(frame):
    """Whatever somebody sends."""
    with contextlib.suppress(FrameError):
        assert isinstance(messages.parse(frame)["t"], str)


def test_the_changes_of_a_set_frame():
    """A sequence number, the values, and what caused them."""
    sequence, mods, cause = messages.changes({"t": "set", "s": 3, "m": {"a": {"v": [1], "w": None}}})
    assert sequence == 3
    assert {k: v.plain for k, v in mods.items()} == {("a", "v"): [1], ("a", "w"): None}
    assert cause is None
    assert messages.changes({"t": "set", "s": 1, "m": {}, "c": []})[2] == Cause()
    assert messages.changes({"t": "set", "s": 1, "m": {}, "c": ["a", "v", 4]})[2] == Cause(("a", "v"), 4)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"m": {}}, "'s' of a set frame is a whole number, not 'None'"),
        ({"s": -1, "m": {}}, "'s' of a set frame is a whole number, not '-1'"),
        ({"s": True, "m": {}}, "'s' of a set frame is a whole number, not 'True'"),
        ({"s": 1.5, "m": {}}, "'s' of a set frame is a whole number"),
        ({"s": 1}, r"'m' of a set frame is \{id: \{prop: value\}\}, not 'None'"),
        ({"s": 1, "m": {"a": 3}}, r"'m' of a set frame is \{id: \{prop: value\}\}"),
        ({"s": 1, "m": {}, "c": ["a"]}, r"'c' of a set frame is \[\], or \[id, prop, revision\], not"),
        ({"s": 1, "m": {}, "c": "a"}, "'c' of a set frame is"),
        ({"s": 1, "m": {}, "c": ["a", "v", "1"]}, "'c' of a set frame is"),
    ],
)
def test_a_set_frame_that_is_none_is_refused(frame, message):
    """Each field says what it takes."""
    with pytest.raises(FrameError, match=message):
        messages.changes({"t": "set", **frame})


def test_a_text_of_a_frame_is_a_text():
    """A default stands in for what is absent, not for what is wrong."""
    assert messages.text({"t": "req"}, "query", "") == ""
    with pytest.raises(FrameError, match="'path' of a req frame is a string, not 'None'"):
        messages.text({"t": "req"}, "path")
    with pytest.raises(FrameError, match="'query' of a req frame is a string, not '3'"):
        messages.text({"t": "req", "query": 3}, "query", "")


def test_a_long_wrong_value_is_shown_short():
    """A megabyte of nonsense does not fill the log."""
    with pytest.raises(FrameError) as caught:
        messages.changes({"t": "set", "s": 1, "m": "x" * 10**6})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("read", "frame", "message"),
    [
        (messages.cause, {"t": "set", "w": "own"}, r"'w' of a set frame is 'said' or 'kept', not 'own'"),
        (messages.cause, {"t": "req", "c": ["a", "b"]}, r"'c' of a req frame is \[\], or \[id, prop, revision\]"),
        (lambda f: number(f, "n"), {"t": "req", "n": -1}, "'n' of a req frame is a whole number, not '-1'"),
        (lambda f: number(f, "n"), {"t": "req", "n": True}, "'n' of a req frame is a whole number, not 'True'"),
        (messages.revisions, {"t": "want", "ids": {"a": "1"}}, r"'ids' of a want frame is \{id: revision\}"),
        (messages.lost, {"t": "want", "m": {"a": "v"}}, r"'m' of a want frame is \{id: \[prop, ...\]\}"),
        (lambda f: messages.ids(f, "gone"), {"t": "here", "gone": [1]}, "'gone' of a here frame is a list of ids"),
        (lambda f: seconds(f, "rtt", None), {"t": "ping", "rtt": "1"}, "'rtt' of a ping frame is a number of mil"),
        (
            messages.changes,
            {"t": "set", "s": 1, "m": {}, "e": [["a", "v", []]]},
            r"'e' of a set frame is \[\[id, prop, \[\[path",
        ),
        (messages.changes, {"t": "set", "s": 1, "m": {}, "e": [["a", "v", [[[], 1]]]]}, "'e' of a set frame is"),
        (messages.changes, {"t": "set", "s": 1, "m": {}, "e": [["a", "v", [[[-1], 1]]]]}, "'e' of a set frame is"),
    ],
)
def test_a_part_of_a_frame_that_is_none_is_refused(read, frame, message):
    """The message says of which frame, what is expected there, and what came."""
    with pytest.raises(FrameError, match=message):
        read(frame)


def test_the_other_parts_of_a_frame():
    """Who is to blame for a request, times, ids, and the props that a page has given up."""
    assert messages.cause({"t": "req", "c": ["a", "v", 3], "w": "pushed"}) == Cause(("a", "v"), 3, pushed=True)
    assert messages.cause({"t": "req", "c": ["a", "v", 3], "w": "own"}) == Cause(("a", "v"), 3, own=True)
    assert messages.cause({"t": "set", "w": "kept"}) == Cause(kept=True)
    assert messages.cause({"t": "set"}) is None
    assert messages.seconds({"t": "ping", "rtt": 250}, "rtt", None) == 0.25
    assert messages.seconds({"t": "ping"}, "rtt", 7.0) == 7.0
    assert messages.ids({"t": "here", "ids": ["a"]}, "ids") == ["a"]
    assert messages.ids({"t": "here"}, "gone") == []
    assert messages.revisions({"t": "want", "ids": {"a": 1}}) == {"a": 1}
    assert messages.lost({"t": "want", "m": {"a": ["v", "w"]}}) == [("a", "v"), ("a", "w")]
    assert messages.lost({"t": "want"}) == []


def test_what_the_fast_writer_refuses_is_written_all_the_same():
    """Half an emoji, a great number, and what is nested deep."""
    for value in ("\ud83d", 10**30, [[[]]]):
        assert json.loads(messages.dumps({"v": value})) == {"v": value}


def test_two_edits_of_one_prop_are_one():
    """In the order in which they came; with values beside them that may be no Patch."""
    edits = [["grid", "rows", [[[0], 1]]], ["grid", "rows", [[[1], 2]]]]
    _, mods, _ = messages.changes({"t": "set", "s": 1, "m": {}, "e": edits})
    [value] = mods.values()
    assert [(each["location"], each["params"]["value"]) for each in value.operations] == [([0], 1), ([1], 2)]
    for wrong in ({PATCH: PATCH, "operations": []}, {MARK: 1}):
        with pytest.raises(FrameError, match=r"a page sets values; a Patch, or an event, .* is the program's to send"):
            messages.changes({"t": "set", "s": 1, "m": {"a": {"v": wrong}}})


def test_a_frame_of_values_may_have_no_number():
    """As the one that is shared by all pages."""
    assert json.loads(b"".join(messages.mods_frame({("a", "v"): Value.of(1)}, 7))) == {
        "t": "mods",
        "r": 7,
        "m": {"a": {"v": 1}},
    }


def test_a_frame_is_an_object_with_a_type():
    """Whatever else is in it."""
    assert parse('{"t": "ping", "x": [1]}') == parse(b'{"t": "ping", "x": [1]}') == {"t": "ping", "x": [1]}


@pytest.mark.parametrize(
    ("frame", "count"),
    [
        ({"t": "ok", "k": 1}, 0),
        ({"t": "set", "m": {"a": {"x": 1, "y": 2}, "b": {}}}, 4),
        ({"t": "set", "m": {}, "e": [["a", "x", [[["v"], 1], [["w"], 2]]], "odd", [], None]}, 6),
        ({"t": "want", "ids": {"a": 1, "b": 2}, "m": {"a": ["x", "y"]}}, 5),
        ({"t": "here", "ids": ["a", "b"], "gone": ["c"]}, 3),
        ({"t": "req", "body": {"output": "..a.b...c.d..", "inputs": [1, [2, 3]], "state": None, "outputs": [{}]}}, 5),
        ({"t": "set", "m": 5, "e": 5, "body": 5}, 0),
    ],
)
def test_what_a_frame_names_is_counted(frame, count):
    """Ids and props cost time however short they are; what is no such thing is refused elsewhere."""
    assert messages.named(frame) == count
