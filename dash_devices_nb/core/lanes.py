"""Lanes: calls that must not overlap run one after the other, in the order in which they were submitted."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from typing import Protocol

from dash_devices_nb.core.ids import Key


class Laned(Protocol):
    """What a lane holds: a call."""

    @property
    def lane(self) -> Hashable | None:
        """Calls with equal lanes do not overlap; None: overlaps with all."""

    @property
    def coroutine(self) -> bool:
        """Whether it needs the callback loop."""

    @property
    def over(self) -> bool:
        """Whether it has ended: what it has left running acts for itself."""

    @property
    def lineage(self) -> frozenset[Key]:
        """The props whose change led to it; what it pushes inherits them (see `state.Entry`)."""


class Lanes:
    """A first-in-first-out queue for each lane; its head is the call that runs, unless it is held."""

    def __init__(self) -> None:
        self._queues: dict[Hashable, deque[Laned]] = {}
        self._held: set[Laned] = set()

    def submit(self, call: Laned) -> bool:
        """Queue a call. Returns whether it may run now."""
        if call.lane is None:
            return call not in self._held
        queue = self._queues.setdefault(call.lane, deque())
        queue.append(call)
        return len(queue) == 1 and call not in self._held

    def finish(self, call: Laned) -> Laned | None:
        """Take out the call that ran. Returns the one that may run now."""
        if call.lane is None:
            return None
        queue = self._queues[call.lane]
        if queue[0] is not call:
            raise AssertionError(f"{call} finished, but {queue[0]} was running")
        queue.popleft()
        if queue:
            return None if queue[0] in self._held else queue[0]
        del self._queues[call.lane]
        return None

    def hold(self, call: Laned) -> None:
        """A call that is about to be submitted does not run before `let`, also where it is the first of its lane."""
        self._held.add(call)

    def let(self, call: Laned) -> bool:
        """A call is held no longer. Returns whether it may run now."""
        self._held.discard(call)
        return call.lane is None or self._queues[call.lane][0] is call

    def waiting(self, lane: Hashable) -> Iterator[Laned]:
        """The calls of a lane that wait, without the one that runs."""
        queue = self._queues.get(lane, ())
        return (call for number, call in enumerate(queue) if number or call in self._held)

    def ahead(self, call: Laned) -> list[Laned]:
        """The calls that must finish before this one runs; empty for one that runs or may run."""
        queue = self._queues.get(call.lane) if call.lane is not None else None
        found: list[Laned] = []
        for other in queue or ():
            if other is call:
                return found
            found.append(other)
        return []

    def replace(self, old: Laned, new: Laned) -> None:
        """Put `new` where `old` waits; it is held if that was."""
        if old in self._held:
            self._held.remove(old)
            self._held.add(new)
        queue = self._queues[old.lane]
        queue[queue.index(old)] = new

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))
