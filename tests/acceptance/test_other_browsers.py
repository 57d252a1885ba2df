"""The same pages in Firefox and WebKit: a smoke test of what each page does. `make browsers` runs it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator

import numpy as np
import pytest

from dash_devices_nb import Dash, Input, Output, callback_context, dcc, html
from dash_devices_nb.testing import Tab
from tests.support.device import CONSOLE, DEVICE
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter
from tests.support.other_browsers import ERRORS, OtherBrowser, OtherTab, firefox, webkit
from tests.support.serving import Serving
from tests.support.tcp import network

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

THUMB = ".dash-slider-thumb"
VALUE = "value => document.querySelector('.dash-slider-thumb')?.getAttribute('aria-valuenow') === value"
PIXEL = """id => {
    const node = document.getElementById(id), canvas = document.createElement('canvas');
    const [width, height] = [node?.naturalWidth ?? node?.width, node?.naturalHeight ?? node?.height];
    if (!width) return null;
    Object.assign(canvas, {width, height});
    canvas.getContext('2d').drawImage(node, 0, 0);
    return [width, ...canvas.getContext('2d').getImageData(width >> 1, height >> 1, 1, 1).data];
}"""
TRACE = "() => Array.from(document.querySelector('#graph .js-plotly-plot')?.data?.[0]?.y ?? [])"
BAR = (
    "() => document.getElementById('_dash-devices-notices')?.shadowRoot?.querySelector('.bar.shown')?.textContent ?? ''"
)
OUTPUT = "number => document.querySelectorAll('.jp-Cell')[number]?.querySelector('.jp-OutputArea')?.innerText ?? ''"
INSIDE = """text => {
    const frame = document.querySelector('.jp-OutputArea iframe')?.contentDocument;
    return frame?.querySelector('#shown')?.textContent === text;
}"""
IDLE = """() => {
    const shell = window.jupyterapp?.shell;
    const panel = [...(shell?.widgets('main') ?? [])].find(widget => widget.sessionContext);
    if (panel && shell.currentWidget !== panel) shell.activateById(panel.id);
    return shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle';
}"""
PAUSE = """() => {
    const all = [...document.querySelectorAll('.jp-OutputArea button')];
    const button = all.find(each => each.innerText.trim() === 'Pause');
    if (button) button.id = 'pause-button';
    return Boolean(button);
}"""


@pytest.fixture(scope="module", params=[firefox, webkit], ids=["firefox", "webkit"])
async def other(request: pytest.FixtureRequest) -> AsyncIterator[OtherBrowser]:
    """Each of the two browsers."""
    async with request.param() as browser:
        yield browser


@pytest.fixture
async def tabs(other: OtherBrowser, serve: Serving) -> AsyncIterator[OtherBrowser]:
    """The browser; its tabs are closed before the apps stop."""
    yield other
    await other.close_tabs()


def bench() -> Dash:
    """A page with a shared slider, pictures, a graph and a text; its errors are in `window.errors`."""
    app = Dash("bench")
    app.index_string = app.index_string.replace("{%metas%}", ERRORS + "{%metas%}")
    app.layout = html.Div(
        [
            dcc.Slider(0, 30, 1, id="target", value=20),
            html.Div(id="shown"),
            html.Div(id="text"),
            html.Button("go", id="go"),
            html.Div(id="own"),
            html.Img(id="camera"),
            html.Canvas(id="raw"),
            dcc.Graph(id="graph", figure={"data": [{"x": [], "y": []}]}),
        ]
    )

    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        return f"target {target}"

    @app.callback(Output("own", "children"), Input("go", "n_clicks"), prevent_initial_call=True)
    def own(n_clicks):
        return f"clicked {n_clicks} by {callback_context.client.address}"

    return app


async def no_errors(*pages: OtherTab) -> None:
    """Neither page has reported an error."""
    for page in pages:
        assert await page.evaluate("() => window.errors") == []


async def test_a_slider_in_two_pages(serve: Serving, tabs: OtherBrowser) -> None:
    """Real keys move it in one, the other follows, its callback's output is in both, and a late page agrees."""
    url = await serve(bench())
    first, second = await tabs.open(url), await tabs.open(url)
    for page in (first, second):
        await page.shows("#shown", "target 20")
    await first.press(THUMB, "ArrowRight", "ArrowRight")
    for page in (first, second):
        await page.shows("#shown", "target 22")
        await page.until(VALUE, "22")
    await second.press(THUMB, "ArrowLeft")
    for page in (first, second, await tabs.open(url)):
        await page.shows("#shown", "target 21")
        await page.until(VALUE, "21")
    await first.click("#go")
    await first.shows("#own", "clicked 1 by 127.0.0.1")
    assert await second.evaluate("() => document.querySelector('#own').textContent") == ""
    await no_errors(first, second)


