"""Components that an answer or a push brings into a page get their initial callbacks, of every kind."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.exceptions import PreventUpdate
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

OUTPUTS = ("regular", "client", "shared")


def panel(name: str):
    fields = [dcc.Input(id="field", value=name), dcc.Input(id="own"), html.Div(id="own-out")]
    return html.Div([*fields, *(html.Div(id=output) for output in OUTPUTS), html.Button("bang", id="bang")])


def program() -> tuple[Dash, dict[str, int]]:
    """An app whose callbacks hang on components that are not in its layout."""
    app = Dash(__name__, suppress_callback_exceptions=True)
    names = ("alternate", "shared-alternate", "several")
    buttons = [html.Button(name, id=f"go-{name}") for name in names]
    app.layout = html.Div([*buttons, html.Div(id="place"), html.Div(id="note"), html.Div(id="shared-out")])
    calls = {"regular": 0, "shared": 0, "none": 0}

    @app.callback(Output("regular", "children"), Input("field", "value"))
    def regular(value):
        calls["regular"] += 1
        return f"regular {value}"

    @app.callback(Output("own-out", "children"), Input("own", "value"))
    def own(value):
        return f"own {value}"

    app.clientside_callback("v => 'client ' + v", Output("client", "children"), Input("field", "value"))

    @app.callback_shared(Output("shared", "children"), Input("field", "value"))
    def shared(value):
        calls["shared"] += 1
        return f"shared {value}"

    @app.callback(None, Input("bang", "n_clicks"))
    def none(n_clicks):
        calls["none"] += 1

    @app.callback(Output("note", "children"), Input("go-alternate", "n_clicks"), prevent_initial_call=True)
    def alternate(n_clicks):
        if n_clicks > 1:
            return f"normal {n_clicks}"
        return Output("place", "children", panel("alternate"))

    @app.callback_shared(Output("shared-out", "children"), Input("go-shared-alternate", "n_clicks"))
    def shared_alternate(n_clicks):
        if not n_clicks:
            raise PreventUpdate
        return Output("place", "children", panel("shared")), Output("note", "children", "two at once")

    @app.callback([Output("note", "title"), Output("note", "className")], Input("go-several", "n_clicks"))
    def several(n_clicks):
        if not n_clicks:
            return "title", "class"
        return [Output(name, "value", "set") for name in ("own", "field")] + [Output("note", "children", "alternate")]

    return app, calls


@pytest.mark.parametrize("by", ["alternate", "shared-alternate", "push"])
async def test_initial_calls_of_new_components(by: str, serve: Serving, browser: Tabs):
    """Regular, clientside and shared callbacks of components that come are called; those without output are not."""
    app, calls = program()
    url = await serve(app)
    first, second = await asyncio.gather(browser.open(url), browser.open(url))
    for page in (first, second):
        await expect(page.locator("#note")).to_have_class("class")
    assert calls == {"regular": 0, "shared": 0, "none": 0}
    if by == "push":
        app.push_mods({"place": {"children": panel("pushed")}})
    else:
        await first.locator(f"#go-{by}").click()
    value = {"alternate": "alternate", "shared-alternate": "shared", "push": "pushed"}[by]
    there = [first] if by == "alternate" else [first, second]
    for page in there:
        await expect(page.locator("#regular")).to_have_text(f"regular {value}")
        await expect(page.locator("#client")).to_have_text(f"client {value}")
        await expect(page.locator("#shared")).to_have_text(f"shared {value}")
    assert calls == {"regular": len(there), "shared": 1, "none": 0}
    if by == "alternate":
        await expect(second.locator("#place")).to_be_empty()
        await first.locator("#go-alternate").click()
        await expect(first.locator("#note")).to_have_text("normal 2")
        await first.locator("#go-several").click()
        await expect(first.locator("#note")).to_have_text("alternate")
        await expect(first.locator("#own")).to_have_value("set")
        await expect(first.locator("#own-out")).to_have_text("own set")
        await expect(first.locator("#regular")).to_have_text("regular set")
        await expect(first.locator("#shared")).to_have_text("shared set")
        await expect(second.locator("#note")).to_be_empty()
    if by == "shared-alternate":
        await expect(second.locator("#note")).to_have_text("two at once")
    await there[-1].locator("#bang").click()
    await expect(there[-1].locator("#field")).to_have_value("set" if by == "alternate" else value)
    await there[-1].locator("#field").fill("typed")
    for page in there:
        await expect(page.locator("#regular")).to_have_text("regular typed")
        await expect(page.locator("#client")).to_have_text("client typed")
        await expect(page.locator("#shared")).to_have_text("shared typed")
    assert calls["none"] == 1


async def test_what_is_pushed_while_a_component_comes_is_not_lost(serve: Serving, browser: Tabs):
    """Between the answer that brings it and the moment in which the page has it: a value, and a point of a plot."""
    app = Dash(__name__, suppress_callback_exceptions=True)
    app.layout = html.Div([html.Button("show", id="show"), html.Div(id="place")])
    app.push_mods({"later": {"children": "before"}, "graph": {"figure": {"data": [{"x": [1], "y": [1]}]}}})

    @app.callback(Output("place", "children"), Input("show", "n_clicks"), prevent_initial_call=True)
    def show(n_clicks):
        return [html.Div("own", id="later"), dcc.Graph(id="graph", figure={"data": []})]

    deliver = parts_of(app).regular.speculation.finish

    def late(call, answer):
        app.push_mods({"later": {"children": "meanwhile"}})
        app.stream("graph", [2], [2])
        deliver(call, answer)

    parts_of(app).regular.speculation.finish = late
    page = await browser.open(await serve(app))
    await page.locator("#show").click()
    await expect(page.locator("#later")).to_have_text("meanwhile")
    shown = "() => Array.from(document.querySelector('#graph .js-plotly-plot')?.data?.[0]?.y || [])"
    await eventually(lambda: _is(page, shown, [1, 2]))
    app.stream("graph", [3], [3])
    app.push_mods({"later": {"children": "after"}})
    await expect(page.locator("#later")).to_have_text("after")
    await eventually(lambda: _is(page, shown, [1, 2, 3]))


async def _is(page, what, expected):
    return await page.evaluate(what) == expected
