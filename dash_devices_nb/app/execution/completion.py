"""The end of a call: whatever happens on the way, it comes, once.

A call holds a serial queue, maybe a lock, and somebody who waits for its answer. All that is done around the function
(the journal, the statistics, the output log, hooks, telling of an error) happens within one `Completion`; what is
raised there is reported and cannot keep the call from finishing.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Completion(Generic[T]):
    """Ends one call: when the block that it stands for is left, or by `end` where that is never entered.

    Args:
        finish: called once, with what came of the call.
        result: what came of it, as long as nothing else is known.
        report: takes what was raised outside of the program's function; does not raise.

    Attributes:
        result: set it as soon as it is known: what goes wrong afterwards does not change it.
    """

    def __init__(self, finish: Callable[[T], object], result: T, report: Callable[[BaseException], object]) -> None:
        self.result = result
        self._finish = finish
        self._report = report
        self._lock = threading.Lock()
        self._over = False

    def __enter__(self) -> Completion[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        # A coroutine that is cancelled or closed has to end so; it is no fault.
        stopped = isinstance(error, asyncio.CancelledError | GeneratorExit)
        if error is not None and not stopped:
            self._report(error)
        self.end()
        return not stopped

    def end(self) -> None:
        """End it now, unless it has ended. From any thread."""
        with self._lock:
            over, self._over = self._over, True
        if over:
            return
        try:
            self._finish(self.result)
        except BaseException as error:  # noqa: BLE001 - reported; the thread goes on with the next call
            self._report(error)
