"""A page that lives for days: nothing accumulates in it, and a Patch does in it what Dash's own does."""

from __future__ import annotations

import json

import dash
from dash._utils import to_json
from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, dcc, html
from tests.support.browser import Tabs
from tests.support.serving import Serving

VALUE = {"a": {"c": 1}, "list": [3, {"k": [1]}, 3, {"k": [1]}, 4], "n": 4}
QUEUES = """() => {
    const {callbacks} = dash_stores[0].getState();
    const queues = Object.entries(callbacks).filter(([name, queue]) => Array.isArray(queue) && queue.length);
    return queues.map(([name, queue]) => `${name}: ${queue.length}`);
}"""


async def test_pushes_leave_nothing_behind(serve: Serving, browser: Tabs):
    """After 500 pushes, heard and unheard, with components and events, all of the renderer's queues are empty."""
    app = Dash(__name__)
    graph = dcc.Graph(id="graph", figure={"data": [{"y": [0]}]})
    app.layout = html.Div([*(html.Div(id=name) for name in ("heard", "silent", "tree", "own", "client")), graph])

    @app.callback(Output("own", "children"), Input("heard", "children"))
    def own(heard):
        return f"own {heard}"

    app.clientside_callback("heard => 'client ' + heard", Output("client", "children"), Input("heard", "children"))
    url = await serve(app)
    page = await browser.open(url)
    await expect(page.locator("#own")).to_have_text("own None")
    for number in range(125):
        app.push_mods({"silent": {"children": number}})
        app.push_mods({"heard": {"children": number}})
        app.push_mods({"tree": {"children": html.B(number, id=f"b{number % 3}")}})
        app.push_mods({"graph": {"extendData": [{"y": [[number]]}, [0], 10]}})
    for name, text in (("silent", "124"), ("own", "own 124"), ("client", "client 124"), ("tree", "124")):
        await expect(page.locator(f"#{name}")).to_have_text(text, timeout=20_000)
    await page.wait_for_function(f"({QUEUES})().length === 0")
    assert await page.evaluate(QUEUES) == []
    sizes = await page.evaluate(
        "[dashDevices.bridge._pending?.size || 0, dashDevices.bridge._requests?.size || 0,"
        " dashDevices.bridge._unacknowledged?.length || 0, dashDevices.bridge._early?.length || 0]"
    )
    assert sizes == [0, 0, 0, 0]


def _patches():
    def patch(change):
        made = dash.Patch()
        change(made)
        return made

    def several(p):
        p["a"]["b"] = 1
        p["list"].append({"x": 1})
        p["list"].extend([7, 8])
        p["list"].insert(1, "in")
        p["list"].prepend("first")
        p["list"].reverse()

    def numbers(p):
        p["n"] += 2
        p["n"] *= 3
        p["n"] -= 1
        p["n"] /= 2

    def gone(p):
        del p["a"]["c"]
        del p["list"][0]
        p["list"].remove(3)
        p["list"].remove({"k": [1]})

    def deep(p):
        p["made"]["on"]["the"] = "way"
        p["a"].update({"c": 5, "d": 6})
        p["list"][-1] = "last"
        p["list"].insert(-1, "before last")

    def clears(p):
        p["list"].clear()
        p["a"].clear()

    return {change.__name__: patch(change) for change in (several, numbers, gone, deep, clears)}


async def test_a_patch_does_what_dash_does(serve: Serving, browser: Tabs):
    """Each operation, in a page that was pushed it, in one that came later, and by Dash's own `set_props`."""
    app = Dash(__name__)
    patches = _patches()
    stores = [dcc.Store(id=f"{kind}-{name}", data=VALUE) for kind in ("pushed", "dash") for name in patches]
    app.layout = html.Div([*stores, html.Div(id="ready")])
    url = await serve(app)
    page = await browser.open(url)
    await page.wait_for_function("window.dashDevices?.bridge?.renderer?.hydrated")
    for name, patch in patches.items():
        app.push_mods({f"pushed-{name}": {"data": patch}})
        await page.evaluate(f"patch => dash_clientside.set_props('dash-{name}', {{data: patch}})", _plain(patch))
    app.push_mods({"ready": {"children": "ready"}})
    late = await browser.open(url)
    for each in (page, late):
        await expect(each.locator("#ready")).to_have_text("ready")
    for name in patches:
        read = "id => dashDevices.bridge.renderer.props(id).data"
        expected = await page.evaluate(read, f"dash-{name}")
        assert expected != VALUE
        assert await page.evaluate(read, f"pushed-{name}") == expected, name
        assert await late.evaluate(read, f"pushed-{name}") == expected, name


def _plain(patch):
    return json.loads(to_json(patch))
