"""What a page says of its kernel, in a browser that talks to a real Jupyter server; and how soon it says it."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.async_api import Page, expect

from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter
from tests.support.lab import LabNotebook

SECONDS = 0.3
"""Within which the page tells a change."""

APP = """
import os
from dash_devices_nb import Dash, Input, Output, dcc, html

app = Dash(__name__)
app.layout = html.Div([dcc.Input(id="text", value="a"), html.P(id="shown")])

@app.callback_shared(Output("shown", "children"), Input("text", "value"))
def show(text):
    return f"shown {text}"

app.run(jupyter_mode="external")
print("pid", os.getpid())
"""
COROUTINE = """
@app.callback(Output("text", "title"), Input("text", "value"))
async def title(text):
    return text
"""

WATCH = """() => {
    const said = (window.said = []);
    let last = '';
    const look = () => {
        const host = document.querySelector('#_dash-devices-notices');
        const bar = host && host.shadowRoot.querySelector('.bar.shown');
        const text = bar ? bar.textContent : '';
        if (text !== last) said.push([Date.now() / 1000, (last = text)]);
        setTimeout(look, 5);
    };
    look();
}"""


class Says:
    """What a page's bar has said, and when."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def all(self) -> list[tuple[float, str]]:
        return [(when, text) for when, text in await self.page.evaluate("window.said")]

    async def soon(self, pattern: str, within: float = 5.0) -> float:
        """Wait until the bar says this, and return when it began to, in seconds since the epoch."""

        async def last() -> float | None:
            said = await self.all()
            assert said
            assert re.fullmatch(pattern, said[-1][1]), said
            return said[-1][0]

        found = await eventually(last, within)
        assert found is not None
        return found


@pytest.fixture
async def notebook(jupyter_lab: Jupyter, browser: Tabs) -> LabNotebook:
    """A notebook whose app runs."""
    browser.allow_errors("Exception opening new comm", "WebSocket connection to", "Failed to load resource")
    browser.allow_errors("Could not restore the debugger state", "Canceled future for")
    jupyter_lab.write_notebook("status.ipynb", APP, "")
    notebook = await LabNotebook.open(browser, jupyter_lab, "status.ipynb")
    await notebook.run(0)
    return notebook


@pytest.fixture
async def says(notebook: LabNotebook, jupyter_lab: Jupyter, browser: Tabs) -> Says:
    """The page of that app."""
    page = await browser.open(f"{jupyter_lab.url}dash-devices/status/", context=notebook.page.context)
    await expect(page.locator("#shown")).to_have_text("shown a")
    await page.evaluate(WATCH)
    return Says(page)


async def test_a_busy_kernel_is_named_only_where_it_holds_something_up(notebook: LabNotebook, says: Says):
    """Without coroutine callbacks a long cell is no news; once there is one, the page counts the seconds."""
    await notebook.edit(1, "import time; time.sleep(1)")
    await notebook.run(1)
    assert await says.all() == []
    await notebook.edit(1, COROUTINE + "\nimport time; started = time.time(); time.sleep(2.5)")
    await notebook.run(1)
    await says.soon("")
    said = await says.all()
    # The app says the same of itself by its own WebSocket, and that it is over maybe a moment later.
    assert [text for _, text in said if text != "Some callbacks wait for the running cell"] == [
        *(f"The kernel is busy since {n} s: coroutine callbacks wait for it" for n in range(3)),
        "",
    ]
    await notebook.edit(1, "print(started)")
    await notebook.run(1)
    started = float(await notebook.output(1).inner_text())
    assert said[0][0] - started < SECONDS


async def test_a_restart_and_a_stopped_app_are_told_apart(notebook: LabNotebook, says: Says):
    """After `app.stop()` the page says that; after a restart, that the notebook must be run; then it goes on."""
    await notebook.edit(1, "import time; started = time.time(); app.stop(); print(time.time() - started)")
    await notebook.run(1)
    assert float(await notebook.output(1).inner_text()) < 1
    await says.soon("The app has been stopped: run its notebook again")
    await notebook.run(0)
    await says.soon("")
    await notebook.restart_kernel()
    await says.soon("The app has not been run since the restart: run its notebook again")
    await notebook.run(0)
    await says.soon("")
    await expect(says.page.locator("#shown")).to_have_text("shown a")


async def test_a_killed_and_a_shut_down_kernel_are_noticed(notebook: LabNotebook, says: Says):
    """A kernel that dies is restarted by Jupyter, one that is shut down is dead; the page says it within 0.3 s."""
    pid = int((await notebook.output(0).last.inner_text()).split("pid ")[1])
    killed = await says.page.evaluate("Date.now() / 1000")
    os.kill(pid, signal.SIGKILL)
    await says.soon("The kernel is restarting…")
    first = next(when for when, text in await says.all() if text == "The kernel is restarting…")
    assert first - killed < SECONDS
    await says.soon("The app has not been run since the restart: run its notebook again", within=20)
    await notebook.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    await says.soon("The kernel has died")
