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
from typing import Any, Protocol

from dash_devices_nb.app.delivery.request_turns import RequestTurns
from dash_devices_nb.app.execution.runtime import Runtime
from dash_devices_nb.app.sessions.connection import Connection
from dash_devices_nb.app.sessions.manager import SessionManager
from dash_devices_nb.app.sessions.request_guards import SocketGuard
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.transport.auth_middleware import AUTHENTICATED, AuthMiddleware

SCRIPTS = (
    "socket.js",
    "addresses.js",
    "arrays.js",
    "patch.js",
    "events.js",
    "images.js",
    "listeners.js",
    "absent.js",
    "acts.js",
    "kept.js",
    "inplace.js",
    "focus.js",
    "renderer.js",
    "notices.js",
    "present.js",
    "shared.js",
    "requests.js",
    "role.js",
    "floor.js",
    "bridge.js",
    "status.js",
    "main.js",
)
"""The page's script, in this order; each file is a part of it."""

Application = Callable[[Any, Any, Any], Awaitable[None]]


@cache
def page_script() -> tuple[str, str]:
    """The page's script and its hash."""
    folder = files("dash_devices_nb") / "client"
    text = "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return text, hashlib.sha256(text.encode()).hexdigest()[:16]


ALLOWED_HOSTS = "DASH_DEVICES_ALLOWED_HOSTS"
"""The names of an app that somebody else's server serves without a secret, separated by commas or spaces."""


def _named(environ: Mapping[str, str]) -> list[str]:
    return environ.get(ALLOWED_HOSTS, "").replace(",", " ").split()


class Served(Protocol):
    """An app, as far as it is served."""

    config: Any
    runtime: Runtime
    sessions: SessionManager
    admission: SocketGuard

    @property
    def allowed_origins(self) -> list[str]:
        """More origins whose pages may use it."""

    def hooked(self, name: str) -> Iterable[Any]:
        """The hooks of a name (`dash.hooks`)."""

    async def ensure_started(self) -> None:
        """Start it, where somebody else's server serves it."""


class Routes:
    """The ASGI application of an app.

    Served by somebody else's server (`uvicorn module:app.server`), it checks hosts and origins itself.

    Args:
        app: the `Dash` app.
        inner: Quart's own ASGI application.

    Attributes:
        app: the app.
    """

    def __init__(self, app: Served, inner: Application) -> None:
        self.app = self._app = app
        self._inner = inner
        self._starts = RequestTurns()
        self._auth = AuthMiddleware(
            self._serve, None, allowed_origins=app.allowed_origins, allowed_hosts=_named(os.environ)
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        await self._app.ensure_started()
        if scope.get(AUTHENTICATED):
            await self._serve(scope, receive, send)
        else:
            await self._auth(scope, receive, send)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        prefix = self._app.config.routes_pathname_prefix + "_dash-devices/"
        path = scope["path"]
        if not path.startswith(prefix):
            share = self._share_of(scope)
            if share is not None:
                await self._starts.turn(share)
            await self._inner(scope, partial(_receive_for_quart, self._paced(scope, receive, share)), send)
        elif scope["type"] == "websocket":
            await self._websocket(path[len(prefix) :], scope, receive, send)
        else:
            await self._file(path[len(prefix) :], send)

    def _share_of(self, scope: Any) -> str | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return self._app.sessions.share_of_headers(headers)

    def _paced(self, scope: Any, receive: Any, share: str | None) -> Any:
        """Read what a guest sends no faster than its link may: the loop has every byte in its hands."""
        if share is None or scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            return receive
        budget = self._app.sessions.sharing.budget_of_share(share)

        async def paced() -> Any:
            message = await receive()
            if body := message.get("body"):
                await asyncio.sleep(budget.reads(time.monotonic(), len(body)))
            return message

        return paced

    async def _websocket(self, name: str, scope: Any, receive: Any, send: Any) -> None:
        if name == "ws":
            admission = self._app.admission
            asks = bool(self._app.hooked("websocket_message"))

            async def serve(websocket: Any) -> None:
                ask = partial(admission.ask, "websocket_message", websocket) if asks else None
                await Connection(self._app.sessions, scope, receive, send, ask).run()

            await admission.serve(scope, receive, send, serve)
            return
        await receive()
        await send(
            {"type": "websocket.close", "code": CloseCode.NOT_FOUND, "reason": f"there is no WebSocket {name!r}"[:120]}
        )

    async def _file(self, name: str, send: Any) -> None:
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
            cookies = self._app.sessions.take_cookies(name.removeprefix("cookies/"))
            headers = [(key.lower().encode("latin-1"), value.encode("latin-1")) for key, value in cookies]
            await _respond(send, 204 if cookies else 404, b"", headers)
        else:
            await _respond(send, 404, b"There is nothing here.", [], b"text/plain")


async def _receive_for_quart(receive: Callable[[], Awaitable[Any]]) -> Any:
    """The next message for Quart, which takes an empty binary one for a text, and fails for want of it."""
    message = await receive()
    if message["type"] == "websocket.receive" and message.get("bytes") == b"":
        return {**message, "text": b""}
    return message


async def _respond(
    send: Any, status: int, body: bytes, headers: list[tuple[bytes, bytes]], kind: bytes = b"text/plain"
) -> None:
    headers = [(b"content-type", kind + b"; charset=utf-8"), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
