"""The ways through Jupyter that Windows and macOS have: a loopback port, and no handing over of the browser's socket.

Both are turned off in a real Jupyter server and its kernel before anything of ours is imported.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.server.conftest import CONFIGURED, REPOSITORY, Visit
from tests.server.test_routes_through_jupyter import Cells
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.jupyter import running_jupyter

WITHOUT = {
    # On Linux Jupyter asks tornado for what it has only with such sockets, and a loop needs a pair of them for itself.
    "tcp": """import socket, tornado.netutil
pair, family = socket.socketpair, socket.AF_UNIX
socket.socketpair = lambda: pair(family)
del socket.AF_UNIX, socket.send_fds, socket.recv_fds""",
    "unix": "import socket; del socket.send_fds, socket.recv_fds",
}
"""What Python runs at its start, by the kind of the endpoint that an app then has."""
APP = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
import gc, socket
import numpy as np
from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.transport.websocket import WebSocket
app = Dash("bench")
app.layout = html.Div(
    [dcc.Input(id="target", value="20"), html.Div(id="shown"), html.Img(id="camera"), html.Div(id="text")]
)
@app.callback_shared(Output("shown", "children"), Input("target", "value"))
def show(target):
    return f"the target is {{target}}"
app.run(jupyter_mode="_none")
"""
WAYS = "sorted({each._handover.name for each in gc.get_objects() if isinstance(each, WebSocket)})"
PUSH = """
for n in range(200):
    app.push_frame("camera", np.full((48, 64, 3), (n, 0, 0), np.uint8))
app.push_mods({"text": {"children": "x" * 1_000_000 + "end"}})
"""


@asynccontextmanager
async def carrying(kind: str, folder: Path) -> AsyncIterator[tuple[Visit, Cells]]:
    """A Jupyter server and a kernel that runs the app, both without what this kind has not."""
    (folder / "sitecustomize.py").write_text(WITHOUT[kind])
    env = {**CONFIGURED, "PYTHONPATH": f"{folder}:{REPOSITORY}"}
    async with (
        running_jupyter("server", env=env, base_url="/lab%20x/") as jupyter,
        httpx.AsyncClient(timeout=60) as http,
    ):
        made = await http.post(f"{jupyter.url}api/kernels", headers=jupyter.headers, json={})
        visit = Visit(jupyter, http, made.raise_for_status().json()["id"])
        cells = Cells(visit)
        await cells.run(APP)
        yield visit, cells
        await cells.run("app.stop()")


async def act(page: Page, value: str) -> None:
    """Type a value, and leave the field."""
    await page.locator("#target").fill(value)
    await page.locator("#target").press("Enter")


@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_pages_through_jupyter(kind: str, browser: Tabs, tmp_path: Path) -> None:
    """An owner's page and a guest's: changes, frames, a value of a megabyte, a restart of the kernel."""
    browser.allow_errors("WebSocket connection to", "Failed to load resource")
    async with carrying(kind, tmp_path) as (visit, cells):
        (path,) = (visit.jupyter.runtime_dir / "dash-devices").glob("bench-*.json")
        endpoint = json.loads(path.read_text())["endpoint"]
        assert endpoint["kind"] == kind
        owner = await browser.open(visit.jupyter.address("dash-devices/bench/"))
        guest = await browser.open(await cells.run("", "app.share('control').url"))
        for page in (owner, guest):
            await expect(page.locator("#shown")).to_have_text("the target is 20")
        assert await cells.run("", WAYS) == ["NONE"]
        await act(guest, "25")
        for page in (owner, guest):
            await expect(page.locator("#shown")).to_have_text("the target is 25")
        await cells.run(PUSH)
        for page in (owner, guest):
            await expect(page.locator("#text")).to_have_text("x" * 1_000_000 + "end")
            await eventually(lambda page=page: page.locator("#camera").evaluate("image => image.naturalWidth == 64"))
        if kind == "tcp":
            await _refuses_strangers(endpoint)
        restarted = await visit.http.post(
            f"{visit.jupyter.url}api/kernels/{visit.kernel_id}/restart", headers=visit.jupyter.headers
        )
        assert restarted.is_success
        await cells.run(APP)
        await expect(owner.locator("#shown")).to_have_text("the target is 20", timeout=30_000)
        await act(owner, "7")
        await expect(guest.locator("#shown")).to_have_text("the target is 7", timeout=30_000)
        for page in (owner, guest):
            await page.close()


async def _refuses_strangers(endpoint: dict[str, str]) -> None:
    """Other programs and users of this machine reach a port; without the record's secret they get nothing."""
    async with httpx.AsyncClient(base_url=f"http://{endpoint['host']}:{endpoint['port']}") as stranger:
        for headers in ({}, {"X-Dash-Devices-Secret": "wrong"}):
            for path in ("/", "/_dash-layout", "/api/props/target/value"):
                assert (await stranger.get(path, headers=headers)).status_code == 403
