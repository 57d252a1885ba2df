"""`kill -9` of a relay, of the app and of the broker, while the device pushes and people act."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.relay.conftest import StartBroker, StartRelay, at
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.processes import Process, ScriptRunner
from tests.support.tcp import free_port

BENCH = """
import sys, threading, time
from dash_devices_nb import Dash, Input, Output, dcc, html

app = Dash("bench")
app.layout = html.Div([
    dcc.Input(id="target", value="20"), html.P(id="shown"),
    dcc.Checklist(["run"], ["run"], id="run"), html.P(id="runs"),
    dcc.Graph(id="graph", figure={"data": [{"x": [0], "y": [0]}]}),
])
runs = threading.Event()

@app.callback_shared(Output("shown", "children"), Input("target", "value"))
def show(target):
    return f"at {target}"

@app.callback_shared(Output("runs", "children"), Input("run", "value"))
def run(value):
    runs.set() if value else runs.clear()
    return f"runs {bool(value)}"

def push():
    while app.url is None:
        time.sleep(0.05)
    links = app.shares or [app.share("view"), app.share("control")]
    print("links", *(each.url for each in links), app.url, "end", flush=True)
    if len(sys.argv) > 2:
        app.publish(sys.argv[2])
    n = 0
    while runs.wait():
        n += 1
        app.push_mods({"graph": {"extendData": [{"x": [[n]], "y": [[n % 7]]}, [0]]}})
        time.sleep(0.05)

threading.Thread(target=push, daemon=True).start()
app.run(port=int(sys.argv[1]))
"""
POINTS = "document.querySelector('#graph .js-plotly-plot')?.data?.[0].x.map(Number)"
LOST = r"WebSocket connection to .* failed|ERR_|Failed to load resource"


async def points(page: Page) -> list[int]:
    return await page.evaluate(POINTS) or []


async def all_equal(pages: list[Page], acting: Page) -> None:
    """The device stops; every page then has each point once, in order."""
    await acting.locator("#run input").uncheck()
    for page in pages:
        await expect(page.locator("#runs")).to_have_text("runs False", timeout=20_000)

    async def same() -> bool:
        lists = [await points(page) for page in pages]
        return all(each == list(range(len(lists[0]))) for each in lists)

    await eventually(same, 20)


async def more(page: Page, than: int = 5) -> None:
    """The page gets so many more points."""
    before = len(await points(page))

    async def grown() -> bool:
        return len(await points(page)) >= before + than

    await eventually(grown, 30)


def kill(program: Process) -> None:
    os.kill(program.pid, signal.SIGKILL)


@pytest.mark.long
async def test_pages_end_equal(
    script: ScriptRunner, browser: Tabs, relay: StartRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """No point is missing or doubled, and no change that was made meanwhile is lost."""
    browser.allow_errors(LOST)
    for name in ("DATA", "RUNTIME"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / name))
    port, relay_port = free_port(), free_port()
    app = await script(BENCH, str(port), url=None)
    found = await app.printed(r"links (\S+) (\S+) (\S+) end")
    view, control, owner = found.groups()
    program = await relay(owner, port=relay_port)
    here = await browser.open(control)
    onlooker, pilot = [await browser.open(at(program, each)) for each in (view, control)]
    pages = [here, onlooker, pilot]
    for page in pages:
        await more(page)
    await pilot.fill("#target", "21")
    kill(program)
    await pilot.fill("#target", "22")
    await more(here)
    await expect(here.locator("#target")).to_have_value("21")
    program = await relay(owner, port=relay_port)
    for page in (onlooker, pilot):
        await more(page)
    for page in pages:
        await expect(page.locator("#shown")).to_have_text("at 22", timeout=20_000)
    await all_equal(pages, pilot)

    await pilot.locator("#run input").check()
    for page in pages:
        await more(page)
    before = len(await points(onlooker))
    kill(app)
    await asyncio.gather(*(page.fill("#target", "30") for page in (here, pilot)))
    assert len(await points(onlooker)) >= before, "what a page had stays"
    late = asyncio.create_task(browser.open(at(program, view)))
    app = await script(BENCH, str(port), url=None)
    await app.printed("links")
    pages.append(await late)
    for page in pages:
        await more(page)
    await pilot.fill("#target", "31")
    for page in pages:
        await expect(page.locator("#shown")).to_have_text("at 31", timeout=20_000)
    await all_equal(pages, pilot)


@pytest.mark.long
async def test_pages_end_equal_though_the_broker_dies(
    script: ScriptRunner,
    browser: Tabs,
    relay: StartRelay,
    broker: StartBroker,
    port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """Twice, with changes at app and relay while it is away: none is lost, and no point missing or doubled."""
    browser.allow_errors(LOST)
    for name in ("DATA", "RUNTIME"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / name))
    server = await broker()
    place = f"nats://127.0.0.1:{port}"
    app = await script(BENCH, str(free_port()), place, url=None)
    view, control, _ = (await app.printed(r"links (\S+) (\S+) (\S+) end")).groups()
    program = await relay(f"{place}/bench")
    here = await browser.open(control)
    onlooker, pilot = [await browser.open(at(program, each)) for each in (view, control)]
    pages = [here, onlooker, pilot]
    for page in pages:
        await more(page)
    for number in (21, 31):
        kill(server)
        await pilot.fill("#target", f"{number}")
        await more(here)
        assert await here.input_value("#target") != f"{number}"
        server = await broker()
        for page in pages:
            await expect(page.locator("#shown")).to_have_text(f"at {number}", timeout=20_000)
            await more(page)
        kill(server)
        await here.fill("#target", f"{number + 1}")
        await more(here)
        server = await broker()
        for page in pages:
            await expect(page.locator("#shown")).to_have_text(f"at {number + 1}", timeout=20_000)
            await more(page)
    await all_equal(pages, pilot)
