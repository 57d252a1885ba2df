"""Places: how much the guests of one share link may have under way at a time.

What goes beyond that waits its turn for a while, as when a whole class opens its pages in the same moment; only what
would wait too long, or behind too many, is turned away. Whom Jupyter knows needs no place, so guests that take all of
theirs hold up nobody but guests of their own link.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Link = TypeVar("Link", bound=Hashable)


class TooManyWaitingError(Exception):
    """All places of a link are taken, and so many wait for one, or for so long, that this one is turned away."""


@dataclass
class _Line:
    """Of one link: how many places are taken, and who waits for one, in order."""

    taken: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class ConcurrencyLimiter(Generic[Link]):
    """Counts what is under way by each link. On one event loop.

    Args:
        most: Places of each link.
        waiting: How many may wait for one.
        patience: How long one waits, in seconds.
    """

    def __init__(self, most: int, waiting: int, patience: float) -> None:
        self._most = most
        self._most_waiting = waiting
        self._patience = patience
        self._lines: dict[Link, _Line] = {}

    async def take(self, link: Link) -> None:
        """Take a place, until `leave`; wait for it where there is none. Cancelling is safe.

        Raises:
            TooManyWaitingError: Too many wait, or none became free in time.
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
                self.leave(link)  # it came in the same moment
            elif turn in line.waiting:
                line.waiting.remove(turn)
            if isinstance(exc, TimeoutError):
                raise TooManyWaitingError from None
            raise

    def leave(self, link: Link) -> None:
        """Give a place back that was taken: to the first who waits."""
        line = self._lines[link]
        while line.waiting:
            turn = line.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        line.taken -= 1
        if not line.taken:
            del self._lines[link]
