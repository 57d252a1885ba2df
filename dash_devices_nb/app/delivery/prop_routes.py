"""`GET` and `PUT {app}/api/props/{id}/{prop}`, and `{app}/api/openapi.json`: props for programs in any language.

A `PUT` passes the same checks as a change of a page: the limits of its link, the role, the floor, and the program's own
hooks; and it is in the journal. The revision is the ETag, so `If-Match` is compare and set (`docs/remote.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, cast

import quart

from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.delivery.http_calls import HttpCalls, Refused
from dash_devices_nb.app.delivery.openapi import document
from dash_devices_nb.app.sessions.changes import Outcome, Why
from dash_devices_nb.app.sessions.manager import SessionManager
from dash_devices_nb.app.stock_dash.plain_text import plain_text
from dash_devices_nb.app.stock_dash.types import Function, JsonObject
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.props import json_limits
from dash_devices_nb.core.props.ids import Key, canonical
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.protocol.messages import dumps
from dash_devices_nb.core.protocol.page_frames import PROGRAM, is_plain
from dash_devices_nb.errors import FrameError
from dash_devices_nb.transport.serve import Scope

PROPS, OPENAPI = "dash_devices_props", "dash_devices_openapi"
"""The names of the routes. Whoever sees the page may ask for them; what a `PUT` needs is checked here."""
PATH = "api/props/"
OK, NOT_MODIFIED, BAD_REQUEST, FORBIDDEN, MISSING, CONFLICT, STALE, UNFIT = 200, 304, 400, 403, 404, 409, 412, 422
MOST_DIGITS = 20
"""The digits of the greatest revision. Python refuses to read a number of thousands of them."""
STATUS = {
    Why.FORBIDDEN: FORBIDDEN,
    Why.ABSENT: MISSING,
    Why.PRIVATE: CONFLICT,
    Why.CHANGED: STALE,
    Why.UNFIT: UNFIT,
}


class Roles(Protocol):
    """What each route of a server needs (`stock_dash.route_roles.RouteRoles`)."""

    def known(self, *endpoints: str) -> None:
        """Note endpoints for everybody who may see the page."""


class PropRoutes:
    """The props of one app over HTTP.

    Args:
        sessions: the sessions of the app.
        calls: reads requests, and knows the callbacks that have a name.
        page_of: the page that sends the current request, or None.
    """

    def __init__(self, sessions: SessionManager, calls: HttpCalls, page_of: Callable[[], ClientSession | None]) -> None:
        self._sessions = sessions
        self._runtime = sessions.runtime
        self._calls = calls
        self._page_of = page_of

    def attach(self, server: quart.Quart, prefix: str, roles: Roles) -> None:
        """Add the routes to a server."""
        roles.known(PROPS, OPENAPI)
        server.add_url_rule(f"{prefix}{PATH}<path:component_id>/<prop>", PROPS, self._asked, methods=["GET", "PUT"])
        server.add_url_rule(f"{prefix}api/openapi.json", OPENAPI, self._described, methods=["GET"])

    async def _asked(self, component_id: str, prop: str) -> quart.Response:
        try:
            json_limits.checked(component_id, prop, "the address")
            key = canonical(component_id), prop
            return await self._put(key) if quart.request.method == "PUT" else self._get(key)
        except Refused as refused:
            return plain_text(refused.text, refused.status)
        except FrameError as error:
            return plain_text(f"{error}.", BAD_REQUEST)

    def _get(self, key: Key) -> quart.Response:
        page = self._page_of()
        headers = dict(quart.request.headers)
        withheld = page.client.withheld if page is not None else self._sessions.withholds(headers)
        dispatcher = self._runtime.dispatcher
        with self._runtime.lock:
            if key[0] not in dispatcher.layout and key not in dispatcher.state:
                raise Refused(MISSING, f"There is no component {key[0]!r:.100}.")
            entry = None if withheld else dispatcher.state.get(key)
            value = dispatcher.layout_value(key) if withheld else dispatcher.value(key)
        revision = 0 if entry is None else entry.revision
        if _tag(revision) == headers.get("If-None-Match"):
            return _answer({}, revision, NOT_MODIFIED)
        return _answer({"id": key[0], "prop": key[1], "value": value.plain, "revision": revision}, revision)

    async def _put(self, key: Key) -> quart.Response:
        page = self._page_of()
        asker = await self._calls.asker(page)
        body = (await self._calls.posted()).body
        if set(body) != {"value"}:
            raise Refused(BAD_REQUEST, f'The body is {{"value": ...}}, not an object with {sorted(body)!s:.100}.')
        if not is_plain(body["value"]):
            raise Refused(BAD_REQUEST, "A program sets values; a Patch, or an event, is the app's to send.")
        if_revision = _revision(quart.request.headers.get("If-Match"))
        if self._sessions.authorizers and page is None:
            raise Refused(FORBIDDEN, "This app asks who changes its props: only its open pages and programs may.")
        client = asker.client or self._stranger()
        unauthorized = await self._sessions.changes.unauthorized(client, [key]) if self._sessions.authorizers else ()
        outcome = self._sessions.changes.make(client, {key: Value.of(body["value"])}, if_revision, unauthorized)
        self._runtime.flush()
        return self._told(key, outcome)

    def _stranger(self) -> Client:
        """The client of a request without a session. It is in no list: it has left when it is answered."""
        headers = dict(quart.request.headers)
        client = self._sessions.client_of(cast("Scope", quart.request.scope))
        client.has_opened(PROGRAM)
        client.has_been_granted(self._sessions.rights_of(headers))
        if self._sessions.withholds(headers):
            client.authentication = False
        return client

    def _told(self, key: Key, outcome: Outcome) -> quart.Response:
        if outcome.why is None:
            return _answer({"id": key[0], "prop": key[1], "revision": outcome.revision}, outcome.revision)
        if outcome.why is not Why.CHANGED:
            return plain_text(outcome.text, STATUS[outcome.why])
        held = {"error": outcome.text, "value": outcome.current[key], "revision": outcome.revision}
        return _answer(held, outcome.revision, STALE)

    async def _described(self) -> quart.Response:
        with self._runtime.lock:
            refs = self._runtime.dispatcher.graph.refs()
            shared = sorted({f"{ref.id}.{ref.prop}" for ref in refs if not ref.pattern})
        functions: Mapping[str, Function | None] = {
            path: self._calls.function_of(output) for path, output in self._calls.endpoints.items()
        }
        response = quart.Response(dumps(document(self._runtime.name, shared, functions)), OK)
        response.content_type = "application/json"
        return response


def _tag(revision: int) -> str:
    """The ETag of a revision."""
    return f'"{revision}"'


def _revision(tag: str | None) -> int | None:
    """The revision in `If-Match`. None: in any case. Raises Refused."""
    if tag is None or tag == "*":
        return None
    digits = tag.removeprefix('"').removesuffix('"')
    if len(digits) > MOST_DIGITS or not digits.isdecimal() or _tag(int(digits)) != tag:
        raise Refused(BAD_REQUEST, f'If-Match is the ETag that a GET has answered, such as "7", not {tag:.60}.')
    return int(digits)


def _answer(body: JsonObject, revision: int, status: int = OK) -> quart.Response:
    response = quart.Response(dumps(body) if status != NOT_MODIFIED else "", status)
    response.content_type = "application/json"
    response.headers["ETag"] = _tag(revision)
    response.headers["Cache-Control"] = "private, no-cache"
    return response
