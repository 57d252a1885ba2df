"""What the sessions of an app need of the other rooms."""

from __future__ import annotations

from typing import Protocol

import quart

from dash_devices_nb.app.execution.ports import StockCalls
from dash_devices_nb.app.stock_dash.types import Component, JsonObject


class StockPages(StockCalls, Protocol):
    """Stock Dash, as the sessions know it (`stock_dash.dash_internals.StockDash`)."""

    @property
    def server(self) -> quart.Quart:
        """The Quart app."""

    def new_libraries(self) -> list[JsonObject]:
        """The component libraries that the open pages have not loaded."""

    def inline_scripts(self) -> list[str]:
        """The texts of the clientside callbacks."""

    def reload_state(self) -> JsonObject:
        """What stock Dash's hot reload asks for."""

    def get_layout(self) -> Component:
        """The layout, as the program gives it."""

    def wants_websocket(self, output: str) -> bool:
        """Whether a callback was declared with `websocket=True`."""
