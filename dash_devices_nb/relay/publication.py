"""`app.publish()`: an app at a NATS server, as the program has it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable

from dash_devices_nb.errors import DashDevicesError
from dash_devices_nb.relay.broker import place_of
from dash_devices_nb.relay.publisher import Publisher
from dash_devices_nb.relay.upstream import Upstream, WebSocketUpstream

STOP_SECONDS = 5.0

log = logging.getLogger(__name__)


class Publication:
    """An app that is published to a NATS server while it runs. From any thread.

    Args:
        url: the address of the server.
        name: the name of the app there.
        door: opens a way to the running app, and returns its address. Called in a thread of this publication.

    Attributes:
        name: as given.
        place: the address that a relay takes, without user and password.
    """

    def __init__(self, url: str, name: str, door: Callable[[], str]) -> None:
        self._url = url
        self.name = name
        self.place = f"{place_of(url)}/{name}"
        self._door = door
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._publisher: Publisher | None = None
        self._problem = ""

    @property
    def problem(self) -> str:
        """What is wrong now, in one sentence; "" if nothing is."""
        return self._problem or (self._publisher.problem if self._publisher is not None else "")

    @property
    def pages(self) -> int:
        """How many pages look on at the relays."""
        return self._publisher.pages if self._publisher is not None else 0

    def start(self) -> None:
        """Begin to publish. Does nothing if it does."""
        if self._thread is None:
            self._problem = ""
            self._thread = threading.Thread(target=self._run, name=f"dash-devices-publish-{self.name}", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Publish no more."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        while thread.is_alive() and self._loop is None:
            thread.join(0.01)
        with contextlib.suppress(RuntimeError):  # its loop has ended by itself
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)
        thread.join(STOP_SECONDS)

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._publish())
        self._loop = None

    async def _publish(self) -> None:
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._publisher = Publisher(self._url, self.name, self._opened, lambda text: log.warning("%s", text))
        try:
            await self._publisher.run()
        except DashDevicesError as error:
            self._problem = str(error)
            log.error("%s", error)

    async def _opened(self) -> Upstream:
        return WebSocketUpstream(await asyncio.to_thread(self._door), {})

    def __repr__(self) -> str:
        return f"<Publication {self.place}, {self.problem or f'{self.pages} pages'}>"
