"""A thermostat whose timer measures while somebody looks: it starts with the first client and stops with the last."""

import os
import threading

import dash_devices_nb as dash_devices
from dash_devices_nb import dcc, html
from dash_devices_nb.dependencies import Input, Output


class Thermostat:
    """The device, its page and its timer."""

    def __init__(self):
        self.target = 20.0
        self.temperature = 15.0
        self.readings = 0
        self.timer = None
        self.app = dash_devices.Dash(__name__)
        self.app.layout = self.layout
        self.app.callback_connect(self.connect)
        self.app.callback_shared(Output("target_shown", "children"), [Input("target", "value")])(self.set_target)
        self.app.callback_shared(None, [Input("reset", "n_clicks")])(self.reset)

    def layout(self):
        figure = {"data": [{"x": [], "y": [], "mode": "lines"}], "layout": {"height": 200}}
        return html.Div(
            [
                dcc.Slider(id="target", min=10, max=30, step=1, value=20),
                html.Div(id="target_shown"),
                html.Div(id="temperature"),
                html.Button("reset", id="reset"),
                dcc.Graph(id="history", figure=figure),
            ]
        )

    def set_target(self, value):
        self.target = value
        return f"target {value} C"

    def reset(self, n_clicks):
        self.temperature = 15.0
        print("reset", n_clicks, flush=True)

    def connect(self, client, connect):
        print("clients", len(self.app.clients), flush=True)
        if connect and len(self.app.clients) == 1:
            self.start()
        elif not connect and len(self.app.clients) == 0:
            self.stop()

    def start(self):
        print("timer starts", flush=True)
        self.timer = threading.Timer(0.05, self.measure)
        self.timer.start()

    def stop(self):
        timer, self.timer = self.timer, None
        timer.cancel()
        print("timer stops", flush=True)

    def measure(self):
        if self.timer is None:
            return
        self.readings += 1
        self.temperature += (self.target - self.temperature) / 4
        self.app.push_mods(
            {
                "temperature": {"children": f"{self.temperature:.0f} C"},
                "history": {"extendData": [{"x": [[self.readings]], "y": [[self.temperature]]}, [0]]},
            }
        )
        self.timer = threading.Timer(0.05, self.measure)
        self.timer.start()


if __name__ == "__main__":
    Thermostat().app.run_server(host="127.0.0.1", port=int(os.environ.get("PORT", "5000")))
