"""Our routes in front of Quart's: the pages' WebSocket, the page's script, and tickets for cookies.

The WebSocket is raw ASGI, because Quart's own puts two queues between a frame and its handler (measured: 3-4 against
9-12 microseconds a message).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache, partial
from importlib.resources import files
from typing import Protocol

from dash_devices_nb.app.delivery.request_turns import RequestTurns
from dash_devices_nb.app.execution.regular_calls import RegularCalls
from dash_devices_nb.app.sessions.connection import Connection
from dash_devices_nb.app.sessions.manager import SessionManager
from dash_devices_nb.app.sessions.request_guards import SocketGuard
from dash_devices_nb.app.stock_dash.types import Config, Hook, WebSocket
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.transport.auth_middleware import AUTHENTICATED, AuthMiddleware
from dash_devices_nb.transport.serve import ASGIApp, Message, Receive, Scope, Send

SCRIPTS = (
    "texts.js",
    "http-socket.js",
    "socket.js",
    "addresses.js",
    "arrays.js",
    "patch.js",
    "events.js",
    "videos.js",
    "images.js",
    "store-listeners.js",
    "missed.js",
    "watched.js",
    "acts.js",
    "persistence.js",
    "in-place.js",
    "focus.js",
    "renderer.js",
    "notices.js",
    "secure-context.js",
    "declared.js",
    "shared.js",
    "requests.js",
    "permissions.js",
    "floor-bar.js",
    "question.js",
    "bridge.js",
    "status.js",
    "main.js",
)
"""The files of the page's script, in order."""


@cache
def page_script() -> tuple[str, str]:
    """The page's script and its hash."""
    folder = files("dash_devices_nb") / "client"
    text = "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return text, hashlib.sha256(text.encode()).hexdigest()[:16]


ALLOWED_HOSTS = "DASH_DEVICES_ALLOWED_HOSTS"
"""The environment variable with the host names of an app that somebody else's server serves without a secret."""


def _named(environ: Mapping[str, str]) -> list[str]:
    return environ.get(ALLOWED_HOSTS, "").replace(",", " ").split()


class Served(Protocol):
    """Stock Dash, as far as it is served (`stock_dash.dash_internals.StockDash`)."""

    @property
    def config(self) -> Config:
        """Its settings."""

    @property
    def allowed_origins(self) -> list[str]:
        """More origins whose pages may use the app."""

    def hooked(self, name: str) -> Iterable[Hook]:
        """The hooks of a name (`dash.hooks`)."""


class Routes:
    """The ASGI application of an app.

    Served by somebody else's server (`uvicorn module:app.server`), it checks hosts and origins itself.

    Args:
        inner: Quart's own ASGI application.
        sessions: the sessions of the app.
        calls: starts regular callbacks.
        guard: asks the program's guards for the pages' WebSocket.
        stock: the app's side of stock Dash.
        start: starts the app where somebody else's server serves it.

    Attributes:
        sessions: as given.
    """

    def __init__(
        self,
        inner: ASGIApp,
        sessions: SessionManager,
        calls: RegularCalls,
        guard: SocketGuard,
        stock: Served,
        start: Callable[[], Awaitable[None]],
    ) -> None:
        self.sessions = sessions
        self._inner = inner
        self._calls = calls
        self._guard = guard
        self._stock = stock
        self._start = start
        self._starts = RequestTurns()
        self._auth = AuthMiddleware(
            self._serve, None, allowed_origins=stock.allowed_origins, allowed_hosts=_named(os.environ)
        )

    @property
    def prefix(self) -> str:
        """The path below which the app is served."""
        return str(self._stock.config.routes_pathname_prefix)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        await self._start()
        if scope.get(AUTHENTICATED):
            await self._serve(scope, receive, send)
        else:
            await self._auth(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        prefix = self._stock.config.routes_pathname_prefix + "_dash-devices/"
        path = scope["path"]
        if not path.startswith(prefix):
            share = self._share_of(scope)
            if share is not None:
                await self._starts.turn(share)
            await self._inner(scope, partial(_receive_for_quart, self._paced(scope, receive, share)), send)
        elif path.startswith(f"{prefix}stop/"):  # it waits for no turn
            await self._inner(scope, partial(_receive_for_quart, receive), send)
        elif scope["type"] == "websocket":
            await self._websocket(path[len(prefix) :], scope, receive, send)
        else:
            await self._file(path[len(prefix) :], send)

    def _share_of(self, scope: Scope) -> str | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return self.sessions.share_of_headers(headers)

    def _paced(self, scope: Scope, receive: Receive, share: str | None) -> Receive:
        """Slow down what a guest sends to the rate of its link: each byte costs the loop time."""
        if share is None or scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            return receive
        budget = self.sessions.sharing.budget_of_share(share)

        async def paced() -> Message:
            message = await receive()
            if body := message.get("body"):
                await asyncio.sleep(budget.reads(time.monotonic(), len(body)))
            return message

        return paced

    async def _websocket(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        if name == "ws":
            asks = bool(self._stock.hooked("websocket_message"))

            async def serve(websocket: WebSocket) -> None:
                ask = partial(self._guard.ask, "websocket_message", websocket) if asks else None
                await Connection(self.sessions, self._calls.start, scope, receive, send, ask).run()

            await self._guard.serve(scope, receive, send, serve)
            return
        await receive()
        await send(
            {"type": "websocket.close", "code": CloseCode.NOT_FOUND, "reason": f"there is no WebSocket {name!r}"[:120]}
        )

    async def _file(self, name: str, send: Send) -> None:
        text, digest = page_script()
        if name == f"page-{digest}.js":
            await _respond(
                send,
                200,
                text.encode(),
                [(b"cache-control", b"public, max-age=31536000, immutable")],
                b"text/javascript",
            )
        elif name.startswith("cookies/"):
            cookies = self.sessions.take_cookies(name.removeprefix("cookies/"))
            headers = [(key.lower().encode("latin-1"), value.encode("latin-1")) for key, value in cookies]
            await _respond(send, 204 if cookies else 404, b"", headers)
        else:
            await _respond(send, 404, b"There is nothing here.", [], b"text/plain")


async def _receive_for_quart(receive: Receive) -> Message:
    """Receive a message for Quart, which fails for an empty binary one: it takes it for a text."""
    message = await receive()
    if message["type"] == "websocket.receive" and message.get("bytes") == b"":
        return {**message, "text": b""}
    return message


async def _respond(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]], kind: bytes = b"text/plain"
) -> None:
    headers = [(b"content-type", kind + b"; charset=utf-8"), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
