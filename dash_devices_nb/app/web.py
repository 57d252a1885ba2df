"""The HTTP side of an app: the page, and Dash's routes where they are asked for over HTTP."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import itsdangerous
import quart

from dash_devices_nb.app import stock
from dash_devices_nb.app.asgi import page_script
from dash_devices_nb.app.asked import output_names
from dash_devices_nb.app.hub import Hub
from dash_devices_nb.app.pages import Page
from dash_devices_nb.app.regular import SERVER_ERROR, Answer, RegularCall, RegularCalls
from dash_devices_nb.app.runtime import settle
from dash_devices_nb.core import wire
from dash_devices_nb.core.clients import Client
from dash_devices_nb.core.limits import cost
from dash_devices_nb.core.roles import Role
from dash_devices_nb.core.services import Services
from dash_devices_nb.errors import FrameError

CLIENT_HEADER = "X-Dash-Devices-Client"
"""By which a page says which client it is: "id.key"."""
REVISION_HEADER = "X-Dash-Devices-Revision"
EPOCH_HEADER = "X-Dash-Devices-Epoch"
"""Of which run of the app the revision is: a page whose WebSocket comes after its layout asks for what came between."""


class Web(stock.StockDash):
    """The page and its routes."""

    hub: Hub
    regular: RegularCalls
    server_service: Services
    through_jupyter = False
    holds = "coroutines"
    """What a busy kernel holds up: "all" where the kernel's own loop serves, else "coroutines"."""

    def index(self, *args: Any, **kwargs: Any) -> str:
        """The page: stock Dash's, with our script before all others."""
        self.note_libraries()
        page = str(super().index(*args, **kwargs))
        marks = (page.find(mark) for mark in ("</head>", '<script id="_dash-config"', "<script"))
        place = next(place for place in marks if place >= 0)
        return page[:place] + self._script_tags() + page[place:]

    def _script_tags(self) -> str:
        prefix = self.config.requests_pathname_prefix
        settings = {
            "prefix": prefix,
            "update": bool(self.server_service & Services.PUSHER_UPDATE),
            "other": bool(self.server_service & Services.PUSHER_OTHER),
            "socket": self.socket_outputs(),
            "jupyter": self.through_jupyter,
            "holds": self.holds,
            "most": self.max_message_bytes,
        }
        return (
            f'<script id="_dash-devices-config" type="application/json">{stock.text_of(settings)}</script>\n'
            f'<script src="{prefix}_dash-devices/page-{page_script()[1]}.js"></script>\n'
        )

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

    # ---- Dash's routes over HTTP; Quart runs plain views off the loop

    def serve_layout(self) -> Any:
        """The layout with the shared values laid over it."""
        text, revision = self.hub.layout_text()
        response = self.backend.make_response(text, mimetype="application/json")
        response.headers[REVISION_HEADER] = str(revision)
        response.headers[EPOCH_HEADER] = self.hub.epoch
        return response

    def dependencies(self) -> Any:
        """The regular and clientside callbacks."""
        return self.backend.make_response(stock.text_of(self.page_dependencies()), content_type="application/json")

    def page_dependencies(self) -> list[dict[str, Any]]:
        """The regular and clientside callbacks, as pages get them."""
        return self.declared()

    def http_view(self) -> Any:
        """The view of Dash's update route."""

        async def dispatch() -> Any:
            try:
                body = await quart.request.get_json()
                wire.check_writable(body)
            except (FrameError, RecursionError) as error:
                return f"The body of a callback cannot be taken: {error}.", 400
            if not isinstance(body, dict):
                return "The body of a callback is a JSON object.", 400
            page = self._asking()
            client = None if page is None else page.client
            if share := self.hub.share_of(client, quart.request):
                bucket = self.hub.sharing.bucket_of(share) if page is None else page.bucket
                if not await self.hub.sharing.affords(bucket, cost("req", len(await quart.request.get_data()))):
                    return "This is far more than a guest may ask for.", 429
            try:
                outputs = output_names(body)
            except FrameError as error:
                return str(error), 400
            for output in outputs if self.hub.authorizers else ():
                if client is None:
                    return "This app asks who calls its callbacks: only its open pages may.", 403
                if not await self.hub.authorized(client, output):
                    return f"You may not call the callback of {output or 'no output'}.", 403
            request = quart.request._get_current_object()  # type: ignore[attr-defined]
            rights = self.hub.rights_of(request.headers)
            if not self.hub.roles.lets(call := RegularCall(body, client, None, lambda _: None, rights=rights)):
                return ("You may not call this callback.", 403) if call.acted else ("", 204)
            answer = await self._answered(body, client, stock.HttpRequest(request), rights)
            if answer.response is None:
                return answer.body, answer.status
            return answer.response.set_response(data=answer.body)

        dispatch.__name__ = dispatch.__qualname__ = "dispatch"
        dispatch.__module__ = "dash.dash"
        return dispatch

    async def hide_from_guests(self, response: Any) -> Any:
        """What a guest reads of an error: in debug mode it is a traceback, which shows the program."""
        if response.status_code == SERVER_ERROR and self.hub.share_of(None, quart.request):
            response.set_data("Internal server error.")
            response.content_type = "text/plain; charset=utf-8"
        return response

    async def _answered(self, body: dict[str, Any], client: Client | None, request: Any, rights: Role) -> Answer:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()

        def done(answer: Answer) -> None:
            loop.call_soon_threadsafe(settle, future, answer)

        self.regular.start(RegularCall(body, client, request, done, rights=rights))
        return await future

    def _asking(self) -> Page | None:
        """The page that sent the current request."""
        name, _, key = quart.request.headers.get(CLIENT_HEADER, "").partition(".")
        page = self.hub.runtime.pages.get(name)
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
