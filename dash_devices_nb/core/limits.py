"""How fast a client may act: a token bucket. Time comes in as an argument, in seconds of any clock that only grows."""

from __future__ import annotations

RATE = 200.0
"""Changes a second that a page may send, in the long run."""
BURST = 400.0
"""Changes that it may send at once."""


class Bucket:
    """Tokens that come back with time.

    Args:
        rate: tokens a second.
        burst: the most there are.
    """

    def __init__(self, rate: float = RATE, burst: float = BURST) -> None:
        self.rate = rate
        self._burst = burst
        self._tokens = burst
        self._then: float | None = None

    def take(self, now: float) -> float:
        """Take a token. Returns how long to wait before acting on it, in seconds; 0 where there is one."""
        if self._then is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._then) * self.rate)
        self._then = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self.rate)
