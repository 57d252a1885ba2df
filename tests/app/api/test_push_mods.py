"""`push_mods` from everywhere, of everything, to one or all, and never a deadlock."""

import asyncio
import threading

import numpy as np
import pytest
from dash import Patch
from plotly import graph_objects

from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.errors import InvalidModsError, InvalidValueError, PatchError, UnknownPropError
from tests.support.eventually import eventually

WITHIN = 5.0


def app_of(*components) -> Dash:
    """An app with these components."""
    app = Dash(__name__)
    app.layout = html.Div(list(components))
    return app


def boxes(names: str) -> list:
    """Inputs."""
    return [dcc.Input(id=name) for name in names]


async def in_thread(function, *args):
    """Call in a thread, with a deadline: a deadlock fails the test."""
    return await asyncio.wait_for(asyncio.to_thread(function, *args), WITHIN)


# ---- forms


@pytest.mark.parametrize(
    "mods",
    [
        {"a": {"value": 1, "placeholder": "p"}, "b": {"value": 2}},
        [Output("a", "value", 1), Output("a", "placeholder", "p"), Output("b", "value", 2)],
        (Output("a", "value", 1), {"a": {"placeholder": "p"}, "b": {"value": 2}}),
    ],
)
async def test_a_dict_outputs_and_lists_of_them_are_taken(tab, mods):
    """All forms set the same props in all tabs."""
    app = app_of(*boxes("ab"))
    anne, ben = await tab(app), await tab(app)
    app.push_mods(mods)
    for each in (anne, ben):
        await each.expect("b", "value", 2)
        assert (each.prop("a", "value"), each.prop("a", "placeholder")) == (1, "p")


async def test_one_output_and_a_dict_id_are_taken(tab):
    """Whatever the order of the keys."""
    app = app_of(dcc.Input(id={"kind": "x", "n": 1}))
    anne = await tab(app)
    app.push_mods(Output({"n": 1, "kind": "x"}, "value", 5))
    await anne.expect({"kind": "x", "n": 1}, "value", 5)


async def test_values_are_whatever_dash_shows(tab):
    """Components, figures, numpy and bytes, for those who are there and those who come."""
    app = app_of(html.Div(id="out"), dcc.Graph(id="graph"), html.Img(id="image"), *boxes("a"))
    anne = await tab(app)
    app.push_mods(
        {
            "out": {"children": [html.B("bold", id="inner"), "text"]},
            "graph": {"figure": graph_objects.Figure(data=[{"y": np.arange(3)}])},
            "image": {"src": b"GIF89a"},
            "a": {"value": np.float64(0.5)},
        }
    )
    for each in (anne, await tab(app)):
        await each.expect("inner", "children", "bold")
        assert each.prop("image", "src") == "data:image/gif;base64,R0lGODlh"
        assert each.prop("a", "value") == 0.5
        assert each.prop("graph", "figure")["data"][0]["type"] == "scatter" or each.prop("graph", "figure")["data"]


async def test_a_patch_and_every_extension_of_a_graph_are_applied(tab):
    """Those who come later see the same."""
    app = app_of(dcc.Graph(id="graph", figure={"data": [{"y": [0]}], "layout": {}}))
    anne = await tab(app)
    for number in range(1, 6):
        app.push_mods({"graph": {"extendData": [{"y": [[number]]}, [0], 4]}})
    patch = Patch()
    patch["layout"]["title"] = "patched"
    app.push_mods({"graph": {"figure": patch}})
    for each in (anne, await tab(app)):
        await each.expect("graph", "figure", {"data": [{"y": [2, 3, 4, 5]}], "layout": {"title": "patched"}})
    assert len(anne.history("graph", "extendData")) == 5


async def test_a_push_to_one_client_is_its_own(tab):
    """Nobody else sees it, now or later; nor does it call a shared callback."""
    app = app_of(*boxes("ab"))
    calls = []
    app.callback_shared(None, Input("a", "value"))(lambda a: calls.append(a))
    anne, ben = await tab(app), await tab(app)
    [client] = [client for client in app.clients if client.id == ben.client_id]
    app.push_mods({"a": {"value": 1}}, client)
    await ben.expect("a", "value", 1)
    app.push_mods({"b": {"value": 2}}, client=app.clients)
    await anne.expect("b", "value", 2)
    carl = await tab(app)
    assert (anne.prop("a", "value"), carl.prop("a", "value"), carl.prop("b", "value")) == (None, None, None)
    assert calls == []


