"""The frames of pages: each type as it is read, and what is refused with the path to the fault."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.access.rate_limits import MOST_NAMED
from dash_devices_nb.core.callbacks.propagation import Cause, CauseKind
from dash_devices_nb.core.props.event_props import MARK
from dash_devices_nb.core.props.values import PATCH
from dash_devices_nb.core.protocol.page_frames import (
    ByeFrame,
    FloorFrame,
    GotFrame,
    HelloFrame,
    HereFrame,
    LookFrame,
    NameFrame,
    OkFrame,
    PageFrame,
    PingFrame,
    RequestFrame,
    SetFrame,
    ShownFrame,
    WantFrame,
    WatchFrame,
    named,
    parse,
)
from dash_devices_nb.errors import FrameError
from tests.core.props.test_values import JSON


def frame(kind: str, /, **fields: object) -> PageFrame:
    """A frame as the app reads it."""
    return parse(json.dumps({"t": kind, **fields}))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", "a frame of 1 bytes is not JSON"),
        ("", "a frame of 0 bytes is not JSON"),
        (b"\xff\xfe", "a frame of 2 bytes is not JSON"),
        ("[1]", r"a frame is a JSON object with a type 't', not \[1\]"),
        ("3", "a frame is a JSON object with a type 't', not 3"),
        ('{"x":1}', "a frame is a JSON object with a type 't'"),
        ('{"t":5}', "a frame is a JSON object with a type 't'"),
        (
            '{"t":"odd"}',
            "'odd' is not a type of frame; a page sends set, req, ok, shown, ping, got, want, here, floor, na",
        ),
    ],
)
def test_what_is_no_frame_is_refused(data, message):
    """The message says what a frame is and what came."""
    with pytest.raises(FrameError, match=message):
        parse(data)


KINDS = ["hello", "set", "req", "ok", "shown", "ping", "got", "want", "here", "floor", "name", "bye", "odd"]
FIELDS = st.sampled_from(["q", "k", "s", "m", "e", "c", "w", "n", "path", "body", "ids", "gone", "id", "want", "rtt"])


@given(
    st.binary(max_size=40)
    | st.text(max_size=40)
    | st.builds(
        lambda kind, fields: json.dumps({"t": kind, **fields}), st.sampled_from(KINDS), st.dictionaries(FIELDS, JSON)
    )
)
def test_nothing_raises_anything_but_a_frame_error(data):
    """Whatever somebody sends."""
    for counts in (False, True):
        with contextlib.suppress(FrameError):
            assert isinstance(parse(data, counts=counts), PageFrame)


def test_what_any_frame_says():
    """What the page has taken so far, if it says that; other fields are nobody's business."""
    assert parse('{"t": "ok", "x": [1]}') == parse(b'{"t": "ok", "x": [1]}') == OkFrame(None, None, 0)
    assert frame("bye", q=0, k=3) == ByeFrame(0, 3, 0)
    for wrong, text in ((-1, "-1"), (True, "true"), (1.5, "1.5"), ("1", '"1"'), (None, "null")):
        for name in ("q", "k"):
            with pytest.raises(FrameError, match=rf"ok\.{name}: expected a whole number, got {text}"):
                frame("ok", **{name: wrong})


