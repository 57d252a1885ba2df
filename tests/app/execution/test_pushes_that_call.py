"""Regular callbacks without output, and the pushes that call them: once for each page and push, whatever its role."""

from __future__ import annotations

import json
import threading
import time

import pytest

from dash_devices_nb import Dash, Input, Output, callback_context, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from tests.support.eventually import eventually


@pytest.fixture
def called() -> list[tuple[str, object]]:
    """What callbacks were called, and with what."""
    return []


def app_of(called: list[tuple[str, object]]) -> Dash:
    """A mark that programs push, whose callback renders each page's view."""
    app = Dash(__name__)
    app.layout = html.Div(
        [html.Div("start", id="mark"), html.Div(id="view"), dcc.Input(id="box", value=""), html.Button(id="go")]
    )

    @app.callback(None, [Input("mark", "children")])
    def render(mark):
        called.append(("render", mark))
        return Output("view", "children", f"view of {mark}")

    @app.callback(None, [Input("go", "n_clicks")])
    def go(n):
        called.append(("go", n))
        app.push_mods({"mark": {"children": f"go {n}"}}, callback_context.client)

    return app


async def test_a_push_to_all_calls_in_each_page(tab, called):
    """Of a prop that no shared callback uses; an alternate output brings each page its own view."""
    app = app_of(called)
    anne, ben = await tab(app), await tab(app)
    thread = threading.Thread(target=app.push_mods, args=({"mark": {"children": "news"}},))
    thread.start()
    for each in (anne, ben):
        await each.expect("view", "children", "view of news")
    thread.join()
    assert called == [("render", "news")] * 2


async def test_a_push_of_what_is_there_calls_nothing(tab, called):
    """It is shown, and that is all."""
    app = app_of(called)
    anne = await tab(app)
    app.push_mods({"mark": {"children": "start"}})
    app.push_mods({"mark": {"children": "news"}})
    await anne.expect("view", "children", "view of news")
    assert called == [("render", "news")]


async def test_a_push_to_one_page_calls_there(tab, called):
    """And nowhere else."""
    app = app_of(called)
    anne, ben = await tab(app), await tab(app)
    await anne.act("go", "n_clicks", 1)
    await anne.expect("view", "children", "view of go 1")
    app.push_mods({"box": {"value": "after"}})
    await ben.expect("box", "value", "after")
    assert ben.prop("view", "children") is None
    assert called == [("go", 1), ("render", "go 1")]


async def test_what_a_connect_hook_returns_calls_in_that_page(tab, called):
    """A program fills each page's view so."""
    app = app_of(called)
    app.callback_connect(lambda client, connect: {"mark": {"children": "hello"}} if connect else None)
    anne = await tab(app)
    await anne.expect("view", "children", "view of hello")
    assert called == [("render", "hello")]


async def test_what_was_only_pushed_stays_a_pages_own(tab, called):
    """Who types there changes nobody else's; who comes later gets what was pushed."""
    app = app_of(called)
    anne, ben = await tab(app), await tab(app)
    app.push_mods({"box": {"value": "reset"}})
    await anne.expect("box", "value", "reset")
    await anne.act("box", "value", "mine")
    app.push_mods({"mark": {"children": "after"}})
    await ben.expect("view", "children", "view of after")
    assert ben.prop("box", "value") == "reset"
    cem = await tab(app)
    assert cem.prop("box", "value") == "reset"


async def test_what_was_only_pushed_stays_a_pages_own_where_hooks_greet(tab, called):
    """A page that connect hooks have seen, or that has logged in, shares no more than others."""
    app = app_of(called)

    @app.callback_connect
    def greet(client, connect):
        client.authentication = 0 if len(app.clients) > 1 else 1

    app.push_mods({"box": {"value": "reset"}, "mark": {"children": "before"}})
    anne, ben = await tab(app), await tab(app)
    [out] = [client for client in app.clients if not client.authentication]
    out.authentication = 1
    await ben.expect("box", "value", "reset")
    for each in (anne, ben):
        await each.act("box", "value", "mine")
    app.push_mods({"mark": {"children": "after"}})
    for each in (anne, ben):
        await each.expect("view", "children", "view of after")
        assert not each.notices


