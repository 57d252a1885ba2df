"""Who gets in by a route: its role, and for the pages' WebSocket what the program puts before its routes.

Our WebSocket does not go through Quart (see `delivery.routes`), and yet it is the way to everything. So it asks, in
this order, what a request for the page and a WebSocket of the program's own would be asked: `before_request` (as of a
GET of the socket's address), `before_websocket`, `dash.hooks.websocket_connect`, and whatever a program has put around
`app.server.view_functions["update_component_socket"]`. A guard that answers, aborts or fails lets nobody in.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn, cast

import quart
from quart.ctx import RequestContext
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from dash_devices_nb.app.execution.call_queue import BusyError
from dash_devices_nb.app.stock_dash.plain_text import plain_text
from dash_devices_nb.app.stock_dash.route_roles import FORBIDDEN, SOCKET, RouteRoles
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.roles import Role

if TYPE_CHECKING:
    from hypercorn.typing import HTTPScope
    from quart.routing import QuartRule

    from dash_devices_nb.app.sessions.manager import SessionManager

Serve = Callable[[], Awaitable[None]]

_serving: contextvars.ContextVar[Serve | None] = contextvars.ContextVar("dash_devices_nb_serving", default=None)


class Refusal(Exception):
    """A WebSocket that is not let in: the code and the reason with which it is closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class RouteGuard:
    """Asks for the role of a route before anything else does; of one server.

    Args:
        routes: what each route needs.
        sessions: knows who somebody is.
        page_client: the client of the page that sends the current request, or None.
    """

    def __init__(self, routes: RouteRoles, sessions: SessionManager, page_client: Callable[[], Client | None]) -> None:
        self._routes = routes
        self._sessions = sessions
        self._page_client = page_client

    def guard(self, server: quart.Quart) -> None:
        """Stand before all other guards of the server."""
        server.before_request_funcs[None].insert(0, self._request)
        server.before_websocket_funcs[None].insert(0, self._websocket)

    async def _request(self) -> Any:
        request = quart.request._get_current_object()  # type: ignore[attr-defined]
        lacking = self._lacking(request, request.method, self._page_client())
        return None if lacking is None else plain_text(lacking, FORBIDDEN)

    async def _websocket(self) -> Any:
        websocket = quart.websocket._get_current_object()  # type: ignore[attr-defined]
        lacking = self._lacking(websocket, "WEBSOCKET", None)
        if lacking is None:
            return None
        # A refused handshake would tell the page nothing.
        await websocket.accept()
        await websocket.close(CloseCode.FORBIDDEN, lacking)
        return plain_text(lacking, FORBIDDEN)

    def _lacking(self, asked: Any, method: str, client: Client | None) -> str | None:
        """Why somebody may not, or None."""
        rule = asked.url_rule
        if rule is None:
            return None  # Quart answers that there is no such route, or method
        view = quart.current_app.view_functions.get(rule.endpoint)
        needed = self._routes.needed(rule, asked.blueprints, method, view)
        if needed is Role.VIEW:
            return None
        rights = client.rights if client is not None else self._sessions.rights_of(asked.headers)
        if rights >= needed:
            return None
        lacking = "That is for the owner." if needed is Role.OWNER else "You may look, but not act."
        self._sessions.recorder.refused(client, f"{method} {asked.path}: {lacking}")
        return lacking