async def test_a_push_to_all_calls_both_kinds_of_callbacks(tab):
    """The shared one once, the regular one in each page."""
    app = app_of(*boxes("a"), html.Div(id="b"), html.Div(id="c"))
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: f"shared {a}")
    app.callback(Output("c", "children"), Input("a", "value"))(lambda a: f"own {a}")
    anne, ben = await tab(app), await tab(app)
    app.push_mods({"a": {"value": 3}})
    for each in (anne, ben):
        await each.expect("b", "children", "shared 3")
        await each.expect("c", "children", "own 3")
        assert each.asked == ["c.children", "c.children"]


# ---- from everywhere


async def test_before_the_app_runs_and_with_nobody_there(tab):
    """The values are kept for those who come."""
    app = app_of(*boxes("ab"), html.Div(id="out"))
    app.callback_shared(Output("out", "children"), Input("a", "value"))(lambda a: f"got {a}")
    app.push_mods({"a": {"value": "before"}})
    anne = await tab(app)
    await anne.expect("out", "children", "got before")
    await anne.close()
    await eventually(lambda: app.clients == [])
    await in_thread(app.push_mods, {"a": {"value": "nobody"}})
    ben = await tab(app)
    assert (ben.prop("a", "value"), ben.prop("out", "children")) == ("nobody", "got nobody")


async def test_a_component_that_is_not_there_gets_its_value_when_it_comes(tab):
    """In whatever way it comes."""
    app = app_of(html.Div(id="out"))
    app.push_mods({"late": {"value": 7}})
    anne = await tab(app)
    assert "late" not in anne.ids
    app.push_mods({"out": {"children": dcc.Input(id="late", value=0)}})
    await anne.expect("late", "value", 7)


async def test_a_push_from_a_thread_waits_for_the_callbacks_that_hang_on_it(tab):
    """The whole chain; and the order of the pushes of one thread is kept."""
    app = app_of(*boxes("abc"))
    seen = []

    @app.callback_shared(Output("b", "value"), Input("a", "value"), prevent_initial_call=True)
    def plain(a):
        return a + 1

    @app.callback_shared(Output("c", "value"), Input("b", "value"), prevent_initial_call=True)
    async def coroutine(b):
        await asyncio.sleep(0)
        seen.append(b)
        return b + 1

    anne = await tab(app)

    def push():
        for number in range(10):
            app.push_mods({"a": {"value": number}})
            assert seen[-1] == number + 1

    await in_thread(push)
    await anne.expect("c", "value", 11)
    assert anne.history("a", "value") == list(range(10))


async def test_from_a_timer_and_from_many_threads_at_once(tab):
    """All tabs end with the same values."""
    app = app_of(*boxes("ab"), html.Div(id="out"))
    app.callback_shared(Output("out", "children"), Input("a", "value"))(lambda a: a)
    anne, ben = await tab(app), await tab(app)

    def push(number):
        for step in range(20):
            app.push_mods({"a": {"value": [number, step]}})

    threads = [threading.Thread(target=push, args=(number,)) for number in range(4)]
    timer = threading.Timer(0.001, app.push_mods, ({"b": {"value": "timer"}},))
    for thread in [*threads, timer]:
        thread.start()
    await asyncio.gather(*(in_thread(thread.join) for thread in [*threads, timer]))
    last = parts_of(app).runtime.dispatcher.value(("a", "value")).plain
    for each in (anne, ben):
        await each.expect("a", "value", last)
        await each.expect("out", "children", last)
        await each.expect("b", "value", "timer")
    assert anne.history("a", "value") == ben.history("a", "value")


