"""Stock Dash on Flask, which can't push: each page asks by its `dcc.Interval`. PORT CLIENTS SIZE MESSAGES."""

from __future__ import annotations

import sys
import threading
import time

from dash import Dash, Input, Output, dcc, html

from benchmarks.harness import say


def main(port: int, clients: int, size: int, messages: int) -> None:
    app = Dash("fan")
    app.layout = html.Div([dcc.Interval(id="every"), html.Div(id="x")])
    value, wanted = "a" * size, clients * messages
    lock = threading.Lock()
    asked = 0
    cpu = start = 0.0

    @app.callback(Output("x", "children"), Input("every", "n_intervals"))
    def show(number: int) -> str:
        nonlocal asked, cpu, start
        with lock:
            asked += 1
            if asked == 1:
                cpu, start = time.process_time(), time.perf_counter()
            elif asked == wanted:
                elapsed = time.perf_counter() - start
                say(cpu=time.process_time() - cpu, seconds=elapsed, delivered=wanted - 1, skipped=0)
        return f"{number or 0:06d}{value}"

    app.run(host="127.0.0.1", port=port)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
