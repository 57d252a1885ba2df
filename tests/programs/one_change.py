"""One change of a slider, traced: prints the files of the package that it passes on the way in, as JSON."""

import asyncio
import faulthandler
import json
import sys
from pathlib import Path
from types import FrameType

import dash_devices_nb
from dash_devices_nb import Dash, Input, Output, dcc, html
from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.testing.serving import AppServer, visitor
from dash_devices_nb.testing.tab import Tab
from tests.support.eventually import eventually

PACKAGE = f"{Path(dash_devices_nb.__file__).parent}/"
STUCK_SECONDS = 40.0


class Trace:
    """The files of the package that one read from a socket passes, if it carries a change. For `sys.setprofile`."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self._passed: set[str] | None = None
        self._changes = False

    def __call__(self, frame: FrameType, event: str, _arg: object) -> None:
        name = frame.f_code.co_qualname
        if event == "call" and name == "WebSocket.data_received":
            self._passed, self._changes = set(), False
        if self._passed is None:
            return
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(PACKAGE):
            self._passed.add(file.removeprefix(PACKAGE))
            self._changes = self._changes or name == "Connection._changes"
        if event == "return" and name == "WebSocket.data_received":
            if self._changes:
                self.files = self._passed
            self._passed = None


def slider_and_text() -> Dash:
    """A slider and a text, one plain shared callback."""
    app = Dash(__name__)
    app.layout = html.Div([dcc.Slider(0, 10, id="slider", value=1), html.Div(id="text")])
    app.callback_shared(Output("text", "children"), Input("slider", "value"))(lambda value: f"is {value}")
    return app


async def main() -> None:
    """Change the slider in one of two tabs, until the other shows it."""
    with AppServer() as server:
        app = slider_and_text()
        url = await asyncio.to_thread(server.run, app)
        one, other = [await Tab(url, visitor(app, "owner")).open() for _ in range(2)]
        await one.act("slider", "value", 2)
        await other.expect("text", "children", "is 2", within=20)
        await one.settled()
        trace = Trace()
        loop = parts_of(app).runtime.io_loop
        loop.call_soon_threadsafe(sys.setprofile, trace)
        await one.act("slider", "value", 3)
        await other.expect("text", "children", "is 3", within=20)  # each call of the loop is traced
        await eventually(lambda: trace.files)
        loop.call_soon_threadsafe(sys.setprofile, None)
        for tab in (other, one):
            await tab.close()
    print(json.dumps(sorted(trace.files)))


if __name__ == "__main__":
    faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True)
    asyncio.run(main())
    faulthandler.cancel_dump_traceback_later()
