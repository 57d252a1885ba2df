"""A page's one connection: what travels over it, and what happens when it is lost."""

from __future__ import annotations

import asyncio
import json
import threading

from playwright.async_api import Page, expect

from dash_devices_nb import Dash, Input, Output, Patch, Services, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.sessions import manager
from dash_devices_nb.core.protocol.outbox import FRAMES
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.processes import ScriptRunner
from tests.support.serving import Serving
from tests.support.tcp import network

LOST = r"WebSocket connection to .* failed"


def bar(page: Page):
    return page.locator(".bar")


def desk() -> tuple[Dash, list[tuple[str, bool]], threading.Event]:
    """An app with a shared field, a counter, and a slow regular callback."""
    app = Dash(__name__)
    names = ("echo", "slow", "other", "list", "quick")
    buttons = [html.Button(name, id=f"go-{name}") for name in ("slow", "quick")]
    app.layout = html.Div([dcc.Input(id="name", value=""), *buttons, *(html.Div(id=name) for name in names)])
    story: list[tuple[str, bool]] = []
    release = threading.Event()

    @app.callback_shared(Output("echo", "children"), Input("name", "value"))
    def echo(name):
        return f"echo {name}"

    @app.callback(Output("slow", "children"), Input("go-slow", "n_clicks"), prevent_initial_call=True)
    def slow(n_clicks):
        release.wait(20)
        return f"slow {n_clicks}"

    @app.callback(Output("quick", "children"), Input("go-quick", "n_clicks"), prevent_initial_call=True)
    def quick(n_clicks):
        return f"quick {n_clicks}"

    @app.callback_connect
    def connected(client, connect):
        story.append((client.id, connect))

    return app, story, release


async def test_a_short_loss_is_no_loss(serve: Serving, browser: Tabs):
    """The page says that it is offline; it is the same client again, and all that happened meanwhile arrives once."""
    app, story, release = desk()
    url = await serve(app)
    async with network(url) as net:
        browser.allow_errors(LOST, "ERR_")
        away, witness = await asyncio.gather(browser.open(net.url), browser.open(url))
        for page in (away, witness):
            await expect(page.locator("#echo")).to_have_text("echo ")
        before = list(story)
        await away.locator("#go-slow").click()
        app.push_mods({"list": {"children": ["a"]}})
        await expect(away.locator("#list")).to_have_text("a")

        net.cut()
        await expect(bar(away)).to_contain_text("Offline: reconnecting")
        await away.locator("#name").press_sequentially("typed offline")
        await away.locator("#go-quick").click()
        more = Patch()
        more.append("b")
        app.push_mods({"list": {"children": more}})
        app.push_mods({"list": {"children": more}, "other": {"children": "pushed meanwhile"}})
        app.push_mods({"other": {"title": "alone"}}, [c for c in app.clients if c.id == before[0][0]])
        release.set()
        await expect(witness.locator("#list")).to_have_text("abb")
        net.mend()

        await expect(bar(away)).not_to_be_visible()
        await expect(away.locator("#list")).to_have_text("abb")
        await expect(away.locator("#other")).to_have_text("pushed meanwhile")
        await expect(away.locator("#slow")).to_have_text("slow 1")
        await expect(away.locator("#quick")).to_have_text("quick 1")
        for page in (away, witness):
            await expect(page.locator("#echo")).to_have_text("echo typed offline")
            await expect(page.locator("#name")).to_have_value("typed offline")
        assert story == before, "nobody left, nobody came"
        titles = [await page.locator("#other").get_attribute("title") for page in (away, witness)]
        assert sorted(titles, key=str) == [None, "alone"]


async def test_what_a_page_shows_at_its_start_is_asked_again(serve: Serving, browser: Tabs, monkeypatch):
    """If the app has forgotten the page before it answered: no person asked, so no person would ask again."""
    monkeypatch.setattr(manager, "GRACE_SECONDS", 0.05)
    app = Dash(__name__)
    app.layout = html.Div([html.Div("tabs", id="tabs"), html.Div(id="contents"), html.Div(id="more")])
    release = threading.Event()
    calls: list[str] = []

    @app.callback(Output("contents", "children"), Input("tabs", "children"))
    def contents(tabs):
        calls.append(tabs)
        if len(calls) == 1:
            release.wait(20)
        return f"contents of {tabs}"

    @app.callback(Output("more", "children"), Input("contents", "children"))
    def more(contents):
        return f"more than {contents}"

    async with network(await serve(app)) as net:
        browser.allow_errors(LOST, "ERR_")
        page = await browser.open(net.url)
        await eventually(lambda: calls and app.clients)
        net.cut()
        await eventually(lambda: not app.clients)
        release.set()
        net.mend()
        await expect(page.locator("#contents")).to_have_text("contents of tabs")
        await expect(page.locator("#more")).to_have_text("more than contents of tabs")
        await expect(bar(page)).not_to_be_visible()
        assert calls == ["tabs", "tabs"]


