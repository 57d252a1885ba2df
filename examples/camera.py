"""A camera: every page shows the newest picture, at the rate that it can take."""

import time

import numpy as np

from dash_devices_nb import Dash, Input, Output, dcc, html

WIDTH, HEIGHT = 480, 270
LENGTH = 1.4
X, Y = np.meshgrid(np.linspace(-1.78, 1.78, WIDTH), np.linspace(-1, 1, HEIGHT))
rng = np.random.default_rng(1)


def snap(exposure):
    """Take a picture, as a driver would: uint8, (height, width, 3). A pendulum swings in the beam of a lamp."""
    swing = 0.8 * np.sin(2.2 * time.monotonic())
    along, across = X * np.sin(swing) + (Y + 0.95) * np.cos(swing), X * np.cos(swing) - (Y + 0.95) * np.sin(swing)
    rod = (np.abs(across) < 0.008) * (along > 0) * (along < LENGTH)
    ball = np.exp(-((along - LENGTH) ** 2 + across**2) / 0.012)
    light = 0.22 + 0.3 * np.exp(-(X**2 + Y**2)) + 0.25 * rod + 0.9 * ball
    light = light * exposure / 20 + rng.normal(0, 0.02, light.shape)
    return (255 * np.clip(light[..., None] * [0.75, 0.9, 1.0], 0, 1)).astype(np.uint8)


app = Dash(__name__, title="Camera")
app.layout = html.Div(
    [
        html.H1("Camera"),
        html.Canvas(id="picture", className="well", width=WIDTH, height=HEIGHT),
        html.Div(
            [
                html.Label("Exposure", htmlFor="exposure"),
                dcc.Slider(1, 60, 1, id="exposure", value=20, marks=None, updatemode="drag"),
                html.Div(id="shown", className="big"),
            ],
            className="card",
        ),
        dcc.Interval(id="clock", interval=80),
    ],
    className="page",
)


@app.callback_shared(Output("shown", "children"), Input("exposure", "value"))
def set_exposure(exposure):
    """Here the camera is told."""
    return f"{exposure} ms"


@app.callback_shared(None, Input("clock", "n_intervals"), Input("exposure", "value"))
def look(_, exposure):
    """One clock for all pages, which stands still while nobody looks."""
    app.push_frame("picture", snap(exposure), mime="raw")


if __name__ == "__main__":
    app.run()
