"""Frames of a real page that the app cannot read: the page gives up what they carried, and goes on."""

from __future__ import annotations

from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, dcc, html
from tests.support.browser import Tabs
from tests.support.serving import Serving

DEEP = "(() => { let deep = 1; for (let i = 0; i < 300; i++) deep = [deep]; return deep; })()"
BROKEN = """() => {
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (text) {
        if (text.includes('broken')) text = text.slice(0, -5);
        send.call(this, text);
    };
}"""


async def test_the_page_recovers_from_frames_that_are_not_read(serve: Serving, browser: Tabs):
    """Of a shared prop it shows what holds, and hears of others again; a request fails, and nothing is updating."""
    app = Dash(__name__)
    app.layout = html.Div(
        [dcc.Input(id="a", value="x"), html.Div(id="shown"), dcc.Store(id="own"), html.Div(id="mine")]
    )
    app.callback_shared(Output("shown", "children"), Input("a", "value"))(lambda a: f"<{a}>")
    app.callback(Output("mine", "children"), Input("own", "data"))(lambda own: f"<{own}>")
    url = await serve(app)
    browser.allow_errors("could not read this request", "400", "Callback error", "240 levels", "not JSON")
    first, second = await browser.open(url), await browser.open(url)
    await expect(first.locator("#shown")).to_have_text("<x>")
    await expect(first.locator("#mine")).to_have_text("<None>")
    await first.evaluate(BROKEN)
    await first.locator("#a").fill("broken")
    await expect(first.locator("#a")).to_have_value("x")
    await second.locator("#a").fill("y")
    await expect(first.locator("#shown")).to_have_text("<y>")
    await expect(first.locator("#a")).to_have_value("y")
    await first.evaluate(f"dash_clientside.set_props('own', {{data: {DEEP}}})")
    await expect(first).to_have_title("Dash")
    await first.evaluate("dash_clientside.set_props('own', {data: 'fine'})")
    await expect(first.locator("#mine")).to_have_text("<fine>")
    unread, deep = (str(entry.what) for entry in app.journal.filter("refusal"))
    assert "is not JSON" in unread
    assert "nested more than 240 levels" in deep
