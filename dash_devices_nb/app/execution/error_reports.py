"""Reporting exceptions: in `app.errors`, under the cell, to the debugger, and to the page that caused them."""

from __future__ import annotations

import sys

from dash_devices_nb.app.execution.event_stream import Failed, Raised
from dash_devices_nb.app.execution.ports import StockCalls
from dash_devices_nb.app.execution.regular_call import RegularCall
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.app.execution.shared_calls import SharedCalls
from dash_devices_nb.core.callbacks.propagation import Call
from dash_devices_nb.kernel.output import CellOutput
from dash_devices_nb.kernel.tracebacks import in_a_line


class ErrorReports:
    """Reports the exceptions of one app.

    Args:
        runtime: the app's runtime.
        stock: its side of stock Dash.
    """

    def __init__(self, runtime: Runtime, stock: StockCalls) -> None:
        self._runtime = runtime
        self._stock = stock

    def report(self, event: Raised) -> None:
        """Keep an exception, show it under its cell, and show it on the page that caused it. From any thread."""
        error, call, client = event.error, event.call, event.client
        self._runtime.errors.append(error)
        spec = call.spec if isinstance(call, Call | RegularCall) else None
        shared = SharedCalls.of(call.spec) if isinstance(call, Call) else None
        output = shared.output if shared else getattr(spec, "output", None) or CellOutput.here()
        output.show_exception(error)
        for_debugger(error)
        name = spec.name if spec else "a callback"
        if call is None:
            self._runtime.publish(Failed(client, error, name))
        page = self._runtime.pages.get(client.id) if client else None
        debugging = self._stock.debugging
        if page is None or (isinstance(call, RegularCall) and debugging and not call.answered):
            return
        guest = page.client.share is not None  # guests get no details: they would show parts of the program
        html = self._stock.error_page(error) if isinstance(error, Exception) and debugging and not guest else ""
        text = "Whoever runs this page can see why." if guest else in_a_line(error)
        with self._runtime.lock:
            page.send_notice("error", text, f"{name} failed", html)
        self._runtime.flush()


def for_debugger(error: BaseException) -> None:
    """Let `%debug` find an exception that was not raised in a cell."""
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    sys.last_exc = error  # type: ignore[attr-defined,unused-ignore]
