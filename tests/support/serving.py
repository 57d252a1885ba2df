"""Apps served on the session's loop, so that a test sees their pages and their state at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.support.eventually import eventually

if TYPE_CHECKING:
    from dash_devices_nb import Dash


class Serving:
    """What the `serve` fixture hands out: ``url = await serve(app)``."""

    def __init__(self) -> None:
        self._tasks: dict[Dash, asyncio.Task[None]] = {}

    async def __call__(self, app: Dash, port: int = 0, **options: Any) -> str:
        """Serve an app on a free port (or `port`), without a secret, and return its URL. Options: those of `serve`."""
        task = asyncio.create_task(app.serve(port=port, auth=None, **options))
        self._tasks[app] = task

        async def listens() -> bool:
            if task.done():
                task.result()
            return app.url is not None and await _accepts(app.url)

        await eventually(listens, 15)
        assert app.url is not None
        return app.url

    async def stop(self, app: Dash) -> None:
        """Stop an app."""
        task = self._tasks.pop(app)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def stop_all(self) -> None:
        """Stop what still runs."""
        for app in list(self._tasks):
            await self.stop(app)


async def _accepts(url: str) -> bool:
    address = urlsplit(url)
    try:
        _, writer = await asyncio.open_connection(address.hostname, address.port)
    except OSError:
        return False
    writer.close()
    return True
