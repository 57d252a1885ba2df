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
async def serving(app: App):
    """The address of the app."""
    server = Server(app, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.start()
    try:
        yield server.url.replace("http", "ws", 1)
    finally:
        await server.stop(timeout=1)


@asynccontextmanager
async def connected():
    """The app and a client of it."""
    app = App()
    async with serving(app) as url, websockets.connect(url) as client:
        await app.ready.wait()
        yield app, client


def text(data: bytes, opcode=Opcode.TEXT, *, fin=True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


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


async def test_texts_that_are_no_utf_8_fill_no_log(caplog):
    """In one frame or in fragments, on as many connections as one likes: one warning, and no error with a traceback."""
    app = App()
    async with serving(app) as url:
        for number in range(4):
            async with websockets.connect(url) as client:
                if number % 2:
                    client.transport.write(text(b"half \xc3", fin=False) + text(b"and none", Opcode.CONT))
                else:
                    client.transport.write(text(b"\xff"))
                with pytest.raises(websockets.ConnectionClosed):
                    await asyncio.wait_for(client.recv(), 10)
                assert client.close_code == 1007
    assert (app.short, app.long) == ([], [])
    logged = [(each.levelname, each.exc_info) for each in caplog.records if each.name.startswith("dash_devices_nb")]
    assert logged == [("WARNING", None)]


async def test_a_letter_that_two_fragments_share_is_one():
    """A text is UTF-8 as a whole (RFC 6455, section 5.6); its parts need not be."""
    async with connected() as (app, client):
        client.transport.write(text(b"caf\xc3", fin=False) + text(b"\xa9", Opcode.CONT))
        await eventually(lambda: app.short or app.long)
        assert app.long == ["café"] or app.short == ["café".encode()]