@pytest.mark.parametrize("coroutine", [False, True])
async def test_a_push_from_a_regular_callback_waits(tab, coroutine):
    """A plain one waits for what its push calls, a coroutine awaits; both may push to their own input's chain."""
    app = app_of(*boxes("abc"), html.Div(id="out"))
    app.callback_shared(Output("c", "value"), Input("b", "value"), prevent_initial_call=True)(lambda b: f"c{b}")
    declare = app.callback

    if coroutine:

        @declare(Output("out", "children"), Input("a", "value"), prevent_initial_call=True)
        async def push(a):
            await app.push_mods_coro({"b": {"value": a}})
            return parts_of(app).runtime.dispatcher.value(("c", "value")).plain
    else:

        @declare(Output("out", "children"), Input("a", "value"), prevent_initial_call=True)
        def push(a):
            app.push_mods({"b": {"value": a}})
            return parts_of(app).runtime.dispatcher.value(("c", "value")).plain

    anne, ben = await tab(app), await tab(app)
    await anne.act("a", "value", 1)
    await anne.expect("out", "children", "c1", within=WITHIN)
    await ben.expect("c", "value", "c1")


@pytest.mark.parametrize("coroutine", [False, True])
async def test_a_push_from_a_shared_callback_waits_for_nothing(tab, coroutine):
    """What it calls may wait for it in turn."""
    app = app_of(*boxes("abc"), html.Div(id="out"))
    returned = threading.Event()
    app.callback_shared(Output("c", "value"), Input("b", "value"), prevent_initial_call=True)(
        lambda b: f"{b}, {returned.wait(WITHIN)}"
    )
    if coroutine:

        @app.callback_shared(Output("out", "children"), Input("a", "value"), prevent_initial_call=True)
        async def push(a):
            await app.push_mods_coro({"b": {"value": a}})
            returned.set()
            return "pushed"
    else:

        @app.callback_shared(Output("out", "children"), Input("a", "value"), prevent_initial_call=True)
        def push(a):
            app.push_mods({"b": {"value": a}})
            returned.set()
            return "pushed"

    anne = await tab(app)
    await anne.act("a", "value", 1)
    await anne.expect("out", "children", "pushed", within=WITHIN)
    await anne.expect("c", "value", "1, True", within=WITHIN)


async def test_what_a_regular_callback_pushes_acts_when_it_has_returned(tab):
    """Two pushes of one callback, and the device hears of the first only then; or a quarter of a second later."""
    app = app_of(*boxes("ab"), html.Button(id="go"), html.Button(id="slow"), html.Div(id="out"), html.Div(id="late"))
    model = {"a": 1, "b": 1}
    heard = threading.Event()

    @app.callback_shared(None, [Input("a", "value"), Input("b", "value")])
    def device(a, b):
        model.update(a=a, b=b)
        heard.set()

    @app.callback(Output("out", "children"), Input("go", "n_clicks"), prevent_initial_call=True)
    def refresh(_):
        model.update(a=11, b=21)
        app.push_mods({"a": {"value": model["a"]}})
        app.push_mods({"b": {"value": model["b"]}})
        return "done"

    @app.callback(Output("late", "children"), Input("slow", "n_clicks"), prevent_initial_call=True)
    def sleeps(_):
        heard.clear()
        app.push_mods({"a": {"value": 5}})
        return str(heard.wait(WITHIN))

    anne, ben = await tab(app), await tab(app)
    await anne.act("go", "n_clicks", 1)
    await anne.expect("out", "children", "done")
    for each in (anne, ben):
        await each.expect("b", "value", 21)
    await eventually(lambda: model == {"a": 11, "b": 21})
    await anne.act("slow", "n_clicks", 1)
    await anne.expect("late", "children", "True", within=WITHIN)


async def test_a_callback_that_pushes_to_what_waits_for_itself_goes_on(tab):
    """Its own serial queue, its own input, and another callback that shares its lock: none of them stands still."""
    app = app_of(*boxes("abc"), html.Div(id="out"))
    calls = []

    @app.callback_shared(Output("out", "children"), Input("a", "value"), prevent_initial_call=True, lock="device")
    def pushes(a):
        calls.append(a)
        if a < 3:
            app.push_mods({"a": {"value": a + 1}, "b": {"value": a}})
        return a

    @app.callback_shared(Output("c", "value"), Input("b", "value"), prevent_initial_call=True, lock="device")
    def locked(b):
        return b

    anne = await tab(app)
    await anne.act("a", "value", 1)
    await anne.expect("out", "children", 3, within=WITHIN)
    await anne.expect("c", "value", 2)
    assert calls == [1, 2, 3]


