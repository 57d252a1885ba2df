"""Imports the modules that Plotly's encoder looks for, before several threads need them at once.

Plotly takes pandas and numpy from `sys.modules` if they are there. While another thread imports one of them, it is
there and incomplete: "partially initialized module 'pandas' has no attribute 'NaT'". The callbacks of an app that
starts run in several threads at once, and their first figures import both.
"""

from __future__ import annotations

import sys
from importlib import import_module

from plotly.optional_imports import get_module

LOOKED_FOR = ("numpy", "pandas", "PIL.Image", "sage.all")
"""The modules that the encoder looks for in `sys.modules`."""
WANT_PANDAS = ("plotly.express", "plotly.figure_factory")
"""If one of these was imported, the first figure imports pandas."""


def import_at_once() -> None:
    """Import what the first encoding or the first figure would import. Before any worker runs."""
    import_module("plotly.io.json")
    get_module("numpy")
    if any(name in sys.modules for name in WANT_PANDAS):
        get_module("pandas")
    wait_for_imports()


def wait_for_imports() -> None:
    """Wait until no other thread is importing one of those modules."""
    for name in LOOKED_FOR:
        module = sys.modules.get(name)
        if module is not None and getattr(getattr(module, "__spec__", None), "_initializing", False):
            get_module(name)  # waits on the module's lock; one that cannot be imported is not the encoder's concern
