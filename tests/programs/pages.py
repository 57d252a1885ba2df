"""An app of several pages with dash.pages, on stock Dash or on ours: `python pages.py stock|socket|http`."""

import sys

import dash
import more_features
from dash import Input, Output, dcc, html


def make(kind):
    if kind == "stock":
        return dash.Dash("pages", use_pages=True, pages_folder="", backend="quart")
    from dash_devices_nb import Dash, Services

    service = Services.PUSHER_ALL if kind == "socket" else Services.NORMAL
    return Dash("pages", use_pages=True, pages_folder="", server_service=service)


def settings(unit=None, **query):
    return html.Div(
        [html.H2(f"settings of {unit}"), dcc.Input(id="gain", value=query.get("gain", "1")), html.P(id="set")]
    )


def home():
    return html.Div([html.H2("home"), html.Button("count", id="count"), html.P(id="counted")])


app = make(sys.argv[1])
dash.register_page("home", path="/", layout=home, title="The home")
dash.register_page("settings", path_template="/settings/<unit>", layout=settings, title="The settings")
links = [
    dcc.Link(name, href=href, id=f"to-{name}") for name, href in (("home", "/"), ("settings", "/settings/a?gain=2"))
]
app.layout = html.Div([*links, dash.page_container, html.P(id="where"), dcc.Location(id="url")])


@app.callback(Output("counted", "children"), Input("count", "n_clicks"))
def counted(n_clicks):
    return f"counted {n_clicks}"


@app.callback(Output("set", "children"), Input("gain", "value"))
def set_gain(gain):
    return f"gain {gain}"


@app.callback(Output("where", "children"), Input("url", "pathname"), Input("url", "search"))
def where(pathname, search):
    return f"at {pathname}{search}"


if __name__ == "__main__":
    if sys.argv[1] == "stock":
        more_features.serve_stock(app)
    else:
        app.run(port=0, auth=None)
