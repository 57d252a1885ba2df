"""A transport that any thread may write to.

A callback's result is ready in a worker thread. Waking the loop to write it would cost a trip about a tenth of a
millisecond, so the worker writes itself, to a non-blocking socket. What the socket does not take goes to the loop,
which writes it in order.

Writes are never interleaved and keep their order: all of them, including the loop's, hold one lock. A socket is not
closed under a writing thread: asyncio reports a lost connection before it closes the socket, and that takes the lock
as well.

Writes may go to another socket than reads come from: the browser's own, which the Jupyter server hands over (see
`socket_handover`).
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from enum import Enum
from typing import Any

from dash_devices_nb.transport.hangup import hung_up

UNREAD_SECONDS = 30.0
"""How long, in seconds, a connection that is closed waits for the other side to read what was written before."""


class Writing(Enum):
    """What becomes of the next write."""

    DIRECT = "the socket takes it at once"
    QUEUED = "it waits until the loop has written what was before it"
    HELD = "it waits for `release`"
    FINISHED = "it is dropped, but what was written before is still sent"
    LOST = "it is dropped: the connection is gone"


DIRECT, QUEUED, HELD, FINISHED, LOST = Writing  # an enum's members are slow to look up, and writing is a hot path
_NEXT = {
    DIRECT: {QUEUED, HELD, FINISHED, LOST},
    QUEUED: {DIRECT, HELD, FINISHED, LOST},
    HELD: {QUEUED, FINISHED, LOST},
    FINISHED: {LOST},
    LOST: set[Writing](),
}


class ThreadSafeTransport:
    """The writing side of a transport. Everything else is delegated to the transport.

    Args:
        transport: read from, and written to unless `release` gets another one. Its protocol must call `drained` and
            `lost`. Construct this on the loop's thread.
        loop: its event loop.

    Attributes:
        from_any_thread: whether other threads may write. Not with TLS, whose state belongs to the loop.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._thread = threading.get_ident()
        self._lock = threading.RLock()  # a TLS transport reports within a write that it has room again
        self._state = DIRECT
        self._rest: list[bytes] = []
        self._when_room: list[Callable[[], None]] = []
        self._unread: asyncio.TimerHandle | None = None
        self._write_to(transport)
        encrypted = transport.get_extra_info("sslcontext") is not None
        # os.write takes no sockets on Windows.
        self.from_any_thread = self._number >= 0 and not encrypted and sys.platform != "win32"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _write_to(self, sink: asyncio.Transport) -> None:
        self._sink = sink
        encrypted = sink.get_extra_info("sslcontext") is not None
        socket = sink.get_extra_info("socket")
        self._number = -1 if socket is None else socket.fileno()
        # The protocol is told of any byte that the transport buffers. A TLS transport treats the limit itself as too
        # much: with 0 it would report after every other write that it has no room.
        sink.set_write_buffer_limits(high=1 if encrypted else 0)

    @property
    def state(self) -> Writing:
        """What becomes of the next write. From any thread."""
        return self._state

    def _enter(self, state: Writing) -> None:
        """Change the state; the lock is held."""
        if state not in _NEXT[self._state]:
            raise RuntimeError(f"a transport in the state {self._state.name} cannot become {state.name}")
        self._state = state

    def hung_up(self) -> bool:
        """Whether the other side has closed the connection that is written to."""
        return hung_up(self._number)

    # ---- another way to write. On the loop

    def hold(self) -> None:
        """Keep what is written until `release`.

        Raises:
            RuntimeError: the transport is held, closing or lost.
        """
        with self._lock:
            self._enter(HELD)

    def release(self, sink: asyncio.Transport | None) -> None:
        """Write what was kept, and everything from now on, to this transport; None: to the one that is read from."""
        if sink is not None and self._state in (FINISHED, LOST):
            sink.abort()
            return
        with self._lock:
            if sink is not None:
                self._write_to(sink)
            self._let_go()
            self._hand_over()
        if self.has_room:
            self._tell()

    def _let_go(self) -> None:
        if self._state is HELD:
            self._enter(QUEUED)

    def sink_lost(self) -> None:
        """End the connection, because the transport given to `release` has ended. Its socket is not closed yet."""
        self.lost()
        self._transport.close()

    # ---- writing

    @property
    def has_room(self) -> bool:
        """Whether the operating system has taken everything that was written. From any thread."""
        if self._state is FINISHED:  # who waits to go on may
            return not self._sink.get_write_buffer_size()
        return self._state is DIRECT

    def write(self, data: bytes) -> None:
        """Write bytes as one piece. From any thread if `from_any_thread`, else from the loop's."""
        with self._lock:
            state = self._state
            if state is FINISHED or state is LOST:
                return
            if state is DIRECT and self.from_any_thread:
                data = data[self._send(data) :]
                if not data:
                    return
            self._rest.append(data)
            if threading.get_ident() == self._thread:
                self._hand_over()
            elif state is DIRECT:
                self._enter(QUEUED)
                self._call_soon(self._take_over)

    def _call_soon(self, function: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and the connection with it
            self._loop.call_soon_threadsafe(function, context=contextvars.Context())

    def _send(self, data: bytes) -> int:
        """Write to the socket; return the number of bytes that it took."""
        try:
            return os.write(self._number, data)
        except BlockingIOError:
            return 0
        except OSError:
            # The connection has broken. The loop notices that by reading, but it never reads from another sink.
            if self._sink is not self._transport:  # pragma: no branch - the loop is faster, where it is idle
                self._call_soon(self._sink.abort)  # pragma: no cover - likewise
            return len(data)

    def _hand_over(self) -> None:
        """Give the loop's transport what waits; the lock is held. Does nothing while writes are held."""
        if self._state is HELD:
            return
        if self._rest:
            data = self._rest[0] if len(self._rest) == 1 else b"".join(self._rest)
            self._rest.clear()
            self._sink.write(data)
        wanted = QUEUED if self._sink.get_write_buffer_size() else DIRECT
        if self._state is not wanted and self._state in (DIRECT, QUEUED):
            self._enter(wanted)

    def _take_over(self) -> None:
        with self._lock:
            self._hand_over()
        if self.has_room:
            self._tell()

    def when_room(self, function: Callable[[], None]) -> None:
        """Call `function` on the loop once there is room. From any thread."""
        with self._lock:
            if self._state is LOST:
                return
            self._when_room.append(function)
            if self.has_room:
                self._call_soon(self._tell)

    def _tell(self) -> None:
        waiting, self._when_room = self._when_room, []
        for function in waiting:
            function()

    def drained(self) -> None:
        """The transport has written its whole buffer. On the loop."""
        self._take_over()

    # ---- the end. On the loop

    def lost(self) -> None:
        """Drop everything: the connection is lost, and its socket not closed yet."""
        with self._lock:
            if self._state is not LOST:
                self._enter(LOST)
            self._rest.clear()
        self._when_room.clear()
        if self._unread is not None:
            self._unread.cancel()
        if self._sink is not self._transport:
            self._sink.abort()

    def is_closing(self) -> bool:
        """Whether the connection is closed or closing."""
        return self._state in (FINISHED, LOST) or self._transport.is_closing()

    def finish(self) -> None:
        """Close the writing side after what was written. Read on until the peer or `close` ends the connection."""
        self._write_out()
        if self._sink.can_write_eof():
            try:
                self._sink.write_eof()
            except OSError:
                self.abort()  # the other side is gone already

    def _write_out(self) -> None:
        with self._lock:
            self._let_go()
            self._hand_over()
            self._finished()

    def _finished(self) -> None:
        if self._state not in (FINISHED, LOST):
            self._enter(FINISHED)

    def close(self) -> None:
        """Close the connection once all is written. Idempotent, which a TLS transport is not.

        asyncio would wait for ever for somebody who reads nothing of the rest, and keep socket and bytes.
        """
        if self._sink.is_closing():
            return
        self._write_out()
        # When a sink ends, the connection ends (`sink_lost`).
        self._sink.close()
        if self._sink.get_write_buffer_size() > 0:
            self._unread = self._loop.call_later(UNREAD_SECONDS, self.abort)

    def abort(self) -> None:
        """Close the connection at once."""
        with self._lock:
            self._rest.clear()
            self._finished()
        self._sink.abort()
        self._transport.abort()
