"""WebSockets over TLS, whose transports tell of room and of their end in a way of their own."""

import asyncio
import logging
from contextlib import asynccontextmanager

import pytest
import websockets

from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from tests.support.certificates import contexts
from tests.support.eventually import eventually


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """The contexts of the server and of its clients."""
    return contexts(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def connected(app, tls):
    """The server and a client of it."""
    serving, trusting = tls
    bound = BoundSocket.bind_tcp("127.0.0.1", 0, search=False)
    server = Server(app, bound, max_message_bytes=1000, ssl_context=serving)
    await server.start()
    try:
        async with websockets.connect(server.url.replace("http", "ws", 1), ssl=trusting) as client:
            yield server, client
    finally:
        await server.stop(timeout=1)


async def test_whoever_waits_for_room_is_told_of_it(tls):
    """A transport with nothing to write is not full, after one write and after two."""
    room: list[bool] = []
    servers: list[Server] = []

    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        (connection,) = servers[0]._state.connections
        while message["type"] == "websocket.receive":
            room.append(connection.writable.is_set())
            await send({"type": "websocket.send", "text": "so"})
            message = await receive()

    async with connected(app, tls) as (server, client):
        servers.append(server)
        for _ in range(4):
            await client.send("how")
            assert await asyncio.wait_for(client.recv(), 5) == "so"
    assert room == [True] * 4


@pytest.mark.parametrize("code", [1000, None], ids=["closes", "is gone"])
async def test_the_end_of_a_connection_raises_nothing(tls, code, caplog):
    """Whether the client says goodbye or not."""
    ended = asyncio.Event()

    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        ended.set()

    with caplog.at_level(logging.WARNING):
        async with connected(app, tls) as (server, client):
            if code is None:
                client.transport.abort()
            else:
                await client.close(code)
            await asyncio.wait_for(ended.wait(), 5)
            await eventually(lambda: not server.connections)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
