"""The budget of a share link: what all that comes by it may use together, however many pages it opens, and how often.

It is kept with the app, not with a connection, so that coming back does not renew it. What costs the device time is
paid in one unit, a request for a callback; little frames (what a page has taken, that it is alive) are counted apart,
as a class that looks on sends thousands of them a second; what costs memory is bounded by bytes. Time comes in as an
argument, in seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from dash_devices_nb.core.access.rate_limits import TokenBucket
from dash_devices_nb.core.access.roles import Role

RATE, BURST = 300.0, 1000.0
"""Requests a second that a link may ask for in the long run, and at once: 200 pages of a class that load."""
LITTLE_RATE, LITTLE_BURST = 4000.0, 8000.0
"""Little frames of a link: 200 pages that look on at a device that changes 20 times a second say as often what they
have."""
BYTES = 8 * 1024
"""Bytes that cost as much as a request."""
CPU_SECONDS = 1 / 600
"""Seconds of a thread that cost as much as a request: a link that asks without end gets half a processor."""
OTHERS = 10
"""Who came by no link is no stranger (a login, or none needed): an address has so many times as much as a link."""
MOST_ADDRESSES = 1000
"""Addresses that are known apart at a time; more of them share one budget."""
COMING_RATE, COMING_BURST = 50.0, 10.0
"""Connections a second that a link's pages may open, and at once: each costs the loop about half a millisecond."""
BODIES_RATE, BODIES_BURST = 16.0 * 1024 * 1024, 64.0 * 1024 * 1024
"""Bytes a second of a link's requests over HTTP that are read, and at once."""
UNDER_WAY = 1000
"""Requests of a link that may be under way."""
UNFINISHED = 32 * 1024 * 1024
"""Bytes of a link's messages that have not come whole."""
UNCONFIRMED = 32 * 1024 * 1024
"""Bytes of answers that a link's pages have not confirmed."""
MESSAGE = {Role.VIEW: 1024 * 1024, Role.CONTROL: 16 * 1024 * 1024}
"""Bytes of a guest's message on the WebSocket, by what it may do; a request that is larger goes over HTTP."""
SPOOLED = 256 * 1024 * 1024
"""Bytes of a link's requests over HTTP that are on disk."""
BODY = 4 * 1024 * 1024
"""Bytes of a request over HTTP of a guest who may only look; beyond them a byte costs its link nothing more."""
GREETING = 64 * 1024
"""Bytes of a page's first message, of anybody."""
UNFINISHED_SECONDS = 60.0
"""How long a guest's message may take to come whole."""
LITTLE = ("ok", "shown", "ping", "bye")


@dataclass(eq=False)
class Shelf:
    """What the pages of one link have not confirmed; each page tells of its own.

    Attributes:
        size: bytes of all of them.
        pages: how many have something there.
        limit: bytes above which a page is given up that has more than its share.
    """

    size: int = 0
    pages: int = 0
    limit: int = UNCONFIRMED

    def overloads(self, own: int) -> bool:
        """Whether a page with so many bytes is to be given up: all have too much, and it more than its share."""
        return self.size > self.limit and own * max(1, self.pages) >= self.limit


class LinkBudget:
    """What is left to one link.

    Args:
        times: so many times as much as a link has.

    Attributes:
        acts: what costs the device time.
        little: little frames.
        shelf: what its pages have not confirmed.
        under_way: its requests that have no answer yet; any thread adds and takes away its own.
        unfinished: bytes of its messages that have not come whole.
        spooled: bytes of its requests over HTTP.
    """

    def __init__(self, times: int = 1) -> None:
        self._times = times
        self.acts = TokenBucket(RATE * times, BURST * times)
        self.little = TokenBucket(LITTLE_RATE * times, LITTLE_BURST * times)
        self._coming = TokenBucket(COMING_RATE * times, COMING_BURST * times)
        self._bodies = TokenBucket(BODIES_RATE * times, BODIES_BURST * times)
        self.shelf = Shelf(limit=UNCONFIRMED * times)
        self.under_way: set[object] = set()
        self.unfinished = 0
        self.spooled = 0
        self._spent: deque[float] = deque()

    def has_room(self, now: float, kind: str, size: int) -> bool:
        """Whether a frame may be taken without waiting."""
        if kind in LITTLE:
            return self.little.has_one(now)
        self._pay(now)
        return self.acts.has_one(now, beside=size / BYTES)

    def take(self, now: float, kind: str, size: int) -> float:
        """Take a frame. Returns how long to wait before acting on it, in seconds."""
        if kind in LITTLE:
            return self.little.take(now)
        self._pay(now)
        return self.acts.take(now, 1 + size / BYTES)

    def waits(self, now: float, size: int) -> float:
        """How long a request of so many bytes would have to wait if it was taken now, in seconds."""
        self._pay(now)
        self.acts.take(now, 0)
        return max(0.0, (1 + size / BYTES - self.acts.tokens) / self.acts.rate)

    def comes(self, now: float) -> float:
        """One more connection. Returns how long it waits before it is greeted, in seconds."""
        return self._coming.take(now)

    def reads(self, now: float, count: int) -> float:
        """So many bytes of a request over HTTP were read. Returns how long to read no more, in seconds."""
        return self._bodies.take(now, count)

    def spend(self, cpu: float) -> None:
        """A callback or a page's layout has taken so many seconds of its thread. From any thread."""
        self._spent.append(cpu)

    def _pay(self, now: float) -> None:
        while self._spent:
            self.acts.take(now, self._spent.popleft() / CPU_SECONDS)

    @property
    def is_busy(self) -> bool:
        """Whether as many requests are under way as may be."""
        return len(self.under_way) >= UNDER_WAY * self._times

    def is_idle(self, now: float) -> bool:
        """Whether all that it had is there again: to forget it would give nobody anything."""
        busy = self.under_way or self.unfinished or self.spooled or self.shelf.size
        buckets = (self.acts, self.little, self._coming, self._bodies)
        return not busy and all(bucket.has_one(now, beside=bucket.burst - 1) for bucket in buckets)

    def spools(self, change: int) -> bool:
        """So many more bytes of requests over HTTP are on disk, or fewer. Returns whether that is within the budget."""
        self.spooled += change
        return change <= 0 or self.spooled <= SPOOLED * self._times

    def holds(self, change: int) -> bool:
        """So many more bytes, or fewer, have not come whole. Returns whether that is still within the budget."""
        self.unfinished += change
        return change <= 0 or self.unfinished <= UNFINISHED * self._times
