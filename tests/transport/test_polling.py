"""WebSockets over HTTP requests, on real sockets: in order, each message once, and let in as any WebSocket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from dash_devices_nb.registration import ShareList
from dash_devices_nb.registration.polling import Step, path_of_websocket, step_of
from dash_devices_nb.transport import polled_websocket
from dash_devices_nb.transport.auth_middleware import SECRET_HEADER, USER_HEADER, AuthMiddleware
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server
from tests.support.eventually import eventually
from tests.support.polled import CLOSE, Closed, Polled, frames

SECRET = "s3cret-of-the-app"
MOST = 100_000
OURS = {SECRET_HEADER.decode(): SECRET}


class Talk:
    """An app that answers each message of a WebSocket with it.

    Attributes:
        scopes: of the WebSockets that came.
        texts: what came.
        codes: with which they have ended.
        pours: messages that it sends to each at first.
        poured: how many of them it has sent.
        listens: whether it takes messages; set while it does.
        gate: what lets requests in.
    """

    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.texts: list[str] = []
        self.codes: list[int] = []
        self.pours: list[str | bytes] = []
        self.poured = 0
        self.listens = asyncio.Event()
        self.listens.set()
        self.gate: AuthMiddleware | None = None

    async def asked(self, count: int = 1) -> None:
        """Wait until so many pages wait for an answer."""
        assert self.gate is not None
        sockets = self.gate._polling._sockets
        await eventually(lambda: sum(each._asking is not None for each in sockets.values()) == count)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b"the app's own"})
            return
        self.scopes.append(scope)
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        for each in self.pours:
            await send({"type": "websocket.send", "text" if isinstance(each, str) else "bytes": each})
            self.poured += 1
        while True:
            await self.listens.wait()
            message = await receive()
            if message["type"] == "websocket.disconnect":
                self.codes.append(message["code"])
                return
            self.texts.append(message["text"])
            if message["text"] == "fail":
                raise RuntimeError("as asked")
            if message["text"] == "end":
                await send({"type": "websocket.close", "code": 4001, "reason": "as asked"})
            else:
                await send({"type": "websocket.send", "text": message["text"]})


@asynccontextmanager
async def serving(secret: str | None = SECRET, **options: Any) -> AsyncIterator[tuple[Talk, str]]:
    """The app behind the middleware, and its address."""
    app = Talk()
    gate = app.gate = AuthMiddleware(app, secret, max_message_bytes=MOST, **options)
    server = Server(gate, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=MOST)
    await server.start()
    try:
        yield app, server.url
    finally:
        await server.stop(timeout=1)
        await gate.stop()


def test_only_posts_below_the_path_are_meant():
    """Other methods, other names and the folder alone are requests as any."""
    assert step_of("POST", "/a/_dash-devices/http/up") is Step.UP
    for method, path in (
        ("GET", "/_dash-devices/http/up"),
        ("POST", "/_dash-devices/http/"),
        ("POST", "/_dash-devices/http/up/x"),
        ("POST", "/x_dash-devices/http/up"),
        ("POST", "/_dash-devices/ws"),
    ):
        assert step_of(method, path) is None
    assert path_of_websocket("/a/_dash-devices/http/open") == "/a/_dash-devices/ws"


async def test_messages_arrive_in_order_both_ways():
    """Texts of any kind and length, bytes, the words of the end. The app sees a WebSocket with the page's headers."""
    async with serving() as (app, url), Polled(url, {**OURS, "Cookie": "a=b"}) as page:
        app.pours = ["first", b"\x00bytes", "ä" * 200, "z" * 70_000, ""]
        await page.open()
        assert [await page.recv() for _ in app.pours] == app.pours
        assert (await page.send("one", 'tw"o', "drei €")).status_code == 204
        assert [await page.recv() for _ in range(3)] == ["one", 'tw"o', "drei €"]
        for number in range(20):
            await page.send(str(number))
        assert [await page.recv() for _ in range(20)] == [str(number) for number in range(20)]
        await page.send("end")
        assert await page.end() == "4001 as asked"
        await eventually(lambda: app.codes == [4001])
        (scope,) = app.scopes
        headers = dict(scope["headers"])
        assert (scope["type"], scope["path"], scope["scheme"]) == ("websocket", "/_dash-devices/ws", "ws")
        assert headers[b"cookie"] == b"a=b"
        assert b"content-length" not in headers
        assert SECRET_HEADER not in headers


