"""Waiting for a condition with a deadline, in place of a sleep and a hope.

The condition is asked again and again until it is true. ``None``, ``False``, an empty container
and an ``AssertionError`` mean "not yet"; when the deadline passes, the last answer is part of the
message.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 0.01

PATIENCE_SECONDS = 15.0
"""A deadline, no pace: a machine of two cores that other tests share was seen to need more than five."""


def _name(condition: Callable[..., object]) -> str:
    try:
        source = inspect.getsource(condition)
    except (OSError, TypeError):
        return repr(condition)
    return " ".join(source.split())


def _failure(condition: Callable[..., object], within: float, last: object) -> AssertionError:
    error = AssertionError(f"not true within {within:g} s: {_name(condition)}\n  last value: {last!r}")
    error.__cause__ = last if isinstance(last, AssertionError) else None
    return error


async def eventually(condition: Callable[[], T | Awaitable[T]], within: float = PATIENCE_SECONDS) -> T:
    """Await until ``condition`` is true and return its value; the event loop keeps running.

    Args:
        condition: A plain or a coroutine function without arguments.
        within: The deadline in seconds; the condition is asked at least once.

    Raises:
        AssertionError: The deadline passed; names the condition and its last value.
    """
    deadline = time.monotonic() + within
    while True:
        expired = time.monotonic() >= deadline
        last: object
        try:
            value = condition()
            if inspect.isawaitable(value):
                # A condition that hangs (a page that never answers) must not outlive the deadline.
                value = await asyncio.wait_for(value, max(within, 1.0))
            if value:
                return value  # type: ignore[return-value]
            last = value
        except AssertionError as error:
            last = error
        if expired:
            raise _failure(condition, within, last)
        await asyncio.sleep(INTERVAL)


def eventually_sync(condition: Callable[[], T], within: float = PATIENCE_SECONDS) -> T:
    """Block until ``condition`` is true and return its value, for tests without an event loop.

    Raises:
        AssertionError: The deadline passed; names the condition and its last value.
    """
    deadline = time.monotonic() + within
    while True:
        expired = time.monotonic() >= deadline
        last: object
        try:
            value = condition()
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if expired:
            raise _failure(condition, within, last)
        time.sleep(INTERVAL)
