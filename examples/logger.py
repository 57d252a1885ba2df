"""A logger: readings on a plot while it runs, and as a file for whoever asks."""

import csv
import io
import math
import time
from datetime import datetime

from dash_devices_nb import Dash, Input, Output, dcc, html

SHOWN = 300
readings = []
"""The time and the pressure in hPa of each reading."""

axis = {"gridcolor": "#dfe5ed", "zeroline": False, "fixedrange": True}
figure = {
    "data": [{"type": "scatter", "mode": "lines", "x": [], "y": [], "line": {"width": 2, "color": "#2f8fe0"}}],
    "layout": {
        "height": 280, "margin": {"l": 64, "r": 8, "t": 8, "b": 30}, "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)", "uirevision": "logger",
        "xaxis": {**axis, "type": "date", "nticks": 4, "tickangle": 0, "tickformat": "%H:%M:%S"},
        "yaxis": {**axis, "ticksuffix": " hPa"},
    },
}  # fmt: skip

app = Dash(__name__, title="Logger")
app.layout = html.Div(
    [
        html.H1("Logger"),
        html.Div(dcc.Graph(id="plot", figure=figure, config={"displayModeBar": False}), className="card plot"),
        html.Div(
            [
                html.Button("Start", id="switch", className="main"),
                html.Button("Download", id="save"),
                html.Span("no readings yet", id="count", className="faint"),
            ],
            className="card row",
        ),
        dcc.Download(id="file"),
        dcc.Interval(id="clock", interval=100, disabled=True),
    ],
    className="page",
)


@app.callback_shared(
    Output("clock", "disabled"), Output("switch", "children"), Input("switch", "n_clicks"), prevent_initial_call=True
)
def switch(clicks):
    """Start and stop in turns, for all pages."""
    running = clicks % 2 == 1
    return not running, "Stop" if running else "Start"


@app.callback_shared(Output("count", "children"), Input("clock", "n_intervals"), prevent_initial_call=True)
def read(_):
    """One reading: it goes to the file and to every plot."""
    now = datetime.now()
    pressure = 1013 + 4 * math.sin(time.monotonic() / 3) + 0.6 * math.sin(9 * time.monotonic())
    readings.append((now, pressure))
    app.stream("plot", [now.isoformat()], [pressure], max_points=SHOWN)
    return f"{len(readings)} readings, the last {pressure:.1f} hPa"


@app.callback(Output("file", "data"), Input("save", "n_clicks"), prevent_initial_call=True)
def save(_):
    """A regular callback: the file goes to the page that asked, and to no other."""
    text = io.StringIO()
    csv.writer(text).writerows([("time", "pressure in hPa"), *readings])
    return dcc.send_string(text.getvalue(), "readings.csv")


if __name__ == "__main__":
    app.run()