async def test_frames_and_streams(serve: Serving, tabs: OtherBrowser) -> None:
    """Encoded images, raw pixels and points, as a device pushes them; the last is shown, for who comes later too."""
    app = bench()
    url = await serve(app)
    first = await tabs.open(url)
    await first.until("() => document.querySelector('#graph .main-svg') !== null")
    count = 100

    def push() -> None:
        for n in range(count):
            app.push_frame("camera", np.full((48, 64, 3), (n, 200, 0), np.uint8))
            app.push_frame("raw", np.full((32, 32, 3), (0, n, 200), np.uint8), "raw")
            app.stream("graph", [n], [n * n], max_points=20)
            app.push_mods({"text": {"children": f"pushed {n}"}})

    thread = threading.Thread(target=push)
    thread.start()
    try:
        for page in (first, await tabs.open(url)):
            await page.shows("#text", f"pushed {count - 1}")
            await eventually(lambda page=page: _near(page, "camera", 64, (count - 1, 200, 0)))
            await eventually(lambda page=page: _near(page, "raw", 32, (0, count - 1, 200)))
            window = [n * n for n in range(count - 20, count)]
            await eventually(lambda page=page, window=window: _equals(page, window))
            await no_errors(page)
    finally:
        thread.join()


async def _near(page: OtherTab, place: str, width: int, colour: tuple[int, int, int]) -> bool:
    seen = await page.evaluate(PIXEL, place)
    return bool(seen) and seen[0] == width and all(abs(a - b) < 8 for a, b in zip(seen[1:4], colour, strict=True))


async def _equals(page: OtherTab, points: list[int]) -> bool:
    return bool(await page.evaluate(TRACE) == points)


async def test_a_video_or_its_pictures(serve: Serving, tabs: OtherBrowser) -> None:
    """H.264 where the browser decodes it, else JPEG: either way the picture is on the page."""
    app = bench()
    page = await tabs.open(await serve(app))
    await page.shows("#shown", "target 20")
    stop = threading.Event()

    def push() -> None:
        while not stop.wait(0.05):
            app.push_video("raw", np.full((90, 160, 3), (200, 100, 0), np.uint8))

    thread = threading.Thread(target=push)
    thread.start()
    try:
        await eventually(lambda: _near(page, "raw", 160, (200, 100, 0)), 30)
    finally:
        stop.set()
        thread.join()
    await no_errors(page)


async def test_a_lost_connection(serve: Serving, tabs: OtherBrowser) -> None:
    """The page says so, comes back by itself, sends what was done meanwhile, and shows what others did."""
    app = bench()
    url = await serve(app)
    async with network(url) as net:
        away, witness = await tabs.open(net.url), await tabs.open(url)
        for page in (away, witness):
            await page.shows("#shown", "target 20")
        net.cut()
        await away.until(f"() => ({BAR})().includes('Offline')")
        await away.press(THUMB, "ArrowRight")
        app.push_mods({"text": {"children": "pushed meanwhile"}})
        net.mend()
        await away.shows("#text", "pushed meanwhile")
        for page in (away, witness):
            await page.shows("#shown", "target 21")
        await away.until(f"() => ({BAR})() === ''")
        await no_errors(witness)


async def test_the_console_in_jupyterlab(tabs: OtherBrowser, jupyter_lab: Jupyter) -> None:
    """It follows what happens on a page, and its buttons work."""
    name = f"{tabs.name}.ipynb"
    jupyter_lab.write_notebook(name, DEVICE, CONSOLE)
    lab = await tabs.open(jupyter_lab.notebook(name))
    await lab.until(IDLE, within=90)
    await lab.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    await lab.until(f"() => ({OUTPUT})(1).includes('Running, 0 pages')", within=60)
    url = (jupyter_lab.root / "url.txt").read_text()
    page = await tabs.open(url)
    await page.shows("#shown", "5")
    await page.press(THUMB, "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight")
    await page.shows("#shown", "4")
    await lab.until(f"() => ({OUTPUT})(1).includes('Running, 1 page')")
    await lab.until(f"() => ({OUTPUT})(1).includes('the target is 25')")
    await lab.until(PAUSE)
    await lab.click("#pause-button")
    await lab.until(f"() => ({OUTPUT})(1).includes('Paused, 0 waiting')")
    async with Tab(url) as tab:
        await tab.act("target", "value", 5)
        await lab.until(f"() => ({OUTPUT})(1).includes('Paused, 1 waiting')")


async def test_a_page_below_a_cell(tabs: OtherBrowser, jupyter_lab: Jupyter) -> None:
    """Through Jupyter, in its frame: what is done in a page of its own shows there."""
    name = f"inline-{tabs.name}.ipynb"
    shown = DEVICE.replace('port=0, jupyter_mode="_none", auth=None', "").replace('"device"', f'"{tabs.name}"')
    jupyter_lab.write_notebook(name, shown)
    lab = await tabs.open(jupyter_lab.notebook(name))
    await lab.until(IDLE, within=90)
    await lab.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    await lab.until(INSIDE, "5", within=60)
    page = await tabs.open(jupyter_lab.address(f"dash-devices/{tabs.name}/"))
    await page.shows("#shown", "5")
    await page.press(THUMB, "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight")
    await page.shows("#shown", "4")
    await lab.until(INSIDE, "4")