async def test_what_comes_twice_is_taken_once(monkeypatch: pytest.MonkeyPatch):
    """A proxy that had no answer repeats a request; an answer stays until the next one is asked for."""
    monkeypatch.setattr(polled_websocket, "HOLD_SECONDS", 0.5)
    async with serving() as (app, url), Polled(url, OURS) as page:
        await page.open()
        for _ in range(3):
            assert (await page.send("once", "twice", number=1)).status_code == 204
        body = f"{page.id} 1"
        answers = [(await page.ask("down", body)).content for _ in range(3)]
        assert app.texts == ["once", "twice"]
        assert frames(answers[0])[0] == (0x81, b"once")
        assert len(set(answers)) == 1
        await page.send("then", number=2)
        rest = b"".join([(await page.ask("down", f"{page.id} {number}")).content for number in (2, 2, 3)][1:])
        said = [payload for _, payload in frames(answers[0] + rest)]
        assert said[-1] == b"then"
        assert said.count(b"then") == 1


async def test_requests_that_overtake_each_other_are_taken_in_order():
    """The second waits for the first; one whose predecessor never comes is refused, and so is an answer out of turn."""
    async with serving() as (app, url), Polled(url, OURS) as page:
        await page.open()
        second = asyncio.create_task(page.send("second", number=2))
        third = asyncio.create_task(page.send("third", number=3))
        await asyncio.wait({second, third}, timeout=0.05)
        assert app.texts == []
        await page.send("first", number=1)
        assert [(await each).status_code for each in (second, third)] == [204, 204]
        assert [await page.recv() for _ in range(3)] == ["first", "second", "third"]
        for number in (0, 7):
            assert (await page.ask("down", f"{page.id} {number}")).status_code == 409


async def test_a_request_whose_predecessor_is_lost_is_refused(monkeypatch: pytest.MonkeyPatch):
    """Nothing of it is taken."""
    monkeypatch.setattr(polled_websocket, "OUT_OF_ORDER_SECONDS", 0.05)
    async with serving() as (app, url), Polled(url, OURS) as page:
        await page.open()
        assert (await page.send("second", number=2)).status_code == 409
        assert app.texts == []


async def test_of_a_request_that_breaks_off_nothing_is_taken():
    """It may come again, with all of its messages."""
    async with serving() as (app, url), Polled(url, OURS) as page:
        await page.open()
        place = urlsplit(url)
        body = f"{page.id} 1\nwhole\nhal"
        head = f"POST /_dash-devices/http/up HTTP/1.1\r\nHost: {place.netloc}\r\nX-Dash-Devices-Secret: {SECRET}\r\n"
        origin = f"Origin: {url.rstrip('/')}\r\n"
        _, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(f"{head}{origin}Content-Length: 500\r\n\r\n{body}".encode())
        await writer.drain()
        again = asyncio.create_task(page.send("whole", "half"))
        await asyncio.wait({again}, timeout=0.05)
        assert app.texts == []
        assert not again.done()
        writer.transport.abort()
        assert (await again).status_code == 204
        assert [await page.recv() for _ in range(2)] == ["whole", "half"]


async def test_much_that_is_sent_goes_in_few_answers():
    """The app's messages go together, as many as there are by then."""
    async with serving() as (app, url), Polled(url, OURS) as page:
        app.pours = [str(number) for number in range(500)]
        await page.open()
        assert [await page.recv() for _ in app.pours] == app.pours
        assert page.answers < 10


