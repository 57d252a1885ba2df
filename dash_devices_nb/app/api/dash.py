"""`Dash`: stock Dash, whose pages show the state of one live device."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

import quart

from dash_devices_nb.app.api.classroom import People
from dash_devices_nb.app.api.events import Events
from dash_devices_nb.app.definitions.registry import CallbackRegistry
from dash_devices_nb.app.delivery.http_calls import HttpCalls
from dash_devices_nb.app.delivery.plain_views import PlainViews
from dash_devices_nb.app.delivery.request_bodies import spool
from dash_devices_nb.app.delivery.routes import Routes
from dash_devices_nb.app.execution.call_record import RecordedCall
from dash_devices_nb.app.execution.deferred import DeferredDefinitions
from dash_devices_nb.app.execution.intervals import IntervalTimers
from dash_devices_nb.app.execution.regular_call import RegularCall
from dash_devices_nb.app.execution.regular_calls import RegularCalls
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.app.execution.shared_calls import SharedCalls
from dash_devices_nb.app.journal.call_replayer import CallReplayer
from dash_devices_nb.app.journal.journal import AppJournal
from dash_devices_nb.app.journal.recorder import Recorder
from dash_devices_nb.app.sessions.manager import SessionManager
from dash_devices_nb.app.sessions.request_guards import RouteGuard, SocketGuard
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.route_roles import RouteRoles
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.propagation import Call
from dash_devices_nb.core.callbacks.serial_queues import Queued
from dash_devices_nb.core.callbacks.services import Services, check_callback_service, check_server_service
from dash_devices_nb.errors import RunError
from dash_devices_nb.kernel.guard import InterruptGuard
from dash_devices_nb.kernel.output import CellOutput
from dash_devices_nb.kernel.outputlog import OutputLog
from dash_devices_nb.kernel.tracebacks import in_a_line

if TYPE_CHECKING:
    from dash_devices_nb.console import Console, Graph

"""The code of a closed WebSocket after which a page does not come back by itself."""


class Dash(People):
    """A Dash app whose pages show the state of one live device.

    Takes all that `dash.Dash` takes. It runs on Quart; `app.server` is the Quart app.

    Args:
        name: as in stock Dash.
        server: True, a `quart.Quart` to use, or False and `init_app` later.
        server_service: `Services.PUSHER_ALL`: all of a page's traffic but files travels over its WebSocket;
            `Services.NORMAL`: layout, dependencies and regular callbacks over HTTP.
        callback_service: the service of `callback` where it names none.

    Raises:
        ServiceError: a service that means nothing.
        RunError: a server or backend that is not Quart, or a server that another app has.
    """

    def __init__(
        self,
        name: str | None = None,
        server: Any = True,
        *,
        server_service: int = Services.PUSHER_ALL,
        callback_service: int = Services.S0,
        **kwargs: Any,
    ) -> None:
        self.server_service = check_server_service(server_service)
        self.callback_service = check_callback_service(callback_service)
        name = name if name is not None else _caller_name()
        self.runtime = Runtime(name)
        self.events = Events(self.runtime.dispatcher.store.events)
        self.runtime.runs_with(self._run_call)
        self.runtime.on_error = self._report
        self.recorder = Recorder(CallReplayer(self).of, name)
        self.runtime.on_refusal = self.recorder.refused
        self.output_log = OutputLog()
        self.callbacks = CallbackRegistry(self.changed, self.cell_ended)
        self._guard = InterruptGuard(self.runtime.running)
        self.regular = RegularCalls(
            self.runtime,
            self,
            self.recorder,
            self.output_log,
            lambda: self.sessions,
            self.answer_to,
            lambda: self.limits.calls,
        )
        self.shared = SharedCalls(self.runtime, self, self.recorder, self.output_log, self._check)
        self.sessions = SessionManager(self, self.runtime, self.regular)
        self.clocks = IntervalTimers(self.runtime, self.push_values, lambda: self._begun)
        self.runtime.on_performed = self.clocks.note
        self.outside = HttpCalls(self.runtime, self.regular, self, self.sessions)
        self.routes_of_server = RouteRoles()
        self.held = DeferredDefinitions(self.runtime, self.sessions.definitions_whole)
        if kwargs.pop("backend", "quart") not in ("quart", None, dash_internals.Backend):
            raise RunError("dash_devices_nb runs on Quart: leave out backend=, or give backend='quart'")
        if not isinstance(server, bool | quart.Quart | None):
            raise RunError(f"server={server!r}: dash_devices_nb runs on Quart; give a quart.Quart, True or False")
        super().__init__(name, server in (True, None), backend=dash_internals.Backend, **kwargs)
        if isinstance(server, quart.Quart):
            self.init_app(server)
        self.callbacks.listen()

    def init_app(self, app: Any = None, **kwargs: Any) -> None:
        """As in stock Dash; `app` is a `quart.Quart`."""
        server = self.server if app is None else app
        front = getattr(server, "asgi_app", None)
        if isinstance(front, Routes) and front.app is not self:
            prefix = front.app.config.routes_pathname_prefix
            raise RunError(
                f"This quart.Quart serves the app {front.app.runtime.name!r} at {prefix} already, and it serves one "
                "app of dash_devices_nb. Give the second one a quart.Quart of its own (leave out server=), or make "
                "both one app with pages (use_pages=True)."
            )
        super().init_app(app, **kwargs)
        if not isinstance(self.server.asgi_app, Routes):
            self.admission = SocketGuard(
                self.server, f"{self.config.routes_pathname_prefix}_dash-devices/ws", self.hooked, self.sessions
            )
            self.server.asgi_app = Routes(self, self.server.asgi_app)
            self.server.after_serving(self.end)
            self.server.after_request(self.hide_from_guests)
            self.server.after_request(self.name_browser)
            spool(self.server, self.body_limits)
            PlainViews(self.sessions).guard(self.server)
            RouteGuard(self.routes_of_server, self.sessions, self.page_client).guard(self.server)

    # ---- looking

    @property
    def journal(self) -> AppJournal:
        """What happened: connects, changes, calls, pushes, refusals, errors."""
        return self.recorder.journal

    @property
    def errors(self) -> list[BaseException]:
        """The last 20 exceptions of callbacks, newest last; `%debug` enters the newest."""
        return list(self.runtime.errors)

    def pause(self) -> None:
        """Hold the callbacks: changes are shown, their calls wait in order, and the pages say so. From any thread."""
        self.runtime.pause()

    def step(self) -> str:
        """Let one held call run, and return what it is.

        Raises:
            RunError: the callbacks are not paused, or none waits.
        """
        if not self.runtime.pause_gate.closed:
            raise RunError("The callbacks are not paused; app.pause() holds them, then app.step() lets one run.")
        call = self.runtime.step()
        if call is None:
            raise RunError("No call waits; act on a page, or app.resume().")
        return str(call)

    def resume(self) -> None:
        """Run what was held, in order. Does nothing if the callbacks are not paused. From any thread."""
        if self.runtime.pause_gate.closed:
            self.runtime.resume()

    async def next_call(self, name: str | None = None, timeout: float = 30.0) -> RecordedCall:
        """Wait for the next call of a callback (of any, without a name), and take it in hand.

        Raises:
            ReplayError: there was none within `timeout` seconds; or that is no number.
        """
        return await self.recorder.next_calls.next(name, timeout, {each.name: None for each in self.callbacks})

    def reload_pages(self) -> None:
        """Have all open pages read layout and callbacks again, in place. From any thread."""
        self.sessions.layout_changed(self.new_libraries())

    def disconnect(self, client: Client, reason: str = "This page was disconnected; reload it to come back.") -> None:
        """Close a client's connection; its page says why, and does not come back by itself. From any thread.

        Args:
            client: one of `app.clients`; nothing happens if it has left.
            reason: at most 120 bytes.
        """
        with self.runtime.lock:
            page = self.runtime.pages.get(client.id)
        if page is not None:
            page.disconnect(CloseCode.FORBIDDEN, reason)

    def console(self) -> Console:
        """A panel of widgets: the clients, the callbacks, what they print, and buttons to pause and step them.

        There is one panel for an app; running the cell again, or a new app in the place of this one, goes on with it.
        """
        from dash_devices_nb.console import console_of  # it stands above the app; the import contract names this

        return console_of(self)

    def graph(self) -> Graph:
        """The callbacks as a picture: from inputs through callbacks to outputs, with cells, calls and times.

        The notebook shows it; `.svg` is its text.
        """
        from dash_devices_nb.console import Graph as Picture  # likewise

        return Picture(self)

    # ---- running

    def _run_call(self, call: Queued) -> None:
        if isinstance(call, Call):
            self.shared.run(call)
        elif isinstance(call, RegularCall):
            self.regular.run(call)

    def _report(self, error: BaseException, call: Queued | None, client: Client | None) -> None:
        """A callback has raised: keep it, show it under its cell, tell the page that caused it."""
        self.runtime.errors.append(error)
        spec = call.spec if isinstance(call, Call | RegularCall) else None
        shared = self.shared.of(call.spec) if isinstance(call, Call) else None
        output = shared.output if shared else getattr(spec, "output", None) or CellOutput.here()
        output.show_exception(error)
        for_debugger(error)
        name = spec.name if spec else "a callback"
        if call is None:
            self.recorder.failed(client, error, name)
        page = self.runtime.pages.get(client.id) if client else None
        if page is None or (isinstance(call, RegularCall) and self.debugging and not call.answered):
            return
        guest = page.client.share is not None  # what is raised, and where, shows the program
        html = self.error_page(error) if isinstance(error, Exception) and self.debugging and not guest else ""
        text = "Whoever runs this page can see why." if guest else in_a_line(error)
        with self.runtime.lock:
            page.send_notice("error", text, f"{name} failed", html)
        self.runtime.flush()


def for_debugger(error: BaseException) -> None:
    """Let `%debug` find an exception that no cell raised."""
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    sys.last_exc = error  # type: ignore[attr-defined,unused-ignore]


def _caller_name() -> str:
    for frame in inspect.stack():
        if frame.function == "<module>":
            return str(frame.frame.f_globals.get("__name__", "__main__"))
    return "__main__"
