"""What the guests of one link may have open at the extension, and that it holds up nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx
import pytest
import websockets

from dash_devices_nb.server.handlers.guests import QUEUE
from tests.server.conftest import Page, Visit, serving, visiting
from tests.server.guests import COOKIE, Links, guest_socket, links_of
from tests.support.eventually import eventually

REQUESTS, SOCKETS = 2, 4


@pytest.fixture(scope="module")
async def visit() -> AsyncIterator[Visit]:
    """The owner of a server with little room for guests."""
    limits = {"guest_requests": REQUESTS, "guest_sockets": SOCKETS, "guest_body_timeout": 0.3}
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
