"""Limit the concurrent requests of one share link's guests.

A request above the limit waits its turn, as when a whole class opens its pages at once. Only a request that would wait
too long, or behind too many, is refused. Jupyter's own users are not limited, so guests who use up their limit only
delay guests of the same link.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Link = TypeVar("Link", bound=Hashable)


class TooManyWaitingError(Exception):
    """A link is at its limit, and too many requests wait, or this one has waited too long."""


@dataclass
class _Line:
    """One link: the number of places taken, and who waits for one, in order."""

    taken: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class ConcurrencyLimiter(Generic[Link]):
    """Counts the requests of each link. On one event loop.

    Args:
        most: concurrent requests of one link.
        waiting: how many more may wait.
        patience: how long a request waits, in seconds.
    """

    def __init__(self, most: int, waiting: int, patience: float) -> None:
        self._most = most
        self._most_waiting = waiting
        self._patience = patience
        self._lines: dict[Link, _Line] = {}

    async def take(self, link: Link) -> None:
        """Take a place until `leave`; wait if none is free. Cancelling is safe.

        Raises:
            TooManyWaitingError: too many wait, or none became free in time.
        """
        line = self._lines.setdefault(link, _Line())
        if line.taken < self._most:
            line.taken += 1
            return
        if len(line.waiting) >= self._most_waiting:
            raise TooManyWaitingError
        turn = asyncio.get_running_loop().create_future()
        line.waiting.append(turn)
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as exc:
            if turn.done() and not turn.cancelled():
                self.leave(link)  # it became free in the same moment
            elif turn in line.waiting:
                line.waiting.remove(turn)
            if isinstance(exc, TimeoutError):
                raise TooManyWaitingError from None
            raise

    def leave(self, link: Link) -> None:
        """Give a place back, to the first that waits."""
        line = self._lines[link]
        while line.waiting:
            turn = line.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        line.taken -= 1
        if not line.taken:
            del self._lines[link]
