"""A robot arm: a joint turns while a button is held, and stops when the finger, the page or the network lets go."""

import math
import time
from typing import Annotated

from dash_devices_nb import Dash, Input, Output, dcc, devices, html

REACH = (1.0, 0.8)
Speed = Annotated[float, devices.Limits(-60, 60), devices.Unit("°/s")]
Angle = Annotated[float, devices.Unit("°"), devices.Precision(0), devices.Period(0.1)]


class Joint:
    """A motor that turns at a speed, between two ends."""

    def __init__(self, angle, ends):
        self.angle, self.ends, self.rate, self.then = angle, ends, 0.0, time.monotonic()

    def turn(self):
        """Where it is now."""
        now = time.monotonic()
        self.angle = min(max(self.angle + self.rate * (now - self.then), self.ends[0]), self.ends[1])
        self.then = now
        return self.angle


class Arm:
    """The driver: attributes with units and limits are all that a page needs."""

    def __init__(self):
        self.joints = Joint(50, (0, 180)), Joint(-70, (-150, 150))

    @property
    def shoulder(self) -> Angle:
        return self.joints[0].turn()

    @property
    def elbow(self) -> Angle:
        return self.joints[1].turn()

    @property
    def shoulder_speed(self) -> Speed:
        return self.joints[0].rate

    @shoulder_speed.setter
    def shoulder_speed(self, speed: float) -> None:
        self.joints[0].turn()
        self.joints[0].rate = speed

    @property
    def elbow_speed(self) -> Speed:
        return self.joints[1].rate

    @elbow_speed.setter
    def elbow_speed(self, speed: float) -> None:
        self.joints[1].turn()
        self.joints[1].rate = speed

    def halt(self):
        """Stop at once."""
        self.shoulder_speed = self.elbow_speed = 0


driver = Arm()
arm = devices.connect(driver, name="arm")
app = Dash(__name__, title="Robot arm", devices=[arm])
app.layout = html.Div(
    [
        html.Div([html.H1("Robot arm"), app.stop_button(driver.halt)], className="row apart"),
        html.Div(dcc.Graph(id="picture", config={"staticPlot": True}), className="card plot"),
        html.Div(
            [
                html.Div(
                    [
                        html.H2(name),
                        html.P(devices.value(angle), className="big"),
                        html.Div(
                            [devices.hold(speed, 40, 0, label="↺ Up"), devices.hold(speed, -40, 0, label="↻ Down")],
                            className="row",
                        ),
                    ],
                    className="card",
                )
                for name, angle, speed in (
                    ("Shoulder", arm.shoulder, arm.shoulder_speed),
                    ("Elbow", arm.elbow, arm.elbow_speed),
                )
            ],
            className="cards",
        ),
    ],
    className="page",
)


@app.callback_shared(Output("picture", "figure"), Input(*arm.shoulder.value), Input(*arm.elbow.value))
def draw(shoulder, elbow):
    """The arm as two thick lines, seen from the side."""
    one, two = math.radians(shoulder or 0), math.radians((shoulder or 0) + (elbow or 0))
    x = [0, REACH[0] * math.cos(one), REACH[0] * math.cos(one) + REACH[1] * math.cos(two)]
    y = [0, REACH[0] * math.sin(one), REACH[0] * math.sin(one) + REACH[1] * math.sin(two)]
    look = {
        "line": {"width": 14, "color": "#2f8fe0"},
        "marker": {"size": [30, 22, 16], "color": "#f2a33a", "opacity": 1},
    }
    axis = {"visible": False, "fixedrange": True}
    return {
        "data": [
            {"type": "scatter", "mode": "lines", "x": [-1.9, 1.9], "y": [-0.12, -0.12], "line": {"color": "#8da0b6"}},
            {"type": "scatter", "mode": "lines+markers", "x": x, "y": y, **look},
        ],
        "layout": {
            "height": 320, "margin": {"l": 0, "r": 0, "t": 0, "b": 0}, "showlegend": False,
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "xaxis": {**axis, "range": [-2, 2]},
            "yaxis": {**axis, "range": [-0.5, 1.95], "scaleanchor": "x"},
        },
    }  # fmt: skip


if __name__ == "__main__":
    app.run()
