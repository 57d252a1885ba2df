"""Two robots: each client drives the one that it chose, over the WebSocket and one command at a time."""

import os
import time

import dash_devices_nb as dash_devices
from dash_devices_nb import Services, callback_context, dcc, html
from dash_devices_nb.dependencies import Input, Output, State

app = dash_devices.Dash(__name__, callback_service=Services.S2)


class Robot:
    """A robot that must not be driven by two threads at once."""

    def __init__(self, name):
        self.name = name
        self.position = 0
        self.driving = False

    def drive(self, steps):
        assert not self.driving, "driven by two at once"
        self.driving = True
        before = self.position
        time.sleep(0.01)
        self.position = before + steps
        self.driving = False
        return self.position


robots = {name: Robot(name) for name in ("one", "two")}

app.layout = html.Div(
    [
        dcc.RadioItems(id="robot", options=list(robots), value="one"),
        html.Button("forward", id="forward"),
        html.Div(id="position"),
        html.Div(id="total"),
        html.Button("stop all", id="stop"),
        html.Div("running", id="state"),
    ]
)


@app.callback(Output("position", "children"), [Input("forward", "n_clicks"), Input("robot", "value")])
def forward(n_clicks, name):
    robot = robots[name]
    callback_context.client.robot = robot
    pressed = callback_context.triggered and callback_context.triggered[0]["prop_id"] == "forward.n_clicks" and n_clicks
    return f"{robot.name} at {robot.drive(1) if pressed else robot.position}"


@app.callback_shared(
    Output("state", "children"), [Input("stop", "n_clicks")], [State("state", "children")], Services.SHARED
)
def stop(n_clicks, state):
    return f"stopped {n_clicks} after {state}" if n_clicks else "running"


if __name__ == "__main__":
    app.run_server(host="127.0.0.1", port=int(os.environ.get("PORT", "5000")))
