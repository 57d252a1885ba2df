"""A live-device console in Jupyter on stock Plotly Dash.

    from dash_devices_nb import Dash, Input, Output, dcc, html

    app = Dash(__name__)
    app.layout = html.Div([dcc.Slider(0, 30, id="target", value=20), html.Div(id="shown")])

    @app.callback_shared(Output("shown", "children"), Input("target", "value"))
    def show(target):
        return f"The target is {target} degrees"

    app.run()

Importing this package loads neither Dash nor Quart; each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dash_devices_nb.lazy import loaded
from dash_devices_nb.version import __version__ as __version__

_NAMES: dict[str, tuple[str, ...]] = {
    "dash_devices_nb.app.api.dash": ("Dash",),
    "dash_devices_nb.app.execution.outputs": ("Output",),
    "dash_devices_nb.app.api.replay": ("replay", "replay_coro"),
    "dash_devices_nb.app.stock_dash.dash_internals": ("callback_context", "ctx"),
    # Dash asks the package of a component for the last two.
    "dash_devices_nb.components": ("Waterfall", "_css_dist", "_js_dist"),
    "dash_devices_nb.core.access.clients": ("Client",),
    "dash_devices_nb.core.callbacks.services": ("Services",),
    "dash": (
        "ALL", "ALLSMALLER", "MATCH", "CeleryManager", "ClientsideFunction", "DiskcacheManager", "Input", "Patch",
        "State", "callback", "clientside_callback", "dash_table", "dcc", "get_app", "get_asset_url",
        "get_relative_path", "hooks", "html", "no_update", "page_container", "page_registry", "register_page",
        "set_props", "strip_relative_path",
    ),
}  # fmt: skip
_MODULES = ("dependencies", "devices", "errors", "exceptions", "testing")
_SOURCES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [  # noqa: RUF022 - by where they come from
    # dash_devices_nb
    "Client", "Dash", "Output", "Services", "Waterfall", "callback_context", "ctx", "replay", "replay_coro",
    # dash
    "ALL", "ALLSMALLER", "MATCH", "CeleryManager", "ClientsideFunction", "DiskcacheManager", "Input", "Patch",
    "State", "callback", "clientside_callback", "dash_table", "dcc", "get_app", "get_asset_url",
    "get_relative_path", "hooks", "html", "no_update", "page_container", "page_registry", "register_page",
    "set_props", "strip_relative_path",
]  # fmt: skip

if TYPE_CHECKING:
    from dash import (
        ALL,
        ALLSMALLER,
        MATCH,
        CeleryManager,
        ClientsideFunction,
        DiskcacheManager,
        Input,
        Patch,
        State,
        callback,
        clientside_callback,
        dash_table,
        dcc,
        get_app,
        get_asset_url,
        get_relative_path,
        hooks,
        html,
        no_update,
        page_container,
        page_registry,
        register_page,
        set_props,
        strip_relative_path,
    )  # fmt: skip

    from dash_devices_nb.app.api.dash import Dash
    from dash_devices_nb.app.api.replay import replay, replay_coro
    from dash_devices_nb.app.execution.outputs import Output
    from dash_devices_nb.app.stock_dash.dash_internals import callback_context, ctx
    from dash_devices_nb.components import Waterfall
    from dash_devices_nb.core.access.clients import Client
    from dash_devices_nb.core.callbacks.services import Services


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    return loaded(__name__, _SOURCES, name)


def __dir__() -> list[str]:
    return sorted(__all__)
