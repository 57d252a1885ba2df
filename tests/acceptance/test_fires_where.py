"""In which pages a change calls which callbacks: everywhere, only where somebody acted, or nowhere."""

from __future__ import annotations

import asyncio
import collections

from playwright.async_api import Page, expect

from dash_devices_nb import Dash, Input, Output, callback_context, dcc, html, no_update
from dash_devices_nb.app.api.parts import parts_of
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

IDLE = """() => {
    const {callbacks, isLoading} = window.dash_stores[0].getState();
    const kinds = ['requested', 'prioritized', 'blocked', 'executing', 'watched', 'executed', 'stored'];
    return !isLoading && kinds.every(kind => callbacks[kind].length === 0);
}"""


async def three(browser: Tabs, url: str) -> list[Page]:
    return list(await asyncio.gather(*(browser.open(url) for _ in range(3))))


async def settled(app: Dash, pages: list[Page]) -> None:
    """Wait until nothing moves: the revision stands still and no page computes, for several looks in a row."""
    seen: list[int] = []

    async def still() -> bool:
        for page in pages:
            await page.wait_for_function(IDLE)
        with parts_of(app).runtime.lock:
            seen.append(parts_of(app).runtime.dispatcher.state.revision)
        return len(seen) >= 10 and len(set(seen[-10:])) == 1

    await eventually(still, 10)


async def test_one_click_in_three_tabs(serve: Serving, browser: Tabs):
    """A shared click and a push: who is called where, and how often."""
    app = Dash(__name__)
    names = ("shown", "view", "client", "chained")
    app.layout = html.Div(
        [
            html.Button("reboot", id="reboot"),
            html.Button("both", id="both"),
            dcc.Input(id="value", value="start"),
            *(html.Div(id=name) for name in names),
        ]
    )
    calls: collections.Counter[str] = collections.Counter()

    @app.callback(None, Input("reboot", "n_clicks"))
    def reboot(n_clicks):
        calls["reboot"] += 1

    @app.callback(None, Input("both", "n_clicks"))
    def both_none(n_clicks):
        calls["both, no output"] += 1

    @app.callback_shared(Output("shown", "children"), Input("both", "n_clicks"))
    def both_shared(n_clicks):
        calls["both, shared"] += 1
        return f"clicks {n_clicks}"

    @app.callback(None, Input("shown", "children"))
    def shown_none(shown):
        calls["shown, no output"] += 1

    @app.callback(Output("view", "children"), Input("shown", "children"), Input("value", "value"))
    def view(shown, value):
        calls["view"] += 1
        return f"{value}, {shown}, {callback_context.client in app.clients}"

    @app.callback(None, Input("view", "children"))
    def view_none(view):
        calls["view, no output"] += 1

    app.clientside_callback(
        "(shown, value) => { window.fired = (window.fired || 0) + 1; return 'client ' + shown + ' ' + value; }",
        Output("client", "children"),
        Input("shown", "children"),
        Input("value", "value"),
    )
    app.clientside_callback("c => c + '!'", Output("chained", "children"), Input("client", "children"))
    url = await serve(app)
    pages = await three(browser, url)
    for page in pages:
        await expect(page.locator("#view")).to_have_text("start, clicks None, True")
    await settled(app, pages)
    assert calls == {"both, shared": 1, "view": 3}, "without output nothing is called by itself"

    calls.clear()
    await pages[0].locator("#reboot").click()
    await pages[0].locator("#both").click()
    for page in pages:
        await expect(page.locator("#view")).to_have_text("start, clicks 1, True")
        await expect(page.locator("#chained")).to_have_text("client clicks 1 start!")
    await settled(app, pages)
    assert calls == {"reboot": 1, "both, shared": 1, "both, no output": 1, "view": 3}

    calls.clear()
    fired = [await page.evaluate("window.fired") for page in pages]
    app.push_mods({"value": {"value": "pushed"}})
    for page in pages:
        await expect(page.locator("#view")).to_have_text("pushed, clicks 1, True")
        await expect(page.locator("#chained")).to_have_text("client clicks 1 pushed!")
    await settled(app, pages)
    assert calls == {"view": 3, "view, no output": 3}, "a push calls what it leads to, in each page"
    assert [await page.evaluate("window.fired") for page in pages] == [n + 1 for n in fired]

    calls.clear()
    await pages[1].locator("#value").fill("typed")
    await expect(pages[1].locator("#view")).to_have_text("typed, clicks 1, True")
    await settled(app, pages)
    assert calls == {"view": 1, "view, no output": 1}, "what was only pushed is each page's own"


