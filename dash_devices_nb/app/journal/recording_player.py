"""Replaying a recorded session: its changes and pushes go to the same dispatcher, in their order.

What is fed is what came from outside: changes that people made, changes that the pages' own callbacks made (no page
answers now), and pushes of the program. What a shared callback pushed is left out, because the callback is called again
and pushes it again. Connect hooks are not called, because what they pushed is in the recording. Stand-in clients take
the place of those who were there. Real pages that are open show everything; what was sent to one client alone goes to
the page that came at the same place in the order of coming, if there is one.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dash_devices_nb.app.execution.connect_hooks import clients_of
from dash_devices_nb.app.execution.event_stream import Changed
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.actions import Action
from dash_devices_nb.core.callbacks.propagation import Cause, Propagation
from dash_devices_nb.core.journal.entries import CHANGE, PUSH
from dash_devices_nb.core.journal.recording import RecordedEvent, Recording, read
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.errors import PatchError, ReplayError

QUIET_SECONDS = 5.0
"""How long a replay waits, at the most, for calls that are under way when it begins."""
LOOK_SECONDS = 0.005
NOT_RUNNING = "the app does not run; call app.run() first, then replay(path, app)"


@dataclass(frozen=True)
class Summary:
    """What a replay did.

    Attributes:
        changes, pushes: how many were fed.
        clients: how many stand-ins there were.
        left_out: pushes that were not fed: those that a shared callback made, and those to one client for whom no page
            is open.
        missing: events that the journal had dropped before it was saved, or whose large values it had let go.
        seconds: how long it took.
    """

    changes: int
    pushes: int
    clients: int
    left_out: int
    missing: int
    seconds: float

    def __str__(self) -> str:
        text = f"{self.changes} changes of {self.clients} clients and {self.pushes} pushes in {self.seconds:.1f} s"
        if self.left_out:
            why = "made again by their callbacks, or to one client who has no page here"
            text += f"; {self.left_out} pushes left out ({why})"
        if self.missing:
            text += f"; the journal had dropped {self.missing} events, or their values"
        return text


class Pushes(Protocol):
    """Sends values to pages."""

    def push_values(self, mods: Mods) -> Propagation:
        """Set encoded values for all."""

    def send_to(self, client: Client, mods: Mods) -> None:
        """Set encoded values for one client."""


class Waits(Protocol):
    """Says whether the app has started, and where to wait."""

    @property
    def ready(self) -> bool:
        """Whether what changes now calls its callbacks."""

    def must_not_block(self) -> bool:
        """Whether a coroutine of the app's loop runs here."""

    def pump(self) -> None:
        """Let a loop that a cell holds up send what waits."""


class Player(Protocol):
    """An app, as far as a recording is played on it (`api.parts.Parts`)."""

    @property
    def runtime(self) -> Runtime:
        """Its runtime."""

    @property
    def push(self) -> Pushes:
        """Sends values to its pages."""

    @property
    def serving(self) -> Waits:
        """Says where to wait."""