@pytest.mark.parametrize("coroutine", [False, True])
async def test_a_callback_that_pushes_its_own_input_is_called_for_what_changes(tab, coroutine):
    """One of many inputs sets another: the callback hears of that once, and not for ever."""
    app = app_of(*boxes("ab"), html.Div(id="out"))
    calls = []

    def mods(mode, number):
        calls.append((mode, number))
        return {"b": {"value": 1}, "out": {"children": len(calls)}} if mode == "auto" else {}

    if coroutine:

        @app.callback_shared(None, [Input("a", "value"), Input("b", "value")])
        async def configure(mode, number):
            await app.push_mods_coro(mods(mode, number))
    else:

        @app.callback_shared(None, [Input("a", "value"), Input("b", "value")])
        def configure(mode, number):
            app.push_mods(mods(mode, number))

    anne = await tab(app)
    await anne.act("b", "value", 3)
    await anne.act("a", "value", "auto")
    await anne.expect("out", "children", 3)
    await eventually(lambda: len(parts_of(app).runtime.dispatcher.queues) == 0)
    assert calls == [(None, 3), ("auto", 3), ("auto", 1)]
    await anne.expect("b", "value", 1)


async def test_two_callbacks_that_push_to_each_other_go_on(tab):
    """Each would wait for the other."""
    app = app_of(*boxes("abxy"))
    both = threading.Barrier(2)

    @app.callback_shared(None, Input("a", "value"))
    def one(a):
        if a == "go":
            both.wait(WITHIN)
            app.push_mods({"b": {"value": "from one"}, "x": {"value": 1}})

    @app.callback_shared(None, Input("b", "value"))
    def two(b):
        if b == "go":
            both.wait(WITHIN)
            app.push_mods({"a": {"value": "from two"}, "y": {"value": 1}})

    anne = await tab(app)
    await anne.act("a", "value", "go")
    await anne.act("b", "value", "go")
    await anne.expect("x", "value", 1, within=WITHIN)
    await anne.expect("y", "value", 1, within=WITHIN)
    await eventually(lambda: len(parts_of(app).runtime.dispatcher.queues) == 0)


async def test_a_synchronous_push_in_a_coroutine_does_not_wait(tab):
    """It would hold up the loop on which the callback runs that it would wait for."""
    app = app_of(*boxes("ab"), html.Div(id="out"))

    @app.callback_shared(Output("b", "value"), Input("a", "value"), prevent_initial_call=True)
    async def late(a):
        return a

    @app.callback(Output("out", "children"), Input("out", "title"), prevent_initial_call=True)
    async def push(title):
        app.push_mods({"a": {"value": title}})
        return "went on"

    anne = await tab(app)
    await anne.act("out", "title", 5)
    await anne.expect("out", "children", "went on", within=WITHIN)
    await anne.expect("b", "value", 5)


async def test_from_routes_of_the_users_own(tab):
    """A coroutine awaits, a plain view runs in a thread."""
    app = app_of(*boxes("ab"), html.Div(id="out"))
    app.callback_shared(Output("out", "children"), Input("a", "value"), prevent_initial_call=True)(lambda a: a)

    @app.server.route("/plain/<value>")
    def plain(value):
        app.push_mods({"a": {"value": value}})
        return "done"

    @app.server.route("/coroutine/<value>")
    async def coroutine(value):
        await app.push_mods_coro({"a": {"value": value}})
        app.push_mods({"b": {"value": value}})
        return "done"

    anne, ben = await tab(app), await tab(app)
    assert await anne.fetch("/plain/x") == (200, "done")
    await ben.expect("out", "children", "x")
    assert await anne.fetch("/coroutine/y") == (200, "done")
    await ben.expect("out", "children", "y")
    await ben.expect("b", "value", "y")


