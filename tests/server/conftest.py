"""A real Jupyter server with a real kernel, and apps that this process serves in the kernel's name.

What the extension forwards to is the project's own server and gate on a Unix socket; only the page
behind it is made up here, because it has to do things that no real page does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect

from dash_devices_nb import registration
from dash_devices_nb.registration import Registration, UnixEndpoint
from dash_devices_nb.transport.auth_middleware import AuthMiddleware
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Receive, Scope, Send, Server
from dash_devices_nb.transport.writer import take_socket
from tests.support.jupyter import Jupyter, running_jupyter

REPOSITORY = Path(__file__).parents[2]
BASE_URL = "/user/j%C3%B6rg%20x/"
CONFIGURED = {"JUPYTER_CONFIG_PATH": str(REPOSITORY / "jupyter-config")}
KERNEL_START = 60.0


@dataclass
class Visit:
    """A client of a Jupyter server that is logged in by cookie, as a browser is.

    Attributes:
        jupyter: The server.
        http: Knows the cookies.
        kernel_id: A kernel of the server.
        tls: What the client trusts, if the server speaks TLS.
    """

    jupyter: Jupyter
    http: httpx.AsyncClient
    kernel_id: str
    tls: ssl.SSLContext | None = None

    @property
    def origin(self) -> str:
        return self.jupyter.url.removesuffix(BASE_URL)

    def url(self, path: str = "") -> str:
        return f"{self.jupyter.url}dash-devices/{path}"

    @property
    def cookies(self) -> str:
        return "; ".join(f"{c.name}={c.value}" for c in self.http.cookies.jar)

    def socket(self, path: str, *, offer: str = "", **headers: str) -> connect:
        """A WebSocket as a page of this server opens it; an empty header is left out."""
        sent = {"Cookie": self.cookies, "Origin": self.origin, **headers}
        return connect(
            self.url(path).replace("http", "ws", 1),
            additional_headers={k.replace("_", "-"): v for k, v in sent.items() if v},
            proxy=None,
            ssl=self.tls,
            max_size=None,
            subprotocols=[Subprotocol(name) for name in offer.split()] or None,
        )


@asynccontextmanager
async def logged_in(
    jupyter: Jupyter, http: httpx.AsyncClient, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Visit]:
    """Start a kernel, log in with the token once, and go on with the cookie alone."""
    made = await http.post(f"{jupyter.url}api/kernels", headers=jupyter.headers, json={})
    made.raise_for_status()
    entered = await http.get(f"{jupyter.url}api/status", params={"token": jupyter.token})
    entered.raise_for_status()
    yield Visit(jupyter, http, made.json()["id"], tls)


@asynccontextmanager
async def visiting(*arguments: str) -> AsyncIterator[Visit]:
    """A logged-in client of a bare server of its own, with these arguments."""
    async with (
        running_jupyter("server", base_url=BASE_URL, env=CONFIGURED, arguments=arguments) as jupyter,
        httpx.AsyncClient(timeout=KERNEL_START) as http,
        logged_in(jupyter, http) as visit,
    ):
        yield visit


@pytest.fixture(scope="session")
async def visit() -> AsyncIterator[Visit]:
    """A logged-in client of a server with a base URL that needs percent-encoding, the same for all modules."""
    async with visiting(
        "--DashDevicesApp.max_body_bytes=100000",
        "--DashDevicesApp.max_frame_bytes=100000",
        "--DashDevicesApp.page_timeout=1",
        "--DashDevicesApp.answer_timeout=2",
        "--DashDevicesApp.ping_interval=0.2",
    ) as visit:
        yield visit


@dataclass
class Page:
    """An app of this process behind the extension.

    Attributes:
        registration: Its record.
        scopes: Of the requests that came, without the secret, which the gate takes out.
        bodies: Of the requests that came, as far as they were read.
        gone: How many streams noticed that their reader left.
        texts: What came over WebSockets; "" for bytes.
    """

    registration: Registration
    scopes: list[Scope] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    gone: int = 0
    texts: list[str] = field(default_factory=list)
    sockets: list[Send] = field(default_factory=list)
    replies: dict[str, tuple[int, list[tuple[bytes, bytes]], bytes]] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the last request."""
        return {k.decode(): v.decode() for k, v in self.scopes[-1]["headers"]}

    async def broadcast(self, text: str) -> None:
        for send in self.sockets:
            await send({"type": "websocket.send", "text": text})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/silent":
            await asyncio.Event().wait()
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body") or message["type"] == "http.disconnect":
                break
        self.bodies.append(body)
        if scope["path"] == "/stream":
            await self._stream(receive, send)
            return
        status, headers, content = self.replies.get(
            scope["path"], (200, [(b"content-type", b"text/plain")], body or b"hello")
        )
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _stream(self, receive: Receive, send: Send) -> None:
        """A video as cameras send it, until the reader leaves."""
        kind = b"multipart/x-mixed-replace; boundary=frame"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        left = asyncio.ensure_future(receive())
        while not left.done():
            part = b"--frame\r\n\r\n" + b"x" * 1000 + b"\r\n"
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.wait([left], timeout=0.02)
        self.gone += 1

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if scope["path"] == "/refused":
            await send({"type": "websocket.close", "code": 4403, "reason": "not you"})
            return
        if scope["path"] != "/own":
            take_socket(scope)  # as an app's pages do, and a WebSocket of the user's own does not
        wanted = scope.get("subprotocols") or [None]
        await send({"type": "websocket.accept", "subprotocol": wanted[0]})
        if scope["path"] == "/greets":
            await send({"type": "websocket.send", "text": "welcome"})
        if scope["path"] == "/full":
            await send({"type": "websocket.close", "code": 1013, "reason": "full"})
            return
        self.sockets.append(send)
        while (message := await receive())["type"] == "websocket.receive":
            self.texts.append(message.get("text") or "")
            if message.get("text") == "bye":
                await send({"type": "websocket.close", "code": 4001, "reason": "as you wish"})
            else:
                echo = {k: v for k, v in message.items() if k in ("text", "bytes") and v is not None}
                await send({"type": "websocket.send", **echo})
        self.sockets.remove(send)


