"""A fair queue: how many jobs run at a time, in all, of guests, and of one link. The rest wait; links take turns."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")

CALLS = 128
"""Plain regular callbacks that run at a time: each has a thread."""
MOST_WAITING = 1000
"""Calls of one link that may wait: all pages of a class load at once, and make their initial calls."""
PATIENCE = 30.0
"""Seconds after which a call that waits is told that it will not be made."""


class Turn(Enum):
    """The answer to a job: it runs now, it waits, or it is refused because too many wait."""

    NOW = "now"
    WAITS = "waits"
    FULL = "full"


class FairQueue(Generic[T]):
    """Decides which job runs, and which is next. Time comes in as an argument.

    Guests get at most half of the places, so that the owner always finds one. One link gets at most three quarters of
    the guests' half, so that another link finds one.

    Args:
        most: number of jobs that may run at a time; called each time.
        waiting: number of jobs of one link that may wait.
        patience: the longest wait, in seconds.
    """

    def __init__(
        self, most: Callable[[], int] = lambda: CALLS, waiting: int = MOST_WAITING, patience: float = PATIENCE
    ) -> None:
        self._most = most
        self._most_waiting = waiting
        self._patience = patience
        self._running: Counter[tuple[Hashable, bool]] = Counter()
        # Those who wait, by link; the link that is next is the first.
        self._waiting: dict[tuple[Hashable, bool], deque[tuple[float, T]]] = {}

    @property
    def running(self) -> int:
        """How many run."""
        return self._running.total()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def ask(self, one: T, link: Hashable, now: float, *, guest: bool) -> Turn:
        """Ask for a place. After `NOW`, call `done` when the job has ended."""
        key = (link, guest)
        queue = self._waiting.get(key)
        if not queue and self._has_place(key):
            self._running[key] += 1
            return Turn.NOW
        if queue is not None and len(queue) >= self._most_waiting:
            return Turn.FULL
        self._waiting.setdefault(key, deque()).append((now + self._patience, one))
        return Turn.WAITS

    def done(self, link: Hashable, *, guest: bool) -> list[tuple[T, Hashable, bool]]:
        """A job has ended. Returns the jobs that run now, each with its link and whether it is a guest's."""
        key = (link, guest)
        self._running[key] -= 1
        if self._running[key] <= 0:
            del self._running[key]
        found: list[tuple[T, Hashable, bool]] = []
        while (following := self._next()) is not None:
            found.append(following)
        return found

    def _next(self) -> tuple[T, Hashable, bool] | None:
        for key, queue in self._waiting.items():
            if self._has_place(key):
                _, one = queue.popleft()
                del self._waiting[key]
                if queue:
                    self._waiting[key] = queue  # the last to come again
                self._running[key] += 1
                return one, *key
        return None

    def _has_place(self, key: tuple[Hashable, bool]) -> bool:
        most = max(2, self._most())
        if self.running >= most:
            return False
        if not key[1]:
            return True
        guests = sum(count for (_, guest), count in self._running.items() if guest)
        return guests < most // 2 and self._running[key] < max(1, most * 3 // 8)

    def expired(self, now: float) -> list[T]:
        """Remove the jobs that have waited too long, and return them."""
        found: list[T] = []
        for key, queue in list(self._waiting.items()):
            while queue and queue[0][0] <= now:
                found.append(queue.popleft()[1])
            if not queue:
                del self._waiting[key]
        return found

    def next_expiry(self) -> float | None:
        """When the next job expires, or None if none waits."""
        return min((queue[0][0] for queue in self._waiting.values()), default=None)
