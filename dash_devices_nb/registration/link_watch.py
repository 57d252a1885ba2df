"""Close what is open by a share link when the link ends.

While something is open by a link, the link is checked every quarter of a second. An unchanged file costs a few system
calls. Whoever revokes a link need not know who uses it, nor in which process.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Generic, TypeVar

LOOK_INTERVAL = 0.25  # seconds

Link = TypeVar("Link")
Close = Callable[[str], None]


class LinkWatch(Generic[Link]):
    """The open connections of links. On one event loop.

    Args:
        why_ended: returns why a link is no longer valid, or "" while it is.
    """

    def __init__(self, why_ended: Callable[[Link], str]) -> None:
        self._why_ended = why_ended
        self._open: defaultdict[Link, set[Close]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    def began(self, link: Link, close: Close) -> None:
        """Call `close` with the reason, once, when the link ends, until `ended` is called."""
        self._open[link].add(close)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._look())

    def ended(self, link: Link, close: Close) -> None:
        """Forget a connection that has closed. Idempotent."""
        if link in self._open:
            self._open[link].discard(close)
            if not self._open[link]:
                del self._open[link]

    async def _look(self) -> None:
        try:
            while self._open:
                await asyncio.sleep(LOOK_INTERVAL)
                for link in list(self._open):
                    if reason := self._why_ended(link):
                        for close in self._open.pop(link, ()):
                            close(reason)
        finally:
            self._task = None

    async def stop(self) -> None:
        """Stop checking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
