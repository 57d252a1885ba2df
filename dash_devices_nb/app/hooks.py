"""The connect hooks of a program: each is called for one event after the other, in the order of coming and leaving.

A hook finds in `app.clients` who was there at its event, whoever came or left since: a program that starts its timer
with the first client and stops it with the last counts right, however quickly they come and go.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from dash_devices_nb.app.declare import name_of
from dash_devices_nb.app.definitions import Stats
from dash_devices_nb.app.runtime import Runtime
from dash_devices_nb.core.clients import Client
from dash_devices_nb.kernel.outputlog import OutputLog


@dataclass
class _Event:
    """One client that came or left, and who was there then.

    Attributes:
        runtime: of the app.
        present: None once the hook has gone on to wait, or has ended: what it started sees who is there now.
    """

    runtime: Runtime
    client: Client
    connect: bool
    present: tuple[Client, ...] | None

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
        self._runs = False

    def tell(self, client: Client, *, connect: bool) -> None:
        """A client has come, or left. Does not block; on the I/O loop."""
        with self._runtime.lock:
            present = tuple(page.client for page in self._runtime.pages.values())
            self._waiting.append(_Event(self._runtime, client, connect, present))
            if self._runs:
                return
            self._runs = True
        self._start()

    def _start(self) -> None:
        if inspect.iscoroutinefunction(self._function):
            self._runtime.spawn(self._run_coroutine())
        else:
            self._runtime.workers.submit(self._run_plain)

    def _next(self) -> _Event | None:
        with self._runtime.lock:
            if self._waiting:
                return self._waiting.popleft()
            self._runs = False
            return None

    def _run_plain(self) -> None:
        while (event := self._next()) is not None:
            with self._output.bound(self._log, self._name):
                try:
                    with self.stats.counted(), event.seen():
                        returned = self._function(event.client, event.connect)
                    self._done(event, returned)
                except BaseException as exc:  # noqa: BLE001 - a program's code may raise anything
                    self._runtime.on_error(exc, None, event.client)

    async def _run_coroutine(self) -> None:
        while (event := self._next()) is not None:
            with self._output.bound(self._log, self._name):
                try:
                    with self.stats.counted(), event.seen():
                        # Comes before this task is resumed: after its first wait a coroutine sees who is there now.
                        asyncio.get_running_loop().call_soon(event.passed)
                        returned = await self._function(event.client, event.connect)
                    self._done(event, returned)
                except Exception as exc:  # noqa: BLE001 - a program's code may raise anything
                    self._runtime.on_error(exc, None, event.client)

    def _done(self, event: _Event, returned: Any) -> None:
        if returned is not None and event.connect:
            self._send(event.client, returned)
