"""Deferred definitions: the callbacks of a running cell wait for the end of the cell.

A callback in the first lines of a cell may use a function that the last lines define. Called in between, it would fail,
or use the function of the previous run. So its initial call and its announcement to the pages wait until the cell has
ended, but at most `HOLD_SECONDS`, because a cell may run for hours. A person's act calls it at any time.
"""

from __future__ import annotations

from collections.abc import Callable

from dash_devices_nb.app.execution.runtime import Runtime

HOLD_SECONDS = 0.15


class DeferredDefinitions:
    """Holds the definitions of the running cell.

    Args:
        runtime: the app's runtime.
        tell: announces the definitions to the pages.
    """

    def __init__(self, runtime: Runtime, tell: Callable[[], None]) -> None:
        self._runtime = runtime
        self._tell = tell
        self._cell: object = None  # the cell whose definitions wait

    def wait(self, cell: object) -> None:
        """The running cell has defined a callback. From any thread, while the app runs."""
        loop = self._runtime.io_loop
        if self._cell is not cell and loop is not None:
            self._cell = cell
            loop.call_soon_threadsafe(loop.call_later, HOLD_SECONDS, self._waited, cell)

    def release(self) -> None:
        """The cell has ended: make the initial calls, and announce the definitions. From any thread."""
        self._cell = None
        if self._runtime.io_loop is not None:
            self._runtime.enter(self._runtime.dispatcher.release)
            self._tell()

    def _waited(self, cell: object) -> None:
        if self._cell is cell:
            self.release()
