"""Functions that run inside the kernel of a served program."""

from __future__ import annotations

import importlib
import sys

from dash_devices_nb.errors import RunError


def run_app(module: str, name: str) -> None:
    """Import a module and run its app. Raises RunError."""
    from dash_devices_nb import Dash

    app = getattr(importlib.import_module(module), name, None)
    if not isinstance(app, Dash):
        raise RunError(f"{module}:{name} is a {type(app).__name__}; it must be a dash_devices_nb.Dash.")
    if app.url is None:
        app.run()


def stop_apps() -> None:
    """Stop the apps of this process. Their pages are told so, and the hooks of their servers run."""
    mount = sys.modules.get("dash_devices_nb.app.serving.mount")
    for each in mount.all_mounts() if mount is not None else ():  # a program that failed may have loaded nothing
        if each.served is not None:
            each.served.stop()
