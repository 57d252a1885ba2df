"""Run an example of a component library: `python as_component.py PROGRAM PORT COLUMN`.

`dash.Dash` becomes the class of the column, "quart" (stock Dash on Quart) or "ours", before the program imports it. A
program may make components alone, as the documents of Mantine (`component`) and Bootstrap (the last one) do, whose
callbacks are those of an `app` that they are given: they are shown in that app.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import dash
from dash.development.base_component import Component

import dash_devices_nb

Stock = dash.Dash


class OnQuart(Stock):
    """Stock Dash on Quart."""

    def __init__(self, name: str | None = None, server: Any = True, **kwargs: Any) -> None:
        super().__init__(name, server, **({"backend": "quart"} if server is True else {}), **kwargs)


def serve_at(column: type[Any], port: int, **more: Any) -> None:
    """Have the column's apps served at a port, whatever the program says."""
    run = column.run

    def run_here(self: Any, *given: Any, **options: Any) -> None:
        run(self, host="127.0.0.1", port=port, debug=False, **more)

    column.run = column.run_server = run_here


def main() -> None:
    """Give the program the column's class, run it, and serve what it has not served itself."""
    program, port, name = Path(sys.argv[1]).resolve(), int(sys.argv[2]), sys.argv[3]
    column: type[Any] = OnQuart if name == "quart" else dash_devices_nb.Dash
    serve_at(column, port, **({} if name == "quart" else {"auth": None}))
    dash.Dash = column
    sys.path.insert(0, str(program.parent))
    sys.argv = [str(program)]
    app = column("example", suppress_callback_exceptions=True)
    made = runpy.run_path(str(program), {"app": app}, run_name="__main__")
    if "component" in made:
        app.layout = __import__("dash_mantine_components").MantineProvider(made["component"])
    elif components := [each for each in made.values() if isinstance(each, Component)]:
        app.layout = components[-1]
    else:
        sys.exit("the program has neither run an app nor made a component")
    app.run()


if __name__ == "__main__":
    main()