class SocketGuard:
    """Asks the program's guards for the pages' WebSocket; of one server.

    Args:
        server: whose guards are asked.
        path: of the WebSocket.
        hooked: the hooks of a name (`dash.hooks`).
        sessions: knows who somebody is.
    """

    def __init__(
        self, server: quart.Quart, path: str, hooked: Callable[[str], Iterable[Any]], sessions: SessionManager
    ) -> None:
        self._server = server
        self._hooked = hooked
        self._sessions = sessions
        server.add_websocket(path, SOCKET, self._view)
        self._own = server.view_functions[SOCKET]

    @property
    def guarded(self) -> bool:
        """Whether the program has something before the socket that it has not before requests over HTTP."""
        return (
            bool(list(self._hooked("websocket_connect")))
            or self._server.view_functions[SOCKET] is not self._own
            or len(self._server.before_websocket_funcs[None]) > 1  # the first is the `RouteGuard`
        )

    @staticmethod
    async def _view(**_: Any) -> None:
        serve = _serving.get()
        if serve is None:
            raise Refusal(CloseCode.FORBIDDEN, "this WebSocket is served by the app alone")
        _serving.set(None)
        await serve()

    async def serve(self, scope: Any, receive: Any, send: Any, serve: Callable[[Any], Awaitable[None]]) -> None:
        """Serve a WebSocket with `serve`, which gets it as Quart has it, if all let it in; else tell it why not."""
        try:
            websocket = self._websocket(scope)
            await self._before_request(scope)
            entered = False

            async def serve_it() -> None:
                nonlocal entered
                entered = True
                await serve(websocket)

            async with self._server.websocket_context(websocket):
                try:
                    answered = await self._server.preprocess_websocket()
                except Refusal:
                    raise
                except Exception as error:  # noqa: BLE001 - a program's code may raise anything
                    self._raised(error, "before_websocket")
                self._answered(answered, "before_websocket")
                await self.ask("websocket_connect", websocket)
                view = self._server.view_functions[SOCKET]
                if view is not self._own:
                    try:
                        await self._through(view, serve_it)
                    except Refusal:
                        raise
                    except Exception as error:
                        if entered:
                            raise  # ours, or of what the program does when the page has gone
                        self._raised(error, SOCKET)
                    if not entered:
                        raise Refusal(CloseCode.FORBIDDEN, f"what the program has put around {SOCKET} lets nobody in")
                    return
            await serve(websocket)
        except Refusal as refusal:
            self._sessions.recorder.refused(self._sessions.client_of(scope), refusal.reason)
            await _refuse(receive, send, refusal)

    async def ask(self, name: str, websocket: Any, *message: Any) -> None:
        """Ask stock Dash's hooks of a name. Raises Refusal."""
        for hook in self._hooked(name):
            try:
                if inspect.iscoroutinefunction(getattr(hook, "func", hook)):
                    said = await hook(websocket, *message)
                else:
                    context = contextvars.copy_context()
                    run = functools.partial(context.run, hook, websocket, *message)
                    share = self._sessions.share_of(None, websocket)
                    link = share or websocket.remote_addr or "nobody"
                    said = await self._sessions.runtime.in_worker(run, link, guest=bool(share))
                    said = await said if inspect.isawaitable(said) else said
            except BusyError as error:
                raise Refusal(CloseCode.TRY_AGAIN_LATER, str(error)) from error
            except Exception as error:
                self._failed(error, f"hooks.{name}")
                raise Refusal(CloseCode.CONNECT_REFUSED, f"hooks.{name} failed") from error
            if said is False:
                raise Refusal(CloseCode.CONNECT_REFUSED, f"hooks.{name} refuses it")
            if isinstance(said, tuple) and len(said) == 2:
                raise Refusal(int(said[0]), str(said[1]))

    # ---- inside

    async def _before_request(self, scope: Any) -> None:
        """Ask the guards of HTTP requests, as of a GET of the socket's address."""
        scheme = {"wss": "https"}.get(scope.get("scheme", "ws"), "http")
        request = self._server.request_class(
            "GET",
            scheme,
            scope["path"],
            scope.get("query_string", b""),
            _headers(scope),
            scope.get("root_path", ""),
            scope.get("http_version", "1.1"),
            scope=cast("HTTPScope", {**scope, "type": "http", "method": "GET", "scheme": scheme}),
            send_push_promise=_pushes_nothing,
        )
        request.body.set_complete()
        async with self._server.request_context(request) as context:
            self._match(context)
            try:
                answered = await self._server.preprocess_request(context)
            except Exception as error:  # noqa: BLE001 - a program's code may raise anything
                self._raised(error, "before_request")
            self._answered(answered, "before_request")

    def _match(self, context: RequestContext) -> None:
        """Let guards see which route it is: werkzeug only says that a WebSocket's is none for a request."""
        context.request.routing_exception = None
        context.request.url_rule = cast("QuartRule", next(self._server.url_map.iter_rules(SOCKET)))
        context.request.view_args = {}

    async def _through(self, view: Callable[..., Any], serve: Serve) -> None:
        token = _serving.set(serve)
        try:
            returned = await self._server.ensure_async(view)()
            if inspect.isawaitable(returned):
                await returned  # of a plain wrapper around our coroutine
        finally:
            _serving.reset(token)

    def _answered(self, answered: Any, guard: str) -> None:
        if answered is not None:
            status = answered[1] if isinstance(answered, tuple) and len(answered) > 1 else None
            status = status if isinstance(status, int) else getattr(answered, "status_code", 200)
            raise Refusal(CloseCode.FORBIDDEN, f"the app's {guard} answers {status}")

    def _raised(self, error: Exception, guard: str) -> NoReturn:
        if isinstance(error, HTTPException):
            raise Refusal(
                CloseCode.FORBIDDEN, f"the app's {guard} answers {error.code}: {error.description}"
            ) from error
        self._failed(error, guard)
        raise Refusal(CloseCode.FORBIDDEN, f"the app's {guard} failed") from error

    def _failed(self, error: Exception, what: str) -> None:
        self._sessions.runtime.on_error(error, None, None)

    def _websocket(self, scope: Any) -> Any:
        """The WebSocket as Quart's guards see it: to be looked at, and closed, but read by us alone."""

        async def close(code: int, reason: str) -> None:
            raise Refusal(code, reason or "the app closes it")

        return self._server.websocket_class(
            scope["path"],
            scope.get("query_string", b""),
            scope.get("scheme", "ws"),
            _headers(scope),
            scope.get("root_path", ""),
            scope.get("http_version", "1.1"),
            list(scope.get("subprotocols", ())),
            _ours,
            _ours,
            _accepted,
            close,
            scope=scope,
        )


def _headers(scope: Any) -> Headers:
    headers = Headers()
    headers["Remote-Addr"] = (scope.get("client") or ["<local>"])[0]
    for name, value in scope["headers"]:
        headers.add(name.decode("latin-1").title(), value.decode("latin-1"))
    return headers


async def _pushes_nothing(path: str, headers: Headers) -> None:
    """There is no request to push for."""


async def _accepted(headers: Headers, subprotocol: str | None) -> None:
    """We accept it ourselves, once everybody lets it in."""


async def _ours(*_: Any) -> Any:
    raise RuntimeError("what this WebSocket carries is dash_devices_nb's own; a guard looks at its headers and cookies")


async def _refuse(receive: Any, send: Any, refusal: Refusal) -> None:
    """Open and close it: a page learns nothing of a refused handshake."""
    message = await receive()
    if message["type"] == "websocket.connect":
        await send({"type": "websocket.accept"})
        reason = refusal.reason.encode()[:120].decode(errors="ignore")
        await send({"type": "websocket.close", "code": refusal.code, "reason": reason})
