"""What comes by a WebSocket faster than it is wanted, or never ends, costs little memory."""

import asyncio
import socket

import pytest
from websockets.frames import Frame, Opcode

from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from dash_devices_nb.transport.writer import guard_with, read_with, writer_of
from tests.support.eventually import eventually

HEAD = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class App:
    """Takes messages when the test says so, and notes what it is told besides."""

    def __init__(self) -> None:
        self.socket = None
        self.go = asyncio.Event()
        self.messages: list[str] = []
        self.held: list[int] = []
        self.control = 0
        self.seconds = 0.0
        self.wanted = True
        self.ended = False

    async def __call__(self, scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        guard_with(scope, self)
        read_with(scope, lambda data: False)
        self.socket = writer_of(scope, send)
        while True:
            await self.go.wait()
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            self.messages.append(event["text"])

    def holds(self, count: int) -> None:
        self.held.append(count)

    def rests(self, count: int) -> float:
        self.control += 1
        return self.seconds

    def lost(self) -> None:
        self.ended = True

    def left_waiting(self) -> bool:
        return self.wanted


@pytest.fixture
async def app():
    """The app, whose server ends with the test."""
    made = App()
    server = Server(made, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=2**25)
    await server.start()
    made.port = server.socket.port
    yield made
    made.go.set()
    await server.stop(timeout=1)


async def client(app):
    """The streams of a WebSocket that is open; the kernel keeps little of what it does not read."""
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plug.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plug, ("127.0.0.1", app.port))
    reader, writer = await asyncio.open_connection(sock=plug)
    writer.write(HEAD)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    await eventually(lambda: app.socket)
    return reader, writer


def text(data: bytes, opcode=Opcode.TEXT, *, fin=True) -> bytes:
    """A frame as a browser sends it."""
    return Frame(opcode, data, fin).serialize(mask=True)


async def test_messages_that_wait_stay_bytes_and_come_in_their_order(app):
    """A chunk has thousands of messages: each would cost ten times its bytes while the app does not take it."""
    _, writer = await client(app)
    writer.write(b"".join(text(b"%d" % n) for n in range(5000)))
    await eventually(lambda: app.held and app.held[-1] > 10_000)
    assert app.socket.queue.qsize() == 1
    app.go.set()
    await eventually(lambda: len(app.messages) == 5000)
    assert app.messages == [str(n) for n in range(5000)]
    writer.close()


async def test_what_came_whole_before_the_end_is_taken(app):
    """Who sends and leaves at once has said it."""
    _, writer = await client(app)
    app.go.set()
    writer.write(b"".join(text(b"%d" % n) for n in range(500)) + text(b"\x03\xe8", Opcode.CLOSE))
    writer.write_eof()
    await eventually(lambda: app.socket.disconnected)
    assert len(app.messages) == 500
    writer.close()


@pytest.mark.parametrize("fragments", [False, True])
async def test_the_app_knows_what_a_message_holds_that_does_not_end(app, fragments):
    """In one frame, and in fragments, of which none is a message."""
    _, writer = await client(app)
    if fragments:
        writer.write(text(b"x" * 200_000, fin=False) + text(b"x" * 200_000, Opcode.CONT, fin=False))
    else:
        writer.write(text(b"x" * 500_000)[:400_050])
    await eventually(lambda: app.held and app.held[-1] >= 400_000)
    writer.write(text(b"end", Opcode.CONT) if fragments else text(b"x" * 500_000)[:100_000])
    writer.close()


async def test_pings_of_one_who_reads_no_pongs_cost_nothing(app):
    """Only the last is answered, once there is room again: the answers were kept without end."""
    reader, writer = await client(app)
    writer.transport.set_write_buffer_limits(high=2**16)
    reader._transport.pause_reading()
    pings = b"".join(text(b"x" * 120, Opcode.PING) for _ in range(2000))
    for _ in range(30):
        writer.write(pings)
        async with asyncio.timeout(10):
            await writer.drain()
    await eventually(lambda: app.control >= 60_000, 60)
    waiting = app.socket.transport.get_write_buffer_size() + sum(map(len, app.socket._threadsafe._rest))
    assert waiting < 500_000
    writer.transport.abort()


async def test_who_sends_control_frames_too_fast_is_not_read_for_a_while(app):
    """Nor is it cut off; and the end of the connection ends the wait."""
    _, writer = await client(app)
    app.seconds = 0.05
    app.go.set()
    writer.write(text(b"", Opcode.PONG) * 4)
    await eventually(lambda: app.control == 1)
    await eventually(lambda: app.control == 4)
    app.seconds = 60
    writer.write(text(b"", Opcode.PONG) + text(b"after"))
    await eventually(lambda: app.control == 5)
    assert app.messages == []
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.parametrize("abort", [False, True])
async def test_who_leaves_while_its_messages_wait_has_gone(app, monkeypatch, wanted, abort):
    """An end is heard although nothing is read; what waits is taken only of who need not pay for it."""
    monkeypatch.setattr("dash_devices_nb.transport.hangup.LOOK_SECONDS", 0.05)
    app.wanted = wanted
    _, writer = await client(app)
    writer.write(b"".join(text(b"%d" % n) for n in range(50)))
    await eventually(lambda: app.held and app.socket.read_paused)
    if abort:
        writer.transport.abort()
    else:
        writer.close()
    await eventually(lambda: app.ended)
    assert app.messages == []
    app.go.set()
    await eventually(lambda: app.socket.disconnected and app.socket.queue.empty())
    await eventually(lambda: len(app.messages) == (50 if wanted else 1))
