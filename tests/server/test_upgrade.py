"""WebSockets through the extension: the handshake, the bytes, and how they end.

Whether the app writes to the browser itself or the extension carries what it sends, a page cannot tell (`way`).
"""

from __future__ import annotations

import asyncio
import json
from urllib.parse import unquote

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from tests.server.conftest import Page, Visit
from tests.support.eventually import eventually

WS = "bench/_dash-devices/ws"
OWN = "bench/own"


@pytest.fixture(params=[WS, OWN], ids=["handed over", "carried"])
def way(request: pytest.FixtureRequest) -> str:
    """The address of a WebSocket: one whose app takes the browser's socket, and one of the user's own."""
    return str(request.param)


async def test_text_and_binary_frames_of_every_length_pass(visit: Visit, page: Page, way: str) -> None:
    """Each of the three forms of a frame's length goes there and back."""
    async with visit.socket(way) as socket:
        for length in (0, 1, 125, 126, 65_535, 65_536, 99_999):
            await socket.send("x" * length)
            assert len(await socket.recv()) == length
            await socket.send(b"\x00" * length)
            assert await socket.recv() == b"\x00" * length


async def test_handshake_tells_the_app_who_it_is(visit: Visit, page: Page) -> None:
    """The app gets the identity and the public address; Jupyter's cookies and deflate stay here."""
    async with visit.socket(f"{WS}?token={visit.jupyter.token}&a=1", X_Mine="yes") as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        headers = page.headers
    assert page.scopes[-1]["query_string"] == b"a=1"
    assert json.loads(unquote(headers["x-dash-devices-user"]))["username"]
    assert f"http://{headers['x-forwarded-host']}" == visit.origin
    assert headers["x-mine"] == "yes"
    assert "cookie" not in headers
    assert "sec-websocket-extensions" not in headers


async def test_subprotocol_of_the_app_is_relayed(visit: Visit, page: Page) -> None:
    """A WebSocket of the user's own may use subprotocols."""
    async with visit.socket(OWN, offer="one two") as socket:
        assert socket.response is not None
        assert socket.response.headers["Sec-WebSocket-Protocol"] == "one"


async def test_close_code_of_the_app_reaches_the_page(visit: Visit, page: Page, way: str) -> None:
    """The app's own Close frame is carried, with its reason."""
    async with visit.socket(way) as socket:
        await socket.send("bye")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you wish")


async def test_page_that_leaves_ends_the_connection_to_the_app(visit: Visit, page: Page, way: str) -> None:
    """Neither side keeps a connection whose other end is gone."""
    socket = await visit.socket(way)
    await eventually(lambda: len(page.sockets) == 1)
    socket.transport.abort()
    await eventually(lambda: not page.sockets)


async def test_frame_that_is_too_long_closes_with_the_limit(visit: Visit, page: Page, way: str) -> None:
    """Code 1009 names what came and what is accepted, and the app gets nothing of the frame."""
    async with visit.socket(way) as socket:
        await socket.send(b"x" * 100_001)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    assert closed.value.rcvd.reason == "a frame of 100001 bytes, at most 100000 are accepted"
    await eventually(lambda: not page.sockets)


async def test_what_comes_before_a_frame_that_is_too_long_is_carried(visit: Visit, page: Page, way: str) -> None:
    """Though they come together: the app gets the one, and the other is refused."""
    async with visit.socket(way) as socket:
        small = Frame(Opcode.TEXT, b"small").serialize(mask=True)
        socket.transport.write(small + Frame(Opcode.BINARY, b"x" * 100_001).serialize(mask=True))

        async def read_all() -> None:
            while True:  # the app's answer may come before the end
                await socket.recv()

        with pytest.raises(ConnectionClosed) as closed:
            await read_all()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    await eventually(lambda: page.texts == ["small"])


async def test_what_an_app_sends_does_not_pass_through_the_server(visit: Visit, page: Page) -> None:
    """A page gets it even while the Jupyter server is stopped, and goes on as before afterwards."""
    async with visit.socket(WS) as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"
        server = psutil.Process(visit.jupyter.pid)
        server.suspend()
        try:
            await page.broadcast("past it")
            assert await asyncio.wait_for(socket.recv(), 10) == "past it"
        finally:
            server.resume()
        await socket.send("through it")
        assert await socket.recv() == "through it"


