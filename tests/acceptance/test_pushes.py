"""What programs push, as the pages show it."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import plotly.graph_objects as go
from playwright.async_api import Page, expect

from dash_devices_nb import ALL, Dash, Input, Output, Patch, dcc, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)
POINTS = "() => (document.querySelector('#graph .js-plotly-plot')?._fullData?.[0]?.y || []).length"


async def points(page: Page) -> int:
    return await page.evaluate(POINTS)


async def test_values_of_all_kinds(serve: Serving, browser: Tabs):
    """Text, several props, components, figures, numpy, Patch, bytes and dict ids show in every page, now and later."""
    app = Dash(__name__)
    app.layout = html.Div(
        [
            html.Div(id="text"),
            html.Div(id="tree"),
            dcc.Graph(id="graph"),
            html.Img(id="image"),
            dcc.Dropdown([], id="options"),
            html.Div(id={"kind": "cell", "n": 1}),
            html.Div([html.P("a")], id="list"),
            html.Div("styled", id="styled", style={"color": "red", "fontSize": "20px"}),
        ]
    )
    app.push_mods({"text": {"children": "before run", "title": "pushed"}})
    url = await serve(app)
    app.push_mods({"styled": {"className": "nobody there"}})
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    for page in (first, second):
        await expect(page.locator("#text")).to_have_text("before run")
        await expect(page.locator("#text")).to_have_attribute("title", "pushed")
        await expect(page.locator("#styled")).to_have_class("nobody there")

    more, style = Patch(), Patch()
    more.append(html.P("b"))
    more.prepend(html.P("0"))
    style["color"] = "rgb(0, 128, 0)"
    app.push_mods(
        [
            Output("text", "children", np.float64(1.5)),
            Output({"n": 1, "kind": "cell"}, "children", "by dict id"),
            {"tree": {"children": [html.B("bold"), html.I(["deep ", html.U("er", id="deep")])]}},
            {"graph": {"figure": go.Figure(go.Scatter(y=np.arange(5)))}, "image": {"src": PIXEL}},
            ({"options": {"options": ["a", "b"], "value": "b"}}, Output("list", "children", more)),
            Output("styled", "style", style),
        ]
    )
    app.push_mods({"deep": {"children": "est"}})
    late = await browser.open(url)
    for page in (first, second, late):
        await expect(page.locator("#text")).to_have_text("1.5")
        await expect(page.locator("#tree")).to_have_text("bolddeep est")
        await expect(page.locator("#options")).to_contain_text("b")
        await expect(page.locator("#list")).to_have_text("0ab")
        await expect(page.locator("#styled")).to_have_css("color", "rgb(0, 128, 0)")
        await expect(page.locator("#styled")).to_have_css("font-size", "20px")
        await expect(page.get_by_text("by dict id")).to_be_visible()
        await eventually(lambda p=page: p.evaluate("document.getElementById('image').naturalWidth === 1"))
        await eventually(lambda p=page: points(p))
        assert await points(page) == 5


async def test_every_extend_data_is_applied(serve: Serving, browser: Tabs):
    """Twenty pushes of extendData in a row are twenty points in each page, and in one that comes later."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Graph(id="graph", figure={"data": [{"x": [], "y": []}]}), html.Div(id="count")])
    url = await serve(app)
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    for page in (first, second):
        await page.locator("#graph .js-plotly-plot .main-svg").first.wait_for()

    def push() -> None:
        for n in range(20):
            app.push_mods({"graph": {"extendData": [{"x": [[n]], "y": [[n * n]]}, [0]]}, "count": {"children": n}})

    thread = threading.Thread(target=push)
    thread.start()
    late = await browser.open(url)
    await asyncio.to_thread(thread.join)
    for page in (first, second, late):
        await expect(page.locator("#count")).to_have_text("19")
        await eventually(lambda p=page: points(p), 5)
        await eventually(lambda p=page: _all_points(p), 5)
        xs = await page.evaluate("Array.from(document.querySelector('#graph .js-plotly-plot').data[0].x)")
        assert xs == list(range(20))


async def _all_points(page: Page) -> bool:
    return await points(page) == 20


