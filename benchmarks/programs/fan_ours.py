"""Pushes to all pages through `push_mods`: PORT CLIENTS SIZE MESSAGES."""

from __future__ import annotations

import sys
import threading
import time

from benchmarks.harness import PAUSE, say
from dash_devices_nb import Dash, html
from dash_devices_nb.app.api.parts import parts_of


def main(port: int, clients: int, size: int, messages: int) -> None:
    app = Dash("fan")
    app.layout = html.Div(html.Div(id="x"))

    def push() -> None:
        while app.url is None or len(app.clients) < clients:
            time.sleep(0.05)
        time.sleep(1.0)
        value = "a" * size
        cpu, start = time.process_time(), time.perf_counter()
        for number in range(messages):
            app.push_mods({"x": {"children": f"{number:06d}{value}"}})
            time.sleep(PAUSE)
        while parts_of(app).runtime.anything_waits():
            time.sleep(0.01)
        elapsed = time.perf_counter() - start
        cpu = time.process_time() - cpu
        skipped = sum(page.outbox.skipped for page in parts_of(app).runtime.pages.values())
        say(cpu=cpu, seconds=elapsed, delivered=messages * clients - skipped, skipped=skipped)

    threading.Thread(target=push, daemon=True).start()
    app.run(port=port, auth=None)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
