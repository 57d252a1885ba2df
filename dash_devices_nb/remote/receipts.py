"""Acknowledgements: which of its own frames a receiver has, and how many shared frames it has applied."""

from __future__ import annotations

from dash_devices_nb.remote.types import Frame


class Receipts:
    """The acknowledgements of one session, as `docs/protocol.md` has them.

    Attributes:
        number: `q`, the highest number of the app's frames for this receiver alone.
        applied: `k`, how many shared frames were applied on this connection.
    """

    def __init__(self) -> None:
        self.number = self.applied = 0
        self._unsaid = 0
        self._say = (0, 1)
        """After how many characters and frames it says what it has: the app says it."""

    def welcomed(self, frame: Frame) -> None:
        """A connection has begun. A new session has no numbers yet."""
        self.applied = self._unsaid = 0
        self._say = frame["say"]
        if not frame["resumed"]:
            self.number = 0

    def came(self, frame: Frame) -> None:
        """Note the number of a frame."""
        if "q" in frame:
            self.number = max(self.number, frame["q"])

    def count_applied(self) -> None:
        """Count a shared frame that was applied."""
        self.applied += 1

    def stamped(self, frame: Frame) -> Frame:
        """Return a frame with the acknowledgements. It must be sent now."""
        self._unsaid = 0
        return {**frame, "q": self.number, "k": self.applied}

    def due(self, size: int) -> bool:
        """Return True if an acknowledgement is due after a message of this size."""
        every, frames = self._say
        self._unsaid += max(size, every // frames)
        return self._unsaid > every
