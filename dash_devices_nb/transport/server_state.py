"""The state of one server, as uvicorn keeps it: connections, tasks, and the logger of its protocols."""

from __future__ import annotations

import asyncio
import logging
import time
from email.utils import formatdate
from typing import Any

from uvicorn.server import ServerState

from dash_devices_nb.transport import connection_limits
from dash_devices_nb.transport.http_parser import ParserTurns

SELDOM_SECONDS = 60.0
"""Seconds between two log lines of the same warning, so that nobody can flood the log."""
SOME = 20
"""When there are too many connections, one of this many idle ones is closed."""


class ServingState(ServerState):
    """uvicorn's state of one server, plus an event for each connection that goes.

    Args:
        logger: receives the protocols' warnings and errors.

    Attributes:
        changed: is set when a connection is gone.
        logger: the protocols' logger. It repeats warnings seldom, and is silent while the server stops
            (interrupted responses are expected then).
        stopping: whether the server is stopping or has stopped.
        turns: the queue of connections that have sent much to parse.
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

    def stop(self) -> None:
        """The server stops."""
        self.stopping = True

    def _is_news(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        now = time.monotonic()
        if now - self._said.get(str(record.msg), -SELDOM_SECONDS) < SELDOM_SECONDS:
            return False
        self._said[str(record.msg)] = now
        return True

    def make_room(self, newest: Any) -> None:
        """Close connections if there are too many: the oldest idle ones, or the newest if none is idle."""
        open_now: set[Any] = set(self.connections)
        if len(open_now) <= connection_limits.connections():
            return
        self.logger.warning("%d connections are open, which is the limit: idle ones are closed", len(open_now) - 1)
        idle = sorted((each for each in open_now if each is not newest and _may_go(each)), key=_since)
        for each in idle[: 1 + len(idle) // SOME] or [newest]:
            each.transport.abort()

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """The Date header, which RFC 9110, section 6.6.1, requires of a server with a clock."""
        now = int(time.time())
        if now != self._date[0]:
            self._date = (now, formatdate(now, usegmt=True).encode())
        return [(b"date", self._date[1])]

    @default_headers.setter
    def default_headers(self, value: list[tuple[bytes, bytes]]) -> None:
        """Ignore uvicorn's initial value."""


def _since(connection: Any) -> float:
    return float(connection.since)


def serving_state_of(state: ServerState) -> ServingState:
    """Return our state, which uvicorn types as its own. Only our server makes these protocols."""
    assert isinstance(state, ServingState)
    return state


def _may_go(connection: Any) -> bool:
    return bool(connection.idle) and not connection.transport.is_closing()
