"""Apps in a real kernel, whose cells are run again while pages are open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually
from tests.support.kernels import Cell, Kernel

APP = """
    from dash_devices_nb import Dash, Input, Output, State, callback_context, dcc, html
    import asyncio, threading, time

    app = Dash("live")
    app.layout = html.Div([
        dcc.Input(id="target", value=20), dcc.Input(id="mine", value="private"), dcc.Input(id="other", value=1),
        html.Div(id="shown"), html.Div(id="third"), html.Div(id="fourth"), html.Div(id="fifth"), html.Div(id="mark"),
    ])
"""


class Live:
    """A notebook with an app.

    Attributes:
        kernel: its kernel.
        url: the page's.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.url = ""
        self._marks = 0

    async def cell(self, cell_id: str | None, code: str, *, may_fail: bool = False, **options: Any) -> Cell:
        """Run a cell, by its id; a cell that is run again has the id of before."""
        return await self.kernel.run(code, cell_id=cell_id, may_fail=may_fail, **options)

    async def ask(self, code: str) -> str:
        """What an expression is, as text."""
        return (await self.kernel.run(f"print({code})")).text.rstrip("\n")

    async def says(self, code: str) -> bool:
        """Whether an expression is true."""
        return await self.ask(code) == "True"

    async def names(self) -> list[str]:
        """The callbacks of the app, as "kind name"."""
        return (await self.ask("*(f'{each.kind} {each.name}' for each in app.callbacks), sep=chr(10)")).splitlines()

    async def run(self) -> str:
        """Run the app directly on a free port. Returns the page's URL."""
        await self.cell("run", "app.run(port=0, jupyter_mode='_none', auth=None)")
        self.url = await self.ask("app.url")
        return self.url

    async def followed(self, *tabs: Tab) -> None:
        """Wait until the tabs have taken over the callbacks of now: what is sent to them later has come."""

        async def sent() -> bool:
            return await self.ask("app._parts.sessions._redefining") == "False"

        await eventually(sent)
        self._marks += 1
        await self.ask(f"[app.push_mods({{'mark': {{'children': {self._marks}}}}}, each) for each in app.clients]")
        for tab in tabs:
            await tab.expect("mark", "children", self._marks)

    def tab(self) -> Tab:
        """A tab on the app."""
        return Tab(self.url)


@pytest.fixture
async def live(kernel: Kernel) -> AsyncIterator[Live]:
    """A notebook whose first cell has made an app, which does not run yet."""
    live = Live(kernel)
    await live.cell("app", APP)
    yield live
    await kernel.run("app.stop()")
