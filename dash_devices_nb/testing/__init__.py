"""Drive an app without a browser, in our tests and in yours.

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

A test that does not:

    from dash_devices_nb.testing import open_tab

    with open_tab(app) as tab:
        tab.act("target", "value", 5)
        tab.expect("shown", "children", "target 5")

With pytest there are fixtures (see `plugin`): `app_server`, `tab` and `sync_tab`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash_devices_nb.lazy import loaded

if TYPE_CHECKING:
    from dash_devices_nb.testing.serving import AppServer, SyncTab, open_tab, visitor
    from dash_devices_nb.testing.tab import Tab

_SOURCES = {
    **dict.fromkeys(("AppServer", "SyncTab", "open_tab", "visitor"), "dash_devices_nb.testing.serving"),
    "Tab": "dash_devices_nb.testing.tab",
}

__all__ = ["AppServer", "SyncTab", "Tab", "open_tab", "visitor"]


def __getattr__(name: str) -> Any:
    # Pytest imports this package for its plugin wherever it is installed, so modules load on first use.
    return loaded(__name__, _SOURCES, name)
