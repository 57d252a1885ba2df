"""A plot of several traces, to which `app.stream` adds points: PORT TRACES POINTS RATE MOST."""

from __future__ import annotations

import sys
import threading
import time

from benchmarks.programs.stream_flask import figure_of, points_of
from dash_devices_nb import Dash, dcc, html


def main(port: int, traces: int, points: int, rate: float, most: int) -> None:
    app = Dash("stream")
    app.layout = html.Div(dcc.Graph(id="graph", figure=figure_of(traces)))

    def push() -> None:
        number, due = 0, time.monotonic()
        while True:
            x, y = points_of(number, traces, points)
            app.stream("graph", x, y, max_points=most)
            number += 1
            due = max(due + 1 / rate, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))

    threading.Thread(target=push, daemon=True).start()
    app.run(port=port, auth=None)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), float(sys.argv[4]), int(sys.argv[5]))
