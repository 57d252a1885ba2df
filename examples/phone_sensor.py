"""A phone as a sensor: tilt it, and the bubble moves on every page.

Phones give their orientation only to pages of a secure address: https, or this computer.
"""

from dash_devices_nb import Dash, Input, Output, dcc, html

RANGE = 30.0
"""Degrees from the middle to the rim."""

app = Dash(__name__, title="Level")
app.layout = html.Div(
    [
        html.H1("Level"),
        html.Div(html.Div(id="bubble", style={"left": "50%", "top": "50%"}), className="level"),
        html.Div(
            [
                html.Div([html.Label("Left to right"), html.Div("0.0°", id="roll", className="big")], className="card"),
                html.Div(
                    [html.Label("Front to back"), html.Div("0.0°", id="pitch", className="big")], className="card"
                ),
            ],
            className="cards",
        ),
        html.Button("Send the tilt of this phone", id="send", className="main"),
        dcc.Store(id="tilt"),
    ],
    className="page",
)

app.clientside_callback(
    """async clicks => {
        if (!clicks) return dash_clientside.no_update;
        const kind = window.DeviceOrientationEvent;
        const asks = kind && kind.requestPermission;
        if (asks && (await kind.requestPermission()) !== 'granted') return 'The phone says no';
        let last = 0;
        window.addEventListener('deviceorientation', event => {
            if (event.gamma === null || performance.now() - last < 60) return;
            last = performance.now();
            dash_clientside.set_props('tilt', {data: {roll: event.gamma, pitch: event.beta}});
        });
        return 'This phone sends its tilt';
    }""",
    Output("send", "children"),
    Input("send", "n_clicks"),
    prevent_initial_call=True,
)


@app.callback_shared(
    Output("bubble", "style"), Output("roll", "children"), Output("pitch", "children"), Input("tilt", "data")
)
def show(tilt):
    """A bubble goes to where it is highest."""
    roll, pitch = (float(tilt[name]) for name in ("roll", "pitch")) if tilt else (0.0, 0.0)
    x, y = (50 - 42 * max(-1.0, min(1.0, angle / RANGE)) for angle in (roll, pitch))
    return {"left": f"{x:.1f}%", "top": f"{y:.1f}%"}, f"{roll:.1f}°", f"{pitch:.1f}°"


if __name__ == "__main__":
    app.run()
