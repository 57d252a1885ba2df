"""Pages behind a proxy that lets no WebSocket pass go on over HTTP, with nothing lost, and say so."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Page, expect

from dash_devices_nb import Dash
from tests.acceptance.test_behind_nginx import AROUND, NGINX
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving
from tests.support.tcp import Network, network

REFUSED = r"WebSocket connection to .* failed|Failed to load resource|ERR_"
SAYS = "No WebSocket passes here"
POINTS = "document.querySelector('#graph .js-plotly-plot')?.data?.[0].x.map(Number) ?? []"
OVER_HTTP = "dashDevices.bridge.socket.overHttp && dashDevices.bridge.socket.greeted"

BENCH = """
from dash_devices_nb import Dash, Input, Output, dcc, html

app = Dash("bench")
app.layout = html.Div([
    dcc.Slider(0, 30, 1, id="target", value=20), html.P(id="shown"), html.P(id="pushed"),
    dcc.Input(id="name", value=""), html.P(id="own"),
    dcc.Graph(id="graph", figure={"data": [{"x": [0], "y": [0]}]}),
])

@app.callback_shared(Output("shown", "children"), Input("target", "value"))
def show(target):
    return f"target {target}"

@app.callback(Output("own", "children"), Input("name", "value"), prevent_initial_call=True)
def own(name):
    return f"own {name}"
"""

COUNT_TRIES = """() => {
    const {socket} = dashDevices.bridge, connect = socket._connect;
    window.tries = 0;
    socket._connect = () => (window.tries++, connect.call(socket));
}"""

Push = Callable[[str], Coroutine[Any, Any, None]]


def bar(page: Page):
    return page.locator("#_dash-devices-notices .bar")


def thumb(page: Page):
    return page.locator(".dash-slider-thumb").first


async def points(page: Page) -> list[int]:
    return list(await page.evaluate(POINTS))


async def all_points(pages: list[Page], count: int) -> None:
    """Each page gets each point once, in order."""

    async def there() -> bool:
        return all([len(await points(page)) >= count + 1 for page in pages])

    await eventually(there, 30)
    for page in pages:
        assert await points(page) == list(range(count + 1))


async def pages_share_everything(pages: list[Page], run: Push, net: Network) -> None:
    """Two pages over HTTP: a slider both ways, a push, a regular callback, points, and a loss of the connection."""
    one, other = pages
    for page in pages:
        await expect(page.locator("#shown")).to_have_text("target 20")
        await expect(bar(page)).to_contain_text(SAYS)
        await page.wait_for_function(OVER_HTTP)
    await thumb(one).press("ArrowRight")
    await expect(other.locator("#shown")).to_have_text("target 21")
    await expect(thumb(other)).to_have_attribute("aria-valuenow", "21")
    await thumb(other).press("ArrowLeft")
    await thumb(other).press("ArrowLeft")
    await expect(one.locator("#shown")).to_have_text("target 19")
    await expect(thumb(one)).to_have_attribute("aria-valuenow", "19")
    await run("app.push_mods({'pushed': {'children': 'pushed'}})")
    await one.locator("#name").fill("x")
    await expect(one.locator("#own")).to_have_text("own x")
    for page in pages:
        await expect(page.locator("#pushed")).to_have_text("pushed")

    streamed = asyncio.create_task(run(STREAM))

    async def some(count: int) -> bool:
        return len(await points(one)) > count

    await eventually(lambda: some(5), 20)
    net.cut()
    await expect(bar(one)).to_contain_text("Offline")
    await thumb(one).press("ArrowRight")
    net.mend()
    await expect(other.locator("#shown")).to_have_text("target 20")
    await eventually(lambda: some(20), 20)
    await streamed
    await all_points(pages, STREAMED)
    for page in pages:
        await expect(bar(page)).to_contain_text(SAYS)
        await expect(page.locator("#shown")).to_have_text("target 20")
    assert len(await points(one)) == STREAMED + 1


STREAMED = 80
STREAM = f"""
import time
for n in range(1, {STREAMED} + 1):
    app.push_mods({{"graph": {{"extendData": [{{"x": [[n]], "y": [[n % 7]]}}, [0]]}}}})
    time.sleep(0.05)
