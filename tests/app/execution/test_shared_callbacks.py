"""Shared callbacks with several tabs open: once for all, in order, and the change itself at once."""

import asyncio
import threading
import time

import pytest

from dash_devices_nb import ALL, MATCH, Dash, Input, Output, Services, State, callback_context, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.errors import CallbackCycleError, DeclarationError, DuplicateOutputError
from tests.support.eventually import eventually


def app_of(*components) -> Dash:
    """An app with these components."""
    app = Dash(__name__)
    app.layout = html.Div(list(components))
    return app


def boxes(names: str) -> list:
    """Inputs with their names as values."""
    return [dcc.Input(id=name, value=name) for name in names]


async def quiet(app, *tabs) -> None:
    """Wait until nothing runs, and all tabs have what was sent."""
    await eventually(lambda: len(parts_of(app).runtime.dispatcher.queues) == 0)
    mark = str(time.monotonic())
    app.push_mods({"mark": {"children": mark}})
    for each in tabs:
        if "mark" in each.ids:
            await each.expect("mark", "children", mark)


async def test_one_change_is_one_call_however_many_tabs_are_open(tab):
    """No echo from any page, and none from the pages' own callbacks on the same props."""
    app = app_of(*boxes("a"), html.Div(id="b"), html.Div(id="c"), html.Div(id="mark"))
    calls = []

    @app.callback_shared(Output("b", "children"), Input("a", "value"))
    def first(a):
        calls.append(("first", a, callback_context.client))
        return f"b{a}"

    @app.callback_shared(Output("c", "children"), Input("b", "children"))
    def second(b):
        calls.append(("second", b, callback_context.client))
        return f"c{b}"

    @app.callback(Output("mark", "title"), Input("b", "children"))
    def view(b):
        return b

    tabs = [await tab(app) for _ in range(3)]
    assert calls == [("first", "a", None), ("second", "ba", None)]
    calls.clear()
    await tabs[1].act("a", "value", "x")
    for each in tabs:
        await each.expect("c", "children", "cbx")
        await each.expect("mark", "title", "bx")
    await quiet(app, *tabs)
    [client] = [client for client in app.clients if client.id == tabs[1].client_id]
    assert calls == [("first", "x", client), ("second", "bx", None)]
    assert [each.asked.count("mark.title") for each in tabs] == [2, 2, 2]


async def test_called_once_at_the_start_in_dependency_order_and_not_per_page(tab):
    """Whatever the order of the declarations; not again for a late joiner."""
    app = app_of(*boxes("abc"))
    calls = []
    app.callback_shared(Output("c", "value"), Input("b", "value"))(lambda b: calls.append("c") or f"c{b}")
    app.callback_shared(Output("b", "value"), Input("a", "value"))(lambda a: calls.append("b") or f"b{a}")
    app.callback_shared(None, Input("a", "value"))(lambda a: calls.append("none"))
    for _ in range(3):
        anne = await tab(app)
        await anne.expect("c", "value", "cba")
    assert calls == ["b", "c"]


async def test_the_change_itself_is_there_before_a_slow_callback_has_finished(tab):
    """And the callback's output is there for all afterwards."""
    app = app_of(*boxes("a"), html.Div(id="b"))
    release = threading.Event()

    @app.callback_shared(Output("b", "children"), Input("a", "value"), prevent_initial_call=True)
    def slow(a):
        release.wait(10)
        return a

    anne, ben = await tab(app), await tab(app)
    await anne.act("a", "value", 1)
    await ben.expect("a", "value", 1)
    assert ben.prop("b", "children") is None
    release.set()
    await ben.expect("b", "children", 1)
    await anne.expect("b", "children", 1)


@pytest.mark.parametrize("coroutine", [False, True])
async def test_calls_are_serialized_and_in_order(tab, coroutine):
    """From two tabs, of a plain function in threads as of a coroutine."""
    app = app_of(*boxes("a"), html.Div(id="b"))
    calls, running = [], []

    def enter(a):
        running.append(a)
        calls.append((a, len(running)))

    if coroutine:

        @app.callback_shared(Output("b", "children"), Input("a", "value"), prevent_initial_call=True)
        async def steady(a):
            enter(a)
            for _ in range(3):
                await asyncio.sleep(0)
            running.remove(a)
            return a
    else:

        @app.callback_shared(Output("b", "children"), Input("a", "value"), prevent_initial_call=True)
        def steady(a):
            enter(a)
            threading.Event().wait(0.001)
            running.remove(a)
            return a

    anne, ben = await tab(app), await tab(app)
    for number in range(10):
        await (anne, ben)[number % 2].act("a", "value", number)
        await (ben, anne)[number % 2].expect("a", "value", number)
    await anne.expect("b", "children", 9)
    await ben.expect("b", "children", 9)
    assert calls == [(number, 1) for number in range(10)]


@pytest.mark.parametrize("lock", ["device", threading.Lock(), threading.RLock(), 7])
async def test_callbacks_with_one_lock_do_not_overlap(tab, lock):
    """A name or a lock of the program's own."""
    app = app_of(*boxes("ab"), html.Div(id="x"), html.Div(id="y"))
    running, most = [], []

    def device(value):
        running.append(value)
        most.append(len(running))
        threading.Event().wait(0.005)
        running.remove(value)
        return value

    app.callback_shared(Output("x", "children"), Input("a", "value"), lock=lock)(lambda a: device(f"x{a}"))
    app.callback_shared(Output("y", "children"), Input("b", "value"), lock=lock)(lambda b: device(f"y{b}"))
    anne = await tab(app)
    for number in range(5):
        await anne.act("a", "value", number)
        await anne.act("b", "value", number)
    await anne.expect("y", "children", "y4")
    await anne.expect("x", "children", "x4")
    assert set(most) == {1}