async def test_others_changes_win_only_in_their_order(serve: Serving, browser: Tabs):
    """What a page changed while it was away is ordered when it arrives, after what others did meanwhile."""
    app, _, _ = desk()
    url = await serve(app)
    async with network(url) as net:
        browser.allow_errors(LOST, "ERR_")
        away, witness = await asyncio.gather(browser.open(net.url), browser.open(url))
        await expect(away.locator("#echo")).to_have_text("echo ")
        net.cut()
        await expect(bar(away)).to_be_visible()
        await away.locator("#name").fill("from away")
        await witness.locator("#name").fill("from witness")
        await expect(witness.locator("#echo")).to_have_text("echo from witness")
        net.mend()
        for page in (away, witness):
            await expect(page.locator("#echo")).to_have_text("echo from away")
            await expect(page.locator("#name")).to_have_value("from away")


async def test_a_restarted_program_gets_its_pages_back(script: ScriptRunner, browser: Tabs):
    """The script is stopped and started again: the open page comes back by itself and shows the new program's state."""
    source = """
        import sys
        from dash_devices_nb import Dash, Input, Output, dcc, html
        app = Dash(__name__)
        port, run = int(sys.argv[1]), sys.argv[2]
        app.layout = html.Div([dcc.Input(id="name", value=run), html.Div(id="echo"), html.Div(id="own"), html.H1(run)])

        @app.callback_shared(Output("echo", "children"), Input("name", "value"))
        def echo(name):
            return f"{run} run: {name}"

        @app.callback(Output("own", "children"), Input("echo", "children"))
        def own(echo):
            return f"own {echo}"

        app.run(port=port)
    """
    browser.allow_errors(LOST, "ERR_")
    program = await script(source, "0", "first")
    page = await browser.open(program.url)
    await page.locator("#name").fill("typed")
    await expect(page.locator("#own")).to_have_text("own first run: typed")
    program.interrupt()
    assert await program.wait() == 0
    await expect(bar(page)).to_contain_text("Offline")
    port = program.url.partition("127.0.0.1:")[2].partition("/")[0]
    await script(source, port, "second")
    await expect(page.locator("#own")).to_have_text("own second run: second", timeout=15_000)
    await expect(page.locator("h1")).to_have_text("second")
    await expect(bar(page)).not_to_be_visible()
    await page.locator("#name").fill("again")
    await expect(page.locator("#own")).to_have_text("own second run: again")


async def test_what_was_clicked_during_a_restart_is_called_after_it(script: ScriptRunner, browser: Tabs):
    """The answer shows in the new layout: it would be lost if it came while the page still loads that."""
    source = """
        import sys
        from dash_devices_nb import Dash, Input, Output, State, dcc, html
        app = Dash(__name__)
        port, run = int(sys.argv[1]), sys.argv[2]
        app.layout = html.Div([
            dcc.Input(id="name", value=run), html.Div(run, id="run"), html.Div(id="both"), html.Div(id="late"),
            *(html.Button(each, id=each) for each in ("one", "two")),
            *([html.Button("gone", id="gone")] if run == "first" else []),
        ])

        @app.callback(
            Output("both", "children"), Input("one", "n_clicks"), Input("two", "n_clicks"), State("name", "value"),
            prevent_initial_call=True,
        )
        def both(one, two, name):
            return f"{run} run: {one} {two} {name}"

        if run == "first":
            @app.callback(Output("late", "children"), Input("gone", "n_clicks"), prevent_initial_call=True)
            def late(n_clicks):
                return f"late {n_clicks}"

        app.run(port=port)
    """
    browser.allow_errors(LOST, "ERR_")
    program = await script(source, "0", "first")
    page, other = await asyncio.gather(browser.open(program.url), browser.open(program.url))
    await page.locator("#one").click()
    await expect(page.locator("#both")).to_have_text("first run: 1 None first")
    await expect(other.locator("#run")).to_have_text("first")
    program.interrupt()
    assert await program.wait() == 0
    for each in (page, other):
        await expect(bar(each)).to_contain_text("Offline")
    await page.locator("#name").fill("typed")
    await page.locator("#two").click()
    await page.locator("#one").click()
    await other.locator("#gone").click()
    port = program.url.partition("127.0.0.1:")[2].partition("/")[0]
    await script(source, port, "second")
    await expect(page.locator("#run")).to_have_text("second", timeout=15_000)
    await expect(page.locator("#both")).to_have_text("second run: 2 1 typed")
    await expect(page.locator("#_dash-devices-notices .notice")).to_have_count(0)
    # What the new program has not is said to be lost.
    await expect(other.locator("#_dash-devices-notices .notice")).to_contain_text("The connection was lost")
    await page.locator("#one").click()
    await expect(page.locator("#both")).to_have_text("second run: 3 1 typed")


