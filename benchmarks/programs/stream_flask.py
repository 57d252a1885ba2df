"""The same plot with stock Dash on Flask: a `dcc.Interval` asks for the points. PORT TRACES POINTS RATE MOST."""

from __future__ import annotations

import math
import sys
from typing import Any

from dash import Dash, Input, Output, dcc, html


def figure_of(traces: int) -> dict[str, Any]:
    """Return an empty plot with this number of lines."""
    data = [{"x": [], "y": [], "type": "scatter", "mode": "lines", "name": f"channel {n}"} for n in range(traces)]
    return {"data": data, "layout": {"uirevision": "kept"}}


def points_of(number: int, traces: int, points: int) -> tuple[list[list[float]], list[list[float]]]:
    """The points that come with a push."""
    x = [float(number * points + each) for each in range(points)]
    return [x] * traces, [[n + math.sin((each + 40 * n) / 60) for each in x] for n in range(traces)]


def main(port: int, traces: int, points: int, rate: float, most: int) -> None:
    app = Dash("stream")
    app.layout = html.Div(
        [dcc.Graph(id="graph", figure=figure_of(traces)), dcc.Interval(id="every", interval=1000 / rate)]
    )

    @app.callback(Output("graph", "extendData"), Input("every", "n_intervals"), prevent_initial_call=True)
    def add(number: int) -> list[Any]:
        x, y = points_of(number, traces, points)
        return [{"x": x, "y": y}, list(range(traces)), most]

    app.run(host="127.0.0.1", port=port)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), float(sys.argv[4]), int(sys.argv[5]))
