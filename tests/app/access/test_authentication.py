"""`client.authentication`: what is shared is kept from a client for which it is set and false, until it is true."""

import asyncio
import json
import threading

import httpx
import pytest

from dash_devices_nb import Dash, Input, Output, State, callback_context, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.sessions import manager
from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually
from tests.support.rawpage import RawPage


@pytest.fixture
def app() -> Dash:
    """A shared knob, a pushed text, and a login: a regular callback."""
    app = Dash(__name__)
    ids = [dcc.Input(id="a", value="layout's"), html.Div(id="b"), html.Div("layout's", id="pushed"), html.Img(id="cam")]
    app.layout = html.Div([*ids, dcc.Input(id="word", value=""), html.Div(id="said"), html.Div(id="box")])
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: f"<{a}>")

    @app.callback(Output("said", "children"), Input("word", "value"), State("a", "value"), prevent_initial_call=True)
    def login(word, a):
        callback_context.client.authentication = word == "sesame"
        return f"{word} {a}"

    @app.callback(Output("box", "children"), Input("word", "value"), prevent_initial_call=True)
    def box(word):
        return dcc.Input(id={"box": 1}, value="own") if word == "box" else None

    @app.callback(Output("said", "title"), Input("word", "title"), prevent_initial_call=True)
    def sets(word):
        return [Output("a", "value", word)]

    return app


def client_of(app, tab):
    """The app's side of a tab."""
    return next(client for client in app.clients if client.id == tab.client_id)


@pytest.mark.parametrize("false", [0, False, ""])
async def test_nothing_shared_comes_until_it_is_true(app, tab, false):
    """Neither pushes nor changes nor images; then all of it, at once."""
    out, other = await tab(app), await tab(app)
    client_of(app, out).authentication = false
    before = out.props("a"), len(out.session.shown)
    await other.act("a", "value", "secret")
    app.push_mods({"pushed": {"children": "secret"}})
    app.push_frame("cam", b"\xff\xd8\xff\xe0secret")
    app.push_mods({"said": {"children": "for you"}}, client_of(app, out))
    await out.expect("said", "children", "for you")
    await other.expect("pushed", "children", "secret")
    assert (out.props("a"), len(out.session.shown)) == (before[0], before[1] + 1)
    assert out.image("cam") is None
    await out.act("word", "value", "sesame")
    await out.expect("said", "children", "sesame layout's")
    await out.expect("a", "value", "secret")
    await out.expect("b", "children", "<secret>")
    await out.expect("pushed", "children", "secret")
    await eventually(lambda: out.image("cam"))


async def test_its_own_changes_of_shared_props_are_refused(app, tab):
    """They are undone to what the layout says, as what holds is not told; its regular callbacks work."""
    out, other = await tab(app), await tab(app)
    client_of(app, out).authentication = 0
    await other.act("a", "value", "secret")
    await out.act("a", "value", "mine")
    await eventually(lambda: out.notices)
    assert out.notices[0]["text"] == "You may not change a.value: log in first."
    await out.expect("a", "value", "layout's")
    await out.act("word", "value", "wrong")
    await out.expect("said", "children", "wrong layout's")
    assert other.prop("a", "value") == "secret"
    assert "secret" not in json.dumps([out.props(each) for each in out.ids])


@pytest.mark.parametrize("way", ["the socket", "HTTP with the page's name", "HTTP with the browser's cookie"])
async def test_its_layout_shows_the_layouts_own_values(app, tab, way):
    """Whichever way it is asked for; and so do components that a callback brings."""
    out, other = await tab(app), await tab(app)
    client_of(app, out).authentication = 0
    await other.act("a", "value", "secret")
    await other.expect("b", "children", "<secret>")
    if way == "the socket":
        await out.reload()
        await out.settled()
        assert out.prop("a", "value") == "layout's"
        return
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in out.cookies.items())}
    if "name" in way:
        headers["X-Dash-Devices-Client"] = f"{out.client_id}.{out.session.key}"
    async with httpx.AsyncClient(base_url=app.url) as browser:
        answer = await browser.get("/_dash-layout", headers=headers)
        assert "secret" not in answer.text
        assert answer.headers["x-dash-devices-revision"] == "0"
        assert "secret" in (await browser.get("/_dash-layout")).text


async def test_the_hooks_of_a_client_run_in_order_before_its_layout(app, app_server):
    """A slow plain one, a coroutine, and one that sees what the first has set: before, nothing shared comes."""
    order: list[object] = []
    go_on = threading.Event()

    @app.callback_connect
    def first(client, connect):
        if connect and not order:
            go_on.wait(2)
        client.color = "red" if connect else "gone"
        client.authentication = 0
        order.append("first")

    @app.callback_connect
    async def second(client, connect):
        await asyncio.sleep(0)
        order.append(client.color)

    url = app_server.run(app)
    app.push_mods({"a": {"value": "secret"}})
    opening = asyncio.ensure_future(Tab(url).open())
    await eventually(lambda: len(app.clients) == 1)
    app.push_mods({"pushed": {"children": "secret"}})
    assert not opening.done()
    go_on.set()
    page = await opening
    assert order == ["first", "red"]
    assert (page.prop("a", "value"), page.prop("pushed", "children")) == ("layout's", "layout's")
    await page.close()
    await eventually(lambda: order == ["first", "red", "first", "gone"])


