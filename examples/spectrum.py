"""A spectrum with a waterfall: lines as a plot, their past as a picture that flows."""

import numpy as np

from dash_devices_nb import Dash, Input, Output, Patch, dcc, html

BINS, ROWS = 512, 120
STATIONS = {88.8: 34, 91.2: 22, 94.3: 42, 97.7: 18, 101.3: 38, 104.6: 27}
"""What is on the air: MHz and decibels above the noise."""
COLOURS = np.array([[11, 18, 32], [20, 50, 110], [30, 130, 170], [240, 210, 80], [255, 250, 220]], float)
rng = np.random.default_rng(2)
past = np.zeros((ROWS, BINS, 3), np.uint8)


def frequencies(centre):
    """The frequencies of the bins, in MHz: shape (bins,)."""
    return centre + np.linspace(-5, 5, BINS)


def receive(centre, gain):
    """Measure the power in decibels, as a receiver would: shape (bins,)."""
    power = rng.normal(-95, 2.2, BINS)
    for station, height in STATIONS.items():
        wobble = station + rng.normal(0, 0.012)
        power += height * rng.uniform(0.85, 1) * np.exp(-(((frequencies(centre) - wobble) / 0.09) ** 2))
    return power + gain


axis = {"gridcolor": "#dfe5ed", "zeroline": False, "fixedrange": True}
figure = {
    "data": [{"type": "scatter", "mode": "lines", "x": [], "y": [], "line": {"width": 1.4, "color": "#2f8fe0"}}],
    "layout": {
        "height": 210, "margin": {"l": 58, "r": 0, "t": 8, "b": 30}, "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)", "xaxis": {**axis, "ticksuffix": " MHz", "nticks": 5, "tickangle": 0},
        "yaxis": {**axis, "range": [-105, -15], "ticksuffix": " dB"}, "uirevision": "spectrum",
    },
}  # fmt: skip

app = Dash(__name__, title="Spectrum")
app.layout = html.Div(
    [
        html.H1("Spectrum"),
        html.Div(dcc.Graph(id="lines", figure=figure, config={"displayModeBar": False}), className="card plot"),
        html.Canvas(id="waterfall", className="well", width=BINS, height=ROWS),
        html.Div(
            [
                html.Div(
                    [
                        html.Label("Centre"),
                        dcc.Slider(90, 104, 0.1, id="centre", value=94, marks=None, updatemode="drag"),
                    ],
                    className="card",
                ),
                html.Div(
                    [html.Label("Gain"), dcc.Slider(0, 30, 1, id="gain", value=10, marks=None, updatemode="drag")],
                    className="card",
                ),
            ],
            className="cards",
        ),
        dcc.Interval(id="clock", interval=200),
    ],
    className="page",
)


@app.callback_shared(
    Output("lines", "figure"), Input("clock", "n_intervals"), Input("centre", "value"), Input("gain", "value")
)
def sweep(_, centre, gain):
    """A new line on top of the waterfall, and the plot with only what has changed."""
    power = receive(centre, gain)
    level = np.clip((power + 98) / 55, 0, 1) * (len(COLOURS) - 1)
    past[1:] = past[:-1]
    past[0] = np.stack([np.interp(level, range(len(COLOURS)), part) for part in COLOURS.T], axis=1)
    app.push_frame("waterfall", past, mime="raw")
    change = Patch()
    change["data"][0]["x"], change["data"][0]["y"] = frequencies(centre), power
    return change


if __name__ == "__main__":
    app.run()
