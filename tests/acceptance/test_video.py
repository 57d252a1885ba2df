"""A video in Chromium: what people see, who comes later, who stands still, and whose browser cannot decode it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from playwright.async_api import Page

from dash_devices_nb import Dash, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.delivery.video import Encoder
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

WIDTH, HEIGHT, BAR = 160, 90, 20
WITHOUT = "delete window.VideoDecoder"
BROKEN = """if (window.VideoDecoder)
    VideoDecoder.prototype.configure = () => { throw new DOMException('', 'NotSupportedError'); };"""
SEEN = """() => {
    const canvas = document.getElementById('camera');
    if (!canvas || canvas.width < 100) return null;
    const {width, height} = canvas;
    const pixels = canvas.getContext('2d').getImageData(0, 40, width, 1).data;
    return {width, height, row: Array.from(pixels).filter((each, at) => at % 4 < 3)};
}"""
NOTE = """() => {
    window.units = [];
    const show = dashDevices.Videos.prototype.show;
    dashDevices.Videos.prototype.show = function (header, bytes, shown) {
        window.units.push(header.v.key);
        return show.call(this, header, bytes, shown);
    };
}"""
"""Notes of each unit that comes whether it is a key frame."""


def console() -> Dash:
    """A canvas."""
    app = Dash(__name__)
    app.layout = html.Div([html.Div(html.Canvas(id="camera"), id="place"), html.Div(id="text")])
    return app


def picture(number: int) -> np.ndarray:
    """A white bar on blue that moves, 8 pixels with each picture."""
    array = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    array[..., 2] = 200
    at = number * 8 % (WIDTH - BAR)
    array[:, at : at + BAR] = 255
    return array


def encoded(start: int, count: int) -> list[bytes]:
    """Access units of these pictures, of which the first is a key frame."""
    encoder = Encoder(WIDTH, HEIGHT, 20, None)
    return [encoder.encode(picture(start + n), n * 40_000, n == 0) for n in range(count)]


async def shows(page: Page, expected: np.ndarray, tolerance: float = 12) -> None:
    """Wait until the canvas shows this picture, but for the losses of its encoding."""
    wanted = expected[40].astype(int)

    async def there() -> bool:
        seen = await page.evaluate(SEEN)
        if seen is None or (seen["height"], seen["width"]) != expected.shape[:2]:
            return False
        return bool(np.abs(np.array(seen["row"]).reshape(-1, 3) - wanted).mean() < tolerance)

    await eventually(there, 40)


@contextmanager
def pushing(push: Callable[[int], object], start: int = 0, seconds: float = 0.01) -> Iterator[list[int]]:
    """A camera that calls `push` with a growing number; yields the number of the last."""
    stop, last = threading.Event(), [start]

    def run() -> None:
        while not stop.wait(seconds):
            last[0] += 1
            push(last[0])

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield last
    finally:
        stop.set()
        thread.join()


async def test_a_moving_picture_and_who_comes_later(serve: Serving, browser: Tabs):
    """Each picture arrives, in its colours; a late joiner begins with a key frame, also if nothing more comes."""
    app = console()
    page = await browser.open(await serve(app))
    await page.locator("#camera").wait_for()
    await page.evaluate(NOTE)
    for number in range(5):
        app.push_video("camera", picture(number))
        await shows(page, picture(number))
    units = await page.evaluate("units")
    assert (len(units), units[0], units[1]) == (5, True, False)
    late = await browser.open(app.url)
    await shows(late, picture(4))
    app.push_video("camera", picture(5))
    for each in (page, late):
        await shows(each, picture(5))


async def test_a_page_that_stood_still_goes_on_with_a_key_frame(serve: Serving, browser: Tabs):
    """The browser freezes it; whole groups are dropped meanwhile, and it ends on the last picture."""
    app = console()
    page = await browser.open(await serve(app))
    app.push_video("camera", picture(0))
    await shows(page, picture(0))
    await page.evaluate(NOTE)
    front = await browser.open("about:blank", context=page.context)
    session = await page.context.new_cdp_session(page)
    outbox = parts_of(app).runtime.pages[app.clients[0].id].outbox
    with pushing(lambda number: app.push_video("camera", picture(number))) as last:
        await eventually(lambda: last[0] > 5)
        await front.bring_to_front()
        await session.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
        await session.send("Page.setWebLifecycleState", {"state": "frozen"})
        await eventually(lambda: outbox.skipped > 20, 40)
        assert outbox.waiting < 200_000
        await session.send("Page.setWebLifecycleState", {"state": "active"})
        await page.bring_to_front()
        came = len(await page.evaluate("units"))
        await eventually(lambda: page.evaluate("from => units.slice(from).includes(true)", came), 40)
    await shows(page, picture(last[0]))
    await session.detach()


async def test_a_browser_that_cannot_decode_gets_jpeg(serve: Serving, browser: Tabs):
    """Of arrays and of access units; one that joins when nothing more comes, too."""
    app = console()
    url = await serve(app)
    context = await browser.context()
    await context.add_init_script(WITHOUT)
    app.push_video("camera", picture(0))
    page = await browser.open(url, context=context)
    await shows(page, picture(0))
    app.push_video("camera", picture(1))
    await shows(page, picture(1))
    for number, unit in enumerate(encoded(2, 3), 2):
        app.push_video("camera", unit)
        await shows(page, picture(number))
    late = await browser.open(url, context=context)
    await shows(late, picture(4))


async def test_a_browser_whose_decoder_fails_gets_jpeg(serve: Serving, browser: Tabs):
    """It says that it can, but it cannot: that is seen with the first unit."""
    app = console()
    context = await browser.context()
    await context.add_init_script(BROKEN)
    page = await browser.open(await serve(app), context=context)
    await page.locator("#camera").wait_for()
    app.push_video("camera", picture(0))
    await shows(page, picture(0))
    app.push_video("camera", picture(1))
    await shows(page, picture(1))
    await page.reload()
    await shows(page, picture(1))


async def test_access_units_of_the_programs_own_encoder(serve: Serving, browser: Tabs):
    """They arrive as they are. After a damaged one the page asks for a key frame, which the program is told."""
    app = console()
    page = await browser.open(await serve(app))
    await page.locator("#camera").wait_for()
    units = encoded(0, 6)
    for number, unit in enumerate(units[:3]):
        assert app.push_video("camera", unit, key=number == 0) is False
        await shows(page, picture(number))
    await page.evaluate(NOTE)
    damaged = units[3][:8] + bytes(len(units[3]) - 8)
    app.push_video("camera", damaged)
    await eventually(lambda: app.push_video("camera", units[4]), 40)
    assert await page.evaluate("units.includes(true)") is False
    app.push_video("camera", units[0])
    await shows(page, picture(0))


async def test_a_canvas_that_takes_the_place_of_another_shows_the_last_picture(serve: Serving, browser: Tabs):
    """A callback that renders its part anew leaves no blank camera; an image and a video replace each other."""
    app = console()
    page = await browser.open(await serve(app))
    await page.locator("#camera").wait_for()
    app.push_video("camera", picture(0))
    await shows(page, picture(0))
    app.push_mods({"place": {"children": [html.P("above", id="above"), html.Canvas(id="camera")]}})
    await page.locator("#above").wait_for()
    await shows(page, picture(0))
    app.push_frame("camera", picture(5))
    await shows(page, picture(5))
    app.push_video("camera", picture(7))
    await shows(page, picture(7))
    app.push_mods({"place": {"children": []}})
    await page.locator("#camera").wait_for(state="detached")
    app.push_video("camera", picture(8))
    app.push_mods({"place": {"children": html.Canvas(id="camera")}})
    await shows(page, picture(8))


@pytest.mark.parametrize(("height", "width"), [(91, 161), (90, 160)])
async def test_grey_pictures_and_odd_sizes(serve: Serving, browser: Tabs, height: int, width: int):
    """A picture of an odd number of rows is drawn with as many."""
    app = console()
    page = await browser.open(await serve(app))
    await page.locator("#camera").wait_for()
    for level in (250, 90):
        app.push_video("camera", np.full((height, width), level, np.uint8))
        await shows(page, np.full((height, width, 3), level, np.uint8))
