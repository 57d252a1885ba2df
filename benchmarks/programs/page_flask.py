"""Stock Dash on Flask with a page of COMPONENTS components: PORT COMPONENTS SHARED. The shared ones have a text."""

from __future__ import annotations

import sys

from dash import Dash, html


def main(port: int, components: int, shared: int) -> None:
    app = Dash("scale")
    texts = ["at first" if number < shared else f"component {number}" for number in range(components)]
    app.layout = html.Div([html.Div(text, id=f"c{number}") for number, text in enumerate(texts)])
    app.run(host="127.0.0.1", port=port)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
