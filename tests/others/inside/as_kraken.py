"""Run KrakenSDR's web interface, unchanged, on our package: `python as_kraken.py PROGRAM PORT ANSWERS`.

Besides the old names of the modules it gets the names that numpy 2 and plotly 6 took away. Each line of the standard
input is an expression, whose value goes as JSON to the file descriptor ANSWERS: so the driver looks into the program.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import dash
import numpy as np
import plotly.graph_objects as go
from as_ancestor import give_modules, run

PAUSE_SECONDS = 5.0


class Location(dash.dcc.Location):
    """A Location of old Dash, which took `children` and did nothing with it."""

    def __init__(self, children: Any = None, **props: Any) -> None:
        super().__init__(**props)


def old_names() -> ModuleType:
    """Put back what numpy and plotly took away; return Dash's components with the old Location."""
    np.Infinity = np.inf  # type: ignore[attr-defined]
    np.float_ = np.float64  # type: ignore[attr-defined]
    go.Heatmapgl = go.Heatmap
    dcc = ModuleType("dash_core_components")
    dcc.__dict__.update({name: value for name, value in vars(dash.dcc).items() if not name.startswith("__")})
    dcc.Location = Location  # type: ignore[attr-defined]
    return dcc


def write_numbers(interface: ModuleType) -> None:
    """Where numpy 1 made Python's floats numpy 2 keeps float32, which the interface cannot write into its settings."""
    interface.json = SimpleNamespace(dump=functools.partial(json.dump, default=lambda number: number.item()))


def note_who_tunes(interface: ModuleType) -> None:
    """Keep in `web.tuned_by` which function of the program has tuned the receivers each time, a callback or a timer."""
    tuned_by: list[str] = []
    tune = interface.WebInterface.config_daq_rf

    def config_daq_rf(self: Any, *arguments: Any) -> None:
        tuned_by.append(sys._getframe(1).f_code.co_name)
        tune(self, *arguments)

    interface.WebInterface.config_daq_rf = config_daq_rf
    interface.WebInterface.tuned_by = tuned_by


def pause_longer() -> None:
    """Have the program's one pause, a second in which all must have happened that its pushes call, take longer.

    On a busy machine the pages call later, and the program then keeps the wrong name.
    """
    sleep = time.sleep

    def longer(seconds: float) -> None:
        sleep(PAUSE_SECONDS if sys._getframe(1).f_globals["__name__"] == "callbacks.main" else seconds)

    time.sleep = longer


def answer(answers: int) -> None:
    """Evaluate each line of the standard input in the interface's module, and write its value."""
    with os.fdopen(answers, "w", buffering=1) as out:
        for line in sys.stdin:
            main = sys.modules["maindash"]
            names = {"app": main.app, "web": main.web_interface, "sp": main.web_interface.module_signal_processor}
            try:
                value = eval(line, names)
                out.write(json.dumps({"value": value}, default=str) + "\n")
            except Exception as error:  # noqa: BLE001 - the driver reports it
                out.write(json.dumps({"error": repr(error)}) + "\n")


if __name__ == "__main__":
    give_modules(int(sys.argv[2]), old_names())
    threading.Thread(target=answer, args=(int(sys.argv[3]),), daemon=True).start()
    program = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(program.parent))
    interface = importlib.import_module("kraken_web_interface")
    write_numbers(interface)
    note_who_tunes(interface)
    pause_longer()
    run(program)
