"""A relay: one way up to the app, and one server for its pages."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from dash_devices_nb.errors import UpstreamError
from dash_devices_nb.relay.crowd import CrowdTeller
from dash_devices_nb.relay.door import Door
from dash_devices_nb.relay.upstream import Upstream
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server

FIRST_DELAY, LONGEST_DELAY = 0.1, 2.0
"""Seconds between two attempts to reach the app."""
LOOK_SECONDS = 0.5
"""How often, in seconds, links are looked at that end by themselves."""
SOON_SECONDS = 0.05
"""What changes within this time, in seconds, is told to the app at once."""
LARGEST_MESSAGE = 32 * 1024 * 1024
"""Bytes of a page's message, as in the app."""


class Relay:
    """One relay.

    Args:
        upstream: the way to the app.
        bound: the socket to serve on.
        by: the token of the view link by which everybody enters who has none; "" for nobody.
        report: is told, in one sentence, what keeps the relay from the app.
    """

    def __init__(self, upstream: Upstream, bound: BoundSocket, by: str, report: Callable[[str], object]) -> None:
        self._upstream = upstream
        self._report = report
        self.door = Door(upstream, by)
        self._server = Server(self.door, bound, max_message_bytes=LARGEST_MESSAGE)
        self._crowd = CrowdTeller(upstream, self.door.viewers.mirror)

    async def run(self, started: Callable[[str], object]) -> None:
        """Serve until cancelled. `started` is told the address.

        Raises:
            RemoteError: the app refuses the relay for good.
        """
        await self._server.start()
        started(self._server.url)
        looking = asyncio.ensure_future(self._look())
        try:
            await self._follow()
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            self.door.viewers.close()
            await self._server.stop(reason="The relay stopped")

    async def _follow(self) -> None:
        delay, told = FIRST_DELAY, ""
        while True:
            began = time.monotonic()
            self._crowd.forget()
            try:
                await self._upstream.follow(self.door.viewers.mirror)
            except UpstreamError as error:
                if str(error) != told:
                    told = str(error)
                    self._report(told)
            if time.monotonic() - began > LONGEST_DELAY:
                delay, told = FIRST_DELAY, ""
            await asyncio.sleep(delay)
            delay = min(delay * 1.7, LONGEST_DELAY)

    async def _look(self) -> None:
        viewers = self.door.viewers
        was_ready = False
        while True:
            if viewers.mirror.ready and not was_ready:
                await self.door.became_ready()
            was_ready = viewers.mirror.ready
            if was_ready:
                viewers.changed.clear()
                await self._crowd.tell(len(viewers), viewers.watched)
            viewers.links_changed()
            await asyncio.sleep(SOON_SECONDS)
            if was_ready:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(viewers.changed.wait(), LOOK_SECONDS)
