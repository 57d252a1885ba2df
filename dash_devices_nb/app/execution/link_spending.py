"""What somebody sends, against the budget of the link by which they came (`core.access.link_budget`)."""

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
    """What one connection holds of messages that have not come whole. On the loop.

    Args:
        budget: of its link; None: it has all.
        limit: the longest message, in bytes; asked each time. None: the server's own limit.
        refuse: ends the connection: whether it may come back, and why.
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
        """So many bytes are held now."""
        if self._over:
            return  # it is closed, and what it holds is dropped
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
        """A control frame or a fragment has come; how long to read nothing then, in seconds."""
        return self._budget.little.take(time.monotonic(), 1 + count / 4096) if self._budget is not None else 0.0

    def keeps(self, count: int) -> bool:
        """So many bytes have come whole, and wait until they are paid for; negative: they wait no more.

        Returns:
            Whether that is within the budget.
        """
        if self._budget is None or self._budget.holds(count) or count < 0:
            return True
        self._budget.holds(-count)
        return False

    def lost(self) -> None:
        """Nothing can come or be sent any more."""
        self._gone.set()

    async def waits(self, seconds: float) -> bool:
        """Wait so long, or until the connection is lost. Returns whether it stands."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), seconds)
        return not self._gone.is_set()

    def left_waiting(self) -> bool:
        """The sender has gone while messages of its waited: those of who has no budget are still wanted.

        What a link may send has to be paid for first, and would keep its pages for as long.
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
    """Charge what this thread computes to a link; what it waits for costs nothing."""
    began = time.thread_time()
    try:
        yield
    finally:
        if budget is not None:
            budget.spend(time.thread_time() - began)
