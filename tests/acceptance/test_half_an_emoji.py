"""Text that is not well-formed, as an input event may split an emoji in two."""

from __future__ import annotations

from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, dcc, html
from tests.support.browser import Tabs
from tests.support.serving import Serving

HALF = "\\ud83d"


async def test_half_an_emoji_leaves_the_page_alive(serve: Serving, browser: Tabs):
    """It is sent as the replacement character to callbacks of both kinds, and the page goes on to hear of others."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a", value=""), html.Div(id="shown"), dcc.Input(id="own"), html.Div(id="mine")])
    app.callback_shared(Output("shown", "children"), Input("a", "value"))(lambda a: f"<{a}>")
    app.callback(Output("mine", "children"), Input("own", "value"))(lambda own: f"<{own}>")
    url = await serve(app)
    first, second = await browser.open(url), await browser.open(url)
    await expect(first.locator("#shown")).to_have_text("<>")
    for prop, shown in (("a", "#shown"), ("own", "#mine")):
        await first.evaluate(f"dash_clientside.set_props('{prop}', {{value: 'C:\\\\ud83d {HALF}!'}})")
        await expect(first.locator(shown)).to_have_text("<C:\\ud83d \ufffd!>")
        await first.evaluate(f"dash_clientside.set_props('{prop}', {{value: '{HALF}\\ude00'}})")
        await expect(first.locator(shown)).to_have_text("<\U0001f600>")
    await second.locator("#a").fill("x")
    await expect(first.locator("#shown")).to_have_text("<x>")
    await expect(first.locator("#a")).to_have_value("x")
