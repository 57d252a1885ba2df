"""What the program is given, what the app keeps, and what somebody looks at share no object."""

from __future__ import annotations

import httpx
import pytest

from dash_devices_nb import ALL, Dash, Input, Output, State, callback_context, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.execution.call_record import Kept
from dash_devices_nb.core.journal.retention import HEAVY
from tests.support.eventually import eventually
from tests.support.rawpage import RawPage


@pytest.fixture
def app() -> Dash:
    """A store, and boxes."""
    app = Dash(__name__)
    app.layout = html.Div(
        [dcc.Store(id="log", data=[1]), dcc.Input(id="a"), dcc.Input(id={"n": 1}, value=0)]
        + [html.Div(id=i) for i in "bcde"]
    )
    return app


async def test_what_a_shared_callback_does_to_its_context_changes_no_state(app, tab):
    """Neither the values nor the ids that it finds there: the next call finds them as they are."""
    found: list[str] = []

    @app.callback_shared(
        Output("b", "children"), Input("log", "data"), Input({"n": ALL}, "value"), prevent_initial_call=True
    )
    def counts(log, values):
        first, second = callback_context.inputs_list
        found.append(f"{first['value']} {[item['id'] for item in second]}")
        first["value"].append("changed")
        second[0]["id"]["n"] = "changed"
        return len(log) + sum(values)

    page = await tab(app)
    await page.act("log", "data", [1, 2])
    await page.expect("b", "children", 2)
    await page.act({"n": 1}, "value", 5)
    await page.expect("b", "children", 7)
    assert found == ["[1, 2] [{'n': 1}]"] * 2
    late = await tab(app)
    assert late.prop("log", "data") == [1, 2]


async def test_who_looks_at_a_call_changes_nothing(app, tab):
    """Its inputs, its state and its result are the looker's own."""

    @app.callback_shared(Output("b", "children"), Input("a", "value"), State("log", "data"), prevent_initial_call=True)
    def shows(a, log):
        return [a, len(log)]

    page = await tab(app)
    await page.act("a", "value", ["x"])
    await page.expect("b", "children", [["x"], 1])
    await eventually(lambda: app.journal.calls("shows"))
    (call,) = app.journal.calls("shows")
    call.inputs["a.value"].append("y")
    call.state["log.data"].append("y")
    call.result.append("y")
    assert (call.inputs, call.state, call.result) == ({"a.value": ["x"]}, {"log.data": [1]}, [["x"], 1])
    late = await tab(app)
    assert (late.prop("a", "value"), late.prop("b", "children")) == (["x"], [["x"], 1])


async def test_a_chain_is_foreseen_from_what_came(app, tab):
    """Not from what the first callback has made of its arguments; and what the second does to its own is not told."""

    @app.callback(Output("c", "children"), Input("a", "value"), State("log", "data"), prevent_initial_call=True)
    def first(a, log):
        log.append(object())
        return a

    @app.callback(Output("d", "children"), Input("c", "children"), State("log", "data"), chain=True)
    def second(c, log):
        log.append(object())
        return f"{c} {len(log)}"

    await tab(app)
    async with RawPage(app.url) as page:
        body = {
            "output": "c.children",
            "outputs": {"id": "c", "property": "children"},
            "inputs": [{"id": "a", "property": "value", "value": "x"}],
            "state": [{"id": "log", "property": "data", "value": [1]}],
            "changedPropIds": ["a.value"],
        }
        await page.send(t="req", n=1, path="_dash-update-component", body=body)
        await page.got(lambda: page.kinds("res"))
    (answer,) = page.kinds("res")
    (foreseen,) = answer["ch"]
    assert foreseen["k"] == [[["c", "children", "x"], ["log", "data", [1]]], ["c.children"]]
    assert foreseen["b"]["response"] == {"d": {"children": "x 2"}}


async def test_a_link_that_cannot_be_started_keeps_no_answer_back(app, tab, monkeypatch):
    """The page asks for it itself."""
    app.callback(Output("c", "children"), Input("a", "value"), prevent_initial_call=True)(lambda a: a)
    app.callback(Output("d", "children"), Input("c", "children"), chain=True, prevent_initial_call=True)(lambda c: c)
    page = await tab(app)

    def broken(call):
        raise ValueError("no links today")

    monkeypatch.setattr(parts_of(app).regular.speculation, "_start", broken)
    await page.act("a", "value", "x")
    await page.expect("d", "children", "x")
    assert any("no links today" in str(error) for error in app.errors)


async def test_the_journal_counts_a_result_that_sets_nothing(app, tab):
    """One that is kept as JSON is as heavy as that."""

    @app.callback_shared(None, Input("a", "value"))
    def makes(a):
        return {"much": "x" * 100_000}

    page = await tab(app)
    await page.act("a", "value", "x")
    await eventually(lambda: app.journal.calls("makes"))
    assert app.journal.held > 100_000 > HEAVY


def test_a_result_that_nobody_can_describe_is_kept_all_the_same():
    """Its type is told, and what its repr raises."""

    class Mute:
        def __repr__(self) -> str:
            raise ValueError("no words")

    assert Kept(Mute(), None).fresh() == "<a Mute, whose repr raises ValueError>"


async def test_what_is_posted_is_kept_once(app, tab):
    """The body of the request is what the journal counts; Quart's own of it goes with the call. It can be replayed."""

    @app.callback(Output("c", "children"), Input("a", "value"), prevent_initial_call=True)
    def shows(a):
        return f"{len(a)} {callback_context.cookies.get('by')}"

    await tab(app)
    body = {
        "output": "c.children",
        "outputs": {"id": "c", "property": "children"},
        "inputs": [{"id": "a", "property": "value", "value": "x" * 100_000}],
        "changedPropIds": ["a.value"],
    }
    async with httpx.AsyncClient(cookies={"by": "me"}) as http:
        answer = await http.post(app.url + "_dash-update-component", json=body)
    assert answer.json()["response"]["c"]["children"] == "100000 me"
    (call,) = app.journal.calls("shows")
    assert app.journal.held > 100_000
    assert await call.call.request.get_data() == b""
    assert call.inputs == {"a.value": "x" * 100_000}
    assert call.replay() == "100000 me"
