"""A serial terminal: one line to the instrument, one conversation on all pages.

It needs pyserial; the simulated line needs Linux or macOS.
"""

import os
import pty
import random
import threading

import serial

from dash_devices_nb import ALL, Dash, Input, Output, State, callback_context, dcc, html

KEPT = 200


def instrument(end):
    """The far end of the line: a voltmeter, simulated. It ends when the line is closed."""
    answers = {"*IDN?": lambda: "EXAMPLE,VOLTMETER,1,0.1", "MEAS?": lambda: f"{random.gauss(4.98, 0.01):+.4f}E+00"}
    try:
        for line in end:
            command = line.decode(errors="replace").strip()
            end.write((answers.get(command.upper(), lambda: "ERR unknown command")() + "\r\n").encode())
    except OSError:
        end.close()


far, near = pty.openpty()
port = serial.Serial(os.ttyname(near), 115200, timeout=1)  # with an instrument: serial.Serial("/dev/ttyUSB0", ...)
os.close(near)
threading.Thread(target=instrument, args=(os.fdopen(far, "r+b", buffering=0),), daemon=True).start()

app = Dash(__name__, title="Terminal")
app.layout = html.Div(
    [
        html.Div([html.H1("Voltmeter"), html.Span(port.name, className="faint")], className="row apart"),
        html.Div("Try *IDN? or MEAS?", id="log", className="log", role="log"),
        html.Div(
            [
                html.Label("Command", htmlFor="line"),
                dcc.Input(id="line", type="text", placeholder="*IDN?", autoComplete="off"),
                html.Div([html.Button(each, id={"command": each}) for each in ("*IDN?", "MEAS?")], className="row"),
            ],
            className="card field",
        ),
    ],
    className="page",
)


@app.callback_shared(
    Output("log", "children"),
    Output("line", "value"),
    Input("line", "n_submit"),
    Input({"command": ALL}, "n_clicks"),
    State("line", "value"),
    State("log", "children"),
    prevent_initial_call=True,
)
def send(_, __, typed, log):
    """One command at a time, whoever sends it: shared callbacks do not overlap."""
    pressed = callback_context.triggered_id
    command = pressed["command"] if isinstance(pressed, dict) else (typed or "").strip()
    if not command:
        return log, ""
    port.write(f"{command}\n".encode())
    answer = port.readline().decode(errors="replace").strip() or "(no answer within 1 s)"
    client = callback_context.client
    lines = [*str(log).splitlines(), f"{client.label if client else ''} > {command}", answer]
    return "\n".join(lines[-KEPT:]), ""


if __name__ == "__main__":
    app.run()
