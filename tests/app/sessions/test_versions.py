"""Pages and programs of another version of the protocol are told so; older pages say no version, and work."""

from __future__ import annotations

import json

import pytest
import websockets

from dash_devices_nb import Dash, html
from dash_devices_nb.core.protocol.version import VERSION


@pytest.fixture
def url(app_server) -> str:
    """The WebSocket of an app."""
    app = Dash(__name__)
    app.layout = html.Div(id="a")
    return app_server.run(app).replace("http", "ws") + "_dash-devices/ws"


async def test_another_version_is_sent_away_with_the_reason(url):
    """Newer or older, by a code after which a page does not come back by itself."""
    for version, help in ((VERSION + 1, "restart the app"), (0, "reload the page")):
        async with websockets.connect(url) as socket:
            await socket.send(json.dumps({"t": "hello", "v": version}))
            with pytest.raises(websockets.ConnectionClosed) as caught:
                await socket.recv()
        assert caught.value.rcvd.code == 4426
        assert f"version {version} of the protocol, the app {VERSION}" in caught.value.rcvd.reason
        assert help in caught.value.rcvd.reason


async def test_a_page_that_says_no_version_is_welcome(url):
    """As pages were before there were versions; the app says its own."""
    async with websockets.connect(url) as socket:
        await socket.send(json.dumps({"t": "hello"}))
        assert json.loads(await socket.recv())["v"] == VERSION
