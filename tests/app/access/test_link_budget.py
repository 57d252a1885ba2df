"""What all pages of one link may use together, over real sockets."""

import asyncio
import json
import threading
import time

import httpx
import pytest
import websockets

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.client_session import Sending
from dash_devices_nb.app.execution.requested_outputs import CallbackRequest
from dash_devices_nb.core.access import link_budget, rate_limits
from dash_devices_nb.core.protocol import page_frames
from dash_devices_nb.testing import Tab, visitor
from tests.support.eventually import eventually


@pytest.fixture
def app() -> Dash:
    """An input of each page's own, whose callback counts."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="mine"), html.Div(id="out"), dcc.Input(id="a", value=0), html.Div(id="b")])
    app.calls = []
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: f"{a}")

    @app.callback(Output("out", "children"), Input("mine", "value"), prevent_initial_call=True)
    def count(value):
        app.calls.append(time.monotonic())
        return value

    return app


def link_of(app):
    """The budget of the one link that there is."""
    (one,) = parts_of(app).sessions.sharing._budgets.values()
    return one


def request(number: int, value: object = 0) -> dict:
    """A request for the callback."""
    body = {
        "output": "out.children",
        "outputs": {"id": "out", "property": "children"},
        "inputs": [{"id": "mine", "property": "value", "value": value}],
        "changedPropIds": ["mine.value"],
    }
    return {"t": "req", "n": number, "path": "_dash-update-component", "body": body}


async def raw(app, card: dict):
    """A guest's WebSocket that does only what the test says; it has been greeted."""
    url = app.url.replace("http", "ws", 1) + "_dash-devices/ws"
    socket = await websockets.connect(url, additional_headers=card, max_size=None, compression=None, ping_interval=None)
    await socket.send('{"t":"hello","rev":0}')
    await socket.recv()
    return socket


async def test_pages_of_one_link_share_its_rate_and_coming_back_renews_nothing(app, tab):
    """Ten pages, or ten times the same one, are called no more often than one; the owner is not held up."""
    owner = await tab(app, role="owner")
    card = visitor(app, "view", guest=True)
    began = time.monotonic()
    for _ in range(5):
        guests = [await Tab(app.url, card).open() for _ in range(2)]
        link_of(app).acts.rate, link_of(app).acts.burst = 10.0, 5.0
        for guest in guests:
            for number in range(20):
                await guest.send(request(1000 + number))
        await asyncio.gather(*(guest.close() for guest in guests))
    await owner.act("mine", "value", "owner")
    await owner.expect("out", "children", "owner")
    calls = len(app.calls) - 1
    assert 0 < calls <= 5 + 10 * (time.monotonic() - began)


async def test_a_class_that_looks_on_is_not_held_up_by_its_little_frames(app, tab):
    """What pages say of themselves uses up nothing that acts need."""
    guest = await tab(app, role="view", guest=True)
    page = parts_of(app).runtime.pages[guest.client_id]
    before = link_of(app).acts.tokens
    for _ in range(300):
        await guest.send({"t": "ok"})
    await eventually(lambda: page.budget.little.tokens <= link_budget.LITTLE_BURST - 100)
    assert link_of(app).acts.tokens == before


async def test_requests_under_way_are_bounded_by_link(app, tab, monkeypatch):
    """Also those of coroutines, which have no thread: one beyond is told."""
    monkeypatch.setattr(link_budget, "UNDER_WAY", 3)
    go = asyncio.Event()

    @app.callback(Output("out", "title"), Input("mine", "title"), prevent_initial_call=True)
    async def wait(value):
        await go.wait()
        return value

    guest, owner = await tab(app, role="view", guest=True), await tab(app, role="owner")
    for number in range(5):
        frame = request(1000 + number)
        frame["body"] |= {
            "output": "out.title",
            "outputs": {"id": "out", "property": "title"},
            "inputs": [{"id": "mine", "property": "title", "value": "x"}],
            "changedPropIds": ["mine.title"],
        }
        await guest.send(frame)
    await eventually(lambda: guest.notices)
    assert "too much to do" in guest.notices[0]["text"]
    assert len(link_of(app).under_way) == 3
    await owner.act("mine", "value", "on")
    await owner.expect("out", "children", "on")
    parts_of(app).runtime.callback_loop.call_soon_threadsafe(go.set)
    await eventually(lambda: not link_of(app).under_way)


