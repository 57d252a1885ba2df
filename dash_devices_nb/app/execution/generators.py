"""Plain generators as streaming callbacks: each step runs in a worker, as a plain callback does.

Stock Dash refuses them, because a generator would occupy a thread of its server from its first answer to its last. Here
it occupies a worker only while it computes an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from functools import partial

from dash_devices_nb.app.stock_dash.types import Returned

Step = Callable[[Callable[[], Returned]], Awaitable[Returned]]
"""Runs a function in a worker."""


async def in_steps(generator: Generator[Returned, None, object], step: Step) -> AsyncGenerator[Returned, None]:
    """Yield what a plain generator yields. When nobody wants more, close it after its current step."""
    end = object()
    running: asyncio.Future[Returned] | None = None
    try:
        while True:
            running = asyncio.ensure_future(step(partial(next, generator, end)))
            value = await asyncio.shield(running)
            if value is end:
                return
            yield value
    finally:
        if running is not None and not running.done():
            await asyncio.wait({running})
        await step(generator.close)
