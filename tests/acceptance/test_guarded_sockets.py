"""Pages whose live connection the program refuses, in a browser: stock Dash's, with nothing in them that is shared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dash
import pytest
import quart
from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, State, callback_context, dcc, html
from tests.support.browser import Tabs
from tests.support.serving import Serving


@pytest.fixture
def hooks() -> Iterator[Any]:
    """Stock Dash's hooks, which are of the process."""
    yield dash.hooks
    dash.hooks._ns.pop("websocket_connect", None)


@pytest.mark.allow_console_errors
@pytest.mark.parametrize("guard", ["hook", "endpoint"])
async def test_who_may_not_connect_can_log_in(serve: Serving, browser: Tabs, hooks: Any, guard: str):
    """The login works over HTTP and a callback of the WebSocket does not; the shared value comes with the login."""
    app = Dash(__name__)
    app.layout = html.Div(
        [
            dcc.Input(id="word"),
            html.Button("log in", id="login"),
            html.Div("nobody", id="said"),
            html.Div("-", id="streamed"),
            dcc.Input(id="volts", value="of the layout"),
        ]
    )
    app.callback_shared(None, Input("volts", "value"))(lambda volts: None)
    called = []

    @app.callback(Output("said", "children"), Input("login", "n_clicks"), State("word", "value"))
    def login(n_clicks: int | None, word: str) -> str:
        if word == "sesame":
            callback_context.response.set_cookie("login", "yes")
        return f"{n_clicks} {word}"

    @app.callback(Output("streamed", "children"), Input("login", "n_clicks"), websocket=True)
    def streamed(n_clicks: int | None) -> str:
        called.append(n_clicks)
        return f"streamed {n_clicks}"

    if guard == "hook":
        hooks.websocket_connect()(lambda websocket: None if "login" in websocket.cookies else (4001, "Please log in."))
        why = "Please log in."
    else:
        view = app.server.view_functions["update_component_socket"]
        app.server.view_functions["update_component_socket"] = lambda **given: (
            view(**given) if "login" in quart.websocket.cookies else ("no", 401)
        )
        why = "the program's wrapper around update_component_socket refuses it"
    url = await serve(app)
    app.push_mods({"volts": {"value": "of the device"}})
    page = await browser.open(url)
    await expect(page.locator("#said")).to_have_text("None None")
    await expect(page.get_by_text(why)).to_be_visible()
    await expect(page.locator("#volts")).to_have_value("of the layout")
    await page.locator("#word").fill("sesame")
    await page.locator("#login").click()
    await expect(page.locator("#said")).to_have_text("1 sesame")
    await expect(page.locator("#streamed")).to_have_text("-")
    assert called == []
    await page.reload()
    await expect(page.locator("#volts")).to_have_value("of the device")
    await expect(page.locator("#streamed")).to_have_text("streamed None")
    await expect(page.get_by_text(why)).to_have_count(0)