async def test_events_and_patches_on_top_of_each_other(serve: Serving, browser: Tabs):
    """A figure, patches and extendData pushed one after the other end alike in an open page and for a late joiner."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Graph(id="graph", figure={"data": [{"x": [0], "y": [0]}]})])
    url = await serve(app)
    first = await browser.open(url)
    await first.locator("#graph .js-plotly-plot .main-svg").first.wait_for()
    title = Patch()
    title["layout"]["title"] = {"text": "patched"}
    app.push_mods({"graph": {"extendData": [{"x": [[1, 2]], "y": [[1, 4]]}, [0], 2]}})
    app.push_mods({"graph": {"figure": title}})
    app.push_mods({"graph": {"extendData": [{"x": [[3]], "y": [[9]]}, [0]]}})
    late = await browser.open(url)
    for page in (first, late):
        await expect(page.locator("#graph")).to_contain_text("patched")
        await eventually(
            lambda p=page: p.evaluate(
                "Array.from(document.querySelector('#graph .js-plotly-plot')?.data?.[0]?.y || []).join() === '1,4,9'"
            )
        )


async def test_pushes_from_everywhere(serve: Serving, browser: Tabs):
    """A thread, a timer, a route, a callback of either kind and a connect hook may push, to all or to one client."""
    app = Dash(__name__)
    names = ["thread", "timer", "route", "regular", "coroutine", "shared", "connect", "chain"]
    buttons = [html.Button(name, id=f"go-{name}") for name in ("regular", "coroutine", "shared")]
    app.layout = html.Div([*buttons, *(html.Div(id=name) for name in names), html.Div(id="one")])

    @app.callback(None, Input("go-regular", "n_clicks"))
    def regular(n_clicks):
        app.push_mods({"regular": {"children": f"regular {n_clicks}"}})

    @app.callback(None, Input("go-coroutine", "n_clicks"))
    async def coroutine(n_clicks):
        await app.push_mods_coro({"coroutine": {"children": f"coroutine {n_clicks}"}})
        app.push_mods({"one": {"children": "waited: " + chain_values[-1]}})

    @app.callback_shared(None, Input("go-shared", "n_clicks"))
    def shared(n_clicks):
        ended.clear()
        before = len(chain_values)
        app.push_mods({"shared": {"children": f"shared {n_clicks}"}})
        app.push_mods({"one": {"children": f"waited for {len(chain_values) - before}"}})
        ended.set()

    chain_values, ended = [""], threading.Event()
    ended.set()

    @app.callback_shared(
        Output("chain", "children"),
        [Input(name, "children") for name in ("thread", "timer", "route", "regular", "coroutine", "shared")],
    )
    def chain(*values):
        assert ended.wait(5), "a push in a shared callback waits for no other"
        chain_values.append(",".join(str(value) for value in values))
        return chain_values[-1]

    @app.callback_connect
    def connected(client, connect):
        if connect:
            app.push_mods({"connect": {"children": f"for {client.id} alone"}}, client)

    @app.server.route("/push")
    async def push():
        app.push_mods({"route": {"children": "route"}})
        return "pushed"

    url = await serve(app)
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    for page in (first, second):
        await expect(page.locator("#connect")).to_contain_text("alone")
    ids = {await page.locator("#connect").text_content() for page in (first, second)}
    assert ids == {f"for {client.id} alone" for client in app.clients}

    await asyncio.to_thread(app.push_mods, {"thread": {"children": "thread"}})
    assert chain_values[-1].startswith("thread,"), "a push from a thread returns when the callbacks have run"
    threading.Timer(0.01, app.push_mods, [{"timer": {"children": "timer"}}]).start()
    await first.request.get(f"{url}push")
    await first.locator("#go-regular").click()
    await second.locator("#go-coroutine").click()
    await expect(first.locator("#one")).to_have_text("waited: thread,timer,route,regular 1,coroutine 1,None")
    await first.locator("#go-shared").click()
    for page in (first, second):
        await expect(page.locator("#chain")).to_have_text("thread,timer,route,regular 1,coroutine 1,shared 1")
        await expect(page.locator("#one")).to_have_text("waited for 0")


async def test_a_push_waits_for_its_component(serve: Serving, browser: Tabs):
    """What is pushed to a component that is not there shows when a callback or a push brings the component."""
    app = Dash(__name__)
    app.layout = html.Div([html.Button("go", id="go"), html.Div(id="place"), html.Div(id="other"), html.Div(id="sum")])

    @app.callback(Output("place", "children"), Input("go", "n_clicks"), prevent_initial_call=True)
    def place(n_clicks):
        return [html.Div("as made", id="later"), html.Div(id={"kind": "n", "n": 1}, children="1")]

    @app.callback_shared(Output("sum", "children"), Input({"kind": "n", "n": ALL}, "children"))
    def total(values):
        return f"sum {sum(map(int, values))}"

    url = await serve(app)
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    app.push_mods({"later": {"children": "as pushed"}, "last": {"title": "kept"}})
    await first.locator("#go").click()
    await expect(first.locator("#later")).to_have_text("as pushed")
    await expect(second.locator("#later")).to_have_count(0)
    app.push_mods({"other": {"children": html.Div("last", id="last")}})
    for page in (first, second):
        await expect(page.locator("#last")).to_have_attribute("title", "kept")
        await expect(page.locator("#sum")).to_have_text("sum 1")
    cells = [html.Div(n, id={"kind": "n", "n": n}) for n in (2, 3)]
    app.push_mods({"other": {"children": cells}})
    for page in (first, second):
        await expect(page.locator("#sum")).to_have_text("sum 6")
    app.push_mods({"other": {"children": "none"}})
    for page in (first, second):
        await expect(page.locator("#sum")).to_have_text("sum 1")
