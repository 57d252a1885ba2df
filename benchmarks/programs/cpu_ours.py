"""One shared callback that answers what it gets: PORT, and `plain` or `coroutine`."""

from __future__ import annotations

import sys

from dash_devices_nb import Dash, Input, Output, dcc, html


def main(port: int, kind: str) -> None:
    app = Dash("cpu")
    app.layout = html.Div([dcc.Input(id="question", value=""), html.Div(id="answer")])

    def plain(value: str) -> str:
        return value

    async def coroutine(value: str) -> str:
        return value

    app.callback_shared(Output("answer", "children"), [Input("question", "value")])(
        coroutine if kind == "coroutine" else plain
    )
    app.run(host="127.0.0.1", port=port, auth=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