async def test_pages_that_answer_each_other_end_equal(tab, called):
    """A push that has come back to its own lineage is shown, and calls nothing."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Input(id="length", value=400), dcc.Input(id="size", value=4000)])

    @app.callback(None, [Input("length", "value"), Input("size", "value")])
    def convert(length, size):
        [changed] = [each["prop_id"] for each in callback_context.triggered]
        called.append((changed, (length, size)))
        if changed == "length.value":
            app.push_mods({"size": {"value": length * 10}})
        else:
            app.push_mods({"length": {"value": size / 10}})

    anne, ben = await tab(app), await tab(app)
    await anne.act("length", "value", 100)
    for each in (anne, ben):
        await each.expect("size", "value", 1000)
        await each.expect("length", "value", 100)
    await eventually(lambda: len(called) == 3)
    assert sorted(name for name, _ in called) == ["length.value", "size.value", "size.value"]


async def test_a_viewer_gets_its_view(tab, called):
    """The program has called it, and nobody needs a role for that."""
    app = app_of(called)
    anne = await tab(app)
    app.clients[0].role = "view"
    app.push_mods({"mark": {"children": "news"}})
    await anne.expect("view", "children", "view of news")
    assert anne.notices == []


async def test_a_page_is_granted_one_call_for_each_push(tab, called):
    """Not the same again, not of another revision, not of another callback; a viewer says no value of its own."""
    app = app_of(called)
    anne = await tab(app)
    app.clients[0].role = "view"
    app.push_mods({"mark": {"children": "news"}})
    await anne.expect("view", "children", "view of news")
    revision = parts_of(app).runtime.dispatcher.state.revision
    session = anne.session

    render, go = (each["output"] for each in parts_of(app).stock.declared())
    answered = []
    asked = [
        (render, revision, "pushed"),
        (render, revision + 1, "pushed"),
        (render, 1, "own"),
        (go, revision, "pushed"),
    ]
    for output, number, how in asked:
        item = {"id": "mark", "property": "children", "value": "forged"}
        body = {"output": output, "inputs": [item], "changedPropIds": ["mark.children"]}
        cause = ["mark", "children", number]
        session.request(body, lambda status, _: answered.append(status), {"c": cause, "w": how})
    await session.proceed()
    await eventually(lambda: len(answered) == len(asked))
    assert answered == [204] * len(asked)
    assert called == [("render", "news")]


async def test_a_push_is_missed_by_nobody_however_fast_they_come(tab, called):
    """What a page asks for is called, also when the program has pushed again meanwhile."""
    app = app_of(called)
    anne = await tab(app)
    for number in range(50):
        app.push_mods({"mark": {"children": number}})
        time.sleep(0.002)
    await anne.expect("view", "children", "view of 49")
    assert json.dumps(called[-1]) == '["render", 49]'


async def test_what_the_last_push_calls_shows_last(tab):
    """The calls of one page and callback run one after the other: a slow one does not overwrite a later one."""
    app, release, ran = Dash(__name__), threading.Event(), []
    app.layout = html.Div([html.Div(id="mark"), html.Div(id="view")])

    @app.callback(None, Input("mark", "children"))
    def render(mark):
        ran.append(mark)
        assert mark != "slow" or release.wait(20)
        return Output("view", "children", f"view of {mark}")

    anne = await tab(app)
    app.push_mods({"mark": {"children": "slow"}})
    await eventually(lambda: ran == ["slow"])
    app.push_mods({"mark": {"children": "later"}})
    await anne.expect("mark", "children", "later")
    release.set()
    await eventually(lambda: ran == ["slow", "later"])
    await anne.expect("view", "children", "view of later")
