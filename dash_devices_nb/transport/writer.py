"""Writing messages to a WebSocket, from the loop's thread and without a task for each.

On our own server the bytes of a message, made once for all pages, go straight to the transport: about 2 microseconds a
page, where the ASGI way costs ten times as much. On somebody else's server (`uvicorn module:app.server`) they go
through ASGI's `send`, in a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

EXTENSION = "dash_devices_nb.writer"
"""Under which our server offers its writer in the scope's extensions."""


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

    def has_room(self) -> bool:
        """Whether a message can be written now."""

    def write_message(self, message: Message) -> None:
        """Write a message; only while there is room."""

    def when_room(self, function: Callable[[], None]) -> None:
        """Call `function` once there is room again."""


class AsgiWriter:
    """Writes through ASGI's `send`, one message at a time."""

    def __init__(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._send = send
        self._task: asyncio.Task[None] | None = None
        self._waiting: list[Callable[[], None]] = []

    def has_room(self) -> bool:
        """Whether no message is on its way."""
        return self._task is None

    def write_message(self, message: Message) -> None:
        """Send a message in a task."""
        content: dict[str, Any] = {"bytes": message.payload} if message.binary else {"text": message.text}
        self._task = asyncio.get_running_loop().create_task(self._write({"type": "websocket.send", **content}))

    async def _write(self, event: dict[str, Any]) -> None:
        try:
            await self._send(event)
        except OSError:
            return  # the peer has gone; `receive` says so
        self._task = None
        waiting, self._waiting = self._waiting, []
        for function in waiting:
            function()

    def when_room(self, function: Callable[[], None]) -> None:
        """Call `function` after the message on its way."""
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
