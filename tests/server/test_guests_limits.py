"""What the guests of one link may have open at the extension, and that it holds up nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx
import pytest
import websockets

from dash_devices_nb.server.handlers.guests import QUEUE, REQUESTS_AT_ONCE
from dash_devices_nb.server.proxy.splice import FROM_BROWSER
from tests.server.conftest import Page, Visit, serving, visiting
from tests.server.guests import COOKIE, Links, guest_socket, links_of
from tests.support.eventually import eventually

REQUESTS, SOCKETS, FRAMES, RATE = 2, 4, 50, 1
EMPTY = bytes((0x81, 0x80, 0, 0, 0, 0))
"""A WebSocket's text frame with nothing in it, as a page sends it."""
CLOSE = b"\x88" + EMPTY[1:]


@pytest.fixture(scope="module")
async def visit() -> AsyncIterator[Visit]:
    """The owner of a server with little room for guests."""
    limits = {"guest_requests": REQUESTS, "guest_sockets": SOCKETS, "guest_frames": FRAMES, "guest_rate": RATE}
    limits["guest_body_timeout"] = 0.3
    async with visiting(*(f"--DashDevicesApp.{name}={value}" for name, value in limits.items())) as visit:
        yield visit


@pytest.fixture
async def page(visit: Visit) -> AsyncIterator[Page]:
    """An app."""
    async with serving(visit) as page:
        yield page


@pytest.fixture
def links(visit: Visit) -> Links:
    """Its share links."""
    return links_of(visit, "bench")


async def looks(visit: Visit) -> None:
    """Whom Jupyter knows gets in, by all ways."""
    assert (await visit.http.get(visit.url("bench/"))).status_code == 200
    for path in ("ws", "status"):
        async with visit.socket(f"bench/_dash-devices/{path}") as socket:
            await socket.send("hello")
            await socket.recv()


async def test_requests_beyond_the_limit_wait_or_are_told(visit: Visit, page: Page, links: Links) -> None:
    """Some more wait for their turn, the rest gets 503 at once; neither another link's guests wait nor the owner."""
    (_, token), (_, other) = links.issue("view"), links.issue("view")
    url, pieces = visit.url("bench/"), []
    async with (
        httpx.AsyncClient(headers={"Cookie": f"{COOKIE}={token}"}, timeout=30) as guest,
        asyncio.TaskGroup() as group,
    ):
        async with AsyncExitStack() as streams:
            for _ in range(REQUESTS):
                stream = await streams.enter_async_context(guest.stream("GET", visit.url("bench/stream")))
                pieces.append(stream.aiter_bytes())
                await anext(pieces[-1])
            await looks(visit)
            async with httpx.AsyncClient(headers={"Cookie": f"{COOKIE}={other}"}) as neighbour:
                assert (await neighbour.get(url)).status_code == 200
            more = [group.create_task(guest.get(url)) for _ in range(QUEUE * REQUESTS + 3)]
            await eventually(lambda: sum(task.done() for task in more) == 3)
        answers = [await task for task in more]
    assert sorted(answer.status_code for answer in answers) == [200] * QUEUE * REQUESTS + [503] * 3
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.headers["retry-after"] == "30"
    assert refused.json()["message"] == "Full: too much is open by this share link. Trying again…"


async def test_sockets_beyond_the_limit_are_closed_with_a_reason(visit: Visit, page: Page, links: Links) -> None:
    """Those of the app and those on its state together; the page may try again, and has one when another has closed."""
    (_, token), (_, other) = links.issue("view"), links.issue("view")
    async with AsyncExitStack() as stack:
        for number in range(SOCKETS):
            path = "bench/_dash-devices/" + ("ws", "status")[number % 2]
            socket = await stack.enter_async_context(guest_socket(visit, path, token))
            await socket.send("hello")
            await socket.recv()
        for path in ("ws", "status", "own"):
            async with guest_socket(visit, f"bench/_dash-devices/{path}", token) as turned_away:
                with pytest.raises(websockets.ConnectionClosed):
                    await turned_away.recv()
            assert turned_away.close_code == 1013
            assert turned_away.close_reason == "Full: too much is open by this share link. Trying again…"
        await looks(visit)
        async with guest_socket(visit, "bench/_dash-devices/status", other) as socket:
            await socket.recv()
    await eventually(lambda: opens(visit, token))


