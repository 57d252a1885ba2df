"""Output of callbacks goes under the cell that defined them.

A front end files each output message under the cell whose request it answers: the message's parent
header. ipykernel keeps that header in several places (standard output, standard error, the display
publisher, the display hook, the kernel itself), and sets them when a cell starts. A callback runs
in a thread or task that no cell started, so its output would go to whichever cell ran last.

`CellOutput.here()`, called while a cell defines a callback, keeps that cell's header.
`with cell_output.bound():` sets it in each of those places, for the current thread or task only:
other cells that run meanwhile keep theirs. How each place takes it changed several times, so what
it offers is looked at, never the version:

- `set_thread_parent` / `reset_thread_parent` (ipykernel 7),
- a context variable `_parent_header` (ipykernel 7.0, and the streams of ipykernel 6),
- hooks on the messages of the display publisher (ipykernel 6, whose display hook, for the value
  of a cell's last expression, stays with the cell that runs).
"""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from dash_devices_nb.kernel.loops import running_kernel
from dash_devices_nb.kernel.outputlog import OutputLog, cell_begins
from dash_devices_nb.kernel.tracebacks import format_exception

_last_runs: dict[str, CellOutput] = {}  # by the front end's id of the cell
_bound_to: contextvars.ContextVar[CellOutput | None] = contextvars.ContextVar("dash_devices_cell", default=None)


@dataclass(frozen=True, eq=False)
class CellOutput:
    """The cell that a callback's output belongs to.

    Attributes:
        cell_id: the front end's id of the cell, None if it sends none.
        execution_count: the number in the cell's brackets when it ran, None outside IPython.
        parent: the cell's request without its source; empty outside a kernel.
    """

    cell_id: str | None
    execution_count: int | None
    parent: Mapping[str, Any]

    @classmethod
    def here(cls) -> CellOutput:
        """The cell that is running; in a callback, the cell that defined the callback.

        From any thread, but meant for a cell's own thread: for others ipykernel takes the cell that
        started last. Outside IPython the result is an object that does nothing.
        """
        if (bound := _bound_to.get()) is not None:
            return bound
        kernel = running_kernel()
        if kernel is None:
            return cls(None, None, {})
        message = kernel.get_parent()
        if message.get("header", {}).get("msg_type") != "execute_request":
            return cls(None, None, {})
        metadata = message.get("metadata") or {}
        parent = {
            "header": message["header"],
            "msg_id": message["header"].get("msg_id"),
            "msg_type": "execute_request",
            "parent_header": {},
            "metadata": metadata,
            "content": {},
            "buffers": [],
        }
        cell_id = metadata.get("cellId") or metadata.get("cell_id")
        return cls(str(cell_id) if cell_id else None, _running_number(kernel.shell), parent)

    def begins(self) -> None:
        """Report that the cell starts to run. Output of callbacks from its earlier runs goes below this run.

        Front ends drop output for an earlier run of a cell, and a run that fails leaves its old callbacks in force.
        """
        cell_begins(self.parent)
        kernel = running_kernel() if self.cell_id else None
        if kernel is not None and self.cell_id:
            number = _running_number(kernel.shell) + 1  # it is counted once it has begun
            _last_runs[self.cell_id] = replace(self, execution_count=number)

    @property
    def _last_run(self) -> CellOutput:
        return _last_runs.get(self.cell_id or "", self)

    @property
    def label(self) -> str:
        """The cell's name for a person, such as "cell [3]"; empty outside IPython."""
        count = self._last_run.execution_count
        return f"cell [{count}]" if count is not None else ""

    @contextmanager
    def bound(self, log: OutputLog | None = None, name: str = "") -> Iterator[None]:
        """Send everything that is printed, displayed or warned inside to the cell.

        Applies to the current thread, or in a coroutine to the current task and the tasks that it
        starts. Enter and leave it in one thread or task. May be nested; the innermost wins.

        Args:
            log: also takes what is printed.
            name: the callback's name, for the log.
        """
        kernel = running_kernel() if self.parent else None
        if kernel is None:
            yield
            return
        with ExitStack() as undo:
            if log is not None:
                undo.enter_context(log.logging(name))
            token = _bound_to.set(self)
            undo.callback(_bound_to.reset, token)
            _bind(kernel, self, undo)
            yield

    def show_exception(self, exc: BaseException) -> None:
        """Print the traceback under the cell: the user's frames only, coloured in IPython.

        Leaves `exc.__traceback__` as it is, for the debugger. From any thread.
        """
        with self.bound():
            sys.stderr.write(format_exception(exc) + "\n")  # in one piece, because two threads may print one at once
            sys.stderr.flush()


def _running_number(shell: Any) -> int:
    """The number of the cell that runs; IPython raises its counter before or after the run."""
    return len(shell.history_manager.input_hist_parsed) - 1


def _bind(kernel: Any, cell: CellOutput, undo: ExitStack) -> None:
    """Set the cell in every place that keeps a parent, for this thread or task."""
    shell, parent = kernel.shell, cell._last_run.parent
    header = parent["header"]
    for place in (sys.stdout, sys.stderr, shell.display_pub, shell.displayhook):
        if hasattr(place, "set_thread_parent") and hasattr(place, "reset_thread_parent"):
            undo.callback(place.reset_thread_parent, place.set_thread_parent(parent))
        elif (variable := _variable(place, "_parent_header")) is not None:
            undo.callback(variable.reset, variable.set(header))
        elif hasattr(place, "register_hook") and hasattr(place, "unregister_hook"):
            hook = _rewriting(cell, header)
            place.register_hook(hook)
            undo.callback(place.unregister_hook, hook)
    # These two keep the whole request; widgets and `here` read it.
    for place, name in ((shell, "_parent_header"), (kernel, "_shell_parent")):
        if (variable := _variable(place, name)) is not None:
            undo.callback(variable.reset, variable.set(parent))


def _variable(place: Any, name: str) -> contextvars.ContextVar[Any] | None:
    """The context variable in which an object keeps its parent; None if it has none."""
    variable = getattr(place, "__dict__", {}).get(name)
    return variable if isinstance(variable, contextvars.ContextVar) else None


def _rewriting(cell: CellOutput, header: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A hook that gives messages of the bound thread or task the cell's header."""

    def hook(message: dict[str, Any]) -> dict[str, Any]:
        if _bound_to.get() is cell:
            message["parent_header"] = header
        return message

    return hook
