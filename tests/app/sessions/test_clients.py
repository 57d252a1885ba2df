"""Clients: the table and its fields, the hooks, the grace, and what survives a lost connection."""

import asyncio
import json
import threading
import time
from urllib.parse import quote

import pytest

from dash_devices_nb import Dash, Input, Output, callback_context, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.sessions import manager
from dash_devices_nb.core.protocol.outbox import Outbox
from tests.support.eventually import eventually


@pytest.fixture
def app() -> Dash:
    """A shared input, its output, and a box of each page's own."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="a"), html.Div(id="b"), html.Div(id="own"), dcc.Input(id="private")])
    app.callback_shared(Output("b", "children"), Input("a", "value"), prevent_initial_call=True)(lambda a: a)
    return app


async def test_a_client_has_its_fields(app, tab):
    """Time, address, host, origin, headers and cookies of its browser; the program's own attributes stay."""
    before = time.time()
    anne = await tab(app)
    [client] = app.clients
    assert before <= client.connect_time <= time.time()
    assert client.id == anne.client_id
    assert client.address == "127.0.0.1"
    assert client.origin == app.url.rstrip("/")
    assert client.host in app.url
    assert client.headers["host"] == client.host
    assert (client.authentication, client.username, client.session) == (None, None, {})
    client.authentication = {"role": "admin"}
    client.color = "red"
    await anne.drop()
    await anne.reconnect()
    [again] = app.clients
    assert again is client
    assert (again.authentication, again.color) == ({"role": "admin"}, "red")


async def test_callbacks_know_their_client(app, tab):
    """Of either kind, by `callback_context.client`."""
    seen = []
    app.callback_shared(None, Input("a", "value"))(lambda a: seen.append(callback_context.client))
    app.callback(None, Input("private", "value"))(lambda p: seen.append(callback_context.client))
    anne, ben = await tab(app), await tab(app)
    await anne.act("a", "value", 1)
    await eventually(lambda: len(seen) == 1)
    await ben.act("private", "value", 1)
    await eventually(lambda: len(seen) == 2)
    assert [client.id for client in seen] == [anne.client_id, ben.client_id]


async def test_a_short_loss_is_no_parting(app, tab):
    """No hook is called, and nothing is lost that was sent meanwhile, to all or to this one."""
    told = []
    app.callback_connect(lambda client, connect: told.append(connect))
    anne, ben = await tab(app), await tab(app)
    [client] = [client for client in app.clients if client.id == ben.client_id]
    await ben.drop()
    await anne.act("a", "value", "meanwhile")
    for number in range(3):
        app.push_mods({"own": {"children": number}}, client)
    assert len(app.clients) == 2
    await ben.reconnect()
    await ben.expect("b", "children", "meanwhile")
    await ben.expect("own", "children", 2)
    assert ben.history("own", "children") == [0, 1, 2]
    assert told == [True, True]


async def test_a_regular_callback_that_runs_during_a_loss_answers_afterwards(app, tab):
    """Its answer waits for the page."""
    release = threading.Event()

    @app.callback(Output("own", "children"), Input("private", "value"), prevent_initial_call=True)
    def slow(private):
        release.wait(5)
        return f"done {private}"

    anne = await tab(app)
    await anne.act("private", "value", 1)
    await eventually(lambda: parts_of(app).runtime.pages[anne.client_id].requests > 2)
    await anne.drop()
    release.set()
    await anne.reconnect()
    await anne.expect("own", "children", "done 1")
    assert anne.asked.count("own.children") == 1


async def test_who_stays_away_longer_than_the_grace_has_left_and_is_another_one_then(app, tab, monkeypatch):
    """What this person changed meanwhile is not lost."""
    monkeypatch.setattr(manager, "GRACE_SECONDS", 0.05)
    told = []
    app.callback_connect(lambda client, connect: told.append((client.id, connect)))
    anne = await tab(app)
    first = anne.client_id
    await anne.drop()
    await anne.act("a", "value", "offline")
    await eventually(lambda: app.clients == [])
    await eventually(lambda: told == [(first, True), (first, False)])
    app.push_mods({"own": {"title": "meanwhile"}})
    await anne.reconnect()
    assert anne.client_id != first
    await anne.expect("own", "title", "meanwhile")
    await anne.expect("b", "children", "offline")


async def test_a_tab_that_comes_back_before_its_old_connection_has_ended_is_greeted(app, tab):
    """A network that changes leaves the old connection half open; the new one takes its place and loses no frame."""
    anne = await tab(app)
    session = anne.session
    [client] = app.clients
    old = session.link.socket
    await session.connect()
    await anne.until(lambda: session.greeted, 3.0, "the greeting on the new connection")
    assert app.clients == [client]
    app.push_mods({"own": {"children": "here"}}, client)
    await anne.expect("own", "children", "here")
    await asyncio.wait_for(old.wait_closed(), 5)
    assert old.close_code == 1008
    await anne.act("a", "value", 1)
    await anne.expect("b", "children", 1)
    assert app.clients == [client]


