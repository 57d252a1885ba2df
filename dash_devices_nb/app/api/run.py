"""`run`, `serve` and `show`. `lifecycle` and `serving.mount` do the work."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Iterable
from typing import Any

from dash_devices_nb.app.api.lifecycle import Lifecycle
from dash_devices_nb.app.serving.mount import ServeConfig, all_mounts
from dash_devices_nb.app.serving.serving_state import ServingState
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.dash_internals import StockDash
from dash_devices_nb.app.stock_dash.types import Argument, Keywords
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


class Runner:
    """Runs and shows one app.

    Args:
        stock: the app's side of stock Dash.
        lifecycle: starts and ends the app.
        serving: says where the app is served.
    """

    def __init__(self, stock: StockDash, lifecycle: Lifecycle, serving: ServingState) -> None:
        self._stock = stock
        self._lifecycle = lifecycle
        self._serving = serving
        self._shown: tuple[str | None, int | str, int | str] = (None, "100%", 650)

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
        ssl_context: ssl.SSLContext | None = None,
        **options: Argument,
    ) -> None:
        """Serve the app, and show its page."""
        environment = detect()
        self._shown = (jupyter_mode, jupyter_width, jupyter_height)
        if environment.in_kernel:
            display.check_mode(jupyter_mode)
        secret = _asks_for_secret(auth)
        self._dev_tools_for_run(debug, options)
        hosts = _names("allowed_hosts", allowed_hosts)
        wanted = name or self._default_name(environment)
        host, port = _served_at(environment, wanted, host, port)
        config, why_direct = self._serve_config(
            environment, host, port, loop, secret, tuple(allowed_origins), hosts, ssl_context
        )
        if not environment.interactive:
            try:
                asyncio.run(
                    self._lifecycle.serve_mount(self._lifecycle.new_mount(config, wanted, None, searches=False))
                )
            except KeyboardInterrupt:
                print("\nstopped", flush=True)
            return
        self._lifecycle.run_here(config, wanted, environment, searches=config.port is None)
        if why_direct:
            print(f"{why_direct} So the page is served directly.")
        for note in (self._serving.mount.note, self._serving.mount.who_may_enter) if self._serving.mount else ():
            if note:
                print(note)
        self.show(jupyter_mode)

    def defaults_of_original(self, port: int | str | None, auth: str | None) -> tuple[int | str | None, str | None]:
        """The port and `auth` with the defaults of `dash_devices` in a script: port 5000, and no secret."""
        if not detect().interactive:
            if auth is DEFAULT and not os.environ.get(AUTH):
                auth = None
            port = os.environ.get("PORT", ORIGINALS_PORT) if port is None else port
        return port, auth

    async def serve(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        name: str | None = None,
        auth: str | None = DEFAULT,
        allowed_origins: tuple[str, ...] | list[str] = (),
        allowed_hosts: tuple[str, ...] | list[str] = (),
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Serve the app on the running loop until it is cancelled."""
        hosts = _names("allowed_hosts", allowed_hosts)
        config = ServeConfig(
            host, port, None, "main", _asks_for_secret(auth), tuple(allowed_origins), hosts, ssl_context
        )
        await self._lifecycle.serve_mount(
            self._lifecycle.new_mount(config, name or str(self._stock.config.name), None, searches=False)
        )

    def show(self, mode: str | None = None) -> None:
        """Show the page again. Raises RunError."""
        mount = self._serving.mount
        if mount is None:
            raise RunError("The app does not run; app.run() serves and shows it.")
        known, width, height = self._shown
        page = display.DisplayedPage(mount.url, title=mount.name, port=mount.port)
        display.show(page, mode=mode or known, width=width, height=height)

    # ---- wishes

    def _default_name(self, environment: Environment) -> str:
        own = str(self._stock.config.name)
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
        tls: ssl.SSLContext | None,
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

    def _dev_tools_for_run(self, debug: bool | None, options: Keywords) -> None:
        known = self._stock.dev_tools_options
        unknown = [name for name in options if name not in known and name not in IGNORED]
        if unknown:
            raise RunError(
                f"run() does not take {', '.join(unknown)}; it takes its own arguments and Dash's dev_tools_*"
            )
        note_ignored(options, "run()")
        wanted = bool(dash_internals.combined("debug", debug, False))
        tools = {name: value for name, value in options.items() if name in known}
        if wanted or tools:
            self._stock.enable_dev_tools(debug=wanted, **tools)


IGNORED = frozenset(
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


def without_ignored(options: Keywords) -> Keywords:
    """The options that mean something."""
    return {name: value for name, value in options.items() if name not in IGNORED}


def note_ignored(options: Iterable[str], what: str) -> None:
    """Say which options do nothing here."""
    ignored = [name for name in options if name in IGNORED]
    if ignored:
        does = "does" if len(ignored) == 1 else "do"
        print(f"{what}: {', '.join(ignored)} {does} nothing here.")


def _asks_for_secret(auth: object) -> bool:
    """Whether a direct URL carries a secret. Raises RunError."""
    if auth is DEFAULT:
        said: str = os.environ.get(AUTH) or "secret"
        if said not in ("secret", "none"):
            raise RunError(f"{AUTH}={said!r} in the environment; it takes 'secret' or 'none'")
        return said == "secret"
    if auth not in ("secret", None):
        raise RunError(f"auth={auth!r}; it takes 'secret' or None")
    return auth is not None


def _served_at(
    environment: Environment, name: str, host: str | None, port: int | str | None
) -> tuple[str | None, int | str | None]:
    """Where `dash-devices-nb serve` wants its first app, whatever the program says; others go where they want."""
    if environment.served_at is None or any(mount.name != name for mount in all_mounts()):
        return host, port
    return environment.served_at


def _names(argument: str, names: str | Iterable[object]) -> tuple[str, ...]:
    """A list of host names. Raises RunError."""
    given = (names,) if isinstance(names, str) else tuple(names)
    checked = []
    for name in given:
        if not isinstance(name, str) or not re.fullmatch(r"\*|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:]+|[\w.-]+", name):
            raise RunError(
                f"{argument} has {name!r:.100}; it takes host names without scheme and port, 'lab.example.org'"
            )
        checked.append(name)
    return tuple(checked)


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
