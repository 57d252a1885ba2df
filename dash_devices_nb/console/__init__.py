"""The console: a panel of widgets and a picture of the callbacks, for `app.console()` and `app.graph()`.

Nothing of it is imported before it is asked for, because ipywidgets takes its time to load.
"""

from __future__ import annotations

from dash_devices_nb.console.graph import Graph
from dash_devices_nb.console.panel import Console, console_of

__all__ = ["Console", "Graph", "console_of"]
