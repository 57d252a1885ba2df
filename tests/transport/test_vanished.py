"""A browser that vanishes without a word: its connection ends all the same, and only its."""

import asyncio
from typing import Any

import pytest

from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.transport import websocket
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from dash_devices_nb.transport.writer import writer_of
from tests.support.eventually import eventually

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
PING, PONG = b"\x89\0", b"\x8a\x80\0\0\0\0"
GONE = b"\x88\x18" + (1011).to_bytes(2, "big") + b"keepalive ping timeout"


class App:
    """Notes what comes, and how each connection ends."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.writer: Any = None
        self.ended = 0

    async def __call__(self, scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        self.writer = writer_of(scope, send)
        while (event := await receive())["type"] == "websocket.receive":
            self.texts.append(event["text"])
        self.ended += 1


@pytest.fixture
async def served(monkeypatch):
    """An app whose server asks each browser twenty times a second, and its port."""
    monkeypatch.setattr(websocket, "PING_SECONDS", 0.05)
    app = App()
    bound = BoundSocket.bind_tcp("127.0.0.1", 0, search=False)
    server = Server(app, bound, max_message_bytes=100_000)
    await server.start()
    yield app, bound.port
    await server.stop()


async def opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HANDSHAKE)
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def test_one_that_answers_no_ping_has_gone(served):
    """After three of them."""
    app, port = served
    reader, writer = await opened(port)
    assert await asyncio.wait_for(reader.read(-1), 10) == websocket.MOST_UNANSWERED * PING + GONE
    await eventually(lambda: app.ended == 1)
    writer.close()


async def test_one_that_answers_stays(served):
    """However long it says nothing else."""
    app, port = served
    reader, writer = await opened(port)
    for _ in range(3 * websocket.MOST_UNANSWERED):
        assert await asyncio.wait_for(reader.readexactly(2), 10) == PING
        writer.write(PONG)
    assert app.ended == 0
    writer.close()


async def test_one_that_sends_a_long_message_slowly_stays(served):
    """Its pongs are behind the message."""
    app, port = served
    reader, writer = await opened(port)
    count = 4 * websocket.MOST_UNANSWERED
    writer.write(b"\x81\xff" + (1000 * count).to_bytes(8, "big") + bytes(4))
    for _ in range(count):
        assert await asyncio.wait_for(reader.readexactly(2), 10) == PING
        writer.write(b"x" * 1000)
    await eventually(lambda: app.texts == ["x" * 1000 * count])
    assert app.ended == 0
    writer.close()


async def test_one_that_has_not_taken_all_yet_gets_time(served):
    """It cannot have read the pings, which would be behind the rest."""
    app, port = served
    reader, writer = await opened(port)
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    await eventually(lambda: app.writer is not None)
    app.writer.write_messages([Frame("x" * 8_000_000)])
    asks = app.writer._asks
    for _ in range(2 * websocket.MOST_UNANSWERED):
        await eventually(lambda: app.writer._asks is not asks)  # noqa: B023 - waited for within the loop
        asks = app.writer._asks
    assert app.ended == 0
    reader._transport.resume_reading()  # type: ignore[attr-defined]
    async with asyncio.timeout(10):
        while PING not in await reader.read(1_000_000):
            pass
    writer.close()


async def test_one_that_reads_nothing_of_the_end_is_asked_nothing(served):
    """The Close frame is behind what it has not read: nothing may follow it."""
    app, port = served
    reader, writer = await opened(port)
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    await eventually(lambda: app.writer is not None)
    app.writer.write_messages([Frame("x" * 8_000_000)])
    writer.write(b"\x88\x82\0\0\0\0" + (1000).to_bytes(2, "big"))
    await eventually(lambda: app.ended == 1)
    asks = app.writer._asks
    await eventually(lambda: asyncio.get_running_loop().time() > asks.when() + 0.05)
    assert app.writer._asks is asks
    reader._transport.resume_reading()  # type: ignore[attr-defined]
    data = await asyncio.wait_for(reader.read(-1), 10)
    assert data[-4:] == b"\x88\x02" + (1000).to_bytes(2, "big")
    writer.close()
