"""`app.presence()`: who is here and who has the floor, as a component whose children the server keeps.

It is made anew when somebody comes, leaves, or has another name, role or the floor; the changes of a moment go to the
pages together, and the more pages there are the seldomer, so that a whole class may come at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dash import html

from dash_devices_nb.app.access.permissions import Permissions
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.types import Component
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.protocol.page_frames import RELAY

if TYPE_CHECKING:
    from dash_devices_nb.app.execution.runtime import Runtime

TOGETHER_SECONDS = 0.25
PAGES_A_SECOND = 100
"""Changes are throttled so that at most this many sessions are updated per second."""
MOST_NAMES = 40

_ROW = {"display": "flex", "flexWrap": "wrap", "gap": "6px", "alignItems": "center", "fontSize": "14px"}
_FEW_ROWS = {"maxHeight": "11em", "overflowY": "auto"}
_CHIP = {
    "padding": "2px 10px",
    "borderRadius": "12px",
    "border": "1px solid rgba(128, 128, 128, .45)",
    "maxWidth": "16em",
    "overflow": "hidden",
    "textOverflow": "ellipsis",
    "whiteSpace": "nowrap",
}
_NAME = {
    "display": "inline-block",
    "maxWidth": "10em",
    "overflow": "hidden",
    "textOverflow": "ellipsis",
    "verticalAlign": "bottom",
}
_OWNER = {**_CHIP, "fontWeight": 600}
_HOLDER = {**_CHIP, "background": "#14622f", "color": "#fff", "borderColor": "#14622f"}
_FAINT = {"opacity": 0.7}


class Presence:
    """Keeps the components of one app that show who is here."""

    def __init__(self, roles: Permissions, runtime: Runtime) -> None:
        self._roles = roles
        self._runtime = runtime
        self._ids: set[str] = set()
        self._waits = False
        self._timer: asyncio.TimerHandle | None = None
        roles.watchers.append(self._changed)

    def component(self, component_id: str) -> html.Div:
        """A component that is kept up to date from now on."""
        with self._runtime.lock:
            self._ids.add(component_id)
            return html.Div(
                self._children(), id=component_id, className="dash-devices-presence", style=_ROW | _FEW_ROWS
            )

    def stop(self) -> None:
        """Forget what waits. On the I/O loop."""
        self._waits = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _changed(self) -> None:
        """With the lock held."""
        loop = self._runtime.io_loop
        if self._waits or not self._ids or loop is None or loop.is_closed():
            return
        self._waits = True
        loop.call_soon_threadsafe(self._wait, loop)

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(max(TOGETHER_SECONDS, len(self._runtime.pages) / PAGES_A_SECOND), self._send)

    def _send(self) -> None:
        with self._runtime.lock:
            self._timer, self._waits = None, False
            shown = dash_internals.encode(self._children())
            shown_by = {(each, "children"): shown for each in self._ids}
            self._runtime.enter(lambda: self._runtime.dispatcher.receive_push(shown_by)[0])

    def _children(self) -> list[Component]:
        clients = [page.client for page in self._runtime.pages.values()]
        persons = (each for each in clients if each.label != "Guest" and each.kind != RELAY)
        named = sorted(persons, key=self._rank)
        count = sum(each.pages for each in clients)
        parts: list[Component] = [html.Span("1 is here" if count == 1 else f"{count} are here", style=_FAINT)]
        parts += [self._chip(client) for client in named[:MOST_NAMES]]
        more = max(0, len(named) - MOST_NAMES)
        nameless = count - len(named)
        words = [f"{more} more"] if more else []
        words += [f"{nameless} without a name"] if nameless and (named or self._roles.floor.holder) else []
        parts += [html.Span("and " + ", ".join(words), style=_FAINT)] if words else []
        return [*parts, html.Span(self._floor(), style=_FAINT)] if self._floor() else parts

    def _rank(self, client: Client) -> tuple[bool, bool, float, str]:
        floor = self._roles.floor
        asks = floor.place(client) or float("inf")
        return client.role is not Role.OWNER, client is not floor.holder, asks, client.label.casefold()

    def _chip(self, client: Client) -> html.Span:
        place = self._roles.floor.place(client)
        style = _OWNER if client.role is Role.OWNER else _CHIP
        does = f" asks ({place})" if place else ""
        if client is self._roles.floor.holder:
            style, does = _HOLDER, " has control"
        # Where a name is long, it is cut, and not what its client does.
        shown = [html.Span(client.label, style=_NAME), does] if does else client.label
        return html.Span(shown, style=style, title=f"{client.label}: {client.role}")

    def _floor(self) -> str:
        floor = self._roles.floor
        if floor.holder is not None:
            return "" if floor.holder.label != "Guest" else "A guest has control"
        return "The controls are closed" if floor.state == "closed" else ""
