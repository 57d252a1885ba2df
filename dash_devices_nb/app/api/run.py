"""`run`, `serve` and `show`. `lifecycle` and `serving.mount` do the work."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
from typing import Any

from dash_devices_nb.app.api.lifecycle import Lifecycle
from dash_devices_nb.app.serving.mount import ServeConfig
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.errors import RunError
from dash_devices_nb.kernel import display
from dash_devices_nb.kernel.discovery import find_server
from dash_devices_nb.kernel.environment import Environment, Host, detect

LOOPS = ("thread", "kernel")
AUTH = "DASH_DEVICES_AUTH"
"""The environment variable with a site's default for `auth`."""
ORIGINALS_PORT = 5000
DEFAULT: Any = object()
"""Stands for an argument that was not given."""


class Embedded(Lifecycle):
    """Running an app."""

    _shown: tuple[str | None, Any, Any] = (None, "100%", 650)

    # ---- the public interface

    def run(
        self,
        host: str | None = None,
        port: int | str | None = None,
        *,
        name: str | None = None,
        loop: str | None = None,
        debug: bool | None = None,
        auth: str | None = DEFAULT,
        allowed_origins: tuple[str, ...] | list[str] = (),
        allowed_hosts: tuple[str, ...] | list[str] = (),
        jupyter_mode: str | None = None,
        jupyter_width: int | str = "100%",
        jupyter_height: int | str = 650,
        ssl_context: Any = None,
        **options: Any,
    ) -> None:
        """Serve the app, and show its page.

        In a notebook it returns at once. Another call shows the page again. A new app with the same name replaces the
        old one at the same URL, and open pages follow. In a script it blocks until Ctrl-C.

        Args:
            host: the address to serve on. Default: 127.0.0.1, or env `HOST`. With a host or port, the page is served
                directly, and not through Jupyter.
            port: the port. Default: 8050, or env `PORT`. In a notebook without a named port: the next free one.
            name: the name of the app in its URL. Default: that of the notebook, else the one given to `Dash`.
            loop: "thread" (default): pages stay live while a cell blocks. "kernel": everything runs on the kernel's
            loop.
                For notebooks only; env `DASH_DEVICES_LOOP`.
            debug: show Dash's dev tools; env `DASH_DEBUG`.
            auth: "secret" (default): a direct URL has a secret, and guests need a share link (`app.share()`). None:
                everybody who reaches the port may enter and control. Env `DASH_DEVICES_AUTH`: "secret" or "none".
            allowed_origins: further origins whose pages may use the app, such as "https://example.org".
            allowed_hosts: without a secret, further host names of the app, such as "lab.example.org". Loopback names
                are always accepted; on another address, so are this computer's address and host name.
            jupyter_mode: "inline", "tab", "external", "jupyterlab" or "_none".
            jupyter_width: width of the inline frame, in pixels or as CSS.
            jupyter_height: height of the inline frame, in pixels or as CSS.
            ssl_context: an `ssl.SSLContext`, to serve TLS.
            options: Dash's `dev_tools_*` options.

        Raises:
            PortInUseError: the named port is in use.
            RunError, DisplayError: an argument is not accepted.
        """
        environment = detect()
        self._shown = (jupyter_mode, jupyter_width, jupyter_height)
        if environment.in_kernel:
            display.check_mode(jupyter_mode)
        secret = _asks_for_secret(auth)
        self._dev_tools_for_run(debug, options)
        hosts = _names("allowed_hosts", allowed_hosts)
        config, why_direct = self._serve_config(
            environment, host, port, loop, secret, tuple(allowed_origins), hosts, ssl_context
        )
        wanted = name or self._default_name(environment)
        if not environment.interactive:
            try:
                asyncio.run(self.serve_mount(self.new_mount(config, wanted, None, searches=False)))
            except KeyboardInterrupt:
                print("\nstopped", flush=True)
            return
        self.run_here(config, wanted, environment, searches=config.port is None)
        if why_direct:
            print(f"{why_direct} So the page is served directly.")
        for note in (self._mount.note, self._mount.who_may_enter) if self._mount else ():
            if note:
                print(note)
        self.show(jupyter_mode)

    def run_server(
        self, host: str | None = None, port: int | str | None = None, *, auth: str | None = DEFAULT, **options: Any
    ) -> None:
        """`run` by the name of `dash_devices`, with its defaults in a script: no secret, and port 5000.

        So the known address works. A line says who can reach it. Arguments as for `run`. `auth="secret"`, or env
        `DASH_DEVICES_AUTH`, requires a secret.
        """
        if not detect().interactive:
            if auth is DEFAULT and not os.environ.get(AUTH):
                auth = None
            port = os.environ.get("PORT", ORIGINALS_PORT) if port is None else port
        self.run(host, port, auth=auth, **options)

    async def serve(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        name: str | None = None,
        auth: str | None = DEFAULT,
        allowed_origins: tuple[str, ...] | list[str] = (),
        allowed_hosts: tuple[str, ...] | list[str] = (),
        ssl_context: Any = None,
    ) -> None:
        """Serve the app on the running loop until it is cancelled. Arguments as for `run`."""
        hosts = _names("allowed_hosts", allowed_hosts)
        config = ServeConfig(
            host, port, None, "main", _asks_for_secret(auth), tuple(allowed_origins), hosts, ssl_context
        )
        await self.serve_mount(self.new_mount(config, name or str(self.config.name), None, searches=False))

    @property
    def url(self) -> str | None:
        """The address of the page: a path of the Jupyter server, or a URL with the secret. None before `run`."""
        return self._mount.url if self._mount else None

    def show(self, mode: str | None = None) -> None:
        """Show the page again. Modes as `jupyter_mode` of `run`.

        Raises:
            RunError: the app does not run.
        """
        mount = self._mount
        if mount is None:
            raise RunError("The app does not run; app.run() serves and shows it.")
        known, width, height = self._shown
        page = display.DisplayedPage(mount.url, title=mount.name, port=mount.port)
        display.show(page, mode=mode or known, width=width, height=height)

    # ---- wishes

    def _default_name(self, environment: Environment) -> str:
        own = str(self.config.name)
        if own == "__main__" and environment.notebook is not None:
            return environment.notebook.stem
        return "app" if own == "__main__" else own

    def _serve_config(
        self,
        environment: Environment,
        host: str | None,
        port: int | str | None,
        loop: str | None,
        secret: bool,
        allowed_origins: tuple[str, ...],
        allowed_hosts: tuple[str, ...],
        tls: Any,
    ) -> tuple[ServeConfig, str]:
        chosen = loop or os.environ.get("DASH_DEVICES_LOOP") or "thread"
        if chosen not in LOOPS:
            raise RunError(f"loop={chosen!r}; it takes 'thread' or 'kernel'")
        if not environment.interactive:
            chosen = "main"
        elif environment.host is Host.TERMINAL:
            chosen = "thread"
        named = host is not None or port is not None or tls is not None
        number = _port(port if port is not None else None if environment.in_kernel else os.environ.get("PORT"))
        address = host or os.environ.get("HOST")
        direct = ServeConfig(address, number, None, chosen, secret, allowed_origins, allowed_hosts, tls)
        if named or not environment.in_kernel:
            return direct, ""
        found = find_server(environment)
        if found.server is None:
            return direct, found.why_not
        server = found.server
        return ServeConfig(None, None, server.base_url, chosen, True, allowed_origins, server_url=server.url), ""

    def enable_dev_tools(self, *args: Any, **options: Any) -> bool:
        """As in stock Dash. Arguments of older versions of Dash are accepted, with a note."""
        _note([name for name in options if name in _IGNORED], "enable_dev_tools()")
        given = {name: value for name, value in options.items() if name not in _IGNORED}
        return bool(super().enable_dev_tools(*args, **given))

    def _dev_tools_for_run(self, debug: bool | None, options: dict[str, Any]) -> None:
        known = inspect.signature(super().enable_dev_tools).parameters
        unknown = [name for name in options if name not in known and name not in _IGNORED]
        if unknown:
            raise RunError(
                f"run() does not take {', '.join(unknown)}; it takes its own arguments and Dash's dev_tools_*"
            )
        _note([name for name in options if name in _IGNORED], "run()")
        wanted = bool(dash_internals.combined("debug", debug, False))
        tools = {name: value for name, value in options.items() if name in known}
        if wanted or tools:
            self.enable_dev_tools(debug=wanted, **tools)


