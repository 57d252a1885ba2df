"""Regular and clientside callbacks do in our pages, over the WebSocket and over HTTP, what they do on stock Dash.

The same program is driven on all three in the same way; the pages must show the same, and each of its functions must
be called as often.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.processes import ScriptRunner

PROGRAM = Path(__file__).parents[1] / "programs" / "features.py"
KINDS = ("stock", "socket", "http")
IDLE = """() => {
    const {callbacks, isLoading} = window.dash_stores[0].getState();
    const kinds = ['requested', 'prioritized', 'blocked', 'executing', 'watched', 'executed', 'stored'];
    return !isLoading && kinds.every(kind => callbacks[kind].length === 0);
}"""


@dataclass
class Variant:
    """The program on one of the three."""

    kind: str
    url: str
    page: Page
    tabs: Tabs

    def at(self, name: str):
        return self.page.locator(name if name.startswith("[") else f"#{name}")

    async def shows(self, texts: dict[str, str | re.Pattern[str]]) -> None:
        for name, text in texts.items():
            await expect(self.at(name), f"{name} on {self.kind}").to_have_text(text)

    async def calls(self) -> dict[str, int]:
        return await (await self.page.request.get(f"{self.url}calls")).json()

    async def idle(self) -> None:
        await self.page.wait_for_function(IDLE)


@pytest.fixture(scope="module")
async def variants(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Variant]]:
    runner = ScriptRunner(tmp_path_factory.mktemp("features"))
    try:
        scripts = await asyncio.gather(*(runner(PROGRAM, kind) for kind in KINDS))
        opened = []
        for kind, program in zip(KINDS, scripts, strict=True):
            tabs = Tabs(chromium)
            url = re.sub(r"/*$", "/", program.url)
            opened.append(Variant(kind, url, await tabs.open(url), tabs))
        for variant in opened:
            await variant.shows({"i-a": re.compile("^a None"), "n-end": "left r right r"})
            await variant.idle()
        yield opened
        for variant in opened:
            await variant.tabs.close()
    finally:
        await runner.stop()


Drive = Callable[[Variant], Awaitable[None]]


async def compared(variants: list[Variant], section: str, drive: Drive) -> None:
    """Drive a section on all; what it shows in the end, and how often what was called, must be the same."""
    before = [await variant.calls() for variant in variants]
    await asyncio.gather(*(drive(variant) for variant in variants))
    results = []
    for variant, earlier in zip(variants, before, strict=True):
        await variant.idle()
        calls = await variant.calls()
        delta = {name: calls[name] - earlier.get(name, 0) for name in calls if calls[name] != earlier.get(name, 0)}
        html = await variant.at(section).inner_html()
        results.append((delta, html))
        errors, variant.tabs.errors = variant.tabs.errors, []
        assert not errors, f"{variant.kind} reported {errors}"
    stock, *ours = results
    for variant, result in zip(variants[1:], ours, strict=True):
        assert result == stock, f"{variant.kind} differs from stock Dash"


async def test_patterns(variants):
    """MATCH, ALL, ALLSMALLER and outputs with ALL, with components that a Patch brings in."""

    async def drive(v: Variant) -> None:
        await v.shows({"p-all": "[] by null"})
        await v.at("p-add").click()
        await v.shows({"p-all": '[\'v1\'] by {"kind": "field", "n": 1}'})
        await v.at("p-add").click()
        await v.shows({"p-items": "1=v12=v2"})
        await v.page.locator("#p-items input").nth(1).fill("new")
        await v.shows({"p-items": "1=v12=new", "p-all": '[\'v1\', \'new\'] by {"kind": "field", "n": 2}'})
        await v.page.locator("#patterns input[type=number]").nth(0).fill("9")
        await v.at("p-fill").click()
        await expect(v.at("patterns")).to_contain_text(
            re.compile(r"9 after \[\].*1 after \[9\].*2 after \[9, 1\].*x:1y:1")
        )

    await compared(variants, "patterns", drive)


async def test_patch(variants):
    """A Patch of several operations on data and style, and what listens to the data hears the whole value."""

    async def drive(v: Variant) -> None:
        await v.at("q-go").click()
        shown = {"deep": {"x": 11, "y": 2, "z": [1]}, "list": [1, 2, 1, "first"], "new": {"n": 1}}
        await v.shows({"q-shown": json.dumps(shown, sort_keys=True)})
        await expect(v.at("q-style")).to_have_css("color", "rgb(1, 2, 3)")

    await compared(variants, "patches", drive)


async def test_set_props(variants):
    """set_props beside an output, with a dict id, and in a callback without output; what listens hears it."""

    async def drive(v: Variant) -> None:
        await v.at("s-go").click()
        await v.shows({"s-out": "returned 1", "s-other": "set 1", "s-heard": "heard set 1"})
        await expect(v.at("setting")).to_contain_text("dict id")
        await v.at("s-bare").click()
        await v.shows({"s-out": "bare 1"})

    await compared(variants, "setting", drive)


async def test_running(variants):
    """`running` holds while the callback runs, and is over afterwards."""

    async def drive(v: Variant) -> None:
        await v.at("r-go").click()
        await v.shows({"r-state": "busy", "r-heard": "state busy", "r-out": ""})
        await expect(v.at("r-go")).to_be_disabled()
        await v.page.request.get(f"{v.url}release")
        await v.shows({"r-out": "ran 1", "r-state": "idle", "r-heard": "state idle"})
        await expect(v.at("r-go")).to_be_enabled()

    await compared(variants, "running", drive)


async def test_initial_calls_and_duplicates(variants):
    """Initial calls, prevented ones, and outputs that several callbacks share."""

    async def drive(v: Variant) -> None:
        await v.shows({"i-a": re.compile("a None None "), "i-b": "initial duplicate None"})
        await v.at("i-go").click()
        await v.shows({"i-a": re.compile("a 1 i-go"), "i-b": "b 1"})
        await v.at("i-more").click()
        await v.shows({"i-a": "duplicate 1", "i-b": "initial duplicate 1"})

    await compared(variants, "initial", drive)


async def test_groupings(variants):
    """Dict and nested groupings, state, lists, no_update, PreventUpdate and optional inputs."""

    async def drive(v: Variant) -> None:
        await v.shows({"g-sum": "3 V False", "g-x": "x 1", "g-y": "y 2", "g-list": "1,2", "g-optional": "1 None"})
        await v.at("g-in-y").fill("7")
        await v.shows({"g-sum": "8 V False", "g-y": "y 2"})
        await v.at("g-in-x").fill("13")
        await v.shows({"g-list": "13,7", "g-optional": "13 None", "g-sum": "8 V False", "g-x": "x 1"})

    await compared(variants, "groups", drive)


async def test_on_error(variants):
    """`on_error` takes the exception; its result is the callback's, and it may set props."""

    async def drive(v: Variant) -> None:
        await v.at("e-go").click()
        await v.shows({"e-out": "from the handler", "e-note": "ValueError: broken 1"})

    await compared(variants, "errors", drive)


