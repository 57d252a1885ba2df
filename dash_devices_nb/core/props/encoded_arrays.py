"""Numpy arrays as Plotly writes them into a figure: `{"dtype", "bdata", "shape"}`, base64 of their bytes."""

from __future__ import annotations

import base64
import sys
from array import array

from dash_devices_nb.core.props.json_types import Plain

_TYPECODES = {
    "i1": "b", "u1": "B", "u1c": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "f4": "f", "f8": "d",
}  # fmt: skip


def is_packed(value: Plain) -> bool:
    """Whether a value is an array that Plotly has packed."""
    if not isinstance(value, dict) or "bdata" not in value:
        return False
    kind = value.get("dtype")
    return isinstance(kind, str) and kind in _TYPECODES


def unpacked(value: Plain) -> Plain:
    """A packed array as a list, of lists where it has several dimensions; anything else as it is.

    Raises:
        ValueError: what was packed is no such array.
    """
    if not is_packed(value):
        return value
    numbers = array(_TYPECODES[value["dtype"]])
    numbers.frombytes(base64.b64decode(value["bdata"]))
    if sys.byteorder == "big":  # pragma: no cover - no such machine is at hand
        numbers.byteswap()
    points: list[Plain] = numbers.tolist()
    for length in reversed(_shape(value)[1:]):
        points = [points[at : at + length] for at in range(0, len(points), length)]
    return points


def _shape(value: Plain) -> list[int]:
    """Its dimensions, which are written as "2, 3"."""
    given = value.get("shape")
    if given is None:
        return [0]
    return [int(part) for part in str(given).strip("[]()").split(",") if part.strip()]
