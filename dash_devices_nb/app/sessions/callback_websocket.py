"""`ctx.websocket`: Dash's interface for callbacks declared with `websocket=True`, over our WebSocket.

In such a callback, `set_props` reaches the page at once and not with the answer, and `get_prop` asks the page.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dash
from dash.exceptions import WebsocketDisconnected

from dash_devices_nb.app.execution.runtime import settle
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.types import JsonValue, PropValue
from dash_devices_nb.core.props.arrays import ARRAY_PROPS
from dash_devices_nb.core.protocol.messages import UNSET, GetFrame
from dash_devices_nb.core.protocol.page_frames import GotFrame

if TYPE_CHECKING:
    from dash_devices_nb.app.client_session import ClientSession
    from dash_devices_nb.app.execution.runtime import Runtime


class CallbackWebSockets:
    """The callbacks of an app that use `ctx.websocket`, and the answers that they wait for."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[ClientSession, tuple[asyncio.AbstractEventLoop, asyncio.Future[JsonValue]]]] = {}
        self._ends: dict[ClientSession, threading.Event] = {}
        self._followed: dict[Callable[[], object], ClientSession] = {}

    def open(self, page: ClientSession) -> CallbackWebSocket:
        """Make one for a page."""
        return CallbackWebSocket(self, page, self._ends.setdefault(page, threading.Event()))

    def send(self, page: ClientSession, component_id: str, prop: str, value: PropValue) -> None:
        """Send one prop to a page."""
        encoded = dash_internals.encode(value, f"{component_id}.{prop}", arrays=prop in ARRAY_PROPS)
        self._runtime.send_own(page.client, {(component_id, prop): encoded})

    async def ask(
        self,
        page: ClientSession,
        component_id: str,
        prop: str | None,
        timeout: float,
        path: list[str | int] | None = None,
    ) -> JsonValue:
        """Ask a page for a prop, the part of it at a path, or (with None) all props of a component. On any loop.

        Raises:
            TimeoutError: there is no answer within `timeout` seconds.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[JsonValue] = loop.create_future()
        number = next(self._numbers)
        self._waiting[number] = (page, (loop, future))
        with self._runtime.lock:
            page.send(GetFrame(number, component_id, prop, path or UNSET))
        self._runtime.flush()
        try:
            return await asyncio.wait_for(future, timeout)
        except TimeoutError as exc:
            raise TimeoutError(f"the page did not return its {component_id}.{prop or '*'} within {timeout} s") from exc
        finally:
            self._waiting.pop(number, None)

    def answered(self, page: ClientSession, frame: GotFrame) -> None:
        """A page has answered."""
        asked_by, waiting = self._waiting.get(frame.number, (None, None))
        if asked_by is page and waiting is not None:
            loop, future = waiting
            loop.call_soon_threadsafe(settle, future, frame.value)

    @contextmanager
    def following(self, page: ClientSession, leaves: Callable[[], object]) -> Iterator[None]:
        """Within the block, `leaves` is called when the page leaves, or at once if it has left."""
        self._followed[leaves] = page
        try:
            if self._runtime.pages.get(page.client.id) is not page:
                leaves()
            yield
        finally:
            self._followed.pop(leaves, None)

    def ended(self, page: ClientSession) -> None:
        """A page has left: shut down what it used."""
        for leaves, followed in list(self._followed.items()):
            if followed is page:
                leaves()
        end = self._ends.pop(page, None)
        if end is not None:
            end.set()
        for asked_by, (loop, future) in list(self._waiting.values()):
            if asked_by is page:
                loop.call_soon_threadsafe(settle, future, None, WebsocketDisconnected())


class CallbackWebSocket:
    """The object `ctx.websocket` in a callback. Its interface is Dash's `DashWebsocketCallback`."""

    def __init__(self, streams: CallbackWebSockets, page: ClientSession, end: threading.Event) -> None:
        self._streams = streams
        self._page = page
        self._end = end

    @property
    def is_shutdown(self) -> bool:
        """Whether the page has left."""
        return self._end.is_set()

    def set_prop_sync(self, component_id: str, prop_name: str, value: PropValue) -> None:
        """Set a prop of the page now. From any thread."""
        if not self.is_shutdown:
            self._streams.send(self._page, component_id, prop_name, value)

    async def set_prop(self, component_id: str, prop_name: str, value: PropValue) -> None:
        """Set a prop of the page now."""
        self.set_prop_sync(component_id, prop_name, value)

    async def get_prop(
        self, component_id: str, prop_name: str, timeout: float = 30.0, *, path: list[str | int] | None = None
    ) -> JsonValue:
        """The value that the page shows, or the part of it at `path`. None if there is nothing.

        Args:
            component_id: the id of the component.
            prop_name: the prop.
            timeout: in seconds.
            path: keys of dicts and indices of lists, negative ones from the end.

        Raises:
            WebsocketDisconnected: the page has left.
            TimeoutError: there is no answer within `timeout`.
            TypeError: `path` is no such list.
        """
        given: object = path
        if given is not None and not (isinstance(given, list) and all(type(step) in (str, int) for step in given)):
            raise TypeError(f"path={path!r:.60}; it is a list of keys and indices, such as ['data', 0, 'name']")
        if self.is_shutdown:
            raise WebsocketDisconnected()
        return await self._streams.ask(self._page, dash.stringify_id(component_id), prop_name, timeout, path)
