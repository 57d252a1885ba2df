"""Events that are pushed: every one counts, once."""

from __future__ import annotations

import threading

from dash_devices_nb import Dash, dcc, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

POINTS = 150


async def test_every_point_pushed_to_a_graph_is_drawn_once(serve: Serving, browser: Tabs):
    """Points that come while a graph loads or draws are all there in the end, in their order and none twice."""
    app = Dash(__name__)
    lines = [{"x": [], "y": [], "mode": "lines"}, {"x": [], "y": [], "mode": "lines"}]
    app.layout = html.Div(
        [dcc.Graph(id="graph", figure={"data": lines}), dcc.Graph(id="other", figure={"data": lines})]
    )

    pace = threading.Event()

    def push():
        for n in range(POINTS):
            app.push_mods({"graph": {"extendData": [{"x": [[n], [n]], "y": [[n], [-n]]}, [0, 1], 100]}})
            app.push_mods({"other": {"extendData": {"x": [[n], [n]], "y": [[n], [-n]]}}})
            pace.wait(0.01)

    @app.callback_connect
    def come(client, connect):
        if connect:
            push()

    page = await browser.open(await serve(app))
    for name, first in (("graph", POINTS - 100), ("other", 0)):

        async def points(name=name):
            return await page.evaluate(f"document.querySelector('#{name} .js-plotly-plot')?.data?.map(line => line.x)")

        await eventually(lambda: has_last(points), within=20)
        assert await points() == [list(range(first, POINTS))] * 2


async def has_last(points):
    lines = await points()
    return lines and lines[0] and lines[0][-1] == POINTS - 1
