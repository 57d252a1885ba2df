"""An app that is given a browser's socket: what it writes goes there, and both connections end together."""

import asyncio
import contextlib
import functools
import os
import socket
import threading

import pytest

from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.registration import handover
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from dash_devices_nb.transport.writer import take_socket, writer_of
from tests.support.eventually import eventually

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nX-Dash-Devices-Socket: offered\r\n\r\n"
)
HELLO = b"\x81\x80\0\0\0\0"


class App:
    """Takes the socket of its one connection and says `first` at once."""

    def __init__(self):
        self.first = "first"
        self.writer = None
        self.received = []
        self.code = None

    async def __call__(self, scope, receive, send):
        await receive()
        take_socket(scope)
        await send({"type": "websocket.accept"})
        self.writer = writer_of(scope, send)
        self.writer.write_messages([Frame(self.first)])
        while (event := await receive())["type"] == "websocket.receive":
            self.received.append(event)
        self.code = event["code"]


class Extension:
    """What the Jupyter server has of one WebSocket: the connections to the app and to the browser."""

    def __init__(self, app, path):
        self.app = app
        self.to_app = socket.socket(socket.AF_UNIX)
        self.to_app.connect(str(path))
        self.browser, self.to_browser = socket.socketpair()
        for sock in (self.to_app, self.browser, self.to_browser):
            sock.setblocking(False)

    async def shake_hands(self):
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self.to_app, HANDSHAKE)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += await loop.sock_recv(self.to_app, 1)
        assert b"x-dash-devices-socket: taken" in answer.lower()

    async def hand_over(self):
        await self.shake_hands()
        assert handover.give(self.to_app, self.to_browser)
        assert await self.read(self.browser, 7) == b"\x81\x05first"

    async def read(self, sock, count):
        """So many bytes, or all until the end."""
        data = b""
        async with asyncio.timeout(10):
            while len(data) < count and (piece := await asyncio.get_running_loop().sock_recv(sock, count - len(data))):
                data += piece
        return data

    def close(self):
        for sock in (self.to_app, self.browser, self.to_browser):
            sock.close()


@pytest.fixture
async def extension(tmp_path):
    """A connection to an app that serves."""
    app = App()
    bound = BoundSocket.bind_unix(tmp_path / "s")
    server = Server(app, bound, max_message_bytes=1000)
    await server.start()
    extension = Extension(app, bound.path)
    with contextlib.closing(extension):
        yield extension
    await server.stop()


async def test_what_the_app_writes_goes_to_the_browser_and_what_comes_is_the_extensions(extension):
    """From any thread, in its order; nothing more goes to the extension."""
    await extension.hand_over()
    thread = threading.Thread(target=extension.app.writer.write_messages, args=([Frame("second")],))
    thread.start()
    thread.join()
    extension.app.writer.write_messages([Frame("third")])
    assert await extension.read(extension.browser, 15) == b"\x81\x06second\x81\x05third"
    extension.to_app.send(HELLO)
    await eventually(lambda: len(extension.app.received) == 1)
    with pytest.raises(BlockingIOError):
        extension.to_app.recv(1)


async def test_an_extension_that_gives_no_socket_carries(extension):
    """What was written meanwhile comes to it, too."""
    await extension.shake_hands()
    with pytest.raises(BlockingIOError):
        extension.to_app.recv(1)
    handover.give(extension.to_app, None)
    assert await extension.read(extension.to_app, 7) == b"\x81\x05first"
    extension.to_app.send(HELLO)
    await eventually(lambda: len(extension.app.received) == 1)


async def test_a_close_frame_of_the_extension_is_said_to_the_browser_behind_all_else(extension):
    """Even if the browser reads late; the connection to the extension ends after it."""
    await extension.hand_over()
    extension.app.writer.write_messages([Frame("x" * 2_000_000)])
    assert not extension.app.writer.has_room()
    extension.to_app.send(b"\x88\x84\0\0\0\0" + (4403).to_bytes(2, "big") + b"no")
    await eventually(lambda: extension.app.code == 4403)
    with pytest.raises(BlockingIOError):
        extension.to_app.recv(1)
    data = await extension.read(extension.browser, 2_000_010 + 6)
    assert data[-6:] == b"\x88\x04" + (4403).to_bytes(2, "big") + b"no"
    assert await extension.read(extension.to_app, 1) == b""


