"""The states of an alarm, as plain data: no I/O, no clock.

The states are those of ISA-18.2. An alarm stays until somebody acknowledges it, even if the signal is back to normal.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

from dash_devices_nb.devices.types import SignalValue


class AlarmState(enum.StrEnum):
    """The state of an alarm."""

    NORMAL = "normal"
    ACTIVE = "active"
    """It holds, and nobody has acknowledged it."""
    ACKNOWLEDGED = "acknowledged"
    """It holds, and somebody has acknowledged it."""
    RETURNED = "returned"
    """It holds no longer, and nobody has acknowledged it."""


SHOWN = frozenset({AlarmState.ACTIVE, AlarmState.ACKNOWLEDGED, AlarmState.RETURNED})
_ENDS = {
    AlarmState.ACTIVE: AlarmState.RETURNED,
    AlarmState.ACKNOWLEDGED: AlarmState.NORMAL,
}
_SEEN = {
    AlarmState.ACTIVE: AlarmState.ACKNOWLEDGED,
    AlarmState.RETURNED: AlarmState.NORMAL,
}


def _nothing(alarm: Alarm) -> None:
    """Do nothing: nobody watches it."""


@dataclass(eq=False)
class Alarm:
    """One alarm of a signal.

    Attributes:
        name: the name that people see.
        signal: the id of the signal.
        delay: how long the condition must hold before the alarm is raised, in seconds.
        severity: "minor" or "major".
        state: its state.
        since: when it entered this state, in seconds since the epoch.
        raised: when it was last raised. None: never.
        value: the value that raised it, as text.
        reason: the explanation from the signal or the condition.
        by: the name of the person who acknowledged it, or "".
        holds_since: since when the condition holds. None: it does not hold.
    """

    name: str
    signal: str
    delay: float = 0.0
    severity: str = "major"
    state: AlarmState = AlarmState.NORMAL
    since: float = 0.0
    raised: float | None = None
    value: str = ""
    reason: str = ""
    by: str = ""
    holds_since: float | None = None
    _remove: Callable[[Alarm], object] = field(default=_nothing, repr=False)

    def receive(self, holds: bool, now: float) -> bool:
        """Note whether the condition holds now. Returns True if this raises the alarm."""
        if holds:
            if self.holds_since is None:
                self.holds_since = now
            return self.tick(now)
        self.holds_since = None
        if self.state in _ENDS:
            self._go(_ENDS[self.state], now)
        return False

    def remove(self) -> None:
        """End the alarm: its signal is watched no longer, and pages list it no longer. From any thread. Idempotent."""
        self._remove(self)

    def forget(self) -> None:
        """The signal is watched no longer for now: it is not known whether the condition holds."""
        self.holds_since = None

    def explain(self, value: str, reason: str) -> None:
        """Note the value that meets the condition, and why it does."""
        self.value, self.reason = value, reason

    @property
    def due(self) -> float | None:
        """When `tick` raises it, if the condition still holds then. None: no time is awaited."""
        waits = self.holds_since is not None and self.state in (AlarmState.NORMAL, AlarmState.RETURNED)
        return self.holds_since + self.delay if waits and self.holds_since is not None else None

    def tick(self, now: float) -> bool:
        """Note the time. Returns True if this raises the alarm."""
        if self.due is None or now < self.due:
            return False
        self._go(AlarmState.ACTIVE, now)
        self.raised, self.by = now, ""
        return True

    def acknowledge(self, by: str, now: float) -> bool:
        """Acknowledge the alarm. Returns True if that changes anything."""
        if self.state not in _SEEN:
            return False
        self._go(_SEEN[self.state], now)
        self.by = by
        return True

    def _go(self, state: AlarmState, now: float) -> None:
        self.state, self.since = state, now


Condition = Callable[[SignalValue], object]
"""Returns True if a value should raise an alarm."""
