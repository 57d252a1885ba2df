"""The state of one server, as uvicorn keeps it: its connections, its tasks, and what its protocols log to."""

import asyncio
import logging
import time
from email.utils import formatdate
from typing import Any

from uvicorn.server import ServerState

from dash_devices_nb.transport import connection_limits
from dash_devices_nb.transport.http_parser import ParserTurns

SELDOM_SECONDS = 60.0
"""A warning of what somebody sends is logged so often: who sends it for the log's sake fills none."""
SOME = 20
"""Of so many idle connections one is ended when there are too many."""


class ServingState(ServerState):
    """uvicorn's state of one server, plus an event for each connection that goes.

    Args:
        logger: What gets the protocols' warnings and errors.

    Attributes:
        changed: Set when a connection is gone.
        logger: What the protocols log to: warnings, each seldom, and errors, none while the server
            stops (that a response was cut off is then no news).
        stopping: Whether the server stops or has stopped.
        turns: Of connections that have sent much to parse.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._date = (0, b"")
        super().__init__()
        self.changed = asyncio.Event()
        self.stopping = False
        self.logger = logging.Logger(f"{logger.name}.protocol", logging.WARNING)
        self.logger.parent = logger
        self.logger.addFilter(lambda record: not self.stopping and self._is_news(record))
        self.turns = ParserTurns()
        self._said: dict[str, float] = {}

    def _is_news(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        now = time.monotonic()
        if now - self._said.get(str(record.msg), -SELDOM_SECONDS) < SELDOM_SECONDS:
            return False
        self._said[str(record.msg)] = now
        return True

    def make_room(self, newest: Any) -> None:
        """Ends connections where there are too many: of those that ask for nothing the oldest, else the newest."""
        open_now: set[Any] = set(self.connections)
        if len(open_now) <= connection_limits.connections():
            return
        self.logger.warning("%d connections are open, the most there may be: idle ones are ended", len(open_now) - 1)
        idle = sorted((each for each in open_now if each is not newest and _may_go(each)), key=_since)
        for each in idle[: 1 + len(idle) // SOME] or [newest]:
            each.transport.abort()

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


def _since(connection: Any) -> float:
    return float(connection.since)


def serving_state_of(state: ServerState) -> ServingState:
    """Our state, which uvicorn types as its own: only our server makes these protocols."""
    assert isinstance(state, ServingState)
    return state


def _may_go(connection: Any) -> bool:
    return bool(connection.idle) and not connection.transport.is_closing()
