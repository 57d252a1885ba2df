"""Notebooks that `dash-devices-nb serve` serves."""

from __future__ import annotations

import os
import signal
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path

import nbformat
import psutil

from tests.support.eventually import eventually
from tests.support.processes import Script

Serve = Callable[..., Awaitable[Script]]

BENCH = [
    """
    import atexit
    from dash_devices_nb import Dash, Input, Output, dcc, html
    app = Dash("bench")
    app.layout = html.Div([dcc.Input(id="target", value="20"), html.P(id="shown")])
    app.server.after_serving(lambda: print("device off"))
    atexit.register(lambda: open("over", "w").write("over"))
    """,
    """
    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        return f"at {target}"
    """,
    "app.run()",
]


def save(path: Path, sources: list[str]) -> Path:
    """Save a notebook, whose cells keep their ids by their places, as an editor does."""
    cells = [nbformat.v4.new_code_cell(textwrap.dedent(each).strip(), id=f"c{n}") for n, each in enumerate(sources)]
    unfinished = path.with_suffix(".part")
    nbformat.write(nbformat.v4.new_notebook(cells=cells), unfinished)
    unfinished.replace(path)
    return path


def kernel_of(program: Script) -> int:
    """The process of its kernel."""
    (kernel,) = (p for p in psutil.Process(program.pid).children() if "ipykernel_launcher" in " ".join(p.cmdline()))
    return kernel.pid


async def terminated(program: Script) -> str:
    """What it printed after SIGTERM. It ends well."""
    before = len(program.output)
    os.kill(program.pid, signal.SIGTERM)
    await eventually(lambda: program.returncode is not None, 60)
    assert program.returncode == 0, program.output
    return program.output[before:]