async def test_callbacks_that_answer_each_other_settle(serve: Serving, browser: Tabs):
    """Two shared fields that each page computes from each other end alike everywhere after few calls."""
    app = Dash(__name__)
    fields = [dcc.Input(id=name, type="number", value=0) for name in ("celsius", "fahrenheit")]
    app.layout = html.Div([*fields, html.Div(id="log")])
    calls: collections.Counter[str] = collections.Counter()

    @app.callback(
        Output("celsius", "value"),
        Output("fahrenheit", "value"),
        Input("celsius", "value"),
        Input("fahrenheit", "value"),
        prevent_initial_call=True,
    )
    def convert(celsius, fahrenheit):
        calls["convert"] += 1
        if callback_context.triggered_id == "celsius":
            return no_update, round(celsius * 1.8 + 32)
        return round((fahrenheit - 32) / 1.8), no_update

    @app.callback_shared(Output("log", "children"), Input("celsius", "value"), Input("fahrenheit", "value"))
    def log(celsius, fahrenheit):
        calls["log"] += 1
        return f"{celsius} {fahrenheit}"

    url = await serve(app)
    pages = await three(browser, url)
    for page in pages:
        await expect(page.locator("#log")).to_have_text("0 0")
    await settled(app, pages)
    calls.clear()
    await pages[0].locator("#celsius").fill("21")
    await asyncio.gather(pages[1].locator("#fahrenheit").fill("50"), pages[2].locator("#celsius").fill("30"))
    await settled(app, pages)

    async def alike() -> bool:
        with parts_of(app).runtime.lock:
            state = parts_of(app).runtime.dispatcher
            wanted = [state.value((name, "value")).plain for name in ("celsius", "fahrenheit")]
        shown = []
        for page in pages:
            shown.append(await page.locator("#log").text_content())
            shown.append(" ".join([await page.locator(f"#{name}").input_value() for name in ("celsius", "fahrenheit")]))
        return set(shown) == {f"{wanted[0]} {wanted[1]}"}

    await eventually(alike, 10)
    assert sum(calls.values()) < 60, calls


async def test_two_pages_configure_each_other(serve: Serving, browser: Tabs):
    """Callbacks in a ring through shared props, as in real programs' configuration pages, come to rest."""
    app = Dash(__name__)
    names = ("gain", "mode", "note")
    app.layout = html.Div([*(dcc.Input(id=name, value=name) for name in names), html.Div(id="out")])
    calls: collections.Counter[str] = collections.Counter()

    @app.callback_shared(Output("out", "children"), [Input(name, "value") for name in names])
    def out(*values):
        calls["out"] += 1
        return " ".join(values)

    @app.callback(Output("mode", "value"), Input("gain", "value"), prevent_initial_call=True)
    def mode(gain):
        calls["mode"] += 1
        return f"m{gain}"

    @app.callback(Output("note", "value"), Input("mode", "value"), prevent_initial_call=True)
    def note(mode):
        calls["note"] += 1
        return f"n{mode} by {callback_context.client.id}"

    url = await serve(app)
    pages = await three(browser, url)
    for page in pages:
        await expect(page.locator("#out")).to_have_text("gain mode note")
    await pages[0].locator("#gain").fill("g")
    await expect(pages[1].locator("#mode")).to_have_value("mg")
    await settled(app, pages)
    texts = {await page.locator("#out").text_content() for page in pages}
    assert len(texts) == 1
    assert texts.pop().startswith("g mg nmg by ")
    assert calls["mode"] <= 3
    assert calls["note"] <= 3
    assert calls["out"] <= 5


async def test_two_callbacks_that_answer_each_other_settle(serve: Serving, browser: Tabs):
    """A ring of two regular callbacks through shared props ends after one round, alike in all pages."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="p", value="0"), dcc.Input(id="q", value="0"), html.Div(id="out")])
    calls: collections.Counter[str] = collections.Counter()

    @app.callback_shared(Output("out", "children"), Input("p", "value"), Input("q", "value"))
    def out(p, q):
        return f"{p} {q}"

    @app.callback(Output("q", "value"), Input("p", "value"), prevent_initial_call=True)
    def ask(p):
        calls["ask"] += 1
        return f"q({p})"

    @app.callback(Output("p", "value"), Input("q", "value"), prevent_initial_call=True)
    def answer(q):
        calls["answer"] += 1
        return f"p({q})"

    url = await serve(app)
    pages = [await browser.open(url), await browser.open(url)]

    async def alike(p: str, q: str) -> None:
        await settled(app, pages)
        for page in pages:
            await expect(page.locator("#out")).to_have_text(f"{p} {q}")
            await expect(page.locator("#p")).to_have_value(p)
            await expect(page.locator("#q")).to_have_value(q)
        assert sum(calls.values()) <= 12, calls
        calls.clear()

    app.push_mods({"p": {"value": "pushed"}})
    await alike("pushed", "q(pushed)")
    await pages[0].locator("#q").fill("typed")
    await alike("p(typed)", "typed")
    await pages[1].locator("#p").fill("acted")
    await alike("acted", "q(acted)")
