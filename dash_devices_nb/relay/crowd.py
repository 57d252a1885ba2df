"""What a relay says of its pages: how many there are, and which components on demand they show.

It is said when it changes, and again on each new connection, as the app then may know a new client.
"""

from __future__ import annotations

from dash_devices_nb.relay.mirror import Mirror
from dash_devices_nb.relay.upstream import Upstream

NOBODY: frozenset[str] = frozenset()


class CrowdTeller:
    """Says it to the app.

    Args:
        upstream: the way to the app.
        mirror: the app, as the relay has it.
    """

    def __init__(self, upstream: Upstream, mirror: Mirror) -> None:
        self._upstream = upstream
        self._mirror = mirror
        self._pages = 0
        self._watched = NOBODY

    def forget(self) -> None:
        """A connection begins: the app knows nothing of what was said."""
        self._pages, self._watched = 0, NOBODY

    async def tell(self, pages: int, watched: frozenset[str]) -> None:
        """Say what has changed. What could not be sent is said the next time."""
        if pages != self._pages and await self._upstream.say(self._mirror.crowd(pages)):
            self._pages = pages
        if watched != self._watched and await self._upstream.say(self._mirror.watch(watched)):
            self._watched = watched
