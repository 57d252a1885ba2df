"""The first notebook in Notebook 7, and in JupyterLab below a Hub's prefix; the console in Notebook 7 and in Voila."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from playwright.async_api import FrameLocator, Locator, Page, expect

from dash_devices_nb.testing import Tab
from tests.support.browser import Tabs
from tests.support.device import CONSOLE, DEVICE
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter, running_jupyter, running_voila
from tests.support.lab import LabNotebook

THERMOSTAT = Path(__file__).parents[2] / "notebooks" / "01_thermostat.ipynb"
APP = 3
EXPOSED = ["--JupyterNotebookApp.expose_app_in_browser=True"]
"""Notebook's commands are run by name, as JupyterLab's."""


async def test_in_notebook_7(browser: Tabs):
    """Notebook 7 shows the page under the cell, and it is live in a tab, too, also after a restart."""
    # The last is Notebook's own.
    browser.allow_errors("Exception opening new comm", "Failed to load resource", "reading 'schema'")
    browser.allow_errors("WebSocket connection to", "Failed to load resource")  # while the kernel restarts
    async with running_jupyter("notebook", arguments=EXPOSED) as jupyter:
        shutil.copy(THERMOSTAT, jupyter.root)
        address = jupyter.address(f"notebooks/{THERMOSTAT.name}")
        notebook = await LabNotebook.open_at(browser, address)
        for number in (1, APP):
            await notebook.run(number)
        source = await notebook.cell(APP).locator("iframe").get_attribute("src")
        assert source == "/dash-devices/01_thermostat/"
        await move_both(notebook.frame(APP), notebook.page, browser, jupyter)
        await outlive_a_restart(notebook, browser, jupyter)
        await notebook.page.close()

        jupyter.write_notebook("console.ipynb", DEVICE, CONSOLE)
        notebook = await LabNotebook.open_at(browser, jupyter.address("notebooks/console.ipynb"))
        for number in (0, 1):
            await notebook.run(number)
        panel = notebook.output(1).first
        await use_console(panel, jupyter.root / "url.txt", "console-notebook")
        await notebook.command("docmanager:save")
        await notebook.page.reload()
        await expect(panel).to_contain_text("the target is 25", timeout=30_000)
        await expect(panel).to_contain_text("Running, 0 pages")
        await notebook.page.close()


async def test_the_console_in_voila(browser: Tabs):
    """Voila, which runs a notebook for each visitor and shows its outputs alone, shows the panel; its buttons work."""
    # Voila takes its icons from a server of fonts, and Notebook's own extension for a front end with documents.
    browser.allow_errors("Failed to load resource", "@jupyterlab/docregistry")
    async with running_voila(DEVICE, CONSOLE) as (url, directory):
        page = await browser.open(url)
        await use_console(page.locator(".widget-vbox").first, directory / "url.txt", "console-voila")
        await page.close()


async def use_console(panel: Locator, url: Path, picture: str) -> None:
    """Act on the page of the app whose URL is in a file, and on the console, and see each follow the other."""
    await expect(panel).to_contain_text("Running, 0 pages", timeout=30_000)
    async with Tab(await eventually(lambda: url.exists() and url.read_text(), 10)) as tab:
        await tab.act("target", "value", 25)
        await tab.expect("shown", "children", "4")
        await expect(panel).to_contain_text("Running, 1 page")
        await expect(panel).to_contain_text("the target is 25")
        await panel.locator("button", has_text=re.compile("Pause$")).click()
        await expect(panel).to_contain_text("Paused, 0 waiting")
        await tab.act("target", "value", 5)
        await expect(panel).to_contain_text("Paused, 1 waiting")
        await panel.locator("button", has_text=re.compile("Step$")).click()
        await tab.expect("shown", "children", "20")
        await panel.locator("button", has_text=re.compile("Resume$")).click()
        await expect(panel).to_contain_text("Running, 1 page")
        await tab.act("target", "value", 0)
        await expect(panel).to_contain_text("ZeroDivisionError: division by zero")
        if directory := os.environ.get("KEEP_PICTURES"):
            await panel.page.screenshot(path=Path(directory) / f"{picture}.png")
            await panel.page.set_viewport_size({"width": 390, "height": 844})
            await panel.page.screenshot(path=Path(directory) / f"{picture}-phone.png")
    await expect(panel).to_contain_text("Running, 0 pages")


async def test_below_the_prefix_of_a_hub(browser: Tabs):
    """Below /user/x/ all of the page's parts are there: scripts, style sheet, WebSockets."""
    browser.allow_errors("Exception opening new comm", "Failed to load resource")
    async with running_jupyter("lab", base_url="/user/x/") as jupyter:
        shutil.copy(THERMOSTAT, jupyter.root)
        notebook = await LabNotebook.open(browser, jupyter, THERMOSTAT.name)
        for number in (1, APP):
            await notebook.run(number)
        source = await notebook.cell(APP).locator("iframe").get_attribute("src")
        assert source == "/user/x/dash-devices/01_thermostat/"
        await move_both(notebook.frame(APP), notebook.page, browser, jupyter)
        await notebook.page.close()


async def outlive_a_restart(notebook: LabNotebook, browser: Tabs, jupyter: Jupyter) -> None:
    """Restart the kernel from the menu and run all again: an open tab goes on at the same URL, and all agree."""
    tab = await browser.open(f"{jupyter.url}dash-devices/01_thermostat/", context=notebook.page.context)
    await tab.evaluate("window.notReloaded = true")
    await notebook.restart_kernel()
    bar = tab.locator("#_dash-devices-notices .bar.shown")
    await expect(bar).to_have_text("The app has not been run since the restart: run its notebook again")
    await notebook.run_all()
    await expect(bar).to_have_count(0)
    await expect(tab.locator("#target-shown")).to_have_text("23.0 °C")
    await notebook.scroll_to(APP)
    await tab.locator(".dash-slider-thumb").press("Home")
    await expect(notebook.frame(APP).locator("#target-shown")).to_have_text("15.0 °C")
    assert await tab.evaluate("window.notReloaded"), "the tab was loaded anew"
    await tab.close()


async def move_both(frame: FrameLocator, page: Page, browser: Tabs, jupyter: Jupyter) -> None:
    """Move the slider inline and in a tab, and see each follow the other."""
    tab = await browser.open(f"{jupyter.url}dash-devices/01_thermostat/", context=page.context)
    background = await tab.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert background == "rgb(244, 246, 249)", "the app's style sheet is there"
    await frame.locator(".dash-slider-thumb").press("End")
    await expect(tab.locator("#target-shown")).to_have_text("28.0 °C")
    await tab.locator(".dash-slider-thumb").press("Home")
    await expect(frame.locator("#target-shown")).to_have_text("15.0 °C")
    await tab.close()
