"""Charging the messages of a connection to the budget of its share link (`core.access.link_budget`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from dash_devices_nb.core.access.link_budget import UNFINISHED_SECONDS, LinkBudget

LARGE = 128 * 1024
"""Bytes from which on a frame or a body is read off the loop."""
CHUNK = 256 * 1024
"""So much is read at once: of a message that has come whole in it nothing is held."""
SLOWEST = 8 * 1024
"""Bytes a second that a message has to grow by in the long run."""


class LinkSpending:
    """Accounts for the messages of one connection. On the loop.

    Args:
        budget: the budget of its link. None: unlimited.
        limit: returns the length of the longest message, in bytes. None: the server's own limit.
        refuse: ends the connection. Called with whether the client may reconnect, and the reason.
    """

    def __init__(
        self, budget: LinkBudget | None, limit: Callable[[], int | None], refuse: Callable[[bool, str], object]
    ) -> None:
        self._budget = budget
        self._limit = limit
        self._refuse = refuse
        self._held = self._counted = 0
        self._over = False
        self._gone = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def holds(self, count: int) -> None:
        """The connection now holds this many bytes of incomplete messages."""
        if self._over:
            return  # the connection is closed, and its bytes are dropped
        change, self._held = count - self._held, count
        limit = self._limit()
        if limit is not None and count > limit + CHUNK:
            if self._budget is not None:
                self._budget.holds(change)
            self._end(False, f"a frame of over {limit} bytes is more than a guest may send")
            return
        if self._budget is None:
            return
        if not self._budget.holds(change):
            self._end(True, "Too much is being sent by this link. Trying again…")
        elif self._timer is None and count > CHUNK:
            self._watch()

    def _end(self, again: bool, reason: str) -> None:
        self._refuse(again, reason)
        self.ended()
        self._over = True

    def _watch(self) -> None:
        self._counted = self._held
        self._timer = asyncio.get_running_loop().call_later(UNFINISHED_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._held <= CHUNK:
            return
        if 0 <= self._held - self._counted < SLOWEST * UNFINISHED_SECONDS:
            self._end(False, f"a frame has not come whole within {UNFINISHED_SECONDS:.0f} s")
        else:
            self._watch()

    def rests(self, count: int) -> float:
        """A control frame or a fragment has arrived. Returns for how many seconds to stop reading."""
        return self._budget.little.take(time.monotonic(), 1 + count / 4096) if self._budget is not None else 0.0

    def keeps(self, count: int) -> bool:
        """This many bytes are complete, and wait until the budget has paid for them. Negative: they wait no longer.

        Returns:
            True if that is within the budget.
        """
        if self._budget is None or self._budget.holds(count) or count < 0:
            return True
        self._budget.holds(-count)
        return False

    def lost(self) -> None:
        """The connection is lost: nothing can be received or sent any more."""
        self._gone.set()

    async def waits(self, seconds: float) -> bool:
        """Wait, but not longer than the connection lasts. Returns True if it is still open."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), seconds)
        return not self._gone.is_set()

    def left_waiting(self) -> bool:
        """The sender has left while messages waited. Returns True if they are still to be handled.

        That is so only without a budget. Messages of a link have to be paid for first, and their pages would be kept
        until then.
        """
        return self._budget is None

    def ended(self) -> None:
        """The connection has ended."""
        if self._timer is not None:
            self._timer.cancel()
        if self._budget is not None:
            self._budget.holds(-self._held)
        self._held = 0


@contextmanager
def spending(budget: LinkBudget | None) -> Iterator[None]:
    """Charge the CPU time of this thread to a link. Waiting costs nothing."""
    began = time.thread_time()
    try:
        yield
    finally:
        if budget is not None:
            budget.spend(time.thread_time() - began)
