"""Regular callbacks without output, as the original and as stock Dash declare them, in a browser."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
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


async def test_one_that_is_redefined_is_called_in_open_pages(serve: Serving, browser: Tabs):
    """As one with an output is, where its inputs are in the page; one with output None is not."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a", value="1"), dcc.Input(id="b", value="2"), html.Div("-", id="shown")])
    calls: list[str] = []
    app.callback(Output("shown", "children"), Input("a", "value"))(lambda a: f"<{a}>")
    page = await browser.open(await serve(app))
    await expect(page.locator("#shown")).to_have_text("<1>")
    app.callback(None, Input("a", "value"))(lambda a: calls.append(f"none {a}"))
    app.callback(Input("nowhere", "value"))(lambda a: calls.append("nowhere"))
    app.callback()(lambda: calls.append("nothing"))
    app.callback(Input("a", "value"))(lambda a: calls.append(f"input {a}"))
    app.callback(Input("a", "value"), Input("b", "value"))(lambda a, b: calls.append(f"both {a} {b}"))
    await eventually(lambda: len(calls) == 3)
    await page.locator("#b").fill("3")
    await eventually(lambda: len(calls) == 4)
    assert sorted(calls) == ["both 1 2", "both 1 3", "input 1", "nothing"]


@pytest.mark.allow_console_errors
async def test_a_forgotten_output_is_an_error_in_the_dev_tools(serve: Serving, browser: Tabs):
    """One that names no output and returns something raises, as in stock Dash; with output None it may return it."""
    app = Dash(__name__)
    app.layout = html.Div([html.Button("a", id="a"), html.Button("b", id="b"), html.Div(id="x")])
    calls: list[str] = []

    @app.callback(None, Input("a", "n_clicks"))
    def acts(n_clicks: int) -> str:
        calls.append("acts")
        return "anything"

    @app.callback(Input("b", "n_clicks"), prevent_initial_call=True)
    def forgets(n_clicks: int) -> str:
        calls.append("forgets")
        return "lost"

    @app.callback(Input("a", "n_clicks"), prevent_initial_call=True)
    def tells(n_clicks: int) -> Output:
        calls.append("tells")
        return Output("x", "children", "told")

    app.enable_dev_tools(debug=True, dev_tools_hot_reload=False, dev_tools_disable_version_check=True)
    page = await browser.open(await serve(app))
    await page.locator("#a").click()
    await expect(page.locator("#x")).to_have_text("told")
    await eventually(lambda: sorted(calls) == ["acts", "tells"])
    assert await page.evaluate("dash_stores[0].getState().error.backEnd.length") == 0
    await page.locator("#b").click()
    title = page.locator(".dash-fe-error__title")
    await expect(title).to_have_text("Callback error with no output from input b.n_clicks")
    assert str(parts_of(app).runtime.errors.pop()) == "No-output callback received return value: lost"
