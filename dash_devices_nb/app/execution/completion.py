"""Completion: every call ends exactly once, whatever happens on the way.

A call occupies its serial queue and perhaps a lock, and somebody may wait for its answer. Everything around the
function (the journal, the statistics, the output log, hooks, the report of an error) happens within one `Completion`.
An exception there is reported, and cannot keep the call from ending.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Completion(Generic[T]):
    """Ends one call: when its `with` block is left, or by `end` if the block is never entered.

    Args:
        finish: called once with the result.
        result: the result as long as no other is set.
        report: receives exceptions from outside the program's function. It must not raise.
    """

    def __init__(self, finish: Callable[[T], object], result: T, report: Callable[[BaseException], object]) -> None:
        self._result = result
        self._finish = finish
        self._report = report
        self._lock = threading.Lock()
        self._over = False

    def __enter__(self) -> Completion[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        # Cancelling or closing a coroutine raises these; that is not a fault.
        stopped = isinstance(error, asyncio.CancelledError | GeneratorExit)
        if error is not None and not stopped:
            self._report(error)
        self.end()
        return not stopped

    @property
    def result(self) -> T:
        """The result as far as it is known."""
        return self._result

    def set_result(self, result: T) -> None:
        """Set the result. Call it as soon as the result is known: a later failure does not change it."""
        self._result = result

    def end(self) -> None:
        """End the call now, unless it has ended. From any thread."""
        with self._lock:
            over, self._over = self._over, True
        if over:
            return
        try:
            self._finish(self._result)
        except BaseException as error:  # noqa: BLE001 - reported; the thread goes on with the next call
            self._report(error)
