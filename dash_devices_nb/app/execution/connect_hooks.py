"""The connect hooks of a program. Each hook gets one event at a time, in the order in which clients join and leave.

The hooks of one client are called one after the other, so that the second sees what the first has set on the client.

In a hook, `app.clients` lists the clients at the time of its event, even if others have joined or left since. So a
program that starts a timer with the first client and stops it with the last counts correctly, however quickly clients
come and go.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from dash_devices_nb.app.definitions.declare import name_of
from dash_devices_nb.app.definitions.registry import Stats
from dash_devices_nb.app.execution.runtime import Runtime, being_cancelled
from dash_devices_nb.app.stock_dash.types import Function, Returned
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.kernel.output import CellOutput
from dash_devices_nb.kernel.outputlog import OutputLog


@dataclass
class _Seen:
    """The clients at the event for which a hook is called.

    Attributes:
        present: None after the hook's first await, and after its end: from then on its code sees the present clients.
    """

    runtime: Runtime
    present: tuple[Client, ...] | None

    def passed(self) -> None:
        """Let the hook see the present clients from now on."""
        self.present = None


@dataclass(eq=False)
class _Event:
    """A client that joined or left, on its way through the hooks.

    Attributes:
        runtime: the app's runtime.
        present: the clients at that time, without those that left before a hook saw them join.
        hooks: the hooks that see it, in order.
        done: called after the last one.
        number: the index of the current hook.
    """

    runtime: Runtime
    client: Client
    connect: bool
    present: tuple[Client, ...]
    hooks: Sequence[ConnectHook]
    done: Callable[[], None]
    number: int = 0

    def go_on(self) -> None:
        """Call the next hook."""
        if self.number == len(self.hooks):
            self.done()
            return
        hook = self.hooks[self.number]
        self.number += 1
        hook.take(self)

    @contextmanager
    def seen(self) -> Iterator[_Seen]:
        """Within the block, `app.clients` lists the clients at the event."""
        seen = _Seen(self.runtime, self.present)
        token = _seen.set(seen)
        try:
            yield seen
        finally:
            _seen.reset(token)
            seen.passed()


_seen: ContextVar[_Seen | None] = ContextVar("dash_devices_nb_connect_event", default=None)


def present_at_event(runtime: Runtime) -> tuple[Client, ...] | None:
    """Return the clients at the event of the connect hook that runs. None outside of hooks."""
    seen = _seen.get()
    return seen.present if seen is not None and seen.runtime is runtime else None


def clients_of(runtime: Runtime) -> list[Client]:
    """Return the present clients; in a connect hook, the clients at its event. From any thread."""
    at_event = present_at_event(runtime)
    if at_event is not None:
        return list(at_event)
    with runtime.lock:
        return [page.client for page in runtime.pages.values()]


def tell(
    runtime: Runtime, hooks: Sequence[ConnectHook], client: Client, *, connect: bool, done: Callable[[], None]
) -> None:
    """Call the hooks for a client that joined or left, in the order of their definition.

    If a client leaves before a hook has seen it join, that hook sees neither.

    Does not block. On the I/O loop. `done` is called after the last hook, from any thread.
    """
    with runtime.lock:
        present = tuple(page.client for page in runtime.pages.values())
    _Event(runtime, client, connect, present, hooks, done).go_on()


@dataclass(eq=False)
class _HookCall:
    """One call of a hook, with what it returned."""

    returned: Returned = None


class ConnectHook:
    """A function that the program gave to `callback_connect`.

    Args:
        function: called with (client, connect). Plain or a coroutine function.
        output: the cell that gets its output.
        runtime: runs it.
        send: called with (client, mods) if it returned mods for a client that joined.
        log: also gets its output.

    Attributes:
        stats: the statistics of its calls.
    """

    def __init__(
        self,
        function: Function,
        output: CellOutput,
        runtime: Runtime,
        send: Callable[[Client, Returned], None],
        log: OutputLog,
    ) -> None:
        self._function = function
        self._output = output
        self._runtime = runtime
        self._send = send
        self._log = log
        self.stats = Stats()
        self._name = name_of(function)
        self._waiting: deque[_Event] = deque()
        self._run: object = None  # stands for the one run of it

    def take(self, event: _Event) -> None:
        """Queue an event for this hook. Does not block. From any thread."""
        run = None
        with self._runtime.lock:
            came = None if event.connect else self._unseen(event.client)
            if came is None:
                self._waiting.append(event)
                if self._run is not None:
                    return
                run = self._run = object()
        if came is not None:
            came.done()
            event.done()
        else:
            self._start(run)

    def _unseen(self, client: Client) -> _Event | None:
        """Remove this client's event of joining if it still waits. Later events do not list the client.

        So at most one event waits for each client, however often pages come and go.
        """
        for place in range(len(self._waiting) - 1, -1, -1):
            came = self._waiting[place]
            if came.client is client and came.connect:
                break
        else:
            return None
        del self._waiting[place]
        for later in itertools.islice(self._waiting, place, None):
            later.present = tuple(other for other in later.present if other is not client)
        return came

    def _start(self, run: object) -> None:
        if inspect.iscoroutinefunction(self._function):
            self._runtime.spawn(self._run_coroutine, lambda: self._ended(run))
        else:
            self._runtime.work(self._run_plain, lambda: self._ended(run))

    def _ended(self, run: object) -> None:
        """The hook has ended, or could not be run. The next event starts it again."""
        with self._runtime.lock:
            if self._run is run:
                self._run = None

    def _next(self) -> _Event | None:
        with self._runtime.lock:
            if self._waiting:
                return self._waiting.popleft()
            self._run = None
            return None

    def _run_plain(self) -> None:
        while (event := self._next()) is not None:
            with self._passed_on(event), self._calling(event) as call, self.stats.counted(), event.seen():
                call.returned = self._function(event.client, event.connect)

    async def _run_coroutine(self) -> None:
        while (event := self._next()) is not None:
            with self._passed_on(event), self._calling(event) as call, self.stats.counted(), event.seen() as seen:
                # This runs before the task is resumed: after its first await, a coroutine sees the present clients.
                asyncio.get_running_loop().call_soon(seen.passed)
                call.returned = await self._function(event.client, event.connect)

    @contextmanager
    def _passed_on(self, event: _Event) -> Iterator[None]:
        """Report what the block raises, and let the event go on."""
        try:
            with self._told(event):
                yield
        finally:
            event.go_on()

    @contextmanager
    def _calling(self, event: _Event) -> Iterator[_HookCall]:
        """Show what the block raises under the hook's cell, and send what it returned. The block calls the hook.

        Raises what binding the output raises, before or after the block.
        """
        call = _HookCall()
        with self._output.bound(self._log, self._name), self._told(event):
            yield call
            self._done(event, call.returned)

    @contextmanager
    def _told(self, event: _Event) -> Iterator[None]:
        """Report an exception of the block, so that the next event is handled all the same."""
        try:
            yield
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError | GeneratorExit) and being_cancelled():
                raise
            self._runtime.report(error, None, event.client)

    def _done(self, event: _Event, returned: Returned) -> None:
        if returned is not None and event.connect:
            self._send(event.client, returned)