_IGNORED = frozenset(
    {
        "dev_tools_client_reload",
        "extra_files",
        "jupyter_server_url",
        "load_dotenv",
        "log_level",
        "passthrough_errors",
        "processes",
        "proxy",
        "reloader_interval",
        "reloader_type",
        "threaded",
        "use_debugger",
        "use_evalex",
        "use_reloader",
    }
)
"""Options of Flask's server, and of the original, that mean nothing here."""


def _note(ignored: list[str], what: str) -> None:
    if ignored:
        does = "does" if len(ignored) == 1 else "do"
        print(f"{what}: {', '.join(ignored)} {does} nothing here.")


def _asks_for_secret(auth: Any) -> bool:
    """Whether a direct URL carries a secret. Raises RunError."""
    if auth is DEFAULT:
        said: str = os.environ.get(AUTH) or "secret"
        if said not in ("secret", "none"):
            raise RunError(f"{AUTH}={said!r} in the environment; it takes 'secret' or 'none'")
        return said == "secret"
    if auth not in ("secret", None):
        raise RunError(f"auth={auth!r}; it takes 'secret' or None")
    return auth is not None


def _names(argument: str, names: Any) -> tuple[str, ...]:
    """A list of host names. Raises RunError."""
    given = (names,) if isinstance(names, str) else tuple(names)
    for name in given:
        if not isinstance(name, str) or not re.fullmatch(r"\*|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:]+|[\w.-]+", name):
            raise RunError(
                f"{argument} has {name!r:.100}; it takes host names without scheme and port, 'lab.example.org'"
            )
    return given


def _port(port: int | str | None) -> int | None:
    if port is None:
        return None
    try:
        number = int(port)
    except ValueError:
        number = -1
    if not 0 <= number <= 65535:
        raise RunError(f"port={port!r}; a port is a number from 0 (any free one) to 65535")
    return number
