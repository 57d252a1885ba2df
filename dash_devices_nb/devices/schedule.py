"""The times at which the signals of a bus are polled: plain data, no I/O, no clock."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
"""The pauses, in seconds, between the attempts to reach a device that does not answer: doubled from the first."""
AWAY_AFTER = 3
"""After this many reads in a row that did not reach the device, it is taken for away. From then on one signal is tried
at a time, so that 100 signals with a timeout of 2 s each do not keep the bus busy for minutes."""


@dataclass(eq=False, slots=True)
class _Entry:
    period: float
    due: float = 0.0
    wanted: bool = False
    queued: bool = False
    failures: int = 0


class PollSchedule:
    """Decides which signal of a bus is read next.

    Signals that nobody wants are not read. Missed reads are not made up for.
    """

    def __init__(self) -> None:
        self._entries: dict[Hashable, _Entry] = {}
        self._queue: list[tuple[float, int, Hashable]] = []
        self._number = 0
        self._unreached = 0
        self._probe_at = 0.0
        self._delay = 0.0

    def add(self, signal: Hashable, period: float) -> None:
        """Add a signal. It is read every `period` seconds while somebody wants it."""
        self._entries[signal] = _Entry(period)

    def remove(self, signal: Hashable) -> None:
        """Forget a signal, also while it is read. Does nothing if it is not known."""
        if self._entries.pop(signal, None) is not None:
            self._queue = [each for each in self._queue if each[2] is not signal]
            heapq.heapify(self._queue)

    @property
    def away(self) -> bool:
        """Whether the device does not answer at all."""
        return self._unreached >= AWAY_AFTER

    def want(self, signals: Iterable[Hashable], now: float) -> bool:
        """Want these signals from now on, and no others. Returns True if a read may be due earlier than before."""
        wanted, sooner = set(signals), False
        for signal, entry in self._entries.items():
            entry.wanted = signal in wanted
            if entry.wanted and not entry.queued:
                self._push(signal, entry, max(entry.due, now))
                sooner = True
        return sooner

    def next(self, now: float) -> Hashable | None:
        """Return a signal whose read is due, or None. It counts as being read until `done` or `failed`."""
        if self.away and now < self._probe_at:
            return None
        while self._queue and self._queue[0][0] <= now:
            _, _, signal = heapq.heappop(self._queue)
            entry = self._entries[signal]
            entry.queued = False
            if entry.wanted:
                return signal
        return None

    def wait(self, now: float) -> float | None:
        """Return the seconds until a read is due. None: no signal is wanted."""
        while self._queue and not self._entries[self._queue[0][2]].wanted:
            self._entries[heapq.heappop(self._queue)[2]].queued = False
        if not self._queue:
            return None
        due = max(self._queue[0][0], self._probe_at) if self.away else self._queue[0][0]
        return max(0.0, due - now)

    def done(self, signal: Hashable, now: float) -> None:
        """The signal was read."""
        entry = self._entries.get(signal) or _Entry(1.0)
        if self.away:  # the device answers again: read all signals
            for other in self._entries.values():
                other.failures = 0
        self._unreached = 0
        self._delay = 0.0
        entry.failures = 0
        self._again(signal, entry, max(now, entry.due + entry.period))

    def failed(self, signal: Hashable, now: float, *, reached: bool) -> None:
        """The read of the signal raised. `reached`: the device answers, and only this signal has a fault."""
        entry = self._entries.get(signal) or _Entry(1.0)
        entry.failures += 1
        self._unreached = 0 if reached else self._unreached + 1
        pause = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (entry.failures - 1))
        if self.away:
            self._delay = min(LONGEST_DELAY, (self._delay * 2) or FIRST_DELAY)
            self._probe_at = now + self._delay
            pause = min(pause, self._delay)
        self._again(signal, entry, now + max(entry.period, pause))

    def _again(self, signal: Hashable, entry: _Entry, due: float) -> None:
        entry.due = due
        if entry.wanted and not entry.queued:
            self._push(signal, entry, due)

    def _push(self, signal: Hashable, entry: _Entry, due: float) -> None:
        self._number += 1
        entry.queued = True
        entry.due = due
        heapq.heappush(self._queue, (due, self._number, signal))
