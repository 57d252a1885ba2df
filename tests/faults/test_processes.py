"""Programs that are stopped and killed: a browser stands still; a program, a kernel, a Jupyter server die."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from playwright.async_api import Page, expect

from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.testing.tab import Tab
from tests.support import quick
from tests.support.browser import Tabs, launched_chromium
from tests.support.counted import Counted, counted
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter, running_jupyter
from tests.support.lab import LabNotebook
from tests.support.processes import ScriptRunner

LOST = r"WebSocket connection to .* failed|ERR_|Failed to load resource|Exception opening new comm"
LAB = r"Could not restore the debugger state|Canceled future for|NetworkError|Failed to fetch|Error:|Response"
PUSHES_A_SECOND = 20
POINTS = "document.querySelector('#graph .js-plotly-plot').data[0].x.map(Number)"

APP = """
import os
from dash_devices_nb import Dash, Input, Output, dcc, html

app = Dash(__name__)
app.layout = html.Div([dcc.Input(id="name", value="a"), html.P(id="echo")])
acts = []

@app.callback_shared(Output("echo", "children"), Input("name", "value"))
def echo(name):
    acts.append(name)
    return "echo " + name

app.run(jupyter_mode="external")
"""
LINK, LINKS = "print(app.share('view').url)", "print(len(app.shares), 'link')"
"""Cells that print a new share link, and how many there are."""


class Chromium:
    """A browser of the test's own, whose processes it may stop.

    Args:
        tabs: its pages.
        others: the processes of other browsers.
    """

    def __init__(self, tabs: Tabs, others: set[psutil.Process]) -> None:
        self.tabs = tabs
        self._others = others

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """None of its processes runs meanwhile."""
        processes = [each for each in chromiums() - self._others if did(each.suspend)]
        assert processes
        try:
            yield
        finally:
            for process in processes:
                did(process.resume)


def did(what: Callable[[], None]) -> bool:
    """Whether a process was there for what was to be done to it."""
    try:
        what()
    except psutil.NoSuchProcess:
        return False
    return True


def chromiums() -> set[psutil.Process]:
    """The processes of all browsers that this one has started."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "chrom" in process.name():
                found.add(process)
    return found


@asynccontextmanager
async def own_chromium() -> AsyncIterator[Chromium]:
    before = chromiums()
    async with launched_chromium() as browser:
        tabs = Tabs(browser)
        yield Chromium(tabs, before)
        await tabs.close()
        assert not tabs.unexpected_errors


