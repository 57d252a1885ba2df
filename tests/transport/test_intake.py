"""What comes by a WebSocket faster than it is wanted, or never ends, costs little memory."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass

import pytest
from websockets.frames import Frame, Opcode

from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.message_splitter import MessageSplitter
from dash_devices_nb.transport.serve import Server
from dash_devices_nb.transport.websocket import MOST_AFTER_CLOSE
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
        self.send = send
        while True:
            await self.go.wait()
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            self.messages.append(event["text"])

    async def close(self, code: int, reason: str) -> None:
        """Close the connection."""
        await self.send({"type": "websocket.close", "code": code, "reason": reason})

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
    made.port, made.server = server.socket.port, server
    yield made
    made.go.set()
    await server.stop(timeout=1)


@dataclass
class Written:
    """A message, of which nobody reads the header."""

    message: bytes
    binary: bool = True


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
    waiting = app.socket.transport.get_write_buffer_size() + sum(map(len, app.socket.transport._rest))
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


async def test_one_whose_messages_wait_is_asked_now_and_then_whether_it_is_there(app, monkeypatch):
    """Its end would come behind what is not read; who has gone refuses what it is sent."""
    monkeypatch.setattr("dash_devices_nb.transport.hangup.LOOK_SECONDS", 0.05)
    reader, writer = await client(app)
    writer.write(b"".join(text(b"%d" % n) for n in range(50)))
    async with asyncio.timeout(10):
        assert await reader.readexactly(4) == b"\x89\0\x89\0"
    app.go.set()
    await eventually(lambda: len(app.messages) == 50)
    await eventually(lambda: app.socket._looking is None)
    writer.close()


async def test_one_who_reads_nothing_is_asked_nothing_while_its_messages_wait(app, monkeypatch):
    """The pings would wait with the rest."""
    monkeypatch.setattr("dash_devices_nb.transport.hangup.LOOK_SECONDS", 0.05)
    reader, writer = await client(app)
    reader._transport.pause_reading()
    app.socket.write_messages([Written(b"x" * 8_000_000)])
    writer.write(b"".join(text(b"%d" % n) for n in range(50)))
    await eventually(lambda: app.socket._looking is not None)
    looking = app.socket._looking
    waiting = app.socket.transport.get_write_buffer_size()
    await eventually(lambda: app.socket._looking is not looking)
    assert app.socket.transport.get_write_buffer_size() == waiting
    writer.transport.abort()


async def test_the_last_ping_of_one_who_reads_late_is_answered(app):
    """As soon as there is room again."""
    reader, writer = await client(app)
    reader._transport.pause_reading()
    app.socket.write_messages([Written(b"x" * 8_000_000)])
    writer.write(text(b"first", Opcode.PING) + text(b"last", Opcode.PING))
    await eventually(lambda: app.control == 2)
    reader._transport.resume_reading()
    async with asyncio.timeout(10):
        assert (await reader.readexactly(8_000_000 + 6))[-6:] == b"\x8a\x04last"
    writer.close()


async def test_who_sends_on_after_the_end_is_kept_no_bytes_of(app):
    """It reads why, though its message would be longer than all that is kept."""
    reader, writer = await client(app)
    message = text(b"x" * 2_000_000)
    writer.write(message[:200_000])
    await eventually(lambda: app.held and app.held[-1] > 100_000)
    held = app.held[-1]
    ending = asyncio.create_task(app.server.stop())
    async with asyncio.timeout(10):
        assert (await reader.readexactly(4))[2:] == (1012).to_bytes(2, "big")
        writer.write(message[200_000:1_000_000])
        await writer.drain()
        writer.write(message[1_000_000:])
        await writer.drain()
        await reader.read(-1)
        await ending
    assert app.held[-1] <= max(held, 200_000)
    writer.close()


@pytest.mark.parametrize(
    "frame", [text(b""), text(b"", Opcode.BINARY), text(b"", Opcode.PING)], ids=["text", "binary", "ping"]
)
async def test_what_comes_after_our_close_frame_is_not_looked_through_for_ever(app, monkeypatch, frame):
    """Beyond a bound it is dropped as it comes, and the connection ends without the other side's Close frame."""
    cuts = 0
    cut = MessageSplitter.next

    def counting(splitter):
        nonlocal cuts
        cuts += 1
        return cut(splitter)

    monkeypatch.setattr(MessageSplitter, "next", counting)
    reader, writer = await client(app)
    app.go.set()
    await app.close(4403, "enough")
    assert (await reader.readexactly(10))[4:] == b"enough"
    writer.write(frame * 100_000)
    async with asyncio.timeout(30):
        with suppress(ConnectionError):
            await reader.read()
    assert 0 < cuts <= MOST_AFTER_CLOSE // len(frame) + 10  # it also asks whether there is more
    writer.transport.abort()
