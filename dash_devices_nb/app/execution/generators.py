"""Plain generators as callbacks that stream: each step runs in a worker, as a plain callback does.

Stock Dash refuses them, as one holds a thread of its server from its first answer to its last. Here it holds a worker
only while it computes an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from functools import partial
from typing import Any

Step = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs a function in a worker."""


async def in_steps(generator: Generator[Any, None, Any], step: Step) -> AsyncGenerator[Any, None]:
    """What a plain generator yields. It is closed when nobody wants more, once its current step has ended."""
    end = object()
    running: asyncio.Future[Any] | None = None
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