async def test_one_socket_carries_all_in_order(serve: Serving, browser: Tabs):
    """With PUSHER_ALL no request goes to Dash's routes: they travel over the tab's one WebSocket, in order."""
    app, _, _ = desk()
    url = await serve(app)
    context = await browser.context()
    await context.add_init_script("delete window.SharedWorker")
    page = await browser.open(context=context)
    requests, sockets, sent, received = [], [], [], []
    page.on("request", lambda request: requests.append(request.url))

    def opened(socket) -> None:
        sockets.append(socket.url)
        socket.on("framesent", lambda frame: sent.append(json.loads(frame)))
        socket.on("framereceived", lambda frame: received.append(json.loads(frame)))

    page.on("websocket", opened)
    await page.goto(url)
    assert await page.evaluate("typeof SharedWorker") == "undefined"
    await expect(page.locator("#echo")).to_have_text("echo ")
    for number in range(1, 4):
        await page.locator("#go-quick").click()
        await expect(page.locator("#quick")).to_have_text(f"quick {number}")
    await page.evaluate("fetch('/_reload-hash').then(r => r.json()).then(j => { window.reloadHash = j; })")
    await eventually(lambda: page.evaluate("window.reloadHash && 'packages' in window.reloadHash"))
    routes = ("_dash-layout", "_dash-dependencies", "_dash-update-component", "_reload-hash")
    assert not [url for url in requests if any(route in url for route in routes)]
    assert sockets == [f"ws{url.removeprefix('http')}_dash-devices/ws"]
    asked = [frame for frame in sent if frame["t"] == "req"]
    assert [frame["n"] for frame in asked] == list(range(1, len(asked) + 1))
    paths = [frame["path"] for frame in asked]
    assert sorted(paths[:2]) == ["_dash-dependencies", "_dash-layout"]
    assert paths[2:] == ["_dash-update-component"] * 3 + ["_reload-hash"]
    answered = [frame["n"] for frame in received if frame["t"] == "res"]
    assert sorted(answered) == list(range(1, len(asked) + 1))


async def test_http_where_the_server_service_says_so(serve: Serving, browser: Tabs):
    """With NORMAL layout, dependencies and regular callbacks go over HTTP, and what is shared still over the socket."""
    app = Dash(__name__, server_service=Services.NORMAL)
    app.layout = html.Div([dcc.Input(id="name", value=""), html.Div(id="echo"), html.Div(id="own"), html.Div(id="s2")])

    @app.callback_shared(Output("echo", "children"), Input("name", "value"))
    def echo(name):
        return f"echo {name}"

    @app.callback(Output("own", "children"), Input("name", "value"))
    def own(name):
        return f"own {name}"

    @app.callback_s2(Output("s2", "children"), Input("name", "value"))
    def s2(name):
        return f"s2 {name}"

    url = await serve(app)
    page, other = await browser.open(), await browser.open(url)
    requests, sent = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(json.loads(frame))))
    await page.goto(url)
    await expect(page.locator("#own")).to_have_text("own ")
    await page.locator("#name").fill("x")
    for each in (page, other):
        await expect(each.locator("#echo")).to_have_text("echo x")
        await expect(each.locator("#own")).to_have_text("own x")
        await expect(each.locator("#s2")).to_have_text("s2 x")
    routes = {
        part for url in requests for part in ("layout", "dependencies", "update-component") if f"_dash-{part}" in url
    }
    assert routes == {"layout", "dependencies", "update-component"}
    outputs = {frame["body"]["output"] for frame in sent if frame["t"] == "req"}
    assert outputs == {"s2.children"}, "a callback of service S2 uses the socket"


