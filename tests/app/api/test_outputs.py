"""Output None and alternate outputs of both kinds, and what they bring in."""

import functools

import pytest

from dash_devices_nb import Dash, Input, Output, dcc, html
from tests.support.eventually import eventually


def app_of(*components) -> Dash:
    """An app with these components."""
    app = Dash(__name__)
    app.layout = html.Div([*components, html.Div(id="mark")])
    return app


async def all_arrived(app, *tabs) -> None:
    """Wait until every tab has all that was sent before."""
    app.push_mods({"mark": {"title": "now"}})
    for each in tabs:
        await each.expect("mark", "title", "now")
        await each.settled()


async def test_a_regular_callback_without_output_acts_once_where_the_person_acted(tab):
    """Two hundred open pages must not act two hundred times on a device."""
    app = app_of(dcc.Input(id="a"), html.Div(id="b"))
    calls = []
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: a)

    @app.callback(None, Input("a", "value"))
    def on_input(a):
        calls.append(("input", a))

    @app.callback(None, Input("b", "children"))
    def on_output(b):
        calls.append(("output", b))

    tabs = [await tab(app) for _ in range(3)]
    assert calls == []
    await tabs[0].act("a", "value", 1)
    await tabs[2].expect("b", "children", 1)
    await all_arrived(app, *tabs)
    assert calls == [("input", 1)]
    app.push_mods({"a": {"value": 2}})
    await all_arrived(app, *tabs)
    assert calls == [("input", 1)]


async def test_a_shared_callback_without_output_is_called_once_by_a_change_or_a_push(tab):
    """Never by itself: not at the start, not for a page, not when its components come in."""
    app = app_of(dcc.Input(id="a"), html.Div(id="out"))
    calls = []
    app.callback_shared(None, Input("a", "value"))(lambda a: calls.append(("a", a)))
    app.callback_shared(None, Input("late", "n_clicks"))(lambda n: calls.append(("late", n)))
    anne, ben = await tab(app), await tab(app)
    app.push_mods({"out": {"children": html.Button(id="late")}})
    await ben.expect("late", "n_clicks", None)
    assert calls == []
    await anne.act("a", "value", 1)
    await eventually(lambda: calls)
    app.push_mods({"a": {"value": 2}})
    await ben.act("late", "n_clicks", 1)
    await eventually(lambda: len(calls) == 3)
    assert calls == [("a", 1), ("a", 2), ("late", 1)]


async def test_an_alternate_output_of_a_regular_callback_goes_to_its_client(tab):
    """One, or several; instead of the normal result or where there is none."""
    app = app_of(dcc.Input(id="a"), html.Div(id="b"), html.Div(id="c"))

    @app.callback(Output("b", "children"), Input("a", "value"), prevent_initial_call=True)
    def alternate(a):
        return Output("c", "children", a) if a < 5 else [Output("c", "children", a), Output("c", "title", "high")]

    anne, ben = await tab(app), await tab(app)
    await anne.act("a", "value", 1)
    await anne.expect("c", "children", 1)
    await anne.act("a", "value", 9)
    await anne.expect("c", "title", "high")
    await all_arrived(app, anne, ben)
    assert (anne.prop("b", "children"), anne.prop("c", "children")) == (None, 9)
    assert (ben.prop("b", "children"), ben.prop("c", "children")) == (None, None)


async def test_an_alternate_output_of_a_callback_without_output_goes_to_its_client(tab):
    """A regular callback with output None may set anything."""
    app = app_of(dcc.Input(id="a"), html.Div(id="c"))
    app.callback(None, Input("a", "value"))(lambda a: Output("c", "children", a))
    anne, ben = await tab(app), await tab(app)
    await anne.act("a", "value", 1)
    await anne.expect("c", "children", 1)
    await all_arrived(app, anne, ben)
    assert ben.prop("c", "children") is None


async def test_an_alternate_output_of_a_shared_callback_goes_to_all(tab):
    """And to those who come later."""
    app = app_of(dcc.Input(id="a"), html.Div(id="b"), html.Div(id="c"))

    @app.callback_shared(Output("b", "children"), Input("a", "value"), prevent_initial_call=True)
    def alternate(a):
        return (Output("c", "children", a),)

    anne, ben = await tab(app), await tab(app)
    await anne.act("a", "value", 1)
    for each in (anne, ben, await tab(app)):
        await each.expect("c", "children", 1)
        assert each.prop("b", "children") is None


@pytest.mark.parametrize("way", ["alternate", "push"])
async def test_components_that_are_brought_in_get_their_first_calls(tab, way):
    """Of both kinds of callbacks, and only once for the shared one."""
    app = app_of(dcc.Input(id="a"), html.Div(id="out"))
    calls = []

    @app.callback_shared(None, Input("a", "value"))
    def bring(a):
        made = [dcc.Input(id="new", value=a), html.Div(id="shown"), html.Div(id="own")]
        if way == "alternate":
            return Output("out", "children", made)
        app.push_mods({"out": {"children": made}})
        return None

    @app.callback_shared(Output("shown", "children"), Input("new", "value"))
    def shared(value):
        calls.append(value)
        return f"shared {value}"

    @app.callback(Output("own", "children"), Input("new", "value"))
    def own(value):
        return f"own {value}"

    anne, ben = await tab(app), await tab(app)
    await anne.act("a", "value", 1)
    for each in (anne, ben, await tab(app)):
        await each.expect("shown", "children", "shared 1")
        await each.expect("own", "children", "own 1")
    assert calls == [1]


async def test_an_alternate_output_of_a_regular_callback_can_change_a_shared_prop(tab):
    """It counts as a change by the page that asked: everybody sees it, and the shared callbacks hear it once."""
    app = app_of(dcc.Input(id="a"), dcc.Input(id="field"), html.Div(id="shared"), html.Div(id="b"))
    calls = []

    @app.callback_shared(Output("shared", "children"), Input("field", "value"))
    def heard(value):
        calls.append(value)
        return f"shared {value}"

    @app.callback(Output("b", "children"), Input("a", "value"), prevent_initial_call=True)
    def alternate(value):
        return Output("field", "value", f"set by {value}")

    anne, ben = await tab(app), await tab(app)
    await anne.act("a", "value", "anne")
    await ben.expect("shared", "children", "shared set by anne")
    await anne.expect("field", "value", "set by anne")
    assert ben.prop("field", "value") == "set by anne"
    assert calls == [None, "set by anne"]


async def test_a_partial_a_method_and_an_object_are_callbacks_by_name(tab):
    """A partial is called as its function, an object as its class; all three may return alternate outputs."""
    app = app_of(dcc.Input(id="a", value="x"), html.Div(id="p"), html.Div(id="m"), html.Div(id="o"))

    def greet(word, a):
        return Output("p", "title", f"{word} {a}")

    class Meter:
        def read(self, a):
            return Output("m", "title", f"read {a}")

        def __call__(self, a):
            return Output("o", "title", f"called {a}")

    app.callback(Output("p", "children"), Input("a", "value"))(functools.partial(greet, "Hello"))
    app.callback(Output("m", "children"), Input("a", "value"))(Meter().read)
    app.callback(Output("o", "children"), Input("a", "value"))(Meter())
    app.callback_shared(Output("o", "lang"), Input("m", "lang"))(functools.partial(lambda word, m: m, "unused"))
    assert [each.name for each in app.callbacks] == ["greet", "read", "Meter", "<lambda>"]
    page = await tab(app)
    await page.expect("p", "title", "Hello x")
    await page.expect("m", "title", "read x")
    await page.expect("o", "title", "called x")
    assert page.notices == []
