"""A bad network between a page and the Jupyter server, whose extension hands the browser's socket to the app."""

from __future__ import annotations

import os
import signal

from playwright.async_api import expect

from tests.support import quick
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter
from tests.support.lab import LabNotebook
from tests.support.tcp import network

ERRORS = r"WebSocket|ERR_|Failed to load resource|Exception opening new comm|Could not restore|Canceled future"
FRAMES = "Invalid frame header|One or more reserved bits|Unrecognized frame opcode"

APP = """
import os
from dash_devices_nb import Dash, Input, Output, dcc, html

app = Dash(__name__)
app.layout = html.Div([dcc.Input(id="name", value=""), html.P(id="echo"), html.P(id="pushed")])
acts = []

@app.callback_shared(Output("echo", "children"), Input("name", "value"), prevent_initial_call=True)
def echo(name):
    acts.append(name)
    return " ".join(acts)

app.run(jupyter_mode="external")
print(os.getpid())
"""


async def test_a_page_behind_jupyter_loses_nothing_in_a_bad_network(jupyter_lab: Jupyter, browser: Tabs):
    """Broken within frames, silent, forgotten: each act counts once, and then the page hears of its kernel again."""
    browser.allow_errors(ERRORS, FRAMES)
    jupyter_lab.write_notebook("network.ipynb", APP, "app.push_mods({'pushed': {'children': str(len(acts))}})")
    notebook = await LabNotebook.open(browser, jupyter_lab, "network.ipynb")
    await notebook.run_all()
    pid = int(await notebook.output(0).last.inner_text())
    said: list[str] = []
    async with network(jupyter_lab.url) as net:
        page = await browser.open()
        await page.add_init_script(quick.SCRIPT)
        await page.goto(f"{net.url}dash-devices/network/?token={jupyter_lab.token}")
        bar = page.locator(".bar")

        async def act(name: str) -> None:
            said.append(name)
            await page.locator("#name").fill(name)

        await act("first")
        await expect(page.locator("#echo")).to_have_text("first", timeout=20_000)
        for way, count in (("up", 3), ("down", 3), ("up", 70), ("down", 70)):
            connections = net.connections
            net.spares[way] = count
            await act(f"{way}{count}")
            await eventually(lambda c=connections: net.connections > c, 20)
            await expect(page.locator("#echo")).to_have_text(" ".join(said))
        net.silence()
        await act("silence")
        await expect(bar).to_contain_text("Offline", timeout=20_000)
        await act("offline")
        await eventually(lambda: len([each for each in net.open if each.begins and not each.passes.is_set()]) > 2, 20)
        net.forget()
        await expect(page.locator("#echo")).to_have_text(" ".join(said), timeout=20_000)
        await expect(bar).not_to_be_visible()
        await notebook.run(1)
        await expect(page.locator("#pushed")).to_have_text(str(len(said)))
        os.kill(pid, signal.SIGKILL)
        await expect(bar).to_contain_text("run its notebook again", timeout=30_000)
