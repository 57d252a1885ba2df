"""A call in hand: what a callback was called with, what came of it, and calling it again."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from dash_devices_nb.core.ids import Key, canonical
from dash_devices_nb.core.spec import Slot
from dash_devices_nb.core.waves import Argument
from dash_devices_nb.errors import ReplayError


@dataclass(eq=False)
class RecordedCall:
    """One call of a callback. What it was called with is worked out when somebody looks, since few calls are looked at.

    Attributes:
        name: the function's name.
        client: who caused it, or None.
        call: what the dispatcher, or a page, asked for.
        result: what the function returned; None while it runs, or if it raised.
        error: what it raised, or None.
        seconds: how long it took; None while it runs.
    """

    name: str
    client: Any
    call: Any = field(repr=False)
    _again: Callable[[RecordedCall], Replay] = field(repr=False)
    result: Any = None
    error: BaseException | None = None
    seconds: float | None = None
    _began: float = field(default_factory=time.perf_counter, repr=False)

    def ended(self) -> None:
        """The function has returned or raised: what follows (its traceback, sending) is not counted."""
        if self.seconds is None:
            self.seconds = time.perf_counter() - self._began

    @property
    def triggered(self) -> tuple[str, ...]:
        """The inputs that changed, as "id.prop"; empty for an initial call."""
        raise NotImplementedError

    @property
    def keys(self) -> tuple[Key, ...]:
        """The props that it is about: inputs, and outputs where they are known."""
        raise NotImplementedError

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs' values by "id.prop"."""
        raise NotImplementedError

    @property
    def state(self) -> dict[str, Any]:
        """The state's values by "id.prop"."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Bytes of the inputs and the state as JSON."""
        return sum(len(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)) for value in self._all_values())

    def _all_values(self) -> list[Any]:
        return [*self.inputs.values(), *self.state.values()]

    def replay(self, send: bool = False) -> Any:
        """Call the function, as it is now defined, with the same arguments and context, in the foreground.

        So `%debug`, `%prun` and `breakpoint()` work. From a cell.

        Args:
            send: also send the result to the pages, as the callback would have.

        Returns:
            What the function returns; for a coroutine something to await.

        Raises:
            ReplayError: the callback has gone.
            Exception: whatever the function raises.
        """
        replay = self._again(self)
        returned = replay.function()
        if inspect.isawaitable(returned):
            return _finished(returned, replay, send)
        if send:
            replay.send(returned)
        return returned

    def __str__(self) -> str:
        took = "runs" if self.seconds is None else f"{self.seconds * 1000:.1f} ms"
        end = f", raised {self.error!r}" if self.error is not None else ""
        return f"{self.name}({', '.join(self.triggered) or 'initial'}) {took}{end}"


class SharedRecord(RecordedCall):
    """A call of a shared callback; `call` is the dispatcher's."""

    @property
    def triggered(self) -> tuple[str, ...]:
        """The inputs that changed."""
        return tuple(".".join(key) for key in self.call.triggered)

    @property
    def keys(self) -> tuple[Key, ...]:
        """Inputs and outputs."""
        instance = self.call.instance
        return tuple(instance.input_keys + instance.output_keys)

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs' values."""
        return _by_name(self.call.instance.inputs, self.call.inputs)

    @property
    def state(self) -> dict[str, Any]:
        """The state's values."""
        return _by_name(self.call.instance.state, self.call.state)


class RegularRecord(RecordedCall):
    """A call of a regular callback; `call` is the page's request."""

    @property
    def triggered(self) -> tuple[str, ...]:
        """The inputs that changed."""
        return tuple(map(str, self.call.body.get("changedPropIds") or ()))

    @property
    def keys(self) -> tuple[Key, ...]:
        """Inputs and outputs."""
        outputs = str(self.call.body.get("output") or "").strip(".").split("...")
        names = [*self.inputs, *(output.split("@")[0] for output in outputs if "." in output)]
        return tuple((name.rpartition(".")[0], name.rpartition(".")[2]) for name in names)

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs' values."""
        return _by_item(self.call.body.get("inputs"))

    @property
    def state(self) -> dict[str, Any]:
        """The state's values."""
        return _by_item(self.call.body.get("state"))


def _by_name(slots: tuple[Slot, ...], values: tuple[Argument, ...]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for slot, value in zip(slots, values, strict=True):
        if isinstance(value, tuple):
            named.update((".".join(key), item.plain) for key, item in zip(slot, value, strict=True))
        else:
            named[".".join(cast("Key", slot))] = value.plain
    return named


def _by_item(part: Any) -> dict[str, Any]:
    """From the lists that a renderer sends; an item of a pattern is a list itself."""
    named: dict[str, Any] = {}
    for slot in part or ():
        for item in slot if isinstance(slot, list) else [slot]:
            named[f"{canonical(item['id'])}.{item['property']}"] = item.get("value")
    return named


@dataclass
class Replay:
    """How to call again: the function with its arguments bound, and what sends its result."""

    function: Callable[[], Any]
    send: Callable[[Any], None]


async def _finished(returned: Any, replay: Replay, send: bool) -> Any:
    value = await returned
    if send:
        replay.send(value)
    return value


def _tell(future: asyncio.Future[RecordedCall], call: RecordedCall) -> None:
    if not future.done():
        future.set_result(call)


class NextCalls:
    """Those who wait for a call."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str | None, asyncio.AbstractEventLoop, asyncio.Future[RecordedCall]]] = []

    def told(self, call: RecordedCall) -> None:
        """A call has finished. From any thread."""
        for waiting in list(self._waiting):
            name, loop, future = waiting
            if name in (None, call.name):
                self._waiting.remove(waiting)
                loop.call_soon_threadsafe(_tell, future, call)

    async def next(self, name: str | None, timeout: float) -> RecordedCall:
        """Wait for the next call of a callback. Raises ReplayError after `timeout` seconds."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[RecordedCall] = loop.create_future()
        waiting = (name, loop, future)
        self._waiting.append(waiting)
        try:
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            what = f"{name!r} was not called" if name else "no callback was called"
            raise ReplayError(
                f"{what} within {timeout:g} s: act on the page meanwhile, or give a longer timeout="
            ) from None
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
