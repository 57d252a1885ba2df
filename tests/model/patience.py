"""Waits that are honest on a busy machine: they count the time that this process was given, not the time of day.

Where others take the processor, everything here is late, and nothing is lost. A wait in small steps counts of each no
more than it would take on an idle machine. What is lost is still lost after all its seconds.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Iterator
from typing import Any

STEP_SECONDS = 0.02
MOST_SECONDS = 2 * STEP_SECONDS
"""What a step counts at most."""
FOREVER = 3600.0
"""For limits by the time of day within what is waited for here."""


def steps(seconds: float) -> Iterator[float]:
    """How long to wait next, in seconds, again and again, until this process had so much time."""
    left = seconds
    while left > 0:
        began = time.monotonic()
        yield STEP_SECONDS
        left -= min(time.monotonic() - began, MOST_SECONDS)


def result_of(future: concurrent.futures.Future[Any], seconds: float) -> Any:
    """The result of a future, or its exception. Raises TimeoutError, and cancels it."""
    for step in steps(seconds):
        try:
            return future.result(step)
        except TimeoutError:
            if future.done():  # it is its own
                raise
    future.cancel()
    raise TimeoutError(f"not done within {seconds:g} s")


def until(condition: Callable[[], object], seconds: float) -> None:
    """Wait until a condition is true. Raises AssertionError: its own, if it raises one, when the time is over."""
    for step in steps(seconds):
        try:
            if condition():
                return
        except AssertionError:
            pass
        time.sleep(step)
    assert condition(), f"not true within {seconds:g} s: {condition}"
