"""Stock Dash, served on the session's loop: what our pages are measured against."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dash

from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.serve import Server


@asynccontextmanager
async def serving_stock(app: dash.Dash) -> AsyncIterator[str]:
    """Serve a stock Dash app that has the Quart backend; yields its URL."""
    server = Server(app.server, BoundSocket.bind_tcp("127.0.0.1", 0, search=False), max_message_bytes=1 << 20)
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()
