"""Two ways to write to a WebSocket: past ASGI on our own server, through ASGI elsewhere.

On our own server the bytes of a message, made once for all pages, go straight to the socket (see
`threadsafe_transport`). That costs about 2 microseconds a page, a tenth of the ASGI way. On another server
(`uvicorn module:app.server`) they go through ASGI's `send`, in a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

EXTENSION = "dash_devices_nb.writer"
"""The key in the scope's extensions under which our server offers its WebSocket (see `websocket`)."""


class Message(Protocol):
    """A message to write."""

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
    """Something that takes messages while it has room."""

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
    """Accounts for what a connection receives besides whole messages. On the loop."""

    def holds(self, count: int) -> None:
        """Report the bytes held of messages that are incomplete or wait."""

    def rests(self, count: int) -> float:
        """Report a control frame or fragment of this many bytes. Returns how long to pause reading, in seconds."""

    def lost(self) -> None:
        """Report that the connection is lost."""

    def left_waiting(self) -> bool:
        """Report that the sender has gone while its messages waited. Returns whether they are still wanted."""


class AsgiWriter:
    """Writes through ASGI's `send`, in one task at a time. On the loop."""

    from_any_thread = False

    def __init__(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._send = send
        self._task: asyncio.Task[None] | None = None
        self._waiting: list[Callable[[], None]] = []

    def has_room(self) -> bool:
        """Whether no message is being sent."""
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
            return  # the peer has gone, which `receive` reports
        self._task = None
        waiting, self._waiting = self._waiting, []
        for function in waiting:
            function()

    def when_room(self, function: Callable[[], None]) -> None:
        """Call `function` after the messages that are being sent."""
        self._waiting.append(function)

    async def close(self) -> None:
        """Give up the messages that are being sent."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def writer_of(scope: Any, send: Any) -> Writer:
    """The writer of a connection."""
    direct = scope.get("extensions", {}).get(EXTENSION)
    return direct if direct is not None else AsgiWriter(send)


def read_with(scope: Any, function: Callable[[bytes], bool]) -> None:
    """Let `function` take the messages of a connection as they arrive, if our own server serves it.

    A message for which it returns False goes through ASGI's `receive`. On other servers all messages do.
    """
    direct = scope.get("extensions", {}).get(EXTENSION)
    if direct is not None:
        direct.read_with(function)


def guard_with(scope: Any, intake: Intake) -> None:
    """Let `intake` account for what arrives besides whole messages, if our own server serves the connection."""
    direct = scope.get("extensions", {}).get(EXTENSION)
    if direct is not None:
        direct.guard_with(intake)


def take_socket(scope: Any) -> None:
    """Write to the browser's own socket if the Jupyter server offers it. Call it before accepting the WebSocket."""
    direct = scope.get("extensions", {}).get(EXTENSION)
    if direct is not None:
        direct.take_socket()
