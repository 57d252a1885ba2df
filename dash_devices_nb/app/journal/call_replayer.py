"""Calling a recorded call again: the function as it is now defined, with the arguments and the context of then."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Protocol

from dash_devices_nb.app.definitions.registry import CallbackRegistry
from dash_devices_nb.app.execution.call_record import RecordedCall, Replay
from dash_devices_nb.app.execution.context import SharedContext
from dash_devices_nb.app.execution.direct_calls import DirectCall
from dash_devices_nb.app.execution.outputs import PlainMods
from dash_devices_nb.app.execution.regular_call import RegularCall
from dash_devices_nb.app.execution.regular_registry import RegularRegistry
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.app.execution.shared_calls import SharedCalls
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.types import Context, Function, JsonObject, Keywords, PropValue, Returned
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.propagation import Call, Propagation
from dash_devices_nb.core.callbacks.spec import CallbackSpec
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.errors import ReplayError


class Sends(Protocol):
    """Sends values to pages."""

    def push_values(self, mods: Mods) -> Propagation:
        """Set encoded values for all."""

    def push_to(self, client: Client, plain: PlainMods) -> None:
        """Set values for one client."""


class StockReplays(Protocol):
    """Stock Dash, as far as it calls again."""

    def enter(self, context: Context) -> None:
        """Make `context` what `callback_context` shows in the running thread's or task's context."""

    def stock_arguments(self, body: JsonObject, client: Client | None) -> tuple[list[PropValue], Keywords, Context]:
        """The arguments of a request, as stock Dash reads them, and its context."""

    def stock_outputs(self, output: str, context: Context, returned: Returned) -> PlainMods:
        """What a regular callback's result sets."""


class CallReplayer:
    """Finds how to call again, for one app.

    Args:
        runtime: the app's runtime.
        shared: its shared callbacks.
        registry: its regular callbacks.
        callbacks: all of its definitions.
        push: sends what a call returns.
        stock: its side of stock Dash.
    """

    def __init__(
        self,
        runtime: Runtime,
        shared: SharedCalls,
        registry: RegularRegistry,
        callbacks: CallbackRegistry,
        push: Sends,
        stock: StockReplays,
    ) -> None:
        self._runtime = runtime
        self._calls = shared
        self._registry = registry
        self._callbacks = callbacks
        self._push = push
        self._stock = stock

    def of(self, recorded: RecordedCall) -> Replay:
        """How to call a recorded call again. Raises ReplayError if the callback has gone."""
        call = recorded.call
        if isinstance(call, DirectCall):
            return self._direct(call, recorded.name)
        return self._regular(call, recorded.name) if isinstance(call, RegularCall) else self._shared(call)

    def _shared(self, call: Call) -> Replay:
        spec = self._now(call.spec)
        shared = self._calls.of(spec)
        calls = self._calls
        context = SharedContext(call, shared.indices)

        def send(returned: Returned) -> None:
            mods = calls.mods(shared, call, context, returned)
            if mods:
                self._push.push_values(mods)

        if spec.inputs != call.spec.inputs or spec.state != call.spec.state:
            raise ReplayError(
                f"{spec.name} has other inputs now ({', '.join(map(str, spec.inputs + spec.state))}) than in that call"
            )
        args, kwargs = calls.arguments(shared, call)
        return Replay(self._in_context(context, functools.partial(shared.function, *args, **kwargs)), send)

    def _now(self, then: CallbackSpec) -> CallbackSpec:
        """The callback as it is now: by its name, and where several have that (of a loop, say), by its props."""
        now: tuple[CallbackSpec, ...] = self._runtime.dispatcher.graph.specs
        specs = [s for s in reversed(now) if s.name == then.name]
        if not specs:
            raise self._gone(then.name)
        same = (s for s in specs if s is then or (s.outputs, s.inputs) == (then.outputs, then.inputs))
        similar = (s for s in specs if s.outputs == then.outputs and then.outputs)
        return next(same, None) or next(similar, specs[0])

    def _regular(self, call: RegularCall, name: str) -> Replay:
        output = str(call.body.get("output"))
        spec = self._registry.specs.get(output)
        if spec is None or spec.function is None or spec.definition is None or not spec.definition.active:
            raise self._gone(name)
        with dash_internals.requesting(call.request):
            args, kwargs, context = self._stock.stock_arguments(call.asked.fresh(), call.client)

        def send(returned: Returned) -> None:
            if call.client is None:
                raise ReplayError(f"{name} was not called by a page; there is nobody to send its result to")
            self._push.push_to(call.client, self._stock.stock_outputs(output, context, returned))

        return Replay(self._in_context(context, functools.partial(spec.function, *args, **kwargs)), send)

    def _direct(self, call: DirectCall, name: str) -> Replay:
        spec = self._registry.specs.get(str(call.body.get("output")), call.spec)
        if spec is None or (spec.definition is not None and not spec.definition.active):
            raise self._gone(name)

        def send(returned: Returned) -> None:
            raise ReplayError(
                f"{name} was called by a program and not by a page; there is nobody to send its result to"
            )

        return Replay(functools.partial(spec.function or call.function, **call.kept().arguments), send)

    def _in_context(self, context: Context, function: Function) -> Callable[[], Returned]:
        def run() -> Returned:
            before = dash_internals.current_context()
            self._stock.enter(context)
            try:
                returned = function()
            finally:
                self._stock.enter(before or {})
            return self._awaited(context, returned) if inspect.isawaitable(returned) else returned

        return run

    async def _awaited(self, context: Context, returned: Returned) -> Returned:
        self._stock.enter(context)
        return await returned

    def _gone(self, name: str) -> ReplayError:
        names = ", ".join(dict.fromkeys(each.name for each in self._callbacks)) or "none"
        return ReplayError(f"the callback {name!r} no longer exists; define it again (there is {names})")
