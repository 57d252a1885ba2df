"""What a page may send: how deep, how long, and in which words it is refused."""

import json

import pytest

from dash_devices_nb.core.props import json_limits
from dash_devices_nb.errors import FrameError


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("given", [str.encode, str])
def test_a_text_may_be_so_deep_and_no_deeper(given):
    """Whether the bound is ours or the parser's own; what is passed can be written within a few levels of ours."""
    deepest = nested(json_limits.MOST_LEVELS)
    assert json_limits.read(given(deepest), "a frame") == json.loads(deepest)
    for levels in (json_limits.MOST_LEVELS + 1, 5000):
        with pytest.raises(FrameError, match=f"a frame of {2 * levels} bytes is nested more than 240 levels deep"):
            json_limits.read(given(nested(levels)), "a frame")


def test_many_brackets_are_no_depth():
    """They are counted first, and looked at only where they may be too many."""
    assert json_limits.read("[" + "[]," * 500 + "[]]", "a frame") == [[]] * 501


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (b'"\xff"', "a body of 3 bytes is not JSON: a text in it is no well-formed Unicode"),
        (r'"\ud83d"', "a text in it is no well-formed Unicode"),
        ("1e999", "has a number that is none here: whole numbers of at most 64 bits are exact"),
        ("[1,", "a body of 3 bytes is not JSON"),
    ],
)
def test_what_is_no_json_is_refused_with_the_reason(wrong, message):
    """The size and the parser's own words come along."""
    with pytest.raises(FrameError, match=message):
        json_limits.read(wrong, "a body")


def test_ids_and_props_have_a_greatest_length():
    """The message shows how they begin."""
    json_limits.checked("x" * json_limits.LONGEST_ID, "y" * json_limits.LONGEST_PROP)
    too_long = json_limits.LONGEST_ID + 1
    with pytest.raises(FrameError, match=rf"a frame names an id of {too_long} characters, 'x{{30}}'…"):
        json_limits.checked("x" * too_long, "y")
    with pytest.raises(FrameError, match=r"a frame names a prop of 1001 characters, 'y{30}'…; .* at most 1000"):
        json_limits.checked("x", "y" * 1001)


def test_what_is_laid_into_something_deep_can_be_written():
    """The program's own values have no bound of ours; what JSON has not is an error all the same."""
    deep: list = []
    for _ in range(400):
        deep = [deep]
    assert json_limits.written(deep) == nested(401).encode()
    assert json_limits.written({1: 2}) == b'{"1":2}'
    with pytest.raises(TypeError, match="not JSON serializable"):
        json_limits.written(object())