async def test_messages_that_never_end_are_bounded_by_link(app, tab, monkeypatch):
    """Each connection is within its own limit; together they are not."""
    monkeypatch.setattr(link_budget, "UNFINISHED", 2_500_000)
    await tab(app, role="owner")
    card = visitor(app, "control", guest=True)
    sockets = [await raw(app, card) for _ in range(3)]
    for socket in sockets:
        socket.transport.write(b"\x81\xff" + (8_000_000).to_bytes(8, "big") + b"\0\0\0\0" + b"x" * 1_000_000)
    await eventually(lambda: any(socket.close_code for socket in sockets), 10)
    assert [socket.close_code for socket in sockets].count(1013) == 1
    await eventually(lambda: link_of(app).unfinished < 2_500_000)
    for socket in sockets:
        socket.transport.abort()
    await eventually(lambda: link_of(app).unfinished == 0)


@pytest.mark.parametrize("fragments", [False, True])
async def test_a_message_over_a_viewers_limit_is_refused_before_it_is_whole(app, tab, fragments):
    """Nobody waits for its end; who may act has a larger limit."""
    await tab(app, role="owner")
    viewer = await raw(app, visitor(app, "view", guest=True))
    size = link_budget.MESSAGE["view"] + 1_000_000
    first = b"\x01\xff" if fragments else b"\x81\xff"
    length = 700_000 if fragments else 30_000_000
    part = length.to_bytes(8, "big") + b"\0\0\0\0" + b"x" * (length if fragments else size)
    viewer.transport.write(first + part + (b"\x00\xff" + part) * (3 if fragments else 0))
    await eventually(lambda: viewer.close_code, 10)
    reason = "a frame of over 1048576 bytes is more than a guest may send"
    assert (viewer.close_code, viewer.close_reason) == (4403, reason)
    assert "over 1048576 bytes" in app.journal.filter("refusal")[-1].summary


async def test_a_message_that_does_not_grow_ends(app, tab, monkeypatch):
    """A page that holds memory and sends nothing more is sent away."""
    monkeypatch.setattr("dash_devices_nb.app.execution.link_spending.UNFINISHED_SECONDS", 0.2)
    await tab(app, role="owner")
    viewer = await raw(app, visitor(app, "view", guest=True))
    viewer.transport.write(b"\x81\xff" + (1_000_000).to_bytes(8, "big") + b"\0\0\0\0" + b"x" * 600_000)
    await eventually(lambda: viewer.close_code)
    assert "not come whole" in viewer.close_reason


async def test_answers_that_many_pages_never_confirm_are_bounded_together(app, tab):
    """Beyond that the page that has most is given up, and others go on."""
    await tab(app, role="owner")
    card = visitor(app, "view", guest=True)
    honest = await Tab(app.url, card).open()
    link_of(app).shelf.limit = 500_000
    sockets = [await raw(app, card) for _ in range(4)]
    for number in range(6):
        for socket in sockets:
            if socket.close_code is None:
                await socket.send(json.dumps(request(number + 1, "x" * 50_000)))
    await eventually(lambda: app.journal.filter("drop"), 10)
    assert "the page itself" in app.journal.filter("drop")[0].summary
    await honest.act("mine", "value", "mine")
    await honest.expect("out", "children", "mine")
    for socket in sockets:
        socket.transport.abort()
    await eventually(lambda: link_of(app).shelf.size < 1000, 10)
    await honest.close()


