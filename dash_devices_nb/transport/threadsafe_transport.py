"""A transport that any thread may write to.

The value that a callback returns is ready in a worker's thread. To wake the loop so that it writes it costs a trip
about a tenth of a millisecond, so the worker writes itself, to a socket that does not block. What the socket does not
take goes to the loop, which has it written in its order.

Writes never cut each other, and keep their order: all of them, the loop's own included, hold one lock. A socket is not
closed under a thread that writes: asyncio tells of a lost connection before it closes the socket, and that takes the
lock, too.

What is written may have another way than what is read: the browser's own socket, which the Jupyter server hands over
(see `socket_handover`).
"""

import asyncio
import contextlib
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from dash_devices_nb.transport.hangup import hung_up


class ThreadSafeTransport:
    """The writing side of a transport; everything else is the transport's.

    Args:
        transport: What is read from and, if nothing else is given (`release`), written to. Its protocol tells `drained`
            and `lost`. Made on its loop's thread.
        loop: Its loop.

    Attributes:
        from_any_thread: Whether other threads may write: not through TLS, whose state is the loop's.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._thread = threading.get_ident()
        self._lock = threading.RLock()  # a TLS transport says within a write that it has room again
        self._full = self._lost = self._held = self._closing = False
        self._rest: list[bytes] = []
        self._when_room: list[Callable[[], None]] = []
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
        # The protocol hears of anything that the transport keeps, not only of much. A TLS transport takes a limit for
        # too much already: of 0 bytes it would say after every other write that it has no room.
        sink.set_write_buffer_limits(high=1 if encrypted else 0)

    def hung_up(self) -> bool:
        """Whether the other side has ended the connection to which this writes."""
        return hung_up(self._number)

    # ---- another way to write. On the loop

    def hold(self) -> None:
        """Keep what is written, until `release` or the end."""
        with self._lock:
            self._held = self._full = True

    def release(self, sink: asyncio.Transport | None) -> None:
        """Write what was kept, and all that comes, to this transport; None: to the one that is read from."""
        if sink is not None and (self._lost or self._closing):
            sink.abort()
            return
        with self._lock:
            if sink is not None:
                self._write_to(sink)
            self._held = False
            self._hand_over()
        if not self._full:
            self._tell()

    def sink_lost(self) -> None:
        """The transport that `release` got has ended: so does the connection, before its socket is closed."""
        self.lost()
        self._transport.close()

    # ---- writing

    @property
    def has_room(self) -> bool:
        """Whether all that was written is with the operating system. From any thread."""
        return not self._full and not self._lost

    def write(self, data: bytes) -> None:
        """Write something whole. From any thread, if `from_any_thread`, else from the loop's."""
        with self._lock:
            if self._lost or self._closing:
                return
            has_room = not self._full
            if has_room and self.from_any_thread:
                data = data[self._send(data) :]
                if not data:
                    return
            self._rest.append(data)
            if threading.get_ident() == self._thread:
                self._hand_over()
            elif has_room:
                self._full = True
                self._call_soon(self._take_over)

    def _call_soon(self, function: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and the connection with it
            self._loop.call_soon_threadsafe(function, context=contextvars.Context())

    def _send(self, data: bytes) -> int:
        """How many bytes the socket takes."""
        try:
            return os.write(self._number, data)
        except BlockingIOError:
            return 0
        except OSError:
            # The connection has broken, which the loop hears when it reads; of another way to write nothing is read.
            if self._sink is not self._transport:  # pragma: no branch - the loop is faster, where it is idle
                self._call_soon(self._sink.abort)  # pragma: no cover - likewise
            return len(data)

    def _hand_over(self) -> None:
        if self._held:
            return
        if self._rest:
            data = self._rest[0] if len(self._rest) == 1 else b"".join(self._rest)
            self._rest.clear()
            self._sink.write(data)
        self._full = self._sink.get_write_buffer_size() > 0

    def _take_over(self) -> None:
        with self._lock:
            self._hand_over()
        if not self._full:
            self._tell()

    def when_room(self, function: Callable[[], None]) -> None:
        """Have `function` called on the loop once there is room. From any thread."""
        with self._lock:
            if self._lost:
                return
            self._when_room.append(function)
            if not self._full:
                self._call_soon(self._tell)

    def _tell(self) -> None:
        waiting, self._when_room = self._when_room, []
        for function in waiting:
            function()

    def drained(self) -> None:
        """The transport has written all that it kept. On the loop."""
        self._take_over()

    # ---- the end. On the loop

    def lost(self) -> None:
        """The connection is lost; its socket is not closed yet."""
        with self._lock:
            self._lost = True
            self._rest.clear()
        self._when_room.clear()
        if self._sink is not self._transport:
            self._sink.abort()

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._closing or self._transport.is_closing()

    def finish(self) -> None:
        """Write no more once all is written, but read on, until the other side or `close` ends the connection."""
        self._write_out()
        if self._sink.can_write_eof():
            try:
                self._sink.write_eof()
            except OSError:
                self.abort()  # the other side is gone already

    def _write_out(self) -> None:
        with self._lock:
            self._closing, self._held = True, False
            self._hand_over()

    def close(self) -> None:
        """Close the connection once all is written. Idempotent, which a TLS transport is not."""
        if self._sink.is_closing():
            return
        self._write_out()
        # The end of a sink is that of the connection (`sink_lost`).
        self._sink.close()

    def abort(self) -> None:
        """Close the connection at once."""
        self._closing = True
        self._sink.abort()
        self._transport.abort()
