"""How WebSockets begin and end where an app, a client or the server does not go along."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest
import websockets

from dash_devices_nb.transport import serve
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from tests.support.eventually import eventually

HEAD = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@asynccontextmanager
async def serving(app):
    """The server of an ASGI app."""
    server = Server(app, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(timeout=1)


def ws(server: Server) -> str:
    return server.url.replace("http", "ws", 1)


async def echo(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def test_a_handshake_of_another_version_is_refused():
    """The answer says why; the app is not asked."""
    async with serving(echo) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.socket.port)
        writer.write(HEAD)
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 4")
        assert b"Sec-WebSocket-Version header: 12" in answer


async def test_a_handshake_that_the_app_has_not_answered_ends_with_the_server():
    """The client gets an answer, and no WebSocket."""
    asked = asyncio.Event()

    async def slow(scope, receive, send):
        asked.set()
        await asyncio.Event().wait()

    async with serving(slow) as server:
        client = asyncio.create_task(_status(ws(server)))
        await asked.wait()
        await server.stop(timeout=0.1)
        assert await client == 500


async def _status(url: str) -> int:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(url)
    return refused.value.response.status_code


async def test_what_an_app_says_to_one_who_has_gone_is_no_error(caplog):
    """It learns that by an exception, which is nobody's news."""
    said = asyncio.Event()

    async def late(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        said.set()
        await send({"type": "websocket.send", "text": "too late"})

    async with serving(late) as server:
        client = await websockets.connect(ws(server))
        client.transport.abort()
        await asyncio.wait_for(said.wait(), 5)
        await eventually(lambda: server.running and not server.tasks)
    assert [record for record in caplog.records if record.name.startswith("dash_devices_nb")] == []


async def test_an_error_of_an_app_that_nobody_asks_about_is_logged(caplog):
    """And answered."""

    async def failing(scope, receive, send):
        raise ValueError("no such device")

    async with serving(failing) as server, httpx.AsyncClient() as client:
        assert (await client.get(server.url)).status_code == 500
    assert "GET / failed" in caplog.text


async def test_a_request_that_goes_on_although_it_was_cancelled_is_told_of(monkeypatch, caplog):
    """The server ends all the same, after a while."""
    monkeypatch.setattr(serve, "CANCEL_TIMEOUT", 0.1)
    entered, free = asyncio.Event(), asyncio.Event()

    async def stubborn(scope, receive, send):
        entered.set()
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue

    async with serving(stubborn) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.socket.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await entered.wait()
        tasks = list(server.tasks)
        await server.stop(timeout=0.1)
        free.set()
        await asyncio.gather(*tasks)
        writer.close()
    assert "1 request(s) go on although they were cancelled" in caplog.text