async def test_pages_that_ask_and_never_read_are_given_up(app, tab):
    """Pongs are told in passing, and few of them wait for a guest."""
    await tab(app, role="owner")
    guest = await raw(app, visitor(app, "view", guest=True))
    page = next(page for page in parts_of(app).runtime.pages.values() if page.client.share)
    page.sending = Sending.FULL  # as where the socket has no room
    for _ in range(600):
        await guest.send('{"t":"ping"}')
    await eventually(lambda: page.outbox.overflowed)
    guest.transport.abort()


async def test_a_large_frame_is_read_off_the_loop(app, tab, monkeypatch):
    """The loop goes on meanwhile."""
    threads, parse = [], page_frames.parse

    def noting(data, **more):
        threads.append((len(data), threading.current_thread().name))
        return parse(data, **more)

    monkeypatch.setattr("dash_devices_nb.app.sessions.connection.page_frames.parse", noting)
    one = await tab(app, role="owner")
    await one.act("mine", "value", "x" * 500_000)
    await one.expect("out", "children", "x" * 500_000)
    assert next(name for size, name in threads if size > 400_000).startswith(f"{parts_of(app).runtime.name}-callback")


async def test_what_is_large_is_read_after_it_is_paid_for(app, tab, monkeypatch):
    """To read it costs more than anything else: a frame waits unread, a request over HTTP is refused unread."""
    read, parse, posted = [], page_frames.parse, CallbackRequest.posted.__func__
    monkeypatch.setattr(
        "dash_devices_nb.app.sessions.connection.page_frames.parse",
        lambda data, **more: read.append(len(data)) or parse(data, **more),
    )
    monkeypatch.setattr(
        CallbackRequest, "posted", classmethod(lambda cls, data: read.append(len(data)) or posted(cls, data))
    )
    await tab(app, role="owner")
    card = visitor(app, "control", guest=True)
    socket = await raw(app, card)
    link_of(app).acts.take(time.monotonic(), 30 * link_budget.RATE)
    await socket.send(json.dumps(request(1, "x" * 500_000)))
    await eventually(lambda: link_of(app).unfinished >= 500_000)
    body = request(1, "x" * 500_000)["body"]
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{app.url}_dash-update-component", json=body, headers=card)
    assert answer.status_code == 429
    assert not [size for size in read if size > 400_000]
    socket.transport.abort()


async def test_addresses_without_a_link_have_budgets_too(app, tab):
    """A stranger's is ten times as large; the owner has none; those that are idle are forgotten."""
    owner, other = await tab(app, role="owner"), await tab(app, role="control")
    assert parts_of(app).runtime.pages[owner.client_id].budget is None
    assert parts_of(app).runtime.pages[other.client_id].budget.acts.rate == 10 * link_budget.RATE
    sharing, client = parts_of(app).sessions.sharing, parts_of(app).runtime.pages[other.client_id].client
    for number in range(2 * link_budget.MOST_ADDRESSES):
        client.address = f"10.0.{number // 256}.{number % 256}"
        sharing.budget_of(client)
    assert len(sharing._addresses) <= link_budget.MOST_ADDRESSES + 1


async def test_a_page_that_has_gone_while_it_waits_has_gone(app, tab, monkeypatch):
    """What it sent before its link has no more is not waited for: nor a long message, nor many short ones."""
    monkeypatch.setattr("dash_devices_nb.app.sessions.manager.GRACE_SECONDS", 0.05)
    monkeypatch.setattr("dash_devices_nb.transport.hangup.LOOK_SECONDS", 0.05)
    await tab(app, role="owner")
    card = visitor(app, "control", guest=True)
    short, long = await raw(app, card), await raw(app, card)
    await eventually(lambda: len(app.clients) == 3)
    link_of(app).acts.take(time.monotonic(), 30 * link_budget.RATE)
    for number in range(5):
        await short.send(json.dumps(request(number)))
    await long.send(json.dumps(request(1, "x" * 500_000)))
    await eventually(lambda: link_of(app).unfinished >= 500_000)
    short.transport.abort()
    long.transport.abort()
    await eventually(lambda: len(app.clients) == 1)
    await eventually(lambda: link_of(app).unfinished == 0)
    assert app.calls == []


