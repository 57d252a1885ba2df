"""Many benches: one callback for all of them, and one overview."""

from dash_devices_nb import ALL, MATCH, Dash, Input, Output, ctx, dcc, html

BENCHES = ["North 1", "North 2", "South 1", "South 2", "Lab A", "Lab B"]
LIMIT = 2.0
"""Amperes of the whole room."""
OHMS = 24.0


def bench(number, name):
    """The card of one bench. Ids with a number are matched by the callbacks below."""
    return html.Div(
        [
            html.H2(name),
            html.Div("0.0 V", id={"bench": number, "part": "shown"}, className="big"),
            dcc.Slider(0, 12, 0.5, id={"bench": number, "part": "volts"}, value=0, marks=None, updatemode="drag"),
        ],
        className="card",
    )


app = Dash(__name__, title="Benches")
app.layout = html.Div(
    [
        html.Div([html.H1("Benches"), html.Button("All off", id="off")], className="row apart"),
        html.Div([html.Div(id="total"), html.Div(html.Div(id="bar"), className="bar")], className="card"),
        html.Div([bench(number, name) for number, name in enumerate(BENCHES)], className="cards"),
    ],
    className="page",
)


@app.callback_shared(
    Output({"bench": MATCH, "part": "shown"}, "children"), Input({"bench": MATCH, "part": "volts"}, "value")
)
def set_volts(volts):
    """One supply, whichever it is: `ctx.triggered_id["bench"]` says which."""
    return f"{volts:.1f} V"


@app.callback_shared(
    Output("total", "children"), Output("bar", "style"), Input({"bench": ALL, "part": "volts"}, "value")
)
def add_up(volts):
    """What the room takes, from all benches."""
    amperes = sum(each / OHMS for each in volts)
    share = min(1.0, amperes / LIMIT)
    colour = "var(--bad)" if amperes > LIMIT else "var(--blue)"
    return f"{amperes:.2f} A of {LIMIT:.0f} A in the room", {"width": f"{100 * share:.0f}%", "background": colour}


@app.callback_shared(
    Output({"bench": ALL, "part": "volts"}, "value"), Input("off", "n_clicks"), prevent_initial_call=True
)
def off(_):
    """Everything to zero, on all pages."""
    return [0] * len(ctx.outputs_list)


if __name__ == "__main__":
    app.run()
