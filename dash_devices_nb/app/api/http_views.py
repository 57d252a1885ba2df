"""The views of an app over HTTP: the page, and Dash's routes where they are asked for over HTTP."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import quart

from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.delivery.file_requests import answer_odd_requests
from dash_devices_nb.app.delivery.forms import parse_off_the_loop
from dash_devices_nb.app.delivery.http_calls import HttpCalls, Refused
from dash_devices_nb.app.delivery.plain_views import PlainViews
from dash_devices_nb.app.delivery.prop_routes import PATH as PROPS_PATH
from dash_devices_nb.app.delivery.prop_routes import PropRoutes
from dash_devices_nb.app.delivery.request_bodies import spool
from dash_devices_nb.app.delivery.routes import Routes, page_script
from dash_devices_nb.app.delivery.stop_buttons import ENDPOINT as STOP
from dash_devices_nb.app.delivery.stop_buttons import StopButtons
from dash_devices_nb.app.execution.regular_call import SERVER_ERROR
from dash_devices_nb.app.execution.regular_calls import RegularCalls
from dash_devices_nb.app.serving.serving_state import ServingState
from dash_devices_nb.app.sessions.manager import SessionManager
from dash_devices_nb.app.sessions.request_guards import RouteGuard, SocketGuard, SocketRoute
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.plain_text import plain_text
from dash_devices_nb.app.stock_dash.route_roles import RouteRoles
from dash_devices_nb.app.stock_dash.types import Function, JsonObject, McpFunctions, Response
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.display_names import LONGEST_NAME
from dash_devices_nb.core.access.link_budget import BODY, MESSAGE, LinkBudget
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.errors import RunError
from dash_devices_nb.registration.share_cookies import came_over_tls
from dash_devices_nb.transport.serve import ASGIApp

CLIENT_HEADER = "X-Dash-Devices-Client"
"""By which a page says which client it is: "id.key"."""
REVISION_HEADER = "X-Dash-Devices-Revision"
OWN_HEADER = "X-Dash-Devices-Own"
"""The number of the page's last change that is in a layout. Later ones are still on their way over the WebSocket."""
UPDATE = "_dash-update-component"
EPOCH_HEADER = "X-Dash-Devices-Epoch"
"""Of which run of the app the revision is: a page whose WebSocket comes after its layout asks for what came between."""
MAX_MESSAGE_BYTES = 32 * 1024 * 1024
"""The largest frame that a page may send."""
LANGUAGE = "DASH_DEVICES_LANGUAGE"
"""The environment variable with the language of pages whose program names none."""
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def language_of(given: str | None, environ: Mapping[str, str]) -> str:
    """The language of an app's page; empty: the browser's. Raises RunError if it is no tag of a language."""
    language = environ.get(LANGUAGE, "") if given is None else given
    if language and not _TAG.fullmatch(language):
        raise RunError(f"language={language!r}: give the tag of a language, such as 'de' or 'pt-BR'")
    return language


