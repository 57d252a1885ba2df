"""The console: a panel of widgets and a picture of the callbacks, for `app.console()` and `app.graph()`.

It is imported on first use, because ipywidgets loads slowly.
"""

from __future__ import annotations

from dash_devices_nb.console.graph import Graph
from dash_devices_nb.console.panel import Console, console_of

__all__ = ["Console", "Graph", "console_of"]
