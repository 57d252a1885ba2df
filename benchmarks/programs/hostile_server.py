"""A device under attack: PORT. Says where it is, and then, four times a second, what it uses.

A separate thread reads the resources, so that an attack that blocks the loops is visible.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from pathlib import Path

from benchmarks.harness import say
from dash_devices_nb import Dash, Input, Output, State, dcc, html
from dash_devices_nb.app.api.parts import parts_of

RATE = 20.0
LOOK_SECONDS = 0.25


def main(port: int) -> None:
    app = Dash("hostile")
    app.layout = html.Div(
        [
            html.Div(id="device"),
            dcc.Input(id="knob", value=0),
            html.Div(id="shown"),
            dcc.Input(id="mine", value=""),
            html.Div(id="own"),
            *[html.Div(f"row {number}", id=f"row{number}") for number in range(50)],
        ]
    )
    app.callback_shared(Output("shown", "children"), Input("knob", "value"))(lambda value: f"at {value}")
    app.callback(Output("own", "children"), Input("mine", "value"), State("knob", "value"))(lambda *_: sum(range(5000)))

    def push() -> None:
        count = 0
        due = time.monotonic()
        while True:
            count += 1
            app.push_mods({"device": {"children": f"{count} " + "reading " * 20}})
            due += 1 / RATE
            time.sleep(max(0.0, due - time.monotonic()))

    def look() -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            loop = parts_of(app).runtime.io_loop
            say(
                threads=threading.active_count(),
                tasks=len(asyncio.all_tasks(loop)) if loop is not None else 0,
                descriptors=len(list(Path("/proc/self/fd").iterdir())),
                pages=len(app.clients),
            )

    async def tell() -> None:
        while app.url is None:
            await asyncio.sleep(0.05)
        say(url=app.url, link=app.share(role="view", hours=1).url)
        for work in (push, look):
            threading.Thread(target=work, daemon=True).start()

    threading.Thread(target=asyncio.run, args=(tell(),), daemon=True).start()
    app.run(port=port)


if __name__ == "__main__":
    main(int(sys.argv[1]))
