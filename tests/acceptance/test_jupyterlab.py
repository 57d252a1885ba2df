"""A real JupyterLab: the first notebook and its page, inline and in a second tab, on both loops."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import FrameLocator, Locator, Page, expect

from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter, running_jupyter
from tests.support.lab import LabNotebook

THERMOSTAT = Path(__file__).parents[2] / "notebooks" / "01_thermostat.ipynb"
DEVICE, APP, CLIENTS, PUSH, BUSY = 1, 3, 5, 7, 9
PUSHED = "The notebook asked for 23 °C."

SLIDER = """
from dash_devices_nb import Dash, Input, Output, dcc, html

app = Dash(__name__)
app.layout = html.Div(
    [html.H1("first"), dcc.Slider(0, 30, 1, id="target", value=20), html.P(id="shown"), html.P(id="ticks")]
)

@app.callback_shared(Output("shown", "children"), Input("target", "value"))
def show(target):
    print(f"the target is {target}")
    return f"target {target}"

app.run()
"""

TICK = """
import threading, time

def tick():
    for n in range(1_000_000):
        app.push_mods({"ticks": {"children": n}})
        time.sleep(0.05)

threading.Thread(target=tick, daemon=True).start()
"""

SLEEP = "time.sleep(3); print('slept')"


@pytest.fixture(scope="module", params=["thread", "kernel"])
def loop(request: pytest.FixtureRequest) -> str:
    """The loop that the kernels use."""
    return str(request.param)


@pytest.fixture(scope="module")
async def lab(loop: str) -> AsyncIterator[Jupyter]:
    """A JupyterLab whose kernels use that loop."""
    async with running_jupyter("lab", env={"DASH_DEVICES_LOOP": loop}) as jupyter:
        yield jupyter


@pytest.fixture(autouse=True)
def errors_of_restarts(browser: Tabs) -> None:
    """What JupyterLab itself reports, and that connections fail while a kernel is away."""
    browser.allow_errors("Exception opening new comm", "WebSocket connection to", "Failed to load resource")


def thumb(page: Page | FrameLocator) -> Locator:
    return page.locator(".dash-slider-thumb").first


def bar(page: Page | FrameLocator) -> Locator:
    """What the page says of its connection and its kernel."""
    return page.locator("#_dash-devices-notices .bar")


async def tab_of(browser: Tabs, jupyter: Jupyter, notebook: LabNotebook, name: str) -> Page:
    """A second tab on an app, in the same browser; it carries a mark that a reload would wipe out."""
    tab = await browser.open(f"{jupyter.url}dash-devices/{name}/", context=notebook.page.context)
    await thumb(tab).wait_for()
    await tab.evaluate("window.notReloaded = true")
    return tab


async def assert_not_reloaded(tab: Page) -> None:
    assert await tab.evaluate("window.notReloaded"), "the tab was loaded anew"


async def expect_all(pages: list[Page | FrameLocator], selector: str, text: str) -> None:
    for page in pages:
        await expect(page.locator(selector)).to_have_text(text, timeout=10_000)


async def test_thermostat_inline_and_in_a_tab(lab: Jupyter, browser: Tabs):
    """The first notebook runs; IFrame and tab move together, and a cell pushes to both."""
    shutil.copy(THERMOSTAT, lab.root)
    notebook = await LabNotebook.open(browser, lab, THERMOSTAT.name)
    await notebook.run_all()
    await notebook.scroll_to(APP)
    source = await notebook.cell(APP).locator("iframe").get_attribute("src")
    assert source == "/dash-devices/01_thermostat/", "the page travels through Jupyter, at the notebook's own origin"
    frame = notebook.frame(APP)
    tab = await tab_of(browser, lab, notebook, "01_thermostat")
    both = [frame, tab]
    await expect_all(both, "#target-shown", "23.0 °C")
    await expect_all(both, "#message", PUSHED)
    await expect_all(both, "#viewers", "2")

    await thumb(frame).press("ArrowRight")
    await expect_all(both, "#target-shown", "23.5 °C")
    await expect(thumb(tab)).to_have_attribute("aria-valuenow", "23.5")
    await tab.locator("#switch input").click()
    await expect(frame.locator("#switch input")).not_to_be_checked()
    await expect(notebook.output(APP).filter(has_text="heating locked")).to_be_visible()

    before = await tab.locator("#temperature").inner_text()
    await eventually(lambda: _differs(tab.locator("#temperature"), before), within=10)
    await notebook.run(CLIENTS)
    await expect(notebook.output(CLIENTS)).to_contain_text("has the page open since")
    await notebook.run(PUSH)
    await expect_all(both, "#target-shown", "23.0 °C")


async def test_output_goes_to_the_defining_cell_while_another_runs(lab: Jupyter, loop: str, browser: Tabs):
    """With loop="thread" a cell that sleeps stops neither page, pushes nor plain callbacks, and their output goes to
    their own cell; with loop="kernel" it does, the page says so, and then all comes in order."""
    lab.write_notebook("busy.ipynb", SLIDER, TICK, SLEEP)
    notebook = await LabNotebook.open(browser, lab, "busy.ipynb")
    await notebook.run(0)
    tab = await tab_of(browser, lab, notebook, "busy")
    await notebook.run(1)
    running = asyncio.create_task(notebook.run(2))
    await expect(notebook.cell(2).locator(".jp-InputPrompt")).to_have_text("[*]:")
    await thumb(tab).press("ArrowRight")
    if loop == "thread":
        await expect(tab.locator("#shown")).to_have_text("target 21")
        await expect(notebook.output(0).filter(has_text="the target is 21")).to_be_visible()
        ticks = int(await tab.locator("#ticks").inner_text())
        await eventually(lambda: _at_least(tab.locator("#ticks"), ticks + 5), within=2)
        assert not running.done()
        await expect(bar(tab)).to_have_count(0)
    else:
        await expect(bar(tab)).to_have_text(re.compile(r"The kernel is busy since [012] s: this page waits for it"))
        await expect(tab.locator("#shown")).to_have_text("target 20")
    await running
    await expect(tab.locator("#shown")).to_have_text("target 21")
    await expect(notebook.output(0).filter(has_text="the target is 21")).to_be_visible()
    await expect(notebook.output(2)).to_have_text("slept")
    await expect(tab.locator("#_dash-devices-notices .bar.shown")).to_have_count(0)


async def test_running_the_app_cell_again_takes_over(lab: Jupyter, browser: Tabs):
    """A new app of the same name takes the place of the old one: same address, open pages follow without a reload."""
    lab.write_notebook("again.ipynb", SLIDER)
    notebook = await LabNotebook.open(browser, lab, "again.ipynb")
    await notebook.run(0)
    tab = await tab_of(browser, lab, notebook, "again")
    await thumb(tab).press("ArrowRight")
    await expect_all([notebook.frame(0), tab], "#shown", "target 21")
    await notebook.edit(0, SLIDER.replace("first", "second").replace("value=20", "value=5"))
    await notebook.run(0)
    await expect_all([notebook.frame(0), tab], "h1", "second")
    await expect_all([notebook.frame(0), tab], "#shown", "target 5")
    await thumb(notebook.frame(0)).press("ArrowRight")
    await expect_all([notebook.frame(0), tab], "#shown", "target 6")
    await assert_not_reloaded(tab)


async def test_open_pages_outlive_a_restart_of_the_kernel(lab: Jupyter, browser: Tabs):
    """After a restart by the menu the page says that the notebook must be run, and then goes on by itself."""
    lab.write_notebook("restart.ipynb", SLIDER)
    notebook = await LabNotebook.open(browser, lab, "restart.ipynb")
    await notebook.run_all()
    tab = await tab_of(browser, lab, notebook, "restart")
    await thumb(tab).press("ArrowRight")
    await expect(tab.locator("#shown")).to_have_text("target 21")
    await notebook.restart_kernel()
    await expect(bar(tab)).to_have_text("The app has not been run since the restart: run its notebook again")
    await expect(tab.locator("#shown")).to_have_text("target 21")
    await notebook.run_all()
    await expect_all([notebook.frame(0), tab], "#shown", "target 20")
    await expect(tab.locator("#_dash-devices-notices .bar.shown")).to_have_count(0)
    await thumb(tab).press("ArrowLeft")
    await expect_all([notebook.frame(0), tab], "#shown", "target 19")
    await assert_not_reloaded(tab)


async def test_an_iframe_that_was_out_of_sight_agrees(lab: Jupyter, browser: Tabs):
    """JupyterLab takes the page out of the notebook when it is scrolled away; it comes back with the state of now."""
    lab.write_notebook("long.ipynb", SLIDER, *["\n".join(f"x{n} = {n}" for n in range(60))] * 12)
    notebook = await LabNotebook.open(browser, lab, "long.ipynb")
    await notebook.run(0)
    await expect(notebook.frame(0).locator("#shown")).to_have_text("target 20")
    tab = await tab_of(browser, lab, notebook, "long")
    await notebook.scroll_to(12)
    await expect(notebook.page.locator(".jp-OutputArea-output iframe")).not_to_be_in_viewport()
    await thumb(tab).press("ArrowRight")
    await expect(tab.locator("#shown")).to_have_text("target 21")
    await notebook.scroll_to(0)
    await expect(notebook.frame(0).locator("#shown")).to_have_text("target 21")
    await thumb(notebook.frame(0)).press("ArrowRight")
    await expect(tab.locator("#shown")).to_have_text("target 22")


async def _differs(locator: Locator, before: str) -> bool:
    return await locator.inner_text() != before


async def _at_least(locator: Locator, number: int) -> bool:
    return int(await locator.inner_text()) >= number
