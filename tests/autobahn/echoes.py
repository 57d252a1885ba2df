"""What echoes for the cases: an app with a WebSocket route, and an echo in the place of its pages' connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import quart
from websockets.frames import Frame, Opcode

from dash_devices_nb import Dash, html
from dash_devices_nb.app.delivery import routes
from dash_devices_nb.transport import hangup
from dash_devices_nb.transport.writer import AsgiWriter, guard_with, read_with, take_socket, writer_of

NAME = "autobahn"
ROUTE = "echo"
SHORT = "_dash-devices/ws"
LONGEST = 32 * 1024 * 1024
"""The longest message, as in our apps."""


@dataclass(frozen=True)
class Echoed:
    """A message as the writer takes it."""

    payload: bytes
    binary: bool

    @property
    def message(self) -> bytes:
        return Frame(Opcode.BINARY if self.binary else Opcode.TEXT, self.payload).serialize(mask=False)

    @property
    def text(self) -> str:
        return self.payload.decode()


class Echo:
    """Stands where `app.connection.Connection` does, and has its short way in and out.

    What the short way leaves to ASGI (binary messages, those in fragments) is read as the connection reads it, and
    goes out behind what is on its way.
    """

    def __init__(
        self, sessions: object, start: object, scope: Any, receive: Any, send: Any, ask: object = None
    ) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._waiting: list[Echoed] = []

    async def run(self) -> None:
        message = await self._receive()
        assert message["type"] == "websocket.connect"
        take_socket(self._scope)
        await self._send({"type": "websocket.accept"})
        guard_with(self._scope, self)
        self._writer = writer_of(self._scope, self._send)
        assert not isinstance(self._writer, AsgiWriter), "this server has no short way"
        read_with(self._scope, self._take)
        while (message := await self._receive())["type"] == "websocket.receive":
            text = message.get("text")
            self._write(Echoed(message["bytes"], True) if text is None else Echoed(text.encode(), False))

    def _take(self, data: bytes) -> bool:
        self._write(Echoed(data, False))
        return True

    def _write(self, message: Echoed) -> None:
        self._waiting.append(message)
        if len(self._waiting) == 1:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        if self._writer.has_room():
            waiting: Sequence[Echoed] = self._waiting
            self._waiting = []
            self._writer.write_messages(waiting)
        else:
            self._writer.when_room(self._flush)

    def holds(self, count: int) -> None:
        """An app's owner may hold what he likes."""

    def rests(self, count: int) -> float:
        """An app's owner is not slowed down."""
        return 0.0

    def lost(self) -> None:
        """Nothing is accounted for."""

    def left_waiting(self) -> bool:
        """What a sender has left behind is echoed to nobody."""
        return False


def echo_app() -> Dash:
    """An app with an echo at `/echo`. In this process the pages' WebSocket of every app echoes, too."""
    routes.Connection = Echo  # type: ignore[misc, assignment]
    # On a busy machine a second passes in which we do not read, and then we ping. Some cases take a ping for their end.
    hangup.LOOK_SECONDS = 60.0
    app = Dash(NAME)
    app.layout = html.Div()

    @app.server.websocket(f"/{ROUTE}")
    async def echo() -> None:
        while True:
            await quart.websocket.send(await quart.websocket.receive())

    return app
