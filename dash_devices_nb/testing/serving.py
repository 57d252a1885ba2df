"""Run an app for a test, and drive it from synchronous code."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dash_devices_nb.app.api.parts import parts_of
from dash_devices_nb.app.sessions.manager import VISITOR_HEADER
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.kernel.loops import IoThread
from dash_devices_nb.testing.tab import Tab

if TYPE_CHECKING:
    from dash_devices_nb.app.api.dash import Dash

START_SECONDS = 30.0
LOOK_SECONDS = 0.005
_numbers = itertools.count(1)


class AppServer:
    """Serves apps on free ports, each in a thread with a loop of its own. A context manager.

    with AppServer() as server:
        url = server.run(app)
    """

    def __init__(self) -> None:
        self._running: list[tuple[Any, IoThread, asyncio.Task[None]]] = []

    def __enter__(self) -> AppServer:
        return self

    def __exit__(self, *exc: object) -> None:
        for app, _, _ in reversed(self._running.copy()):
            self.stop(app)

    def run(self, app: Dash, **options: Any) -> str:
        """Serve an app without a secret and return its URL. An app that is already running keeps its URL.

        Args:
            app: the `Dash` app.
            options: options of `app.serve`, such as `auth="secret"` or `port=8050`.

        Raises:
            Exception: what `app.serve` raises.
        """
        if app.url:
            return str(app.url)
        thread = IoThread(f"app-server-{next(_numbers)}")
        thread.start()
        try:
            task = thread.call(_serving(app, {"port": 0, "auth": None, **options}), START_SECONDS)
        except BaseException:
            thread.stop()
            raise
        self._running.append((app, thread, task))
        return str(app.url)

    def stop(self, app: Dash) -> None:
        """Stop serving an app, as Ctrl-C does. Does nothing if the app is not served here."""
        for entry in [entry for entry in self._running if entry[0] is app]:
            self._running.remove(entry)
            _, thread, task = entry
            try:
                thread.call(_ended(task), START_SECONDS)
            finally:
                thread.stop()


async def _serving(app: Dash, options: dict[str, Any]) -> asyncio.Task[None]:
    """Start to serve, and wait until the app takes connections and has made its first calls."""
    task = asyncio.get_running_loop().create_task(app.serve(**options))
    while not parts_of(app).serving.ready and not task.done():
        await asyncio.sleep(LOOK_SECONDS)
    if task.done():
        await task
        raise RuntimeError("app.serve() has returned; it serves until it is cancelled")
    return task


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class SyncTab:
    """A `Tab` for synchronous code, with the same methods, which block.

    with open_tab(app.url) as tab:
        tab.act("slider", "value", 5)
        tab.expect("shown", "children", "target 5")
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._thread = IoThread(f"tab-{next(_numbers)}")
        self._thread.start()
        try:
            self._tab = self._thread.call(_opened(url, headers))
        except BaseException:
            self._thread.stop()
            raise

    def __enter__(self) -> SyncTab:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._tab, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._thread.call(found(*args, **kwargs))

        call.__name__, call.__doc__ = name, found.__doc__
        return call

    def close(self) -> None:
        """Leave, as when a person closes the tab. Does nothing if it has left."""
        if self._thread.running:
            self._thread.call(self._tab.close())
            self._thread.stop()


async def _opened(url: str, headers: Mapping[str, str] | None) -> Tab:
    return await Tab(url, headers).open()


def url_of(app_or_url: Any) -> str:
    """Return the complete URL of a running app, or the given URL.

    Raises:
        ConnectionError: the app does not run, or the address of its Jupyter server is unknown.
    """
    url = app_or_url if isinstance(app_or_url, str) else app_or_url.url
    if not url:
        raise ConnectionError("the app does not run; app.run(), await app.serve() or the fixture app_server starts it")
    if not url.startswith("http"):
        raise ConnectionError(
            f"{url!r} is a path on the Jupyter server; a tab needs the whole URL, such as http://localhost:8888{url}"
        )
    return str(url)


def open_tab(
    app_or_url: Any,
    headers: Mapping[str, str] | None = None,
    *,
    role: str | None = None,
    name: str = "",
    guest: bool = False,
) -> SyncTab:
    """Open a tab from synchronous code, on a running app or a URL.

    Args:
        app_or_url: the app, or the URL.
        headers: additional headers for all requests.
        role: the tab's role, as in `visitor`; only for an app of this process.
        name: its name.
        guest: whether it counts as a guest of a share link.

    Raises:
        ConnectionError: the app does not run, or does not answer.
    """
    who = visitor(app_or_url, role, name, guest=guest) if role is not None or name or guest else {}
    return SyncTab(url_of(app_or_url), {**(headers or {}), **who})


def visitor(app: Dash, role: str | None = None, name: str = "", *, guest: bool = False) -> dict[str, str]:
    """Return headers that give a tab a role and a name, on an app of this process.

    Give them to the tab: `Tab(app.url, visitor(app, "view", "Ada"))`.

    Args:
        app: the app.
        role: "view", "control" or "owner"; None: "control".
        name: what it is called.
        guest: whether it counts as a guest of a share link.

    Raises:
        RoleError: there is no such role.
    """
    card = secrets.token_urlsafe(16)
    share = f"testing-{next(_numbers)}" if guest else None
    parts_of(app).sessions.visitors[card] = {"role": Role(role or Role.CONTROL), "name": name, "share": share}
    return {VISITOR_HEADER: card}
