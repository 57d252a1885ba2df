"""Over plain HTTP a browser keeps some interfaces from a page: what the page says then, and over TLS it has them."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Page, expect

from dash_devices_nb import Dash, Input, Output, dcc, html
from tests.support.browser import Tabs
from tests.support.certificates import contexts
from tests.support.eventually import eventually
from tests.support.serving import Serving

TILT = (
    """() => { window.addEventListener('deviceorientation', event => console.log(event.alpha)); return 'listens'; }"""
)
NOTE = """
    window.said = [];
    addEventListener('DOMContentLoaded', () => {
        if (!window.dashDevices) return;
        const {show} = dashDevices.Notices.prototype;
        dashDevices.Notices.prototype.show = function (level, text, ...more) {
            said.push(text);
            return show.call(this, level, text, ...more);
        };
    });"""
"""Notes what notices say, which go by themselves."""
UNITS = """() => {
    window.units = 0;
    const {show} = dashDevices.Videos.prototype;
    dashDevices.Videos.prototype.show = function (...given) {
        window.units += 1;
        return show.apply(this, given);
    };
}"""
WIDTH = "document.getElementById('camera').width"


@pytest.fixture
def address() -> str:
    """An address of this machine that is no loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("this machine has no address but the loopback's")
        return str(probe.getsockname()[0])


def console() -> Dash:
    """A canvas, and a clientside callback that listens to a phone's sensor."""
    app = Dash(__name__)
    app.layout = html.Div(
        [html.Canvas(id="camera"), html.Button(id="tilt"), html.Div(id="text"), dcc.Geolocation(id="place")]
    )
    app.clientside_callback(TILT, Output("text", "children"), Input("tilt", "n_clicks"))
    return app


async def shows_video(app: Dash, page: Page) -> None:
    """Wait until a picture is on the canvas."""
    app.push_video("camera", np.full((48, 160, 3), 90, np.uint8))
    await eventually(lambda: page.evaluate(f"{WIDTH} === 160"), 30)


async def test_over_plain_http_a_page_says_what_it_lacks(serve: Serving, browser: Tabs, address: str):
    """A video is shown as images; the motion sensors and the position are missing."""
    app = console()
    context = await browser.context()
    await context.add_init_script(NOTE)
    url = await serve(app, host=address)
    assert address in url
    page = await browser.open(url, context=context)
    await expect(page.locator("#text")).to_have_text("listens")
    assert await page.evaluate("[isSecureContext, typeof VideoDecoder]") == [False, "undefined"]
    await shows_video(app, page)
    await eventually(lambda: page.evaluate("said.length === 3"), 30)
    assert sorted(await page.evaluate("said")) == [
        "Over plain HTTP the browser decodes no video for this page, which shows single images instead. An address "
        "that begins with https:// is needed for that.",
        "Over plain HTTP the browser gives this page no motion sensors. An address that begins with https:// is needed "
        "for that.",
        "Over plain HTTP the browser gives this page no position. An address that begins with https:// is needed for "
        "that.",
    ]


async def test_over_tls_nothing_is_missing(serve: Serving, browser: Tabs, address: str, tmp_path: Path):
    """With `ssl_context=` the same page decodes the video, and says nothing."""
    app = console()
    context = await browser.context(ignore_https_errors=True)
    await context.add_init_script(NOTE)
    url = await serve(app, host=address, ssl_context=contexts(tmp_path)[0])
    assert url.startswith(f"https://{address}")
    page = await browser.open(url, context=context)
    await expect(page.locator("#text")).to_have_text("listens")
    assert await page.evaluate("[isSecureContext, typeof VideoDecoder]") == [True, "function"]
    await page.evaluate(UNITS)
    await shows_video(app, page)
    assert await page.evaluate("[said, units]") == [[], 1]
