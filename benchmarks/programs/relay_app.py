"""An app that pushes the time; prints its owner's address and a view link."""

from __future__ import annotations

import sys
import threading
import time

from benchmarks.harness import say
from dash_devices_nb import Dash, html

app = Dash("relayed")
app.layout = html.Div(id="now")


def push() -> None:
    while app.url is None:
        time.sleep(0.05)
    say(owner=app.url, view=app.share("view").url)
    while True:
        time.sleep(1 / float(sys.argv[1]))
        app.push_mods({"now": {"children": str(time.time())}})


threading.Thread(target=push, daemon=True).start()
app.run(port=0)