async def test_an_app_waits_for_a_page_that_does_not_ask(monkeypatch: pytest.MonkeyPatch):
    """At most `ROOM` bytes, and the message that goes beyond it, wait for the page."""
    async with serving() as (app, url), Polled(url, OURS) as page:
        app.pours = ["x" * 50_000] * 20
        await page.open()
        await eventually(lambda: app.poured == polled_websocket.ROOM // 50_000 + 1)
        assert [await page.recv() for _ in app.pours] == app.pours
        assert app.poured == 20


async def test_a_page_waits_for_an_app_that_does_not_listen():
    """The next request is read once the messages of the one before it are taken."""
    async with serving() as (app, url), Polled(url, OURS) as page:
        await page.open()
        await eventually(lambda: app.scopes)
        await page.send("warm")
        await eventually(lambda: app.texts)
        app.listens.clear()
        for _ in range(2):
            last = asyncio.create_task(page.send("a", "b"))
            await asyncio.wait({last}, timeout=0.05)
        assert not last.done()
        app.listens.set()
        assert (await last).status_code == 204
        await eventually(lambda: app.texts[1:] == ["a", "b"] * 2)


@pytest.mark.parametrize("asks", [False, True])
async def test_a_page_that_falls_silent_is_lost(monkeypatch: pytest.MonkeyPatch, asks: bool):
    """Whether it has asked or not. Its connection is gone then, and its name means nothing."""
    monkeypatch.setattr(polled_websocket, "SILENT_SECONDS", 0.1)
    monkeypatch.setattr(polled_websocket, "HOLD_SECONDS", 0.1)
    async with serving() as (app, url), Polled(url, OURS) as page:
        await page.open()
        if asks:
            assert (await page.poll()).content == b""
        await eventually(lambda: app.codes == [1006])
        assert (await page.poll()).status_code == 410
        assert (await page.send("late")).status_code == 410
        assert app.texts == []


async def test_a_page_whose_request_breaks_off_is_lost_sooner(monkeypatch: pytest.MonkeyPatch):
    """As when a tab is closed."""
    monkeypatch.setattr(polled_websocket, "HUNG_UP_SECONDS", 0.05)
    async with serving() as (app, url), Polled(url, OURS) as page:
        await page.open()
        with pytest.raises(httpx.ReadTimeout):
            await page.ask("down", f"{page.id} 1", timeout=0.2)
        await eventually(lambda: app.codes == [1006], 5)


async def test_an_answer_that_was_asked_for_once_more_comes_there(monkeypatch: pytest.MonkeyPatch):
    """The request before it, which nobody may be waiting for, gets nothing."""
    async with serving() as (app, url), Polled(url, OURS) as page:
        await page.open()
        first = asyncio.create_task(page.ask("down", f"{page.id} 1"))
        await app.asked()
        again = asyncio.create_task(page.ask("down", f"{page.id} 1"))
        assert (await first).status_code == 409
        await page.send("here")
        assert frames((await again).content) == [(0x81, b"here")]


@pytest.mark.parametrize(
    ("text", "code"),
    [(b"x" * (MOST + 1), 1009), (b"x" * 10 * MOST, 1009), (b"\n" * 2000, 1008), (b"\xff", 1007), (b"fail", 1011)],
)
async def test_close_codes_are_those_of_a_websocket(
    text: bytes, code: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """For what is too large, for what is no text, and where the app fails."""
    async with serving() as (_, url), Polled(url, OURS) as page:
        await page.open()
        await page.ask("up", f"{page.id} 1\n".encode() + text)
        assert (await page.end()).startswith(f"{code} ")
        assert bool(caplog.records) == (code == 1011)


async def test_a_body_without_its_first_line_is_refused():
    """With a sentence."""
    async with serving() as (_, url), Polled(url, OURS) as page:
        for body in ("", "x", "x y", "a b c", "x" * 10_000):
            answer = await page.ask("up", body)
            assert (answer.status_code, answer.text[:25]) == (400, "The first line of the bod")


async def test_a_server_that_stops_tells_its_pages():
    """They learn why, as over a WebSocket, and the server waits for nobody."""
    async with AsyncExitStack() as stack:
        async with serving() as (app, url):
            pages = [await stack.enter_async_context(Polled(url, OURS)) for _ in range(2)]
            for page in pages:
                await page.open()
            polls = [asyncio.create_task(page.end()) for page in pages]
            await app.asked(2)
        assert [await poll for poll in polls] == ["1012 The app stopped"] * 2
        assert app.codes == [1012, 1012]


# ---- who may


async def refused(page: Polled) -> str:
    """Why it is not opened."""
    with pytest.raises(Closed, match=r"^4403 ") as closed:
        await page.open()
    return closed.value.reason


async def test_who_may_open_no_websocket_may_not_open_this_one():
    """Without the secret, from another site, or under a strange name: the page learns why, with the same words."""
    async with serving() as (app, url):
        async with Polled(url) as page:
            assert "This page needs its secret" in await refused(page)
        async with Polled(url, {**OURS, "Origin": "http://evil.example"}) as page:
            assert "A page of http://evil.example may not use this app" in await refused(page)
        assert app.scopes == []
    async with serving(None) as (app, url), Polled(url, {"Host": "rebound.example", "Origin": ""}) as page:
        assert "This app has no secret" in await refused(page)
        assert app.scopes == []


async def test_each_request_is_checked_and_nobody_speaks_for_another():
    """The name of a connection alone lets nobody in, nor does another person's permission."""
    async with serving() as (app, url), Polled(url, OURS) as page:
        await page.open()
        user = USER_HEADER.decode()
        for headers in ({}, {**OURS, "Origin": "http://evil.example"}):
            async with Polled(url, headers) as other:
                for step in ("up", "down"):
                    answer = await other.ask(step, f"{page.id} 1\nforged")
                    assert frames(answer.content)[0][0] == CLOSE
        for headers in ({**OURS, "Origin": ""}, {**OURS, user: "somebody"}):
            async with Polled(url, headers) as other:
                for step in ("up", "down"):
                    assert (await other.ask(step, f"{page.id} 1\nforged")).status_code == 410
        for step in ("up", "down"):
            answer = await page.ask(step, f"{page.id[:-1]} 1\nforged")
            assert answer.status_code == 410
        await page.send("true")
        assert await page.recv() == "true"
        assert app.texts == ["true"]


async def test_other_requests_are_the_apps_own():
    """A GET of these paths, and other paths beside them."""
    async with serving() as (_, url), httpx.AsyncClient(base_url=url, headers=OURS) as http:
        for method, path in (("GET", "_dash-devices/http/down"), ("POST", "_dash-devices/http/other")):
            assert (await http.request(method, path)).text == "the app's own"


async def test_a_guest_is_told_when_the_link_ends(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """What the guest has open ends, and the next one is refused with the reason."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    shares = ShareList("bench", "port:1")
    async with serving(shares=shares) as (app, url):
        record, other = (shares.issue("view", 1, "", time.time()) for _ in range(2))
        pages = []
        for each in (record, other):
            async with httpx.AsyncClient(base_url=url) as http:
                entered = await http.get(f"/?share={shares.token(each)}")
            pages.append(Polled(url, {"Cookie": entered.headers["set-cookie"].partition(";")[0]}))
        async with pages[0] as guest, pages[1] as neighbour:
            for page in pages:
                await page.open()
            poll = asyncio.create_task(guest.end())
            await app.asked()
            # The neighbour holds the name of the guest's connection, which is not his.
            assert (await neighbour.ask("down", f"{guest.id} 1")).status_code == 410
            shares.revoke(record.id, time.time())
            assert "4403 This share link was revoked" in await poll
            await eventually(lambda: app.codes == [4403])
            assert "This share link was revoked" in await refused(guest)
            await neighbour.send("on")
            assert await neighbour.recv() == "on"