class HttpViews:
    """The page of one app and its routes (`dash_internals.Views`).

    Args:
        stock: the app's side of stock Dash.
        sessions: the sessions of the app.
        calls: its regular callbacks.
        http_calls: answers callbacks that are asked for over HTTP.
        route: the route of the pages' WebSocket.
        serving: says where the app is served.
        service: how pages ask: `Dash(server_service=)`.
        language: the language of the page; empty: the browser's.
        start: starts the app where somebody else's server serves it.
        end: ends the app when that server stops.

    Attributes:
        routes: what each route of the server needs.
    """

    def __init__(
        self,
        stock: dash_internals.StockDash,
        sessions: SessionManager,
        calls: RegularCalls,
        http_calls: HttpCalls,
        route: SocketRoute,
        serving: ServingState,
        stops: StopButtons,
        service: Services,
        language: str,
        start: Callable[[], Awaitable[None]],
        end: Callable[[], Awaitable[None]],
    ) -> None:
        self._stock = stock
        self._sessions = sessions
        self._calls = calls
        self._http_calls = http_calls
        self._route = route
        self._serving = serving
        self._service = service
        self._language = language
        self._start = start
        self._end = end
        self.routes = RouteRoles()
        self._stops = stops

    # ---- the server

    def check_server(self, server: object) -> None:
        """Raise RunError if the server serves another app of ours."""
        front = getattr(server, "asgi_app", None)
        if isinstance(front, Routes) and front.sessions is not self._sessions:
            raise RunError(
                f"This quart.Quart serves the app {front.sessions.runtime.name!r} at {front.prefix} already, and it "
                "serves one app of dash_devices_nb. Give the second one a quart.Quart of its own (leave out server=), "
                "or make both one app with pages (use_pages=True)."
            )

    def attach(self, server: quart.Quart) -> None:
        """Stand in front of the routes of a server, and add our own. Is idempotent."""
        if isinstance(server.asgi_app, Routes):
            return
        self._route.attach(server, f"{self._stock.config.routes_pathname_prefix}_dash-devices/ws")
        guard = SocketGuard(self._route, self._stock.hooked, self._sessions)
        server.asgi_app = Routes(  # type: ignore[method-assign, assignment]
            cast("ASGIApp", server.asgi_app), self._sessions, self._calls, guard, self._stock, self._start
        )
        server.after_serving(self._end)
        server.after_request(self._hide_from_guests)
        server.after_request(self._name_browser)
        spool(server, self.body_limits)
        parse_off_the_loop(server)
        answer_odd_requests(server)
        self.routes.set(STOP, Role.VIEW)
        prefix = str(self._stock.config.routes_pathname_prefix)
        PropRoutes(self._sessions, self._http_calls, self._asking).attach(server, prefix, self.routes)
        self._stops.attach(server, prefix, self._sender)
        PlainViews(self._sessions).guard(server)
        RouteGuard(self.routes, self._sessions, self.page_client).guard(server)

    # ---- the page

    def page(self, make: Callable[[], str]) -> str:
        """The page: stock Dash's, with our script before all others."""
        self._stock.note_libraries()
        page = self._stock.addresses.complete(make(), self._stock.assets_folder_of_urls)
        marks = (page.find(mark) for mark in ("</head>", '<script id="_dash-config"', "<script"))
        place = next(place for place in marks if place >= 0)
        page = page[:place] + self._script_tags() + page[place:]
        return page.replace("<html>", f'<html lang="{self._language}">', 1) if self._language else page

    def _script_tags(self) -> str:
        prefix = self._stock.config.requests_pathname_prefix
        most, body = self._longest()
        settings = {
            "prefix": prefix,
            "update": bool(self._service & Services.PUSHER_UPDATE),
            "other": bool(self._service & Services.PUSHER_OTHER),
            "socket": self._sessions.socket_outputs(),
            "jupyter": self._serving.through_jupyter,
            "holds": self._serving.holds,
            "most": most,
            "body": body,
            "name": LONGEST_NAME,
            "language": self._language,
            "moved": self._stock.addresses.settings(self._stock.assets_folder_of_urls, self._stock.paths()),
        }
        return (
            f'<script id="_dash-devices-config" type="application/json">{dash_internals.text_of(settings)}</script>\n'
            f'<script src="{prefix}_dash-devices/page-{page_script()[1]}.js"></script>\n'
        )

    def _longest(self) -> tuple[int, int]:
        """The longest frame and the longest request over HTTP that whoever loads the page may send, in bytes."""
        most, body = MAX_MESSAGE_BYTES, self._sessions.sharing.admission.limits.body
        if not quart.has_request_context() or self._sessions.share_of(None, quart.request) is None:
            return most, body
        rights = self._sessions.rights_of(dict(quart.request.headers))
        return MESSAGE.get(rights, most), BODY if rights is Role.VIEW else body

    def body_limits(self, path: str, headers: Mapping[str, str]) -> tuple[int | None, LinkBudget | None]:
        """How long a request may be, and the budget for which it counts; see `delivery.request_bodies`."""
        sessions = self._sessions
        share = sessions.share_of_headers(headers)
        budget = None if share is None else sessions.sharing.budget_of_share(share)
        if budget is not None and sessions.rights_of(headers) is Role.VIEW:
            return BODY, budget
        rest = path.removeprefix(str(self._stock.config.routes_pathname_prefix))
        named = rest in self._http_calls.endpoints or rest.lstrip("/") in self._http_calls.endpoints
        calls = named or rest == UPDATE or rest.startswith(PROPS_PATH)
        return (sessions.sharing.admission.limits.body if calls else None), budget

    # ---- Dash's routes over HTTP; Quart runs plain views off the loop

    def layout(self) -> Response:
        """The layout with the shared values laid over it."""
        page = self._asking()
        withheld = page is None and self._sessions.withholds(dict(quart.request.headers))
        text, revision, own = self._sessions.layout_text(page, withheld=withheld)
        response = self._stock.response(text, mimetype="application/json")
        response.headers[REVISION_HEADER] = str(revision)
        response.headers[EPOCH_HEADER] = self._sessions.epoch
        if page is not None:
            response.headers[OWN_HEADER] = str(own)
            with self._sessions.runtime.lock:
                self._sessions.laid_out(page)
            self._sessions.runtime.flush()
        return response

    def dependencies(self) -> Response:
        """The regular and clientside callbacks."""
        return self._stock.response(dash_internals.text_of(self._stock.declared()), content_type="application/json")

    def update(self) -> Function:
        """The view of Dash's update route."""

        async def dispatch() -> Response:
            try:
                answer = await self._http_calls.asked(await self._http_calls.asker(self._asking()))
            except Refused as refused:
                return plain_text(refused.text, refused.status)
            if answer.response is not None:
                return answer.response.set_response(data=answer.body)
            # In debug mode an error is a page with its traceback.
            return (
                (answer.body, answer.status)
                if answer.status == SERVER_ERROR
                else plain_text(answer.body, answer.status)
            )

        dispatch.__name__ = dispatch.__qualname__ = "dispatch"
        dispatch.__module__ = "dash.dash"
        return dispatch

    def api(self, path: str) -> Function:
        """The view of an API endpoint."""
        return self._http_calls.view(path, self._asking)

    def mcp(self, stock_view: Function) -> Function:
        """The view of MCP's POST."""
        return self._http_calls.mcp_view(stock_view, self._asking)

    def serves_api(self, path: str, output: str) -> None:
        """This app's callback with this output has an API endpoint."""
        self._http_calls.serves(path, output)

    def tools(self, registered: McpFunctions) -> McpFunctions:
        """The functions of `dash.mcp.mcp_enabled` as MCP's tools call them."""
        return self._http_calls.tools(registered)

    def tool_asks(self, body: JsonObject) -> Callable[[], str] | None:
        """What stands for a callback that an MCP tool is about to run, or None."""
        return self._http_calls.tool_asks(body)

    async def _hide_from_guests(self, response: Response) -> Response:
        """What a guest reads of an error: in debug mode it is a traceback, which shows the program."""
        if response.status_code == SERVER_ERROR and self._sessions.share_of(None, quart.request):
            response.set_data("Internal server error.")
            response.content_type = "text/plain; charset=utf-8"
        return response

    async def _name_browser(self, response: Response) -> Response:
        """Give a browser that loads the page a name of ours, by which its tabs are one person's."""
        request = quart.request
        loads = request.method == "GET" and response.status_code == 200 and response.mimetype == "text/html"
        if loads and not self._sessions.browsers.known(request.cookies):
            other_site = request.headers.get("Sec-Fetch-Site") == "cross-site"
            framed = other_site and request.headers.get("Sec-Fetch-Dest") in ("iframe", "frame")
            secure = came_over_tls(request.scheme, request.headers.get("X-Forwarded-Proto", ""))
            prefix = str(self._stock.config.requests_pathname_prefix)
            response.headers.add("Set-Cookie", self._sessions.browsers.cookie(prefix, secure=secure, framed=framed))
            response.headers.setdefault("Cache-Control", "private, no-store")  # the name is this browser's alone
        return response

    def _sender(self) -> tuple[Client | None, Role]:
        """The client of the page that sent the current request, and the sender's role, whoever has the floor."""
        client = self.page_client()
        if client is not None:
            return client, Role(client.role)
        return None, self._sessions.rights_of(dict(quart.request.headers))

    def page_client(self) -> Client | None:
        """The client of the page that sent the current request, or None."""
        page = self._asking()
        return None if page is None else page.client

    def _asking(self) -> ClientSession | None:
        """The page that sent the current request."""
        name, _, key = quart.request.headers.get(CLIENT_HEADER, "").partition(".")
        page = self._sessions.runtime.pages.get(name)
        genuine = page is not None and secrets.compare_digest(page.key.encode(), key.encode())
        return page if genuine else None
