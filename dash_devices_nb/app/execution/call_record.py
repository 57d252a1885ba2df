"""A call in hand: what a callback was called with, what came of it, and calling it again."""

from __future__ import annotations

import asyncio
import copy
import inspect
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, cast

import orjson

from dash_devices_nb.core.callbacks.propagation import Argument
from dash_devices_nb.core.callbacks.spec import Slot
from dash_devices_nb.core.journal.entries import short
from dash_devices_nb.core.props.ids import Key, canonical
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.errors import JournalError, ReplayError
from dash_devices_nb.kernel.tracebacks import in_a_line

UNCHANGEABLE = (str, int, float, bool, bytes, NoneType)


@dataclass(eq=False, repr=False)
class RecordedCall:
    """One call of a callback. What it was called with is worked out when somebody looks, since few calls are looked at.

    Attributes:
        name: the function's name.
        client: who caused it, or None.
        call: what the dispatcher, or a page, asked for.
        error: what it raised, or None.
        seconds: how long it took; None while it runs.
        sent: bytes of JSON that its result sets.
    """

    name: str
    client: Any
    call: Any = field(repr=False)
    _again: Callable[[RecordedCall], Replay] = field(repr=False)
    _result: Any = field(default=None, repr=False)
    error: BaseException | None = None
    seconds: float | None = None
    sent: int = field(default=0, repr=False)
    _began: float = field(default_factory=time.perf_counter, repr=False)

    @property
    def result(self) -> Any:
        """What the function returned; None while it runs, or if it raised. Of what can be changed: as it was sent."""
        return self._result.fresh() if isinstance(self._result, Kept) else self._result

    @result.setter
    def result(self, returned: Any) -> None:
        self._result = returned

    def keep(self, mods: Mods | None) -> None:
        """The call is over: keep nothing of its result that the program may change later."""
        if not isinstance(self._result, UNCHANGEABLE):
            self._result = Kept(self._result, mods)

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

    @property
    def weight(self) -> int:
        """Bytes of JSON that the journal holds with it, about."""
        raise NotImplementedError

    def let_go(self) -> EvictedCall:
        """What stands for it once it takes too much memory."""
        return EvictedCall(self)

    def without_frames(self) -> RecordedCall:
        """The same call, whose error has no traceback."""
        other = copy.copy(self)
        other.error = bare(self.error)
        return other

    def _all_values(self) -> list[Any]:
        return [*self.inputs.values(), *self.state.values()]

    def replay(self, send: bool = False) -> Any:
        """Call the function, as it is now defined, with the same arguments and context, in the foreground.

        So `%debug`, `%prun` and `breakpoint()` work. From a cell.

        Args:
            send: also send the result to the pages, as the callback would have.

        Returns:
            What the function returns: for a coroutine something to await, for a generator what yields its answers.

        Raises:
            ReplayError: the callback has gone, or `send` is asked of a generator, which has no one result.
            Exception: whatever the function raises.
        """
        replay = self._again(self)
        returned = replay.function()
        if send and (inspect.isgenerator(returned) or inspect.isasyncgen(returned)):
            raise ReplayError(
                f"{self.name} is a generator: replay() gives it, to go through; send=True sends one result"
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
        mods: what it sets, by which it is kept where that is all of it.
    """

    __slots__ = ("_json", "_text", "_values")

    def __init__(self, result: Any, mods: Mods | None) -> None:
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
        """Bytes that are kept with it, but for those of what it set."""
        return len(self._text if self._json is None else self._json)

    def fresh(self) -> Any:
        """As an object of the caller's own: of several outputs a list, of what is no JSON a text that describes it."""
        if self._values:
            found = [value.fresh() for value in self._values]
            return found[0] if len(found) == 1 else found
        return self._text if self._json is None else orjson.loads(self._json)


class EvictedCall:
    """A call whose arguments and result the journal has let go, because they were large. It cannot be replayed.

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
    def inputs(self) -> dict[str, Any]:
        """Raises JournalError, as `state` and `result` do."""
        raise self._gone("arguments")

    @property
    def state(self) -> dict[str, Any]:
        """Raises JournalError."""
        raise self._gone("arguments")

    @property
    def result(self) -> Any:
        """Raises JournalError."""
        raise self._gone("result")

    def replay(self, send: bool = False) -> Any:
        """Raises JournalError."""
        raise self._gone("arguments")

    def let_go(self) -> EvictedCall:
        """Nothing is left to let go."""
        return self

    without_frames = let_go

    def _gone(self, what: str) -> JournalError:
        return JournalError(
            f"the journal has let go of the {what} of this call of {self.name}, because later ones needed the room; "
            "take a newer call, or give the journal more: app.journal.memory = (bytes)"
        )

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"<{self}, let go: {self.size} bytes>"


def bare(error: BaseException | None) -> BaseException | None:
    """A copy of an exception without its traceback, and so without all that lives in its frames."""
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

    @property
    def size(self) -> int:
        """Bytes of the inputs and the state as JSON."""
        return sum(_bytes(value) for value in self.call.inputs + self.call.state)

    @property
    def weight(self) -> int:
        """Bytes of the arguments as JSON; the result by what it sets, or by its own account."""
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
    def inputs(self) -> dict[str, Any]:
        """The inputs' values."""
        return _by_name(self.call.resolved.inputs, self.call.inputs)

    @property
    def state(self) -> dict[str, Any]:
        """The state's values."""
        return _by_name(self.call.resolved.state, self.call.state)


class RegularRecord(RecordedCall):
    """A call of a regular callback; `call` is the page's request."""

    @property
    def weight(self) -> int:
        """Bytes of the request as JSON, and of the answer."""
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
    def inputs(self) -> dict[str, Any]:
        """The inputs' values."""
        return _by_item(self._body.get("inputs"))

    @property
    def state(self) -> dict[str, Any]:
        """The state's values."""
        return _by_item(self._body.get("state"))

    @property
    def _body(self) -> dict[str, Any]:
        """The request, made anew for whoever looks: nobody can change what is kept."""
        body: dict[str, Any] = self.call.asked.fresh()
        return body


class DirectRecord(RecordedCall):
    """A call of a callback's function by an API endpoint or an MCP tool; `call` is a `DirectCall`."""

    @property
    def weight(self) -> int:
        """Bytes of the arguments as JSON, and of the result by its own account."""
        return len(self.call.asked.json) + _kept_size(self._result)

    @property
    def triggered(self) -> tuple[str, ...]:
        """The arguments' names: no input has changed."""
        return tuple(self.inputs)

    @property
    def keys(self) -> tuple[Key, ...]:
        """None: its result goes to who asked alone."""
        return ()

    @property
    def inputs(self) -> dict[str, Any]:
        """The arguments."""
        arguments: dict[str, Any] = self.call.asked.fresh()["arguments"]
        return arguments

    @property
    def state(self) -> dict[str, Any]:
        """None."""
        return {}


def _shown(error: BaseException) -> str:
    try:
        return repr(error)
    except Exception:  # noqa: BLE001 - a program's exception may be anything
        return in_a_line(error)


def _kept_size(result: Any) -> int:
    return result.size if isinstance(result, Kept) else sys.getsizeof(result)


def _bytes(argument: Argument) -> int:
    return sum([len(each.json) for each in argument]) if isinstance(argument, tuple) else len(argument.json)


def _by_name(slots: tuple[Slot, ...], values: tuple[Argument, ...]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for slot, value in zip(slots, values, strict=True):
        if isinstance(value, tuple):
            named.update((".".join(key), item.fresh()) for key, item in zip(slot, value, strict=True))
        else:
            named[".".join(cast("Key", slot))] = value.fresh()
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
