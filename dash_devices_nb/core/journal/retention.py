"""What the journal holds in memory, bounded: large values, and the frames of tracebacks.

An entry's small values stay as long as the entry does. Large ones count towards a number of bytes, and errors hold the
frames in which they were raised, with all that is in these; of both the oldest are let go first, those of guests before
others' (see `quotas`), while their entries stay and say so. What belongs to an entry goes with it at the latest. What
somebody has taken in hand is never touched: the journal replaces its own reference.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from dash_devices_nb.core.journal.quotas import OWN, Quotas

MEMORY = 64 * 2**20
HEAVY = 4096
"""From this many bytes of JSON on a value is a large one."""
FRAMES = 20
"""So many of the last errors are held with their frames."""


class Evicted:
    """Stands for the values of a change or a push that were let go.

    Attributes:
        keys: the props that it was about.
        size: bytes of JSON.
    """

    def __init__(self, mods: dict[Any, Any]) -> None:
        self.keys = tuple(mods)
        self.size = sum(len(value.json) for value in mods.values())

    def __str__(self) -> str:
        return f"{', '.join(map('.'.join, self.keys))} (let go: {self.size} bytes)"


class Retained:
    """What an entry is about, as long as it is held whole; then what stands for it.

    Attributes:
        what: that.
        weight: bytes of JSON.
        gone: whether the journal has dropped the entry.
    """

    __slots__ = ("gone", "weight", "what")

    def __init__(self, what: Any, weight: int) -> None:
        self.what = what
        self.weight = weight
        self.gone = False


class Retention:
    """Holds what is large, and lets the oldest go.

    Args:
        memory: how many bytes of JSON may be held; the newest that is no guest's is held however large it is.
        lock: entered around each change, so that all may be called from any thread.
    """

    def __init__(self, memory: int = MEMORY, lock: AbstractContextManager[Any] | None = None) -> None:
        self._lock = lock or nullcontext()
        self._heavy: Quotas[Retained] = Quotas(memory)
        self._failed: Quotas[Retained] = Quotas(FRAMES)

    @property
    def memory(self) -> int:
        """How many bytes may be held."""
        return self._heavy.limit

    @memory.setter
    def memory(self, memory: int) -> None:
        with self._lock:
            self._heavy.limit = memory
            self._lighten()

    @property
    def bytes(self) -> int:
        """How many bytes are held."""
        return self._heavy.weight

    def hold(self, what: Any, weight: int, part: int = OWN) -> Any:
        """Hold what is large or has failed, in somebody's part. Returns `what` itself where it is neither."""
        failed = getattr(what, "error", None) is not None
        if weight < HEAVY and not failed:
            return what
        held = Retained(what, weight)
        with self._lock:
            if failed:
                self._failed.put(part, held)
                for old in self._failed.excess():
                    old.what = old.what.without_frames()
            if weight >= HEAVY:
                self._heavy.put(part, held, weight)
                self._lighten()
        return held

    def drop(self, held: Retained, part: int) -> None:
        """The entry of somebody's part that this belongs to is dropped: hold it no more."""
        with self._lock:
            held.gone = True
            for room in (self._heavy, self._failed):
                room.leave(part, _is_gone)

    def _lighten(self) -> None:
        for old in self._heavy.excess():
            old.what = Evicted(old.what) if isinstance(old.what, dict) else old.what.let_go()

    def clear(self) -> None:
        """Hold nothing any more."""
        with self._lock:
            self._heavy.clear()
            self._failed.clear()


def _is_gone(held: Retained) -> bool:
    return held.gone
