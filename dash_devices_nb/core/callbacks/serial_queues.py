"""Serial queues: calls that must not overlap run one after the other, in the order in which they were submitted."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from typing import Protocol

from dash_devices_nb.core.props.ids import Key


class Queued(Protocol):
    """What a serial queue holds: a call."""

    @property
    def queue_key(self) -> Hashable | None:
        """Calls with equal serial queues do not overlap; None: overlaps with all."""

    @property
    def coroutine(self) -> bool:
        """Whether it needs the callback loop."""

    @property
    def over(self) -> bool:
        """Whether it has ended: what it has left running acts for itself."""

    @property
    def lineage(self) -> frozenset[Key]:
        """The props whose change led to it; what it pushes inherits them (see `state.StateEntry`)."""


class SerialQueues:
    """A first-in-first-out queue for each queue key; its head is the call that runs, unless it is held."""

    def __init__(self) -> None:
        self._queues: dict[Hashable, deque[Queued]] = {}
        self._held: set[Queued] = set()
        self._free: set[Queued] = set()
        """The calls without a queue."""

    def submit(self, call: Queued) -> bool:
        """Queue a call. Returns whether it may run now."""
        if call.queue_key is None:
            self._free.add(call)
            return call not in self._held
        queue = self._queues.setdefault(call.queue_key, deque())
        queue.append(call)
        return len(queue) == 1 and call not in self._held

    def finish(self, call: Queued) -> Queued | None:
        """Take out the call that ran. Returns the one that may run now."""
        if call.queue_key is None:
            self._free.discard(call)
            return None
        queue = self._queues[call.queue_key]
        if queue[0] is not call:
            raise AssertionError(f"{call} finished, but {queue[0]} was running")
        queue.popleft()
        if queue:
            return None if queue[0] in self._held else queue[0]
        del self._queues[call.queue_key]
        return None

    def hold(self, call: Queued) -> None:
        """Keep a call that will be submitted from running before `let`, even if it is the first of its queue."""
        self._held.add(call)

    def let(self, call: Queued) -> bool:
        """Stop holding a call. Returns whether it may run now."""
        self._held.discard(call)
        return call.queue_key is None or self._queues[call.queue_key][0] is call

    def waiting(self, queue_key: Hashable) -> Iterator[Queued]:
        """The calls of a serial queue that wait, without the one that runs."""
        queue = self._queues.get(queue_key, ())
        return (call for number, call in enumerate(queue) if number or call in self._held)

    def ahead(self, call: Queued) -> list[Queued]:
        """The calls that must finish before this one runs; empty for one that runs or may run."""
        queue = self._queues.get(call.queue_key) if call.queue_key is not None else None
        found: list[Queued] = []
        for other in queue or ():
            if other is call:
                return found
            found.append(other)
        return []

    def replace(self, old: Queued, new: Queued) -> None:
        """Replace a waiting call. The new one is held if the old one was."""
        if old in self._held:
            self._held.remove(old)
            self._held.add(new)
        queue = self._queues[old.queue_key]
        queue[queue.index(old)] = new

    def __len__(self) -> int:
        """The number of calls that wait or run, those without a queue included."""
        return sum(map(len, self._queues.values())) + len(self._free)
