"""Odd requests for files on which stock Quart raises or leaks: ranges from the end, long names, those who hang up.

Anybody who sees the page can send them. In the program's log, an internal error would look like a fault of the program.
"""

from __future__ import annotations

import asyncio
import errno
from functools import wraps
from typing import Any, cast

import quart
from quart.wrappers.response import DataBody
from werkzeug.exceptions import NotFound

from dash_devices_nb.app.stock_dash.types import Argument, Function, Returned

BODIES = ("data_body_class", "file_body_class", "io_body_class")
"""The attributes of a response class that name the bodies that support ranges."""


_closing: set[asyncio.Future[Any]] = set()
"""The bodies that are being closed. Kept here, as the event loop keeps its tasks by weak references only."""


class SoundBody:
    """Mixin for a class of bodies: supports ranges from the end, and is closed whatever happens.

    A range from the end is `bytes=-500` (RFC 9110, section 14.1.2).
    """

    async def __aexit__(self: Any, *exception: object) -> None:
        """Close the body, also while the request is cancelled because its connection has gone.

        Stock Quart closes a file in a thread, and a cancellation there leaves it open.
        """
        whole: Any = super()
        closing = asyncio.ensure_future(whole.__aexit__(*exception))
        _closing.add(closing)
        closing.add_done_callback(_closing.discard)
        await asyncio.shield(closing)

    async def make_conditional(self: Any, begin: int, end: int | None) -> int:
        """Restrict the body to a range. A negative `begin` counts from the end. Returns the size of the whole body."""
        if begin < 0:
            size = len(self.data) if isinstance(self, DataBody) else self.size
            begin = max(0, size + begin)
        whole: Any = super()
        return int(await whole.make_conditional(begin, end))


def _finding(view: Function, server: quart.Quart) -> Function:
    """Wrap a view of files: answer 404 if the operating system says that the name is too long."""

    @wraps(view)
    async def find(*args: Argument, **kwargs: Argument) -> Returned:
        try:
            return await server.ensure_async(view)(*args, **kwargs)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise NotFound from error

    return find


def answer_odd_requests(server: quart.Quart) -> None:
    """Make a server answer them as RFC 9110 says.

    That covers the routes for files that exist now: assets, and Quart's own.
    """
    kind: Any = server.response_class
    bodies = {name: type("Body", (SoundBody, getattr(kind, name)), {}) for name in BODIES}
    cast("Any", server).response_class = type("Response", (kind,), bodies)
    for endpoint, view in server.view_functions.items():
        if endpoint.rpartition(".")[2] == "static":
            server.view_functions[endpoint] = _finding(view, server)