def test_the_changes_of_a_set_frame():
    """A sequence number, the values, and what caused them."""
    change = frame("set", s=3, m={"a": {"v": [1], "w": None}})
    assert isinstance(change, SetFrame)
    assert change.sequence == 3
    assert {k: v.plain for k, v in change.mods.items()} == {("a", "v"): [1], ("a", "w"): None}
    assert change.cause is None
    assert frame("set", s=1, m={}, c=[]).cause == Cause()
    assert frame("set", s=1, m={}, c=["a", "v", 4]).cause == Cause(("a", "v"), 4)
    assert frame("set", s=1, m={}, w="kept").cause == Cause(kind=CauseKind.KEPT)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("set", {"m": {}}, r"set\.s: expected a whole number, got null"),
        ("hello", {"arrays": 1}, r"hello\.arrays: expected true or false, got 1"),
        ("hello", {"video": "h264"}, r'hello\.video: expected a list of codecs, got "h264"'),
        (
            "shown",
            {"id": "a", "prop": "src", "lacks": "sleep"},
            r"shown\.lacks: expected 'key' or 'images', got \"sleep\"",
        ),
        ("set", {"s": -1, "m": {}}, r"set\.s: expected a whole number, got -1"),
        ("set", {"s": True, "m": {}}, r"set\.s: expected a whole number, got true"),
        ("set", {"s": 1.5, "m": {}}, r"set\.s: expected a whole number"),
        ("set", {"s": 1}, r"set\.m: expected \{id: \{prop: value\}\}, got null"),
        ("set", {"s": 1, "m": {"a": 3}}, r'set\.m\["a"\]: expected \{prop: value\}, got 3'),
        ("set", {"s": 1, "m": {}, "c": ["a"]}, r"set\.c: expected \[\], or \[id, prop, revision\], got"),
        ("set", {"s": 1, "m": {}, "c": "a"}, r"set\.c: expected"),
        ("set", {"s": 1, "m": {}, "c": ["a", "v", "1"]}, r"set\.c: expected"),
        ("set", {"s": 1, "m": {}, "w": "own"}, r"set\.w: expected 'said' or 'kept', got \"own\""),
        ("set", {"s": 1, "m": {}, "w": ""}, r"set\.w: expected 'said' or 'kept', got \"\""),
        ("set", {"s": 1, "m": {}, "e": None}, r"set\.e: expected \[id, prop, \[\[path, value"),
        ("set", {"s": 1, "m": {}, "e": [["a", "v", []]]}, r"set\.e\[0\]: expected \[id, prop, \[\[path, value"),
        ("set", {"s": 1, "m": {}, "e": [["a", "v", [[[], 1]]]]}, r"set\.e\[0\]: expected"),
        ("set", {"s": 1, "m": {}, "e": [["a", "v", [[[-1], 1]]]]}, r"set\.e\[0\]: expected"),
        ("set", {"s": 1, "m": {"i" * 10_001: {}, "j" * 10_001: {"v": 1}}}, "a frame names an id of 10001 characters"),
        ("set", {"s": 1, "m": {"a": {"v" * 1_001: 1}}}, "a frame names a prop of 1001 characters"),
        ("req", {"n": 1, "path": "_dash-layout", "c": ["a", "b"]}, r"req\.c: expected \[\], or \[id, prop, revision\]"),
        ("req", {"n": 1, "path": "_dash-layout", "w": "said"}, r"req\.w: expected 'pushed' or 'own', got \"said\""),
        ("req", {"n": -1, "path": "_dash-layout"}, r"req\.n: expected a whole number, got -1"),
        ("req", {"n": 1}, r"req\.path: expected a string, got null"),
        ("req", {"n": 1, "path": "_dash-layout", "query": 3}, r"req\.query: expected a string, got 3"),
        ("req", {"n": 1, "path": "/"}, r"req\.path: '/' cannot be requested over the WebSocket; accepted are _dash-la"),
        ("req", {"n": 1, "path": "_dash-update-component", "body": []}, r"req\.body: expected the body of a callback"),
        ("want", {"ids": {"a": "1"}}, r'want\.ids\["a"\]: expected a revision, got "1"'),
        ("want", {}, r"want\.ids: expected \{id: revision\}, got null"),
        ("want", {"ids": {}, "m": {"a": "v"}}, r'want\.m\["a"\]: expected \[prop, ...\], got "v"'),
        ("want", {"ids": {}, "m": {"a": ["v", 1]}}, r'want\.m\["a"\]\[1\]: expected a prop, got 1'),
        ("want", {"ids": {"i" * 10_001: 1}}, "a frame names an id of 10001 characters"),
        ("here", {"ids": 1}, r"here\.ids: expected a list of ids, got 1"),
        ("here", {"gone": ["a", 1]}, r"here\.gone\[1\]: expected an id, got 1"),
        ("here", {"gone": ["i" * 10_001]}, "a frame names an id of 10001 characters"),
        ("ping", {"rtt": "1"}, r"ping\.rtt: expected a number of milliseconds, got \"1\""),
        ("ping", {"rtt": True}, r"ping\.rtt: expected a number of milliseconds, got true"),
        ("ping", {"rtt": -1}, r"ping\.rtt: expected a number of milliseconds, got -1"),
        ("got", {"n": None}, r"got\.n: expected a whole number, got null"),
        ("shown", {"id": "a"}, r"shown\.prop: expected a string, got null"),
        ("floor", {}, r"floor\.want: expected true or false, got null"),
        ("name", {"name": 1}, r"name\.name: expected a string, got 1"),
        ("hello", {"rev": "x"}, r"hello\.rev: expected a whole number, got \"x\""),
        ("hello", {"key": None}, r"hello\.key: expected a string, got null"),
        ("hello", {"v": "1"}, r"hello\.v: expected a whole number, got \"1\""),
        ("hello", {"kind": "robot"}, r"hello\.kind: expected 'page', 'program' or 'relay', got \"robot\""),
        ("set", {"s": 1, "m": {}, "r": -1}, r"set\.r: expected a whole number, got -1"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused_with_the_path(kind, fields, message):
    """The message says where, what is expected there, and what came."""
    with pytest.raises(FrameError, match=message):
        frame(kind, **fields)


def test_a_long_wrong_value_is_shown_short():
    """A megabyte of nonsense does not fill the log, be it a value or a name."""
    for fields in ({"m": "x" * 10**6}, {"m": {"x" * 10**6: 1}}):
        with pytest.raises(FrameError) as caught:
            frame("set", s=1, **fields)
        assert len(str(caught.value)) < 200


def test_the_other_types():
    """With the defaults of what may be absent."""
    assert frame("hello") == HelloFrame(None, None, 0, "", "", "", 0)
    assert frame("hello", client="c", key="k", epoch="e", rev=4, q=2) == HelloFrame(2, None, 0, "c", "k", "e", 4)
    assert frame("hello", v=2, kind="program") == HelloFrame(None, None, 0, "", "", "", 0, 2, "program")
    assert frame("set", s=1, m={}, r=7).if_revision == 7
    assert frame("set", s=1, m={}).if_revision is None
    assert frame("req", n=1, path="_dash-layout") == RequestFrame(None, None, 0, 1, "_dash-layout", "", None, None)
    body = {"output": "a.b"}
    asked = frame("req", n=2, path="_dash-update-component", query="?a", body=body, c=["a", "v", 3], w="pushed")
    cause = Cause(("a", "v"), 3, kind=CauseKind.PUSHED)
    assert asked == RequestFrame(None, None, 0, 2, "_dash-update-component", "?a", body, cause)
    assert frame("req", n=1, path="_reload-hash", c=["a", "v", 3], w="own").cause == Cause(
        ("a", "v"), 3, kind=CauseKind.OWN
    )
    assert frame("shown", id="a", prop="src") == ShownFrame(None, None, 0, ("a", "src"))
    assert frame("ping", rtt=250) == PingFrame(None, None, 0, 0.25)
    assert frame("ping") == PingFrame(None, None, 0, None)
    assert frame("got", n=4, value=[1]) == GotFrame(None, None, 0, 4, [1])
    assert frame("want", ids={"a": -1}, m={"a": ["v", "w"]}) == WantFrame(
        None, None, 0, {"a": -1}, [("a", "v"), ("a", "w")]
    )
    assert frame("want", ids={}) == WantFrame(None, None, 0, {}, [])
    assert frame("here", ids=["a"]) == HereFrame(None, None, 0, ["a"], [])
    assert frame("floor", want=False) == FloorFrame(None, None, 0, False)
    assert frame("name", name="Ada") == NameFrame(None, None, 0, "Ada")


def test_two_edits_of_one_prop_are_one():
    """In the order in which they came; with values beside them that may be no Patch."""
    change = frame("set", s=1, m={}, e=[["grid", "rows", [[[0], 1]]], ["grid", "rows", [[[1], 2]]]])
    assert isinstance(change, SetFrame)
    [value] = change.mods.values()
    assert [(each["location"], each["params"]["value"]) for each in value.operations] == [([0], 1), ([1], 2)]
    for wrong in ({PATCH: PATCH, "operations": []}, {MARK: 1}):
        with pytest.raises(
            FrameError, match=r'set\.m\["a"\]\["v"\]: a page sets values; a Patch, or an event, .* is the'
        ):
            frame("set", s=1, m={"a": {"v": wrong}})


@pytest.mark.parametrize(
    ("message", "count"),
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
def test_what_a_frame_names_is_counted(message, count):
    """Ids and props cost time however short they are; what is no such thing is refused elsewhere."""
    assert named(message) == count


def test_a_frame_that_names_too_much_is_refused_where_that_is_counted():
    """Before any of it is read."""
    most = json.dumps({"t": "here", "ids": ["a"] * MOST_NAMED})
    assert parse(most, counts=True).named == MOST_NAMED
    more = json.dumps({"t": "here", "ids": [1] * (MOST_NAMED + 1)})
    with pytest.raises(FrameError, match=f"a frame names {MOST_NAMED + 1} ids and props, at most {MOST_NAMED} are"):
        parse(more, counts=True)
    assert parse(json.dumps({"t": "here", "ids": ["a"] * (MOST_NAMED + 1)})).named == 0


def test_what_a_page_watches():
    """Ids, each with a revision or null."""
    assert parse('{"t": "watch", "ids": {"a/b": 4, "a/c": null}}') == WatchFrame(None, None, 0, {"a/b": 4, "a/c": None})
    for ids, said in (
        ("[]", r"watch.ids: expected {id: revision or null}, got \[\]"),
        ('{"a": -1}', r'watch.ids\["a"\]: expected a whole number or null, got -1'),
        ('{"a": true}', r'watch.ids\["a"\]: expected a whole number or null, got true'),
    ):
        with pytest.raises(FrameError, match=said):
            parse('{"t": "watch", "ids": ' + ids + "}")


def test_whether_somebody_looks():
    """True or false, and nothing else."""
    assert parse('{"t": "look", "visible": false}') == LookFrame(None, None, 0, False)
    with pytest.raises(FrameError, match=r"look.visible: expected true or false, got 1"):
        parse('{"t": "look", "visible": 1}')
