"""The gate: while it is closed, calls wait in their order."""

from __future__ import annotations

from collections import deque

from dash_devices_nb.core.callbacks.serial_queues import Queued


class PauseGate:
    """Holds calls. Its methods are called with the runtime's lock held, but for `allows`, which takes none.

    Attributes:
        closed: whether calls are held.
    """

    def __init__(self) -> None:
        self.closed = False
        self._held: deque[Queued] = deque()

    def __len__(self) -> int:
        return len(self._held)

    def allows(self, call: Queued) -> bool:
        """Whether a call may run now; else it is held."""
        if not self.closed:
            return True
        self._held.append(call)
        return False

    def close(self) -> None:
        """Hold calls from now on."""
        self.closed = True

    def step(self) -> Queued | None:
        """Let the first one go."""
        return self._held.popleft() if self._held else None

    def open(self) -> list[Queued]:
        """Let all go, and hold no more."""
        held, self._held = list(self._held), deque()
        self.closed = False
        return held