async def test_context_and_cookies(variants):
    """`ctx` tells what triggered and what there is; cookies reach the browser, and the next callback reads them."""

    async def drive(v: Variant) -> None:
        await v.page.get_by_role("button", name="b", exact=True).click()
        await v.shows({"c-out": re.compile(r'^\[\{"kind": "c", "n": 1\}, \[\{"prop_id"')})
        await v.at("c-a").click()
        await v.shows({"c-out": re.compile('^."c-a"')})
        await v.at("c-cookie").click()
        await v.shows({"c-read": re.compile("vanilla1 secret1 /_dash-update-component True")})
        cookies = {cookie["name"]: cookie for cookie in await v.page.context.cookies()}
        assert cookies["flavour"]["value"] == "vanilla1"
        assert cookies["hidden"]["httpOnly"]

    await compared(variants, "contexts", drive)


async def test_components_that_come_and_chains(variants):
    """Components that a callback brings in get regular and clientside initial calls; a diamond's end runs once."""

    async def drive(v: Variant) -> None:
        await v.at("n-go").click()
        await v.shows({"n-out": re.compile("^out f1"), "n-client": "client f1"})
        await v.at("n-root").fill("s")
        await v.shows({"n-end": "left s right s"})

    await compared(variants, "coming", drive)


async def test_clientside(variants):
    """Clientside callbacks: source, named function, promise, several outputs, no_update, set_props, context."""

    async def drive(v: Variant) -> None:
        await v.shows({"b-shout": "TEXT!"})
        await v.at("b-go").click()
        await v.shows({"b-out": "promised 1", "b-who": "b-go", "b-set": "set in the page text"})
        await v.shows({"b-server": "server promised 1, set in the page text"})
        await v.at("b-go").click()
        await v.shows({"b-out": "promised 1", "b-who": "second b-go"})
        await eventually(lambda: v.page.evaluate("window.heard === 'set in the page text'"))

    await compared(variants, "browser_side", drive)


async def test_background(variants):
    """A background callback shows its progress, ends, and can be cancelled."""

    async def drive(v: Variant) -> None:
        await v.at("l-go").click()
        await v.shows({"l-state": "running", "l-progress": re.compile("step")})
        await v.shows({"l-out": "done 1", "l-state": "resting", "l-progress": "no progress"})
        await v.at("l-go").click()
        await v.shows({"l-state": "running", "l-progress": "step 2"})
        await v.at("l-cancel").click()
        await v.shows({"l-state": "resting", "l-out": "done 1"})

    await compared(variants, "background", drive)


async def test_streams(variants):
    """A callback with `websocket=True` sets props while it runs, and asks its page for some."""

    async def drive(v: Variant) -> None:
        await v.at("w-go").click()
        await v.shows({"w-out": "saw c typed", "w-stream": "c typed", "w-heard": "heard from the stream"})

    await compared(variants, "streaming", drive)


async def test_files(variants):
    """Downloads and uploads."""

    async def drive(v: Variant) -> None:
        async with v.page.expect_download() as waiting:
            await v.at("f-go").click()
        download = await waiting.value
        assert download.suggested_filename == "file.txt"
        assert Path(await download.path()).read_text() == "content 1"
        file = {"name": "up.txt", "mimeType": "text/plain", "buffer": b"up!"}
        await v.page.locator("#files input[type=file]").set_input_files(file)
        await v.shows({"f-out": "up.txt data:text/plain;base64,dXAh"})

    await compared(variants, "files", drive)