async def test_from_a_coroutine_of_another_loop(tab):
    """The test's own loop is not the app's: the push waits without blocking it."""
    app = app_of(*boxes("a"), html.Div(id="out"))
    app.callback_shared(Output("out", "children"), Input("a", "value"))(lambda a: a)
    anne = await tab(app)
    await asyncio.wait_for(app.push_mods_coro({"a": {"value": 4}}), WITHIN)
    assert parts_of(app).runtime.dispatcher.value(("out", "children")).plain == 4
    await anne.expect("out", "children", 4)


# ---- what cannot be pushed


@pytest.mark.parametrize(
    ("mods", "error", "message"),
    [
        (None, InvalidModsError, r"push_mods got None of type NoneType; it takes \{id: \{prop: value\}\}, an Output"),
        ("a", InvalidModsError, "push_mods got 'a' of type str"),
        ({"a": 1}, InvalidModsError, r"push_mods got \{'a': 1\}; the value of an id is a dict \{prop: value\}"),
        ({"a": {1: 2}}, InvalidModsError, "push_mods got the prop 1 of 'a'; a prop is a string"),
        ({5: {"value": 2}}, InvalidModsError, "push_mods got the id 5; an id is a string or a dict"),
        (Output("a", "value"), InvalidModsError, "without a value; give it as the third argument"),
        ([{"a": {"value": 1}}, 3], InvalidModsError, "push_mods got 3 of type int"),
        ({"a": {"value": object()}}, InvalidValueError, r"a\.value is a object that is not JSON"),
        ({"a": {"value": 2**70}}, InvalidValueError, "which is not JSON"),
        ({"b": {"value": 1}, "a": {"valu": 1}}, UnknownPropError, "'a' is a Input, which has no prop 'valu'; it has"),
    ],
)
async def test_what_cannot_be_pushed_changes_nothing(tab, mods, error, message):
    """The message says what is wrong and what is taken."""
    app = app_of(*boxes("ab"))
    anne = await tab(app)
    before = parts_of(app).runtime.dispatcher.state.revision
    with pytest.raises(error, match=message):
        app.push_mods(mods)
    assert parts_of(app).runtime.dispatcher.state.revision == before
    app.push_mods({"a": {"value": "fine"}})
    await anne.expect("a", "value", "fine")
    assert anne.prop("b", "value") is None


async def test_a_prop_that_is_not_there_is_pushed_where_the_program_wants_no_such_errors(tab, caplog):
    """With `suppress_callback_exceptions` the rest of the push arrives, and the log tells it once."""
    app = Dash(__name__, suppress_callback_exceptions=True)
    app.layout = html.Div([html.Div(id="label"), dcc.Input(id="corr")])
    anne = await tab(app)
    for size in (4096, 8192):
        app.push_mods({"label": {"value": "channel_power"}, "corr": {"value": size}})
        await anne.expect("corr", "value", size)
    told = [each.getMessage() for each in caplog.records if "has no prop 'value'" in each.getMessage()]
    assert len(told) == 1
    assert told[0].startswith("'label' is a Div, which has no prop 'value'")
    ben = await tab(app)
    assert ben.prop("corr", "value") == 8192


async def test_a_patch_that_does_not_fit_changes_nothing(tab):
    """Nothing of what came with it either; the message says where."""
    app = app_of(*boxes("ab"))
    anne = await tab(app)
    app.push_mods({"a": {"value": {"x": 1}}})
    patch = Patch()
    patch["x"]["y"] += 1
    with pytest.raises(PatchError, match=r"Patch Add at \['x', 'y'\] does not fit the value there"):
        app.push_mods({"b": {"value": 1}, "a": {"value": patch}})
    app.push_mods({"a": {"value": "fine"}})
    await anne.expect("a", "value", "fine")
    assert anne.prop("b", "value") is None


def test_somebody_who_is_no_client_is_refused():
    """The message says where clients are."""
    with pytest.raises(InvalidModsError, match=r"got the client 'anne'; it takes one of app\.clients, or None"):
        app_of(*boxes("a")).push_mods({"a": {"value": 1}}, "anne")
