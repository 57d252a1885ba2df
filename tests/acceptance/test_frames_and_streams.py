"""Camera images, streams and batches in Chromium: what people see, and who comes later or looks away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from playwright.async_api import Page, expect

from dash_devices_nb import Dash, dcc, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

TRACES = "() => (document.querySelector('#graph .js-plotly-plot')?.data || []).map(trace => Array.from(trace.y))"
PICTURE = """id => {
    const node = document.getElementById(id), canvas = document.createElement('canvas');
    const [width, height] = [node.naturalWidth ?? node.width, node.naturalHeight ?? node.height];
    if (!width) return null;
    Object.assign(canvas, {width, height});
    canvas.getContext('2d').drawImage(node, 0, 0);
    return [width, height, ...canvas.getContext('2d').getImageData(width >> 1, height >> 1, 1, 1).data];
}"""
WATCH = """() => {
    window.seen = [];
    const watch = new MutationObserver(() =>
        window.seen.push(['a', 'b'].map(id => document.getElementById(id).textContent).join()));
    watch.observe(document.getElementById('texts'), {childList: true, characterData: true, subtree: true});
}"""


def console() -> Dash:
    """A camera, a canvas, a graph of two traces and two texts."""
    app = Dash(__name__)
    graph = dcc.Graph(id="graph", figure={"data": [{"x": [], "y": []}, {"x": [], "y": []}]})
    texts = html.Div([html.Div(id="a"), html.Div(id="b")], id="texts")
    app.layout = html.Div([html.Img(id="camera"), html.Canvas(id="raw"), graph, texts])
    return app


def picture(colour: tuple[int, int, int], width: int = 64) -> np.ndarray:
    """An image of one colour."""
    return np.full((48, width, 3), colour, np.uint8)


async def shows(page: Page, place: str, width: int, colour: tuple[int, int, int]) -> None:
    """Wait until an image is on the page, of this width and nearly this colour."""
    await page.locator(f"#{place}").wait_for(state="attached")

    async def there() -> bool:
        seen = await page.evaluate(PICTURE, place)
        return bool(seen) and seen[0] == width and all(abs(a - b) < 8 for a, b in zip(seen[2:5], colour, strict=True))

    await eventually(there, 10)


@contextmanager
def pushing(app: Dash) -> Iterator[list[int]]:
    """A device that pushes an image, points and two texts, as fast as 100 times a second; yields how often it did."""
    stop, count = threading.Event(), [0]

    def push() -> None:
        while not stop.wait(0.01):
            count[0] += 1
            n = count[0]
            app.push_frame("camera", picture((n % 200, 0, 0)))
            app.stream("graph", [[n], [n]], [[n], [-n]], max_points=50)
            with app.batch():
                app.push_mods({"a": {"children": n}})
                app.push_mods({"b": {"children": n}})

    thread = threading.Thread(target=push)
    thread.start()
    try:
        yield count
    finally:
        stop.set()
        thread.join()


async def test_images_and_points_for_those_who_are_there_and_those_who_come(serve: Serving, browser: Tabs):
    """An encoded image in an `Img`, raw pixels on a canvas, and the window of a plot, now and for a late joiner."""
    app = console()
    url = await serve(app)
    first = await browser.open(url)
    await first.locator("#graph .main-svg").first.wait_for()
    for n in range(30):
        app.stream("graph", [[n], [n]], [[n], [-n]], max_points=10)
    app.push_frame("camera", picture((200, 40, 40)))
    app.push_frame("raw", picture((10, 100, 250), 32), "raw")
    late = await browser.open(url)
    window = [list(range(20, 30)), [-n for n in range(20, 30)]]
    for page in (first, late):
        await shows(page, "camera", 64, (200, 40, 40))
        await shows(page, "raw", 32, (10, 100, 250))
        await eventually(lambda p=page: _equals(p, window), 10)
    app.push_frame("camera", picture((0, 200, 0), 80))
    app.push_frame("raw", picture((90, 90, 90), 40)[:, :, 0], "raw")
    for page in (first, late):
        await shows(page, "camera", 80, (0, 200, 0))
        await shows(page, "raw", 40, (90, 90, 90))
        assert (await page.locator("#camera").get_attribute("src")).startswith("blob:")


async def _equals(page: Page, traces: list[list[int]]) -> bool:
    return await page.evaluate(TRACES) == traces


async def test_a_batch_is_one_message_and_one_render(serve: Serving, browser: Tabs):
    """The two texts never differ on the page, and each batch comes in one frame."""
    app = console()
    url = await serve(app)
    page = await browser.open()
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: frames.append(str(data))))
    await page.goto(url)
    await page.locator("#graph .main-svg").first.wait_for()
    await page.evaluate(WATCH)
    frames.clear()
    for n in range(20):
        with app.batch():
            app.push_mods({"a": {"children": n}})
            app.push_mods({"b": {"children": n}})
    await expect(page.locator("#b")).to_have_text("19")
    seen = await page.evaluate("window.seen")
    assert all(a == b for a, b in (pair.split(",") for pair in seen)), seen
    assert len([frame for frame in frames if '"t":"mods"' in frame]) == 20


async def test_a_page_in_the_background_comes_back_right(serve: Serving, browser: Tabs):
    """Another tab lies in front for a while, then the page's script stands still: each time it ends on the last."""
    app = console()
    url = await serve(app)
    back = await browser.open(url)
    await back.locator("#graph .main-svg").first.wait_for()
    front = await browser.open("about:blank", context=back.context)
    with pushing(app) as count:
        await front.bring_to_front()
        await eventually(lambda: count[0] > 50)
        session = await back.context.new_cdp_session(back)
        await session.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
        await session.send("Page.setWebLifecycleState", {"state": "frozen"})
        frozen_at = count[0]
        await eventually(lambda: count[0] > frozen_at + 100)
        await session.send("Page.setWebLifecycleState", {"state": "active"})
        await back.bring_to_front()
        came_back = count[0]
        await eventually(lambda: count[0] > came_back + 20)
    last = count[0]
    await expect(back.locator("#a")).to_have_text(str(last))
    await expect(back.locator("#b")).to_have_text(str(last))
    window = list(range(last - 49, last + 1))
    await eventually(lambda: _equals(back, [window, [-n for n in window]]), 10)
    await shows(back, "camera", 64, (last % 200, 0, 0))
    await session.detach()
    await asyncio.to_thread(app.push_mods, {"a": {"children": "still there"}})
    await expect(back.locator("#a")).to_have_text("still there")


