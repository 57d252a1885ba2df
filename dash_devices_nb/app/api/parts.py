"""The parts of an app, made in an order in which each gets what it uses."""

from __future__ import annotations

import os
from typing import Protocol

from dash_devices_nb.app.api.answers import Answers
from dash_devices_nb.app.api.decorators import Declarations
from dash_devices_nb.app.api.definition_changes import DefinitionChanges
from dash_devices_nb.app.api.events import Events
from dash_devices_nb.app.api.http_views import HttpViews
from dash_devices_nb.app.api.lifecycle import Lifecycle
from dash_devices_nb.app.api.push import Pusher
from dash_devices_nb.app.api.run import Runner
from dash_devices_nb.app.definitions.registry import CallbackRegistry
from dash_devices_nb.app.delivery.http_calls import HttpCalls
from dash_devices_nb.app.delivery.stop_buttons import StopButtons
from dash_devices_nb.app.execution.call_record import RecordedCall, Replay
from dash_devices_nb.app.execution.error_reports import ErrorReports
from dash_devices_nb.app.execution.event_stream import Raised
from dash_devices_nb.app.execution.intervals import IntervalTimers
from dash_devices_nb.app.execution.push_grants import PushGrants
from dash_devices_nb.app.execution.regular_calls import RegularCalls
from dash_devices_nb.app.execution.regular_registry import RegularRegistry
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.app.execution.shared_calls import SharedCalls
from dash_devices_nb.app.journal.audit import AuditTrail
from dash_devices_nb.app.journal.call_replayer import CallReplayer
from dash_devices_nb.app.journal.recorder import Recorder
from dash_devices_nb.app.serving.serving_state import ServingState
from dash_devices_nb.app.sessions.latest_images import LatestImages
from dash_devices_nb.app.sessions.manager import SessionManager
from dash_devices_nb.app.sessions.request_guards import SocketRoute
from dash_devices_nb.app.stock_dash.dash_internals import StockDash
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.kernel.outputlog import OutputLog


class Parts:
    """The parts of one app, which `Dash` delegates to.

    One knot is left: a recorded call can be called again, which records a call. So the recorder is given a method of
    this class, which finds the replayer once it is asked for one.

    Args:
        stock: the app's side of stock Dash.
        name: the app's name.
        server_service: how pages ask: `Dash(server_service=)`.
        callback_service: the service of callbacks that name none.
        audit: the file of the audit log, or None.
        language: the language of the page; empty: the browser's.
    """

    def __init__(
        self,
        stock: StockDash,
        name: str,
        server_service: Services,
        callback_service: Services,
        audit: str | os.PathLike[str] | None = None,
        language: str = "",
    ) -> None:
        self.stock = stock
        self.runtime = runtime = Runtime(name)
        self.serving = ServingState(runtime)
        self.output_log = OutputLog()
        self.events = Events(runtime.dispatcher.store.events)
        self.recorder = Recorder(self._again, name)
        runtime.subscribe(Raised, ErrorReports(runtime, stock).report)
        self.recorder.follow(runtime)
        trail = None if audit is None else AuditTrail(audit, name)
        if trail is not None:
            trail.follow(runtime)
        images = LatestImages(runtime)
        self.push = Pusher(runtime, stock, self.serving, images)

        # Running callbacks.
        self.registry = RegularRegistry()
        push_grants = PushGrants(runtime, stock.declared)
        self.shared = SharedCalls(runtime, stock, self.recorder, self.output_log, self.push.check)
        clocks = IntervalTimers(runtime, self.push.push_values, lambda: self.serving.begun)

        # Who is there, and what they ask for.
        route = SocketRoute(stock.hooked)
        self.sessions = SessionManager(
            runtime,
            stock,
            self.output_log,
            self.registry,
            push_grants,
            self.serving,
            self.push.push_to,
            route.guarded,
            images,
        )
        answers = Answers(runtime, self.push, self.sessions.roles.filter_changes)
        limits = self.sessions.sharing.admission.limits
        self.regular = RegularCalls(
            runtime,
            stock,
            self.recorder,
            self.output_log,
            self.registry,
            push_grants,
            self.sessions,
            answers.answer_to,
            lambda: limits.calls,
        )
        http_calls = HttpCalls(runtime, self.regular, self.registry, stock, self.sessions)

        # What a program declares.
        self.changes = DefinitionChanges(stock, runtime, self.serving, self.sessions)
        self.callbacks = CallbackRegistry(self.changes.changed, self.changes.cell_ended)
        self.declarations = Declarations(
            stock,
            runtime,
            self.callbacks,
            self.shared,
            self.registry,
            self.regular,
            self.sessions,
            answers.answer_to,
            callback_service,
        )
        self._replayer = CallReplayer(runtime, self.shared, self.registry, self.callbacks, self.push, stock)

        # Serving.
        self.lifecycle = Lifecycle(
            stock,
            runtime,
            self.serving,
            self.sessions,
            self.callbacks,
            self.output_log,
            clocks,
            lambda: self.push.check_declared(self.shared.callbacks.values()),
        )
        if trail is not None:
            self.lifecycle.attend(trail.begun, trail.ending)
        self.stops = StopButtons(self.recorder, runtime.report)
        self.runner = Runner(stock, self.lifecycle, self.serving)
        self.views = HttpViews(
            stock,
            self.sessions,
            self.regular,
            http_calls,
            route,
            self.serving,
            self.stops,
            server_service,
            language,
            self.lifecycle.ensure_started,
            self.lifecycle.end,
        )
        runtime.attach(self.shared.run, self.regular.run)

    def _again(self, recorded: RecordedCall) -> Replay:
        return self._replayer.of(recorded)


class HasParts(Protocol):
    """An app."""

    _parts: Parts


def parts_of(app: HasParts) -> Parts:
    """The parts of an app. The console, the testing tools and our tests look at them."""
    return app._parts
