"""Running shared callbacks: the arguments, the function, and what it returned."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import dash
from dash.exceptions import InvalidCallbackReturnValue, PreventUpdate

from dash_devices_nb.app.definitions.declare import SharedCallback
from dash_devices_nb.app.execution.call_record import RecordedCall
from dash_devices_nb.app.execution.completion import Completion
from dash_devices_nb.app.execution.context import SharedContext
from dash_devices_nb.app.execution.outputs import PlainMods, is_alternate, mods_of
from dash_devices_nb.app.execution.ports import CallRecorder, StockCalls
from dash_devices_nb.app.execution.runtime import Runtime, being_cancelled, running_call
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.core.callbacks.propagation import Argument, Call
from dash_devices_nb.core.callbacks.spec import CallbackSpec, Slot
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.kernel.outputlog import OutputLog


class SharedCalls:
    """Runs the shared callbacks of one app.

    Args:
        runtime: the app's runtime.
        stock: its side of stock Dash.
        recorder: takes down what becomes of the calls.
        output_log: logs what they print.
        check: raises if a component does not have a prop; called with each prop of a result.
    """

    def __init__(
        self,
        runtime: Runtime,
        stock: StockCalls,
        recorder: CallRecorder,
        output_log: OutputLog,
        check: Callable[[Key], None],
    ) -> None:
        self._runtime = runtime
        self._stock = stock
        self._recorder = recorder
        self._output_log = output_log
        self._check = check
        self.callbacks: dict[CallbackSpec, SharedCallback] = {}

    @staticmethod
    def of(spec: CallbackSpec) -> SharedCallback:
        """What is called, also of a callback that was taken away while its calls wait or run."""
        (callback,) = spec.driver
        assert isinstance(callback, SharedCallback)
        return callback

    def run(self, call: Call) -> None:
        """Start a call. Does not block, nor raise: it ends, whatever becomes of it."""
        completion: Completion[Mods | None] = Completion(
            lambda mods: self._finish(call, mods), None, lambda error: self._runtime.beside(error, call)
        )
        try:
            self._runtime.lagging(call)
        except Exception as error:  # noqa: BLE001 - the call runs all the same
            self._runtime.beside(error, call)
        if call.spec.coroutine:
            self._runtime.spawn(lambda: self._run_coroutine(call, completion), completion.end)
        else:
            self._runtime.work(lambda: self._run_plain(call, completion), completion.end)

    def _run_plain(self, call: Call, completion: Completion[Mods | None]) -> None:
        with completion:
            shared = self.of(call.spec)
            recorded = self._recorder.shared_call(call)
            with shared.output.bound(self._output_log, call.spec.name), self._entered(shared, call) as context:
                try:
                    with nullcontext() if shared.lock is None or isinstance(shared.lock, str | int) else shared.lock:
                        args, kwargs = self.arguments(shared, call)
                        returned = self._runtime.running.run(call.spec.name, shared.function, *args, **kwargs)
                    if inspect.isawaitable(returned):
                        returned = self._await(returned)
                    recorded.result = returned
                    completion.result = self.mods(shared, call, context, returned)
                except BaseException as exc:  # noqa: BLE001 - a program's code may raise anything
                    completion.result = self._failed(shared, call, context, recorded, exc)
            self._recorder.finished(recorded, shared.definition, completion.result)

    async def _run_coroutine(self, call: Call, completion: Completion[Mods | None]) -> None:
        with completion:
            shared = self.of(call.spec)
            recorded = self._recorder.shared_call(call)
            with shared.output.bound(self._output_log, call.spec.name), self._entered(shared, call) as context:
                try:
                    lock: Any = shared.lock if isinstance(shared.lock, asyncio.Lock) else _Unlocked()
                    async with lock:
                        args, kwargs = self.arguments(shared, call)
                        returned = recorded.result = await shared.function(*args, **kwargs)
                    completion.result = self.mods(shared, call, context, returned)
                except BaseException as exc:
                    if isinstance(exc, asyncio.CancelledError) and being_cancelled():
                        raise
                    completion.result = self._failed(shared, call, context, recorded, exc)
            self._recorder.finished(recorded, shared.definition, completion.result)

    def _await(self, returned: Any) -> Any:
        """Await, on the callback loop, what a plain function returned (a lambda around a coroutine, say)."""
        loop = self._runtime.callback_loop
        if loop is None:
            raise RuntimeError("the app has stopped")

        async def wait() -> Any:
            return await returned

        return asyncio.run_coroutine_threadsafe(wait(), loop).result()

    @contextmanager
    def _entered(self, shared: SharedCallback, call: Call) -> Iterator[SharedContext]:
        context = SharedContext(call, shared.indices)
        token = running_call.set(call)
        try:
            dash_internals.enter_context(self._stock, context)
            for hook in self._stock.hooked("custom_data"):
                context.custom_data[hook.data["namespace"]] = hook(context)
            yield context
        finally:
            running_call.reset(token)

    def arguments(self, shared: SharedCallback, call: Call) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of the function."""
        flat = [_plain(value) for value in call.inputs + call.state]
        return dash_internals.grouped_arguments(flat, shared.indices)

    def _failed(
        self,
        shared: SharedCallback,
        call: Call,
        context: SharedContext,
        recorded: RecordedCall,
        error: BaseException,
    ) -> Mods | None:
        if isinstance(error, PreventUpdate):
            return None
        recorded.error = error
        recorded.ended()
        handler = shared.on_error or self._stock.default_on_error
        if handler is not None and isinstance(error, Exception):
            try:
                returned = handler(error)
                return self.mods(shared, call, context, dash.no_update if returned is None else returned)
            except PreventUpdate:
                return None
            except BaseException as another:  # noqa: BLE001 - a program's code may raise anything
                error = another
        self._runtime.report(error, call, call.client)
        return None

    def mods(self, shared: SharedCallback, call: Call, context: SharedContext, returned: Any) -> Mods | None:
        """What a call's result sets; None: nothing."""
        plain: PlainMods = []
        if is_alternate(returned):
            plain += mods_of(returned, f"the alternate output of {call.spec.name}")
        elif call.spec.outputs:
            plain += self._normal(shared, call, returned)
        for component_id, props in context.updated_props.items():
            plain += [((component_id, prop), value) for prop, value in props.items()]
        for key, _ in plain:
            self._check(key)
        mods = {key: dash_internals.encode(value, f"{call.spec.name}: {key[0]}.{key[1]}") for key, value in plain}
        return mods or None

    def _normal(self, shared: SharedCallback, call: Call, returned: Any) -> PlainMods:
        if isinstance(returned, dash.NoUpdate):
            return []
        slots = call.resolved.outputs
        if not call.spec.several:
            return _spread(slots[0], returned, call.spec.outputs[0].many, call.spec)
        try:
            values = dash_internals.flat_outputs(returned, shared.grouping)
        except InvalidCallbackReturnValue as exc:
            got = f"{len(returned)} values" if _groups(returned) else type(returned).__name__
            raise InvalidCallbackReturnValue(
                f"{call.spec.name} has {len(slots)} outputs ({', '.join(map(str, call.spec.outputs))}) "
                f"and returned {got}: {returned!r}"
            ) from exc
        return [
            pair
            for slot, ref, value in zip(slots, call.spec.outputs, values, strict=True)
            for pair in _spread(slot, value, ref.many, call.spec)
        ]

    def _finish(self, call: Call, mods: Mods | None) -> None:
        dispatcher, enter = self._runtime.dispatcher, self._runtime.enter
        if mods is not None:
            try:
                enter(lambda: dispatcher.receive_result(call, mods))
            except Exception as error:  # noqa: BLE001 - reported; its serial queue is freed all the same
                self._runtime.beside(error, call)
            else:
                return
        enter(lambda: dispatcher.receive_failure(call) if call in call.propagation.live else [])


def _groups(returned: Any) -> bool:
    return isinstance(returned, list | tuple | dict)


def _plain(argument: Argument) -> Any:
    return [value.fresh() for value in argument] if isinstance(argument, tuple) else argument.fresh()


def _spread(slot: Slot, value: Any, many: bool, spec: CallbackSpec) -> PlainMods:
    """One output's value, or one for each component of a pattern with ALL; without what is `no_update`."""
    if isinstance(value, dash.NoUpdate):
        return []
    if not many:
        return [(slot, value)]  # type: ignore[list-item]
    if not isinstance(value, list | tuple) or len(value) != len(slot):
        raise InvalidCallbackReturnValue(
            f"{spec.name}: an output with ALL stands for {len(slot)} components here and takes as many values, "
            f"not {value!r}"
        )
    return [
        (key, item)  # type: ignore[misc]
        for key, item in zip(slot, value, strict=True)
        if not isinstance(item, dash.NoUpdate)
    ]


class _Unlocked:
    """Stands where an asyncio.Lock may stand."""

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *exc: object) -> None: ...
