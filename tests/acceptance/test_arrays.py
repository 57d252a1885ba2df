"""Large numpy arrays reach pages as bytes, and are lists or packed arrays wherever a program looks at them."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from playwright.async_api import Page

from dash_devices_nb import Dash, Input, Output, Patch, State, dcc, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

LINE = np.linspace(0, 1, 500, dtype="f4")
TRACE = """id => {
    const plot = document.querySelector(`#${id} .js-plotly-plot`);
    const trace = plot && plot.data && plot.data[0];
    if (!trace || !trace.y) return null;
    const {length, constructor} = trace.y;
    return {kind: constructor.name, length, last: trace.y[length - 1] ?? null};
}"""
NOTED = """() => {
    window.messages = [];
    window.WebSocket = class extends window.WebSocket {
        constructor(...args) {
            super(...args);
            this.addEventListener('message', ({data}) => data.byteLength && window.messages.push(data.byteLength));
        }
    };
}"""
"""Notes the sizes of binary messages."""


async def shows(page: Page, kind: str, length: int, last: float) -> None:
    """Wait until the graph has such points."""
    found: dict[str, Any] = {}

    async def there() -> bool:
        nonlocal found
        found = await page.evaluate(TRACE, "graph") or {}
        return found == {"kind": kind, "length": length, "last": last}

    try:
        await eventually(there)
    except AssertionError:
        assert found == {"kind": kind, "length": length, "last": last}


async def test_a_line_is_a_typed_array_on_each_page_and_a_list_for_callbacks(serve: Serving, browser: Tabs):
    """A dict with an array; the page's own callback has a list as State, and so has a shared one."""
    app = Dash(__name__)
    app.layout = html.Div(
        [dcc.Graph(id="graph"), html.Button("look", id="look"), html.I(id="own"), html.B(id="shared")]
    )
    kinds: list[type] = []

    @app.callback(
        Output("own", "children"), Input("look", "n_clicks"), State("graph", "figure"), prevent_initial_call=True
    )
    def look(n_clicks, figure):
        y = figure["data"][0]["y"]
        return f"{type(y).__name__} of {len(y)} to {y[-1]}"

    @app.callback_shared(Output("shared", "children"), Input("graph", "figure"), prevent_initial_call=True)
    def seen(figure):
        kinds.append(type(figure["data"][0]["y"]))
        return str(figure["data"][0]["y"][-1])

    url = await serve(app)
    page = await browser.open(url)
    await page.wait_for_selector("#graph")  # what comes before the layout is in it, as JSON
    app.push_mods({"graph": {"figure": {"data": [{"y": LINE}]}}})
    await shows(page, "Float32Array", 500, 1)
    assert kinds == [list]
    await page.locator("#look").click()
    await page.wait_for_function("document.getElementById('own').textContent === 'list of 500 to 1'")
    assert await page.locator("#shared").inner_text() == "1.0"
    late = await browser.open(url)
    await shows(late, "Array", 500, 1)
    app.push_mods({"graph": {"figure": go.Figure(go.Scatter(y=LINE * 2))}})
    for each in (page, late):
        await shows(each, "Float32Array", 500, 2)


async def test_points_and_patches_are_bytes_and_add_up(serve: Serving, browser: Tabs):
    """A stream of arrays, a patch that assigns one and adds to it; a late joiner has the same."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Graph(id="graph", figure={"data": [{"x": [], "y": []}]})])
    url = await serve(app)
    context = await browser.context()
    await context.add_init_script(f"({NOTED})()")
    page = await browser.open(url, context=context)
    await shows(page, "Array", 0, None)
    for step in range(3):
        app.stream("graph", x=np.arange(500.0) + 500 * step, y=LINE + step, max_points=1200)
    await shows(page, "Array", 1200, 3)
    bytes_of_points = 3 * 500 * (8 + 4)
    sizes = await page.evaluate("window.messages")
    assert bytes_of_points < sum(sizes) < bytes_of_points + 2000
    patch = Patch()
    patch["data"][0]["y"] = LINE * 5
    app.push_mods({"graph": {"figure": patch}})
    await shows(page, "Float32Array", 500, 5)
    more = Patch()
    more["data"][0]["y"].extend([6, 7])
    app.push_mods({"graph": {"figure": more}})
    await shows(page, "Array", 502, 7)
    await shows(await browser.open(url), "Array", 502, 7)
