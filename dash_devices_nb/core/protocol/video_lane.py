"""What waits of a video for one page.

A picture of a video says only what differs from the one before, back to the *key frame* with which its *group* begins.
So no picture can be left out: a page that falls behind loses the rest of a group, and goes on with the next key frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

IN_FLIGHT = 8
"""Units that a page may have without having shown them: a quarter of a second of a camera, more than a round trip."""
LATE = 500_000
"""A unit that has waited for so many microseconds, while others came, is dropped with its group."""
MOST_BYTES = 1024 * 1024
"""Bytes of a video that may wait for a page."""

F = TypeVar("F", bound=Sized)


@dataclass(frozen=True, slots=True)
class VideoUnit(Generic[F]):
    """One encoded picture.

    Attributes:
        frame: the message for pages.
        number: its number in the stream. A picture that is no key frame needs the one before.
        key: whether it is a key frame.
        at: its time, in microseconds. It only grows.
    """

    frame: F
    number: int
    key: bool
    at: int


class VideoLane(Generic[F]):
    """The units of one place that wait for one page.

    Attributes:
        bytes: the bytes that wait.
    """

    def __init__(self) -> None:
        self._waiting: deque[VideoUnit[F]] = deque()
        self._in_flight = 0
        self._last: int | None = None
        """The number of the newest unit that the page gets. None: it needs a key frame."""
        self._late = LATE
        """How long the first one that waits may wait."""
        self._rests = False
        """Whether the page fell behind: it gets nothing more before it has shown what it has."""
        self.bytes = 0

    @property
    def ready(self) -> bool:
        """Whether a unit can be sent now."""
        return bool(self._waiting) and self._in_flight < (1 if self._rests else IN_FLIGHT)

    @property
    def wants_key(self) -> bool:
        """Whether the page would go on if a key frame came now."""
        return self._last is None and not self._in_flight

    def add(self, unit: VideoUnit[F]) -> int:
        """Queue a unit, if it can be decoded by this page. Returns the number of units that are dropped."""
        if unit.key:
            dropped = self.drop()  # the newest group is enough
        elif self._last is None or unit.number != self._last + 1:
            self._last = None
            return 1
        elif self._waiting and (
            unit.at - self._waiting[0].at > self._late or self.bytes + len(unit.frame) > MOST_BYTES
        ):
            self._rests = True
            return self.drop() + 1
        else:
            dropped = 0
        self._append(unit)
        return dropped

    def bring(self, units: Iterable[VideoUnit[F]]) -> None:
        """Queue a group for a page that has nothing of it. Its first units may be old."""
        self.drop()
        for unit in units:
            self._append(unit)
        if self._waiting:
            self._late = LATE + self._waiting[-1].at - self._waiting[0].at

    def _append(self, unit: VideoUnit[F]) -> None:
        self._waiting.append(unit)
        self.bytes += len(unit.frame)
        self._last = unit.number

    def next(self) -> F:
        """Take the next unit. There is one if the lane is `ready`."""
        unit = self._waiting.popleft()
        self.bytes -= len(unit.frame)
        self._in_flight += 1
        self._rests = False
        if not self._waiting:
            self._late = LATE
        return unit.frame

    def shown(self, count: int) -> None:
        """The page has shown so many units, or has passed over them."""
        self._in_flight = max(0, self._in_flight - count)

    def drop(self) -> int:
        """Drop what waits. The page needs a key frame then. Returns the number of units."""
        dropped = len(self._waiting)
        self._waiting.clear()
        self.bytes, self._last, self._late = 0, None, LATE
        return dropped
