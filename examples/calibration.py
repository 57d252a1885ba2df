"""A two-point calibration: two references, two presses, and every page reads in real units."""

import math
import time

from dash_devices_nb import Dash, Input, Output, State, dcc, html

points = {}
"""The points that were taken: what the sensor gave (volts), and what the reference says (°C)."""


def measure():
    """The sensor's voltage: a drifting temperature, an offset and a gain that nobody knows."""
    return 0.42 + 0.0123 * (22 + 6 * math.sin(time.monotonic() / 5))


def converted(volts):
    """The temperature, once two points that differ are known."""
    if len(points) < 2 or points["1"][0] == points["2"][0]:
        return None
    (v1, t1), (v2, t2) = points["1"], points["2"]
    return t1 + (volts - v1) * (t2 - t1) / (v2 - v1)


def point(number, reference):
    """The card of one point."""
    return html.Div(
        [
            html.H2(f"Point {number}"),
            html.Div(
                [
                    html.Label("The reference reads, in °C", htmlFor=f"reference-{number}"),
                    dcc.Input(id=f"reference-{number}", type="number", value=reference),
                ],
                className="field",
            ),
            html.Button(f"Take point {number}", id=f"take-{number}"),
            html.P("not taken yet", id=f"taken-{number}", className="faint"),
        ],
        className="card",
    )


app = Dash(__name__, title="Calibration")
app.layout = html.Div(
    [
        html.H1("Two-point calibration"),
        html.Div(
            [
                html.Div([html.Label("Sensor"), html.Div("–", id="volts", className="big")], className="card"),
                html.Div([html.Label("Calibrated"), html.Div("–", id="degrees", className="big")], className="card"),
            ],
            className="cards",
        ),
        html.Div([point(1, 16), point(2, 28)], className="cards"),
        html.P("Take two points to calibrate.", id="state", className="faint"),
        dcc.Interval(id="clock", interval=200),
    ],
    className="page",
)


@app.callback_shared(Output("volts", "children"), Output("degrees", "children"), Input("clock", "n_intervals"))
def read(_):
    """The reading goes on by itself, for all pages together."""
    volts = measure()
    degrees = converted(volts)
    return f"{1000 * volts:.1f} mV", "–" if degrees is None else f"{degrees:.1f} °C"


for number in "12":

    @app.callback_shared(
        Output(f"taken-{number}", "children"),
        Input(f"take-{number}", "n_clicks"),
        State(f"reference-{number}", "value"),
        prevent_initial_call=True,
    )
    def take(_, reference, number=number):
        """Somebody presses while the reference is steady."""
        if reference is None:
            return "Type what the reference reads."
        points[number] = measure(), float(reference)
        return f"{1000 * points[number][0]:.1f} mV is {reference:g} °C"


@app.callback_shared(Output("state", "children"), Input("taken-1", "children"), Input("taken-2", "children"))
def state(*_):
    """What has been found."""
    if converted(0) is None:
        return "Take two points to calibrate."
    gain = (points["2"][1] - points["1"][1]) / (points["2"][0] - points["1"][0])
    return f"{gain / 1000:.4f} °C for each mV, and {converted(0):.1f} °C at 0 mV."


if __name__ == "__main__":
    app.run()
