"""Pages that the app had forgotten come back, after a sleep or a stop of the app: nothing is done twice or missed."""

from __future__ import annotations

import asyncio

import pytest

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.sessions import manager
from dash_devices_nb.core.access.roles import Role
from tests.support.counted import counted
from tests.support.eventually import eventually
from tests.support.tcp import network


@pytest.fixture
def no_grace(monkeypatch):
    """Who is away is forgotten at once."""
    monkeypatch.setattr(manager, "GRACE_SECONDS", 0.0)


async def forgotten(app, page) -> None:
    """Lose the page's connection until the app has forgotten it."""
    before = page.client_id
    await page.drop()
    await eventually(lambda: before not in [each.id for each in app.clients])


def two_texts(version: str):
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="name", value="a"), html.Div(id="shown"), html.Div(version, id="layout")])

    def define(text: str):
        @app.callback(Output("shown", "children"), Input("name", "value"))
        def shown(name):
            return f"{text} {name}"

    define(version)
    return app, define


async def test_a_change_whose_acknowledgement_was_lost_is_made_once_after_a_sleep(app_server, tab, no_grace):
    """The page says it again to an app that has taken it, and has forgotten the page since."""
    found = counted()
    url = app_server.run(found.app)
    async with network(url) as net:
        page = await tab(net.url)
        net.spares["down"] = 0
        await page.act("name", "value", "once")
        await eventually(lambda: found.acts == ["once"] and not page.connected)
        await eventually(lambda: not found.app.clients)
        assert page.unacknowledged
        await page.reconnect()
        await page.settled()
        await page.act("name", "value", "then")
        await page.expect("echo", "children", "echo then")
        assert found.acts == ["once", "then"]
        await page.close()


async def test_a_refused_change_is_undone_though_the_connection_is_lost_twice(app_server, tab, no_grace, monkeypatch):
    """The second time before the page had said it again: the app must not call it acknowledged then."""
    found = counted()
    url = app_server.run(found.app)
    async with network(url) as net:
        page = await tab(net.url)
        found.app.clients[0].role = Role.VIEW
        net.spares["down"] = 0
        await page.act("name", "value", "refused")
        await eventually(lambda: not found.app.clients)
        monkeypatch.setattr(manager, "GRACE_SECONDS", 60.0)
        link = page.session.link
        with monkeypatch.context() as lost:
            send = link.send
            lost.setattr(link, "send", lambda frame: frame["t"] != "set" and send(frame))
            await page.reconnect()
        assert page.unacknowledged
        await page.reconnect()
        await page.settled()
        await page.expect("name", "value", lambda value: value != "refused")
        assert found.acts == []
        await page.close()


async def test_a_refused_change_is_undone_though_the_page_is_forgotten_before_it_has_heard(
    app_server, tab, no_grace, monkeypatch
):
    """It resumes its session, which says how far its changes were heard, and loses what undoes one of them."""
    found = counted()
    url = app_server.run(found.app)
    monkeypatch.setattr(manager, "GRACE_SECONDS", 60.0)
    async with network(url) as net:
        page = await tab(net.url)
        found.app.clients[0].role = Role.VIEW
        (session,) = parts_of(found.app).runtime.pages.values()
        net.spares["down"] = 0
        await page.act("name", "value", "refused")
        await eventually(lambda: session.heard == 1 and not page.connected)
        with monkeypatch.context() as lost:
            take = page.session.receive
            lost.setattr(page.session, "receive", lambda frame: frame["t"] == "welcome" and take(frame))
            await page.reconnect()
            monkeypatch.setattr(manager, "GRACE_SECONDS", 0.0)
            await forgotten(found.app, page)
        await page.reconnect()
        await page.settled()
        await page.expect("name", "value", lambda value: value != "refused")
        assert found.acts == []
        await page.close()