async def test_a_hook_that_takes_too_long_keeps_nobody_out(app, app_server, monkeypatch):
    """The page is answered after a while all the same."""
    monkeypatch.setattr(manager, "HOOKS_SECONDS", 0.1)
    released = threading.Event()
    app.callback_connect(lambda client, connect: released.wait(5))
    url = app_server.run(app)
    app.push_mods({"a": {"value": "new"}})
    async with Tab(url) as page:
        await page.expect("a", "value", "new")
        released.set()


async def test_who_comes_later_gets_the_last_image_after_the_hooks(app, app_server):
    """A connect hook holds back what is shared for a moment; the camera's picture comes then."""
    app.callback_connect(lambda client, connect: None)
    url = app_server.run(app)
    app.push_frame("cam", b"\xff\xd8\xff\xe0last")
    async with Tab(url) as page:
        await eventually(lambda: page.image("cam"))


async def test_what_its_regular_callback_sets_of_shared_props_is_refused(app, tab):
    """An alternate output is a change by that client: nobody else gets it, and it is undone in the page."""
    out, other = await tab(app), await tab(app)
    client_of(app, out).authentication = 0
    await other.act("a", "value", "secret")
    await out.act("word", "title", "mine")
    await eventually(lambda: out.notices)
    assert out.notices[0]["text"] == "You may not change a.value: log in first."
    await out.expect("a", "value", "layout's")
    await other.settled()
    assert other.prop("a", "value") == "secret"
    assert "secret" not in json.dumps([out.props(each) for each in out.ids])


@pytest.mark.parametrize("known", [True, False])
async def test_components_that_its_callback_brings_show_no_shared_value(app, tab, known):
    """Neither over its own socket, nor over HTTP by a request of its browser that names no page."""
    name = json.dumps({"box": 1}, separators=(",", ":"))
    app.callback_shared(None, Input({"box": 1}, "value"))(lambda value: None)
    out = await tab(app)
    app.push_mods({name: {"value": "secret"}})
    client_of(app, out).authentication = 0
    if known:
        await out.act("word", "value", "box")
        await out.expect(name, "value", "own")
        client_of(app, out).authentication = 1
        await out.expect(name, "value", "secret")
        return
    inputs = [{"id": "word", "property": "value", "value": "box"}]
    outputs = {"id": "box", "property": "children"}
    body = {"output": "box.children", "outputs": outputs, "inputs": inputs, "changedPropIds": ["word.value"]}
    async with httpx.AsyncClient(base_url=app.url, cookies=out.cookies) as browser:
        answer = await browser.post("/_dash-update-component", json=body)
        assert answer.status_code == 200
        assert '"own"' in answer.text
        assert "secret" not in answer.text


async def test_what_waits_for_a_page_that_logs_out_is_not_sent(app, tab):
    """A picture and a value that had been queued for it are dropped; its own messages come."""
    out = await tab(app)
    page = parts_of(app).runtime.pages[out.client_id]
    with parts_of(app).runtime.lock:  # the connection takes nothing meanwhile
        app.push_frame("cam", b"\xff\xd8\xff\xe0secret", client=None)
        waiting = page.outbox
        waiting._images[("cam", "src")] = parts_of(app).runtime.images[("cam", "src")].frame
        client_of(app, out).authentication = 0
        assert not waiting._images
        app.push_frame("cam", b"\xff\xd8\xff\xe0own", client=page.client)
    await eventually(lambda: out.image("cam"))
    assert out.image("cam")[1].endswith(b"own")


@pytest.mark.parametrize("kept", [False, True])
async def test_names_of_pushed_props_are_told_after_the_hooks(app, app_server, kept):
    """A page whose client the hooks have not let in yet hears of none; one that they keep out, of none at all."""
    go_on = threading.Event()

    @app.callback_connect
    def hook(client, connect):
        go_on.wait(2)
        client.authentication = 0 if kept else 1

    app_server.run(app)
    app.push_mods({"pushed": {"title": "secret"}})
    async with RawPage(app.url) as page:
        assert page.frames[0]["pushed"] == []
        go_on.set()
        await eventually(lambda: app.clients[0].authentication is not None)
        if kept:
            await page.send(t="ping")
            await page.got(lambda: any(frame["t"] == "pong" for frame in page.frames))
            assert "pushed" not in json.dumps(page.frames[1:])
            app.clients[0].authentication = 1
        await page.got(lambda: any(["pushed", "title"] in frame.get("pushed", ()) for frame in page.frames))
