"""Guests' requests over HTTP begin one at a time, so that the loop serves everybody else in between.

Quart blocks the loop for some milliseconds to begin a request. Three hundred at once delayed an owner's change by a
second. Links take turns.
"""

from __future__ import annotations

import asyncio
from collections import deque


class RequestTurns:
    """Decides which request begins next. On one loop."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}
        self._going_on = False

    async def turn(self, link: str) -> None:
        """Wait until a request by this link may begin."""
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
                self._lines[link] = line  # at the end of the line
            if not one.done():  # the request may have been cancelled
                one.set_result(None)
            # The woken request runs in the loop's next turn, and this function in the turn after that.
            loop.call_soon(loop.call_soon, self._next, loop)
            return
        self._going_on = False
