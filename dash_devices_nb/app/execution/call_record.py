"""Records of calls: the arguments and the result of each call, and how to replay it."""

from __future__ import annotations

import asyncio
import copy
import inspect
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from types import NoneType
from typing import cast

import orjson

from dash_devices_nb.app.execution.regular_call import RegularCall
from dash_devices_nb.app.stock_dash.types import JsonObject, JsonValue, PropValue, Returned
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.propagation import Argument, Call
from dash_devices_nb.core.callbacks.spec import Slot
from dash_devices_nb.core.journal.entries import short
from dash_devices_nb.core.props.ids import Key, canonical
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.errors import JournalError, ReplayError
from dash_devices_nb.kernel.tracebacks import in_a_line

UNCHANGEABLE = (str, int, float, bool, bytes, NoneType)


@dataclass(eq=False, repr=False)
class RecordedCall:
    """One call of a callback. Its values are decoded when somebody looks at them, since few calls are looked at.

    Attributes:
        name: the function's name.
        client: the client that caused it, or None.
        call: the call of the dispatcher, or the request of a page.
        error: the exception that it raised, or None.
        seconds: its duration. None while it runs.
        sent: the size of the values that its result sets, in bytes of JSON.
    """

    name: str
    client: Client | None
    call: Call | RegularCall = field(repr=False)
    _again: Callable[[RecordedCall], Replay] = field(repr=False)
    _result: Returned = field(default=None, repr=False)
    error: BaseException | None = None
    seconds: float | None = None
    sent: int = field(default=0, repr=False)
    _began: float = field(default_factory=time.perf_counter, repr=False)

    @property
    def result(self) -> Returned:
        """What the function returned. None while it runs, or if it raised. A mutable result is shown as it was sent."""
        return self._result.fresh() if isinstance(self._result, Kept) else self._result

    @result.setter
    def result(self, returned: Returned) -> None:
        self._result = returned

    def keep(self, mods: Mods | None) -> None:
        """The call has ended, and has set these values. Replace its result by a copy that the program cannot change."""
        self.sent = sum([value.size for value in mods.values()]) if mods else 0
        if not isinstance(self._result, UNCHANGEABLE):
            self._result = Kept(self._result, mods)

    def note_error(self, error: BaseException) -> None:
        """The function has raised."""
        self.error = error
        self.ended()

    def ended(self) -> None:
        """The function has returned or raised. Stop the clock: tracebacks and sending do not count."""
        if self.seconds is None:
            self.seconds = time.perf_counter() - self._began

    @property
    def triggered(self) -> tuple[str, ...]:
        """The inputs that changed, as "id.prop". Empty for an initial call."""
        raise NotImplementedError

    @property
    def keys(self) -> tuple[Key, ...]:
        """The props of its inputs, and of its outputs if they are known."""
        raise NotImplementedError

    @property
    def inputs(self) -> JsonObject:
        """The inputs' values by "id.prop"."""
        raise NotImplementedError

    @property
    def state(self) -> JsonObject:
        """The state's values by "id.prop"."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Bytes of the inputs and the state as JSON."""
        return sum(len(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)) for value in self._all_values())

    @property
    def weight(self) -> int:
        """Roughly the bytes of JSON that the journal keeps for it."""
        raise NotImplementedError

    def let_go(self) -> EvictedCall:
        """Return the record that replaces it when the journal needs the memory."""
        return EvictedCall(self)

    def without_frames(self) -> RecordedCall:
        """Return the same call, with an error that has no traceback."""
        other = copy.copy(self)
        other.error = bare(self.error)
        return other

    def _all_values(self) -> list[PropValue]:
        return [*self.inputs.values(), *self.state.values()]

    def replay(self, send: bool = False) -> Returned:
        """Call the function in its current definition with the same arguments and context, in the foreground.

        `%debug`, `%prun` and `breakpoint()` work. Call it from a cell.

        Args:
            send: also send the result to the pages, as the callback would have.

        Returns:
            What the function returns. A coroutine function returns an awaitable, a generator function an iterator.

        Raises:
            ReplayError: the callback no longer exists, or `send` was given for a generator, which has many results.
            Exception: whatever the function raises.
        """
        replay = self._again(self)
        returned = replay.function()
        if send and (inspect.isgenerator(returned) or inspect.isasyncgen(returned)):
            raise ReplayError(
                f"{self.name} is a generator with many results, and send=True sends one; call replay() without it"
            )
        if inspect.isawaitable(returned):
            return _finished(returned, replay, send)
        if send:
            replay.send(returned)
        return returned

    def __str__(self) -> str:
        took = "runs" if self.seconds is None else f"{self.seconds * 1000:.1f} ms"
        end = f", raised {_shown(self.error)}" if self.error is not None else ""
        return f"{self.name}({', '.join(self.triggered) or 'initial'}) {took}{end}"

    def __repr__(self) -> str:
        given = ", ".join(f"{name} = {short(value)}" for name, value in (self.inputs | self.state).items())
        end = "" if self.error is not None or self.seconds is None else f" -> {short(self.result)}"
        return f"<{self}: {given}{end}>"


