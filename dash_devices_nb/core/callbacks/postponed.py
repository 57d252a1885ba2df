"""Calls that wait for the regular callback whose push caused them.

A shared callback without output acts on a device. If a regular callback pushes, such a callback is called only after
the regular callback has returned. So all pushes of one callback are in place before the device hears of the first. The
call waits at most `SECONDS`, because a callback may run for long.
"""

from __future__ import annotations

from dash_devices_nb.core.callbacks.propagation import Call
from dash_devices_nb.core.callbacks.serial_queues import Queued, SerialQueues

SECONDS = 0.25
"""The longest that a call is postponed after its push."""


class Postponed:
    """The postponed calls. Each keeps its place in its serial queue.

    Args:
        queues: where the calls wait.
    """

    def __init__(self, queues: SerialQueues) -> None:
        self._serial_queues = queues
        self._calls: dict[Call, tuple[Queued, float]] = {}

    def __contains__(self, call: Queued) -> bool:
        return call in self._calls

    @property
    def next(self) -> float | None:
        """When the first of them is due, or None if there is none."""
        return min((until for _, until in self._calls.values()), default=None)

    def add(self, call: Call, holder: Queued, until: float) -> None:
        """Postpone a call that has not begun until `holder` has returned."""
        self._serial_queues.hold(call)
        self._calls[call] = (holder, until)

    def exchange(self, old: Call, new: Call) -> None:
        """Replace a postponed call by a newer one."""
        if old in self._calls:
            self._calls[new] = self._calls.pop(old)

    def returned(self, holder: Queued) -> list[Call]:
        """Release the calls that waited for a callback, which has returned. Returns those that may run now."""
        return self._let([call for call, (who, _) in self._calls.items() if who is holder])

    def due(self, now: float) -> list[Call]:
        """Release the calls that have waited long enough. Returns those that may run now."""
        return self._let([call for call, (_, until) in self._calls.items() if until <= now])

    def wanted(self, calls: list[Call]) -> list[Call]:
        """Release calls that have waiters, and the calls ahead of them. Returns those that may run now."""
        if not self._calls:
            return []
        found: dict[Call, None] = {}
        for call in calls:
            for each in (*self._serial_queues.ahead(call), call):
                if isinstance(each, Call) and each in self._calls:
                    found[each] = None
        return self._let(list(found))

    def _let(self, calls: list[Call]) -> list[Call]:
        for call in calls:
            del self._calls[call]
        return [call for call in calls if self._serial_queues.let(call)]
