"""The connect hooks of a program: each is called for one event after the other, in the order of coming and leaving.

Those of one client are called one after the other, so that the second finds what the first has set on it.

A hook finds in `app.clients` who was there at its event, whoever came or left since: a program that starts its timer
with the first client and stops it with the last counts right, however quickly they come and go.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from dash_devices_nb.app.declare import name_of
from dash_devices_nb.app.definitions import Stats
from dash_devices_nb.app.runtime import Runtime, being_cancelled
from dash_devices_nb.core.clients import Client
from dash_devices_nb.kernel.outputlog import OutputLog


@dataclass
class _Event:
    """One client that came or left, and who was there then.

    Attributes:
        runtime: of the app.
        present: None once the hook has gone on to wait, or has ended: what it started sees who is there now.
        then: called when the hook has ended.
    """

    runtime: Runtime
    client: Client
    connect: bool
    present: tuple[Client, ...] | None
    then: Callable[[], None]

    def passed(self) -> None:
        """The hook sees who is there now from here on."""
        self.present = None

    @contextmanager
    def seen(self) -> Iterator[None]:
        """Let what runs within see who was there."""
        token = _event.set(self)
        try:
            yield
        finally:
            _event.reset(token)
            self.passed()


_event: ContextVar[_Event | None] = ContextVar("dash_devices_nb_connect_event", default=None)


def present_at_event(runtime: Runtime) -> tuple[Client, ...] | None:
    """Who was there at the event that a connect hook of this app is being called for; None outside of hooks."""
    event = _event.get()
    return event.present if event is not None and event.runtime is runtime else None


def tell(
    runtime: Runtime, hooks: Sequence[ConnectHook], client: Client, *, connect: bool, done: Callable[[], None]
) -> None:
    """A client has come, or left: one hook after the other sees it, in the order in which they were defined.

    Does not block; on the I/O loop. `done` is called when all have, from any thread.
    """
    with runtime.lock:
        present = tuple(page.client for page in runtime.pages.values())

    def go_on(number: int) -> None:
        if number == len(hooks):
            done()
        else:
            hooks[number].take(_Event(runtime, client, connect, present, lambda: go_on(number + 1)))

    go_on(0)


class ConnectHook:
    """One function that the program gave to `callback_connect`.

    Args:
        function: called with (client, connect); plain or a coroutine function.
        output: where what it prints goes to.
        runtime: runs it.
        send: takes (client, mods) that it returned for a client that came.
        log: also takes what it prints.

    Attributes:
        stats: how its calls fare.
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
        """A client has come, or left. Does not block; from any thread."""
        with self._runtime.lock:
            self._waiting.append(event)
            if self._run is not None:
                return
            run = self._run = object()
        self._start(run)

    def _start(self, run: object) -> None:
        if inspect.iscoroutinefunction(self._function):
            self._runtime.spawn(self._run_coroutine(), lambda: self._ended(run))
        else:
            self._runtime.work(self._run_plain, lambda: self._ended(run))

    def _ended(self, run: object) -> None:
        """It runs no more, or could not be run: the next event starts it anew."""
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
                event.then()

    async def _run_coroutine(self) -> None:
        while (event := self._next()) is not None:
            try:
                with self._told(event), self._output.bound(self._log, self._name), self._told(event):
                    with self.stats.counted(), event.seen():
                        # Comes before this task is resumed: after its first wait a coroutine sees who is there now.
                        asyncio.get_running_loop().call_soon(event.passed)
                        returned = await self._function(event.client, event.connect)
                    self._done(event, returned)
            finally:
                event.then()

    @contextmanager
    def _told(self, event: _Event) -> Iterator[None]:
        """Tell of whatever is raised: the next event comes all the same."""
        try:
            yield
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError | GeneratorExit) and being_cancelled():
                raise
            self._runtime.report(error, None, event.client)

    def _done(self, event: _Event, returned: Any) -> None:
        if returned is not None and event.connect:
            self._send(event.client, returned)
