"""Stock Dash as most people run it: Flask, one HTTP request a callback."""

from __future__ import annotations

import sys

from dash import Dash, Input, Output, dcc, html

app = Dash(__name__)
app.layout = html.Div([dcc.Input(id="question", value=""), html.Div(id="answer")])


@app.callback(Output("answer", "children"), Input("question", "value"))
def answer(value: str) -> str:
    return value


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]))