"""


@pytest.fixture
def bench() -> Dash:
    """The app, in this process."""
    place: dict[str, Any] = {}
    exec(BENCH, place)
    app: Dash = place["app"]
    return app


def runs(app: Dash) -> Push:
    """Runs a text of the program in a thread, as its own threads do."""

    async def run(text: str) -> None:
        await asyncio.to_thread(exec, text, {"app": app})

    return run


@pytest.mark.parametrize("status", [400, 502])
async def test_pages_go_on_over_http(serve: Serving, browser: Tabs, bench: Dash, status: int):
    """After two tries of the WebSocket, and none later."""
    browser.allow_errors(REFUSED)
    async with network(await serve(bench)) as net:
        net.refuses = status
        pages = [await browser.open(net.url) for _ in range(2)]
        await pages_share_everything(pages, runs(bench), net)
        assert net.refused == 4
        assert len(bench.clients) == 2
        for page in pages:
            await page.close()
        await eventually(lambda: not bench.clients)


async def test_a_reload_goes_back_to_the_websocket(serve: Serving, browser: Tabs, bench: Dash):
    """Once it passes; a page in German says in German what it does until then."""
    browser.allow_errors(REFUSED)
    async with network(await serve(bench)) as net:
        net.refuses = 400
        page = await browser.open(net.url, locale="de-DE")
        said = "Hier kommt kein WebSocket durch: Diese Seite läuft über HTTP weiter, langsamer"
        await expect(bar(page)).to_have_text(said)
        net.refuses = None
        await page.reload()
        await expect(page.locator("#shown")).to_have_text("target 20")
        await expect(bar(page)).not_to_be_visible()
        assert await page.evaluate("dashDevices.bridge.socket.greeted && !dashDevices.bridge.socket.overHttp")
        await page.close()


async def test_an_app_that_is_away_makes_no_page_go_over_http(serve: Serving, browser: Tabs, bench: Dash):
    """However often it is tried: a WebSocket that fails while nothing passes says nothing of WebSockets."""
    browser.allow_errors(REFUSED)
    async with network(await serve(bench)) as net:
        page = await browser.open(net.url)
        await expect(page.locator("#shown")).to_have_text("target 20")
        await all_points([page], 0)  # its libraries are loaded
        before = net.connections
        net.cut()
        await expect(bar(page)).to_contain_text("Offline")
        await page.evaluate(COUNT_TRIES)

        async def tried() -> bool:
            return bool(await page.evaluate("window.tries > 3"))

        await eventually(tried, 30)
        net.mend()
        await expect(bar(page)).not_to_be_visible(timeout=20_000)
        assert await page.evaluate("dashDevices.bridge.socket.greeted && !dashDevices.bridge.socket.overHttp")
        assert net.connections > before
        await page.close()


async def test_a_guest_over_http_is_told_when_the_link_ends(serve: Serving, browser: Tabs, bench: Dash):
    """The page is closed with the reason, and its controls are off."""
    browser.allow_errors(REFUSED)
    async with network(await serve(bench)) as net:
        net.refuses = 400
        share = bench.share("control")
        page = await browser.open(f"{net.url}?share={share.url.partition('share=')[2]}")
        await expect(page.locator("#shown")).to_have_text("target 20")
        await thumb(page).press("ArrowRight")
        await expect(page.locator("#shown")).to_have_text("target 21")
        await expect(bar(page)).to_contain_text(SAYS)
        share.revoke()
        await expect(bar(page)).to_contain_text("This share link was revoked")
        await eventually(lambda: not bench.clients)
        await page.close()


@pytest.mark.skipif(NGINX is None, reason="there is no nginx")
async def test_pages_behind_nginx_as_it_comes(serve: Serving, browser: Tabs, bench: Dash, short_directory: Path):
    """It passes no upgrade and buffers answers: the page goes on over HTTP."""
    browser.allow_errors(REFUSED)
    async with network(await serve(bench)) as net:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        here = f"proxy_set_header Host $http_host; proxy_pass http://127.0.0.1:{urlsplit(net.url).port};"
        config = f"server {{ listen 127.0.0.1:{port}; location / {{ {here} }} }}"
        short_directory.chmod(0o755)
        (short_directory / "nginx.conf").write_text(AROUND.format(home=short_directory, config=config))
        log = str(short_directory / "error.log")
        nginx = subprocess.Popen([str(NGINX), "-p", str(short_directory), "-c", "nginx.conf", "-e", log])
        url = f"http://127.0.0.1:{port}/"

        async def answers() -> bool:
            async with httpx.AsyncClient() as client:
                try:
                    return (await client.get(url)).status_code == 200
                except httpx.TransportError:
                    return False

        try:
            await eventually(answers, 15)
            pages = [await browser.open(url) for _ in range(2)]
            await pages_share_everything(pages, runs(bench), net)
            for page in pages:
                await page.close()
        finally:
            nginx.terminate()
            nginx.wait(10)
