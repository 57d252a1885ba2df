"""uvicorn's books of one server: its connections, its tasks, and what its protocols log to."""

import asyncio
import logging
import time
from email.utils import formatdate

from uvicorn.server import ServerState


class Books(ServerState):
    """uvicorn's books of one server, plus an event for each connection that goes.

    Args:
        logger: What gets the protocols' warnings and errors.

    Attributes:
        changed: Set when a connection is gone.
        logger: What the protocols log to: warnings and errors, none while the server stops (that a
            response was cut off is then no news).
        stopping: Whether the server stops or has stopped.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._date = (0, b"")
        super().__init__()
        self.changed = asyncio.Event()
        self.stopping = False
        self.logger = logging.Logger(f"{logger.name}.protocol", logging.WARNING)
        self.logger.parent = logger
        self.logger.addFilter(lambda record: not self.stopping)

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """The Date header, which RFC 9110 6.6.1 asks of every server that has a clock."""
        now = int(time.time())
        if now != self._date[0]:
            self._date = (now, formatdate(now, usegmt=True).encode())
        return [(b"date", self._date[1])]

    @default_headers.setter
    def default_headers(self, value: list[tuple[bytes, bytes]]) -> None:
        """Ignores uvicorn's initial value."""


def books_of(state: ServerState) -> Books:
    """What uvicorn takes for books of any kind: only our server makes its protocols."""
    assert isinstance(state, Books)
    return state
