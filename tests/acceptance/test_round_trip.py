"""What a page measures of its connection."""

from __future__ import annotations

from dash_devices_nb import Dash, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving


async def test_a_page_reports_its_round_trip(serve: Serving, browser: Tabs):
    """Soon after it was opened `client.rtt` has it, in seconds."""
    app = Dash(__name__)
    app.layout = html.Div("page")
    await browser.open(await serve(app))
    (client,) = await eventually(lambda: app.clients)
    await eventually(lambda: client.rtt is not None, 10)
    assert 0 < client.rtt < 5