async def test_a_new_figure_takes_the_place_of_points_that_wait(serve: Serving, browser: Tabs):
    """Points that the page has not drawn yet belong to the figure before, and are not drawn into the new one."""
    app = console()
    url = await serve(app)
    page = await browser.open(url)
    await page.locator("#graph .main-svg").first.wait_for()
    for n in range(30):
        app.stream("graph", [n], [n])
        if n % 3 == 2:
            app.push_mods({"graph": {"figure": {"data": [{"x": [n], "y": [100 * n]}]}}})
    app.push_mods({"a": {"children": "done"}})
    await expect(page.locator("#a")).to_have_text("done")
    await eventually(lambda: _equals(page, [[2900]]), 10)
    app.stream("graph", [99], [99])
    await eventually(lambda: _equals(page, [[2900, 99]]), 10)


async def test_components_that_take_the_place_of_others_show_the_last_image(serve: Serving, browser: Tabs):
    """A callback that renders its part anew leaves no blank camera until the next frame comes."""
    app = Dash(__name__)

    def screens(title: str) -> list[object]:
        return [html.B(title, id="title"), html.Img(id="camera"), html.Canvas(id="raw")]

    app.layout = html.Div(screens("first"), id="place")
    page = await browser.open(await serve(app))
    await expect(page.locator("#title")).to_have_text("first")
    app.push_frame("camera", picture((200, 40, 40)))
    app.push_frame("raw", picture((10, 100, 250), 32), "raw")
    await shows(page, "camera", 64, (200, 40, 40))
    await shows(page, "raw", 32, (10, 100, 250))
    app.push_mods({"place": {"children": [html.P("above"), *screens("second")]}})
    await expect(page.locator("#title")).to_have_text("second")
    await shows(page, "camera", 64, (200, 40, 40))
    await shows(page, "raw", 32, (10, 100, 250))
