"""An app that is published to a real NATS server, and relays of it."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.errors import RunError
from tests.relay.conftest import COMMAND, StartBroker, StartRelay, at
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.processes import ScriptRunner
from tests.support.serving import Serving

POINTS = "document.querySelector('#graph .js-plotly-plot')?.data?.[0].x.map(Number)"


def make_app() -> Dash:
    app = Dash("bench")
    app.layout = html.Div(
        [
            dcc.Input(id="target", value="20"),
            html.P(id="shown"),
            dcc.Input(id="own", value="a"),
            html.P(id="echo"),
            dcc.Graph(id="graph", figure={"data": [{"x": [0], "y": [0]}]}),
            html.P(id="long"),
        ]
    )
    app.callback_shared(Output("shown", "children"), Input("target", "value"))(lambda target: f"at {target}")
    app.callback(Output("echo", "children"), Input("own", "value"))(lambda value: f"echo {value}")
    return app


async def test_pages_by_nats(serve: Serving, browser: Tabs, relay: StartRelay, broker: StartBroker, port: int):
    """Looking on, acting and revoking, with frames and files larger than a message; the broker dies and comes back."""
    browser.allow_errors("ERR_|WebSocket connection|Failed to load")
    app = make_app()
    published = app.publish(f"nats://127.0.0.1:{port}")
    url = await serve(app)
    program = await relay(f"nats://127.0.0.1:{port}/bench")
    await eventually(lambda: "does not answer" in published.problem, 10)
    server = await broker()
    await eventually(lambda: not published.problem, 10)
    view, control = [await asyncio.to_thread(app.share, role) for role in ("view", "control")]
    here = await browser.open(url)
    onlooker, pilot = [await browser.open(at(program, each.url)) for each in (view, control)]
    pages = (here, onlooker, pilot)
    for page in pages:
        await expect(page.locator("#shown")).to_have_text("at 20", timeout=20_000)
        await expect(page.locator("#echo")).to_have_text("echo a", timeout=20_000)
    await pilot.fill("#target", "21")
    await expect(here.locator("#shown")).to_have_text("at 21")  # else it may be said again, and come after 22
    long = "x" * 40_000
    await asyncio.to_thread(app.push_mods, {"long": {"children": long}})
    for n in (1, 2):
        await asyncio.to_thread(app.push_mods, {"graph": {"extendData": [{"x": [[n]], "y": [[n]]}, [0]]}})
    await server.stop()
    for n in (3, 4):
        await asyncio.to_thread(app.push_mods, {"graph": {"extendData": [{"x": [[n]], "y": [[n]]}, [0]]}})
    await here.fill("#target", "22")
    server = await broker()
    await asyncio.to_thread(app.push_mods, {"graph": {"extendData": [{"x": [[5]], "y": [[5]]}, [0]]}})
    for page in pages:
        await expect(page.locator("#shown")).to_have_text("at 22", timeout=20_000)
        await expect(page.locator("#long")).to_have_text(long)
        await eventually(lambda page=page: _is(page, list(range(6))), 20)
    await pilot.fill("#target", "23")
    for page in pages:
        await expect(page.locator("#shown")).to_have_text("at 23", timeout=20_000)
    await eventually(lambda: published.pages == 1, 10)
    for share, page in ((view, onlooker), (control, pilot)):
        await asyncio.to_thread(share.revoke)
        await expect(page.get_by_role("status")).to_contain_text("This share link was revoked", timeout=10_000)


async def _is(page, points: list[int]) -> bool:
    return await page.evaluate(POINTS) == points


async def test_what_is_wrong_is_said(serve: Serving, script: ScriptRunner, broker: StartBroker, port: int):
    """Two kernels with one name, no kernel, an address without a name or of something else, a name that is none."""
    app, other = make_app(), make_app()
    with pytest.raises(RunError, match="begins with nats://"):
        app.publish("http://127.0.0.1/")
    await broker()
    await serve(app)
    first = app.publish(f"nats://127.0.0.1:{port}")
    relay = await script(COMMAND, "relay", f"nats://127.0.0.1:{port}/other", "--port", "0", url=None)
    await relay.printed("No app is published at nats://127.0.0.1:[0-9]+/other now.")
    await serve(other)
    second = other.publish(f"nats://127.0.0.1:{port}")
    await eventually(lambda: "Another kernel publishes 'bench' at nats://" in second.problem, 15)
    await eventually(lambda: first.problem == "", 10)
    program = await script(COMMAND, "relay", f"nats://127.0.0.1:{port}", "--port", "0", url=None)
    assert await program.wait(30) == 1
    assert "names no app; an address is nats://HOST:PORT/APP" in program.output
