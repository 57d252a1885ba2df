"""Places: what is under way by a link, who waits, and who is turned away."""

from __future__ import annotations

import asyncio

import pytest

from dash_devices_nb.server.concurrency import ConcurrencyLimiter, TooManyWaitingError


async def test_who_comes_beyond_the_places_waits_in_order_and_others_do_not() -> None:
    """A place that becomes free goes to the first who waits; another link has places of its own."""
    limiter: ConcurrencyLimiter[str] = ConcurrencyLimiter(2, 2, 30)
    came: list[int] = []

    async def come(number: int) -> None:
        await limiter.take("a")
        came.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(come(number))
        await asyncio.sleep(0)
        assert came == [0, 1]
        with pytest.raises(TooManyWaitingError):
            await limiter.take("a")  # two wait already
        await limiter.take("b")
        for wanted in ([0, 1, 2], [0, 1, 2, 3]):
            limiter.leave("a")
            while came != wanted:
                await asyncio.sleep(0)
    for link in ("a", "a", "b"):
        limiter.leave(link)
    await limiter.take("a")


async def test_who_gives_up_or_waits_too_long_holds_nobody_up() -> None:
    """Whether it goes before its turn, in the moment of its turn, or when its patience is over."""
    limiter: ConcurrencyLimiter[str] = ConcurrencyLimiter(1, 1, 0.02)
    await limiter.take("a")
    with pytest.raises(TooManyWaitingError):
        await limiter.take("a")
    for in_the_moment in (False, True):
        waits = asyncio.ensure_future(limiter.take("a"))
        await asyncio.sleep(0)
        if in_the_moment:
            limiter.leave("a")
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
    await limiter.take("a")
    limiter.leave("a")
