"""Numpy arrays in what programs push: kept as bytes, and JSON as stock Dash writes it."""

import json

import dash
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from dash_devices_nb.app.stock_dash.dash_internals import encode
from dash_devices_nb.core.props.values import PatchValue
from dash_devices_nb.errors import InvalidValueError

LINE = np.linspace(0, 1, 1000, dtype="f4")
PICTURE = np.arange(600.0).reshape(20, 30)
PICTURE[3, 3] = np.nan


def same(value: object) -> bool:
    """Whether a value has the JSON that it has without arrays."""
    return json.loads(encode(value, arrays=True).json) == json.loads(encode(value).json)


@pytest.mark.parametrize(
    "array",
    [LINE, LINE.astype("f8"), LINE.astype(">f8"), LINE[::3], PICTURE, PICTURE.T, (LINE * 100).astype("u2")],
    ids=["f4", "f8", "big endian", "every third", "rows", "columns", "u2"],
)
def test_an_array_is_bytes_for_pages_and_a_list_for_everybody_else(array):
    """Little endian and row by row, whatever it was."""
    value = encode({"data": [{"y": array, "name": "a"}]}, arrays=True)
    (kept,) = value.arrays.between
    assert kept.data == array.astype(array.dtype.newbyteorder("<")).tobytes()
    assert kept.shape == array.shape
    native = array.astype(array.dtype.newbyteorder("="))  # stock Dash takes no other
    assert json.loads(value.json) == json.loads(encode({"data": [{"y": native, "name": "a"}]}).json)


def test_a_figure_of_plotly_keeps_what_plotly_has_packed():
    """`dtype`, `bdata` and `shape`."""
    value = encode(go.Figure(go.Heatmap(z=PICTURE)), arrays=True)
    assert [each.data for each in value.arrays.between] == [PICTURE.tobytes()]
    assert same(go.Figure(go.Heatmap(z=PICTURE)))


@pytest.mark.parametrize(
    "changes", [{"dtype": []}, {"dtype": {}}, {"dtype": None}, {"bdata": "ä" * 500}, {"bdata": []}]
)
def test_what_only_looks_packed_is_a_value_like_any_other(changes):
    """A page may have sent it, and the program shows it."""
    given = {"dtype": "f4", "bdata": "A" * 512} | changes
    value = encode(given, arrays=True)
    assert not value.arrays
    assert json.loads(value.json) == given


def test_an_array_may_change_after_the_push():
    """The value has a copy."""
    line = LINE.copy()
    value = encode({"data": [{"y": line}]}, arrays=True)
    line[:] = 7
    assert value.plain["data"][0]["y"][0] == 0


def test_the_arrays_of_a_patch():
    """Pages get them as bytes, the app applies its operations to lists."""
    patch = dash.Patch()
    patch["data"][0]["y"] = LINE
    value = encode(patch, arrays=True)
    assert isinstance(value, PatchValue)
    assert value.arrays is not None
    assert value.operations == encode(patch).operations


@pytest.mark.parametrize(
    "value",
    [
        {"y": np.arange(3.0)},
        {"y": np.arange(100, dtype="i8")},
        {"y": np.array(["a"] * 100)},
        {"y": np.zeros((10, 10, 10))},
        {"y": pd.Series(LINE)},
        {"y": list(range(1000))},
        {"dtype": "f8", "bdata": "no base64! " * 100},
        {"dtype": "f8", "bdata": "AAAA" * 99},
        [1, 2],
    ],
    ids=["short", "64 bits", "texts", "a cube", "a series", "a list", "no base64", "half a number", "no array"],
)
def test_other_values_are_json(value):
    """What a browser has no array for, what is short, and what only looks like an array."""
    assert encode(value, arrays=True).arrays is None
    assert same(value)


def test_what_is_no_json_is_refused_alike():
    """With the same error."""
    with pytest.raises(InvalidValueError, match=r"graph\.figure is a dict that is not JSON"):
        encode({"y": LINE, "z": object()}, "graph.figure", arrays=True)


@pytest.mark.parametrize("array", [PICTURE, LINE, np.arange(50_000, dtype="u2")], ids=["rows", "f4", "u2"])
def test_an_array_is_thinned_by_the_highest_of_each_part(array):
    """A gap is lower than all, and stays where there is nothing else."""
    (kept,) = encode(array, arrays=True).arrays.between
    thinned = kept.thin(kept, 7)
    rows = np.atleast_2d(array)
    parts = np.arange(rows.shape[1]) * 7 // rows.shape[1]
    expected = np.array([[np.fmax.reduce(row[parts == part]) for part in range(7)] for row in rows])
    assert thinned.shape == (*array.shape[:-1], 7)
    assert np.array_equal(
        np.frombuffer(thinned.data, array.dtype).reshape(expected.shape), expected, equal_nan=array.dtype.kind == "f"
    )
    assert kept.thin(kept, array.shape[-1]) is kept