class Kept:
    """A result as JSON.

    Args:
        result: what the function returned.
        mods: the values that it sets. If they are the whole result, they are kept instead of it.
    """

    __slots__ = ("_json", "_text", "_values")

    def __init__(self, result: Returned, mods: Mods | None) -> None:
        self._values = tuple(mods.values()) if mods else ()
        self._json, self._text = None, ""
        if self._values:
            return
        try:
            self._json = orjson.dumps(result, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)
        except TypeError:
            try:
                self._text = short(result)
            except Exception as error:  # noqa: BLE001 - a program's object may be anything
                self._text = f"<a {type(result).__name__}, whose repr raises {type(error).__name__}>"

    @property
    def size(self) -> int:
        """The bytes that are kept, without those of the values that it set."""
        return len(self._text if self._json is None else self._json)

    def fresh(self) -> Returned:
        """Return a new object. Several outputs are a list. A result that is not JSON is a text that describes it."""
        if self._values:
            found = [value.fresh() for value in self._values]
            return found[0] if len(found) == 1 else found
        return self._text if self._json is None else orjson.loads(self._json)


class EvictedCall:
    """A call without its arguments and result: the journal dropped them, as they were large. It cannot be replayed.

    Attributes:
        name, client, seconds, triggered, keys, size: as those of the call.
        error: as that of the call, without its traceback.
    """

    weight = 0

    def __init__(self, call: RecordedCall) -> None:
        self.name, self.client, self.seconds = call.name, call.client, call.seconds
        self.triggered, self.keys, self.size = call.triggered, call.keys, call.size
        self.error = bare(call.error)
        self._text = str(call)

    @property
    def inputs(self) -> JsonObject:
        """Raises JournalError, as `state` and `result` do."""
        raise self._gone("arguments")

    @property
    def state(self) -> JsonObject:
        """Raises JournalError."""
        raise self._gone("arguments")

    @property
    def result(self) -> Returned:
        """Raises JournalError."""
        raise self._gone("result")

    def replay(self, send: bool = False) -> Returned:
        """Raises JournalError."""
        raise self._gone("arguments")

    def let_go(self) -> EvictedCall:
        """Return itself: there is nothing left to drop."""
        return self

    without_frames = let_go

    def _gone(self, what: str) -> JournalError:
        return JournalError(
            f"the journal has dropped the {what} of this call of {self.name}, because later calls needed the memory; "
            "take a newer call, or give the journal more: app.journal.memory = (bytes)"
        )

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"<{self}, let go: {self.size} bytes>"


def bare(error: BaseException | None) -> BaseException | None:
    """Copy an exception without its traceback, which would keep the objects in its frames alive."""
    if error is None:
        return None
    try:
        copied = type(error).__new__(type(error), *error.args)
        copied.args = error.args
        copied.__dict__.update(error.__dict__)
    except Exception:  # noqa: BLE001 - a program's exception may be made in any way
        copied = RuntimeError(in_a_line(error))
    return copied


class SharedRecord(RecordedCall):
    """A call of a shared callback; `call` is the dispatcher's."""

    call: Call

    @property
    def size(self) -> int:
        """Bytes of the inputs and the state as JSON."""
        return sum(_bytes(value) for value in self.call.inputs + self.call.state)

    @property
    def weight(self) -> int:
        """The bytes of arguments and result as JSON. A result that sets values counts by these."""
        return self.size + max(self.sent, _kept_size(self._result))

    @property
    def triggered(self) -> tuple[str, ...]:
        """The inputs that changed."""
        return tuple(".".join(key) for key in self.call.triggered)

    @property
    def keys(self) -> tuple[Key, ...]:
        """Inputs and outputs."""
        resolved = self.call.resolved
        return tuple(resolved.input_keys + resolved.output_keys)

    @property
    def inputs(self) -> JsonObject:
        """The inputs' values."""
        return _by_name(self.call.resolved.inputs, self.call.inputs)

    @property
    def state(self) -> JsonObject:
        """The state's values."""
        return _by_name(self.call.resolved.state, self.call.state)