async def test_what_changes_between_a_layout_over_http_and_the_socket_is_not_lost(serve: Serving, browser: Tabs):
    """A page whose WebSocket comes late has its layout over HTTP by then, and asks for what is newer."""
    app = Dash(__name__)
    app.layout = html.Div([html.Div(id="early"), html.Div(id="late")])
    app.push_mods({"early": {"children": "there"}, "late": {"children": "old"}})
    blocked = [True]

    async def route(socket):
        if blocked[0]:
            await socket.close(code=1012, reason="not yet")
        else:
            socket.connect_to_server()

    page = await browser.open()
    await page.add_init_script("const wait = setTimeout; setTimeout = (f, ms) => wait(f, ms === 5000 ? 200 : ms)")
    await page.route_web_socket("**/_dash-devices/ws*", route)
    await page.goto(await serve(app))
    await expect(page.locator("#early")).to_have_text("there", timeout=15_000)
    app.push_mods({"late": {"children": "new"}})
    blocked[0] = False
    await expect(page.locator("#late")).to_have_text("new", timeout=15_000)
    assert await page.evaluate("dashDevices.bridge.socket.greeted")


CLOSING = """() => {
    const {socket} = dashDevices.bridge;
    window.ends = [];
    const lost = socket._lost;
    socket._lost = event => (window.ends.push(event.reason), lost.call(socket, event));
    socket._socket.close(3000, 'as it wished');
    socket.retry();
    return socket.send({t: 'ok'});
}"""


async def test_what_was_said_at_the_end_is_heard_though_the_page_would_come_back_at_once(serve, browser: Tabs):
    """A connection that is closing has not said yet why: there is no other before it has ended, and nothing is sent."""
    app, story, _ = desk()
    page = await browser.open(await serve(app))
    await expect(page.locator("#echo")).to_have_text("echo ")
    assert await page.evaluate(CLOSING) is False
    await eventually(lambda: page.evaluate("dashDevices.bridge.socket.greeted"))
    assert await page.evaluate("window.ends") == ["as it wished"]
    assert len(story) == 1  # the same client all the time


async def test_a_new_layout_arrives_behind_much_that_was_pushed(serve: Serving, browser: Tabs):
    """A page without a layout applies nothing. Its layout waited behind what it had not applied."""
    app = Dash(__name__)
    app.layout = html.Div([html.Div(id="count"), html.Div("old", id="layout")])
    url = await serve(app)
    async with network(url) as net:
        page = await browser.open(net.url)
        await expect(page.locator("#layout")).to_have_text("old")
        net.silence()
        app.layout = html.Div([html.Div(id="count"), html.Div("new", id="layout")])
        (session,) = parts_of(app).runtime.pages.values()
        await eventually(lambda: session.outbox.unconfirmed)
        for number in range(FRAMES + FRAMES // 2):
            app.push_mods({"count": {"children": number}})
        net.speak()
        await expect(page.locator("#layout")).to_have_text("new")
        await expect(page.locator("#count")).to_have_text(str(number))


UNDOING_IS_OVER = "new Promise(over => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(over)), 200))"
"""In a page: until what it heard before this of changes that are undone is shown."""


async def test_what_undoes_a_change_leaves_a_newer_value_of_the_layout(serve: Serving, browser: Tabs):
    """The page waits for a layout when its change is refused; the layout is the later word."""
    app, _, release = desk()
    first = app.layout
    release.set()

    def layout():
        release.wait(20)
        return first

    app.layout = layout
    url = await serve(app)
    async with network(url) as net:
        page, witness = await asyncio.gather(browser.open(net.url), browser.open(url))
        for each in (page, witness):
            await expect(each.locator("#echo")).to_have_text("echo ")
        net.silence()
        await page.locator("#name").fill("refused")
        release.clear()
        for client in app.clients:
            client.role = "view"
        app.reload_pages()
        net.speak()
        await eventually(lambda: any("may not change" in str(entry) for entry in app.journal))
        app.push_mods({"name": {"value": "newer"}})
        release.set()
        for each in (page, witness):
            await expect(each.locator("#echo")).to_have_text("echo newer")
            await each.evaluate(UNDOING_IS_OVER)
            await expect(each.locator("#name.dash-input-element")).to_have_value("newer")
