"""The connect hooks of a program. Each is called for one event after the other, in the order of joining and leaving.

The hooks of one client are called one after the other, so that the second finds what the first has set on it.

In a hook, `app.clients` lists who was there at its event, whoever joined or left since. So a program that starts a
timer with the first client and stops it with the last counts correctly, however quickly they come and go.
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
from typing import Any

from dash_devices_nb.app.definitions.declare import name_of
from dash_devices_nb.app.definitions.registry import Stats
from dash_devices_nb.app.execution.runtime import Runtime, being_cancelled
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.kernel.outputlog import OutputLog


@dataclass
class _Seen:
    """The clients at the event for which a hook is called.

    Attributes:
        present: None after the first wait of the hook, and after its end: what it started sees the present clients.
    """

    runtime: Runtime
    present: tuple[Client, ...] | None

    def passed(self) -> None:
        """From here on the hook sees the present clients."""
        self.present = None


@dataclass(eq=False)
class _Event:
    """A client that joined or left, on its way through the hooks.

    Attributes:
        runtime: of the app.
        present: the clients at that time, without those whose joining no hook will see.
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
    """The clients at the event for which a connect hook of this app is being called. None outside of hooks."""
    seen = _seen.get()
    return seen.present if seen is not None and seen.runtime is runtime else None


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
        function: Callable[..., Any],
        output: Any,
        runtime: Runtime,
        send: Callable[[Client, Any], None],
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
        """Remove the joining of this client if it still waits. Later events do not list the client.

        So at most one event waits for each client that is there or was seen, however often pages come and go.
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
            try:
                with self._told(event), self._output.bound(self._log, self._name), self._told(event):
                    with self.stats.counted(), event.seen():
                        returned = self._function(event.client, event.connect)
                    self._done(event, returned)
            finally:
                event.go_on()

    async def _run_coroutine(self) -> None:
        while (event := self._next()) is not None:
            try:
                with self._told(event), self._output.bound(self._log, self._name), self._told(event):
                    with self.stats.counted(), event.seen() as seen:
                        # Comes before this task is resumed: after its first wait a coroutine sees who is there now.
                        asyncio.get_running_loop().call_soon(seen.passed)
                        returned = await self._function(event.client, event.connect)
                    self._done(event, returned)
            finally:
                event.go_on()

    @contextmanager
    def _told(self, event: _Event) -> Iterator[None]:
        """Report an exception. The next event comes all the same."""
        try:
            yield
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError | GeneratorExit) and being_cancelled():
                raise
            self._runtime.report(error, None, event.client)

    def _done(self, event: _Event, returned: Any) -> None:
        if returned is not None and event.connect:
            self._send(event.client, returned)
