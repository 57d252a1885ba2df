"""The connect hooks of a program: each is called for one event after the other, in the order of coming and leaving."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable
from typing import Any

from dash_devices_nb.app.runtime import Runtime
from dash_devices_nb.core.clients import Client
from dash_devices_nb.kernel.outputlog import OutputLog


class ConnectHook:
    """One function that the program gave to `callback_connect`.

    Args:
        function: called with (client, connect); plain or a coroutine function.
        output: where what it prints goes to.
        runtime: runs it.
        send: takes (client, mods) that it returned for a client that came.
        log: also takes what it prints.
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
        self._name = getattr(function, "__name__", "callback_connect")
        self._waiting: deque[tuple[Client, bool]] = deque()
        self._runs = False

    def tell(self, client: Client, *, connect: bool) -> None:
        """A client has come, or left. Does not block; from any thread."""
        with self._runtime.lock:
            self._waiting.append((client, connect))
            if self._runs:
                return
            self._runs = True
        self._start()

    def _start(self) -> None:
        if inspect.iscoroutinefunction(self._function):
            self._runtime.spawn(self._run_coroutine())
        else:
            self._runtime.workers.submit(self._run_plain)

    def _next(self) -> tuple[Client, bool] | None:
        with self._runtime.lock:
            if self._waiting:
                return self._waiting.popleft()
            self._runs = False
            return None

    def _run_plain(self) -> None:
        while (event := self._next()) is not None:
            with self._output.bound(self._log, self._name):
                try:
                    self._done(event, self._function(*event))
                except Exception as exc:  # noqa: BLE001 - a program's code may raise anything
                    self._runtime.on_error(exc, None, event[0])

    async def _run_coroutine(self) -> None:
        while (event := self._next()) is not None:
            with self._output.bound(self._log, self._name):
                try:
                    self._done(event, await self._function(*event))
                except Exception as exc:  # noqa: BLE001 - a program's code may raise anything
                    self._runtime.on_error(exc, None, event[0])

    def _done(self, event: tuple[Client, bool], returned: Any) -> None:
        client, connect = event
        if returned is not None and connect:
            self._send(client, returned)
