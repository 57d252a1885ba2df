"""Guests' requests over HTTP begin one at a time, so that the loop looks at everybody else in between.

To begin one takes Quart some milliseconds in which nothing else goes on: three hundred that came at once held up an
owner's change for a second. Links take turns.
"""

from __future__ import annotations

import asyncio
from collections import deque


class RequestTurns:
    """Who begins next. On one loop."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}
        self._going_on = False

    async def turn(self, link: str) -> None:
        """Wait for the turn of one who came by a link."""
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[None] = loop.create_future()
        self._lines.setdefault(link, deque()).append(mine)
        if not self._going_on:
            self._going_on = True
            loop.call_soon(self._next, loop)
        await mine

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        for link in self._lines:
            line = self._lines.pop(link)
            one = line.popleft()
            if line:
                self._lines[link] = line  # the last to come again
            if not one.done():  # it may have been given up
                one.set_result(None)
            # What is woken runs in the loop's next turn, and this again in the one after it.
            loop.call_soon(loop.call_soon, self._next, loop)
            return
        self._going_on = False
