"""The console in a real JupyterLab: it follows, its buttons work, and it is there again after a reload."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from dash_devices_nb.testing import Tab
from tests.support.axe import SCRIPT, findings
from tests.support.browser import Tabs
from tests.support.device import CONSOLE, DEVICE
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter
from tests.support.lab import LabNotebook

THREADS = "import threading; sum(each.name == 'dash-devices-console' for each in threading.enumerate())"
COUNT, PANEL = 2, 1


@pytest.fixture
async def notebook(jupyter_lab: Jupyter, browser: Tabs, request: pytest.FixtureRequest) -> AsyncIterator[LabNotebook]:
    browser.allow_errors("Exception opening new comm", "Failed to load resource", "WebSocket connection to")
    name = f"{request.node.name}.ipynb"
    jupyter_lab.write_notebook(name, DEVICE, CONSOLE, THREADS)
    notebook = await LabNotebook.open(browser, jupyter_lab, name)
    await notebook.run_all()
    yield notebook
    await notebook.edit(0, "app.stop()")
    await notebook.run(0)


async def threads(notebook: LabNotebook) -> str:
    await notebook.run(COUNT)
    return (await notebook.output(COUNT).last.inner_text()).strip()


def button(panel: Locator, name: str) -> Locator:
    return panel.locator("button", has_text=re.compile(f"^{name}$"))


async def test_the_console_follows_pauses_and_survives_a_reload(notebook: LabNotebook, jupyter_lab: Jupyter):
    """A person acts, the panel shows it with the callback's output; the log is there again after a reload."""
    page = notebook.page
    panel = notebook.output(PANEL).first
    await expect(panel).to_contain_text("Running, 0 pages", timeout=20_000)
    async with Tab((jupyter_lab.root / "url.txt").read_text()) as tab:
        await tab.act("target", "value", 25)
        await tab.expect("shown", "children", "4")
        await expect(panel).to_contain_text("Running, 1 page")
        await expect(panel).to_contain_text("the target is 25")
        await expect(panel.locator("tr", has_text="shared")).to_contain_text("show")
        # The first click into a cell selects it, and the notebook may scroll under the mouse.
        await panel.get_by_text("Running, 1 page").click()
        await button(panel, "Pause").click()
        await expect(panel).to_contain_text("Paused, 0 waiting")
        await tab.act("target", "value", 5)
        await expect(panel).to_contain_text("Paused, 1 waiting")
        assert tab.prop("shown", "children") == "4"
        await button(panel, "Step").click()
        await tab.expect("shown", "children", "20")
        await button(panel, "Step").click()
        await expect(panel).to_contain_text("No call waits; act on a page, or app.resume().")
        await button(panel, "Resume").click()
        await expect(panel).to_contain_text("Running, 1 page")
        await expect(button(panel, "Resume")).to_be_disabled()
        await panel.get_by_placeholder("A notice for the pages").fill("Sit down")
        await button(panel, "Send").click()
        await eventually(lambda: "Sit down" in str(tab.notices))
        await button(panel, "Close").click()
        await expect(panel).to_contain_text("Floor: Closed")
        await tab.request_control()
        await expect(panel).to_contain_text("asking: ")
        await button(panel, "Grant").click()
        await expect(panel).to_contain_text("has control")
        await tab.until(lambda: tab.role.get("mine"), 5, "the floor")
        await tab.act("target", "value", 0)
        await expect(panel).to_contain_text("ZeroDivisionError: division by zero")
        if os.environ.get("KEEP_PICTURES"):
            await panel.screenshot(path=Path(os.environ["KEEP_PICTURES"]) / "console.png")

        await notebook.command("docmanager:save")
        await page.reload()
        await page.wait_for_function("window.jupyterapp && window.jupyterapp.shell")
        await eventually(notebook._is_ready, 60)
        await expect(panel).to_contain_text("the target is 25", timeout=30_000)
        await expect(panel).to_contain_text("ZeroDivisionError: division by zero")
        await tab.act("target", "value", 10)
        await expect(panel).to_contain_text("the target is 10")
        # The first click into a cell selects it, and the notebook may scroll under the mouse.
        await panel.get_by_text("Running, 1 page").click()
        await button(panel, "Pause").click()
        await expect(panel).to_contain_text("Paused, 0 waiting")
        await button(panel, "Resume").click()
    await expect(panel).to_contain_text("Running, 0 pages")


async def test_the_cell_may_be_run_again_and_cleared(notebook: LabNotebook, jupyter_lab: Jupyter):
    """One panel and one thread however often the cell runs; none once it is out of sight."""
    panel = notebook.output(PANEL).first
    await expect(panel).to_contain_text("Running, 0 pages", timeout=20_000)
    for _ in range(3):
        await notebook.run(PANEL)
    await expect(panel).to_contain_text("Running, 0 pages")
    await eventually(lambda: _shows(notebook, "1"), 10)
    async with Tab((jupyter_lab.root / "url.txt").read_text()) as tab:
        await tab.settled()
        await expect(panel).to_contain_text("Running, 1 page")
    await notebook.edit(PANEL, "pass")
    await notebook.run(PANEL)
    await eventually(lambda: _shows(notebook, "0"), 10)
    await notebook.edit(PANEL, CONSOLE)
    await notebook.run(PANEL)
    await expect(panel).to_contain_text("the target is 20")
    await eventually(lambda: _shows(notebook, "1"), 10)


@pytest.mark.skipif(not SCRIPT.exists(), reason="there is no axe-core (`make test` installs it)")
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
async def test_axe_finds_nothing_serious(notebook: LabNotebook, jupyter_lab: Jupyter, theme: str):
    """With a client, a share link, lines of callbacks and an error; also when nothing has happened yet."""
    panel = notebook.output(PANEL).first
    await expect(panel).to_contain_text("Running, 0 pages", timeout=20_000)
    await notebook.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    await expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    where = f".jp-Cell[data-windowed-list-index='{PANEL}'] .jp-OutputArea-output"
    assert await findings(notebook.page, where) == []
    async with Tab((jupyter_lab.root / "url.txt").read_text()) as tab:
        await tab.act("target", "value", 0)
        await expect(panel).to_contain_text("ZeroDivisionError: division by zero")
        assert await findings(notebook.page, where) == []


async def _shows(notebook: LabNotebook, count: str) -> bool:
    return await threads(notebook) == count
