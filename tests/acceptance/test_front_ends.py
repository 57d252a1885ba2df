"""The first notebook in Notebook 7, and in JupyterLab below a Hub's prefix."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.async_api import FrameLocator, Page, expect

from tests.support.browser import Tabs
from tests.support.jupyter import Jupyter, running_jupyter
from tests.support.lab import LabNotebook

THERMOSTAT = Path(__file__).parents[2] / "notebooks" / "01_thermostat.ipynb"
APP = 3
EXPOSED = ["--JupyterNotebookApp.expose_app_in_browser=True"]
"""Notebook's commands are run by name, as JupyterLab's."""


async def test_in_notebook_7(browser: Tabs):
    """Notebook 7 shows the page under the cell, and it is live in a tab, too."""
    # The last is Notebook's own.
    browser.allow_errors("Exception opening new comm", "Failed to load resource", "reading 'schema'")
    async with running_jupyter("notebook", arguments=EXPOSED) as jupyter:
        shutil.copy(THERMOSTAT, jupyter.root)
        address = jupyter.address(f"notebooks/{THERMOSTAT.name}")
        notebook = await LabNotebook.open_at(browser, address)
        for number in (1, APP):
            await notebook.run(number)
        source = await notebook.cell(APP).locator("iframe").get_attribute("src")
        assert source == "/dash-devices/01_thermostat/"
        await move_both(notebook.frame(APP), notebook.page, browser, jupyter)
        await notebook.page.close()


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
