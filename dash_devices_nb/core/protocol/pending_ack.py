"""The acknowledgement of a page's changes that is still to be sent.

It waits a moment, so that the output of a callback comes before it and goes with it in one write.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

from dash_devices_nb.core.props.ids import Key


class AckState(enum.IntEnum):
    """What is pending, and whether the driver comes back to flush it. Integers, whose hash is fast."""

    NONE = enum.auto()
    """Nothing is pending."""
    DUE = enum.auto()
    """An acknowledgement is pending, and the driver is to schedule a flush."""
    SCHEDULED = enum.auto()
    """An acknowledgement is pending, and a flush is scheduled."""
    SENT_EARLY = enum.auto()
    """A flush is scheduled, but the acknowledgement was sent before. A new one goes with that flush."""


_ADDED = {
    AckState.NONE: AckState.DUE,
    AckState.DUE: AckState.DUE,
    AckState.SCHEDULED: AckState.SCHEDULED,
    AckState.SENT_EARLY: AckState.SCHEDULED,
}
_TAKEN = {AckState.DUE: AckState.NONE, AckState.SCHEDULED: AckState.SENT_EARLY}
_SCHEDULED = {AckState.DUE: AckState.SCHEDULED}
_FLUSHED = {
    AckState.NONE: AckState.NONE,
    AckState.DUE: AckState.DUE,
    AckState.SCHEDULED: AckState.DUE,
    AckState.SENT_EARLY: AckState.NONE,
}


class PendingAck:
    """The pending acknowledgement of one page.

    Attributes:
        state: see `AckState`.
    """

    __slots__ = ("_keys", "_sequence", "state")

    def __init__(self) -> None:
        self.state = AckState.NONE
        self._sequence = 0
        self._keys: set[Key] = set()

    @property
    def waits(self) -> bool:
        """Whether an acknowledgement is pending."""
        return self.state in _TAKEN

    @property
    def is_due(self) -> bool:
        """Whether a flush is to be scheduled."""
        return self.state is AckState.DUE

    def precedes(self, keys: Iterable[Key]) -> bool:
        """Whether it must be sent before values of these props: it acknowledges changes of them."""
        return bool(self._keys) and not self._keys.isdisjoint(keys)

    def add(self, sequence: int, keys: Iterable[Key]) -> None:
        """Acknowledge all changes up to `sequence`, the last of which was of these props."""
        self.state = _ADDED[self.state]
        self._sequence = sequence
        self._keys.update(keys)

    def scheduled(self) -> None:
        """A flush is scheduled, because one `is_due`."""
        self.state = _SCHEDULED[self.state]

    def take(self) -> int:
        """Take the number that is to be sent now, because one `waits`."""
        self.state = _TAKEN[self.state]
        self._keys.clear()
        return self._sequence

    def flushed(self) -> None:
        """The scheduled flush has come, or one that was not scheduled. Call `take` afterwards if one `waits`."""
        self.state = _FLUSHED[self.state]
