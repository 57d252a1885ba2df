"""The role that each route of an app's server requires. It is checked before any guard or view runs.

| route | required role |
|---|---|
| Dash's that show the page (`OF_DASH`, its health, assets, redirects) | "view" |
| Dash's that call callbacks (its update route, API endpoints, MCP) | "view"; each callback has a role of its own |
| ours for props, `api/props` and `api/openapi.json` | "view"; each change needs the role of the prop |
| any other route of Dash, such as one of a later Dash | "owner" |
| the program's own, by GET, HEAD or OPTIONS | "view" |
| the program's own, by any other method, and its WebSockets | "control" |
| a route with `app.route_role` | that role, by any method |

The floor counts as it does for callbacks: while it is closed, "control" may not act.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import quart
from werkzeug.routing import Rule

from dash_devices_nb.app.stock_dash.types import Function
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
"""Dash's routes below the app's prefix for everybody who may see the page."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SOCKET = "update_component_socket"
"""The endpoint of the pages' WebSocket, named as in `dash_devices`."""
ROLE_OF = "dash_devices_nb_role"
"""The attribute by which `app.route_role` marks a view function."""
FORBIDDEN = 403

F = TypeVar("F", bound=Function)


class RouteRoles:
    """The routes of one server and the role that each needs."""

    def __init__(self) -> None:
        self._dashs: set[str] = set()
        self._known: set[str] = {SOCKET}
        self._set: dict[str, Role] = {}

    # ---- what is known of them

    @contextmanager
    def of_dash(self, server: quart.Quart) -> Iterator[None]:
        """Note the routes that are added in the block as Dash's."""
        before = {rule.endpoint for rule in server.url_map.iter_rules()}
        try:
            yield
        finally:
            self._dashs |= {rule.endpoint for rule in server.url_map.iter_rules()} - before

    def known(self, *endpoints: str) -> None:
        """Note endpoints of Dash for everybody who may see the page."""
        self._known.update(endpoints)

    def own(self, *endpoints: str) -> None:
        """Note endpoints of the program that Dash has added."""
        self._dashs.difference_update(endpoints)

    def set(self, name: str, role: Role) -> None:
        """Set the role of an endpoint or of a whole blueprint."""
        self._set[name] = role

    def needed(self, rule: Rule, blueprints: list[str], method: str, view: object) -> Role:
        """The role that a request requires. The method of a WebSocket is "WEBSOCKET"."""
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

    def role(self, role: str, *names: str) -> Callable[[F], F]:
        """Implement `app.route_role`."""
        wanted = Role(role)
        for name in names:
            if not isinstance(name, str):
                raise RoleError(f"{name!r:.100} names no route; app.route_role takes names of endpoints or blueprints")
            self.set(name, wanted)

        def mark(view: F) -> F:
            setattr(view, ROLE_OF, wanted)
            return view

        return mark


def _is_of_dash(view: object) -> bool:
    return str(getattr(view, "__module__", "")).partition(".")[0] == "dash"
