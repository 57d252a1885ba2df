"""Texts are UTF-8 on the short way, too (RFC 6455, section 8.1)."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import websockets
from websockets.frames import Frame, Opcode

from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from dash_devices_nb.transport.writer import read_with
from tests.support.eventually import eventually


class App:
    """Keeps what it is given the short way, and what comes through ASGI."""

    def __init__(self) -> None:
        self.short: list[bytes] = []
        self.long: list[str] = []
        self.ready = asyncio.Event()
        self.code: int | None = None

    async def __call__(self, scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        read_with(scope, self._take)
        self.ready.set()
        while (message := await receive())["type"] == "websocket.receive":
            self.long.append(message["text"])
        self.code = message["code"]

    def _take(self, data: bytes) -> bool:
        self.short.append(data)
        return True


@asynccontextmanager
async def connected():
    """The app and a client of it."""
    app = App()
    server = Server(app, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.start()
    try:
        async with websockets.connect(server.url.replace("http", "ws", 1)) as client:
            await app.ready.wait()
            yield app, client
    finally:
        await server.stop(timeout=1)


def text(data: bytes) -> bytes:
    return Frame(Opcode.TEXT, data).serialize(mask=True)


@pytest.mark.parametrize("wrong", [b"\xff", "é".encode()[:1], b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
async def test_a_text_that_is_no_utf_8_ends_the_connection(wrong):
    """With code 1007; what came before it was taken, what came behind it is not."""
    async with connected() as (app, client):
        client.transport.write(text("née".encode()) + text(b"before" + wrong) + text(b"after"))
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(client.recv(), 10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1007
        await eventually(lambda: app.code is not None)
        assert (app.short, app.long, app.code) == (["née".encode()], [], 1007)


async def test_a_client_that_goes_with_such_a_text_holds_nothing_up():
    """There is nobody any more whom the end could be told."""
    async with connected() as (app, client):
        client.transport.write(text(b"fine") + text(b"\xff"))
        client.transport.close()
        await eventually(lambda: app.code is not None)
        assert (app.short, app.long) == ([b"fine"], [])
