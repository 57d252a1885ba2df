"""A mount: the place where an app is served, which outlives the app.

In a notebook a person runs the cell again that makes and runs the app. The new app takes the place of the old one: the
socket stays bound, the URL stays, and open pages come back to the new app. So a mount is kept by its name, and this
module has the table of the mounts of the process.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import quart

from dash_devices_nb import registration
from dash_devices_nb.app.execution.runtime import in_coroutine
from dash_devices_nb.kernel.environment import Host, detect
from dash_devices_nb.kernel.loops import IoThread
from dash_devices_nb.transport import frame_ancestors
from dash_devices_nb.transport.auth_middleware import AUTHENTICATED, AuthMiddleware
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server

T = TypeVar("T")

LOOPBACK = (None, "127.0.0.1", "localhost", "::1")
ANYWHERE = ("", "0.0.0.0", "::")

FRAMES = {Host.COLAB: frame_ancestors.COLAB, Host.VSCODE: frame_ancestors.VSCODE_WEB}
"""Whose pages show an app beside those that always may."""

_mounts: dict[str, Mount] = {}


@dataclass(frozen=True)
class ServeConfig:
    """Where an app shall be served.

    Attributes:
        host, port: a TCP address; None: `bind` finds a port.
        base_url: the Jupyter server's, to be served through it; None: directly.
        loop: "thread", "kernel" or "main".
        secret: whether a direct URL needs the secret.
        allowed_origins: more origins whose pages may use the app.
        allowed_hosts: more names by which it is asked for, where it has no secret.
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
    tls: Any = field(default=None, compare=False)
    server_url: str = field(default="", compare=False)

    def compatible_with(self, other: ServeConfig) -> bool:
        """Whether a mount with this configuration can serve an app that asks for the other."""
        mine = (self.base_url, self.loop, self.secret, self.allowed_origins, self.allowed_hosts)
        theirs = (other.base_url, other.loop, other.secret, other.allowed_origins, other.allowed_hosts)
        named = other.host in (None, self.host) and other.port in (None, self.port)
        return mine == theirs and named and self.tls is other.tls


class Mounted(Protocol):
    """An app, as far as it is at a place."""

    server: quart.Quart

    def stop(self) -> None:
        """End it, and the place. From any thread."""

    async def end(self) -> None:
        """End it, and leave the place."""

    def unmounted(self) -> None:
        """Another app is at its place now."""


class Mount:
    """One place.

    Attributes:
        name: the app's name.
        config: what was asked for.
        prefix: the path below which the browser sees the app.
        note: what the person should know of the name, or None.
        shares: the share links, once it is bound.
    """

    def __init__(self, name: str, config: ServeConfig) -> None:
        self.name = name
        self.config = config
        self.app: Mounted | None = None
        self.note: str | None = None
        self.prefix = "/"
        self.io = IoThread(f"dash-devices-io-{name}") if config.loop == "thread" else None
        self._record: Any = None
        self._bound: BoundSocket | None = None
        self._server: Server | None = None
        self._auth: AuthMiddleware | None = None
        self.secret = secrets.token_urlsafe(32)
        self.shares: registration.ShareList | None = None

    # ---- binding: from the thread that runs the app

    def bind(self, *, kernel_id: str | None, notebook: str | None, search: bool, max_message_bytes: int) -> None:
        """Bind the socket, and register with the Jupyter server where it goes through one.

        Raises:
            BindError: the socket cannot be had.
            RegistrationError: the record cannot be written.
        """
        config = self.config
        if config.base_url is None:
            port = 8050 if config.port is None else config.port
            self._bound = BoundSocket.bind_tcp(config.host or "127.0.0.1", port, search=search)
            self.secret = registration.stable_secret(f"{self.name}:{self._bound.port}")
        elif hasattr(os, "getuid"):
            self._bound = BoundSocket.bind_unix(registration.directory())
        else:
            self._bound = BoundSocket.bind_tcp("127.0.0.1", 0, search=False)
        if config.base_url is not None:
            self._register(config.base_url, kernel_id, notebook)
            self.shares = registration.ShareList(self._record.name, self.prefix)
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
        )
        self._server = Server(self._auth, self._bound, max_message_bytes=max_message_bytes, ssl_context=config.tls)

    def _register(self, base_url: str, kernel_id: str | None, notebook: str | None) -> None:
        assert self._bound is not None
        path = self._bound.path
        endpoint: Any = (
            registration.UnixEndpoint(str(path))
            if path is not None
            else registration.TcpEndpoint("127.0.0.1", self._bound.port or 0)
        )
        registered = registration.register(
            self.name, endpoint=endpoint, secret=self.secret, base_url=base_url, kernel_id=kernel_id, notebook=notebook
        )
        self._record, self.note = registered.registration, registered.note
        self.prefix = self._record.prefix

    @property
    def url(self) -> str:
        """Where the page is: an absolute path through Jupyter, else a URL (with the secret where it needs it)."""
        if self.config.base_url is not None or self._server is None:
            return self.prefix
        url = self._server.url
        return f"{url}?token={self.secret}" if self.config.secret else url

    @property
    def direct_url(self) -> str:
        """A direct URL without its secret, with the host that was asked for; "" through Jupyter."""
        if self.config.base_url is not None or self._bound is None:
            return ""
        host = self._bound.host or "0.0.0.0"
        scheme = "https" if self.config.tls is not None else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self._bound.port}/"

    @property
    def who_may_enter(self) -> str:
        """What whoever serves it should know; "" through Jupyter, or with a secret and for this computer alone."""
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

    async def _dispatch(self, scope: Any, receive: Any, send: Any) -> None:
        scope[AUTHENTICATED] = True
        in_coroutine.set(True)
        assert self.app is not None
        await self.app.server.asgi_app(scope, receive, send)

    # ---- serving

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
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
        self.close()


def mount_of(name: str) -> Mount | None:
    """The mount with this name in this process."""
    return _mounts.get(name)


def keep(mount: Mount) -> None:
    """Keep a mount by its name."""
    _mounts[mount.name] = mount


def forget(mount: Mount) -> None:
    """Forget a mount that has stopped."""
    if _mounts.get(mount.name) is mount:
        del _mounts[mount.name]
