"""Values on their way from a program to the pages: encoded before anything is changed, or refused."""

import math

import numpy as np
import pytest
from dash import Patch
from plotly import graph_objects

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.stock_dash.dash_internals import encode
from dash_devices_nb.core.props.values import PatchValue
from dash_devices_nb.errors import InvalidValueError


def nested(depth: int) -> list:
    """A list in a list in a list."""
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (None, b"null"),
        (True, b"true"),
        (1.5, b"1.5"),
        (math.nan, b"null"),
        ("ü", '"ü"'.encode()),
        (np.int64(3), b"3"),
        (np.arange(3), b"[0,1,2]"),
        ({1: (2, np.float64(0.5))}, b'{"1":[2,0.5]}'),
        (b"\x89PNG", b'"data:image/png;base64,iVBORw=="'),
        (b"?", b'"data:application/octet-stream;base64,Pw=="'),
    ],
)
def test_what_programs_push_becomes_json(value, json):
    """Plain values, numpy, and bytes as a data URL."""
    assert encode(value).json == json


def test_components_and_figures_become_json():
    """As Dash itself sends them."""
    assert encode(html.B("x", id="b")).plain["props"] == {"children": "x", "id": "b"}
    assert encode(graph_objects.Figure(data=[{"y": [1]}])).plain["data"][0]["y"] == [1]


def test_a_patch_keeps_its_operations():
    """They are applied to what is kept for late joiners."""
    patch = Patch()
    patch["a"] = 1
    encoded = encode(patch)
    assert isinstance(encoded, PatchValue)
    assert [operation["operation"] for operation in encoded.operations] == ["Assign"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2**70, r"x\.v is 1180591620717411303424, which is not JSON \(Integer exceeds 64-bit range\)"),
        ("\ud800", r"x\.v is '\\ud800', which is not JSON \(str is not valid UTF-8"),
        ([2**70], r"x\.v is a list that is not JSON \(Integer exceeds 64-bit range\)"),
        ({"a": {1}}, r"x\.v is a dict that is not JSON .*; Dash takes strings, numbers, None, dicts"),
        (object(), r"x\.v is a object that is not JSON"),
        (nested(2000), r"x\.v is a list that is not JSON"),
    ],
)
def test_what_is_not_json_is_refused_before_anything_is_changed(value, message):
    """Later, with the lock held, it would leave a state that no page can load."""
    with pytest.raises(InvalidValueError, match=message):
        encode(value, "x.v")


async def test_a_shared_callback_on_a_prop_that_its_component_does_not_have_is_said_at_the_start(tab, capsys):
    """It could never be called; the app starts all the same."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a", value=1), html.Div(id="b")])
    app.callback_shared(Output("b", "children"), Input("a", "valeu"))(lambda value: value)
    await tab(app)
    message = str(app.errors[-1])
    assert "<lambda>(a.valeu) -> b.children: 'a' is a Input, which has no prop 'valeu'; it has" in message
    assert "has no prop 'valeu'" in capsys.readouterr().err
