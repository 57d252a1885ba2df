"""How callbacks may be declared: as the original's programs do it, as stock Dash does, and what is refused."""

import dash
import pytest

from dash_devices_nb import Dash, Input, Output, Services, State, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.errors import DeclarationError, RunError
from tests.support.eventually import eventually


def make_app(**options) -> Dash:
    """A field and what shows it."""
    app = Dash(__name__, suppress_callback_exceptions=True, **options)
    app.layout = html.Div([dcc.Input(id="a", value="1"), dcc.Input(id="s", value="s"), html.Div("-", id="b")])
    app.calls = []
    return app


@pytest.mark.parametrize("state", [[State("s", "value")], None])
@pytest.mark.parametrize("decorator", ["callback", "callback_shared"])
async def test_the_originals_fourth_argument_may_be_none(tab, decorator, state):
    """`service=None` in its place; kritter and Vizy write it so."""
    app = make_app()
    more = (None,) if decorator == "callback" else ()
    getattr(app, decorator)(None, [Input("a", "value")], state, *more)(lambda *args: app.calls.append(args))
    page = await tab(app)
    await page.act("a", "value", "2")
    await eventually(lambda: app.calls == [("2", "s") if state else ("2",)])


async def test_a_service_in_the_fourth_place_counts(tab):
    """As in the original."""
    app = make_app()
    app.callback(Output("b", "children"), [Input("a", "value")], None, Services.SHARED)(lambda a: f"<{a}>")
    page = await tab(app)
    await page.expect("b", "children", "<1>")


async def test_the_apps_prevention_holds_for_shared_callbacks(tab):
    """A callback that says otherwise is called."""
    app = make_app(prevent_initial_callbacks=True)
    app.callback_shared(Output("b", "children"), Input("a", "value"))(lambda a: app.calls.append(a) or a)
    app.callback_shared(Output("b", "title"), Input("a", "value"), prevent_initial_call=False)(lambda a: f"<{a}>")
    page = await tab(app)
    await page.expect("b", "title", "<1>")
    assert app.calls == []
    await page.act("a", "value", "2")
    await page.expect("b", "children", "2")


async def test_an_optional_input_need_not_be_there(tab):
    """None stands for its value, at the start too; one that is not optional is waited for."""
    app = make_app()
    nowhere = Input("nowhere", "value", allow_optional=True)
    app.callback_shared(Output("b", "children"), [Input("a", "value"), nowhere])(lambda a, n: f"{a} {n}")
    app.callback_shared(Output("b", "title"), [Input("a", "value"), Input("nowhere", "value")])(lambda a, n: "called")
    page = await tab(app)
    await page.expect("b", "children", "1 None")
    assert page.prop("b", "title") is None


@pytest.mark.parametrize(
    "keyword",
    [{"background": True}, {"running": []}, {"progress": []}, {"prevent_inital_call": True}, {"optional": True}],
)
def test_a_keyword_that_a_shared_callback_cannot_follow_is_refused(keyword):
    """With those that it takes; nothing is swallowed."""
    app = make_app()
    with pytest.raises(DeclarationError, match=rf"does not take {next(iter(keyword))}; it takes output, inputs"):
        app.callback_shared(Output("b", "children"), Input("a", "value"), **keyword)
    with pytest.raises(DeclarationError, match="chain= is for regular"):
        app.callback(Output("b", "children"), Input("a", "value"), service=Services.SHARED, chain=True)


def test_keywords_of_old_dash_are_taken_with_a_note(capsys):
    """They do nothing; others are refused."""
    app = make_app()
    app.enable_dev_tools(debug=False, dev_tools_client_reload=True)
    assert capsys.readouterr().out == "enable_dev_tools(): dev_tools_client_reload does nothing here.\n"
    with pytest.raises(TypeError, match="dev_tools_misspelt"):
        app.enable_dev_tools(dev_tools_misspelt=True)
    parts_of(app).runner._dev_tools_for_run(None, {"use_debugger": True, "use_reloader": False, "log_level": "info"})
    assert capsys.readouterr().out == "run(): use_debugger, use_reloader, log_level do nothing here.\n"
    with pytest.raises(RunError, match="does not take misspelt"):
        app.run(misspelt=1)


@pytest.mark.parametrize(
    ("place", "args"),
    [
        (2, (Output("b", "children"), None, Input("a", "value"))),
        (3, (Output("b", "children"), Input("a", "value"), None, State("s", "value"))),
        (5, (Output("b", "children"), Input("a", "value"), State("s", "value"), State("b", "title"), None)),
    ],
)
def test_a_none_that_stands_for_nothing_is_refused(place, args):
    """It was dropped; what was meant to be there was missed only when the callback was called."""
    app = make_app()
    said = f"a callback got None as argument {place} of {len(args)}; None stands for the output"
    for decorator in (app.callback, app.callback_shared):
        with pytest.raises(DeclarationError, match=said):
            decorator(*args)(lambda *values: None)


async def test_callbacks_without_output_on_the_same_input_are_all_called(tab):
    """Stock Dash gives them one name and calls the newest for each; here each is called, also when one has gone."""
    app = make_app()
    for number in range(3):
        app.callback(None, Input("a", "value"))(lambda a, n=number: app.calls.append((n, a)))
    page = await tab(app)
    await page.act("a", "value", "2")
    await eventually(lambda: sorted(app.calls) == [(0, "2"), (1, "2"), (2, "2")])


def test_a_service_in_the_fourth_place_of_a_shared_callback():
    """It counts as it does for `callback`; a keyword counts more."""
    app = Dash("services")
    arguments = Output("a", "children"), [Input("b", "value")], []

    @app.callback_shared(*arguments, Services.SHARED_MOST_RECENT)
    def newest(value):
        return value

    (callback,) = parts_of(app).shared.callbacks.values()
    assert callback.spec.service == Services.SHARED_MOST_RECENT


async def test_our_class_in_the_place_of_dashs(monkeypatch, tab):
    """A program that is not ours makes its app by `dash.Dash`: who runs it may put our class there."""
    monkeypatch.setattr(dash, "Dash", Dash)
    app = dash.Dash(__name__)
    app.layout = html.Div([dcc.Input(id="in"), html.P(id="out"), html.P(id="there")])
    app.clientside_callback("text => text", Output("there", "children"), Input("in", "value"))

    @app.callback(Output("out", "children"), Input("in", "value"), prevent_initial_call=True)
    def shout(text):
        return text.upper()

    page = await tab(app)
    await page.act("in", "value", "hello")
    await page.expect("out", "children", "HELLO")
    assert app.enable_dev_tools(debug=False) is False
