"""The other sections of `features.py`: components that come, chains, the browser's side, the background, streams."""

from __future__ import annotations

import socket
import time

from dash import ClientsideFunction, Input, Output, State, ctx, dcc, html
from features import counted


def coming(app):
    """Components that a callback brings in get their initial calls, chains and diamonds run in order."""

    @app.callback(Output("n-place", "children"), Input("n-go", "n_clicks"), prevent_initial_call=True)
    @counted
    def n_go(n_clicks):
        return [dcc.Input(id="n-field", value=f"f{n_clicks}"), html.Div(id="n-out"), html.Div(id="n-client")]

    @app.callback(Output("n-out", "children"), Input("n-field", "value"))
    @counted
    def n_out(value):
        return f"out {value} {ctx.triggered_id}"

    app.clientside_callback("v => 'client ' + v", Output("n-client", "children"), Input("n-field", "value"))

    @app.callback(Output("n-left", "children"), Input("n-root", "value"))
    @counted
    def n_left(value):
        return f"left {value}"

    @app.callback(Output("n-right", "children"), Input("n-root", "value"))
    @counted
    def n_right(value):
        return f"right {value}"

    @app.callback(Output("n-end", "children"), Input("n-left", "children"), Input("n-right", "children"))
    @counted
    def n_end(left, right):
        return f"{left} {right}"

    diamond = [html.Div(id=f"n-{name}") for name in ("left", "right", "end")]
    return [html.Button("go", id="n-go"), html.Div(id="n-place"), dcc.Input(id="n-root", value="r"), *diamond]


def browser_side(app):
    """Clientside callbacks: source, named function, promise, several outputs, no_update, set_props, context."""
    app.clientside_callback(
        """
        (n, text) => {
            const trigger = dash_clientside.callback_context.triggered_id;
            if (n === 2) return [dash_clientside.no_update, 'second ' + trigger];
            dash_clientside.set_props('b-set', {children: 'set in the page ' + text});
            return new Promise(done => setTimeout(() => done(['promised ' + n, trigger]), 10));
        }
        """,
        [Output("b-out", "children"), Output("b-who", "children")],
        Input("b-go", "n_clicks"),
        State("b-text", "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("tests", "shout"), Output("b-shout", "children"), Input("b-text", "value")
    )
    app.clientside_callback("text => { window.heard = text; }", Input("b-set", "children"), prevent_initial_call=True)

    @app.callback(Output("b-server", "children"), Input("b-out", "children"), Input("b-set", "children"))
    @counted
    def b_server(out, set_):
        return f"server {out}, {set_}"

    app.index_string = app.index_string.replace(
        "{%css%}",
        "{%css%}<script>window.dash_clientside = window.dash_clientside || {};"
        "window.dash_clientside.tests = {shout: text => text.toUpperCase() + '!'};</script>",
    )
    shown = [html.Div(id=f"b-{name}") for name in ("out", "who", "set", "shout", "server")]
    return [html.Button("go", id="b-go"), dcc.Input(id="b-text", value="text"), *shown]


def background(app):
    """A callback in a process of its own, with progress and a cancel button."""

    @app.callback(
        Output("l-out", "children"),
        Input("l-go", "n_clicks"),
        background=True,
        running=[(Output("l-state", "children"), "running", "resting")],
        progress=[Output("l-progress", "children")],
        progress_default=["no progress"],
        cancel=[Input("l-cancel", "n_clicks")],
        interval=100,
        prevent_initial_call=True,
    )
    def l_go(set_progress, n_clicks):
        for step in range(1, 3):
            set_progress([f"step {step}"])
            time.sleep(0.15)
        while n_clicks == 2:
            time.sleep(0.05)
        return f"done {n_clicks}"

    names = ("out", "state", "progress")
    return [html.Button("go", id="l-go"), html.Button("x", id="l-cancel"), *(html.Div(id=f"l-{n}") for n in names)]


def streaming(app):
    """A callback that talks with its page while it runs."""

    @app.callback(Output("w-out", "children"), Input("w-go", "n_clicks"), websocket=True, prevent_initial_call=True)
    @counted
    async def w_go(n_clicks):
        stream = ctx.websocket
        text = await stream.get_prop("w-text", "value")
        for letter in "abc":
            await stream.set_prop("w-stream", "children", f"{letter} {text}")
        seen = await stream.get_prop("w-stream", "children")
        await stream.set_prop("w-last", "children", "from the stream")
        return f"saw {seen}"

    @app.callback(Output("w-heard", "children"), Input("w-last", "children"), prevent_initial_call=True)
    @counted
    def w_heard(last):
        return f"heard {last}"

    shown = [html.Div(id=f"w-{name}") for name in ("stream", "last", "heard", "out")]
    return [html.Button("go", id="w-go"), dcc.Input(id="w-text", value="typed"), *shown]


def files(app):
    """A download, and an upload."""

    @app.callback(Output("f-down", "data"), Input("f-go", "n_clicks"), prevent_initial_call=True)
    @counted
    def f_go(n_clicks):
        return dcc.send_string(f"content {n_clicks}", "file.txt")

    @app.callback(Output("f-out", "children"), Input("f-up", "contents"), State("f-up", "filename"))
    @counted
    def f_up(contents, name):
        return f"{name} {contents}"

    return [html.Button("go", id="f-go"), dcc.Download(id="f-down"), dcc.Upload("up", id="f-up"), html.Div(id="f-out")]


SECTIONS = [coming, browser_side, background, streaming, files]


def serve_stock(app) -> None:
    """Serve stock Dash on a free port."""
    with socket.socket() as finder:
        finder.bind(("127.0.0.1", 0))
        port = finder.getsockname()[1]
    print(f"Dash app running on http://127.0.0.1:{port}/", flush=True)
    app.run(host="127.0.0.1", port=port)
