"""Pages of other origins than the Jupyter server's, in a browser whose person is logged in there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from tests.support.browser import Tabs
from tests.support.jupyter import Jupyter, running_jupyter
from tests.support.lab import LabNotebook
from tests.support.tcp import network

APP = """
from dash_devices_nb import Dash, Input, Output, dcc, html

app = Dash(__name__)
app.layout = html.Div([dcc.Input(id="text", value="a"), html.P(id="shown")])

@app.callback_shared(Output("shown", "children"), Input("text", "value"))
def show(text):
    return f"shown {text}"

app.run(jupyter_mode="external")
"""
ATTACK = """async ([app, xsrf]) => {
    const found = {};
    for (const path of ['ws', 'status']) for (const query of ['', `?_xsrf=${xsrf}`]) {
        found[path + query.slice(0, 6)] = await new Promise(done => {
            const socket = new WebSocket(`${app.replace('http', 'ws')}_dash-devices/${path}${query}`);
            socket.onopen = () => (socket.close(), done('open'));
            socket.onclose = () => done('refused');
        });
    }
    const simple = {method: 'POST', mode: 'no-cors', credentials: 'include', body: '{}'};
    const query = `?_xsrf=${xsrf}`;
    await fetch(app + '_dash-update-component' + query, simple);
    for (const header of ['X-XSRFToken', 'X-Forwarded-Host'])
        found[header] = await fetch(app + '_dash-update-component', {
            ...simple, mode: 'cors', headers: {[header]: xsrf, 'Content-Type': 'application/json'},
        }).then(answer => answer.status, error => 'refused');
    return found;
}"""


@pytest.fixture
def port() -> int:
    """A port on which nobody listens, for a proxy that the server is told of before it runs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        found: int = free.getsockname()[1]
    return found


@pytest.fixture
async def lab(port: int) -> AsyncIterator[Jupyter]:
    """A JupyterLab that trusts the origin of a proxy in front of it."""
    async with running_jupyter(
        "lab", arguments=[f"--DashDevicesApp.trusted_origins=http://127.0.0.1:{port}"]
    ) as jupyter:
        yield jupyter


async def other_page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An empty page of somebody else, on another port of the host."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\nConnection: close\r\n\r\n<p>.")
    await writer.drain()
    writer.close()


async def test_only_trusted_origins_act(lab: Jupyter, port: int, browser: Tabs) -> None:
    """A page works behind a proxy that rewrites Host if the server trusts its origin; a page on another port of the
    host does nothing, although it reads Jupyter's XSRF token from the cookie and the browser sends the login."""
    browser.allow_errors("Exception opening new comm", "WebSocket connection to", "Failed to load resource", "CORS")
    lab.write_notebook("status.ipynb", APP)
    notebook = await LabNotebook.open(browser, lab, "status.ipynb")
    await notebook.run(0)
    context = notebook.page.context
    async with network(lab.url, rewrites_host=True, port=port) as proxy:
        page = await browser.open(f"{proxy.url}dash-devices/status/", context=context)
        await expect(page.locator("#shown")).to_have_text("shown a")
        await page.locator("#text").fill("b")
        await expect(page.locator("#shown")).to_have_text("shown b")
        await page.close()
    server = await asyncio.start_server(other_page, "127.0.0.1", 0)
    async with server:
        page = await browser.open(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", context=context)
        xsrf = await page.evaluate("(/(?:^|; )_xsrf=([^;]+)/.exec(document.cookie) || [])[1]")
        assert xsrf, "cookies ignore ports, so this page has the token"
        found = await page.evaluate(ATTACK, [f"{lab.url}dash-devices/status/", xsrf])
        assert set(found.values()) == {"refused"}, found
        assert "Refused POST /dash-devices/status/_dash-update-component: " in lab.output
        await page.close()