async def test_a_change_is_made_once_over_a_stop_of_the_app(app_server, tab):
    """The app stops before it has acknowledged it, and runs again."""
    found = counted()
    url = app_server.run(found.app)
    port = int(url.rstrip("/").rpartition(":")[2])
    async with network(url) as net:
        page = await tab(net.url)
        net.spares["down"] = 0
        await page.act("name", "value", "once")
        await eventually(lambda: found.acts == ["once"] and not page.connected)
        app_server.stop(found.app)
        app_server.run(found.app, port=port)
        await page.reconnect()
        await page.settled()
        assert found.acts == ["once"]
        await page.close()


async def test_what_was_refused_is_undone_though_the_page_was_forgotten(app_server, tab, no_grace):
    """What undid it was lost with the connection, and so was that it was refused."""
    found = counted()
    url = app_server.run(found.app)
    async with network(url) as net:
        page = await tab(net.url)
        found.app.clients[0].role = Role.VIEW
        net.spares["down"] = 0
        await page.act("name", "value", "mine")
        await eventually(lambda: not page.connected)
        await eventually(lambda: not found.app.clients)
        await page.reconnect()
        await page.expect("name", "value", "")
        assert found.acts == []
        await page.close()


async def test_who_was_away_for_long_has_the_callbacks_of_the_cells_that_were_run(app_server, tab, no_grace):
    """They are told when it comes back, and called as when a page loads."""
    app, define = two_texts("old")
    page = await tab(app_server.run(app) and app)
    await page.expect("shown", "children", "old a")
    await forgotten(app, page)
    app.callbacks["shown"].remove()
    define("new")
    await page.reconnect()
    await page.expect("shown", "children", "new a")
    calls = len(page.asked)
    await forgotten(app, page)
    await page.reconnect()
    await page.act("name", "value", "b")
    await page.expect("shown", "children", "new b")
    assert len(page.asked) == calls + 1, "it has missed nothing, and is told of nothing"


async def test_who_was_away_for_long_has_the_layout_of_now(app_server, tab, no_grace):
    """So it is if the app was stopped, and its layout set, meanwhile."""
    app, _ = two_texts("old")
    url = app_server.run(app)
    port = int(url.rstrip("/").rpartition(":")[2])
    page = await tab(app)
    for version, stopped in (("new", False), ("newest", True)):
        await forgotten(app, page)
        if stopped:
            app_server.stop(app)
        app.layout = html.Div([dcc.Input(id="name", value="a"), html.Div(id="shown"), html.Div(version, id="layout")])
        if stopped:
            app_server.run(app, port=port)
        await page.reconnect()
        await page.expect("layout", "children", version)
        await page.expect("shown", "children", "old a")


async def test_pages_hear_of_cells_after_a_stop_in_the_midst_of_telling(app_server, tab, monkeypatch):
    """The app is stopped in the moment in which it would have told of a cell, and runs again."""
    app, define = two_texts("old")
    url = app_server.run(app)
    port = int(url.rstrip("/").rpartition(":")[2])
    app.callbacks["shown"].remove()
    page = await tab(app)
    with monkeypatch.context() as patched:
        patched.setattr(manager, "TOGETHER_SECONDS", 60.0)
        define("first")
        app_server.stop(app)
    app_server.run(app, port=port)
    await page.reconnect()
    app.callbacks["shown"].remove()
    define("second")
    await page.expect("shown", "children", "second a")


async def test_coroutines_that_were_to_run_while_the_app_had_stopped_run_later(app_server):
    """One that runs is cancelled; what waits for it, and what is pushed meanwhile, is called once it runs again."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="name", value="")])
    calls: list[str] = []
    held = [True]

    @app.callback_shared(None, Input("name", "value"))
    async def act(name):
        calls.append(name)
        while held[0]:
            await asyncio.sleep(0.01)

    app_server.run(app)

    async def push(text: str) -> None:
        app.push_mods({"name": {"value": text}})

    for text in ("runs", "waits"):
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(push(text), parts_of(app).runtime.io_loop))
    await eventually(lambda: calls == ["runs"])
    app_server.stop(app)
    held[0] = False
    assert calls == ["runs"]
    await asyncio.to_thread(parts_of(app).push.push_values, parts_of(app).push.encoded([(("name", "value"), "pushed")]))
    assert calls == ["runs"]
    app_server.run(app)
    await eventually(lambda: calls == ["runs", "waits", "pushed"])
