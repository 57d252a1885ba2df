"""What follows when definitions or the layout change while an app runs."""

from __future__ import annotations

import sys

import orjson

from dash_devices_nb.app.definitions import global_callbacks
from dash_devices_nb.app.execution.deferred import DeferredDefinitions
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.app.serving.serving_state import ServingState
from dash_devices_nb.app.sessions.manager import SessionManager
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.kernel.output import CellOutput

TAKEN_AT_START = (
    "What dash.callback defines is for the next app that starts; the app that runs does not take it. "
    "Say @app.callback instead, and its open pages follow."
)


class DefinitionChanges:
    """Brings changes of definitions and of the layout to the open pages of one app.

    Args:
        stock: the app's side of stock Dash.
        runtime: its runtime.
        serving: says whether the app runs.
        sessions: its sessions.
    """

    def __init__(
        self, stock: dash_internals.StockDash, runtime: Runtime, serving: ServingState, sessions: SessionManager
    ) -> None:
        self._stock = stock
        self._runtime = runtime
        self._serving = serving
        self._sessions = sessions
        self._deferred = DeferredDefinitions(runtime, sessions.definitions_whole)

    def changed(self, cell: object) -> None:
        """Callbacks were declared or removed, by the cell that runs (or None). If the app runs, tell the pages."""
        self._sessions.roles.forget()
        with self._runtime.lock:
            self._sessions.returning.defined()
        self._stock.forget_tools()
        if self._serving.begun:
            self._sessions.definitions_changed(hold=cell is not None)
            if cell is not None:
                self._deferred.wait(cell)

    def cell_ended(self, succeeded: bool) -> None:
        """A cell has run, to its end or not. What it has defined is whole."""
        self._deferred.release()
        waits = global_callbacks.cell_ended(CellOutput.here().cell_id or None, succeeded=succeeded)
        if self._serving.begun and waits:
            print(TAKEN_AT_START, file=sys.stderr)

    def set_layout(self, value: object) -> None:
        """Set the layout. While the app runs, its open pages show it in place."""
        if not self._serving.begun:
            self._stock.set_layout(value)
            with self._runtime.lock:
                self._sessions.returning.laid_out()  # it may have run before
            return
        before = self._stock.given_layout()
        try:
            self._stock.set_layout(value)
            made = self._stock.get_layout()
            dash_internals.check_layout(made)
            tree = orjson.loads(dash_internals.text_of(made))
        except BaseException:
            self._stock.set_layout(before)
            raise
        self._runtime.enter(lambda: self._runtime.dispatcher.receive_layout(tree))
        self._sessions.layout_changed(self._stock.new_libraries())