@contextlib.contextmanager
def runtime_directory(jupyter: Jupyter) -> Any:
    """Let this process find the runtime directory of that server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(jupyter.runtime_dir))
        yield


@asynccontextmanager
async def serving(visit: Visit, wanted: str = "bench", **fields: Any) -> AsyncIterator[Page]:
    """Serve a page and register it for the visit's kernel."""
    sock = BoundSocket.bind_unix(visit.jupyter.runtime_dir / "s")
    assert sock.path is not None
    with runtime_directory(visit.jupyter):
        made = registration.register(
            wanted,
            endpoint=UnixEndpoint(str(sock.path)),
            secret=secrets.token_urlsafe(32),
            base_url=BASE_URL,
            kernel_id=fields.get("kernel_id", visit.kernel_id),
            notebook=fields.get("notebook"),
            pid=fields.get("pid", os.getpid()),
        )
        page = Page(made.registration)
        server = Server(AuthMiddleware(page, page.registration.secret), sock, max_message_bytes=2**20)
        await server.start()
        try:
            yield page
        finally:
            registration.remove(page.registration)
            await server.stop(timeout=0.1)


@pytest.fixture
async def page(visit: Visit) -> AsyncIterator[Page]:
    """An app that runs."""
    async with serving(visit) as page:
        yield page


async def next_state(socket: ClientConnection, wanted: str, within: float = 10.0) -> dict[str, Any]:
    """Read states until the wanted one comes."""
    seen = []
    try:
        async with asyncio.timeout(within):
            while True:
                message: dict[str, Any] = json.loads(await socket.recv())
                seen.append(message["state"])
                if message["state"] == wanted:
                    return message
    except TimeoutError:
        raise AssertionError(f"the state {wanted!r} did not come within {within} s: {seen}") from None
