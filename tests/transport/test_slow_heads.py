"""Connections that ask for nothing are cut, so that nobody holds all places of an app that is served directly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import websockets

from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from tests.support.eventually import eventually

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = HEAD[:-2] + b"X-Slow: "


class App:
    """Answers a GET at once and a POST with its body, echoes over a WebSocket, and at /wait answers when told."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (event := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": event["text"]})
            return
        if scope["path"] == "/early":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        body = b""
        while (event := await receive())["type"] == "http.request":
            body += event["body"]
            if not event["more_body"]:
                break
        if scope["path"] == "/wait":
            await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(app: App, tls: ssl.SSLContext | None = None):
    server = Server(app, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000, ssl_context=tls)
    await server.start()
    try:
        yield server.socket.port
    finally:
        await server.stop(timeout=1)


@contextlib.contextmanager
def connected(port: int):
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setblocking(False)
        yield sock


async def send(sock: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(sock, data)


async def read(sock: socket.socket) -> bytes:
    async with asyncio.timeout(10):
        return await asyncio.get_running_loop().sock_recv(sock, 4096)


async def trickled(sock: socket.socket) -> bytes:
    """What is answered to a client that sends a byte now and then, each in time for a timeout of idleness."""

    async def a_byte_more() -> bytes:
        with contextlib.suppress(BlockingIOError):
            return sock.recv(4096)
        sock.send(b"x")
        return b""

    return await eventually(a_byte_more, 10)


async def test_a_connection_that_asks_for_nothing_is_cut(monkeypatch):
    """Without a word: a browser that has connected ahead would take one for the answer to its next request."""
    monkeypatch.setattr("dash_devices_nb.transport.serve.HEAD_SECONDS", 0.2)
    async with serving(App()) as port:
        with connected(port) as sock:
            assert await read(sock) == b""


@pytest.mark.parametrize("before", [b"", HEAD])
async def test_a_head_that_comes_slowly_is_cut(monkeypatch, before):
    """A byte at a time, as the first request or after one."""
    monkeypatch.setattr("dash_devices_nb.transport.serve.HEAD_SECONDS", 0.3)
    async with serving(App()) as port:
        with connected(port) as sock:
            if before:
                await send(sock, before)
                assert (await read(sock)).startswith(b"HTTP/1.1 200")
            await send(sock, HALF)
            assert (await trickled(sock)).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


EARLY = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx"
CHUNKED = b"POST /early HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"


@pytest.mark.parametrize(
    "asked", [HEAD, HEAD * 3, EARLY, CHUNKED], ids=["get", "three", "body to come", "chunks to come"]
)
@pytest.mark.parametrize("trickles", [False, True], ids=["idle", "trickles"])
async def test_an_idle_connection_whose_request_was_answered_is_cut(monkeypatch, asked, trickles):
    """Also where the body was not waited for, and comes a byte at a time for good."""
    monkeypatch.setattr("dash_devices_nb.transport.serve.HEAD_SECONDS", 0.5)
    monkeypatch.setattr("dash_devices_nb.transport.serve.IDLE_SECONDS", 0.3)
    async with serving(App()) as port:
        with connected(port) as sock:
            await send(sock, asked)
            assert (await read(sock)).startswith(b"HTTP/1.1 200")
            with contextlib.suppress(ConnectionError):
                if trickles:
                    assert b"408" in await trickled(sock) or await read(sock) == b""
                while await read(sock):
                    pass


@pytest.mark.parametrize("length", ["x", "1_0", "+1", "-1", "1, 2", "9" * 21, "9" * 5000])
async def test_a_content_length_that_is_none_gets_400(length):
    """The app is not asked, and nothing fails."""
    async with serving(App()) as port:
        with connected(port) as sock:
            await send(sock, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + length.encode() + b"\r\n\r\n")
            assert (await read(sock)).startswith(b"HTTP/1.1 400 ")


async def test_what_has_begun_takes_its_time(monkeypatch):
    """A WebSocket that is idle, an answer that is waited for, and a body that comes slowly outlive one that is cut."""
    monkeypatch.setattr("dash_devices_nb.transport.serve.HEAD_SECONDS", 0.2)
    app = App()
    async with serving(app) as port, websockets.connect(f"ws://127.0.0.1:{port}/") as ws:
        with connected(port) as waiting, connected(port) as posting:
            await send(waiting, HEAD.replace(b"/ ", b"/wait ", 1))
            await send(posting, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nslo")
            for _ in range(2):
                with connected(port) as idle:
                    assert await read(idle) == b""
            app.go_on.set()
            await send(posting, b"w")
            for sock in (waiting, posting):
                assert (await read(sock)).startswith(b"HTTP/1.1 200")
            await ws.send("still here")
            assert await ws.recv() == "still here"


async def test_a_tls_handshake_that_does_not_come_is_cut(monkeypatch, tmp_path: Path):
    """Over TLS, too, a connection that says nothing holds its place for a while only."""
    monkeypatch.setattr("dash_devices_nb.transport.serve.HEAD_SECONDS", 0.2)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(["openssl", *request, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    async with serving(App(), context) as port:
        with connected(port) as sock:
            assert await read(sock) == b""


async def test_who_leaves_while_its_body_is_not_read_has_gone(monkeypatch):
    """An end is heard although nothing is read, and the request ends with it."""
    monkeypatch.setattr("dash_devices_nb.transport.hangup.LOOK_SECONDS", 0.05)
    seen: list[str] = []
    taken = asyncio.Event()

    async def slow(scope, receive, send):
        seen.append((await receive())["type"])
        taken.set()
        await eventually(lambda: server.socket is not None and not server.connections)
        seen.append((await receive())["type"])

    server = Server(slow, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.start()
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", server.socket.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + bytes(2_000_000))
        await taken.wait()
        writer.transport.abort()
        await eventually(lambda: seen == ["http.request", "http.disconnect"], 10)
    finally:
        await server.stop(timeout=1)
