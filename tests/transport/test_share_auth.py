"""Guests at the gate: what is open by a share link ends with it, whatever the app does."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import websockets

from dash_devices_nb.errors import RegistrationError
from dash_devices_nb.registration import ShareList
from dash_devices_nb.transport import connection_limits
from dash_devices_nb.transport.auth_middleware import AuthMiddleware
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from dash_devices_nb.transport.share_auth import FULL, ShareAuth
from tests.support.eventually import eventually

SECRET = "s3cret-of-the-app"


@pytest.fixture(autouse=True)
def directories(tmp_path, monkeypatch):
    """Jupyter's runtime and data directories of this test's own."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))


class Camera:
    """An app that streams over HTTP, and over a WebSocket to which it never listens.

    Attributes:
        ended: how many of its streams have ended.
    """

    def __init__(self) -> None:
        self.ended = 0

    async def __call__(self, scope, receive, send) -> None:
        await receive()
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            await receive()
            self.ended += 1
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"frame", "more_body": True})
                await asyncio.sleep(0.02)
        finally:
            self.ended += 1


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Camera, str, ShareList]]:
    """The camera behind a gate that takes share links."""
    camera, shares = Camera(), ShareList("camera", "port:1")
    gate = AuthMiddleware(camera, SECRET, shares=shares)
    server = Server(gate, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.start()
    try:
        yield camera, server.url, shares
    finally:
        await server.stop(timeout=1)
        await gate.stop()


async def test_a_stream_and_a_websocket_end_with_their_link():
    """The stream breaks off, the WebSocket closes with 4403 and the reason; another link's go on."""
    async with (
        serving() as (camera, url, shares),
        httpx.AsyncClient(base_url=url) as guest,
        httpx.AsyncClient() as other,
    ):
        record, stays = (shares.issue("view", 1, "", time.time()) for _ in range(2))
        entered = await guest.get(f"/?share={shares.token(record)}")
        assert entered.status_code == 303
        await other.get(f"{url}?share={shares.token(stays)}")
        cookie = {"Cookie": entered.headers["set-cookie"].partition(";")[0]}
        async with (
            websockets.connect(url.replace("http", "ws"), additional_headers=cookie) as ws,
            guest.stream("GET", "/") as stream,
            other.stream("GET", url) as going,
        ):
            pieces, others = stream.aiter_bytes(), going.aiter_bytes()
            await anext(pieces)
            shares.revoke(record.id, time.time())
            with pytest.raises(httpx.RemoteProtocolError):
                async for _ in pieces:
                    pass
            with pytest.raises(websockets.ConnectionClosed):
                await ws.recv()
            assert (ws.close_code, (ws.close_reason or "")[:26]) == (4403, "This share link was revoke")
            await eventually(lambda: camera.ended == 2)
            await anext(others)
            shares.revoke(stays.id, time.time())
        await eventually(lambda: camera.ended == 3)


async def test_links_that_cannot_be_read_let_nobody_in_and_end_what_is_open(monkeypatch):
    """The page learns that, and not what is wrong with the owner's disk."""

    def broken(*_: object):
        raise RegistrationError("/home/owner/secret cannot be read")

    async with serving() as (_, url, shares), httpx.AsyncClient(base_url=url) as client:
        record = shares.issue("view", 1, "", time.time())
        token = shares.token(record)
        entered = await client.get("/", params={"share": token})
        cookie = {"Cookie": entered.headers["set-cookie"].partition(";")[0]}
        async with websockets.connect(url.replace("http", "ws", 1), additional_headers=cookie) as socket:
            monkeypatch.setattr(ShareList, "why_ended", broken)
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(socket.recv(), 10)
            assert socket.close_reason == "Share links cannot be checked now: RegistrationError."
        monkeypatch.setattr(ShareList, "admit", broken)
        answer = await client.get("/", params={"share": token})
        assert answer.status_code == 403
        assert "Share links cannot be checked now: RegistrationError." in answer.text
        assert "secret" not in answer.text


async def test_a_request_that_the_server_cancels_is_cancelled():
    """Its link has not ended: it is no end that a guest is told."""
    shares = ShareList("camera", "port:1")
    guests = ShareAuth(shares)
    record = shares.issue("view", 1, "", time.time())
    started = asyncio.Event()

    async def app(scope, receive, send):
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(guests.serve(app, record, {"type": "http"}, None, None))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await guests.stop()


async def test_a_link_has_so_much_open_at_a_time(monkeypatch):
    """One more stream, or WebSocket, of the link is told that it is full; another link's is served, and the owner's."""
    monkeypatch.setattr(connection_limits, "of_a_link", lambda: 2)
    async with serving() as (_, url, shares), contextlib.AsyncExitStack() as stack:
        first, second = await _guest(stack, url, shares), await _guest(stack, url, shares)
        for _ in range(2):
            await stack.enter_async_context(first.stream("GET", "/video"))
        full = await first.get("/video")
        assert (full.status_code, full.text) == (503, FULL)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in first.cookies.items())}
        async with websockets.connect(url.replace("http", "ws", 1), additional_headers=headers) as socket:
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
        assert closed.value.rcvd.code == 1013
        owner = httpx.AsyncClient(base_url=url, headers={"X-Dash-Devices-Secret": SECRET})
        for other in (second, await stack.enter_async_context(owner)):
            async with other.stream("GET", "/video") as stream:
                assert stream.status_code == 200


async def _guest(stack: contextlib.AsyncExitStack, url: str, shares: ShareList) -> httpx.AsyncClient:
    """Somebody with a link of its own."""
    client = await stack.enter_async_context(httpx.AsyncClient(base_url=url))
    token = shares.token(shares.issue("view", 1, "", time.time()))
    answer = await client.get("/", params={"share": token})
    assert answer.status_code == 303
    return client
