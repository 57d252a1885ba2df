"""Running an app for a test, and driving it from code that is not asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import Mapping
from typing import Any

from dash_devices_nb.app.sessions.manager import VISITOR_HEADER
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.kernel.loops import IoThread
from dash_devices_nb.testing.tab import Tab

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

    def run(self, app: Any, **options: Any) -> str:
        """Serve an app, without a secret, and return its URL. That of an app that runs is returned as it is.

        Args:
            app: the `Dash` app.
            options: of `app.serve`, such as `auth="secret"` or `port=8050`.

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

    def stop(self, app: Any) -> None:
        """Stop serving an app, as Ctrl-C does. Does nothing for one that is not served here."""
        for entry in [entry for entry in self._running if entry[0] is app]:
            self._running.remove(entry)
            _, thread, task = entry
            try:
                thread.call(_ended(task), START_SECONDS)
            finally:
                thread.stop()


async def _serving(app: Any, options: dict[str, Any]) -> asyncio.Task[None]:
    """Start to serve, and wait until the app has a URL; its socket takes connections from then on."""
    task = asyncio.get_running_loop().create_task(app.serve(**options))
    while not app.url and not task.done():
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
    """A `Tab` for code that is not asynchronous: the same methods, each of which waits for its end.

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
    """The whole URL of an app that runs, or the URL itself.

    Raises:
        ConnectionError: the app does not run, or is reached through a Jupyter server whose address we do not know.
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
    """Open a tab from code that is not asynchronous, on an app that runs, or on a URL.

    Args:
        app_or_url: the app, or the URL.
        headers: more headers for all that the tab asks for.
        role: of the tab, as `visitor` takes it; for an app of this process only.
        name: what it is called.
        guest: whether it counts as one that came by a share link.

    Raises:
        ConnectionError: the app does not run, or nobody answers there.
    """
    who = visitor(app_or_url, role, name, guest=guest) if role is not None or name or guest else {}
    return SyncTab(url_of(app_or_url), {**(headers or {}), **who})


def visitor(app: Any, role: str | None = None, name: str = "", *, guest: bool = False) -> dict[str, str]:
    """Headers by which a tab on an app of this process is somebody.

    Give them to the tab: `Tab(app.url, visitor(app, "view", "Ada"))`.

    Args:
        app: the app.
        role: "view", "control" or "owner"; None: "control".
        name: what it is called.
        guest: whether it counts as one that came by a share link.

    Raises:
        RoleError: there is no such role.
    """
    card = secrets.token_urlsafe(16)
    share = f"testing-{next(_numbers)}" if guest else None
    app.sessions.visitors[card] = {"role": Role(role or Role.CONTROL), "name": name, "share": share}
    return {VISITOR_HEADER: card}
