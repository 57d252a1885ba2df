"""How fast a client may act: a token bucket. Time comes in as an argument, in seconds of any clock that only grows."""

from __future__ import annotations

from dash_devices_nb.core.access.roles import Role

RATE = 200.0
"""Changes a second that a page may send, in the long run."""
BURST = 400.0
"""Changes that it may send at once."""
GUESTS = {Role.VIEW: (30.0, 200.0), Role.CONTROL: (100.0, 300.0)}
"""(rate, burst) of pages that came by a share link, for all that they send (`cost`), not only for changes."""
GUESTS_BYTES = 16 * 1024
"""Bytes of a guest's frame that cost as much as a change."""
MOST_NAMED = 5_000
"""Ids and props that a frame may name, of whoever has a budget."""
NAMED_BYTES = 400
"""Bytes that cost as much as to name one."""
GUESTS_LITTLE = 0.1
"""What a guest's frame costs that asks for nothing: what it has taken, what it shows, that it is alive."""
GUESTS_PASSING = 500
"""Frames told in passing that may wait for a guest's page; over that it is given up: it asks, and never reads."""
GUESTS_HARD_LIMIT = 16 * 1024 * 1024
"""Bytes that may wait for a guest's page that it has not confirmed; over that it is given up."""
GUESTS_MOST_SECONDS = 10.0
"""A guest whose one frame costs more than so many seconds' rate, beyond the burst, is sent away."""
MOST_MALFORMED = 100
"""Frames that cannot be read after which a page is sent away."""
GUESTS_MOST_MALFORMED = 10
"""The same of a page that came by a share link, which is not to come back."""
MOST_REFUSED = 200
"""Acts beyond its rights after which a page is sent away. Its own script lets nobody act so; only what is on its way
while the rights are taken is no forgery."""


class TokenBucket:
    """Tokens that come back with time.

    Args:
        rate: tokens a second.
        burst: the most there are.
    """

    def __init__(self, rate: float = RATE, burst: float = BURST) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._then: float | None = None

    @property
    def tokens(self) -> float:
        """How many there were at the last `take`; below 0 for those that wait."""
        return self._tokens

    def has_one(self, now: float, beside: float = 0.0) -> bool:
        """Whether `take` would not have to wait, after so many that are taken beside."""
        grown = (now - self._then) * self.rate if self._then is not None else 0.0
        return self._tokens + grown >= 1 + beside

    def take(self, now: float, cost: float = 1.0) -> float:
        """Take a token, or so many. Returns how long to wait before acting on it, in seconds; 0 where there are."""
        if self._then is not None:
            self._tokens = min(self.burst, self._tokens + (now - self._then) * self.rate)
        self._then = now
        self._tokens -= cost
        return max(0.0, -self._tokens / self.rate)


def cost(kind: str, size: int) -> float:
    """What a guest's frame costs beside the one token that a `set`, a `floor` or a `name` takes of everybody."""
    by_kind = {"set": 0.0, "floor": 5.0, "name": 0.0, "req": 1.0}.get(kind, GUESTS_LITTLE)
    return by_kind + size / GUESTS_BYTES


def token_bucket_for(role: Role, *, guest: bool, before: TokenBucket) -> TokenBucket:
    """The bucket of a page that may do this now: the one it has, where that fits."""
    rate, burst = GUESTS.get(role, (RATE, BURST)) if guest else (RATE, BURST)
    return before if (before.rate, before.burst) == (rate, burst) else TokenBucket(rate, burst)
