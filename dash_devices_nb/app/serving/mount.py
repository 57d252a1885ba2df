"""A mount: the place where an app is served, which outlives the app.

In a notebook, a person runs the cell that makes and runs the app again. The new app replaces the old one: the socket
stays bound, the URL stays, and open pages reconnect to the new app. So this module keeps a table of the mounts of the
process, by their names.
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, cast

import quart

from dash_devices_nb import registration
from dash_devices_nb.app.execution.runtime import in_coroutine
from dash_devices_nb.kernel.environment import Host, detect
from dash_devices_nb.kernel.loops import IoThread
from dash_devices_nb.transport import frame_ancestors
from dash_devices_nb.transport.auth_middleware import AUTHENTICATED, AuthMiddleware
from dash_devices_nb.transport.bind import BoundSocket, unix_sockets
from dash_devices_nb.transport.serve import ASGIApp, Receive, Scope, Send, Server

T = TypeVar("T")

LOOPBACK = (None, "127.0.0.1", "localhost", "::1")
ANYWHERE = ("", "0.0.0.0", "::")

FRAMES = {Host.COLAB: frame_ancestors.COLAB, Host.VSCODE: frame_ancestors.VSCODE_WEB}
"""The hosts whose pages may show an app in a frame, besides those that always may."""

_mounts: dict[str, Mount] = {}


@dataclass(frozen=True)
class ServeConfig:
    """How and where to serve an app.

    Attributes:
        host, port: a TCP address. None: `bind` finds a port.
        base_url: the path of the Jupyter server that the app is served through. None: it is served directly.
        loop: "thread", "kernel" or "main".
        secret: whether a direct URL needs the secret.
        allowed_origins: further origins whose pages may use the app.
        allowed_hosts: further host names of the app, if it has no secret.
        tls: the `ssl.SSLContext` for a direct URL, or None.
        server_url: the Jupyter server's address as the kernel knows it, or "".
    """

    host: str | None = None
    port: int | None = None
    base_url: str | None = None
    loop: str = "thread"
    secret: bool = True
    allowed_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = field(default=None, compare=False)
    server_url: str = field(default="", compare=False)

    def compatible_with(self, other: ServeConfig) -> bool:
        """Whether a mount with this configuration can serve an app that asks for the other."""
        mine = (self.base_url, self.loop, self.secret, self.allowed_origins, self.allowed_hosts)
        theirs = (other.base_url, other.loop, other.secret, other.allowed_origins, other.allowed_hosts)
        named = other.host in (None, self.host) and other.port in (None, self.port)
        return mine == theirs and named and self.tls is other.tls


class Mounted(Protocol):
    """An app that a mount can serve (`api.lifecycle.Lifecycle`)."""

    @property
    def app(self) -> object:
        """The app itself, a `Dash`."""

    @property
    def server(self) -> quart.Quart:
        """Its Quart app."""

    def stop(self) -> None:
        """Stop the app, and its mount. From any thread."""

    async def end(self) -> None:
        """End the app. Its mount goes on."""

    def unmounted(self) -> None:
        """Another app has taken the mount."""


class Mount:
    """One mount.

    Attributes:
        name: the app's name.
        config: how it serves.
        prefix: the path below which the browser sees the app.
        note: a note for the person about the name, or None.
        shares: the share links. None before it is bound.
    """

    def __init__(self, name: str, config: ServeConfig) -> None:
        self.name = name
        self.config = config
        self.served: Mounted | None = None
        self.note: str | None = None
        self.prefix = "/"
        self.io = IoThread(f"dash-devices-io-{name}") if config.loop == "thread" else None
        self._record: registration.Registration | None = None
        self._bound: BoundSocket | None = None
        self._server: Server | None = None
        self._auth: AuthMiddleware | None = None
        self.secret = secrets.token_urlsafe(32)
        self.shares: registration.ShareList | None = None
        self._doors: list[tuple[Server, AuthMiddleware]] = []

    # ---- binding: from the thread that runs the app

    def bind(self, *, kernel_id: str | None, notebook: str | None, search: bool, max_message_bytes: int) -> None:
        """Bind the socket, and register with the Jupyter server if the app is served through one.

        Raises:
            BindError: the socket cannot be bound.
            RegistrationError: the record cannot be written.
        """
        config = self.config
        if config.base_url is None:
            port = 8050 if config.port is None else config.port
            self._bound = BoundSocket.bind_tcp(config.host or "127.0.0.1", port, search=search)
            self.secret = registration.stable_secret(f"{self.name}:{self._bound.port}")
        elif unix_sockets():
            self._bound = BoundSocket.bind_unix(registration.directory())
        else:
            self._bound = BoundSocket.bind_tcp("127.0.0.1", 0, search=False)
        if config.base_url is not None:
            record = self._register(config.base_url, kernel_id, notebook)
            self.shares = registration.ShareList(record.name, self.prefix)
        else:
            self.shares = registration.ShareList(registration.slug(self.name), f"port:{self._bound.port}")
        self._auth = AuthMiddleware(
            self._dispatch,
            self.secret if config.secret or config.base_url else None,
            self.prefix,
            allowed_origins=config.allowed_origins,
            allowed_hosts=config.allowed_hosts
            if config.host in (None, *ANYWHERE)
            else (*config.allowed_hosts, config.host),
            frames=FRAMES.get(detect().host, ()),
            shares=self.shares if config.base_url is None else None,
            bound=str(self._bound.sock.getsockname()[0]) if config.base_url is None else None,
            max_message_bytes=max_message_bytes,
        )
        self._server = Server(self._auth, self._bound, max_message_bytes=max_message_bytes, ssl_context=config.tls)

    def _register(self, base_url: str, kernel_id: str | None, notebook: str | None) -> registration.Registration:
        assert self._bound is not None
        path = self._bound.path
        endpoint: registration.UnixEndpoint | registration.TcpEndpoint = (
            registration.UnixEndpoint(str(path))
            if path is not None
            else registration.TcpEndpoint("127.0.0.1", self._bound.port or 0)
        )
        registered = registration.register(
            self.name, endpoint=endpoint, secret=self.secret, base_url=base_url, kernel_id=kernel_id, notebook=notebook
        )
        self._record, self.note = registered.registration, registered.note
        self.prefix = registered.registration.prefix
        return registered.registration

    @property
    def url(self) -> str:
        """The address of the page: an absolute path through Jupyter, else a URL, with the secret if it needs one."""
        if self.config.base_url is not None or self._server is None:
            return self.prefix
        url = self._server.url
        return f"{url}?token={self.secret}" if self.config.secret else url

    @property
    def direct_url(self) -> str:
        """The direct URL without its secret. Empty through Jupyter."""
        if self.config.base_url is not None or self._bound is None:
            return ""
        host = self._bound.host or "0.0.0.0"
        scheme = "https" if self.config.tls is not None else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self._bound.port}/"

    @property
    def who_may_enter(self) -> str:
        """A warning about who may enter. Empty through Jupyter, and with a secret on this computer alone."""
        if self.config.base_url is not None:
            return ""
        alone = self.config.host in LOOPBACK
        if self.config.secret:
            return "" if alone else "That address is the owner's. Guests need a share link: app.share() makes one."
        who = "every user and program of this computer" if alone else "everybody who reaches this port"
        return f"There is no secret: {who} may enter and control."

    @property
    def port(self) -> int | None:
        """The TCP port of a direct URL."""
        return self._bound.port if self._bound is not None and self.config.base_url is None else None

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[AUTHENTICATED] = True
        in_coroutine.set(True)
        assert self.served is not None
        await cast("ASGIApp", self.served.server.asgi_app)(scope, receive, send)

    async def _below_prefix(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Like `_dispatch`, for requests with the whole path, as browsers have it at a Jupyter server."""
        path, raw = scope["path"], scope.get("raw_path")
        if self.prefix != "/" and path.startswith(self.prefix):
            scope = {**scope, "path": path[len(self.prefix) - 1 :]}
            if raw is not None:
                scope["raw_path"] = raw[len(self.prefix.encode()) - 1 :]
        await self._dispatch(scope, receive, send)

    async def open_door(self, max_message_bytes: int) -> str:
        """Serve on a further loopback port, which asks for the secret or a share link. On the loop that serves.

        Returns:
            The owner's address.
        """
        bound = BoundSocket.bind_tcp("127.0.0.1", 0, search=False)
        auth = AuthMiddleware(
            self._below_prefix, self.secret, self.prefix, shares=self.shares, max_message_bytes=max_message_bytes
        )
        server = Server(auth, bound, max_message_bytes=max_message_bytes)
        await server.start()
        self._doors.append((server, auth))
        return f"http://127.0.0.1:{bound.port}{self.prefix}?token={self.secret}"

    def take(self, app: Mounted) -> None:
        """Serve this app from now on. The app before it is told."""
        if self.served is not None and self.served is not app:
            self.served.unmounted()
        self.served = app

    # ---- serving

    def call(self, coroutine: Coroutine[object, None, T]) -> T:
        """Run a coroutine on the I/O thread and wait for it."""
        assert self.io is not None
        return self.io.call(coroutine)

    async def start(self) -> None:
        """Accept connections, on the running loop."""
        assert self._server is not None
        await self._server.start()

    def close(self) -> None:
        """Discard a mount that does not serve."""
        if self._record is not None:
            registration.remove(self._record)
            self._record = None
        if self._bound is not None:
            self._bound.close()

    async def stop(self) -> None:
        """Stop serving, on the loop that serves."""
        if self._server is not None:
            await self._server.stop()
        if self._auth is not None:
            await self._auth.stop()
        doors, self._doors = self._doors, []
        for server, auth in doors:
            await server.stop()
            await auth.stop()
        self.close()


def mount_of(name: str) -> Mount | None:
    """The mount of this name, or None."""
    return _mounts.get(name)


def all_mounts() -> list[Mount]:
    """All mounts of the process."""
    return list(_mounts.values())


def keep(mount: Mount) -> None:
    """Keep a mount by its name."""
    _mounts[mount.name] = mount


def forget(mount: Mount) -> None:
    """Forget a mount that has stopped."""
    if _mounts.get(mount.name) is mount:
        del _mounts[mount.name]