async def test_what_an_app_sends_at_once_comes_behind_the_answer_to_the_handshake(visit: Visit, page: Page) -> None:
    """It waits for the browser's socket; so does a Close frame."""
    async with visit.socket("bench/greets") as socket:
        assert await socket.recv() == "welcome"
        await socket.send("x")
        assert await socket.recv() == "x"
    async with visit.socket("bench/full") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "full")


async def test_idle_page_gets_pings_between_frames(visit: Visit, page: Page, way: str) -> None:
    """A page that hears nothing is pinged, so that proxies do not cut it, and stays connected."""
    pings = 0
    async with visit.socket(way) as socket:
        receive = socket.protocol.recv_frame

        def count(frame: object) -> None:
            nonlocal pings
            pings += "PING" in str(frame)
            receive(frame)  # type: ignore[arg-type]

        socket.protocol.recv_frame = count  # type: ignore[method-assign,assignment]
        await eventually(lambda: pings >= 3)
        await socket.send("still here")
        assert await socket.recv() == "still here"


async def test_slow_page_holds_the_app_back(visit: Visit, page: Page, way: str) -> None:
    """What a page does not read piles up nowhere: the app's own send waits, then all arrives."""
    count, size = 200, 200_000
    async with visit.socket(way) as socket:
        socket.transport.pause_reading()
        await eventually(lambda: page.sockets)

        async def push() -> None:
            for number in range(count):
                await page.broadcast(f"{number:09d}" + "x" * size)

        pushing = asyncio.create_task(push())
        done, _ = await asyncio.wait([pushing], timeout=1.0)
        assert not done, "40 MB went somewhere though nobody reads"
        socket.transport.resume_reading()
        for number in range(count):
            assert str(await socket.recv()).startswith(f"{number:09d}x")
        await pushing


async def test_refusal_of_the_app_reaches_the_page_with_its_reason(visit: Visit, page: Page) -> None:
    """A WebSocket that the app refuses fails with the app's status."""
    with pytest.raises(InvalidStatus) as refused:
        await visit.socket("bench/refused")
    assert refused.value.response.status_code == 403
    assert b"The app 'bench' refused the WebSocket with 403" in (refused.value.response.body or b"")


async def test_broken_handshakes_are_refused(visit: Visit, page: Page) -> None:
    """A handshake without a key, or of another version, says what is missing."""
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": visit.origin}
    answer = await visit.http.get(visit.url(WS), headers=upgrade)
    assert answer.status_code == 400
    assert "needs 'Connection: Upgrade' and a Sec-WebSocket-Key" in answer.json()["message"]
    answer = await visit.http.get(
        visit.url(WS),
        headers={**upgrade, "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "8"},
    )
    assert answer.status_code == 426
    assert "version is '8', expected '13'" in answer.json()["message"]


async def test_use_of_a_page_keeps_server_and_kernel_and_a_page_left_alone_does_not(visit: Visit, page: Page) -> None:
    """What a person does counts as activity of both, which is what those who cull read; a page's own beats do not."""

    async def activity() -> tuple[str, str]:
        status = await visit.http.get(f"{visit.jupyter.url}api/status", headers=visit.jupyter.headers)
        kernel = await visit.http.get(
            f"{visit.jupyter.url}api/kernels/{visit.kernel_id}?no_track_activity=1", headers=visit.jupyter.headers
        )
        return status.json()["last_activity"], kernel.json()["last_activity"]

    async with visit.socket(WS) as socket:
        for said, counts in (('{"t":"ping","q":1}', False), ('{"t":"set","s":1}', True), ('{"t":"ok"}', False)):
            before = await activity()
            await socket.send(said)
            assert await socket.recv() == said
            after = await activity()
            assert (after[0] > before[0], after[1] > before[1]) == (counts, counts), said
    before = await activity()
    await visit.http.get(visit.url("bench/asset"))
    after = await activity()
    assert after[0] > before[0]
    assert after[1] > before[1]