class RecordingPlayer:
    """One replay.

    Args:
        recording: what is replayed.
        app: the app, which runs.
        where: names the file, for messages.
    """

    def __init__(self, recording: Recording, app: Player, where: str) -> None:
        self._recording = recording
        self._app = app
        self._where = where
        self._clients: dict[int, Client] = {}
        self._pages = clients_of(app.runtime)  # in the order in which they came
        self._fed: Counter[str] = Counter()
        self._began = time.perf_counter()

    @property
    def events(self) -> list[RecordedEvent]:
        """What is to be fed, in order."""
        return self._recording.events

    def waits(self) -> bool:
        """Whether to wait a little: the app is starting, or has calls of its own under way, such as the first ones.

        Raises:
            ReplayError: the app does not run, or its start has failed.
        """
        runtime = self._app.runtime
        if runtime.io_loop is None:
            raise ReplayError(NOT_RUNNING)
        if not self._app.serving.ready:
            self._began = time.perf_counter()
            return True
        with runtime.lock:
            busy = len(runtime.dispatcher.queues) > 0 and not runtime.pause_gate.closed
        if busy and time.perf_counter() - self._began < QUIET_SECONDS:
            return True
        self._began = time.perf_counter()
        return False

    def due_in(self, event: RecordedEvent, factor: float) -> float:
        """Seconds until an event is to be fed; `factor` is 0 for as fast as possible."""
        return event.at * factor - (time.perf_counter() - self._began) if factor else 0.0

    def feed(self, event: RecordedEvent) -> Propagation | None:
        """Feed one event. Returns what it started, to wait for."""
        if event.gone:
            self._fed["gone"] += 1
            return None
        if event.client is not None and event.client not in self._clients:
            self._clients[event.client] = self._stand_in(event)
        if event.kind == CHANGE and event.client is not None:
            self._fed["changes"] += 1
            return self._change(event, self._clients[event.client])
        if event.kind != PUSH:
            return None
        client = None if event.client is None else self._clients[event.client]
        if event.again or (client is not None and client.stands_for is None):
            self._fed["left out"] += 1
            return None
        self._fed["pushes"] += 1
        if client is not None:
            self._app.push.send_to(client, dict(event.mods))
            return None
        try:
            propagation: Propagation = self._app.push.push_values(event.mods)
        except PatchError as exc:
            raise ReplayError(f"line {event.line} of {self._where} does not fit this app: {exc}") from exc
        return propagation

    def _change(self, event: RecordedEvent, client: Client) -> Propagation | None:
        dispatcher = self._app.runtime.dispatcher
        cause: Cause | None = None
        propagation: Propagation | None = None

        def receive() -> list[Action]:
            nonlocal cause, propagation
            if event.cause is not None:
                entry = dispatcher.state.get(event.cause) if event.cause else None
                cause = Cause(event.cause, entry.revision) if event.cause and entry else Cause()
            actions, propagation = dispatcher.change(client, event.mods, cause)
            return actions

        self._app.runtime.enter(receive, lambda: Changed(client, event.mods, cause))
        return propagation

    def _stand_in(self, event: RecordedEvent) -> Client:
        fields, number = event.fields, event.client or 0
        return Client(
            f"replayed-{number}",
            connect_time=time.time(),
            address=str(fields.get("address") or ""),
            username=fields.get("username"),
            stands_for=self._pages[number - 1] if 0 < number <= len(self._pages) else None,
        )

    def summary(self) -> Summary:
        """What was done so far."""
        return Summary(
            self._fed["changes"],
            self._fed["pushes"],
            len(self._clients),
            self._fed["left out"],
            self._recording.missing + self._fed["gone"],
            time.perf_counter() - self._began,
        )


def _prepared(path: str | os.PathLike[str], app: Player, speed: float | None) -> tuple[RecordingPlayer, float]:
    if app.runtime.io_loop is None:
        raise ReplayError(NOT_RUNNING)
    if speed is not None and not (type(speed) in (int, float) and speed >= 0):
        raise ReplayError(f"speed={speed!r}; it takes a number (1.0: as recorded, 2.0: twice as fast) or None")
    where = str(path)
    try:
        with Path(path).open("rb") as file:
            recording = read(file, where)
    except OSError as exc:
        raise ReplayError(f"{where!r} cannot be read ({exc.strerror}); give the path of a saved session") from exc
    return RecordingPlayer(recording, app, where), 1 / speed if speed else 0.0


def replay(path: str | os.PathLike[str], app: Player, speed: float | None = 1.0) -> Summary:
    """Feed a session to an app that runs, and wait until its callbacks are done. Raises ReplayError."""
    replaying, factor = _prepared(path, app, speed)
    if app.serving.must_not_block():
        raise ReplayError("replay() would hold up the loop of this coroutine; await dash_devices_nb.replay_coro(...)")
    propagations: list[Propagation] = []
    while replaying.waits():
        time.sleep(LOOK_SECONDS)
    for event in replaying.events:
        delay = replaying.due_in(event, factor)
        if delay > 0:
            time.sleep(delay)
        propagation = replaying.feed(event)
        app.serving.pump()
        if propagation is not None and not factor:
            app.runtime.wait(propagation)
        elif propagation is not None and not propagation.over:
            propagations.append(propagation)
    for propagation in propagations:
        app.runtime.wait(propagation)
    return replaying.summary()


async def replay_coro(path: str | os.PathLike[str], app: Player, speed: float | None = 1.0) -> Summary:
    """As `replay`, without holding up the loop. Cancelling it is safe: what was fed stays."""
    replaying, factor = _prepared(path, app, speed)
    propagations: list[Propagation] = []
    while replaying.waits():
        await asyncio.sleep(LOOK_SECONDS)
    for event in replaying.events:
        delay = replaying.due_in(event, factor)
        if delay > 0:
            await asyncio.sleep(delay)
        propagation = replaying.feed(event)
        if propagation is not None and not factor:
            await app.runtime.wait_async(propagation)
        elif propagation is not None and not propagation.over:
            propagations.append(propagation)
    for propagation in propagations:
        await app.runtime.wait_async(propagation)
    return replaying.summary()
