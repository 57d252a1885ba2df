"""Retention: which large values and which frames of tracebacks the journal keeps in memory.

Small values stay as long as their entry. Large values count towards a limit in bytes. An error keeps the frames in
which it was raised, and all that is in them, for the last few errors. The oldest are evicted first, those of guests
before others' (see `quotas`). Their entries stay, and say so. Objects that somebody has taken from the journal are
never changed: the journal replaces its own reference.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from dash_devices_nb.core.journal.quotas import OWN, Quotas

MEMORY = 64 * 2**20
HEAVY = 4096
"""A value of this many bytes of JSON or more is large."""
FRAMES = 20
"""Number of the last errors that keep their frames."""


class Evicted:
    """Stands for the evicted values of a change or a push.

    Attributes:
        keys: the props that were set.
        size: bytes of JSON.
    """

    def __init__(self, mods: dict[Any, Any]) -> None:
        self.keys = tuple(mods)
        self.size = sum(value.size for value in mods.values())

    def __str__(self) -> str:
        return f"{', '.join(map('.'.join, self.keys))} (let go: {self.size} bytes)"


class Retained:
    """The content of an entry, or what stands for it after eviction.

    Attributes:
        what: the content.
        weight: bytes of JSON.
        gone: whether the journal has dropped the entry.
    """

    __slots__ = ("gone", "weight", "what")

    def __init__(self, what: Any, weight: int) -> None:
        self.what = what
        self.weight = weight
        self.gone = False


class Retention:
    """Keeps large contents, and evicts the oldest.

    Args:
        memory: limit in bytes of JSON. The newest content that is no guest's is kept, however large it is.
        lock: entered around each change, so all methods may be called from any thread.
    """

    def __init__(self, memory: int = MEMORY, lock: AbstractContextManager[Any] | None = None) -> None:
        self._lock = lock or nullcontext()
        self._heavy: Quotas[Retained] = Quotas(memory)
        self._failed: Quotas[Retained] = Quotas(FRAMES)

    @property
    def memory(self) -> int:
        """The limit in bytes of JSON."""
        return self._heavy.limit

    @memory.setter
    def memory(self, memory: int) -> None:
        with self._lock:
            self._heavy.limit_to(memory)
            self._lighten()

    @property
    def bytes(self) -> int:
        """The bytes of JSON that are kept."""
        return self._heavy.weight

    def hold(self, what: Any, weight: int, part: int = OWN) -> Any:
        """Keep a content that is large or has failed, in a part. Returns `what` itself if it is neither."""
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
        """Stop keeping a content of a part: its entry was dropped."""
        with self._lock:
            held.gone = True
            for room in (self._heavy, self._failed):
                room.leave(part, _is_gone)

    def _lighten(self) -> None:
        for old in self._heavy.excess():
            old.what = Evicted(old.what) if isinstance(old.what, dict) else old.what.let_go()

    def clear(self) -> None:
        """Stop keeping anything."""
        with self._lock:
            self._heavy.clear()
            self._failed.clear()


def _is_gone(held: Retained) -> bool:
    return held.gone
