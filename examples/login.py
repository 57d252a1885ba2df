"""A login: who has not logged in sees nothing of the device, and cannot touch it."""

import hashlib
import secrets

from dash_devices_nb import Dash, Input, Output, State, callback_context, dcc, html, no_update

SALT = b"of this example"
USERS = {"ada": "be75be21d09744a59e0ece4d2090540c"}
"""The hash of each password (here: difference engine). Keep yours in a file that only its user reads."""


def hashed(password):
    """The hash of a password, slow on purpose."""
    return hashlib.scrypt(password.encode(), salt=SALT, n=2**14, r=8, p=1, dklen=16).hex()


app = Dash(__name__, title="Login")
app.layout = html.Div(
    [
        html.H1("Laser"),
        html.Div(
            [
                html.Div([html.Label("Name", htmlFor="name"), dcc.Input(id="name", type="text")], className="field"),
                html.Div(
                    [html.Label("Password", htmlFor="password"), dcc.Input(id="password", type="password")],
                    className="field",
                ),
                html.Button("Log in", id="enter", className="main"),
                html.P(id="refused", className="bad"),
            ],
            id="login",
            className="card",
            style={"maxWidth": "360px"},
        ),
        html.Div(
            [
                html.Label("Power", htmlFor="power"),
                dcc.Slider(0, 100, 1, id="power", value=0, marks=None),
                html.Div(id="shown", className="big"),
                html.P(id="who", className="faint"),
            ],
            id="device",
            className="card",
            hidden=True,
        ),
    ],
    className="page",
)


@app.callback_connect
def come(client, connect):
    """From the first moment: nothing shared for whoever has not logged in."""
    if connect:
        client.authentication = False


@app.callback(
    Output("login", "hidden"),
    Output("device", "hidden"),
    Output("refused", "children"),
    Input("enter", "n_clicks"),
    Input("password", "n_submit"),
    State("name", "value"),
    State("password", "value"),
    prevent_initial_call=True,
)
def enter(_, __, name, password):
    """A regular callback works before the login."""
    expected = USERS.get((name or "").strip().lower(), "")
    if not secrets.compare_digest(hashed(password or ""), expected):
        return no_update, no_update, "Name or password is wrong."
    client = callback_context.client
    client.authentication = client.name = name.strip().lower()
    return True, False, ""


@app.callback_shared(Output("shown", "children"), Output("who", "children"), Input("power", "value"))
def set_power(power):
    """Only pages that are logged in get here."""
    client = callback_context.client
    return f"{power} %", f"set by {client.name}" if client else "as it was at the start"


if __name__ == "__main__":
    app.run()
