"""Read HTTP requests a piece at a time, so that no client can block the loop or fill the memory.

h11 parses all received bytes at once: 256 kB in chunks of one byte block the loop for a second. It also keeps any
number of bytes behind a request that is not answered yet (pipelining). Here a connection feeds it one piece at a time
and reads no more until that piece is used up. A connection with more than its turn's worth waits in a queue of the
server, which gets a fixed part of the loop's time.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

import h11
from uvicorn.protocols.http.flow_control import FlowControl

_HEAD_END = re.compile(rb"\n\r?\n")
MOST_HEAD = 32 * 1024
"""Longest head of a request, in bytes."""
MOST_LINES = 300
"""Lines of a head: browsers send some 30."""
HEAD_PIECE, CHUNKS_PIECE, BODY_PIECE = 4 * 1024, 16 * 1024, 256 * 1024
MOST_SMALL, SMALL = 4000, 16
"""Mean size, in bytes, below which the chunks of a body count as tiny."""
EVENTS, EVENTS_RATE = 64.0, 200.0
"""Events (a head, a piece of a body, an end) that a connection may parse at once, and per second, without a turn. Each
costs some 20 microseconds."""
TURN = 64
"""Events per turn."""
REST = 2.0
"""The next turn waits this many times as long as the last one took."""


class HttpParser(h11.Connection):
    """h11's parser with a limit of events. At the limit it reports NEED_DATA although it has some.

    Attributes:
        left: events that it may still parse.
        cut: whether it has stopped at the limit.
    """

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MOST_HEAD)
        self.left = EVENTS
        self.cut = False
        self._then = time.monotonic()
        self._lines, self._seen = 0, b""
        self._comes: int | None = 0
        self._pieces = self._bytes = 0

    def refill(self) -> None:
        """Add the events that have accrued since the last call."""
        now = time.monotonic()
        self.left = min(EVENTS, self.left + (now - self._then) * EVENTS_RATE)
        self._then = now

    def turn(self) -> None:
        """Add the events of one turn."""
        self.left = max(self.left, TURN)

    def resume(self) -> None:
        """Go on after it has stopped at the limit."""
        self.cut = False

    @property
    def takes(self) -> bool:
        """Whether it can be fed more. Otherwise the next bytes belong to another request, or to none."""
        return self.their_state in (h11.IDLE, h11.SEND_BODY)

    def piece(self) -> int:
        """The number of bytes to feed it next."""
        if self.their_state is h11.IDLE:
            return HEAD_PIECE
        return CHUNKS_PIECE if self._comes is None else min(BODY_PIECE, max(1, self._comes))

    def receive_data(self, data: bytes) -> None:
        """Feed it bytes.

        Raises:
            h11.RemoteProtocolError: by `next_event`; the head has too many lines.
        """
        if self.their_state is h11.IDLE:
            seen = self._seen + data
            end = _HEAD_END.search(seen)
            self._lines += seen.count(b"\n", len(self._seen), end.start() if end else len(seen))
            self._seen = seen[-2:]
        super().receive_data(data)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """The next event, as h11's."""
        if self._lines > MOST_LINES and self.their_state is h11.IDLE:
            self._lines = 0
            raise h11.RemoteProtocolError(f"a head of more than {MOST_LINES} lines", error_status_hint=431)
        if self.left < 1:
            self.cut = True
            return h11.NEED_DATA
        event = super().next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED:
            return event
        self.left -= 1
        if isinstance(event, h11.Request):
            self._lines, self._seen = 0, b""
            lengths = [value for name, value in event.headers if name == b"content-length"]
            chunked = any(name == b"transfer-encoding" for name, _ in event.headers)
            self._comes = None if chunked else int(lengths[0]) if lengths else 0
            self._pieces = self._bytes = 0
        elif isinstance(event, h11.Data):
            self._pieces += event.chunk_end  # what one read has split counts once
            self._bytes += len(event.data)
            if self._comes is not None:
                self._comes -= len(event.data)
            elif self._pieces > MOST_SMALL and self._bytes < SMALL * self._pieces:
                raise h11.RemoteProtocolError(f"more than {MOST_SMALL} chunks of fewer than {SMALL} bytes")
        return event


class HeldFlow(FlowControl):
    """uvicorn's flow control, which also pauses reading while received bytes wait to be parsed.

    Attributes:
        held: whether something waits.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self.held = False

    def hold(self) -> None:
        """Pause reading until `release`, whoever asks to resume."""
        self.held = self.read_paused = True
        self._transport.pause_reading()

    def release(self) -> None:
        """Allow reading again."""
        self.held = False

    def resume_reading(self) -> None:
        """Resume reading, unless bytes wait to be parsed."""
        if not self.held:
            super().resume_reading()


class ParserTurns:
    """The queue of connections that have more to parse than their turn's worth. On one loop.

    They take turns. The queue as a whole gets a third of the loop's time, however long it is.
    """

    def __init__(self) -> None:
        self._line: dict[Callable[[], None], None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def wait(self, turn: Callable[[], None]) -> None:
        """Queue `turn`. Does nothing if it is queued already."""
        self._line.setdefault(turn)
        self._go_on()

    def leave(self, turn: Callable[[], None]) -> None:
        """Leave the queue. Idempotent."""
        self._line.pop(turn, None)

    def _go_on(self) -> None:
        if self._line and self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(self._due, self._next)

    def _next(self) -> None:
        self._timer = None
        if not self._line:
            return
        turn = next(iter(self._line))
        del self._line[turn]
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            turn()
        finally:
            now = loop.time()
            self._due = now + REST * (now - began)
            self._go_on()
