"""How fast a client may act: a token bucket. Time comes in as an argument, in seconds of any clock that only grows."""

from __future__ import annotations

from dash_devices_nb.core.access.roles import Role

RATE = 200.0
"""Changes a second that a page may send, in the long run."""
BURST = 400.0
"""Changes that it may send at once."""
GUESTS = {Role.VIEW: (30.0, 200.0), Role.CONTROL: (100.0, 300.0)}
"""(rate, burst) of pages that came by a share link, for everything that they send (`cost`)."""
GUESTS_BYTES = 16 * 1024
"""Bytes of a guest's frame that cost one token."""
MOST_NAMED = 5_000
"""Ids and props that a frame of a guest may name."""
NAMED_BYTES = 400
"""Naming one costs as much as this many bytes."""
GUESTS_LITTLE = 0.1
"""Token cost of a guest's housekeeping frames (`ok`, `shown`, `ping`)."""
GUESTS_TRANSIENT = 500
"""Transient frames that may wait for a guest's page. A page with more asks and never reads, and is dropped."""
GUESTS_HARD_LIMIT = 16 * 1024 * 1024
"""Bytes that a guest's page may leave unacknowledged. A page with more is dropped."""
GUESTS_MOST_SECONDS = 10.0
"""A guest is disconnected if one frame costs more than the tokens of this many seconds, beyond the burst."""
MOST_MALFORMED = 100
"""Malformed frames after which a page is disconnected."""
GUESTS_MOST_MALFORMED = 10
"""The same for a page that came by a share link. It is told not to come back."""
MOST_REFUSED = 200
"""Acts beyond its rights after which a page is disconnected. The page's script allows no such act; only what was sent
just before the rights were taken is no forgery."""


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
        """Tokens after the last `take`. Negative while somebody waits."""
        return self._tokens

    def has_one(self, now: float, beside: float = 0.0) -> bool:
        """Whether `1 + beside` tokens are available now."""
        grown = (now - self._then) * self.rate if self._then is not None else 0.0
        return self._tokens + grown >= 1 + beside

    def take(self, now: float, cost: float = 1.0) -> float:
        """Take `cost` tokens. Returns the seconds to wait before acting on it; 0 if there were enough."""
        if self._then is not None:
            self._tokens = min(self.burst, self._tokens + (now - self._then) * self.rate)
        self._then = now
        self._tokens -= cost
        return max(0.0, -self._tokens / self.rate)


def cost(kind: str, size: int) -> float:
    """Token cost of a guest's frame, beside the token that everybody pays for a `set`, `floor`, `name` or `choice`."""
    by_kind = {"set": 0.0, "floor": 5.0, "name": 0.0, "choice": 2.0, "req": 1.0}.get(kind, GUESTS_LITTLE)
    return by_kind + size / GUESTS_BYTES


def token_bucket_for(role: Role, *, guest: bool, before: TokenBucket) -> TokenBucket:
    """The bucket for a page of this role. The page keeps the one it has if that fits."""
    rate, burst = GUESTS.get(role, (RATE, BURST)) if guest else (RATE, BURST)
    return before if (before.rate, before.burst) == (rate, burst) else TokenBucket(rate, burst)