async def test_long_messages_that_wait_count_for_their_link(app, tab, monkeypatch):
    """One that does not fit ends its connection, which may come again; the others stand."""
    monkeypatch.setattr("dash_devices_nb.core.access.link_budget.UNFINISHED", 1_000_000)
    await tab(app, role="owner")
    card = visitor(app, "control", guest=True)
    first, second = await raw(app, card), await raw(app, card)
    link_of(app).acts.take(time.monotonic(), 30 * link_budget.RATE)
    await first.send(json.dumps(request(1, "x" * 700_000)))
    await eventually(lambda: link_of(app).unfinished >= 700_000)
    await second.send(json.dumps(request(1, "x" * 700_000)))
    await second.wait_closed()
    assert second.close_code == 1013
    assert first.close_code is None
    await first.close()


async def test_connections_of_a_link_are_greeted_at_a_rate(app, tab, monkeypatch):
    """Who comes beyond it waits, and is greeted then; the owner comes at once."""
    monkeypatch.setattr("dash_devices_nb.core.access.link_budget.COMING_RATE", 0.01)
    monkeypatch.setattr("dash_devices_nb.core.access.link_budget.COMING_BURST", 1.0)
    await tab(app, role="owner")
    card = visitor(app, "view", guest=True)
    first = await raw(app, card)
    waiting = asyncio.ensure_future(raw(app, card))
    await eventually(lambda: len(parts_of(app).sessions.sharing.admission) == 3)
    await tab(app, role="owner")
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await first.close()
    await eventually(lambda: len(app.clients) == 2)


async def test_bodies_of_a_link_are_read_at_a_rate_and_the_owners_at_once(app, tab, monkeypatch):
    """What a guest sends beyond it stays unread, and ends with its connection."""
    monkeypatch.setattr("dash_devices_nb.core.access.link_budget.BODIES_RATE", 1.0)
    monkeypatch.setattr("dash_devices_nb.core.access.link_budget.BODIES_BURST", 1000.0)
    await tab(app, role="owner")
    body = json.dumps(request(1, "x" * 50_000)["body"]).encode()
    url = f"{app.url}_dash-update-component"
    kind = {"Content-Type": "application/json"}
    async with httpx.AsyncClient() as http:
        card = visitor(app, "control", guest=True)
        waiting = asyncio.ensure_future(http.post(url, content=body, headers=kind | card))
        await eventually(lambda: parts_of(app).sessions.sharing._budgets and link_of(app)._bodies.tokens < -40_000)
        owners = await http.post(url, content=body, headers=kind | visitor(app, "owner"))
        assert owners.status_code == 200
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert len(app.calls) == 1


async def test_what_a_frame_names_is_paid_for_and_bounded(app, tab, monkeypatch):
    """Thousands of ids of some bytes each held up the loop for seconds, and cost as little as one long text."""
    monkeypatch.setattr(rate_limits, "MOST_NAMED", 50)
    guest = await tab(app, role="view", guest=True)
    before = link_of(app).acts.tokens
    link_of(app).acts.rate = 0.001
    await guest.send({"t": "want", "ids": {f"x{number}": 0 for number in range(40)}})
    await eventually(lambda: link_of(app).acts.tokens < before - 2)
    assert not guest.notices
    await guest.send({"t": "want", "ids": {f"x{number}": 0 for number in range(60)}})
    await eventually(lambda: guest.notices)
    assert "a frame names 60 ids and props, at most 50" in guest.notices[0]["text"]
    owner = await tab(app, role="owner")
    for number in range(60):
        await owner.send({"t": "want", "ids": {f"x{number}-{each}": 0 for each in range(60)}})
    await owner.act("mine", "value", "on")
    await owner.expect("out", "children", "on")
    assert not owner.notices
