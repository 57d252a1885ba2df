"""A device that pushes at 20 Hz, and sliders that people drag: PORT RATE.

Each push holds the time at which it was made, so that a page of the same machine knows how long it took.
"""

from __future__ import annotations

import sys
import threading
import time

from benchmarks.harness import say
from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of

DRAGGERS = 10


def main(port: int, rate: float) -> None:
    app = Dash("classroom")
    sliders = [dcc.Slider(0, 100, id=f"slider{number}", value=0) for number in range(DRAGGERS)]
    shown = [html.Div(id=f"shown{number}") for number in range(DRAGGERS)]
    app.layout = html.Div([html.Div(id="device"), *sliders, *shown])

    for number in range(DRAGGERS):

        @app.callback_shared(Output(f"shown{number}", "children"), Input(f"slider{number}", "value"))
        def show(value: float) -> str:
            return f"at {value}"

    def push() -> None:
        count = 0
        due = time.monotonic()
        while True:
            count += 1
            app.push_mods({"device": {"children": f"{time.time()} {count} " + "reading " * 20}})
            due += 1 / rate
            time.sleep(max(0.0, due - time.monotonic()))

    def watch() -> None:
        while True:
            time.sleep(1)
            with parts_of(app).runtime.lock:
                boxes = [page.outbox for page in parts_of(app).runtime.pages.values()]
                waits = [box.waiting + box.in_flight for box in boxes]
            say(most_waiting=max(waits, default=0), skipped=sum(box.skipped for box in boxes), pages=len(waits))

    for work in (push, watch):
        threading.Thread(target=work, daemon=True).start()
    app.run(port=port, auth=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
