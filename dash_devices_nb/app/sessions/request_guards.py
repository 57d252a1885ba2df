"""Guards: the role that each route needs, and the program's own guards in front of the pages' WebSocket.

The pages' WebSocket does not go through Quart (see `delivery.routes`), but everything can be reached through it. So it
runs the guards that a request for the page and a WebSocket route of the program would run, in this order:
`before_request` (as for a GET of the socket's address), `before_websocket`, `dash.hooks.websocket_connect`, and any
wrapper around `app.server.view_functions["update_component_socket"]`. A guard that answers, aborts or fails refuses the
WebSocket.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, NoReturn, cast

import quart
from quart.ctx import RequestContext
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from dash_devices_nb.app.execution.call_queue import BusyError
from dash_devices_nb.app.execution.event_stream import ActRefused
from dash_devices_nb.app.stock_dash.plain_text import plain_text
from dash_devices_nb.app.stock_dash.route_roles import FORBIDDEN, SOCKET, RouteRoles
from dash_devices_nb.app.stock_dash.types import Argument, Function, Hook, Request, Response, WebSocket
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.transport.serve import Receive, Scope, Send

if TYPE_CHECKING:
    from hypercorn.typing import HTTPScope, WebsocketScope
    from quart.routing import QuartRule

    from dash_devices_nb.app.sessions.manager import SessionManager

Serve = Callable[[], Awaitable[None]]

_serving: contextvars.ContextVar[Serve | None] = contextvars.ContextVar("dash_devices_nb_serving", default=None)


class Refusal(Exception):
    """A WebSocket is refused. Has the code and the reason with which it is closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class RouteGuard:
    """Checks the role that a route needs, before all other guards of one server.

    Args:
        routes: knows the role that each route needs.
        sessions: identifies who sends a request.
        page_client: returns the client of the page that sends the current request, or None.
    """

    def __init__(self, routes: RouteRoles, sessions: SessionManager, page_client: Callable[[], Client | None]) -> None:
        self._routes = routes
        self._sessions = sessions
        self._page_client = page_client

    def guard(self, server: quart.Quart) -> None:
        """Put the checks before all other guards of a server."""
        server.before_request_funcs[None].insert(0, self._request)
        server.before_websocket_funcs[None].insert(0, self._websocket)

    async def _request(self) -> Response | None:
        request = quart.request._get_current_object()  # type: ignore[attr-defined]
        lacking = self._lacking(request, request.method, self._page_client())
        return None if lacking is None else plain_text(lacking, FORBIDDEN)

    async def _websocket(self) -> Response | None:
        websocket = quart.websocket._get_current_object()  # type: ignore[attr-defined]
        lacking = self._lacking(websocket, "WEBSOCKET", None)
        if lacking is None:
            return None
        # Accept first: a page does not learn why a handshake was refused.
        await websocket.accept()
        await websocket.close(CloseCode.FORBIDDEN, lacking)
        return plain_text(lacking, FORBIDDEN)

    def _lacking(self, asked: Request | WebSocket, method: str, client: Client | None) -> str | None:
        """Return why a request is refused, or None if it is allowed."""
        rule = asked.url_rule
        if rule is None:
            return None  # Quart answers 404 or 405
        view = quart.current_app.view_functions.get(rule.endpoint)
        needed = self._routes.needed(rule, asked.blueprints, method, view)
        if needed is Role.VIEW:
            return None
        rights = client.rights if client is not None else self._sessions.rights_of(asked.headers)
        if rights >= needed:
            return None
        lacking = "That is for the owner." if needed is Role.OWNER else "You may look, but not act."
        self._sessions.runtime.publish(ActRefused(client, f"{method} {asked.path}: {lacking}"))
        return lacking


class SocketRoute:
    """The Quart route of the pages' WebSocket. A program may wrap its view.

    Args:
        hooked: returns the hooks of a name (`dash.hooks`).
    """

    def __init__(self, hooked: Callable[[str], Iterable[Hook]]) -> None:
        self._hooked = hooked
        self._server: quart.Quart | None = None
        self._own: object = None

    def attach(self, server: quart.Quart, path: str) -> None:
        """Add the route to a server."""
        server.add_websocket(path, SOCKET, _view)
        self._server, self._own = server, server.view_functions[SOCKET]

    @property
    def server(self) -> quart.Quart:
        """The server that has the route."""
        assert self._server is not None  # set by `init_app`
        return self._server

    @property
    def view(self) -> Function | None:
        """The view that the program has put in place of ours, or None."""
        view = self.server.view_functions[SOCKET]
        return None if view is self._own else view

    def guarded(self) -> bool:
        """Return True if the program guards the WebSocket by something that does not guard HTTP requests."""
        return (
            bool(list(self._hooked("websocket_connect")))
            or self.view is not None
            or len(self.server.before_websocket_funcs[None]) > 1  # the first is the `RouteGuard`
        )


