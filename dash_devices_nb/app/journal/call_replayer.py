"""Calling a recorded call again: the function as it is now defined, with the arguments and the context of then."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Protocol

from dash_devices_nb.app.definitions.registry import CallbackRegistry
from dash_devices_nb.app.execution.call_record import RecordedCall, Replay
from dash_devices_nb.app.execution.context import SharedContext
from dash_devices_nb.app.execution.direct_calls import DirectCall
from dash_devices_nb.app.execution.outputs import PlainMods
from dash_devices_nb.app.execution.regular_call import RegularCall
from dash_devices_nb.app.execution.regular_calls import RegularCalls
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.app.execution.shared_calls import SharedCalls
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.propagation import Call, Propagation
from dash_devices_nb.core.callbacks.spec import CallbackSpec
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.errors import ReplayError


class Replayed(Protocol):
    """An app, as far as its recorded calls are called again."""

    runtime: Runtime
    shared: SharedCalls
    regular: RegularCalls
    callbacks: CallbackRegistry

    def push_values(self, mods: Mods) -> Propagation:
        """Set encoded values for all."""

    def push_to(self, client: Client, plain: PlainMods) -> None:
        """Set values for one client."""

    def stock_arguments(self, body: dict[str, Any], client: Any) -> tuple[list[Any], dict[str, Any], Any]:
        """The arguments of a request, as stock Dash reads them, and its context."""

    def stock_outputs(self, output: str, context: Any, returned: Any) -> list[tuple[tuple[str, str], Any]]:
        """What a regular callback's result sets."""


class CallReplayer:
    """Finds how to call again, for one app."""

    def __init__(self, app: Replayed) -> None:
        self._app = app

    def of(self, recorded: RecordedCall) -> Replay:
        """How to call a recorded call again. Raises ReplayError if the callback has gone."""
        call = recorded.call
        if isinstance(call, DirectCall):
            return self._direct(call, recorded.name)
        return self._regular(call, recorded.name) if isinstance(call, RegularCall) else self._shared(call)

    def _shared(self, call: Call) -> Replay:
        spec = self._now(call.spec)
        shared = self._app.shared.of(spec)
        calls = self._app.shared
        context = SharedContext(call, shared.indices)

        def send(returned: Any) -> None:
            mods = calls.mods(shared, call, context, returned)
            if mods:
                self._app.push_values(mods)

        if spec.inputs != call.spec.inputs or spec.state != call.spec.state:
            raise ReplayError(
                f"{spec.name} takes other inputs now ({', '.join(map(str, spec.inputs + spec.state))}) than then"
            )
        args, kwargs = calls.arguments(shared, call)
        return Replay(self._in_context(context, functools.partial(shared.function, *args, **kwargs)), send)

    def _now(self, then: CallbackSpec) -> CallbackSpec:
        """The callback as it is now: by its name, and where several have that (of a loop, say), by its props."""
        now: tuple[CallbackSpec, ...] = self._app.runtime.dispatcher.graph.specs
        specs = [s for s in reversed(now) if s.name == then.name]
        if not specs:
            raise self._gone(then.name)
        same = (s for s in specs if s is then or (s.outputs, s.inputs) == (then.outputs, then.inputs))
        similar = (s for s in specs if s.outputs == then.outputs and then.outputs)
        return next(same, None) or next(similar, specs[0])

    def _regular(self, call: RegularCall, name: str) -> Replay:
        output = str(call.body.get("output"))
        spec = self._app.regular.specs.get(output)
        if spec is None or spec.function is None or spec.definition is None or not spec.definition.active:
            raise self._gone(name)
        with dash_internals.requesting(call.request):
            args, kwargs, context = self._app.stock_arguments(call.asked.fresh(), call.client)

        def send(returned: Any) -> None:
            if call.client is None:
                raise ReplayError(f"{name} was not called by a page; there is nobody to send its result to")
            self._app.push_to(call.client, self._app.stock_outputs(output, context, returned))

        return Replay(self._in_context(context, functools.partial(spec.function, *args, **kwargs)), send)

    def _direct(self, call: DirectCall, name: str) -> Replay:
        spec = self._app.regular.specs.get(str(call.body.get("output")), call.spec)
        if spec is None or (spec.definition is not None and not spec.definition.active):
            raise self._gone(name)

        def send(returned: Any) -> None:
            raise ReplayError(
                f"{name} was called by a program and not by a page; there is nobody to send its result to"
            )

        return Replay(functools.partial(spec.function or call.function, **call.kept().arguments), send)

    def _in_context(self, context: Any, function: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            before = dash_internals.current_context()
            dash_internals.enter_context(self._app, context)
            try:
                returned = function()
            finally:
                dash_internals.enter_context(self._app, before or {})
            return self._awaited(context, returned) if inspect.isawaitable(returned) else returned

        return run

    async def _awaited(self, context: Any, returned: Any) -> Any:
        dash_internals.enter_context(self._app, context)
        return await returned

    def _gone(self, name: str) -> ReplayError:
        names = ", ".join(dict.fromkeys(each.name for each in self._app.callbacks)) or "none"
        return ReplayError(f"the callback {name!r} has gone; define it again (there is {names})")
