"""Regular callbacks without output, as the original and as stock Dash declare them, in a browser."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, dcc, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving


@pytest.mark.parametrize("debug", [False, True])
async def test_what_is_called_when_a_page_loads(serve: Serving, browser: Tabs, debug: bool):
    """Stock Dash's way: once a page; output None: never by itself, nor what prevents it; no page shows an error."""
    app = Dash(__name__)
    fields = [dcc.Input(id=each, value="1") for each in "abcd"]
    app.layout = html.Div([*fields, html.Div("-", id="shown"), html.Div("here", id="x")])
    calls: list[str] = []
    app.callback(Output("shown", "children"), Input("a", "value"))(lambda a: f"<{a}>")
    app.callback()(lambda: calls.append("nothing"))
    app.callback(Input("a", "value"))(lambda a: calls.append(f"input {a}"))
    app.callback(Input("shown", "children"))(lambda shown: calls.append(f"shown {shown}"))
    app.callback(Input("c", "value"), prevent_initial_call=True)(lambda c: calls.append(f"prevented {c}"))
    app.callback(None, Input("d", "value"))(lambda d: calls.append(f"none {d}"))
    if debug:
        app.enable_dev_tools(debug=True, dev_tools_hot_reload=False, dev_tools_disable_version_check=True)
    url = await serve(app)
    pages = [await browser.open(url) for _ in range(2)]
    for page in pages:
        await expect(page.locator("#shown")).to_have_text("<1>")
    await eventually(lambda: len(calls) == 6)
    assert sorted(calls) == ["input 1", "input 1", "nothing", "nothing", "shown <1>", "shown <1>"]
    calls.clear()
    for field in "acd":
        await pages[0].locator(f"#{field}").fill("2")
    await eventually(lambda: len(calls) == 4)
    assert sorted(calls) == ["input 2", "none 2", "prevented 2", "shown <2>"]
    for page in pages:
        assert await page.evaluate("dash_stores[0].getState().error.backEnd.length") == 0
