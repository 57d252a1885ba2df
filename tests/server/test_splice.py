"""A splice between sockets of this process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from websockets.frames import Frame, Opcode
from websockets.utils import apply_mask

from dash_devices_nb.server.proxy.frame_budget import FrameBudget
from dash_devices_nb.server.proxy.frame_tracker import FrameTracker, close_frame
from dash_devices_nb.server.proxy.socket_transport import SocketTransport
from dash_devices_nb.server.proxy.splice import FROM_BROWSER, Splice
from dash_devices_nb.server.token_bucket import TokenBucket
from tests.support.eventually import eventually

LIMIT = 1000


class Joined:
    """Splices of one event loop.

    Attributes:
        ended: Splices that have ended.
    """

    def __init__(self) -> None:
        self.ended: list[Splice] = []
        self._stack = contextlib.ExitStack()
        self._spliced: list[socket.socket] = []

    def add(self, budget: FrameBudget | None = None) -> tuple[socket.socket, socket.socket, Splice]:
        """The sockets of a browser and of an app, and the splice between them."""
        splice = Splice(ping_interval=0, browser=FrameTracker(LIMIT), on_end=self.ended.append, budget=budget)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            browser = self._stack.enter_context(socket.create_connection(listening.getsockname()))
            taken, _ = listening.accept()
        app, upstream = socket.socketpair()
        self._stack.enter_context(app)
        for sock in (browser, taken, app, upstream):
            sock.setblocking(False)
        self._spliced += (taken, upstream)
        SocketTransport(taken, splice.browser)
        SocketTransport(upstream, splice.app)
        return browser, app, splice

    async def close(self) -> None:
        self._stack.close()
        await eventually(lambda: all(sock.fileno() < 0 for sock in self._spliced))


@pytest.fixture
async def joined() -> AsyncIterator[Joined]:
    """Splices."""
    joined = Joined()
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


async def test_a_broadcast_reaches_every_page_and_single_messages_after_it_too(joined: Joined) -> None:
    """No socket of a burst is forgotten, and afterwards single messages come as before."""
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
    wanted = close_frame(4403, "the link has ended")
    asked = await received(app, len(wanted) + 4)
    assert asked[1] & 0x80, "a client's frames are masked"
    assert apply_mask(asked[6:], asked[2:6]) == wanted[2:]
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


EMPTY = bytes((0x82, 0x80, 0, 0, 0, 0))


class Clock:
    """Stands still until a test lets it go."""

    def __init__(self) -> None:
        self.now = self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


async def test_a_guest_over_its_budget_is_read_no_further(joined: Joined) -> None:
    """One piece is followed, and others are served, however much waits."""
    clock = Clock()
    shared, own, others = (TokenBucket(1e4, 100.0, clock) for _ in range(3))
    browser, app, splice = joined.add(FrameBudget(own, shared))
    same, _, of_the_link = joined.add(FrameBudget(others, shared))
    owner, owners_app, _ = joined.add()
    sending = asyncio.ensure_future(asyncio.get_running_loop().sock_sendall(browser, EMPTY * 200_000))
    await received(app, 100)
    same.send(EMPTY)
    for _ in range(5):
        owner.send(frame(b"served", mask=True))
        assert len(await received(owners_app, 12)) == 12
    assert 0 < splice.browser.tracker.begun <= FROM_BROWSER // len(EMPTY)
    assert of_the_link.browser.tracker.begun == 0
    clock.step = 1e3
    await eventually(lambda: of_the_link.browser.tracker.begun == 1)
    sending.cancel()


async def test_a_guest_over_its_budget_loses_nothing(joined: Joined) -> None:
    """All of it comes, in its order, though the reading pauses for the budget and for an app that takes no more."""
    loop = asyncio.get_running_loop()
    budget = FrameBudget(*(TokenBucket(1e6, 10.0, loop.time) for _ in range(2)))
    browser, app, splice = joined.add(budget)
    content = b"".join(frame(b"%05d" % number, mask=True) for number in range(60_000))
    sending = asyncio.ensure_future(loop.sock_sendall(browser, content))
    await eventually(lambda: splice.app.transport is not None and splice.app.transport.get_write_buffer_size() > 65_536)
    assert await received(app, len(content)) == content
    await sending


async def test_what_is_dropped_of_a_guest_counts(joined: Joined) -> None:
    """Who sends on after the end of its connection is read no faster than before it."""
    clock = Clock()
    own, shared = (TokenBucket(10.0, 100.0, clock) for _ in range(2))
    browser, _, splice = joined.add(FrameBudget(own, shared))
    splice.close()
    sending = asyncio.ensure_future(asyncio.get_running_loop().sock_sendall(browser, bytes(50_000_000)))
    await eventually(lambda: shared.wait)
    assert not sending.done()
    clock.step = 1e3
    sending.cancel()
