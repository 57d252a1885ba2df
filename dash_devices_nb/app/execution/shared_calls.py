"""Running shared callbacks: making the arguments, calling the function, sending its result."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import dash
from dash.exceptions import InvalidCallbackReturnValue, PreventUpdate

from dash_devices_nb.app.definitions.declare import SharedCallback
from dash_devices_nb.app.execution.call_record import RecordedCall
from dash_devices_nb.app.execution.completion import Completion
from dash_devices_nb.app.execution.context import SharedContext
from dash_devices_nb.app.execution.event_stream import CallEnded
from dash_devices_nb.app.execution.outputs import PlainMods, is_alternate, mods_of
from dash_devices_nb.app.execution.ports import CallRecorder, StockCalls
from dash_devices_nb.app.execution.runtime import Runtime, being_cancelled, running_call
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.types import Keywords, PropValue, Returned
from dash_devices_nb.core.callbacks.propagation import Argument, Call
from dash_devices_nb.core.callbacks.spec import CallbackSpec, Slot
from dash_devices_nb.core.props.arrays import ARRAY_PROPS
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.kernel.outputlog import OutputLog


class SharedCalls:
    """Runs the shared callbacks of one app.

    Args:
        runtime: the app's runtime.
        stock: its side of stock Dash.
        recorder: records the calls.
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
        """Return the callback of a spec, even if it was removed while its calls wait or run."""
        (callback,) = spec.driver
        assert isinstance(callback, SharedCallback)
        return callback

    def run(self, call: Call) -> None:
        """Start a call. Does not block. Never raises: the call ends in any case."""
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
        with completion, self._calling(call, completion) as (shared, context, recorded):
            with shared.lock if isinstance(shared.lock, AbstractContextManager) else nullcontext():
                args, kwargs = self.arguments(shared, call)
                returned = self._runtime.running.run(call.spec.name, shared.function, *args, **kwargs)
            if inspect.isawaitable(returned):
                returned = self._await(returned)
            recorded.result = returned
            completion.set_result(self.mods(shared, call, context, returned))

    async def _run_coroutine(self, call: Call, completion: Completion[Mods | None]) -> None:
        with completion, self._calling(call, completion) as (shared, context, recorded):
            async with shared.lock if isinstance(shared.lock, asyncio.Lock) else nullcontext():
                args, kwargs = self.arguments(shared, call)
                returned = recorded.result = await shared.function(*args, **kwargs)
            completion.set_result(self.mods(shared, call, context, returned))

    @contextmanager
    def _calling(
        self, call: Call, completion: Completion[Mods | None]
    ) -> Iterator[tuple[SharedCallback, SharedContext, RecordedCall]]:
        """Record a call, and take what its function raises. The block calls the function."""
        shared = self.of(call.spec)
        recorded = self._recorder.shared_call(call)
        with shared.output.bound(self._output_log, call.spec.name), self._entered(shared, call) as context:
            try:
                yield shared, context, recorded
            except BaseException as exc:
                # A task that is being cancelled must end with this exception. A thread has no task.
                if call.spec.coroutine and isinstance(exc, asyncio.CancelledError) and being_cancelled():
                    raise
                completion.set_result(self._failed(shared, call, context, recorded, exc))
        self._runtime.publish(CallEnded(recorded, shared.definition, completion.result))

    def _await(self, returned: Awaitable[Returned]) -> Returned:
        """Await, on the callback loop, what a plain function returned (a lambda around a coroutine, say)."""
        loop = self._runtime.callback_loop
        if loop is None:
            raise RuntimeError("the app has stopped")

        async def wait() -> Returned:
            return await returned

        return asyncio.run_coroutine_threadsafe(wait(), loop).result()

    @contextmanager
    def _entered(self, shared: SharedCallback, call: Call) -> Iterator[SharedContext]:
        context = SharedContext(call, shared.indices)
        token = running_call.set(call)
        try:
            self._stock.enter(context)
            for hook in self._stock.hooked("custom_data"):
                context.custom_data[hook.data["namespace"]] = hook(context)
            yield context
        finally:
            running_call.reset(token)

    def arguments(self, shared: SharedCallback, call: Call) -> tuple[list[PropValue], Keywords]:
        """Return the arguments of the function."""
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
        recorded.note_error(error)
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

    def mods(self, shared: SharedCallback, call: Call, context: SharedContext, returned: Returned) -> Mods | None:
        """Return the values that the result of a call sets, or None."""
        plain: PlainMods = []
        if is_alternate(returned):
            plain += mods_of(returned, f"the alternate output of {call.spec.name}")
        elif call.spec.outputs:
            plain += self._normal(shared, call, returned)
        for component_id, props in context.updated_props.items():
            plain += [((component_id, prop), value) for prop, value in props.items()]
        for key, _ in plain:
            self._check(key)
        mods = {
            key: dash_internals.encode(value, f"{call.spec.name}: {key[0]}.{key[1]}", arrays=key[1] in ARRAY_PROPS)
            for key, value in plain
        }
        return mods or None

    def _normal(self, shared: SharedCallback, call: Call, returned: Returned) -> PlainMods:
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
            except Exception as error:  # noqa: BLE001 - reported; its serial queue goes on all the same
                self._runtime.beside(error, call)
            else:
                return
        enter(lambda: dispatcher.receive_failure(call) if call in call.propagation.live else [])


def _groups(returned: Returned) -> bool:
    return isinstance(returned, list | tuple | dict)


def _plain(argument: Argument) -> PropValue:
    return [value.fresh() for value in argument] if isinstance(argument, tuple) else argument.fresh()


def _spread(slot: Slot, value: PropValue, many: bool, spec: CallbackSpec) -> PlainMods:
    """Return the value of an output, or one value for each component of an ALL pattern. Leaves out `no_update`."""
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
