"""dash.pages and the dev tools, over the WebSocket and over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.processes import ScriptRunner

PROGRAMS = Path(__file__).parents[1] / "programs"
DEBUGGED = """
    import os, sys
    from dash_devices_nb import Dash, Input, Output, Services, html
    service = Services.PUSHER_ALL if sys.argv[1] == "socket" else Services.NORMAL
    app = Dash("debugged", server_service=service, assets_folder=os.environ["ASSETS"])
    app.layout = html.Div([html.Button(name, id=name) for name in ("raise", "share", "fine")] + [
        html.Div(id=f"{name}-out") for name in ("raise", "share", "fine")])

    @app.callback(Output("raise-out", "children"), Input("raise", "n_clicks"), prevent_initial_call=True)
    def broken(n_clicks):
        raise RuntimeError(f"valve {n_clicks} is stuck")

    @app.callback_shared(Output("share-out", "children"), Input("share", "n_clicks"))
    def shared(n_clicks):
        if n_clicks:
            raise RuntimeError(f"pump {n_clicks} is dry")
        return "ready"

    @app.callback(Output("fine-out", "children"), Input("fine", "n_clicks"))
    def fine(n_clicks):
        return f"fine {n_clicks}"

    seconds = {"dev_tools_hot_reload_interval": 0.2, "dev_tools_hot_reload_watch_interval": 0.2}
    app.run(port=0, auth=None, debug=True, dev_tools_disable_version_check=True, **seconds)
"""


async def test_pages(script: ScriptRunner, browser: Tabs):
    """Links, deep links, path templates, queries, titles and the callbacks of pages are those of stock Dash."""
    kinds = ("stock", "socket", "http")
    programs = await asyncio.gather(*(script(PROGRAMS / "pages.py", kind) for kind in kinds))

    async def drive(kind: str, url: str) -> list[str]:
        page = await browser.open(url)
        await expect(page.locator("#counted")).to_have_text("counted None")
        await expect(page).to_have_title("The home")
        await page.locator("#count").click()
        await expect(page.locator("#counted")).to_have_text("counted 1")
        await page.locator("#to-settings").click()
        await expect(page.locator("#set")).to_have_text("gain 2")
        await expect(page).to_have_title("The settings")
        await expect(page.locator("#where")).to_have_text("at /settings/a?gain=2")
        await page.locator("#gain").fill("3")
        await expect(page.locator("#set")).to_have_text("gain 3")
        shown = [await page.locator("#react-entry-point").inner_html()]
        await page.go_back()
        await expect(page.locator("#counted")).to_have_text("counted None")
        await page.goto(f"{url}settings/b")
        await expect(page.locator("h2")).to_have_text("settings of b")
        await expect(page.locator("#set")).to_have_text("gain 1")
        return [*shown, await page.locator("#react-entry-point").inner_html()]

    shown = await asyncio.gather(
        *(drive(kind, re.sub(r"/*$", "/", p.url)) for kind, p in zip(kinds, programs, strict=True))
    )
    assert shown[1] == shown[0]
    assert shown[2] == shown[0]


@pytest.mark.parametrize("kind", ["socket", "http"])
async def test_dev_tools(kind: str, script: ScriptRunner, browser: Tabs, tmp_path: Path):
    """With debug=True errors show in Dash's dev tools with their traceback, and a changed stylesheet is taken over."""
    browser.allow_errors("valve 1 is stuck", "pump 1 is dry", "Callback error", "500", "broken", "shared")
    (tmp_path / "style.css").write_text("#fine-out { color: rgb(1, 1, 1); }")
    program = await script(DEBUGGED, kind, env={"ASSETS": str(tmp_path)})
    page = await browser.open()
    requests, sent = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(json.loads(frame))))
    await page.goto(program.url)
    await expect(page.locator("#fine-out")).to_have_text("fine None")
    await expect(page.locator("#fine-out")).to_have_css("color", "rgb(1, 1, 1)")

    await page.locator("#raise").click()
    await expect(page.get_by_text("Callback error updating raise-out.children").first).to_be_visible()
    await page.get_by_text("Callback error updating raise-out.children").first.click()
    traceback = page.frame_locator("iframe").first.locator("body")
    await expect(traceback).to_contain_text("valve 1 is stuck")
    await page.locator("#share").click()
    await expect(page.get_by_text("shared failed").first).to_be_visible()
    await page.locator("#fine").click()
    await expect(page.locator("#fine-out")).to_have_text("fine 1")

    def hashes() -> int:
        asked = [frame for frame in sent if frame["t"] == "req" and frame["path"] == "_reload-hash"]
        fetched = [url for url in requests if "_reload-hash" in url]
        assert not (fetched if kind == "socket" else asked)
        return len(asked) + len(fetched)

    await eventually(lambda: hashes() >= 2)
    (tmp_path / "style.css").write_text("#fine-out { color: rgb(2, 2, 2); }")
    await expect(page.locator("#fine-out")).to_have_css("color", "rgb(2, 2, 2)", timeout=10_000)
    await expect(page.locator("#fine-out")).to_have_text("fine 1")


# The hash is that of the files. With another one, Dash would load the layout once more, and drop the click.
GOES = """
    import os
    import dash.dash
    from dash_devices_nb import Dash, Input, Output, html
    dash.dash.generate_hash = lambda: "the same files"
    app = Dash("goes")
    app.layout = html.Div([html.Button("go", id="go"), html.Div(id="out")])

    @app.callback(Output("out", "children"), Input("go", "n_clicks"))
    def show(n_clicks):
        return f"{n_clicks} clicks"

    tools = {"dev_tools_hot_reload_interval": 0.2, "dev_tools_disable_version_check": True}
    app.run(port=int(os.environ["GOES_PORT"]), auth=None, debug=True, **tools)
"""


async def test_the_dev_tools_say_when_the_server_is_gone(script: ScriptRunner, browser: Tabs):
    """Their menu says so, and that a callback has no answer; with the server back both are well, the click as well."""
    browser.allow_errors("WebSocket connection to", "Failed to load resource", "fetch error", "did not respond")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    program = await script(GOES, env={"GOES_PORT": port})
    page = await browser.open(program.url)
    await expect(page.locator("#out")).to_have_text("None clicks")
    available = page.locator(".dash-debug-menu__button--available")
    await expect(available).to_have_count(1)

    program.interrupt()
    await program.wait()
    await expect(page.locator(".dash-debug-menu__button--unavailable")).to_have_count(1, timeout=10_000)
    assert await page.locator(".dash-fe-error__title").count() == 0
    await page.locator("#go").click()
    title = page.locator(".dash-fe-error__title").first
    await expect(title).to_have_text("Callback failed: the server did not respond.", timeout=10_000)

    await script(GOES, env={"GOES_PORT": port})
    await expect(page.locator("#out")).to_have_text("1 clicks", timeout=20_000)
    await expect(available).to_have_count(1)
