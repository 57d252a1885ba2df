"""A page whose WebSocket goes over HTTP requests is a page as any: what holds of WebSockets holds of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import dash
import pytest
import quart

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.sessions import connection
from dash_devices_nb.core.access import rate_limits
from dash_devices_nb.testing import AppServer, visitor
from dash_devices_nb.transport import polled_websocket
from tests.support.eventually import eventually
from tests.support.polled import Polled, PolledPage


@pytest.fixture
def app() -> Dash:
    """A shared input with its output, and a regular callback."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a", value=0), html.Div(id="b"), html.Div(id="c"), dcc.Input(id="mine")])
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: f"b {a}")
    app.callback(Output("c", "children"), Input("mine", "value"), prevent_initial_call=True)(lambda mine: f"c {mine}")
    return app


@pytest.fixture
def url(app: Dash, app_server: AppServer) -> str:
    return app_server.run(app)


async def test_two_pages_share_values_and_call(app: Dash, url: str):
    """Changes both ways, a push, and a regular callback; each page is a client."""
    async with PolledPage(url) as one, PolledPage(url) as other:
        await one.open()
        await other.open()
        assert len(app.clients) == 2
        await one.set("a", "value", 5)
        await other.got(lambda: other.values.get("b.children") == "b 5")
        await other.set("a", "value", 6)
        await one.got(lambda: one.values.get("b.children") == "b 6")
        app.push_mods({"c": {"children": "pushed"}})
        for page in (one, other):
            await page.got(lambda page=page: page.values.get("c.children") == "pushed")
        body = {
            "output": "c.children", "outputs": {"id": "c", "property": "children"},
            "inputs": [{"id": "mine", "property": "value", "value": "x"}], "changedPropIds": ["mine.value"],
        }  # fmt: skip
        await one.say(t="req", n=1, path="_dash-update-component", body=body)
        await one.got(lambda: one.kinds("res"))
        assert one.kinds("res")[0]["b"] == {"multi": True, "response": {"c": {"children": "c x"}}}
        await one.say(t="bye")
        await eventually(lambda: len(app.clients) == 1)


async def test_a_session_goes_on_with_the_next_connection(app: Dash, url: str):
    """The app has the page's changes once, and the page what it has missed, once."""
    async with PolledPage(url) as page, PolledPage(url) as again:
        await page.open()
        welcome = page.kinds("welcome")[0]
        await page.set("a", "value", 6)
        await page.got(lambda: page.values.get("b.children") == "b 6")
        revision = max(frame["r"] for frame in page.kinds("mods") if "r" in frame)
        await page.set("a", "value", 7)
        app.push_mods({"c": {"children": "one"}})
        app.push_mods({"c": {"children": "two"}})
        named = {each: welcome[each] for each in ("client", "key", "epoch")}
        await again.open(**named, rev=revision, q=max(frame.get("q", 0) for frame in page.frames))
        answer = again.kinds("welcome")[0]
        assert (answer["resumed"], answer["client"], answer["s"]) == (True, welcome["client"], 2)
        await again.got(lambda: again.values == {"a.value": 7, "b.children": "b 7", "c.children": "two"})
        assert await page.end() == "1008 this page has reconnected"
        assert len(app.clients) == 1


async def test_a_page_that_does_not_ask_skips_to_the_latest(app: Dash, url: str):
    """The app keeps little for it, and sends it what holds."""
    async with PolledPage(url) as page:
        await page.open()
        (session,) = parts_of(app).runtime.pages.values()
        for number in range(1000):
            app.push_mods({"c": {"children": f"{number} {'x' * 2000}"}})
        assert session.outbox.waiting < 1_200_000
        assert session.outbox.skipped > 500
        before = len(page.frames)
        while not str(page.values.get("c.children")).startswith("999 "):
            await page.take()
            await page.say(t="ok", k=page.applied)
        assert len(page.frames) - before < 400


async def test_a_page_that_is_gone_leaves(app: Dash, url: str, monkeypatch: pytest.MonkeyPatch):
    """As one whose connection was lost, after the grace."""
    monkeypatch.setattr(polled_websocket, "SILENT_SECONDS", 0.2)
    async with PolledPage(url) as page:
        await page.open()
        assert len(app.clients) == 1
        await eventually(lambda: not app.clients)


async def test_the_first_frame_is_a_hello_and_in_time(url: str, monkeypatch: pytest.MonkeyPatch):
    """Else the connection is closed with 1008."""
    async with Polled(url) as other:
        await other.open()
        await other.send('{"t":"ok"}')
        assert await other.end() == "1008 the first frame is a hello, not a ok"
    monkeypatch.setattr(connection, "GREETING_SECONDS", 0.1)
    async with Polled(url) as silent:
        await silent.open()
        assert await silent.end() == "1008 no greeting within 0 s"


