"""Numpy arrays in a program's values: copied as bytes, and put aside, so that they are not written as JSON."""

from __future__ import annotations

import base64
import secrets
import sys
from dataclasses import replace

import orjson

from dash_devices_nb.app.stock_dash.types import Array, PropValue
from dash_devices_nb.core.props.arrays import LEAST, Numbers, Packed
from dash_devices_nb.core.props.waterfall_lines import starts_of_parts

DTYPES = frozenset({"f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4"})
"""The numbers that a browser has arrays of. Those of 64 bits it has not as numbers."""
MOST_DIMENSIONS = 2
_TOKEN = f"@{secrets.token_hex(16)}:"
"""Begins no string of a program."""


class ArraysPutAside:
    """A value without its large arrays.

    Figures, lists, tuples and dicts are looked through.

    Args:
        value: the program's value. It is not changed; its arrays may change later.

    Attributes:
        tree: the same value with a string in the place of each array.
        token: how these strings begin; the array's place in `arrays` follows.
        arrays: the arrays.
    """

    token = _TOKEN.encode()

    def __init__(self, value: PropValue) -> None:
        self.arrays: list[Packed | Numbers] = []
        self.tree = self._without(value) if "numpy" in sys.modules else value

    def _without(self, value: PropValue) -> PropValue:
        if _is_figure(value):
            return self._without(value.to_plotly_json())
        if type(value) is dict:
            packed = _packed(value)
            if packed is not None:
                return {**value, "bdata": self._put(packed)}
            return {key: self._without(each) for key, each in value.items()}
        if type(value) in (list, tuple):
            # A long list has numbers as a rule, no arrays: to look at the first is enough then.
            if len(value) > LEAST and isinstance(value[0], int | float):
                return value
            return [self._without(each) for each in value]
        if not is_array(value):
            return value
        kind = value.dtype.str[1:]
        if kind not in DTYPES or not 0 < value.ndim <= MOST_DIMENSIONS or value.nbytes < LEAST:
            return value
        data = value.astype(f"<{kind}", copy=False).tobytes()
        return self._put(Numbers(data, kind, tuple(map(int, value.shape)), _as_list, _thinned))

    def _put(self, array: Packed | Numbers) -> str:
        self.arrays.append(array)
        return f"{_TOKEN}{len(self.arrays) - 1}"


def _is_figure(value: PropValue) -> bool:
    plotly = sys.modules.get("plotly.basedatatypes")
    return plotly is not None and isinstance(value, plotly.BaseFigure)


def _packed(value: dict[str, object]) -> Packed | None:
    """The array, if a dict is one that Plotly has packed, and is large."""
    text, kind = value.get("bdata"), value.get("dtype")
    if not isinstance(text, str) or len(text) < LEAST or not isinstance(kind, str) or kind not in DTYPES:
        return None  # a value that a page has sent may have anything here
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return Packed(data) if len(data) % int(kind[1:]) == 0 else None


def is_array(value: PropValue) -> bool:
    """Whether a value is a numpy array. Does not import numpy: without it there is none."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _array(numbers: Numbers) -> Array:
    return sys.modules["numpy"].frombuffer(numbers.data, f"<{numbers.dtype}").reshape(numbers.shape)


def _as_list(numbers: Numbers) -> bytes:
    """Write an array as JSON, as stock Dash does."""
    return orjson.dumps(_array(numbers), option=orjson.OPT_SERIALIZE_NUMPY)


def _thinned(numbers: Numbers, most: int) -> Numbers:
    """The array with rows of at most `most` numbers. NaN, which is a gap, is lower than any number."""
    width = numbers.shape[-1]
    if width <= most:
        return numbers
    numpy = sys.modules["numpy"]
    array = numpy.fmax.reduceat(_array(numbers), starts_of_parts(width, most), axis=-1)
    return replace(numbers, data=array.tobytes(), shape=(*numbers.shape[:-1], most))