async def _view(**_: Argument) -> None:
    serve = _serving.get()
    if serve is None:
        raise Refusal(CloseCode.FORBIDDEN, "only the app itself serves this WebSocket")
    _serving.set(None)
    await serve()


class SocketGuard:
    """Runs the program's guards for the pages' WebSocket.

    Args:
        route: the WebSocket's route.
        hooked: returns the hooks of a name (`dash.hooks`).
        sessions: identifies who opens the WebSocket.
    """

    def __init__(self, route: SocketRoute, hooked: Callable[[str], Iterable[Hook]], sessions: SessionManager) -> None:
        self._route = route
        self._hooked = hooked
        self._sessions = sessions

    @property
    def _server(self) -> quart.Quart:
        return self._route.server

    async def serve(
        self, scope: Scope, receive: Receive, send: Send, serve: Callable[[WebSocket], Awaitable[None]]
    ) -> None:
        """Serve a WebSocket if no guard refuses it; else close it and say why.

        Args:
            scope: the scope of the ASGI connection.
            receive: its receive function.
            send: its send function.
            serve: serves it. Called with Quart's object for the WebSocket.
        """
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
                view = self._route.view
                if view is not None:
                    try:
                        await self._through(view, serve_it)
                    except Refusal:
                        raise
                    except Exception as error:
                        if entered:
                            raise  # raised by our own code, or by the program's wrapper after the page has left
                        self._raised(error, SOCKET)
                    if not entered:
                        raise Refusal(CloseCode.FORBIDDEN, f"the program's wrapper around {SOCKET} refuses it")
                    return
            await serve(websocket)
        except Refusal as refusal:
            self._sessions.runtime.publish(ActRefused(self._sessions.client_of(scope), refusal.reason))
            await _refuse(receive, send, refusal)

    async def ask(self, name: str, websocket: WebSocket, *message: object) -> None:
        """Run stock Dash's hooks of a name.

        Raises:
            Refusal: a hook refuses the WebSocket, or fails.
        """
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

    async def _before_request(self, scope: Scope) -> None:
        """Run the guards of HTTP requests, as for a GET of the socket's address."""
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
        """Set the route that guards see. By itself, werkzeug finds no route for an HTTP request to a WebSocket."""
        context.request.routing_exception = None
        context.request.url_rule = cast("QuartRule", next(self._server.url_map.iter_rules(SOCKET)))
        context.request.view_args = {}

    async def _through(self, view: Function, serve: Serve) -> None:
        token = _serving.set(serve)
        try:
            returned = await self._server.ensure_async(view)()
            if inspect.isawaitable(returned):
                await returned  # the view is a plain function around our coroutine
        finally:
            _serving.reset(token)

    def _answered(self, answered: Response | None, guard: str) -> None:
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
        self._sessions.runtime.report(error)

    def _websocket(self, scope: Scope) -> WebSocket:
        """Build the WebSocket that Quart's guards see. They may inspect and close it, but not read or write."""

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
            scope=cast("WebsocketScope", scope),
        )


def _headers(scope: Scope) -> Headers:
    headers = Headers()
    headers["Remote-Addr"] = (scope.get("client") or ["<local>"])[0]
    for name, value in scope["headers"]:
        headers.add(name.decode("latin-1").title(), value.decode("latin-1"))
    return headers


async def _pushes_nothing(path: str, headers: Headers) -> None:
    """Do nothing: a WebSocket has no request to push for."""


async def _accepted(headers: Headers, subprotocol: str | None) -> None:
    """Do nothing: we accept the WebSocket ourselves, once all guards have passed."""


async def _ours(*_: Argument) -> NoReturn:
    raise RuntimeError("this WebSocket carries dash_devices_nb's own frames; a guard can read its headers and cookies")


async def _refuse(receive: Receive, send: Send, refusal: Refusal) -> None:
    """Accept the WebSocket, then close it with the reason: a page does not learn why a handshake was refused."""
    message = await receive()
    if message["type"] == "websocket.connect":
        await send({"type": "websocket.accept"})
        reason = refusal.reason.encode()[:120].decode(errors="ignore")
        await send({"type": "websocket.close", "code": refusal.code, "reason": reason})
