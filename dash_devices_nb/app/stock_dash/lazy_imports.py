"""The modules that Plotly's encoder looks for, and that it, or a figure, imports when it first needs them.

Plotly takes pandas and numpy from `sys.modules` where they are, and asks them for what they define. While another
thread imports one it is there and defines little: "partially initialized module 'pandas' has no attribute 'NaT'". The
callbacks of an app that starts run in several threads at once, and their first figures are what imports both.
"""

from __future__ import annotations

import sys
from importlib import import_module

from plotly.optional_imports import get_module

LOOKED_FOR = ("numpy", "pandas", "PIL.Image", "sage.all")
"""What the encoder looks for in `sys.modules`."""
WANT_PANDAS = ("plotly.express", "plotly.figure_factory")
"""Where one of these was imported, the first figure imports pandas."""


def import_at_once() -> None:
    """Import what the first encoding or the first figure would, where it is installed. Before any worker runs."""
    import_module("plotly.io.json")
    get_module("numpy")
    if any(name in sys.modules for name in WANT_PANDAS):
        get_module("pandas")
    wait_for_imports()


def wait_for_imports() -> None:
    """Wait until no other thread is in the midst of importing what the encoder looks for. Costs nothing otherwise."""
    for name in LOOKED_FOR:
        module = sys.modules.get(name)
        if module is not None and getattr(getattr(module, "__spec__", None), "_initializing", False):
            get_module(name)  # waits on the module's lock; one that cannot be imported is not the encoder's concern
