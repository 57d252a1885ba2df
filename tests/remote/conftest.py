"""An app with a device, and programs that are connected to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dash_devices_nb import Dash, Input, Output, Waterfall, dcc, html
from dash_devices_nb.remote import Device, connect


def make_app() -> Dash:
    """A target that a shared callback shows, one for the owner, and a measurement by name."""
    app = Dash(__name__)
    app.layout = html.Div(
        [
            dcc.Slider(0, 30, id="target", value=20),
            dcc.Input(id="gain", value=1),
            dcc.Input(id="secret", value="old"),
            html.Div(id="shown"),
            html.Div(id="guarded"),
            dcc.Graph(id="graph", figure={"data": [{"x": [], "y": []}]}),
            html.Button(id="go"),
            html.Div(id="measured"),
            html.Img(id="camera"),
            Waterfall(id="fall", history=2),
        ]
    )
    app.callback_shared(Output("shown", "children"), Input("target", "value"), Input("gain", "value"))(
        lambda target, gain: f"target {target} gain {gain}"
    )
    app.callback_shared(Output("guarded", "children"), Input("secret", "value"), role="owner")(lambda value: value)

    @app.callback(Output("measured", "children"), Input("go", "n_clicks"), api_endpoint="measure", role="control")
    def measure(voltage=None):
        return f"{voltage} V"

    app.setup_apis()
    return app


@pytest.fixture
def app(app_server) -> Dash:
    """One that is served without a secret."""
    app = make_app()
    app_server.run(app)
    return app


@pytest.fixture
def joined() -> Iterator[Any]:
    """Connect programs; they leave after the test: ``device = joined(url)``."""
    devices: list[Device] = []

    def join(url: str, **options: Any) -> Device:
        devices.append(connect(url, **options))
        return devices[-1]

    yield join
    for each in devices:
        each.close()


def cut(device: Device) -> None:
    """Break the connection of a program, as a lost network does."""
    device._thread.post(device._device._session.link.cut)
