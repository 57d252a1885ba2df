"""Who may ask for which route of an app's server, decided before any guard or view of it runs.

| route | what it needs |
|---|---|
| Dash's that show the page (`OF_DASH`, its health, assets, redirects) | "view" |
| Dash's that call callbacks (its update route, API endpoints, MCP) | "view"; each callback has a role of its own |
| any other of Dash's: one that we do not know, as of a later Dash | "owner" |
| the program's own, asked for by GET, HEAD or OPTIONS | "view" |
| the program's own, by any other method, and its WebSockets | "control" |
| what `app.route_role` names | what it says, by whatever method |

The floor counts as it does for callbacks: while it is closed, "control" may not act.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import quart

from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.errors import RoleError

OF_DASH = frozenset(
    {
        "",
        "<path:path>",
        "_dash-layout",
        "_dash-dependencies",
        "_dash-update-component",
        "_reload-hash",
        "_favicon.ico",
        "_dash-component-suites/<string:package_name>/<path:fingerprinted_path>",
    }
)
"""Dash's routes below the app's prefix that everybody may ask for who may see the page."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SOCKET = "update_component_socket"
"""The endpoint of the pages' WebSocket, as the original names it."""
ROLE_OF = "dash_devices_nb_role"
"""The attribute by which `app.route_role` marks a view function."""
FORBIDDEN = 403


class RouteRoles:
    """The routes of one server and the role that each needs."""

    def __init__(self) -> None:
        self._dashs: set[str] = set()
        self._known: set[str] = {SOCKET}
        self._set: dict[str, Role] = {}

    # ---- what is known of them

    @contextmanager
    def of_dash(self, server: quart.Quart) -> Iterator[None]:
        """What is added to the server meanwhile is Dash's."""
        before = {rule.endpoint for rule in server.url_map.iter_rules()}
        try:
            yield
        finally:
            self._dashs |= {rule.endpoint for rule in server.url_map.iter_rules()} - before

    def known(self, *endpoints: str) -> None:
        """These of Dash's are for everybody who may see the page."""
        self._known.update(endpoints)

    def own(self, *endpoints: str) -> None:
        """These are the program's own, though Dash has added them."""
        self._dashs.difference_update(endpoints)

    def set(self, name: str, role: Role) -> None:
        """Set the role of an endpoint, or of a blueprint's whole."""
        self._set[name] = role

    def needed(self, rule: Any, blueprints: list[str], method: str, view: Any) -> Role:
        """What a request needs; the method of a WebSocket is "WEBSOCKET"."""
        endpoint = rule.endpoint
        for name in (endpoint, *blueprints):
            if name in self._set:
                return self._set[name]
        if isinstance(marked := getattr(view, ROLE_OF, None), Role):
            return marked
        if endpoint in self._known:
            return Role.VIEW
        if endpoint in self._dashs or _is_of_dash(view):
            return Role.OWNER
        return Role.VIEW if method in SAFE else Role.CONTROL

    # ---- what the program says

    def role(self, role: str, *names: str) -> Callable[[Any], Any]:
        """What `app.route_role` does."""
        wanted = Role(role)
        for name in names:
            if not isinstance(name, str):
                raise RoleError(f"{name!r:.100} names no route; app.route_role takes names of endpoints or blueprints")
            self.set(name, wanted)

        def mark(view: Any) -> Any:
            setattr(view, ROLE_OF, wanted)
            return view

        return mark


def _is_of_dash(view: Any) -> bool:
    return str(getattr(view, "__module__", "")).partition(".")[0] == "dash"
