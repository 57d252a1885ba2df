"""Calls that wait for the regular callback whose push caused them.

A shared callback without output acts on a device. What a regular callback pushes calls such a one only when the regular
callback has returned, so that several pushes of one callback are made whole before the device hears of the first. It
waits at most `SECONDS`, as a callback may go on for long.
"""

from __future__ import annotations

from dash_devices_nb.core.callbacks.propagation import Call
from dash_devices_nb.core.callbacks.serial_queues import Queued, SerialQueues

SECONDS = 0.25
"""How long after its push a call is postponed at the most."""


class Postponed:
    """The calls that are postponed. Each has its place in its serial queue.

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
        """When the first call is postponed no longer; None: there is none."""
        return min((until for _, until in self._calls.values()), default=None)

    def add(self, call: Call, holder: Queued, until: float) -> None:
        """Postpone a call, which does not run yet, until `holder` has returned."""
        self._serial_queues.hold(call)
        self._calls[call] = (holder, until)

    def exchange(self, old: Call, new: Call) -> None:
        """A newer call takes the place of a postponed one, and is postponed in its stead."""
        if old in self._calls:
            self._calls[new] = self._calls.pop(old)

    def returned(self, holder: Queued) -> list[Call]:
        """A callback has returned: take out what waited for it. Returns what may run now."""
        return self._let([call for call, (who, _) in self._calls.items() if who is holder])

    def due(self, now: float) -> list[Call]:
        """Take out what has waited long enough. Returns what may run now."""
        return self._let([call for call, (_, until) in self._calls.items() if until <= now])

    def wanted(self, calls: list[Call]) -> list[Call]:
        """Somebody waits for these: take them out, and what they stand behind. Returns what may run now."""
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
