"""Frames of a real page that the app cannot read: the page gives up what they carried, and goes on."""

from __future__ import annotations

import threading

from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, dcc, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving
from tests.support.tcp import network

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


async def test_a_number_of_the_connection_before_means_no_frame_of_this_one(serve: Serving, browser: Tabs):
    """A request that is still under way after a short loss is answered, whatever the app cannot read meanwhile."""
    app = Dash(__name__)
    app.layout = html.Div([html.Button("go", id="go"), html.Div(id="slow")])
    called, release = threading.Event(), threading.Event()

    @app.callback(Output("slow", "children"), Input("go", "n_clicks"), prevent_initial_call=True)
    def slow(n_clicks):
        called.set()
        assert release.wait(20)
        return "done"

    url = await serve(app)
    async with network(url) as net:
        browser.allow_errors("WebSocket connection to .* failed", "ERR_", "not JSON")
        page = await browser.open(net.url)
        await page.locator("#go").click()
        await eventually(called.is_set)
        net.cut()
        await expect(page.locator(".bar")).to_contain_text("Offline")
        net.mend()
        await page.wait_for_function("window.dashDevices.bridge.socket.greeted")
        asked = await page.evaluate("window.dashDevices.bridge.requests._number")
        for _ in range(asked + 30):  # past the number that its frame had
            await page.evaluate("window.dashDevices.bridge.socket._socket.send('{')")
        await eventually(lambda: len(app.journal.filter("refusal")) == asked + 30)
        release.set()
        await expect(page.locator("#slow")).to_have_text("done")


async def test_what_takes_more_bytes_than_a_frame_may_have_is_not_sent(serve: Serving, browser: Tabs):
    """Its characters are fewer: the app would cut the connection, and the page come back with the same for ever."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Store(id="a", data="x"), html.Div(id="shown"), dcc.Input(id="b", value="")])
    app.callback_shared(Output("shown", "children"), Input("a", "data"), Input("b", "value"))(
        lambda a, b: f"{len(a)} {b}"
    )
    url = await serve(app)
    page = await browser.open(url)
    await expect(page.locator("#shown")).to_have_text("1 ")
    await page.evaluate("dash_clientside.set_props('a', {data: '\u20ac'.repeat(12 * 1024 * 1024)})")
    await expect(page.locator(".notice")).to_contain_text("over the limit")
    await page.locator("#b").fill("on")
    await expect(page.locator("#shown")).to_have_text("1 on")
    assert [entry.kind for entry in app.journal if entry.kind in ("connect", "disconnect")] == ["connect"]