async def test_a_browser_is_pinged_and_one_that_does_not_answer_is_let_go(extension):
    """At the extension's word; one that has not taken all yet gets no ping, and time."""
    await extension.hand_over()
    extension.to_app.send(handover.PING)
    assert await extension.read(extension.browser, 2) == b"\x89\0"
    extension.to_app.send(b"\x8a\x80\0\0\0\0" + handover.PING)
    assert await extension.read(extension.browser, 2) == b"\x89\0"
    extension.to_app.send(HELLO)
    await eventually(lambda: len(extension.app.received) == 1)
    extension.app.writer.write_messages([Frame("x" * 2_000_000)])
    extension.to_app.send(3 * handover.PING + HELLO)
    await eventually(lambda: len(extension.app.received) == 2)
    await extension.read(extension.browser, 2_000_010)
    await eventually(extension.app.writer.has_room)
    extension.to_app.send(2 * handover.PING)
    assert (await extension.read(extension.browser, 6))[:6] == b"\x89\0\x88\x18" + (1011).to_bytes(2, "big")
    assert await extension.read(extension.to_app, 1) == b""


@pytest.mark.parametrize("before", [True, False], ids=["before it gave the socket", "afterwards"])
async def test_an_extension_that_is_gone_ends_the_connection(extension, before):
    """The page may come back at once."""
    await (extension.shake_hands() if before else extension.hand_over())
    extension.to_app.close()
    await eventually(lambda: extension.app.code is not None)
    assert not extension.app.writer.has_room()


async def test_an_extension_that_is_killed_before_it_has_read_the_answer_ends_the_connection(extension):
    """The system calls that a reset, and no end."""
    await asyncio.get_running_loop().sock_sendall(extension.to_app, HANDSHAKE)
    await eventually(lambda: extension.app.writer is not None)
    extension.to_app.close()
    await eventually(lambda: extension.app.code is not None)


@pytest.mark.parametrize("from_thread", [False, True])
async def test_a_browser_that_is_gone_ends_the_connection_when_it_is_written_to(extension, from_thread):
    """If the extension has not heard of it before."""
    await extension.hand_over()
    extension.browser.close()
    write = functools.partial(extension.app.writer.write_messages, [Frame("nobody")])
    await asyncio.to_thread(write) if from_thread else write()
    assert await extension.read(extension.to_app, 1) == b""
    await eventually(lambda: extension.app.code is not None)


async def test_a_descriptor_that_is_no_connection_is_not_written_to(extension, caplog):
    """It is closed and told of, and the app goes on through the extension."""
    await extension.shake_hands()
    read_end, write_end = os.pipe()
    socket.send_fds(extension.to_app, [b"+"], [write_end])
    os.close(write_end)
    assert await extension.read(extension.to_app, 7) == b"\x81\x05first"
    assert "is not a socket; it is closed" in caplog.text
    assert os.read(read_end, 1) == b"", "the app has it no more"
    os.close(read_end)


async def test_what_waited_for_the_socket_is_more_than_it_takes(extension):
    """There is room again only once the browser has it all."""
    extension.app.first = "x" * 5_000_000
    await extension.shake_hands()
    assert handover.give(extension.to_app, extension.to_browser)
    assert await extension.read(extension.browser, 2) == b"\x81\x7f"
    assert not extension.app.writer.has_room()
    assert not extension.app.writer.writable.is_set()
    await extension.read(extension.browser, 8 + 5_000_000)
    await eventually(extension.app.writer.has_room)
    assert extension.app.writer.writable.is_set()


async def test_a_connection_without_the_offer_is_written_to_itself(extension):
    """As a browser's own, or that of an extension that has no socket to give."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(extension.to_app, HANDSHAKE.replace(b"X-Dash-Devices-Socket: offered\r\n", b""))
    answer = b""
    while not answer.endswith(b"\x81\x05first"):
        answer += await loop.sock_recv(extension.to_app, 1)
    assert b"x-dash-devices-socket" not in answer.lower()
