"""The HTTP side of an app: the page, and Dash's routes where they are asked for over HTTP."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import itsdangerous
import quart

from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.delivery.http_calls import HttpCalls, Refused
from dash_devices_nb.app.delivery.routes import page_script
from dash_devices_nb.app.execution.regular_call import SERVER_ERROR
from dash_devices_nb.app.execution.regular_calls import RegularCalls
from dash_devices_nb.app.sessions.manager import SessionManager
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.plain_text import plain_text
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import BODY, MESSAGE, LinkBudget
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.services import Services

CLIENT_HEADER = "X-Dash-Devices-Client"
"""By which a page says which client it is: "id.key"."""
REVISION_HEADER = "X-Dash-Devices-Revision"
UPDATE = "_dash-update-component"
EPOCH_HEADER = "X-Dash-Devices-Epoch"
"""Of which run of the app the revision is: a page whose WebSocket comes after its layout asks for what came between."""


class Web(dash_internals.DashInternals):
    """The page and its routes."""

    sessions: SessionManager
    regular: RegularCalls
    server_service: Services
    outside: HttpCalls
    through_jupyter = False
    holds = "coroutines"
    """What a busy kernel holds up: "all" where the kernel's own loop serves, else "coroutines"."""

    def index(self, *args: Any, **kwargs: Any) -> str:
        """The page: stock Dash's, with our script before all others."""
        self.note_libraries()
        page = self.addresses.complete(str(super().index(*args, **kwargs)), self.assets_folder_of_urls)
        marks = (page.find(mark) for mark in ("</head>", '<script id="_dash-config"', "<script"))
        place = next(place for place in marks if place >= 0)
        return page[:place] + self._script_tags() + page[place:]

    def _script_tags(self) -> str:
        prefix = self.config.requests_pathname_prefix
        most, body = self._longest()
        settings = {
            "prefix": prefix,
            "update": bool(self.server_service & Services.PUSHER_UPDATE),
            "other": bool(self.server_service & Services.PUSHER_OTHER),
            "socket": self.socket_outputs(),
            "jupyter": self.through_jupyter,
            "holds": self.holds,
            "most": most,
            "body": body,
            "moved": self.addresses.settings(self.assets_folder_of_urls, self.paths()),
        }
        return (
            f'<script id="_dash-devices-config" type="application/json">{dash_internals.text_of(settings)}</script>\n'
            f'<script src="{prefix}_dash-devices/page-{page_script()[1]}.js"></script>\n'
        )

    def _longest(self) -> tuple[int, int]:
        """The longest frame and the longest request over HTTP that whoever loads the page may send, in bytes."""
        most, body = self.max_message_bytes, self.sessions.sharing.admission.limits.body
        if not quart.has_request_context() or self.sessions.share_of(None, quart.request) is None:
            return most, body
        rights = self.sessions.rights_of(dict(quart.request.headers))
        return MESSAGE.get(rights, most), BODY if rights is Role.VIEW else body

    def body_limits(self, path: str, headers: Any) -> tuple[int | None, LinkBudget | None]:
        """How long a request may be, and the budget for which it counts; see `delivery.request_bodies`."""
        sessions = self.sessions
        share = sessions.share_of_headers(headers)
        budget = None if share is None else sessions.sharing.budget_of_share(share)
        if budget is not None and sessions.rights_of(headers) is Role.VIEW:
            return BODY, budget
        rest = path.removeprefix(str(self.config.routes_pathname_prefix))
        calls = rest == UPDATE or rest in self.outside.endpoints or rest.lstrip("/") in self.outside.endpoints
        return (sessions.sharing.admission.limits.body if calls else None), budget

    def socket_outputs(self) -> list[str]:
        """The regular callbacks that need the WebSocket: by their own service, or because they stream."""
        specs = self.regular.specs.items()
        return [
            output for output, spec in specs if spec.service & Services.PUSHER_UPDATE or self.wants_websocket(output)
        ]

    @property
    def max_message_bytes(self) -> int:
        """The largest frame that a page may send, in bytes."""
        return 32 * 1024 * 1024

    def route_role(self, role: str, *names: str) -> Callable[[Any], Any]:
        """Set what a route of the program's own needs, by whatever method: "view", "control" or "owner".

        Where a program says nothing, whoever sees the page may ask by GET, HEAD and OPTIONS; other methods and
        WebSockets need "control". As a decorator below Quart's:

            @app.server.post("/fire")
            @app.route_role("owner")
            async def fire(): ...

        Args:
            role: the least role. The floor counts as for callbacks.
            names: of endpoints or blueprints, of which there is no function to decorate:
                `app.route_role("owner", "admin", "static")`.

        Raises:
            RoleError: there is no such role.
        """
        return self.routes_of_server.role(role, *names)

    # ---- Dash's routes over HTTP; Quart runs plain views off the loop

    def serve_layout(self) -> Any:
        """The layout with the shared values laid over it."""
        page = self._asking()
        withheld = page is None and self.sessions.withholds(dict(quart.request.headers))
        text, revision = self.sessions.layout_text(page, withheld=withheld)
        response = self.backend.make_response(text, mimetype="application/json")
        response.headers[REVISION_HEADER] = str(revision)
        response.headers[EPOCH_HEADER] = self.sessions.epoch
        return response

    def dependencies(self) -> Any:
        """The regular and clientside callbacks."""
        return self.backend.make_response(
            dash_internals.text_of(self.page_dependencies()), content_type="application/json"
        )

    def page_dependencies(self) -> list[dict[str, Any]]:
        """The regular and clientside callbacks, as pages get them."""
        return self.declared()

    def http_view(self) -> Any:
        """The view of Dash's update route."""

        async def dispatch() -> Any:
            try:
                answer = await self.outside.asked(await self.outside.asker(self._asking()))
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

    def api_view(self, path: str) -> Any:
        """The view of an API endpoint."""
        return self.outside.view(path, self._asking)

    def mcp_view(self, stock_view: Any) -> Any:
        """The view of MCP's POST."""
        return self.outside.mcp_view(stock_view, self._asking)

    def serves_api(self, path: str, output: str) -> None:
        """This app's callback with this output has an API endpoint."""
        super().serves_api(path, output)
        self.outside.serves(path, output)

    def tools_of(self, registered: dict[str, Any]) -> dict[str, Any]:
        """The functions of `dash.mcp.mcp_enabled` as MCP's tools call them."""
        return self.outside.tools(registered)

    def tool_asks(self, body: dict[str, Any]) -> Any:
        """What stands for a callback that an MCP tool is about to run, or None."""
        return self.outside.tool_asks(body)

    async def hide_from_guests(self, response: Any) -> Any:
        """What a guest reads of an error: in debug mode it is a traceback, which shows the program."""
        if response.status_code == SERVER_ERROR and self.sessions.share_of(None, quart.request):
            response.set_data("Internal server error.")
            response.content_type = "text/plain; charset=utf-8"
        return response

    async def name_browser(self, response: Any) -> Any:
        """Give a browser that loads the page a name of ours, by which its tabs are one person's."""
        request = quart.request
        loads = request.method == "GET" and response.status_code == 200 and response.mimetype == "text/html"
        if loads and not self.sessions.browsers.known(request.cookies):
            other_site = request.headers.get("Sec-Fetch-Site") == "cross-site"
            framed = other_site and request.headers.get("Sec-Fetch-Dest") in ("iframe", "frame")
            secure = request.scheme == "https"
            prefix = str(self.config.requests_pathname_prefix)
            response.headers.add("Set-Cookie", self.sessions.browsers.cookie(prefix, secure=secure, framed=framed))
            response.headers.setdefault("Cache-Control", "private, no-store")  # the name is this browser's alone
        return response

    def page_client(self) -> Client | None:
        """The client of the page that sent the current request, or None."""
        page = self._asking()
        return None if page is None else page.client

    def _asking(self) -> ClientSession | None:
        """The page that sent the current request."""
        name, _, key = quart.request.headers.get(CLIENT_HEADER, "").partition(".")
        page = self.sessions.runtime.pages.get(name)
        genuine = page is not None and secrets.compare_digest(page.key.encode(), key.encode())
        return page if genuine else None

    def streams(self, output: Any) -> bool:
        """Whether a callback asked for `ctx.websocket`."""
        return self.wants_websocket(str(output))

    def session_of(self, headers: dict[str, str], cookies: dict[str, str]) -> dict[str, Any]:
        """The browser's Quart session at the handshake of its WebSocket; empty where there is none."""
        interface = self.server.session_interface
        serializer = getattr(interface, "get_signing_serializer", lambda app: None)(self.server)
        cookie = cookies.get(interface.get_cookie_name(self.server))
        if serializer is None or not cookie:
            return {}
        try:
            loaded = serializer.loads(cookie, max_age=self.server.permanent_session_lifetime.total_seconds())
        except itsdangerous.BadSignature:
            return {}  # it is not ours, or has expired
        return loaded if isinstance(loaded, dict) else {}
