import asyncio
import contextvars
import logging
import os
import socket
import ssl
import struct
import subprocess
from pathlib import Path

import httpx
import pytest
import websockets
from websockets.frames import Close, Frame, Opcode

from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from tests.support.eventually import eventually

mark = contextvars.ContextVar("mark", default="empty")


class App:
    """A small ASGI app whose paths say what it does."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.left: list[str] = []
        self.events: list[dict] = []
        self.marks: list[str] = []

    async def __call__(self, scope, receive, send):
        self.marks.append(mark.get())
        if scope["type"] == "websocket":
            await self.websocket(scope, receive, send)
        else:
            await self.http(scope, receive, send)

    async def http(self, scope, receive, send):
        self.entered.set()
        try:
            if scope["path"] == "/hang":
                await asyncio.Event().wait()
            if scope["path"] == "/fail":
                raise ValueError("no such device")
            await send({"type": "http.response.start", "status": 200, "headers": []})
            if scope["path"] == "/stream":
                await send({"type": "http.response.body", "body": b"one", "more_body": True})
                await asyncio.Event().wait()
            if scope["path"] == "/half":
                await send({"type": "http.response.body", "body": b"one", "more_body": True})
                raise ValueError("half-way")
            await send({"type": "http.response.body", "body": scope["path"].encode()})
        finally:
            self.left.append(scope["path"])

    async def websocket(self, scope, receive, send):
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        if scope["path"] == "/fail":
            raise ValueError("no such device")
        while True:
            event = await receive()
            self.events.append(event)
            if event["type"] == "websocket.disconnect":
                if scope["path"] == "/stubborn":
                    await asyncio.Event().wait()
                return
            await send({"type": "websocket.send", "text": event.get("text") or "bytes"})


class RawClient:
    """A WebSocket client that does nothing by itself."""

    def __init__(self, server: Server) -> None:
        self._port = server.socket.port
        self._socket = socket.socket()
        self._socket.setblocking(False)

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, ("127.0.0.1", self._port))
        head = (
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await loop.sock_sendall(self._socket, head.encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += await self._read(1)
        assert answer.startswith(b"HTTP/1.1 101 ")
        return self

    async def __aexit__(self, *_):
        self._socket.close()

    def reset(self) -> None:
        """Go without a word."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def send(self, payload: bytes, opcode: Opcode = Opcode.TEXT) -> None:
        """Send a frame now, without a turn of the loop."""
        self._socket.send(Frame(opcode, payload).serialize(mask=True))

    async def send_all(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def frame(self) -> tuple[Opcode, bytes]:
        """The next frame, which is a short one."""
        first, length = await self._read(1), await self._read(1)
        return Opcode(first[0] & 0x0F), await self._read(length[0])

    async def rest(self) -> bytes:
        """All that comes up to the end."""
        data = b""
        while piece := await self._read(1000):
            data += piece
        return data

    async def _read(self, count: int) -> bytes:
        async with asyncio.timeout(10):
            return await asyncio.get_running_loop().sock_recv(self._socket, count)


@pytest.fixture
async def app():
    return App()


@pytest.fixture
async def server(app):
    errors = []
    server = Server(
        app,
        BoundSocket.bind_tcp("127.0.0.1", 0, search=False),
        max_message_bytes=1000,
        on_error=lambda exc, scope: errors.append((str(exc), scope["path"])),
    )
    server.errors = errors
    await server.start()
    yield server
    await server.stop(timeout=1)


def ws_url(server: Server, path: str = "/") -> str:
    return server.url.replace("http", "ws", 1).rstrip("/") + path


async def test_http_and_websockets_share_the_socket(server, app):
    """Requests and WebSockets are answered on the bound port."""
    async with httpx.AsyncClient() as client:
        response = await client.get(server.url + "page")
        assert (response.status_code, response.text) == (200, "/page")
        assert "date" in response.headers
        assert "server" not in response.headers
    async with websockets.connect(ws_url(server)) as ws:
        await ws.send("hello")
        assert await ws.recv() == "hello"
        assert ws.protocol.extensions == []


async def test_connections_do_not_inherit_the_context_of_the_starter(app):
    """What a cell's context holds does not reach the requests."""
    token = mark.set("cell 1")
    server = Server(app, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.start()
    mark.reset(token)
    async with httpx.AsyncClient() as client, websockets.connect(ws_url(server)):
        await client.get(server.url)
    await server.stop()
    assert app.marks == ["empty", "empty"]


async def test_stop_tells_websockets_why(server, app):
    """Open WebSockets get code 1012 and the reason, and the app sees them go."""
    async with websockets.connect(ws_url(server)) as ws:
        await server.stop(reason="The cell was run again")
        with pytest.raises(websockets.ConnectionClosed):
            await ws.recv()
        assert (ws.close_code, ws.close_reason) == (1012, "The cell was run again")
    assert app.events == [{"type": "websocket.disconnect", "code": 1012, "reason": "The cell was run again"}]


async def test_stop_cancels_a_request_that_hangs_and_answers_503(server, app, caplog):
    """A request that does not end within the timeout is cancelled, quietly."""
    async with httpx.AsyncClient() as client:
        request = asyncio.create_task(client.get(server.url + "hang"))
        await app.entered.wait()
        await server.stop(timeout=0.05)
        response = await request
    assert response.status_code == 503
    assert response.text == "The app stopped before it had answered.\n"
    assert app.left == ["/hang"]
    assert caplog.records == []


async def test_stop_ends_an_endless_stream_and_a_stubborn_websocket(server, app, caplog):
    """Neither a video stream nor a WebSocket handler that ignores the end holds up the stop."""
    async with (
        httpx.AsyncClient() as client,
        client.stream("GET", server.url + "stream") as response,
        websockets.connect(ws_url(server, "/stubborn")),
    ):
        chunks = response.aiter_raw()
        assert await anext(chunks) == b"one"
        await server.stop(timeout=0.05)
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(chunks)
    assert app.left == ["/stream"]
    assert caplog.records == []


async def test_stop_does_not_wait_for_a_client_that_does_not_read(app):
    """A full send buffer is thrown away after the timeout."""
    flooded = asyncio.Event()

    async def flood(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            flooded.set()
            await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})

    server = Server(flood, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.start()
    _, writer = await asyncio.open_connection("127.0.0.1", server.socket.port, limit=1)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await flooded.wait()
    await asyncio.wait_for(server.stop(timeout=0.05), 5)
    writer.close()


async def test_stop_leaves_no_descriptor_and_no_port(app):
    """After stop there is no open file more than before, and the port is free at once."""
    before = len(os.listdir("/proc/self/fd"))
    port = 0
    for _ in range(3):
        server = Server(app, BoundSocket.bind_tcp("127.0.0.1", port, search=False), max_message_bytes=1000)
        port = server.socket.port
        await server.start()
        assert server.running
        async with httpx.AsyncClient() as client:
            await client.get(server.url)
            await server.stop()
        assert not server.running
        await server.stop()
    await eventually(lambda: len(os.listdir("/proc/self/fd")) <= before)


async def test_stop_without_start_frees_the_socket(app):
    """A server that never served gives its port back, too."""
    server = Server(app, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.stop()
    BoundSocket.bind_tcp("127.0.0.1", server.socket.port, search=False).close()


async def test_a_server_is_started_once(server):
    """Starting twice is refused."""
    with pytest.raises(RuntimeError, match="started before; make a new one on a new socket"):
        await server.start()


async def test_an_app_can_stop_its_own_server(app):
    """A request that stops the server does not wait for itself."""

    async def stopping(scope, receive, send):
        await server.stop(timeout=0.05)

    server = Server(stopping, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.start()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(server.url)


async def test_it_serves_on_a_unix_socket_and_removes_it(app, short_directory: Path):
    """A Unix socket works like a port; its file goes with the server."""
    server = Server(app, BoundSocket.bind_unix(short_directory), max_message_bytes=1000)
    await server.start()
    path = str(server.socket.path)
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=path)) as client:
        assert (await client.get("http://app/x")).text == "/x"
    async with websockets.unix_connect(path, "ws://app/") as ws:
        await ws.send("hello")
        assert await ws.recv() == "hello"
    await server.stop()
    assert list(short_directory.iterdir()) == []


async def test_a_message_over_the_limit_closes_that_websocket_only(server):
    """A frame that is too large gets code 1009; others go on."""
    async with websockets.connect(ws_url(server)) as other:
        async with websockets.connect(ws_url(server)) as ws:
            await ws.send("x" * 1001)
            with pytest.raises(websockets.ConnectionClosed):
                await ws.recv()
            assert ws.close_code == 1009
        await other.send("x" * 1000)
        assert await other.recv() == "x" * 1000


async def test_a_client_that_is_sending_reads_why_the_server_stops(server, app):
    """A socket that is closed with bytes unread is reset, and the reason with it: the end waits for the answer."""
    async with RawClient(server) as client:
        client.send(b"too late")
        stopping = asyncio.create_task(server.stop(reason="The cell was run again"))
        assert await client.frame() == (Opcode.CLOSE, Close(1012, "The cell was run again").serialize())
        client.send(b"later still")
        client.send(Close(1012, "").serialize(), Opcode.CLOSE)
        assert await client.rest() == b""
        await stopping
    assert [event["type"] for event in app.events] == ["websocket.disconnect"]


async def test_a_client_that_does_not_answer_the_end_holds_nothing_up(server, monkeypatch):
    """It has its time, and is cut off then."""
    monkeypatch.setattr("dash_devices_nb.transport.websocket.CLOSING_SECONDS", 0.05)
    async with RawClient(server) as client:
        await server.stop()
        assert await client.frame() == (Opcode.CLOSE, Close(1012, "The app stopped").serialize())
        assert await client.rest() == b""


async def test_a_client_that_has_just_gone_holds_nothing_up(server, app):
    """Its connection was reset, which the loop has not heard of yet."""
    async with RawClient(server) as client:
        client.reset()
        await server.stop()
    assert [event["type"] for event in app.events] == ["websocket.disconnect"]


async def test_a_client_in_the_middle_of_a_message_over_the_limit_reads_why(server):
    """What still comes of it is dropped, and the connection ends when the client has answered."""
    async with RawClient(server) as client:
        sending = asyncio.create_task(client.send_all(Frame(Opcode.TEXT, bytes(10_000_000)).serialize(mask=True)))
        opcode, payload = await client.frame()
        assert (opcode, payload[:2]) == (Opcode.CLOSE, (1009).to_bytes(2, "big"))
        await sending
        client.send(Close(1009, "").serialize(), Opcode.CLOSE)
        assert await client.rest() == b""


async def test_an_error_of_the_app_is_logged_and_answered(server, caplog):
    """An exception that leaves the app gives a 500, one log record and a call of `on_error`."""
    async with httpx.AsyncClient() as client:
        response = await client.get(server.url + "fail")
        assert response.status_code == 500
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(server.url + "half")
    async with websockets.connect(ws_url(server, "/fail")) as ws:
        with pytest.raises(websockets.ConnectionClosed):
            await ws.recv()
        assert ws.close_code == 1011
    assert server.errors == [
        ("no such device", "/fail"),
        ("half-way", "/half"),
        ("no such device", "/fail"),
    ]
    ours = [r.message for r in caplog.records if r.name == "dash_devices_nb.transport.serve"]
    assert ours == ["GET /fail failed", "GET /half failed", "WebSocket /fail failed"]


async def test_requests_are_not_logged(server, caplog):
    """A program that logs at level INFO gets no line for each request."""
    with caplog.at_level(logging.INFO):
        async with httpx.AsyncClient() as client, websockets.connect(ws_url(server)):
            await client.get(server.url)
    assert not [r for r in caplog.records if r.name.startswith(("uvicorn", "dash_devices_nb"))]


async def test_it_serves_websockets_over_tls(app, tmp_path: Path):
    """Message after message, to the reason of the end."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    request += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(["openssl", *request], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    bound = BoundSocket.bind_tcp("127.0.0.1", 0, search=False)
    server = Server(app, bound, max_message_bytes=1000, ssl_context=context)
    await server.start()
    trusting = ssl.create_default_context(cafile=str(cert))
    async with websockets.connect(ws_url(server), ssl=trusting) as ws:
        for number in range(3):
            await ws.send(f"message {number}")
            assert await ws.recv() == f"message {number}"
        await server.stop()
        with pytest.raises(websockets.ConnectionClosed):
            await ws.recv()
        assert (ws.close_code, ws.close_reason) == (1012, "The app stopped")


async def test_a_request_that_goes_on_though_it_is_cancelled_is_told_of(monkeypatch, caplog):
    """The stop does not wait for it for ever."""
    monkeypatch.setattr("dash_devices_nb.transport.serve.CANCEL_TIMEOUT", 0.05)
    entered, goes_on = asyncio.Event(), asyncio.Event()

    async def stubborn(scope, receive, send):
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await goes_on.wait()

    server = Server(stubborn, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.start()
    async with httpx.AsyncClient() as client:
        request = asyncio.create_task(client.get(server.url))
        await entered.wait()
        await server.stop(timeout=0.05)
        assert "1 request(s) go on although they were cancelled: <Task " in caplog.text
        goes_on.set()
        with pytest.raises(httpx.RemoteProtocolError):
            await request
        await eventually(lambda: not server.tasks)


async def test_a_request_that_the_program_cancels_is_an_error(caplog):
    """It is answered, and the server goes on."""

    async def cancelled(scope, receive, send):
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    server = Server(cancelled, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.start()
    async with httpx.AsyncClient() as client:
        for _ in range(2):
            assert (await client.get(server.url)).status_code == 500
    assert "CancelledError" in caplog.text
    await server.stop()
