"""A slider and a text field that all pages share, beside ones that each page has for itself."""

import os

import dash_devices_nb as dash_devices
from dash_devices_nb import dcc, html
from dash_devices_nb.dependencies import Input, Output

app = dash_devices.Dash(__name__)

app.layout = html.Div(
    [
        html.Div("Shared slider"),
        dcc.Slider(id="shared_slider", value=5, min=0, max=10, step=1),
        html.Div(id="shared_slider_output"),
        html.Div("Regular slider"),
        dcc.Slider(id="regular_slider", value=5, min=0, max=10, step=1),
        html.Div(id="regular_slider_output"),
        html.Div("Shared text"),
        dcc.Input(id="shared_text", type="text", value=""),
        html.Div(id="shared_text_output"),
        html.Div("Regular text"),
        dcc.Input(id="regular_text", type="text", value=""),
        html.Div(id="regular_text_output"),
    ]
)


@app.callback_shared(Output("shared_slider_output", "children"), [Input("shared_slider", "value")])
def shared_slider(value):
    return f"shared at {value}"


@app.callback(Output("regular_slider_output", "children"), [Input("regular_slider", "value")])
def regular_slider(value):
    return f"regular at {value}"


@app.callback_shared(Output("shared_text_output", "children"), [Input("shared_text", "value")])
def shared_text(value):
    return f"all read {value}"


@app.callback(Output("regular_text_output", "children"), [Input("regular_text", "value")])
def regular_text(value):
    return f"one reads {value}"


if __name__ == "__main__":
    app.run_server(debug=False, host="0.0.0.0", port=int(os.environ.get("PORT", "5000")))
