"""One page with the features of stock Dash, to run on stock Dash and on ours: `python features.py stock|socket|http`.

Each section is a part of the page with callbacks of its own; `/calls` says how often each function was called, and
`/release` lets the one go on that waits for it.
"""

from __future__ import annotations

import asyncio
import collections
import functools
import inspect
import json
import sys
import tempfile

import dash
import quart
from dash import ALL, ALLSMALLER, MATCH, Input, Output, Patch, State, ctx, dcc, html, no_update, set_props

CALLS: collections.Counter[str] = collections.Counter()


def counted(function):
    """Count the calls."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args, **kwargs):
            CALLS[function.__name__] += 1
            return await function(*args, **kwargs)

        return coroutine

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        CALLS[function.__name__] += 1
        return function(*args, **kwargs)

    return wrapper


def patterns(app):
    @app.callback(Output("p-items", "children"), Input("p-add", "n_clicks"), prevent_initial_call=True)
    @counted
    def p_add(n_clicks):
        items = Patch()
        field = dcc.Input(id={"kind": "field", "n": n_clicks}, value=f"v{n_clicks}")
        items.append(html.Div([field, html.B(id={"kind": "match", "n": n_clicks})]))
        return items

    @app.callback(
        Output({"kind": "match", "n": MATCH}, "children"),
        Input({"kind": "field", "n": MATCH}, "value"),
        State({"kind": "field", "n": MATCH}, "id"),
    )
    @counted
    def p_match(value, id):
        return f"{id['n']}={value}"

    @app.callback(Output("p-all", "children"), Input({"kind": "field", "n": ALL}, "value"))
    @counted
    def p_all(values):
        return f"{values} by {json.dumps(ctx.triggered_id)}"

    @app.callback(
        Output({"kind": "below", "n": MATCH}, "children"),
        Input({"kind": "number", "n": MATCH}, "value"),
        Input({"kind": "number", "n": ALLSMALLER}, "value"),
    )
    @counted
    def p_below(value, smaller):
        return f"{value} after {smaller}"

    @app.callback(Output({"kind": "every", "n": ALL}, "children"), Input("p-fill", "n_clicks"))
    @counted
    def p_fill(n_clicks):
        return [f"{output['id']['n']}:{n_clicks}" for output in ctx.outputs_list]

    numbers = [
        html.Div(
            [dcc.Input(id={"kind": "number", "n": n}, value=n, type="number"), html.B(id={"kind": "below", "n": n})]
        )
        for n in range(3)
    ]
    every = [html.I(id={"kind": "every", "n": n}) for n in "xy"]
    return [
        html.Button("add", id="p-add"),
        html.Button("fill", id="p-fill"),
        html.Div(id="p-items", children=[]),
        html.Div(id="p-all"),
        *numbers,
        *every,
    ]


def patches(app):
    @app.callback(
        Output("q-data", "data"), Output("q-style", "style"), Input("q-go", "n_clicks"), prevent_initial_call=True
    )
    @counted
    def q_go(n_clicks):
        data, style = Patch(), Patch()
        data["list"].append(n_clicks)
        data["list"].insert(0, "first")
        data["deep"]["x"] += 10
        data["deep"].update({"z": [1]})
        del data["gone"]
        data["new"] = {"n": n_clicks}
        data["list"].reverse()
        style["color"] = "rgb(1, 2, 3)"
        return data, style

    @app.callback(Output("q-shown", "children"), Input("q-data", "data"))
    @counted
    def q_shown(data):
        return json.dumps(data, sort_keys=True)

    data = {"list": [1, 2], "deep": {"x": 1, "y": 2}, "gone": 1}
    return [
        html.Button("go", id="q-go"),
        dcc.Store(id="q-data", data=data),
        html.Div("style", id="q-style", style={"fontWeight": "bold"}),
        html.Div(id="q-shown"),
    ]


def setting(app):
    @app.callback(Output("s-out", "children"), Input("s-go", "n_clicks"), prevent_initial_call=True)
    @counted
    def s_go(n_clicks):
        set_props("s-other", {"children": f"set {n_clicks}", "title": "t"})
        set_props({"kind": "set", "n": 1}, {"children": "dict id"})
        return f"returned {n_clicks}"

    @app.callback(Input("s-bare", "n_clicks"), prevent_initial_call=True)
    @counted
    def s_bare(n_clicks):
        set_props("s-out", {"children": f"bare {n_clicks}"})

    @app.callback(Output("s-heard", "children"), Input("s-other", "children"))
    @counted
    def s_heard(children):
        return f"heard {children}"

    return [
        html.Button("go", id="s-go"),
        html.Button("bare", id="s-bare"),
        html.Div(id="s-out"),
        html.Div("nothing", id="s-other"),
        html.Div(id={"kind": "set", "n": 1}),
        html.Div(id="s-heard"),
    ]


def running(app):
    gate = asyncio.Event()

    @app.callback(
        Output("r-out", "children"),
        Input("r-go", "n_clicks"),
        running=[(Output("r-go", "disabled"), True, False), (Output("r-state", "children"), "busy", "idle")],
        prevent_initial_call=True,
    )
    @counted
    async def r_go(n_clicks):
        await asyncio.wait_for(gate.wait(), 20)
        gate.clear()
        return f"ran {n_clicks}"

    @app.callback(Output("r-heard", "children"), Input("r-state", "children"))
    @counted
    def r_heard(state):
        return f"state {state}"

    @app.server.route("/release")
    async def release():
        gate.set()
        return "released"

    return [html.Button("go", id="r-go"), html.Div(id="r-out"), html.Div(id="r-state"), html.Div(id="r-heard")]


def initial(app):
    @app.callback(Output("i-a", "children"), Input("i-go", "n_clicks"))
    @counted
    def i_initial(n_clicks):
        return f"a {n_clicks} {ctx.triggered_id} {ctx.triggered}"

    @app.callback(Output("i-b", "children"), Input("i-go", "n_clicks"), prevent_initial_call=True)
    @counted
    def i_prevented(n_clicks):
        return f"b {n_clicks}"

    @app.callback(
        Output("i-a", "children", allow_duplicate=True), Input("i-more", "n_clicks"), prevent_initial_call=True
    )
    @counted
    def i_duplicate(n_clicks):
        return f"duplicate {n_clicks}"

    @app.callback(
        Output("i-b", "children", allow_duplicate=True),
        Input("i-more", "n_clicks"),
        prevent_initial_call="initial_duplicate",
    )
    @counted
    def i_initial_duplicate(n_clicks):
        return f"initial duplicate {n_clicks}"

    return [html.Button("go", id="i-go"), html.Button("more", id="i-more"), html.Div(id="i-a"), html.Div(id="i-b")]


def groups(app):
    @app.callback(
        output={"sum": Output("g-sum", "children"), "pair": [Output("g-x", "children"), Output("g-y", "children")]},
        inputs={"xy": (Input("g-in-x", "value"), Input("g-in-y", "value"))},
        state={"unit": State("g-unit", "children")},
    )
    @counted
    def g_groups(xy, unit):
        x, y = xy
        if x == 13:
            raise dash.exceptions.PreventUpdate
        pair = [f"x {x}", no_update if y == 7 else f"y {y}"]
        return {"sum": f"{x + y} {unit} {ctx.args_grouping['xy'][0]['triggered']}", "pair": pair}

    @app.callback([Output("g-list", "children")], [Input("g-in-x", "value")], [State("g-in-y", "value")])
    @counted
    def g_list(x, y):
        return [f"{x},{y}"]

    @app.callback(
        Output("g-optional", "children"), Input("g-in-x", "value"), Input("missing", "value", allow_optional=True)
    )
    @counted
    def g_optional(x, missing):
        return f"{x} {missing}"

    fields = [dcc.Input(id=f"g-in-{name}", type="number", value=value) for name, value in (("x", 1), ("y", 2))]
    shown = [html.Div(id=f"g-{name}") for name in ("sum", "x", "y", "list", "optional")]
    return [*fields, html.Div("V", id="g-unit"), *shown]


def errors(app):
    def handled(error):
        set_props("e-note", {"children": f"{type(error).__name__}: {error}"})
        return "from the handler"

    @app.callback(Output("e-out", "children"), Input("e-go", "n_clicks"), prevent_initial_call=True, on_error=handled)
    @counted
    def e_go(n_clicks):
        raise ValueError(f"broken {n_clicks}")

    return [html.Button("go", id="e-go"), html.Div(id="e-out"), html.Div(id="e-note")]


def contexts(app):
    @app.callback(
        Output("c-out", "children"),
        Input("c-a", "n_clicks"),
        Input({"kind": "c", "n": ALL}, "n_clicks"),
        State("c-state", "children"),
        prevent_initial_call=True,
    )
    @counted
    def c_out(a, others, state):
        shown = [ctx.triggered_id, ctx.triggered, ctx.triggered_prop_ids, ctx.inputs, ctx.states, ctx.inputs_list]
        return json.dumps([*shown, ctx.outputs_list], sort_keys=True)

    @app.callback(Output("c-set", "children"), Input("c-cookie", "n_clicks"), prevent_initial_call=True)
    @counted
    def c_cookie(n_clicks):
        ctx.response.set_cookie("flavour", f"vanilla{n_clicks}")
        ctx.response.set_cookie("hidden", f"secret{n_clicks}", httponly=True)
        return f"set {n_clicks}"

    @app.callback(Output("c-read", "children"), Input("c-set", "children"), prevent_initial_call=True)
    @counted
    def c_read(_):
        host = any(name.lower() == "host" for name in ctx.headers)
        return f"{ctx.cookies.get('flavour')} {ctx.cookies.get('hidden')} {ctx.path.split('?')[0]} {host}"

    return [
        html.Button("a", id="c-a"),
        html.Button("b", id={"kind": "c", "n": 1}),
        html.Button("cookie", id="c-cookie"),
        html.Div("kept", id="c-state"),
        html.Div(id="c-out"),
        html.Div(id="c-set"),
        html.Div(id="c-read"),
    ]


def main(kind: str) -> None:
    """Run on stock Dash, or on ours over the WebSocket or over HTTP."""
    import more_features
    from dash import DiskcacheManager
    from diskcache import Cache

    with tempfile.TemporaryDirectory() as folder, Cache(folder) as cache:
        manager = DiskcacheManager(cache)
        server = quart.Quart("features")
        options = {"server": server, "background_callback_manager": manager, "suppress_callback_exceptions": True}
        if kind == "stock":
            app = dash.Dash("features", **options)
        else:
            from dash_devices_nb import Dash, Services

            service = Services.PUSHER_ALL if kind == "socket" else Services.NORMAL
            app = Dash("features", server_service=service, **options)
        sections = [patterns, patches, setting, running, initial, groups, errors, contexts, *more_features.SECTIONS]
        app.layout = html.Div([html.Section(make(app), id=make.__name__) for make in sections])

        @app.server.route("/calls")
        async def calls():
            return dict(CALLS)

        if kind == "stock":
            more_features.serve_stock(app)
        else:
            app.run(port=0, auth=None)


if __name__ == "__main__":
    main(sys.argv[1])
