"""Figures of numpy arrays, which Plotly packs: they grow in open pages and for late joiners, whatever way they came."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest
from playwright.async_api import Page

from dash_devices_nb import Dash, Input, Output, Patch, Services, dcc, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

POINTS = """id => {
    const plot = document.querySelector(`#${id} .js-plotly-plot`);
    return plot && plot._fullData && plot._fullData.length ? Array.from(plot._fullData[0].y) : null;
}"""


def figure(*y: float) -> go.Figure:
    """A trace of numpy arrays; `to_plotly_json` packs them."""
    return go.Figure(go.Scatter(x=np.arange(float(len(y))), y=np.array(y)))


def desk(service: Services) -> Dash:
    """Graphs whose figures come with the layout, by a push, by a regular callback; and callbacks that change them."""
    app = Dash(__name__, server_service=service)
    graphs = [dcc.Graph(id="laid", figure=figure(1, 2)), dcc.Graph(id="pushed"), dcc.Graph(id="answered")]
    buttons = [html.Button(name, id=name) for name in ("show", "extend", "patch")]
    app.layout = html.Div([*buttons, *graphs])

    @app.callback(Output("answered", "figure"), Input("show", "n_clicks"))
    def show(n_clicks):
        return figure(3, 4)

    @app.callback(Output("answered", "extendData"), Input("extend", "n_clicks"), prevent_initial_call=True)
    def extend(n_clicks):
        return {"x": [[2]], "y": [[5]]}, [0]

    @app.callback(
        Output("answered", "figure", allow_duplicate=True), Input("patch", "n_clicks"), prevent_initial_call=True
    )
    def patch(n_clicks):
        return grown(6)

    return app


def grown(y: float) -> Patch:
    """One point more."""
    patch = Patch()
    patch["data"][0]["x"].append(9)
    patch["data"][0]["y"].extend([y])
    return patch


async def shows(page: Page, **wanted: list[float]) -> None:
    """Wait until the graphs have these points."""
    for id, points in wanted.items():
        await eventually(lambda id=id, points=points: _equals(page, id, points), 10)


async def _equals(page: Page, id: str, points: list[float]) -> bool:
    seen = await page.evaluate(POINTS, id)
    assert seen == points
    return True


@pytest.mark.parametrize("service", [Services.PUSHER_ALL, Services.NORMAL], ids=["socket", "http"])
async def test_numpy_figures_are_extended_and_patched(serve: Serving, browser: Tabs, service: Services):
    """Streams, `extendData` and `Patch`, from pushes and from regular callbacks."""
    app = desk(service)
    url = await serve(app)
    page = await browser.open(url)
    app.push_mods({"pushed": {"figure": figure(7, 8)}})
    await shows(page, laid=[1, 2], pushed=[7, 8], answered=[3, 4])

    app.stream("laid", [2, 3], [20, 30])
    app.stream("pushed", [2], [9], max_points=2)
    app.stream("answered", [2], [40])
    await shows(page, laid=[1, 2, 20, 30], pushed=[8, 9], answered=[3, 4, 40])
    late = await browser.open(url)
    await shows(late, laid=[1, 2, 20, 30], pushed=[8, 9], answered=[3, 4])

    await late.locator("#extend").click()
    await shows(late, answered=[3, 4, 5])
    await page.locator("#show").click()
    await shows(page, answered=[3, 4])
    await page.locator("#patch").click()
    await shows(page, answered=[3, 4, 6])
    app.push_mods({"pushed": {"figure": figure(7, 8)}})
    app.push_mods({"pushed": {"figure": grown(9)}, "laid": {"figure": figure(1, 2)}})
    app.push_mods({"laid": {"figure": grown(3)}})
    app.stream("pushed", [3], [10])
    latest = await browser.open(url)
    for each in (page, late, latest):
        await shows(each, laid=[1, 2, 3], pushed=[7, 8, 9, 10])