async def pushes(found: Counted, seconds: float) -> None:
    """Push at a device's rate for so long."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (now := loop.time()) < end:
        await asyncio.to_thread(found.push)
        await asyncio.sleep(max(0.0, now + 1 / PUSHES_A_SECOND - loop.time()))


@pytest.mark.parametrize("seconds", [2, pytest.param(60, marks=[pytest.mark.long, pytest.mark.timeout(300)])])
async def test_a_browser_that_stands_still_and_goes_on(app_server, seconds):
    """The app keeps little for it, others are served as ever, and afterwards it has every point and every item once."""
    found = counted()
    url = app_server.run(found.app, auth=None)
    async with own_chromium() as chromium, Tab(url) as witness:
        chromium.tabs.allow_errors(LOST)
        page = await chromium.tabs.open(url)
        await expect(page.locator("#graph .js-plotly-plot")).to_be_visible(timeout=20_000)
        found.push(3)
        await expect(page.locator("#last")).to_have_text("3")
        await page.locator("#name").fill("before")
        await expect(page.locator("#echo")).to_have_text("echo before")
        with chromium.stopped():
            await pushes(found, seconds)
            await witness.act("name", "value", "meanwhile")
            await witness.expect("echo", "children", "echo meanwhile")
            await witness.expect("last", "children", str(found.pushed))
            with parts_of(found.app).runtime.lock:
                kept = [
                    each.outbox.waiting + each.outbox.in_flight for each in parts_of(found.app).runtime.pages.values()
                ]
            assert max(kept) < 1024 * 1024
        await expect(page.locator("#last")).to_have_text(str(found.pushed), timeout=30_000)
        await expect(page.locator("#list")).to_have_text(found.listed)
        await expect(page.locator("#echo")).to_have_text("echo meanwhile")
        await eventually(lambda: has_points(page, found.pushed))
        await page.locator("#name").fill("afterwards")
        await witness.expect("echo", "children", "echo afterwards", within=10)
        assert found.acts == ["before", "meanwhile", "afterwards"]


async def has_points(page: Page, count: int) -> bool:
    assert await page.evaluate(POINTS) == list(range(1, count + 1))
    return True


async def test_a_program_that_is_killed_in_the_middle_of_its_work_gets_its_pages_back(
    script: ScriptRunner, browser: Tabs
):
    """`kill -9` while it pushes; the next run on the same port shows its own state, and takes what pages do."""
    source = """
        import sys, threading
        from dash_devices_nb import Dash, Input, Output, dcc, html
        app = Dash(__name__)
        port, run = int(sys.argv[1]), sys.argv[2]
        app.layout = html.Div([dcc.Input(id="name", value=run), html.Div(id="echo"), html.Div(id="count")])

        @app.callback_shared(Output("echo", "children"), Input("name", "value"))
        def echo(name):
            return f"{run}: {name}"

        def push():
            number = 0
            while True:
                number += 1
                app.push_mods({"count": {"children": f"{run} {number}", "title": "x" * 20_000}})

        threading.Thread(target=push, daemon=True).start()
        app.run(port=port, auth=None)
    """
    browser.allow_errors(LOST)
    program = await script(source, "0", "first")
    page = await browser.open(program.url)
    await expect(page.locator("#count")).to_contain_text("first ")
    await page.locator("#name").fill("typed")
    await expect(page.locator("#echo")).to_have_text("first: typed")
    os.kill(program.pid, signal.SIGKILL)
    await program.wait()
    await expect(page.locator(".bar")).to_contain_text("Offline")
    port = program.url.partition("127.0.0.1:")[2].partition("/")[0]
    await script(source, port, "second")
    await expect(page.locator("#count")).to_contain_text("second ", timeout=20_000)
    await expect(page.locator("#echo")).to_have_text("second: second")
    await expect(page.locator(".bar")).not_to_be_visible()
    await page.locator("#name").fill("again")
    await expect(page.locator("#echo")).to_have_text("second: again")


async def test_a_program_that_stands_still_and_goes_on(script: ScriptRunner, browser: Tabs):
    """As on a computer that sleeps for a minute: what a page does meanwhile counts once, and it is the same client."""
    source = """
        from dash_devices_nb import Dash, Input, Output, dcc, html
        app = Dash(__name__)
        app.layout = html.Div([dcc.Input(id="name", value=""), html.Div(id="echo"), html.Div(id="people")])
        acts, people = [], []

        @app.callback_shared(Output("echo", "children"), Input("name", "value"), prevent_initial_call=True)
        def echo(name):
            acts.append(name)
            return " ".join(acts)

        @app.callback_connect
        def connected(client, connect):
            people.append("came" if connect else "left")
            app.push_mods({"people": {"children": " ".join(people)}})

        app.run(port=0, auth=None)
    """
    browser.allow_errors(LOST, "WebSocket is closed before")
    program = await script(source)
    page = await browser.open()
    await page.add_init_script(quick.SCRIPT)
    await page.goto(program.url)
    await page.locator("#name").fill("before")
    await expect(page.locator("#echo")).to_have_text("before")
    os.kill(program.pid, signal.SIGSTOP)
    try:
        await page.locator("#name").fill("meanwhile")
        await expect(page.locator(".bar")).to_contain_text("Offline", timeout=20_000)
        await page.locator("#name").fill("offline")
        await page.wait_for_timeout(30_000 / quick.TIMES)  # it tries, in vain
    finally:
        os.kill(program.pid, signal.SIGCONT)
    await expect(page.locator("#echo")).to_have_text("before meanwhile offline", timeout=20_000)
    await expect(page.locator("#people")).to_have_text("came")
    await expect(page.locator(".bar")).not_to_be_visible()


async def test_a_kernel_that_is_killed_leaves_nothing_and_its_page_goes_on(jupyter_lab: Jupyter, browser: Tabs):
    """Jupyter starts it again; once the notebook is run, the open page shows its app, at the same address.

    A share link opens it then as before.
    """
    browser.allow_errors(LOST, LAB)
    jupyter_lab.write_notebook(
        "killed.ipynb", APP.format(start="a", run="jupyter_mode='external'"), "print(os.getpid())", LINK
    )
    notebook = await LabNotebook.open(browser, jupyter_lab, "killed.ipynb")
    await notebook.run_all()
    page = await browser.open(f"{jupyter_lab.url}dash-devices/killed/", context=notebook.page.context)
    await page.locator("#name").fill("typed")
    await expect(page.locator("#echo")).to_have_text("echo typed")
    before = files_of("killed", jupyter_lab)
    pid = int(await notebook.output(1).last.inner_text())
    link = await notebook.output(2).last.inner_text()
    os.kill(pid, signal.SIGKILL)
    await expect(page.locator(".bar")).to_contain_text("run its notebook again", timeout=20_000)
    await notebook.edit(1, "print(os.getpid(), app.url)")
    await notebook.edit(2, LINKS)
    await notebook.run_all()
    await expect(page.locator("#echo")).to_have_text("echo a", timeout=20_000)
    await expect(notebook.output(2).last).to_have_text("1 link")
    guest = await browser.open(link)
    await expect(guest.locator("#echo")).to_have_text("echo a")
    await expect(page.locator(".bar")).not_to_be_visible()
    await page.locator("#name").fill("again")
    await expect(page.locator("#echo")).to_have_text("echo again")
    assert len(files_of("killed", jupyter_lab)) == len(before) == 2
    assert not [path for path in before if path.exists()], "the socket and the record of the dead are gone"


def files_of(app: str, jupyter: Jupyter) -> list[Path]:
    """The records of an app, and their sockets."""
    records = list((jupyter.runtime_dir / "dash-devices").glob(f"{app}-*.json"))
    return [*records, *(Path(json.loads(record.read_text())["endpoint"]["path"]) for record in records)]


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_jupyter_server_that_is_killed_and_started_again(browser: Tabs):
    """With it its extension. Its kernel ends, and once the notebook is run again the page goes on by itself.

    A share link opens it then as before.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    browser.allow_errors(LOST, LAB)
    async with running_jupyter("lab", port=port) as first:
        first.write_notebook("again.ipynb", APP, "print(os.getpid())", LINK)
        notebook = await LabNotebook.open(browser, first, "again.ipynb")
        await notebook.run_all()
        page = await browser.open(f"{first.url}dash-devices/again/", context=notebook.page.context)
        await page.locator("#name").fill("typed")
        await expect(page.locator("#echo")).to_have_text("echo typed")
        kernel = psutil.Process(int(await notebook.output(1).last.inner_text()))
        link = await notebook.output(2).last.inner_text()
        os.kill(first.pid, signal.SIGKILL)
        await expect(page.locator(".bar")).to_contain_text("Offline")
        await eventually(lambda: not kernel.is_running() or kernel.status() == psutil.STATUS_ZOMBIE, 30)
        async with running_jupyter("lab", port=port, home=first.home, token=first.token) as second:
            second.write_notebook("again.ipynb", APP, "print(os.getpid())", LINKS)
            reopened = await LabNotebook.open(browser, second, "again.ipynb")
            await reopened.run_all()
            await expect(reopened.output(2).last).to_have_text("1 link")
            guest = await browser.open(link)
            await expect(guest.locator("#echo")).to_have_text("echo a")
            await expect(page.locator("#echo")).to_have_text("echo a", timeout=40_000)
            await page.locator("#name").fill("again")
            await expect(page.locator("#echo")).to_have_text("echo again")
            left = [path.suffix for path in (second.runtime_dir / "dash-devices").glob("[!.]*")]
            assert sorted(left) == [".json", ".shares", ".sock"]
