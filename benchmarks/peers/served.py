"""What the peers share that run a Jupyter server: they tell their page, and end it with themselves."""

from __future__ import annotations

import asyncio
import signal


def announce(url: str) -> None:
    """Tell where the page is; `trip` reads it."""
    print(f"page: {url}", flush=True)


async def until_ended() -> None:
    """Wait until the process is asked to end."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
