"""Two and three tabs that show one device."""

from __future__ import annotations

import asyncio
import threading

from playwright.async_api import Page, expect

from dash_devices_nb import Dash, Input, Output, State, callback_context, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving


def thumb(page: Page):
    return page.locator(".dash-slider-thumb").first


async def test_a_shared_slider_moves_in_every_tab(serve: Serving, browser: Tabs):
    """A slider moved in one tab moves in the other, its callback runs once, and a late tab and a reload agree."""
    app = Dash(__name__)
    app.layout = lambda: html.Div(
        [dcc.Slider(0, 30, 1, id="target", value=20), html.Div(id="shown"), html.Div(id="twice")]
    )
    calls = []

    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        calls.append((target, callback_context.client))
        return f"target {target}"

    @app.callback_shared(Output("twice", "children"), Input("shown", "children"))
    async def twice(shown):
        calls.append((shown, callback_context.client))
        return f"{shown} {shown}"

    url = await serve(app)
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    for page in (first, second):
        await expect(page.locator("#twice")).to_have_text("target 20 target 20")
    assert calls == [(20, None), ("target 20", None)], "shared callbacks are called once at the start, in order"

    await thumb(first).focus()
    await first.keyboard.press("ArrowRight")
    for page in (first, second):
        await expect(thumb(page)).to_have_attribute("aria-valuenow", "21")
        await expect(page.locator("#twice")).to_have_text("target 21 target 21")
    await thumb(second).focus()
    await second.keyboard.press("ArrowLeft")
    await second.keyboard.press("ArrowLeft")
    for page in (first, second):
        await expect(thumb(page)).to_have_attribute("aria-valuenow", "19")
        await expect(page.locator("#twice")).to_have_text("target 19 target 19")

    late = await browser.open(url)
    await first.reload()
    for page in (first, second, late):
        await expect(page.locator("#twice")).to_have_text("target 19 target 19")
        await expect(thumb(page)).to_have_attribute("aria-valuenow", "19")
    values = [value for value, _ in calls if isinstance(value, int)]
    assert values == [20, 21, 20, 19], "one change, one call, whoever is there"
    senders = [client for value, client in calls[2:] if isinstance(value, int)]
    assert all(senders)
    assert senders[0] is not senders[1]
    assert senders[1] is senders[2]
    assert {client for value, client in calls if isinstance(value, str)} == {None}, "down the chain there is no client"


async def test_the_change_is_there_before_a_slow_callback_has_finished(serve: Serving, browser: Tabs):
    """The other tab shows what was typed while the callback still works on it."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="name", value="a"), html.Div(id="out")])
    release = threading.Event()

    @app.callback_shared(Output("out", "children"), Input("name", "value"), prevent_initial_call=True)
    def slow(name):
        release.wait(20)
        return f"done {name}"

    url = await serve(app)
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    await first.locator("#name").fill("b")
    try:
        await expect(second.locator("#name")).to_have_value("b")
        await expect(second.locator("#out")).to_have_text("")
    finally:
        release.set()
    for page in (first, second):
        await expect(page.locator("#out")).to_have_text("done b")


async def test_what_a_person_types_is_not_overwritten(serve: Serving, browser: Tabs):
    """Others' changes and one's own echoes leave focus, caret and the letters of who types alone."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="name", value="", debounce=False), html.Div(id="out"), html.Div(id="clock")])
    seen = []

    @app.callback_shared(Output("out", "children"), Input("name", "value"))
    def out(name):
        seen.append(name)
        return f"<{name}>"

    url = await serve(app)
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    await expect(second.locator("#out")).to_have_text("<>")
    await expect(first.locator("#out")).to_have_text("<>")
    field = first.locator("#name")
    await field.focus()
    text = "the quick brown fox jumps"
    for number, letter in enumerate(text):
        await first.keyboard.type(letter)
        app.push_mods({"clock": {"children": str(number)}})
    await expect(field).to_have_value(text)
    for page in (first, second):
        await expect(page.locator("#out")).to_have_text(f"<{text}>")
        await expect(page.locator("#clock")).to_have_text(str(len(text) - 1))
    assert seen[1:] == [text[: n + 1] for n in range(len(text))], "each letter is one call, in order"

    await first.evaluate("document.getElementById('name').setSelectionRange(4, 4)")
    await first.keyboard.type("very ")
    await expect(second.locator("#name")).to_have_value("the very quick brown fox jumps")
    await expect(field).to_be_focused()
    assert await first.evaluate("document.getElementById('name').selectionStart") == 9
    await expect(first.locator("#out")).to_have_text("<the very quick brown fox jumps>")


async def test_two_people_type_at_once_and_the_tabs_agree(serve: Serving, browser: Tabs):
    """After two tabs changed the same prop at the same time, both show what the app has."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="name", value=""), html.Div(id="out")])

    @app.callback_shared(Output("out", "children"), Input("name", "value"), State("out", "children"))
    def out(name, before):
        return f"{name}"

    url = await serve(app)
    pages = await asyncio.gather(browser.open(url), browser.open(url), browser.open(url))
    for page in pages:
        await page.locator("#name").wait_for()

    async def type_in(page: Page, text: str) -> None:
        await page.locator("#name").press_sequentially(text)

    await asyncio.gather(*(type_in(page, text * 15) for page, text in zip(pages, "abc", strict=True)))

    async def shown(page: Page) -> tuple[str, str | None]:
        return await page.locator("#name").input_value(), await page.locator("#out").text_content()

    async def settled() -> bool:
        states = [await shown(page) for page in pages]
        with parts_of(app).runtime.lock:
            value = parts_of(app).runtime.dispatcher.value(("name", "value")).plain
        return states == [(value, value)] * 3

    await eventually(settled)


async def test_clients_and_their_table(serve: Serving, browser: Tabs):
    """Each tab is a client with its fields, counted when it comes and no longer when it has left."""
    app = Dash(__name__)
    app.layout = html.Div([html.Div(id="hello"), html.Button("who", id="who"), html.Div(id="me")])
    story = []

    @app.callback_connect
    def plain(client, connect):
        client.nick = client.id[:3]
        story.append(("plain", client.id, connect, len(app.clients)))
        return {"hello": {"children": f"hello {client.id}"}} if connect else None

    @app.callback_connect
    async def coroutine(client, connect):
        story.append(("coroutine", client.id, connect, len(app.clients)))

    @app.callback(Output("me", "children"), Input("who", "n_clicks"), prevent_initial_call=True)
    def me(n_clicks):
        client = callback_context.client
        return f"{client.nick} of {len(app.clients)}"

    url = await serve(app)
    first = await browser.open(url)
    await expect(first.locator("#hello")).to_contain_text("hello")
    second = await browser.open(url, context=first.context)
    await expect(second.locator("#hello")).to_contain_text("hello")
    one, two = app.clients
    assert await first.locator("#hello").text_content() == f"hello {one.id}"
    assert await second.locator("#hello").text_content() == f"hello {two.id}"
    assert one.connect_time < two.connect_time
    assert (one.address, one.origin, one.authentication, one.username) == ("127.0.0.1", url.rstrip("/"), None, None)
    assert url == f"http://{one.host}/"

    await second.locator("#who").click()
    await expect(second.locator("#me")).to_have_text(f"{two.nick} of 2")
    await second.close()
    await eventually(lambda: len(story) == 6, 1.5)
    assert app.clients == [one]
    for name in ("plain", "coroutine"):
        told = [entry[1:] for entry in story if entry[0] == name]
        assert told == [(one.id, True, 1), (two.id, True, 2), (two.id, False, 1)]
