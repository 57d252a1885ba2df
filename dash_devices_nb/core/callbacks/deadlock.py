"""The wait-for graph: which waiter waits for which calls, and when a wait would never end.

A synchronous push waits for the propagation that it started. A push in a regular callback waits only for callbacks with
outputs, and its callback holds its serial queue meanwhile. A push in a shared callback does not wait. A push on the
thread of the callback loop keeps all coroutines from running. If the propagation needs what the waiter holds, the wait
would be a deadlock, and the waiter is released instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from dash_devices_nb.core.callbacks.propagation import Call, Propagation
from dash_devices_nb.core.callbacks.serial_queues import Queued, SerialQueues


@dataclass(eq=False)
class Waiter:
    """A push that waits for its propagation.

    Attributes:
        propagation: the propagation that it waits for.
        holder: the regular call that pushed, if any.
        blocks_loop: whether it blocks the callback loop.
    """

    propagation: Propagation
    holder: Queued | None = None
    blocks_loop: bool = False

    @property
    def done(self) -> bool:
        """Whether the wait is over."""
        return self.propagation.over if self.holder is None else self.propagation.told

    def calls(self) -> list[Call]:
        """The calls that it waits for now."""
        return [call for call in self.propagation.live if self.holder is None or call.spec.outputs]


class WaitForGraph:
    """All waiters of an app."""

    def __init__(self, queues: SerialQueues) -> None:
        self._serial_queues = queues
        self._waiters: list[Waiter] = []

    def add(self, waiter: Waiter) -> bool:
        """Add a waiter. Returns False if it has nothing to wait for, or would wait for ever."""
        if waiter.done or self._stuck(waiter):
            return False
        self._waiters.append(waiter)
        return True

    def discard(self, waiter: Waiter) -> None:
        """Forget a waiter that gave up."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    def releasable(self) -> list[Waiter]:
        """Take out and return the waiters that can go on."""
        if not self._waiters:
            return []
        free = [w for w in self._waiters if w.done or self._stuck(w)]
        for waiter in free:
            self._waiters.remove(waiter)
        return free

    def wanted(self) -> list[Call]:
        """The calls that somebody waits for."""
        return [call for waiter in self._waiters for call in waiter.calls()]

    def _stuck(self, waiter: Waiter) -> bool:
        if waiter.holder is None and not waiter.blocks_loop:
            return False
        seen: set[int] = set()
        pending: list[Queued] = list(waiter.calls())
        while pending:
            call = pending.pop()
            if id(call) in seen:
                continue
            seen.add(id(call))
            if call is waiter.holder or (waiter.blocks_loop and call.coroutine):
                return True
            pending.extend(self._serial_queues.ahead(call))
            for other in self._waiters:
                if other.holder is call:
                    pending.extend(other.calls())
        return False