class RegularRecord(RecordedCall):
    """A call of a regular callback; `call` is the page's request."""

    call: RegularCall

    @property
    def weight(self) -> int:
        """The bytes of the request and of the answer as JSON."""
        return len(self.call.asked.json) + len(self.result or "")

    @property
    def triggered(self) -> tuple[str, ...]:
        """The inputs that changed."""
        return tuple(map(str, self._body.get("changedPropIds") or ()))

    @property
    def keys(self) -> tuple[Key, ...]:
        """Inputs and outputs."""
        outputs = str(self._body.get("output") or "").strip(".").split("...")
        names = [*self.inputs, *(output.split("@")[0] for output in outputs if "." in output)]
        return tuple((name.rpartition(".")[0], name.rpartition(".")[2]) for name in names)

    @property
    def inputs(self) -> JsonObject:
        """The inputs' values."""
        return _by_item(self._body.get("inputs"))

    @property
    def state(self) -> JsonObject:
        """The state's values."""
        return _by_item(self._body.get("state"))

    @property
    def _body(self) -> JsonObject:
        """A new copy of the request, so that nobody can change what is kept."""
        body: JsonObject = self.call.asked.fresh()
        return body


class DirectRecord(RecordedCall):
    """A call of a callback's function by an API endpoint or an MCP tool; `call` is a `DirectCall`."""

    call: RegularCall

    @property
    def weight(self) -> int:
        """The bytes of arguments and result as JSON."""
        return len(self.call.asked.json) + _kept_size(self._result)

    @property
    def triggered(self) -> tuple[str, ...]:
        """The names of the arguments, as no input has changed."""
        return tuple(self.inputs)

    @property
    def keys(self) -> tuple[Key, ...]:
        """Empty: only the requester gets its result."""
        return ()

    @property
    def inputs(self) -> JsonObject:
        """The arguments."""
        arguments: JsonObject = self.call.asked.fresh()["arguments"]
        return arguments

    @property
    def state(self) -> JsonObject:
        """None."""
        return {}


def _shown(error: BaseException) -> str:
    try:
        return repr(error)
    except Exception:  # noqa: BLE001 - a program's exception may be anything
        return in_a_line(error)


def _kept_size(result: Returned) -> int:
    return result.size if isinstance(result, Kept) else sys.getsizeof(result)


def _bytes(argument: Argument) -> int:
    return sum([each.size for each in argument]) if isinstance(argument, tuple) else argument.size


def _by_name(slots: tuple[Slot, ...], values: tuple[Argument, ...]) -> JsonObject:
    named: JsonObject = {}
    for slot, value in zip(slots, values, strict=True):
        if isinstance(value, tuple):
            named.update((".".join(key), item.fresh()) for key, item in zip(slot, value, strict=True))
        else:
            named[".".join(cast("Key", slot))] = value.fresh()
    return named


def _by_item(part: JsonValue) -> JsonObject:
    """Decode the lists that a renderer sends. The item of a pattern is a list itself."""
    named: JsonObject = {}
    for slot in part or ():
        for item in slot if isinstance(slot, list) else [slot]:
            named[f"{canonical(item['id'])}.{item['property']}"] = item.get("value")
    return named


@dataclass
class Replay:
    """How to call a function again: the function with bound arguments, and a function that sends its result."""

    function: Callable[[], Returned]
    send: Callable[[Returned], None]


async def _finished(returned: Returned, replay: Replay, send: bool) -> Returned:
    value = await returned
    if send:
        replay.send(value)
    return value


def _tell(future: asyncio.Future[RecordedCall], call: RecordedCall) -> None:
    if not future.done():
        future.set_result(call)


class NextCalls:
    """The waiters for the next call of a callback."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str | None, asyncio.AbstractEventLoop, asyncio.Future[RecordedCall]]] = []

    def told(self, call: RecordedCall) -> None:
        """A call has finished: wake its waiters. From any thread."""
        for waiting in list(self._waiting):
            name, loop, future = waiting
            if name in (None, call.name):
                self._waiting.remove(waiting)
                loop.call_soon_threadsafe(_tell, future, call)

    async def next(self, name: str | None, timeout: float, known: Collection[str] = ()) -> RecordedCall:
        """Wait for the next call of a callback, `known` by name. Raises ReplayError after `timeout` seconds."""
        if type(timeout) not in (int, float) or not timeout >= 0:
            raise ReplayError(f"timeout={timeout!r}; it takes a number of seconds, 0 or more")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[RecordedCall] = loop.create_future()
        waiting = (name, loop, future)
        self._waiting.append(waiting)
        try:
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            what = f"{name!r} was not called" if name else "no callback was called"
            if name and name not in known:
                raise ReplayError(
                    f"{what} within {timeout:g} s: there is no such callback, there is {', '.join(known) or 'none'}"
                ) from None
            raise ReplayError(
                f"{what} within {timeout:g} s: act on the page meanwhile, or give a longer timeout="
            ) from None
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