async def test_a_link_that_asks_too_often_is_told_when_it_may_again(visit: Visit, page: Page, links: Links) -> None:
    """Requests get 429, a page's WebSocket is closed so that it tries again; other links and the owner see nothing."""
    (_, token), (_, other) = links.issue("view"), links.issue("view")
    url, reason = visit.url("bench/"), "Too many requests by this share link. Trying again…"
    async with httpx.AsyncClient(headers={"Cookie": f"{COOKIE}={token}"}) as guest:
        for _ in range(int(RATE * REQUESTS_AT_ONCE)):
            assert (await guest.get(url)).status_code == 200
        refused = await until_refused(lambda: guest.get(url))
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["message"] == reason
        for path in ("ws", "status"):
            told = await until_closed(visit, f"bench/_dash-devices/{path}", token)
            assert told == (1013, reason)
        await until_refused(lambda: guest.get(url, params={"share": token}))  # to enter is a request too
        await looks(visit)
        async with httpx.AsyncClient(headers={"Cookie": f"{COOKIE}={other}"}) as neighbour:
            assert (await neighbour.get(url)).status_code == 200

        async def served() -> bool:
            return (await guest.get(url)).status_code == 200

        await eventually(served)
    assert " 429 " not in visit.jupyter.output
    assert reason not in visit.jupyter.output


async def until_refused(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Ask until the answer is 429: what has come back in the meantime is used up first."""
    for _ in range(100):
        answer = await ask()
        if answer.status_code == 429:
            return answer
    raise AssertionError("a hundred more requests were served")


async def until_closed(visit: Visit, path: str, token: str) -> tuple[int | None, str | None]:
    """The same with handshakes. Returns the code and the reason."""
    for _ in range(100):
        async with guest_socket(visit, path, token) as socket:
            try:
                await socket.send("hello")
                await socket.recv()
            except websockets.ConnectionClosed:
                return socket.close_code, socket.close_reason
    raise AssertionError("a hundred more WebSockets were opened")


async def opens(visit: Visit, token: str) -> bool:
    """Whether a guest's WebSocket opens and stays."""
    async with guest_socket(visit, "bench/_dash-devices/status", token) as socket:
        try:
            return bool(await socket.recv())
        except websockets.ConnectionClosed:
            return False


async def test_a_body_that_does_not_come_ends_its_connection(visit: Visit, page: Page, links: Links) -> None:
    """The app's side ends, too, and so does the place that it took."""
    _, token = links.issue("control")
    address = urlsplit(visit.url("bench/x"))
    head = (
        f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nOrigin: {visit.origin}\r\n"
        f"Cookie: {COOKIE}={token}\r\nContent-Length: 1000\r\n\r\n"
    )
    for _ in range(REQUESTS + 1):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(head.encode() + b"some")
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    await eventually(lambda: len(page.bodies) == REQUESTS + 1)
    async with httpx.AsyncClient(headers={"Cookie": f"{COOKIE}={token}", "Origin": visit.origin}) as guest:
        assert (await guest.post(visit.url("bench/x"), content=b"whole")).text == "whole"


async def test_frames_beyond_the_budget_of_a_link_are_not_read(visit: Visit, page: Page, links: Links) -> None:
    """What came in one read is passed on; the rest waits, and so do other guests of the link, but nobody else."""
    (_, token), (_, other) = links.issue("view"), links.issue("view")
    async with AsyncExitStack() as stack:
        flood = await stack.enter_async_context(guest_socket(visit, "bench/_dash-devices/ws", token))
        flood.transport.write(EMPTY * 20_000)
        await eventually(lambda: page.texts)
        same = await stack.enter_async_context(guest_socket(visit, "bench/_dash-devices/ws", token))
        await same.send("of the same link")
        neighbour = await stack.enter_async_context(guest_socket(visit, "bench/_dash-devices/ws", other))
        owner = await stack.enter_async_context(visit.socket("bench/_dash-devices/ws"))
        for number in range(10):
            for socket in (owner, neighbour):
                await socket.send(f"{number}")
                assert await socket.recv() == f"{number}"
        assert page.texts.count("") <= FROM_BROWSER // len(EMPTY) + 1
        assert "of the same link" not in page.texts
        again = await stack.enter_async_context(guest_socket(visit, "bench/_dash-devices/ws", token))
        await again.send("coming again renews nothing")
        await looks(visit)
        assert "coming again renews nothing" not in page.texts
        for socket in (flood, same, again):
            socket.transport.abort()


@pytest.mark.parametrize(
    ("begins", "frame"),
    [(b"", EMPTY), (b"", b"\x89" + EMPTY[1:]), (b"\x01" + EMPTY[1:], b"\x00" + EMPTY[1:])],
    ids=["text", "ping", "fragment"],
)
async def test_a_guest_that_floods_the_socket_of_the_state_is_not_read(
    visit: Visit, page: Page, links: Links, begins: bytes, frame: bytes
) -> None:
    """Its own goodbye waits behind the frames; others hear the state."""
    _, token = links.issue("view")
    async with guest_socket(visit, "bench/_dash-devices/status", token) as flood:
        await flood.recv()
        flood.transport.write(begins + frame * 2000)
        flood.transport.write(CLOSE)
        await looks(visit)
        assert flood.protocol.close_rcvd is None
        flood.transport.abort()
