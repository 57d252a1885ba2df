"""A login: what is wrong is said by alternate outputs, and the administrator sees who else is there."""

import os

import dash_devices_nb as dash_devices
from dash_devices_nb import callback_context, dcc, html
from dash_devices_nb.dependencies import Input, Output, State
from dash_devices_nb.exceptions import PreventUpdate

PEOPLE = {"ann": "secret", "admin": "root"}

app = dash_devices.Dash(__name__)
app.config.suppress_callback_exceptions = True

app.layout = html.Div(
    [
        html.Div(
            [
                dcc.Input(id="username", type="text", value=""),
                dcc.Input(id="password", type="password", value=""),
                html.Button("log in", id="submit"),
                html.Div(id="message"),
            ],
            id="content",
        )
    ]
)


def table():
    return html.Ul([html.Li(f"{client.address} {client.authentication or 'nobody'}") for client in app.clients])


def tell_admins():
    for client in app.clients:
        if client.authentication == "admin":
            app.push_mods({"table": {"children": table()}}, client)


@app.callback(
    Output("content", "children"),
    [Input("submit", "n_clicks")],
    [State("username", "value"), State("password", "value")],
)
def login(n_clicks, username, password):
    if not n_clicks:
        raise PreventUpdate
    if PEOPLE.get(username) != password:
        return (
            Output("message", "children", "Incorrect username and/or password!"),
            Output("password", "value", ""),
            Output("username", "value", ""),
        )
    client = callback_context.client
    client.authentication = username
    tell_admins()
    if username == "admin":
        return [html.H2("Who is there"), html.Div(table(), id="table")]
    return [html.H2(f"Hello {username}"), html.Button("wave", id="wave"), html.Div(id="waved")]


@app.callback(Output("waved", "children"), [Input("wave", "n_clicks")])
def wave(n_clicks):
    return f"{callback_context.client.authentication} waved {n_clicks or 0}"


@app.callback_connect
async def connect(client, connect):
    tell_admins()


@app.callback_authorize_output
def authorize(client, output_id):
    return output_id != "waved.children" or client.authentication is not None


if __name__ == "__main__":
    app.run_server(host="127.0.0.1", port=int(os.environ.get("PORT", "5000")))
