"""The bodies of requests over HTTP. They wait in files, and their greatest length depends on the sender.

Quart keeps a body in memory from its first byte to its last use. Here the part beyond 128 kB waits on disk. The bodies
of all guests of one link together are bounded (`core.access.link_budget`).
"""

from __future__ import annotations

import io
import logging
import tempfile
import weakref
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from typing import IO

import quart
from quart.wrappers.request import Body
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, TooManyRequests

from dash_devices_nb.app.stock_dash.types import Argument
from dash_devices_nb.core.access.link_budget import LinkBudget

MEMORY = 128 * 1024
"""The bytes of a body that are kept in memory."""
DRAINED = 4
"""A body that is too long by at most this factor is read to its end, and dropped, before it is refused."""
PIECE = 64 * 1024

log = logging.getLogger(__name__)


class InsufficientStorage(HTTPException):
    """There is no room for the body (RFC 4918, section 11.5)."""

    code = 507
    name = "Insufficient Storage"
    description = "There is no room for what was sent where the app runs. Please try again later."


Limits = Callable[[str, Mapping[str, str]], tuple[int | None, LinkBudget | None]]
"""Takes a path and headers. Returns the greatest length of the body (None: Quart's own) and the sender's budget."""


class SpooledBody(Body):
    """A body whose end is in a file.

    Attributes:
        size: the number of bytes that have come.
        limit: the most bytes that may come. None: any number.
        budget: the budget of the link by which the request came.
    """

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        # Quart answers before a too long body has come. A browser that is still sending does not show that answer.
        drained = None if max_content_length is None else DRAINED * max_content_length
        super().__init__(expected_content_length, drained)
        self.limit = max_content_length
        self.budget: LinkBudget | None = None
        self.size = self._at = 0
        self._error: Exception | None = None
        self._over = False
        self._shelved = [0]
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(MEMORY)  # noqa: SIM115 - closed below
        # If the connection breaks, nobody calls `release`.
        weakref.finalize(self, self._file.close)

    def belongs_to(self, budget: LinkBudget) -> None:
        """Count the body for a link, as long as it exists."""
        self.budget = budget
        weakref.finalize(self, _give_back, budget, self._shelved)

    def append(self, data: bytes) -> None:
        """Add bytes that have come."""
        if data == b"" or self._must_raise is not None or self._over:
            return
        self.size += len(data)
        if self.limit is not None and self.size > self.limit:
            if self._error is None:
                self._error = RequestEntityTooLarge()
                self._drop()
            if self.size > DRAINED * self.limit:
                self._refuse(self._error)
            return
        if self.budget is not None:
            self._shelved[0] += len(data)
            if not self.budget.spools(len(data)):
                self._refuse(TooManyRequests("Too much is being sent by this link. Please try again."))
                return
        try:
            self._file.seek(0, 2)
            self._file.write(data)
            self._file.flush()  # a full disk shows here
        except OSError as error:
            log.error("a body of %d bytes so far cannot be kept, and is refused: %s", self.size, error)
            self._refuse(InsufficientStorage())
            return
        self._has_data.set()

    def release(self) -> None:
        """Drop the content: the request is over. So who keeps it, as the journal does, keeps no descriptor."""
        self._over = True
        self._drop()

    def _refuse(self, error: Exception) -> None:
        self._must_raise = error
        self._drop()
        self.set_complete()

    def _drop(self) -> None:
        with suppress(OSError):  # the unwritten rest is not wanted
            self._file.close()
        self._file = io.BytesIO()  # nothing is written to it any more
        self._at = 0
        if self.budget is not None:
            _give_back(self.budget, self._shelved)

    async def complete(self) -> int:
        """Wait for the whole body, and return its size. Raises what Quart raises for a body that is refused."""
        if self._must_raise is None:
            await self._complete.wait()
        if error := self._must_raise or self._error:
            raise error
        return self.size

    def read(self) -> bytes:
        """Read the whole body. From any thread, once it is complete."""
        self._file.seek(0)
        return self._file.read()

    def __await__(self) -> Generator[object, None, bytes]:
        """Await the whole body, as Quart's."""
        yield from self.complete().__await__()
        return self.read()

    async def __anext__(self) -> bytes:
        """Await the next piece, as of Quart's."""
        if error := self._must_raise or self._error:
            raise error
        while self._at >= self.size:
            if self._complete.is_set():
                raise StopAsyncIteration
            self._has_data.clear()
            await self._has_data.wait()
            if error := self._must_raise or self._error:
                raise error
        self._file.seek(self._at)
        piece = self._file.read(PIECE)
        self._at += len(piece)
        return piece

    def clear(self) -> None:
        """Forget the bytes so far."""
        self._file.seek(0)
        self._file.truncate()
        self.size = self._at = 0


def _give_back(budget: LinkBudget, shelved: list[int]) -> None:
    count, shelved[0] = shelved[0], 0
    budget.spools(-count)


def spool(server: quart.Quart, limits: Limits) -> None:
    """Let all requests of a server keep their bodies in files."""
    kind = server.request_class

    class Request(kind):  # type: ignore[valid-type, misc]
        """A request with a `SpooledBody`."""

        body_class = SpooledBody

        def __init__(self, *args: Argument, max_content_length: int | None = None, **kwargs: Argument) -> None:
            path, headers = args[2], args[4]
            most, budget = limits(path, headers)
            super().__init__(*args, max_content_length=max_content_length if most is None else most, **kwargs)
            if budget is not None:
                self.body.belongs_to(budget)

    server.request_class = Request

    @server.teardown_request
    async def release(_: BaseException | None) -> None:
        body = quart.request.body
        if isinstance(body, SpooledBody):
            body.release()