async def test_most_recent_skips_to_the_newest(tab):
    """While one call runs, of those that wait only the last is made."""
    app = app_of(*boxes("a"), html.Div(id="b"))
    calls, release = [], threading.Event()

    @app.callback(Output("b", "children"), Input("a", "value"), service=Services.SHARED_MOST_RECENT)
    def newest(a):
        calls.append(a)
        if a == 0:
            release.wait(10)
        return a

    anne = await tab(app)
    for number in range(6):
        await anne.act("a", "value", number)
    await anne.until(lambda: not anne.unacknowledged, 5, "")
    release.set()
    await anne.expect("b", "children", 5)
    assert calls == ["a", 0, 5]


async def test_dict_ids_work_in_shared_callbacks(tab):
    """MATCH and ALL, from any tab."""
    app = app_of(
        *(dcc.Input(id={"kind": "row", "n": n}, value=n) for n in range(3)),
        *(html.Div(id={"kind": "twice", "n": n}) for n in range(3)),
        html.Div(id="total"),
    )

    @app.callback_shared(Output({"kind": "twice", "n": MATCH}, "children"), Input({"kind": "row", "n": MATCH}, "value"))
    def twice(value):
        return 2 * value

    @app.callback_shared(Output("total", "children"), Input({"kind": "row", "n": ALL}, "value"))
    def total(values):
        return [sum(values), callback_context.triggered_id]

    anne, ben = await tab(app), await tab(app)
    await ben.expect("total", "children", [3, None])
    await anne.act({"kind": "row", "n": 1}, "value", 10)
    await ben.expect({"kind": "twice", "n": 1}, "children", 20)
    await ben.expect("total", "children", [12, {"kind": "row", "n": 1}])
    assert ben.prop({"kind": "twice", "n": 2}, "children") == 4


async def test_the_context_has_what_stock_dash_has(tab):
    """`triggered`, `inputs`, `states`, and the client in a chain's first link."""
    app = app_of(*boxes("ab"), html.Div(id="out"))
    seen = []

    @app.callback_shared(Output("out", "children"), Input("a", "value"), State("b", "value"))
    def look(a, b):
        context = callback_context
        seen.append((context.triggered, context.triggered_id, context.inputs, context.states, context.outputs_list))
        return a

    anne = await tab(app)
    await anne.act("a", "value", 1)
    await anne.expect("out", "children", 1)
    assert seen[1] == (
        [{"prop_id": "a.value", "value": 1}],
        "a",
        {"a.value": 1},
        {"b.value": "b"},
        {"id": "out", "property": "children"},
    )
    assert seen[0][1] is None


async def test_grouped_arguments_and_several_outputs_work(tab):
    """Dicts of inputs and outputs, as in stock Dash."""
    app = app_of(*boxes("ab"), html.Div(id="x"), html.Div(id="y"))

    @app.callback_shared(
        output={"one": Output("x", "children"), "two": Output("y", "children")},
        inputs={"first": Input("a", "value"), "second": Input("b", "value")},
    )
    def grouped(first, second):
        return {"one": first, "two": second}

    anne = await tab(app)
    await anne.act("b", "value", 2)
    await anne.expect("y", "children", 2)
    assert anne.prop("x", "children") == "a"


async def test_a_shared_callback_that_is_declared_while_the_app_runs_is_called_at_once(tab):
    """And its props are shared in the open tabs from then on."""
    app = app_of(*boxes("a"), html.Div(id="b"))
    anne, ben = await tab(app), await tab(app)
    await anne.act("a", "value", "private")
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: f"got {a}")
    await ben.expect("b", "children", "got a")
    await eventually(lambda: anne.shares("a", "value"))
    await anne.act("a", "value", "shared")
    await ben.expect("b", "children", "got shared")


def test_what_cannot_be_declared_is_refused_at_once():
    """A cycle, a double output, a callback without inputs, and locks of the wrong kind."""
    app = app_of(*boxes("abc"))
    app.callback_shared(Output("b", "value"), Input("a", "value"))(lambda a: a)
    with pytest.raises(CallbackCycleError, match=r"back\(b\.value\) -> <lambda>\(a\.value\)"):

        @app.callback_shared(Output("a", "value"), Input("b", "value"))
        def back(b):
            return b

    with pytest.raises(
        DuplicateOutputError, match=r"b\.value is already an output of <lambda>\(a\.value\) -> b\.value"
    ):
        app.callback_shared(Output("b", "value"), Input("c", "value"))(lambda c: c)
    with pytest.raises(DeclarationError, match=r"has no Input; it would never be called"):
        app.callback_shared(Output("c", "value"), State("a", "value"))(lambda a: a)
    with pytest.raises(DeclarationError, match=r"is an asyncio\.Lock, but <lambda> is a plain function"):
        app.callback_shared(Output("c", "value"), Input("a", "value"), lock=asyncio.Lock())(lambda a: a)
    with pytest.raises(DeclarationError, match=r"it takes a name \(string\), a threading\.Lock or RLock"):
        app.callback_shared(Output("c", "value"), Input("a", "value"), lock=[])(lambda a: a)
