"""A notebook in a real JupyterLab, driven as a person does: open, run, look at the outputs."""

from __future__ import annotations

from playwright.async_api import FrameLocator, Locator, Page

from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter

START_MS = 60_000


class LabNotebook:
    """An open notebook.

    Attributes:
        page: The tab with JupyterLab.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    async def open(cls, browser: Tabs, jupyter: Jupyter, name: str) -> LabNotebook:
        """Open a notebook of the server's root and wait until its kernel is ready."""
        return await cls.open_at(browser, jupyter.notebook(name))

    @classmethod
    async def open_at(cls, browser: Tabs, url: str) -> LabNotebook:
        """Open the notebook at this address, of JupyterLab or Notebook 7, and wait until its kernel is ready."""
        page = await browser.open(url, viewport={"width": 1400, "height": 1000})
        await page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").first.wait_for(timeout=START_MS)
        notebook = cls(page)
        await eventually(notebook._is_ready, within=START_MS / 1000)
        return notebook

    async def run_all(self) -> None:
        """Run every cell and wait until all are finished."""
        await self.command("notebook:run-all-cells")

    async def run(self, number: int, *, wait: bool = True) -> None:
        """Run one cell, counted from 0, and wait until it is finished, unless it will ask for something."""
        await self.cell(number).locator(".jp-InputArea-editor").click()
        await self.command("notebook:run-cell", wait=wait)

    async def command(self, name: str, *, wait: bool = True) -> None:
        """Execute one of JupyterLab's commands and wait for its end."""
        await self.page.evaluate(
            """async ([name, wait]) => {
                const end = window.jupyterapp.commands.execute(name);
                if (wait) await end;
            }""",
            [name, wait],
        )

    async def edit(self, number: int, code: str) -> None:
        """Replace the source of a cell, counted from 0."""
        await self.page.evaluate(
            """([number, code]) => {
                const panel = window.jupyterapp.shell.currentWidget;
                panel.content.widgets[number].model.sharedModel.setSource(code);
            }""",
            [number, code],
        )

    async def scroll_to(self, number: int) -> None:
        """Bring a cell, counted from 0, into sight; JupyterLab renders only what is near to that."""
        await self.page.evaluate(
            "async (number) => { await window.jupyterapp.shell.currentWidget.content.scrollToItem(number, 'start'); }",
            number,
        )

    async def restart_kernel(self) -> None:
        """Restart the kernel by the menu, and say yes."""
        await self.page.locator(".lm-MenuBar-item", has_text="Kernel").click()
        await self.page.locator(".lm-Menu-item[data-command='kernelmenu:restart']").click()
        await self.page.locator(".jp-Dialog .jp-mod-accept").click()
        await eventually(self._is_ready, within=START_MS / 1000)

    def cell(self, number: int) -> Locator:
        """A cell, counted from 0."""
        return self.page.locator(f".jp-Cell[data-windowed-list-index='{number}']")

    def output(self, number: int) -> Locator:
        """The outputs below a cell, counted from 0."""
        return self.cell(number).locator(".jp-OutputArea-output")

    def frame(self, number: int) -> FrameLocator:
        """The page inside the IFrame below a cell, counted from 0."""
        return self.cell(number).locator(".jp-OutputArea-output iframe").first.content_frame

    async def _is_ready(self) -> bool:
        """Whether the notebook is the current tab, as for a person who looks at it, and idle."""
        state = await self.page.evaluate(
            """() => {
                const shell = window.jupyterapp.shell;
                const panel = [...shell.widgets("main")].find((widget) => widget.sessionContext);
                if (panel && shell.currentWidget !== panel) {
                    shell.activateById(panel.id);
                }
                return shell.currentWidget?.sessionContext?.session?.kernel?.status;
            }"""
        )
        return bool(state == "idle")
