"""The short way to a WebSocket, and the long one: messages without a task for each.

On our own server the bytes of a message, made once for all pages, go straight to the socket (see `threadsafe`): about 2
microseconds a page, where the ASGI way costs ten times as much. On somebody else's server (`uvicorn module:app.server`)
they go through ASGI's `send`, in a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

EXTENSION = "dash_devices_nb.writer"
"""Under which our server offers its WebSocket (see `websocket`) in the scope's extensions."""


class Message(Protocol):
    """What is written."""

    binary: bool

    @property
    def message(self) -> bytes:
        """The whole WebSocket message."""

    @property
    def text(self) -> str:
        """The payload of a text message."""

    @property
    def payload(self) -> bytes:
        """The payload."""


class Writer(Protocol):
    """Takes messages while it has room."""

    @property
    def from_any_thread(self) -> bool:
        """Whether messages may be written from any thread, and not only on the loop."""

    def has_room(self) -> bool:
        """Whether messages can be written now. From any thread."""

    def write_messages(self, messages: Sequence[Message]) -> None:
        """Write messages, all together; only while there is room."""

    def when_room(self, function: Callable[[], None]) -> None:
        """Call `function` on the loop once there is room again. From any thread."""


class Intake(Protocol):
    """Is told of what comes by a connection besides whole messages. On the loop."""

    def holds(self, count: int) -> None:
        """So many bytes are held of messages that have not come whole, or wait."""

    def rests(self, count: int) -> float:
        """A control frame or a fragment has come, of so many bytes; how long to read nothing then, in seconds."""

    def lost(self) -> None:
        """The connection has been lost."""

    def left_waiting(self) -> bool:
        """The sender has gone while messages of its waited; whether they are still wanted."""


class AsgiWriter:
    """Writes through ASGI's `send`, in one task at a time. On the loop."""

    from_any_thread = False

    def __init__(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._send = send
        self._task: asyncio.Task[None] | None = None
        self._waiting: list[Callable[[], None]] = []

    def has_room(self) -> bool:
        """Whether no message is on its way."""
        return self._task is None

    def write_messages(self, messages: Sequence[Message]) -> None:
        """Send messages in a task."""
        self._task = asyncio.get_running_loop().create_task(self._write(messages))

    async def _write(self, messages: Sequence[Message]) -> None:
        try:
            for message in messages:
                content: dict[str, Any] = {"bytes": message.payload} if message.binary else {"text": message.text}
                await self._send({"type": "websocket.send", **content})
        except OSError:
            return  # the peer has gone; `receive` says so
        self._task = None
        waiting, self._waiting = self._waiting, []
        for function in waiting:
            function()

    def when_room(self, function: Callable[[], None]) -> None:
        """Call `function` after the messages on their way."""
        self._waiting.append(function)

    async def close(self) -> None:
        """Give up what is on its way."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def writer_of(scope: Any, send: Any) -> Writer:
    """The writer of a connection."""
    direct = scope.get("extensions", {}).get(EXTENSION)
    return direct if direct is not None else AsgiWriter(send)


def read_with(scope: Any, function: Callable[[bytes], bool]) -> None:
    """Have `function` take the messages of a connection as they come, where our own server serves it.

    What it does not take, by returning False, comes through ASGI's `receive`; so does all on other servers.
    """
    direct = scope.get("extensions", {}).get(EXTENSION)
    if direct is not None:
        direct.read_with(function)


def guard_with(scope: Any, intake: Intake) -> None:
    """Have `intake` told of what comes by a connection besides whole messages, where our own server serves it."""
    direct = scope.get("extensions", {}).get(EXTENSION)
    if direct is not None:
        direct.guard_with(intake)


def take_socket(scope: Any) -> None:
    """Have a connection that comes through the Jupyter server written to the browser's own socket, where that can be.

    Before it is accepted.
    """
    direct = scope.get("extensions", {}).get(EXTENSION)
    if direct is not None:
        direct.take_socket()
