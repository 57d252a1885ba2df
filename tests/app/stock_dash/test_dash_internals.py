"""What we assume of stock Dash, one test for each: a new Dash that changes it fails here first, by name."""

import asyncio
import inspect
import json
from types import SimpleNamespace

import dash
import pytest
from dash import dcc, html
from dash._callback_context import context_value
from dash._get_app import app_context
from dash._hooks import HooksManager
from dash._utils import to_json
from dash.backends._quart import QuartDashServer, QuartRequestAdapter
from dash.dependencies import Input, Output, State

from dash_devices_nb import Dash
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.stock_dash.dash_internals import props_of


@pytest.fixture
def app() -> dash.Dash:
    """A stock app on Quart with one callback."""
    app = dash.Dash(__name__, backend="quart")
    app.layout = html.Div([dcc.Input(id="in"), html.Div(id="out")])

    @app.callback(Output("out", "children"), Input("in", "value"), State("in", "type"), prevent_initial_call=True)
    def shown(value, kind):
        return f"{value} {kind} {dash.ctx.triggered_id}"

    return app


BODY = {
    "output": "out.children",
    "outputs": {"id": "out", "property": "children"},
    "inputs": [{"id": "in", "property": "value", "value": 5}],
    "state": [{"id": "in", "property": "type", "value": "text"}],
    "changedPropIds": ["in.value"],
}


def test_the_last_declared_callback_is_the_last_of_the_callback_list(app):
    """`callback` appends to `_callback_list` at once, and pages get its dicts as they are."""
    declared = app._callback_list[-1]
    assert declared["output"] == "out.children"
    assert declared["inputs"] == [{"id": "in", "property": "value"}]
    assert declared["state"] == [{"id": "in", "property": "type"}]
    assert (declared["prevent_initial_call"], declared["no_output"], declared["background"]) == (True, False, None)
    assert app.callback_map["out.children"]["callback"] is not None


def test_a_callback_without_output_is_known_by_a_hash(app):
    """It has no dot, and is marked `no_output`."""
    app.callback(Input("in", "value"))(lambda value: None)
    declared = app._callback_list[-1]
    assert declared["no_output"] is True
    assert "." not in declared["output"]
    assert declared["output"] in app.callback_map


def test_a_declaration_reaches_the_callback_map_when_the_function_is_decorated():
    """The dict in `_callback_list` is there before; it may be changed in between."""
    app = dash.Dash(__name__, backend="quart")
    decorate = app.callback(Output("out", "children"), Input("in", "value"))
    app._callback_list[-1]["prevent_initial_call"] = True
    decorate(lambda value: value)
    assert app._callback_list[-1]["prevent_initial_call"] is True
    assert callable(app.callback_map["out.children"]["callback"])


async def test_four_steps_run_one_regular_callback(app):
    """`_initialize_context`, `_prepare_callback`, `_inputs_to_vals`, `_execute_callback`; the answer is JSON text."""
    ours = Dash(__name__)
    ours.layout = app.layout
    ours.callback(Output("out", "children"), Input("in", "value"), State("in", "type"))(
        lambda value, kind: f"{value} {kind} {dash.ctx.triggered_id}"
    )
    async with ours.server.test_request_context("/"):
        function, context = parts_of(ours).stock.run_stock(BODY, client="somebody")
        answer = function()
    assert context.client == "somebody"
    assert json.loads(answer) == {"multi": True, "response": {"out": {"children": "5 text in"}}}


async def test_a_coroutine_callback_gives_a_coroutine_of_the_text():
    """And is seen to be one by its function in the callback map."""
    ours = Dash(__name__)

    @ours.callback(Output("out", "children"), Input("in", "value"), State("in", "type"))
    async def shown(value, kind):
        await asyncio.sleep(0)
        return value

    assert inspect.iscoroutinefunction(ours.callback_map["out.children"]["callback"])
    async with ours.server.test_request_context("/"):
        function, _ = parts_of(ours).stock.run_stock(BODY, client=None)
        answer = function()
        assert inspect.isawaitable(answer)
        text = await answer
    assert json.loads(text)["response"] == {"out": {"children": 5}}


