"""What a running cell defines waits for the end of the cell.

A callback that the first lines of a cell define may use a function that its last lines define. Called in between it
would fail, or, worse, use the function of the run before. So its first call, and the news of it to the pages, wait
until the cell has run, or for `HOLD_SECONDS`: a cell may run for hours. What a person does meanwhile calls it.
"""

from __future__ import annotations

from collections.abc import Callable

from dash_devices_nb.app.execution.runtime import Runtime

HOLD_SECONDS = 0.15


class DeferredDefinitions:
    """Holds what one cell after the other defines.

    Args:
        runtime: of the app.
        tell: tells the pages of what was defined.
    """

    def __init__(self, runtime: Runtime, tell: Callable[[], None]) -> None:
        self._runtime = runtime
        self._tell = tell
        self._cell: object = None  # whose definitions wait

    def wait(self, cell: object) -> None:
        """A cell that runs has defined something. From any thread, while the app runs."""
        loop = self._runtime.io_loop
        if self._cell is not cell and loop is not None:
            self._cell = cell
            loop.call_soon_threadsafe(loop.call_later, HOLD_SECONDS, self._waited, cell)

    def release(self) -> None:
        """The cell has run: call what it has defined, if anything, and tell the pages. From any thread."""
        self._cell = None
        if self._runtime.io_loop is not None:
            self._runtime.enter(self._runtime.dispatcher.release)
            self._tell()

    def _waited(self, cell: object) -> None:
        if self._cell is cell:
            self.release()
