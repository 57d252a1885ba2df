"""The frames of the app: what is written."""

import json

from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.props.ids import Ref, Wild
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.protocol.messages import (
    AnswerFrame,
    GetFrame,
    LagFrame,
    OwnModsFrame,
    PausedFrame,
    PongFrame,
    SharedModsFrame,
    dumps,
    ref_json,
)
from tests.core.props.test_values import JSON

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(st.dictionaries(st.tuples(NAMES, NAMES), JSON, max_size=5), st.integers(1), st.none() | st.integers(0))
def test_a_frame_of_values_is_json_however_the_ids_look(mods, revision, undoes):
    """Quotes, spaces and backslashes in ids and props are escaped; the values are those that went in."""
    values = {k: Value.of(v) for k, v in mods.items()}
    shared = json.loads(b"".join(SharedModsFrame(values, revision).encoded()))
    own = json.loads(b"".join(OwnModsFrame(values, *(() if undoes is None else (undoes, revision))).encoded(3)))
    for read in (shared, own):
        assert {(i, p): v for i, props in read.pop("m").items() for p, v in props.items()} == mods
    assert shared == {"t": "mods", "r": revision}
    assert own == {"t": "mods", "q": 3} | ({} if undoes is None else {"f": undoes, "at": revision})


def test_an_answer_carries_its_body_as_it_is():
    """The body is JSON text already and is not encoded twice."""
    frame = AnswerFrame(7, 200, '{"response":{}}', r=12).encoded(4)
    assert json.loads(frame) == {"t": "res", "q": 4, "n": 7, "s": 200, "r": 12, "b": {"response": {}}}
    assert json.loads(AnswerFrame(8, 204, "", ch=[{"b": 1}], ck="ticket").encoded(5)) == {
        "t": "res",
        "q": 5,
        "n": 8,
        "s": 204,
        "ch": [{"b": 1}],
        "ck": "ticket",
        "b": None,
    }


def test_a_frame_has_its_type_its_number_and_what_is_set():
    """None is a value; what is not set is not there."""
    assert json.loads(GetFrame(4, "a", None).encoded(9)) == {"t": "get", "q": 9, "n": 4, "id": "a", "prop": None}
    assert json.loads(GetFrame(4, "a", "v", ["x", 0]).encoded(9))["path"] == ["x", 0]
    assert json.loads(PausedFrame(None).encoded()) == {"t": "paused", "waiting": None}
    assert json.loads(LagFrame(0.5).encoded()) == {"t": "lag", "seconds": 0.5}
    assert json.loads(PongFrame().encoded()) == {"t": "pong"}


def test_a_shared_dependency_is_sent_with_its_pattern():
    """A page tells by it which changes go to the app."""
    assert ref_json(Ref("a", "v")) == ["a", "v"]
    ref = Ref("pattern", "v", (("kind", "row"), ("n", Wild.MATCH), ("part", Wild.ALL)))
    assert ref_json(ref) == [{"kind": "row", "n": None, "part": None}, "v"]


def test_what_the_fast_writer_refuses_is_written_all_the_same():
    """Half an emoji, a great number, and what is nested deep."""
    for value in ("\ud83d", 10**30, [[[]]]):
        assert json.loads(dumps({"v": value})) == {"v": value}