def test_the_context_value_holds_what_the_callback_context_shows(app):
    """Any object with the attributes by name will do."""

    context = SimpleNamespace(triggered_inputs=[{"prop_id": "in.value", "value": 5}], updated_props={})
    token = context_value.set(context)
    try:
        assert dash.ctx.triggered_id == "in"
        dash.set_props("out", {"children": 1})
        assert context.updated_props == {"out": {"children": 1}}
    finally:
        context_value.reset(token)


def test_the_app_of_a_context_is_a_context_variable(app):
    """`get_app` and relative paths work where we set it."""
    token = app_context.set(app)
    try:
        assert dash.get_app() is app
    finally:
        app_context.reset(token)


def test_the_backend_decides_how_requests_are_read():
    """`backend=` takes a class; its `request_adapter` and `serve_callback` are asked."""
    ours = Dash(__name__)
    assert isinstance(ours.backend, QuartDashServer)
    assert issubclass(ours.backend.request_adapter, QuartRequestAdapter)
    assert callable(ours.backend.serve_callback(ours))


def test_the_page_of_our_backend_does_not_open_dashs_own_websocket():
    """It shares one worker among all tabs, so that the server cannot tell them apart."""
    assert QuartDashServer.websocket_capability is True
    ours = Dash(__name__)
    ours.layout = html.Div()
    assert "websocket" not in ours._config()


async def test_set_up_must_have_run_before_the_layout_is_served():
    """It collects the callbacks that were declared globally."""
    dash.callback(Output("global", "children"), Input("in", "value"))(lambda value: value)
    ours = Dash(__name__, suppress_callback_exceptions=True)
    ours.layout = html.Div()
    assert "global.children" not in ours.callback_map
    parts_of(ours).stock.set_up()
    assert "global.children" in ours.callback_map
    assert ours._callback_list[-1]["output"] == "global.children"


def test_json_of_dash_is_json_text():
    """Of components, figures and `Patch`; a patch names its operations."""
    patch = dash.Patch()
    patch["a"].append(1)
    assert json.loads(to_json(html.B("x", id="b"))) == {
        "props": {"children": "x", "id": "b"},
        "type": "B",
        "namespace": "dash_html_components",
    }
    assert json.loads(to_json(patch))["operations"] == [
        {"operation": "Append", "location": ["a"], "params": {"value": 1}}
    ]


def test_a_component_names_its_props_in_its_signature():
    """By which we know what a prop may be called."""
    assert {"value", "id", "debounce"} <= props_of("dash_core_components", "Input")
    assert {"children", "n_clicks", "style"} <= props_of("dash_html_components", "Div")
    assert props_of("dash_html_components", "Unheard") is None


def test_the_hooks_of_an_app_are_asked_by_name():
    """`custom_data` hooks come from a manager."""
    assert callable(HooksManager().get_hooks)
    assert list(parts_of(Dash(__name__)).stock.hooked("custom_data")) == []


def test_the_private_attributes_that_we_read_are_there(app):
    """Each by its name, with what we take from it."""
    assert isinstance(app._inline_scripts, list)
    assert isinstance(app._dev_tools, dict)
    assert app._on_error is None
    assert list(app._websocket_allowed_origins) == []
    reload = app._hot_reload
    assert all(hasattr(reload, name) for name in ("lock", "hash", "hard", "changed_assets"))
    assert app._websocket_callbacks is False


def test_the_prefix_of_requests_can_be_set_while_it_is_unlocked():
    """A page that is moved to another path asks there."""
    ours = Dash(__name__)
    parts_of(ours).stock.set_prefix("/user/x/")
    assert ours.config.requests_pathname_prefix == "/user/x/"
    with pytest.raises(AttributeError, match="Read-only"):
        ours.config.requests_pathname_prefix = "/"


def test_stock_dash_on_quart_hands_an_asgi_app_to_a_wsgi_server_in_a_notebook():
    """Which is why `run` is ours."""
    assert Dash.run is not dash.Dash.run
    source = inspect.getsource(dash.Dash.run)
    assert "jupyter_dash.run_app" in source
