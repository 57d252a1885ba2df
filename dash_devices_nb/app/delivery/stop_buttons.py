"""`app.stop_button(...)`: a function that is reached past everything that may hold up a callback.

A press is a request of its own over HTTP. It passes no pause, lock, queue or floor; only the role is checked. The
function runs in a thread of its own, so a pool of workers that is full holds up nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Protocol

import quart

from dash_devices_nb.app.stock_dash.plain_text import plain_text
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.journal import entries as kinds
from dash_devices_nb.core.props.ids import stop_name
from dash_devices_nb.errors import DeviceError

ENDPOINT = "dash_devices_stop"
"""The name of the route; `RouteRoles` lets everybody ask who sees the page, and the role is checked here."""
FORBIDDEN, MISSING, FAILED = 403, 404, 500


class Journal(Protocol):
    """Notes what happened."""

    def refused(self, client: Client | None, reason: str) -> None:
        """What a client asked for was not done."""

    def noted(self, kind: str, client: Client | None, what: str) -> None:
        """Somebody has done something."""


class StopButtons:
    """The stop buttons of an app.

    Args:
        journal: notes each press.
        failed: reports what a function has raised.
    """

    def __init__(self, journal: Journal, failed: Callable[[BaseException], None]) -> None:
        self._journal, self._failed = journal, failed
        self._buttons: dict[str, tuple[Callable[[], object], str, Role]] = {}
        self._pressed: dict[str, asyncio.Future[BaseException | None]] = {}
        """The functions that run now. Another press waits for the same end, so that presses make no more threads."""

    def add(self, function: Callable[[], object], label: str, role: str) -> str:
        """Know a button; one with the same label takes the place of an earlier one. Returns its path, below the app's.

        Raises RoleError, and DeviceError for what cannot be called in a thread.
        """
        given: object = function
        if not callable(given) or inspect.iscoroutinefunction(given):
            raise DeviceError(f"stop_button() takes a plain function without arguments, not {function!r:.100}")
        name = stop_name(label)
        self._buttons[name] = (function, label, Role(role))
        return f"_dash-devices/stop/{name}"

    def attach(self, server: quart.Quart, prefix: str, sender: Callable[[], tuple[Client | None, Role]]) -> None:
        """Add the route to a server.

        `sender` gives the client of the page that sends the current request, or None, and the role of whoever asks.
        """

        async def press(name: str) -> quart.Response:
            return await self._press(name, *sender())

        server.add_url_rule(f"{prefix}_dash-devices/stop/<name>", ENDPOINT, press, methods=["POST"])

    async def _press(self, name: str, client: Client | None, role: Role) -> quart.Response:
        if name not in self._buttons:
            return plain_text("This button no longer exists; reload the page.", MISSING)
        function, label, needed = self._buttons[name]
        if role < needed:
            self._journal.refused(client, f"the button {label!r}: it needs {str(needed)!r}")
            return plain_text(f"That needs the role {str(needed)!r}.", FORBIDDEN)
        self._journal.noted(kinds.STOP, client, f"the button {label!r} was pressed")
        pressed = self._pressed.get(name)
        if pressed is None or pressed.done():
            pressed = self._pressed[name] = self._in_a_thread(function, label)
        error = await asyncio.shield(pressed)
        if error is None:
            return plain_text("stopped", 200)
        guest = client is None or client.share is not None  # what is raised shows the program
        text = "whoever runs this page can see why" if guest else str(error)
        return plain_text(f"{label} failed: {text}", FAILED)

    def _in_a_thread(self, function: Callable[[], object], label: str) -> asyncio.Future[BaseException | None]:
        """Call a function in a new thread. The result is what it has raised, or None."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[BaseException | None] = loop.create_future()

        def call() -> None:
            error: BaseException | None = None
            try:
                function()
            except BaseException as raised:  # noqa: BLE001 - it is reported, and told to whoever pressed
                error = raised
                self._failed(raised)
            try:
                loop.call_soon_threadsafe(_settle, done, error)
            except RuntimeError:
                return  # the app has ended meanwhile

        threading.Thread(target=call, name=f"stop button {label}", daemon=True).start()
        return done


def _settle(done: asyncio.Future[BaseException | None], error: BaseException | None) -> None:
    if not done.done():
        done.set_result(error)