async def test_the_stop_of_the_app_is_told(app: Dash, url: str, app_server: AppServer):
    """By code 1012."""
    async with PolledPage(url) as page:
        await page.open()
        end = asyncio.create_task(page.end())
        mount = parts_of(app).serving.mount
        assert mount is not None
        assert mount._auth is not None
        (socket,) = mount._auth._polling._sockets.values()
        await eventually(lambda: socket._asking is not None and socket._answer is None)
        await asyncio.to_thread(app_server.stop, app)
        assert await end == "1012 The app stopped"


# ---- guests


async def test_a_guest_who_looks_on_changes_nothing(app: Dash, url: str):
    """It is answered with what holds, and the app's other guards are asked as ever."""
    async with PolledPage(url, visitor(app, "view", guest=True)) as page:
        await page.open()
        await page.got(lambda: page.kinds("role"))
        assert page.kinds("role")[-1]["rights"] == "view"
        await page.set("a", "value", 9)
        await page.got(lambda: page.kinds("notice"))
        await page.got(lambda: page.values.get("a.value") == 0)
        assert app.journal.filter("refusal")


async def test_limits_of_guests_hold(app: Dash, url: str):
    """How many may be open, how large a frame is, and how many may be malformed."""
    guest = visitor(app, "view", guest=True)
    app.limits.per_share = 1
    async with PolledPage(url, guest) as page, Polled(url, guest) as more:
        await page.open()
        await more.open()
        assert (await more.end()).startswith("1013 Full: this share link has 1 page open")
        await page.link.send(*["{"] * (rate_limits.GUESTS_MOST_MALFORMED + 1))
        assert await page.end() == "4403 more than 10 malformed frames"
    await eventually(lambda: not app.clients)
    async with PolledPage(url, guest) as page:
        await page.open()
        await page.link.ask("up", f'{page.link.id} 2\n{{"t":"ok","x":"{"x" * 3_000_000}"}}')
        assert re.fullmatch(r"4403 a frame of .* is more than a guest may send", await page.end())


async def test_a_guest_is_slowed_down(app: Dash, url: str):
    """What it sends is taken at its rate, however many messages come in one request."""
    async with PolledPage(url, visitor(app, "control", guest=True)) as page:
        await page.open()
        (session,) = parts_of(app).runtime.pages.values()
        rate, burst = rate_limits.GUESTS[session.client.role]
        texts = [f'{{"t":"set","s":{n},"m":{{"a":{{"value":{n}}}}}}}' for n in range(1, int(burst + rate / 2))]
        await page.link.send(*texts)
        await page.got(lambda: any("is slowed down" in frame["text"] for frame in page.kinds("notice")))
        await page.got(lambda: page.kinds("ack") and page.kinds("ack")[-1]["s"] == len(texts))


# ---- the program's guards


@pytest.fixture
def hooks() -> Iterator[Any]:
    """Stock Dash's hooks, which are of the process."""
    yield dash.hooks
    for name in ("websocket_connect", "websocket_message"):
        dash.hooks._ns.pop(name, None)


async def test_guards_of_the_websocket_guard_this_one(app: Dash, hooks: Any, app_server: AppServer):
    """Each of the program's own, with the headers of the page: who may not have a WebSocket may not have this one."""
    seen: list[tuple[str, str, str]] = []

    def note(asked: Any, name: str) -> bool:
        seen.append((name, asked.path, asked.headers.get("X-Badge", "")))
        return bool(asked.headers.get("X-Badge") != name)

    @app.server.before_websocket
    async def before() -> Any:
        return None if note(quart.websocket, "before") else ("no", 403)

    hooks.websocket_connect()(lambda websocket: None if note(websocket, "connect") else (4010, "not you"))
    hooks.websocket_message()(lambda websocket, message: None if note(websocket, "message") else (4011, "not this"))
    url = app_server.run(app)
    for badge, why in (
        ("before", "4403 the app's before_websocket answers 403"),
        ("connect", "4010 not you"),
        ("message", "4011 not this"),
    ):
        async with Polled(url, {"X-Badge": badge}) as page:
            await page.open()
            await page.send('{"t":"hello","rev":0}', '{"t":"ping"}')
            assert await page.end() == why
    assert {(name, path) for name, path, _ in seen} == {
        (name, "/_dash-devices/ws") for name in ("before", "connect", "message")
    }
    async with PolledPage(url) as page:
        await page.open()
