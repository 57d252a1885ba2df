"""A splice between sockets of this process, on each way to wait for them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from websockets.frames import Frame, Opcode

from dash_devices_nb.server.proxy.frame_tracker import FrameTracker, close_frame
from dash_devices_nb.server.proxy.poller import EpollPoller, Poller, readers
from dash_devices_nb.server.proxy.socket_transport import SocketTransport
from dash_devices_nb.server.proxy.splice import Splice
from tests.support.eventually import eventually

LIMIT = 1000


class Joined:
    """Splices of one event loop.

    Attributes:
        ended: Splices that have ended.
    """

    def __init__(self, waiting: Poller) -> None:
        self.waiting = waiting
        self.ended: list[Splice] = []
        self._stack = contextlib.ExitStack()
        self._spliced: list[socket.socket] = []

    def add(self) -> tuple[socket.socket, socket.socket, Splice]:
        """The sockets of a browser and of an app, and the splice between them."""
        splice = Splice(ping_interval=0, browser=FrameTracker(LIMIT), on_end=self.ended.append)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            browser = self._stack.enter_context(socket.create_connection(listening.getsockname()))
            taken, _ = listening.accept()
        app, upstream = socket.socketpair()
        self._stack.enter_context(app)
        for sock in (browser, taken, app, upstream):
            sock.setblocking(False)
        self._spliced += (taken, upstream)
        SocketTransport(self.waiting, taken, splice.browser)
        SocketTransport(self.waiting, upstream, splice.app)
        return browser, app, splice

    async def close(self) -> None:
        self._stack.close()
        await eventually(lambda: all(sock.fileno() < 0 for sock in self._spliced))
        self.waiting.close()


@pytest.fixture(params=[Poller, EpollPoller], ids=["any system", "epoll"])
async def joined(request: pytest.FixtureRequest) -> AsyncIterator[Joined]:
    """Splices on a system that has epoll and on one that has not."""
    joined = Joined(request.param())
    yield joined
    await joined.close()


async def received(sock: socket.socket, count: int) -> bytes:
    """So many bytes, or all that come before the end."""
    loop = asyncio.get_running_loop()
    data = b""
    async with asyncio.timeout(10):
        while len(data) < count and (piece := await loop.sock_recv(sock, count - len(data))):
            data += piece
    return data


def frame(payload: bytes, *, mask: bool = False) -> bytes:
    return Frame(Opcode.BINARY, payload).serialize(mask=mask)


def test_linux_waits_with_epoll() -> None:
    """What is tested here is what runs."""

    async def kind() -> type[Poller]:
        made = readers()
        made.close()
        return type(made)

    with asyncio.Runner() as runner:
        assert runner.run(kind()) is EpollPoller


async def test_a_broadcast_reaches_every_page_and_single_messages_after_it_too(joined: Joined) -> None:
    """Sockets of a burst are looked at less often, none is forgotten, and afterwards all is as before."""
    pairs = [joined.add() for _ in range(60)]
    for _, app, _ in pairs:
        app.send(frame(b"to all"))
    for browser, _, _ in pairs:
        assert await received(browser, 8) == frame(b"to all")
    for browser, app, _ in pairs[::20]:
        app.send(frame(b"to one"))
        assert await received(browser, 8) == frame(b"to one")
        browser.send(frame(b"and back", mask=True))
        assert len(await received(app, 14)) == 14


async def test_a_page_that_does_not_read_stops_the_reading_of_its_app(joined: Joined) -> None:
    """What piles up is bounded; when the page reads again, all of it comes, in order."""
    browser, app, splice = joined.add()
    content = frame(bytes(range(256)) * 80_000)
    sending = asyncio.ensure_future(asyncio.get_running_loop().sock_sendall(app, content))
    transport = splice.browser.transport
    assert transport is not None
    await eventually(lambda: transport.get_write_buffer_size() > 65_536)
    assert transport.get_write_buffer_size() < 600_000
    assert not sending.done()
    assert await received(browser, len(content)) == content
    await sending


async def test_a_page_in_the_middle_of_a_frame_that_is_too_long_reads_why(joined: Joined) -> None:
    """A socket that is closed with bytes unread is reset, and the reason with it: they are read and dropped."""
    browser, app, _ = joined.add()
    loop = asyncio.get_running_loop()
    sending = asyncio.ensure_future(loop.sock_sendall(browser, frame(b"x" * 4_000_000, mask=True)))
    why = close_frame(1009, f"a frame of 4000000 bytes, at most {LIMIT} are accepted")
    await sending
    assert await received(browser, 1000) == why
    assert await received(app, 1) == b""
    assert len(joined.ended) == 1


async def test_a_header_in_pieces_is_carried_whole_or_not_at_all(joined: Joined) -> None:
    """So the Close frame that tells of a frame that is too long has a place, wherever its header was cut."""
    browser, app, splice = joined.add()
    whole, too_long = frame(b"y" * 200, mask=True), frame(b"x" * 70_000, mask=True)
    for piece in (whole[:1], whole[1:3], whole[3:], too_long[:5]):
        splice.browser.active = False
        browser.send(piece)
        await eventually(lambda: splice.browser.active)
    assert await received(app, len(whole)) == whole
    browser.send(too_long[5:14])
    why = close_frame(1009, f"a frame of 70000 bytes, at most {LIMIT} are accepted")
    assert await received(browser, 1000) == why
    assert await received(app, 1) == b""


async def test_a_page_reads_what_was_on_its_way_when_the_app_ended(joined: Joined) -> None:
    """The last messages of a kernel that ends arrive before the Close frame."""
    browser, app, _ = joined.add()
    last = frame(b"x" * 500_000)
    await asyncio.get_running_loop().sock_sendall(app, last)
    app.close()
    assert await received(browser, 10**6) == last + close_frame(1012, "the app's kernel closed the connection")


async def test_an_app_that_writes_to_the_browser_itself_is_asked_for_the_close_frame(joined: Joined) -> None:
    """Only the app knows where its frames end; the browser's connection stays open for it meanwhile."""
    browser, app, splice = joined.add()
    splice.handed = True
    splice.close(4403, "the link has ended")
    asked = close_frame(4403, "the link has ended", mask=True)
    assert await received(app, len(asked)) == asked
    assert len(joined.ended) == 1
    with pytest.raises(BlockingIOError):
        browser.recv(1)
    app.close()
    assert await received(browser, 1) == b""


async def test_an_app_that_writes_to_the_browser_itself_and_hangs_is_not_waited_for(joined: Joined) -> None:
    """The page learns from the end of its connection."""
    browser, _, splice = joined.add()
    splice.handed = True
    splice.close()
    assert await received(browser, 1) == b""


async def test_in_the_middle_of_a_frame_nothing_is_put_between(joined: Joined) -> None:
    """An app that could not read a Close frame there is not asked for one."""
    browser, app, splice = joined.add()
    splice.handed = True
    begun = frame(b"x" * 100, mask=True)[:50]
    browser.send(begun)
    assert await received(app, 50) == begun
    splice.close()
    assert await received(browser, 1) == await received(app, 1) == b""


async def test_a_page_whose_app_wrote_to_it_and_has_ended_is_sent_nothing(joined: Joined) -> None:
    """A killed kernel may have stopped in the middle of a frame."""
    browser, app, splice = joined.add()
    splice.handed = True
    app.close()
    assert await received(browser, 1) == b""
    assert splice.closed
