"""The budget of a share link: what all of its pages may use together, however many they are.

The budget belongs to the app, not to a connection, so a reconnect does not renew it. What costs the device time is paid
in one unit, a request for a callback. Housekeeping frames (`ok`, `shown`, `ping`) are counted apart, because a class
that looks on sends thousands of them per second. What costs memory is bounded in bytes. Time comes in as an argument,
in seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from dash_devices_nb.core.access.rate_limits import TokenBucket
from dash_devices_nb.core.access.roles import Role

RATE, BURST = 300.0, 1000.0
"""Requests per second in the long run, and at once: the 200 pages of a class that load."""
LITTLE_RATE, LITTLE_BURST = 4000.0, 8000.0
"""Housekeeping frames of a link: 200 pages acknowledge the changes of a device that changes 20 times a second."""
BYTES = 8 * 1024
"""A request costs as much as this many bytes."""
CPU_SECONDS = 1 / 600
"""A request costs as much as this many seconds of a thread. A link that never stops gets half a processor."""
OTHERS = 10
"""An address of pages without a link has this many times the budget: they logged in, or no login is needed."""
MOST_ADDRESSES = 1000
"""Number of addresses with a budget of their own. Further ones share one."""
COMING_RATE, COMING_BURST = 50.0, 10.0
"""Connections per second of a link, and at once. Each costs the loop about half a millisecond."""
BODIES_RATE, BODIES_BURST = 16.0 * 1024 * 1024, 64.0 * 1024 * 1024
"""Bytes per second that are read of a link's requests over HTTP, and at once."""
UNDER_WAY = 1000
"""Requests of a link that may be in progress."""
UNFINISHED = 32 * 1024 * 1024
"""Bytes of a link's incomplete messages."""
UNCONFIRMED = 32 * 1024 * 1024
"""Bytes of answers that a link's pages have not acknowledged."""
MESSAGE = {Role.VIEW: 1024 * 1024, Role.CONTROL: 16 * 1024 * 1024}
"""Bytes of a guest's message on the WebSocket, by role. Larger requests go over HTTP."""
SPOOLED = 256 * 1024 * 1024
"""Bytes of a link's requests over HTTP that are on disk."""
BODY = 4 * 1024 * 1024
"""Bytes of a request over HTTP of a guest who may only look. Beyond them a byte costs the link nothing more."""
GREETING = 64 * 1024
"""Bytes of a page's first message, whoever it is."""
UNFINISHED_SECONDS = 60.0
"""Seconds that a guest's message may take to be complete."""
JOBS = 50
"""Background jobs of a link that may run. Each is a process."""
JOB_CPU_SECONDS = 0.1
"""Seconds of a processor that the start of a background job takes."""
LITTLE = ("ok", "shown", "ping", "bye")


@dataclass(eq=False)
class Shelf:
    """What the pages of one link have not acknowledged. Each page reports its own part.

    Attributes:
        size: bytes of all pages.
        pages: number of pages with unacknowledged bytes.
        limit: in bytes. Beyond it, a page with more than its share is dropped.
    """

    size: int = 0
    pages: int = 0
    limit: int = UNCONFIRMED

    def move(self, before: int, now: int) -> None:
        """The part of a page has changed: bytes before, and now."""
        self.size += now - before
        self.pages += (now > 0) - (before > 0)

    def overloads(self, own: int) -> bool:
        """Whether to drop a page with this many bytes: all have too much, and it has more than its share."""
        return self.size > self.limit and own * max(1, self.pages) >= self.limit


@dataclass(eq=False)
class BackgroundJob:
    """A background job that a page of a link has started.

    Attributes:
        runs: says whether it still does.
    """

    runs: Callable[[], bool] = lambda: True

    def began(self, runs: Callable[[], bool]) -> None:
        """It has begun. `runs` tells whether it still runs."""
        self.runs = runs


class LinkBudget:
    """The budget of one link.

    Args:
        times: multiple of the usual budget.

    Attributes:
        acts: the bucket for what costs the device time.
        little: the bucket for housekeeping frames.
        shelf: what its pages have not acknowledged.
        under_way: its requests in progress. Each thread adds and removes its own.
        unfinished: bytes of its incomplete messages.
        spooled: bytes of its requests over HTTP on disk.
        jobs: its background jobs. Each thread adds and removes its own.
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
        self.jobs: set[BackgroundJob] = set()
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
        """Count a connection. Returns the seconds to wait before its handshake."""
        return self._coming.take(now)

    def reads(self, now: float, count: int) -> float:
        """Count bytes that were read of a request over HTTP. Returns the seconds to pause reading."""
        return self._bodies.take(now, count)

    def spend(self, cpu: float) -> None:
        """Count seconds of a thread that a callback or a layout has taken. From any thread."""
        self._spent.append(cpu)

    def takes_job(self) -> BackgroundJob | None:
        """Count a background job that starts. Returns None where too many run. From any thread."""
        job = BackgroundJob()
        self.jobs.add(job)
        if len(self.jobs) > JOBS * self._times:
            for other in tuple(self.jobs):
                if not other.runs():
                    self.jobs.discard(other)
            if len(self.jobs) > JOBS * self._times:
                self.jobs.discard(job)
                return None
        self.spend(JOB_CPU_SECONDS)
        return job

    def _pay(self, now: float) -> None:
        while self._spent:
            self.acts.take(now, self._spent.popleft() / CPU_SECONDS)

    @property
    def is_busy(self) -> bool:
        """Whether the limit of requests in progress is reached."""
        return len(self.under_way) >= UNDER_WAY * self._times

    def is_idle(self, now: float) -> bool:
        """Whether the budget is full again. Forgetting it would give nobody an advantage."""
        busy = self.under_way or self.unfinished or self.spooled or self.shelf.size
        busy = busy or any(job.runs() for job in tuple(self.jobs))
        buckets = (self.acts, self.little, self._coming, self._bodies)
        return not busy and all(bucket.has_one(now, beside=bucket.burst - 1) for bucket in buckets)

    def spools(self, change: int) -> bool:
        """Change the bytes of requests over HTTP on disk. Returns whether they are within the budget."""
        self.spooled += change
        return change <= 0 or self.spooled <= SPOOLED * self._times

    def holds(self, change: int) -> bool:
        """Change the bytes of incomplete messages. Returns whether they are within the budget."""
        self.unfinished += change
        return change <= 0 or self.unfinished <= UNFINISHED * self._times
