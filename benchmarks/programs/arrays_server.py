"""A waterfall to which lines of float32 are pushed: PORT KIND RATE POINTS PAGES. It waits for so many pages.

KIND is "bytes" (numpy arrays) or "json" (the same numbers as a list, as they travel without arrays). The time at which
a line was made is in the same message.
"""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import orjson

from dash_devices_nb import Dash, Waterfall, html


def main(port: int, kind: str, rate: float, points: int, pages: int) -> None:
    app = Dash("spectrum")
    app.layout = html.Div([Waterfall(id="fall", zmin=-120, zmax=0), html.Div(id="stamp")])
    lines = np.random.default_rng(1).normal(-90, 5, (20, points)).astype("f4")
    # As short as float32 is written: a double has twice the digits.
    listed = orjson.loads(orjson.dumps(lines, option=orjson.OPT_SERIALIZE_NUMPY)) if kind == "json" else []

    def push() -> None:
        while len(app.clients) < pages:
            time.sleep(0.05)
        count, due = 0, time.monotonic()
        while True:
            line = listed[count % 20] if listed else lines[count % 20]
            app.push_mods({"fall": {"addLines": line}, "stamp": {"children": f"{time.time():.6f}"}})
            count += 1
            due = max(due + 1 / rate, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))

    threading.Thread(target=push, daemon=True).start()
    app.run(port=port, auth=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
