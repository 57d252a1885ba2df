"""The state of an app's kernel, as it changes.

An `AppWatch` follows one app's name through the lives of its kernels. While the app runs, the watch
holds an idle connection to its endpoint: the operating system ends it at the moment the kernel's
process ends, whatever the reason, which is seconds before Jupyter's own check of its kernels. Until
then the state is the kernel's `execution_state`, which Jupyter keeps from the kernel's status
messages. While there is no app, the watch polls the registry and the kernel manager every few
hundredths of a second.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from logging import Logger
from typing import Any

from jupyter_core.utils import ensure_async

from dash_devices_nb.errors import DashDevicesError, UpstreamError
from dash_devices_nb.registration import Registration, is_running
from dash_devices_nb.server.proxy.upstream import connect
from dash_devices_nb.server.registry import Registry

LOOK_INTERVAL = 0.05  # seconds
SLOW_LOOK_INTERVAL = 0.25  # seconds, after SLOW_AFTER seconds without the app
SLOW_AFTER = 60.0
END_GRACE = 0.2  # seconds that a process may take to end after its connections have ended
RECORD_INTERVAL = 0.2  # seconds; an app that stops may forget our connection, not its record
CONNECT_TIMEOUT = 5.0  # seconds


class State(StrEnum):
    """The states of a kernel that a page can show."""

    IDLE = "idle"
    BUSY = "busy"
    STARTING = "starting"
    RESTARTING = "restarting"
    DEAD = "dead"
    UNREGISTERED = "unregistered"
    """The kernel is alive but has not registered the app, for instance before the notebook is run
    again."""


@dataclass(frozen=True, slots=True)
class Status:
    """A state and its start, by the monotonic clock."""

    state: State
    began: float = field(default_factory=time.monotonic)

    def message(self) -> dict[str, Any]:
        """The message for the page; its times are in seconds since the epoch."""
        now = time.time()
        return {"state": str(self.state), "since": now - (time.monotonic() - self.began), "now": now}


Listener = Callable[[Status], None]


class AppWatch:
    """Follows one app's name; runs while somebody listens.

    Args:
        name: the app's name.
        registry: where its record appears.
        kernels: Jupyter's kernel manager.
        log: for problems.
    """

    def __init__(self, name: str, registry: Registry, kernels: Any, log: Logger) -> None:
        self._name = name
        self._registry = registry
        self._kernels = kernels
        self._log = log
        self._listeners: list[Listener] = []
        self._task: asyncio.Task[None] | None = None
        self._kernel_id: str | None = None
        self._ended_at = 0.0
        self._ended_pid: int | None = None
        record = registry.find(name)
        self.status = Status(State.DEAD if record is None else glance_at(record, kernels))
        if record is not None and self.status.state in (State.IDLE, State.BUSY):
            self._ended_pid = record.pid  # in case it ends before the first poll

    def listen(self, listener: Listener) -> None:
        """Call the listener on every change from now on."""
        self._listeners.append(listener)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def leave(self, listener: Listener) -> bool:
        """Stop calling the listener. Returns whether no listener is left."""
        self._listeners.remove(listener)
        if not self._listeners and self._task is not None:
            self._task.cancel()
            self._task = None
        return not self._listeners

    async def stop(self) -> None:
        """Stop for good."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _set(self, state: State) -> None:
        if state is self.status.state:
            return
        self.status = Status(state)
        for listener in list(self._listeners):
            listener(self.status)

    async def _run(self) -> None:
        missing_since = time.monotonic()
        while True:
            try:
                record = self._registry.find(self._name)
                if record is not None and await self._follow(record):
                    missing_since = time.monotonic()
                else:
                    self._set(await self._without_app(record))
            except DashDevicesError as exc:
                self._log.warning("The state of the app %r is not known: %s", self._name, exc)
                self._set(State.DEAD)
            missing = time.monotonic() - missing_since
            await asyncio.sleep(LOOK_INTERVAL if missing < SLOW_AFTER else SLOW_LOOK_INTERVAL)

    async def _follow(self, record: Registration) -> bool:
        """Report the kernel's state until the app's endpoint closes. Returns False if it is closed already."""
        self._kernel_id = record.kernel_id
        try:
            sock = await connect(record, CONNECT_TIMEOUT)
        except UpstreamError:
            return False
        with sock:
            kernel = self._kernels.get_kernel(record.kernel_id)

            def changed(_change: object = None) -> None:
                self._set(_state_of(kernel))

            if self._ended_pid not in (None, record.pid):
                self._set(State.RESTARTING)  # faster than any poll, but pages must still be told
            self._ended_pid = None
            kernel.observe(changed, "execution_state")
            changed()
            try:
                while not await _ended(sock) and self._registry.find(self._name) == record:
                    continue
            finally:
                kernel.unobserve(changed, "execution_state")
            self._ended_at = time.monotonic()
            self._ended_pid = record.pid
        return True

    async def _without_app(self, record: Registration | None) -> State:
        if record is not None:
            self._kernel_id = record.kernel_id
        if self._kernel_id is None or self._kernel_id not in self._kernels:
            return State.DEAD
        kernel = self._kernels.get_kernel(self._kernel_id)
        if kernel.shutting_down:
            return State.RESTARTING  # or it is about to vanish from the manager
        if not await ensure_async(kernel.is_alive()):
            return State.RESTARTING if kernel.autorestart else State.DEAD
        pid = getattr(kernel.provisioner, "pid", None)
        recent = time.monotonic() - self._ended_at < END_GRACE
        if recent and pid == self._ended_pid:
            return self.status.state  # it may be about to end, or to register again
        if self._ended_pid not in (None, pid):
            self._ended_pid = None
            return State.RESTARTING  # it was restarted between two polls; pages must be told
        return State.STARTING if kernel.execution_state == "starting" else State.UNREGISTERED


async def _ended(sock: socket.socket) -> bool:
    """Wait for the end of a connection, at most `RECORD_INTERVAL`. Returns whether it ended."""
    try:
        async with asyncio.timeout(RECORD_INTERVAL):
            return not await asyncio.get_running_loop().sock_recv(sock, 4096)
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def glance_at(record: Registration, kernels: Any) -> State:
    """The current state of a record's app, without watching it."""
    if record.kernel_id not in kernels:
        return State.DEAD
    if not is_running(record):
        return State.UNREGISTERED
    return _state_of(kernels.get_kernel(record.kernel_id))


def _state_of(kernel: Any) -> State:
    """The kernel state of a running app."""
    return State.BUSY if kernel.execution_state == "busy" else State.IDLE
