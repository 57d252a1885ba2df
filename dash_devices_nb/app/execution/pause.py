"""Pausing: while the gate is closed, calls wait in order."""

from __future__ import annotations

from collections import deque

from dash_devices_nb.core.callbacks.serial_queues import Queued


class PauseGate:
    """Holds calls. All methods but `allows` are called with the runtime's lock held.

    Attributes:
        closed: whether calls are held.
    """

    def __init__(self) -> None:
        self.closed = False
        self._held: deque[Queued] = deque()

    def __len__(self) -> int:
        return len(self._held)

    def allows(self, call: Queued) -> bool:
        """Whether a call may run now. If not, it is held."""
        if not self.closed:
            return True
        self._held.append(call)
        return False

    def close(self) -> None:
        """Hold calls from now on."""
        self.closed = True

    def step(self) -> Queued | None:
        """Release the first call."""
        return self._held.popleft() if self._held else None

    def open(self) -> list[Queued]:
        """Release all calls, and stop holding."""
        held, self._held = list(self._held), deque()
        self.closed = False
        return held
