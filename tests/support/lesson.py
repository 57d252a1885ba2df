"""A lesson: the teacher's notebook on the classroom in JupyterLab, and guests who come by its share links."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from playwright.async_api import FrameLocator, Locator, Page, expect

from tests.support.browser import Tabs
from tests.support.jupyter import Jupyter
from tests.support.lab import LabNotebook

LESSON = Path(__file__).parents[2] / "notebooks" / "04_classroom.ipynb"
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
APP, CONSOLE, SCRATCH = 2, 3, 4
NAMED = """def named(name):
    return next(client for client in app.clients if client.label == name)
"""


class Teacher:
    """The notebook in JupyterLab, and the page under its cell."""

    def __init__(self, notebook: LabNotebook, jupyter: Jupyter) -> None:
        self.notebook = notebook
        self.jupyter = jupyter

    @classmethod
    async def open(cls, tabs: Tabs, jupyter: Jupyter) -> Teacher:
        """Open a notebook with the lesson's device, its page and the console, and a cell to work in; run all."""
        cells = {cell.id: cell.source for cell in nbformat.read(LESSON, as_version=4).cells}
        jupyter.write_notebook("lesson.ipynb", cells["device"], NAMED, cells["page"], cells["console"], "")
        tabs.allow_errors("Exception opening new comm", "Failed to load resource")
        notebook = await LabNotebook.open(tabs, jupyter, "lesson.ipynb")
        await notebook.run_all()
        return cls(notebook, jupyter)

    @property
    def page(self) -> FrameLocator:
        """The teacher's own page, inline."""
        return self.notebook.frame(APP)

    @property
    def console(self) -> Locator:
        """The console's output."""
        return self.notebook.output(CONSOLE).first

    async def do(self, code: str) -> str:
        """Run a cell and return what it prints."""
        await self.notebook.edit(SCRATCH, code)
        await self.notebook.run(SCRATCH)
        output = self.notebook.output(SCRATCH)
        return (await output.last.inner_text()).strip() if await output.count() else ""

    async def link(self, role: str, variable: str) -> str:
        """Make a share link in the notebook."""
        url = await self.do(f"{variable} = app.share(role={role!r})\nprint({variable}.url)")
        return url if url.startswith("http") else f"{self.jupyter.url.rstrip('/')}{url}"


async def guest(browser: Tabs, url: str, name: str, **options: Any) -> Page:
    """Somebody opens a link in a browser of their own, and gives a name."""
    page = await browser.open(url, **options)
    assert "share=" not in page.url
    form = page.locator("#_dash-devices-floor form")
    await form.locator("input").fill(name)
    await (form.locator(".main").tap() if options else form.locator(".main").click())
    await expect(page.locator("#_dash-devices-floor .text b")).to_have_text(name)
    return page


def off(page: Page) -> Locator:
    """The controls that are off."""
    return page.locator("[data-dash-devices-off=off]")


def foot(page: Page) -> Locator:
    """What the page says of control."""
    return page.locator("#_dash-devices-floor .foot")
