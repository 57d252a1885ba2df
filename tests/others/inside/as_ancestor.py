"""Run a program of dash_devices, unchanged, on our package: `python as_ancestor.py PROGRAM PORT`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import dash

import dash_devices_nb
from dash_devices_nb import dependencies, exceptions


def give_modules(port: int, dcc: ModuleType = dash.dcc) -> None:
    """Give programs our modules by the old names, and their `run_server` the port of the command line."""
    sys.modules.update(
        {
            "dash_devices": dash_devices_nb,
            "dash_devices.dependencies": dependencies,
            "dash_devices.exceptions": exceptions,
            "dash_html_components": dash.html,
            "dash_core_components": dcc,
        }
    )
    serve = dash_devices_nb.Dash.run_server

    def run_server(self: Any, host: str | None = None, port_: int | None = None, **options: Any) -> None:
        options = {name: value for name, value in options.items() if name != "port"}
        # Debug mode asks plotly.com for newer versions.
        serve(self, "127.0.0.1", port, dev_tools_disable_version_check=True, **options)

    dash_devices_nb.Dash.run_server = run_server  # type: ignore[method-assign]


def run(program: Path) -> None:
    """Run the program as `python PROGRAM` would."""
    sys.path.insert(0, str(program.parent))
    sys.argv = [str(program)]
    runpy.run_path(str(program), run_name="__main__")


if __name__ == "__main__":
    give_modules(int(sys.argv[2]))
    run(Path(sys.argv[1]).resolve())
