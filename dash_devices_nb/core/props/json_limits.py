"""What a page may send, whichever way: the bounds of JSON texts, and reading one within them.

What is bounded here is what would break others later: a value that can be read but not written again, an id that no
component has. How much and how fast a page may send is in `access.rate_limits`.
"""

from __future__ import annotations

import json

import orjson

from dash_devices_nb.core.props.ids import LONGEST
from dash_devices_nb.core.props.json_types import Json
from dash_devices_nb.errors import FrameError

MOST_LEVELS = 240
"""Levels of nesting of a frame, or of the body of a request. JSON is written with 254 at the most, and what a page has
sent comes back within a few of ours. A component takes two levels, or three within a list: a State with some 75 nested
components passes."""
LONGEST_ID = LONGEST
"""Characters of a component's id."""
LONGEST_PROP = 1_000
"""Characters of a prop's name."""
NUMBERS = (
    "whole numbers of at most 64 bits are exact, greater ones are read as floating-point numbers, as the page means "
    "them, and there is nothing beyond 1.8e308"
)
"""The bound of numbers, in words."""

_WRITTEN = 254
_SPARE = _WRITTEN - MOST_LEVELS


def read(data: bytes | str, what: str) -> Json:
    """Read a JSON text that a page has sent.

    Args:
        data: the text; bytes are UTF-8.
        what: names it for the message: "a frame".

    Raises:
        FrameError: it is not JSON, or beyond a bound, which the message states.
    """
    try:
        value: Json = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        raise FrameError(f"{what} of {len(data)} bytes {_why_not(exc)}") from exc
    if _brackets(data) > MOST_LEVELS:  # else it cannot be that deep, and nobody need look
        wrapped = value
        for _ in range(_SPARE):
            wrapped = [wrapped]
        try:
            orjson.dumps(wrapped)
        except TypeError as exc:
            raise FrameError(f"{what} of {len(data)} bytes {TOO_DEEP}") from exc
    return value


TOO_DEEP = f"is nested more than {MOST_LEVELS} levels deep, the most that a page may send"


def _brackets(data: bytes | str) -> int:
    if isinstance(data, str):
        return data.count("[") + data.count("{")
    return data.count(b"[") + data.count(b"{")


def _why_not(error: orjson.JSONDecodeError) -> str:
    text = str(error)
    if "ecursion" in text or "depth" in text:  # in the words of older and newer parsers
        return TOO_DEEP
    if "surrogate" in text or "UTF-8" in text or "utf-8" in text:
        return f"is not JSON: a text in it is no well-formed Unicode ({text})"
    if "infinity" in text:
        return f"has a number that is none here: {NUMBERS} ({text})"
    return f"is not JSON ({text})"


def checked(component_id: str, prop: str, what: str = "a frame") -> None:
    """Check the length of an id and of a prop's name. Raises FrameError."""
    if len(component_id) > LONGEST_ID:
        raise FrameError(
            f"{what} names an id of {len(component_id)} characters, {component_id[:30]!r}…; "
            f"an id has at most {LONGEST_ID}"
        )
    if len(prop) > LONGEST_PROP:
        raise FrameError(
            f"{what} names a prop of {len(prop)} characters, {prop[:30]!r}…; a prop's name has at most {LONGEST_PROP}"
        )


def written(value: object) -> bytes:
    """A plain value as JSON, however deep: what a page's value is laid into may be deep itself.

    Raises:
        TypeError, ValueError: it is none that JSON has.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError as exc:
        if "ecursion" not in str(exc):
            raise
        return json.dumps(value, separators=(",", ":")).encode()
