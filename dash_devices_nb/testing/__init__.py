"""Driving an app without a browser: what its own tests use, and yours.

A test that awaits:

    from dash_devices_nb.testing import AppServer, Tab

    with AppServer() as server:
        url = server.run(app)
        async with Tab(url) as anne, Tab(url) as ben:
            await anne.act("target", "value", 5)
            await ben.expect("target", "value", 5)
            await ben.expect("shown", "children", "target 5", within=2.0)

            await ben.drop()
            await anne.act("target", "value", 6)
            await ben.reconnect()
            await ben.expect("target", "value", 6)

One that does not:

    from dash_devices_nb.testing import open_tab

    with open_tab(app) as tab:
        tab.act("target", "value", 5)
        tab.expect("shown", "children", "target 5")

With pytest there are fixtures (see `plugin`): `app_server`, `tab` and `sync_tab`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dash_devices_nb.testing.serving import AppServer, SyncTab, open_tab, visitor
    from dash_devices_nb.testing.tab import Tab

__all__ = ["AppServer", "SyncTab", "Tab", "open_tab", "visitor"]


def __getattr__(name: str) -> Any:
    # Pytest imports this package wherever it is installed, for its plugin: what is not used is not loaded.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "tab" if name == "Tab" else "serving"
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
