"""What anybody may send over HTTP is read a piece at a time, and there is room for others beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket

import pytest

from dash_devices_nb.transport import connection_limits, hangup, http_parser, serve
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from tests.support.eventually import eventually

GET = b"GET /get HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST /%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = 8_000_000
POST = b"POST /step HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"


class App:
    """Notes whose body has come whole, in order; at /step when told; /large has an answer that nobody reads.

    At /early it answers before the body has come, at /begun it begins to. /whole has a large answer in one piece.
    """

    def __init__(self) -> None:
        self.order: list[str] = []
        self.gone: list[str] = []
        self.steps = asyncio.Semaphore(0)

    async def __call__(self, scope, receive, send):
        path = scope["path"].strip("/")
        length = {"large": 50_000_000, "whole": WHOLE}.get(path, 0)
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % length)]}
        if path == "step":
            await self.steps.acquire()
        if path in ("early", "begun"):
            await send(start)
        if path == "early":
            await send({"type": "http.response.body", "body": b""})
            return
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass
        if message["type"] == "http.disconnect":
            self.gone.append(path)
        else:
            self.order.append(path)
        if path != "begun":
            await send(start)
        if path == "large":
            for _ in range(50):
                await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
        await send({"type": "http.response.body", "body": b"x" * WHOLE if path == "whole" else b""})


@contextlib.asynccontextmanager
async def serving(app: App):
    server = Server(app, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1000)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(timeout=1)


@contextlib.contextmanager
def connected(server: Server, first: bytes = b""):
    with socket.create_connection(("127.0.0.1", server.socket.port)) as sock:
        sock.setblocking(False)
        assert sock.send(first) == len(first)
        yield sock


async def read(sock: socket.socket) -> bytes:
    async with asyncio.timeout(10):
        try:
            return await asyncio.get_running_loop().sock_recv(sock, 4096)
        except ConnectionResetError:
            return b""


async def test_a_body_in_thousands_of_chunks_holds_nobody_up():
    """Who asks after it is answered before it: it has turns, and its chunks were parsed all in one go."""
    app = App()
    async with serving(app) as server:
        flood = CHUNKED % b"flood" + b"10\r\n" + b"x" * 16 + b"\r\n"
        flood += (b"10\r\n" + b"x" * 16 + b"\r\n") * 9000 + b"0\r\n\r\n"
        with connected(server, flood) as first, connected(server, GET) as second:
            assert (await read(second)).startswith(b"HTTP/1.1 200")
            assert (await read(first)).startswith(b"HTTP/1.1 200")
    assert app.order == ["get", "flood"]


async def test_who_has_gone_is_not_parsed_to_the_end():
    """Nobody heard of the end, as nothing was read while the rest of the body waited for its turns."""
    app = App()
    async with serving(app) as server:
        with connected(server, CHUNKED % b"flood" + (b"10\r\n" + b"x" * 16 + b"\r\n") * 9000 + b"0\r\n\r\n"):
            pass
        await eventually(lambda: app.gone == ["flood"], 10)
    assert app.order == []


async def test_who_leaves_the_line_has_no_turn():
    """The others have theirs."""
    turns, called = http_parser.ParserTurns(), []
    turns.wait(lambda: called.append("stays"))
    turns.wait(goes := lambda: called.append("goes"))
    turns.leave(goes)
    await eventually(lambda: called == ["stays"])
    turns.wait(goes)
    turns.leave(goes)
    await eventually(lambda: turns._timer is None)
    turns.wait(lambda: called.append("comes later"))
    await eventually(lambda: called == ["stays", "comes later"])


async def test_a_body_that_the_app_does_not_take_yet_is_read_no_further(monkeypatch):
    """What had come in pieces is parsed, and reading goes on once the app has taken it; the next request is heard."""
    monkeypatch.setattr(hangup, "LOOK_SECONDS", 0.05)
    app = App()
    async with serving(app) as server:
        body = (b"10\r\n" + b"x" * 16 + b"\r\n") * 9000
        with connected(server, CHUNKED % b"step" + body) as sock:
            await eventually(lambda: bool(server.connections))
            (connection,) = server.connections
            await eventually(lambda: connection.cycle is not None and len(connection.cycle.body) > 64 * 1024, 10)
            await eventually(lambda: not connection.flow.held, 10)
            assert connection.flow.read_paused
            app.steps.release()
            await eventually(lambda: not connection.flow.read_paused and connection._looking is None)
            sock.send(b"0\r\n\r\n")
            assert (await read(sock)).startswith(b"HTTP/1.1 200")
            sock.send(GET)
            assert (await read(sock)).startswith(b"HTTP/1.1 200")
    assert app.order == ["step", "get"]


async def test_a_body_of_thousands_of_chunks_of_a_byte_is_refused():
    """Nobody sends such a body for what is in it."""
    app = App()
    async with serving(app) as server:
        with connected(server, CHUNKED % b"flood" + b"1\r\nx\r\n" * (http_parser.MOST_SMALL + 1)) as sock:
            assert (await read(sock)).startswith(b"HTTP/1.1 400")
    assert app.gone == ["flood"]


async def test_what_comes_behind_a_request_is_not_read_ahead(monkeypatch):
    """With each request that was answered as much as a read takes came into memory, and stayed."""
    came = 0
    received = serve._Http.data_received

    def data_received(self, data):
        nonlocal came
        came += len(data)
        received(self, data)

    monkeypatch.setattr(serve._Http, "data_received", data_received)
    app = App()
    async with serving(app) as server:
        with connected(server) as sock:
            sending = asyncio.ensure_future(asyncio.get_running_loop().sock_sendall(sock, POST * 300_000))
            answers = asyncio.ensure_future(_read_all(sock))
            for _ in range(50):
                app.steps.release()
            await eventually(lambda: len(app.order) == 50, 10)
            for task in (sending, answers):
                task.cancel()
            await asyncio.gather(sending, answers, return_exceptions=True)
            assert came <= 1024 * 1024


async def _read_all(sock: socket.socket) -> None:
    while await read(sock):
        pass


async def test_a_head_of_thousands_of_lines_is_refused():
    """Each line costs a head's parser time; what a browser sends, and a body of many lines, passes."""
    app = App()
    async with serving(app) as server:
        lines, half = (b"X: y\r\n" * (http_parser.MOST_LINES // divisor) for divisor in (1, 2))
        with connected(server, GET[:-2] + lines + b"\r\n") as sock:
            assert (await read(sock)).startswith(b"HTTP/1.1 400")
        with connected(server, GET[:-2] + half + b"\r\n") as sock:
            assert (await read(sock)).startswith(b"HTTP/1.1 200")
        body = b"\n" * 2000
        with connected(server, b"POST /lines HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n" + body) as sock:
            assert (await read(sock)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", ["waits", "begun", "early"])
async def test_what_is_no_body_ends_the_connection_without_a_word_in_the_log(path, caplog):
    """The app whose request it was in was said to have failed, with a traceback, for whatever a stranger sends."""
    app = App()
    with caplog.at_level(logging.ERROR):
        async with serving(app) as server:
            with connected(server, CHUNKED % path.encode()) as sock:
                await asyncio.get_running_loop().sock_sendall(sock, b"1\r\nx\r\n")
                answer = await read(sock) if path in ("begun", "early") else b""
                sock.send(b"no number\r\n")
                while more := await read(sock):
                    answer += more
    assert answer.startswith(b"HTTP/1.1 400" if path == "waits" else b"HTTP/1.1 200")
    assert not caplog.records


async def test_what_anybody_sends_is_logged_seldom(caplog):
    """Thousands of lines a second came by requests of a stranger's."""
    async with serving(App()) as server:
        for _ in range(5):
            with connected(server, b"nonsense\r\n\r\n") as sock:
                assert (await read(sock)).startswith(b"HTTP/1.1 400")
    assert [record.getMessage() for record in caplog.records] == ["Invalid HTTP request received."]


async def test_connections_that_ask_for_nothing_make_room(monkeypatch):
    """They took all descriptors of the process: no page loaded, and the program opened no device."""
    monkeypatch.setattr(connection_limits, "connections", lambda: 4)
    app = App()
    async with serving(app) as server, contextlib.AsyncExitStack() as stack:
        busy = [stack.enter_context(connected(server, POST)) for _ in range(2)]
        idle = []
        for _ in range(4):
            idle.append(stack.enter_context(connected(server)))
            await eventually(lambda: len(server.connections) in (3, 4), 10)
            with connected(server, GET) as sock:
                assert (await read(sock)).startswith(b"HTTP/1.1 200")
        assert await read(idle[0]) == b""
        for _ in busy:
            app.steps.release()
        for each in busy:
            assert (await read(each)).startswith(b"HTTP/1.1 200")


async def test_where_all_connections_are_used_the_newest_is_ended(monkeypatch):
    """Nothing that is under way is cut."""
    monkeypatch.setattr(connection_limits, "connections", lambda: 2)
    app = App()
    async with serving(app) as server:
        with connected(server, POST) as first, connected(server, POST) as second:
            await eventually(lambda: len(server.tasks) == 2, 10)
            with connected(server, GET) as third:
                assert await read(third) == b""
            app.steps.release()
            app.steps.release()
            for each in (first, second):
                assert (await read(each)).startswith(b"HTTP/1.1 200")


async def test_an_answer_that_nobody_reads_is_given_up(monkeypatch):
    """It kept its connection, and what it holds, for good."""
    monkeypatch.setattr(serve, "STALLED_SECONDS", 0.2)
    async with serving(App()) as server:
        with connected(server, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"):
            await eventually(lambda: bool(server.connections), 10)
            await eventually(lambda: not server.connections, 10)


async def test_the_rest_of_an_answer_that_nobody_reads_is_given_up_however_short(monkeypatch):
    """The connection was closed behind it, and stayed for good: asyncio tells of 64 kB and more."""
    monkeypatch.setattr(serve, "STALLED_SECONDS", 0.2)
    monkeypatch.setattr(serve, "IDLE_SECONDS", 0.1)
    app = App()
    async with serving(app) as server:
        with connected(server) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await eventually(lambda: bool(server.connections))
            (connection,) = server.connections
            with socket.socket(fileno=connection.transport.get_extra_info("socket").fileno()) as same:
                for size in (10_000, 1):  # the system's buffers are full, of an answer before this one, say
                    with contextlib.suppress(BlockingIOError):
                        while True:
                            same.send(b"x" * size)
                same.detach()
            sock.send(GET)
            await eventually(lambda: app.order == ["get"])
            assert connection.transport.get_write_buffer_size() > 0
            await eventually(lambda: not server.connections, 10)


async def test_an_answer_that_is_read_slowly_comes_whole():
    """Its connection waits for the next request then."""
    app = App()
    async with serving(app) as server:
        with connected(server, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n") as sock:
            answer = await read(sock)
            left = 50_000_000 - len(answer.partition(b"\r\n\r\n")[2])
            while left > 0:
                left -= len(await asyncio.get_running_loop().sock_recv(sock, 1_000_000))
            sock.send(GET)
            assert (await read(sock)).startswith(b"HTTP/1.1 200")


KEY = b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
UPGRADE = (
    b" /early HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" + KEY
)


@pytest.mark.parametrize(
    "rest", [b"GET%sContent-Length: 9\r\n\r\n", b"GET%sTransfer-Encoding: chunked\r\n\r\n", b"POST%s\r\n"]
)
async def test_a_handshake_with_a_body_is_a_request_like_others(monkeypatch, rest):
    """It waited for its body with no limit of time, and kept a connection; a request that is answered is cut."""
    monkeypatch.setattr(serve, "IDLE_SECONDS", 0.2)
    app = App()
    async with serving(app) as server:
        with connected(server, rest % UPGRADE) as sock:
            assert (await read(sock)).startswith(b"HTTP/1.1 200")
            assert await read(sock) == b""


async def test_a_websocket_behind_a_large_answer_is_not_cut_with_it(monkeypatch):
    """The end of who reads nothing of an answer was that of the WebSocket which had come on its connection."""
    monkeypatch.setattr(serve, "STALLED_SECONDS", 0.0)
    app = App()
    async with serving(app) as server:
        both = b"GET /whole HTTP/1.1\r\nHost: x\r\n\r\nGET" + UPGRADE.replace(b"/early", b"/socket") + b"\r\n"
        with connected(server, both) as sock:
            answer = b""
            while len(answer) < WHOLE or b"HTTP/1.1 403" not in answer[WHOLE:]:
                piece = await asyncio.get_running_loop().sock_recv(sock, 1_000_000)
                assert piece, f"it was cut after {len(answer)} bytes"
                answer += piece


async def test_a_websocket_that_is_open_makes_no_room(monkeypatch):
    """However long it says nothing: the newest connection ends."""
    monkeypatch.setattr(connection_limits, "connections", lambda: 1)

    async def accept(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": "here"})

    async with serving(accept) as server:
        with connected(server, b"GET" + UPGRADE + b"\r\n") as page:
            assert (await read(page)).startswith(b"HTTP/1.1 101")
            with connected(server, GET) as sock:
                assert await read(sock) == b""
            page.send(b"\x81\x80\0\0\0\0")
            assert await read(page) == b"\x81\x04here"
