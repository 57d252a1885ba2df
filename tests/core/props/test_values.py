"""Values: JSON and plain object, each made from the other."""

import math
import sys
from concurrent.futures import ThreadPoolExecutor

import orjson
from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb.core.props.values import PatchValue, Value

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(JSON)
def test_a_value_survives_the_way_to_json_and_back(plain):
    """From either side, plain and JSON agree."""
    value = Value.of(plain)
    assert orjson.loads(value.json) == plain
    assert Value(value.json).plain == plain
    assert Value(value.json) == value
    assert hash(Value(value.json)) == hash(value)


def test_fresh_is_the_callers_own():
    """What somebody does to it is not seen by others."""
    value = Value.of({"data": [1]})
    value.fresh()["data"].append(2)
    assert value.plain == {"data": [1]}
    assert value.fresh() == {"data": [1]}


def test_json_is_made_once():
    """However many pages there are, there is one JSON."""
    value = Value.of([1, 2])
    assert value.json is value.json


def test_a_long_text_is_not_kept_twice():
    """Once it is encoded; who asks for it gets it from its JSON, and so does who was about to read it."""
    text = "ä" * 10_000
    value = Value.of(text)
    held = sys.getrefcount(text)
    assert value.plain is text
    assert value.json == b'"' + text.encode() + b'"'
    assert sys.getrefcount(text) == held - 1
    assert value.fresh() == value.plain == text


def test_numbers_as_keys_and_nan_become_what_json_has():
    """Keys become strings and NaN null, as Dash sends them."""
    assert Value.of({1: math.nan}).json == b'{"1":null}'


def test_a_component_is_suspected_only_where_one_may_be():
    """The suspicion saves the search through large values."""
    assert Value.of([{"type": "Div", "namespace": "x", "props": {}}]).may_hold_components
    assert not Value.of([1, 2, 3]).may_hold_components
    assert not Value.of('a text with "namespace": in it').may_hold_components


def test_a_long_value_is_shown_short():
    """An error message that shows a value stays readable."""
    assert repr(Value.of("short")) == 'Value("short")'
    assert len(repr(Value.of("x" * 1000))) < 80


def test_a_patch_is_what_dash_sends():
    """Its JSON goes to the pages as it is, its operations are applied to what is kept."""
    value = PatchValue(b'{"operations":[]}', [])
    assert value.json == b'{"operations":[]}'
    assert value.operations == []


def test_a_long_text_is_right_however_many_threads_ask():
    """One encodes it and lets the text go while others encode or read it."""
    text = "x" * 200_000
    with ThreadPoolExecutor(4) as pool:
        for _ in range(200):
            value = Value.of(text)
            asked = [pool.submit(ask) for ask in (lambda v=value: v.json, lambda v=value: v.plain, value.fresh) * 2]
            told = [each.result() for each in asked]
            assert {len(one) for one in told} == {len(text), len(text) + 2}
