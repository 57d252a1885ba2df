"""A rate: so much a second in the long run, and so much at once.

The app has one of its own (`core.access.rate_limits`): the extension shares only the record and the errors with it.
"""

from __future__ import annotations

from collections.abc import Callable


class TokenBucket:
    """What may still be taken: frames, requests. It comes back with time.

    Args:
        rate: a second.
        burst: the most there are.
        clock: returns seconds.

    Attributes:
        rate: a second.
        clock: returns seconds.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self.rate = rate
        self._burst = burst
        self.clock = clock
        self._left = burst
        self._then = clock()

    def _grow(self) -> None:
        now = self.clock()
        self._left = min(self._burst, self._left + (now - self._then) * self.rate)
        self._then = now

    def take(self, count: int) -> None:
        """Take so much, even if there is not so much."""
        self._grow()
        self._left -= count

    @property
    def wait(self) -> float:
        """Seconds until something may be taken again; 0 if it may now."""
        self._grow()
        return max(0.0, -self._left / self.rate)

    @property
    def is_full(self) -> bool:
        """Whether forgetting the bucket would give nobody an advantage."""
        self._grow()
        return self._left >= self._burst