async def test_somebody_elses_key_does_not_make_one_somebody_else(app, tab):
    """A client's id is no secret; its key is."""
    anne, ben = await tab(app), await tab(app)
    first = ben.client_id
    await ben.drop()
    ben.session.client = anne.client_id
    await ben.reconnect()
    assert ben.client_id not in (anne.client_id, first)
    ben.session.key = "no ascii ü"
    await ben.drop()
    await ben.reconnect()
    assert ben.connected


async def test_a_tab_whose_browser_is_somebody_elses_now_is_a_new_client(app, app_server, tab):
    """One that was opened as the owner must not stay the owner's after a logout, though it knows its key."""
    app_server.run(app, auth="secret")
    anne = await tab(app)
    [owner] = app.clients
    assert (owner.role, owner.share, owner.name, owner.expires) == ("owner", None, "", None)
    link = app.share("view", name="Ada")  # one that counts: of another the app would close the page at once
    who = {"username": None, "name": "Ada", "role": "view", "share": link.id, "expires": link.expires}
    user = quote(json.dumps(who))
    guest = {"X-Dash-Devices-Secret": parts_of(app).serving.mount.secret, "X-Dash-Devices-User": user}
    await anne.drop()
    anne.session.link.headers.update(guest)
    await anne.reconnect()
    client = next(client for client in app.clients if client is not owner)
    assert (client.role, client.share, client.name, client.expires) == ("view", link.id, "Ada", link.expires)
    assert "Ada" in repr(client)


async def test_a_page_that_takes_nothing_is_given_up_and_starts_anew(app, tab):
    """Its own frames are kept up to a limit; then it is sent away, and comes back with the state that holds."""
    anne = await tab(app)
    [client] = app.clients
    page = parts_of(app).runtime.pages[client.id]
    await anne.drop()
    page.outbox = Outbox(hard_limit=1000)
    for number in range(50):
        app.push_mods({"own": {"title": "x" * 50 + str(number)}}, client)
    app.push_mods({"own": {"children": "shared"}})

    async def back() -> bool:
        if not anne.connected:
            try:
                await anne.reconnect()
            except ConnectionError:
                return False
        return anne.connected and anne.prop("own", "children") == "shared"

    await eventually(back, within=8)
    await anne.act("a", "value", 1)
    await anne.expect("b", "children", 1)


async def test_the_table_is_a_snapshot_from_any_thread(app, tab):
    """While tabs come and go."""
    stop = threading.Event()
    failures = []

    def look():
        while not stop.is_set():
            try:
                for client in app.clients:
                    assert client.id
            except RuntimeError as exc:
                failures.append(exc)

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(5):
        anne = await tab(app)
        await anne.close()
    stop.set()
    await asyncio.to_thread(thread.join)
    assert failures == []


async def test_one_client_is_refused_what_another_one_may_do(app, tab):
    """`callback_authorize_output` is asked for shared and regular callbacks; a refused change is undone."""
    asked = []

    @app.callback_authorize_output
    def allowed(client, output):
        asked.append(output)
        return getattr(client, "admin", False)

    app.callback(Output("own", "children"), Input("private", "value"), prevent_initial_call=True)(lambda p: p)
    anne, ben = await tab(app), await tab(app)
    [client] = [client for client in app.clients if client.id == anne.client_id]
    client.admin = True
    await anne.act("a", "value", 1)
    await ben.expect("b", "children", 1)
    await ben.act("a", "value", 2)
    await ben.expect("a", "value", 1)
    await eventually(lambda: "You may not change a.value." in [notice["text"] for notice in ben.notices])
    await ben.act("private", "value", 3)
    await eventually(lambda: "You may not call the callback of own.children." in str(ben.notices))
    await anne.act("private", "value", 4)
    await anne.expect("own", "children", 4)
    assert set(asked) == {"b.children", "own.children"}
    assert anne.prop("a", "value") == 1


async def test_a_request_that_hides_its_outputs_is_asked_about_by_its_callback(app, tab):
    """A page may send what it likes: what counts is which callback it calls."""
    asked, called = [], []
    app.callback_authorize_output(lambda client, output: asked.append(output) or output != "own.children")
    app.callback(Output("own", "children"), Input("private", "value"), prevent_initial_call=True)(called.append)
    anne = await tab(app)
    inputs = [{"id": "private", "property": "value", "value": 1}]
    for outputs in (None, {"id": "b", "property": "children"}):
        body = {"output": "own.children", "outputs": outputs, "inputs": inputs, "changedPropIds": []}
        anne.session.request(body, lambda status, answer: None)
    await anne.session.proceed()
    await eventually(lambda: asked.count("own.children") == 2)
    await eventually(lambda: parts_of(app).runtime.pages[anne.client_id].requests == anne.session.requests)
    assert called == []
