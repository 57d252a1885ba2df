"""The bodies of requests over HTTP: what has come waits in a file, and how long it may be depends on who sends it.

Quart keeps a body in memory from its first byte to its last use. Here what is beyond 128 kB is on disk until its
turn has come; what guests of one link have there together is bounded (`core.access.link_budget`).
"""

from __future__ import annotations

import io
import logging
import tempfile
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

import quart
from quart.wrappers.request import Body
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, TooManyRequests

from dash_devices_nb.core.access.link_budget import LinkBudget

MEMORY = 128 * 1024
"""Bytes of a body that are kept in memory."""
DRAINED = 4
"""A body up to so many times too long is read to its end, and dropped, before it is refused."""
PIECE = 64 * 1024

log = logging.getLogger(__name__)


class InsufficientStorage(HTTPException):
    """There is no room for the body (RFC 4918, section 11.5)."""

    code = 507
    name = "Insufficient Storage"
    description = "There is no room for what was sent where the app runs. Please try again later."


Limits = Callable[[str, Any], tuple[int | None, LinkBudget | None]]
"""Of a path and headers: the most bytes that the body may have (None: what Quart was told), and the sender's budget."""


class SpooledBody(Body):
    """A body whose end is in a file.

    Attributes:
        size: how many bytes have come.
        limit: the most that may come; None: any number.
        budget: of the link by which it comes.
    """

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        # Quart answers before a body that is too long has come: a browser that is still sending shows no answer.
        drained = None if max_content_length is None else DRAINED * max_content_length
        super().__init__(expected_content_length, drained)
        self.limit = max_content_length
        self.budget: LinkBudget | None = None
        self.size = self._at = 0
        self._error: Exception | None = None
        self._over = False
        self._shelved = [0]
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(MEMORY)  # noqa: SIM115 - closed below
        # At the latest when nobody knows it any more, as where the connection breaks.
        weakref.finalize(self, self._file.close)

    def belongs_to(self, budget: LinkBudget) -> None:
        """It counts for a link, until it is gone."""
        self.budget = budget
        weakref.finalize(self, _give_back, budget, self._shelved)

    def append(self, data: bytes) -> None:
        """More has come."""
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
            self._file.flush()  # what is refused is refused here
        except OSError as error:
            log.error("a body of %d bytes so far cannot be kept, and is refused: %s", self.size, error)
            self._refuse(InsufficientStorage())
            return
        self._has_data.set()

    def release(self) -> None:
        """The request is over: who keeps it, as the journal does, keeps no body, and no descriptor."""
        self._over = True
        self._drop()

    def _refuse(self, error: Exception) -> None:
        self._must_raise = error
        self._drop()
        self.set_complete()

    def _drop(self) -> None:
        with suppress(OSError):  # what it could not write is not wanted
            self._file.close()
        self._file = io.BytesIO()  # nothing is written to it any more
        self._at = 0
        if self.budget is not None:
            _give_back(self.budget, self._shelved)

    async def complete(self) -> int:
        """Wait until all has come. Returns how much that is. Raises what Quart raises for a body that is refused."""
        if self._must_raise is None:
            await self._complete.wait()
        if error := self._must_raise or self._error:
            raise error
        return self.size

    def read(self) -> bytes:
        """All of it. From any thread, once it is complete."""
        self._file.seek(0)
        return self._file.read()

    def __await__(self) -> Any:
        """All of it, as Quart's."""
        yield from self.complete().__await__()
        return self.read()

    async def __anext__(self) -> bytes:
        """The next piece, as Quart's."""
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
        """Forget what has come."""
        self._file.seek(0)
        self._file.truncate()
        self.size = self._at = 0


def _give_back(budget: LinkBudget, shelved: list[int]) -> None:
    count, shelved[0] = shelved[0], 0
    budget.spools(-count)


def spool(server: quart.Quart, limits: Limits) -> None:
    """Have all requests of a server keep their bodies so."""
    kind = server.request_class

    class Request(kind):  # type: ignore[valid-type, misc]
        """A request whose body is in a file where it is long."""

        body_class = SpooledBody

        def __init__(self, *args: Any, max_content_length: int | None = None, **kwargs: Any) -> None:
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
