"""A connected socket, plain or TLS, as one end of a splice.

It does only what a splice needs: for each message one `recv` into a shared buffer and one `send` out of it.
Bytes that the socket does not take at once are copied and wait.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import cast

from tornado.ioloop import IOLoop

from dash_devices_nb.server.proxy.splice import HIGH_WATER, MOST_AT_ONCE, End

LINGER = 5.0  # seconds that a closed connection has to deliver what is still being sent
AGAIN = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

# All sockets of a loop read into the same buffer, because each forwards what it read before another reads. It holds a
# whole TLS record (16 kB), so that OpenSSL keeps nothing back which the selector would not report.
BUFFER = memoryview(bytearray(MOST_AT_ONCE))


class SocketTransport:
    """A connected, non-blocking socket as the transport of one end.

    Args:
        sock: the transport owns it from now on.
        end: the end of the splice that gets the bytes.
    """

    def __init__(self, sock: socket.socket, end: End) -> None:
        self._sock = sock
        self._end = end
        self._loop = _selector_loop()
        self._descriptor = sock.fileno()
        self._backlog = bytearray()
        self._full = False
        self._closing = False
        if sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(self._descriptor, self._read)
        end.attach(self)

    def _read(self) -> None:
        if not self._end.may_read():
            return
        try:
            count = self._sock.recv_into(BUFFER, self._end.at_once)
        except AGAIN:
            return
        except OSError as exc:
            self._lose(exc)
            return
        if not count:
            self._lose(None)
        elif self._closing:
            self._end.dropped()
        else:
            self._end.took(BUFFER[:count])

    def write(self, data: bytes | memoryview) -> None:
        """Send bytes. Pauses the end when more than the high-water mark waits.

        Args:
            data: the caller may overwrite them afterwards.
        """
        if self._closing:
            return
        if not self._backlog:
            try:
                sent = self._sock.send(data)
            except AGAIN:
                sent = 0
            except OSError as exc:
                self._loop.call_soon(self._lose, exc)
                return
            if sent == len(data):
                return
            data = data[sent:]
            self._loop.add_writer(self._descriptor, self._flush)
        self._backlog += data
        if not self._full and len(self._backlog) > HIGH_WATER:
            self._full = True
            self._end.pause_writing()

    def _flush(self) -> None:
        try:
            del self._backlog[: self._sock.send(self._backlog)]
        except AGAIN:
            return
        except OSError as exc:
            self._lose(exc)
            return
        if not self._backlog:
            self._loop.remove_writer(self._descriptor)
            if self._closing:
                self._say_end()
        if self._full and len(self._backlog) <= HIGH_WATER // 4:
            self._full = False
            self._end.resume_writing()

    def _lose(self, exc: Exception | None) -> None:
        """Close this end, because the peer is gone."""
        lost = not self._closing
        self._drop()
        if lost:
            self._end.lost()

    def _drop(self) -> None:
        self._closing = True
        if self._sock.fileno() < 0:
            return
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        self._backlog.clear()
        self._sock.close()

    def close(self) -> None:
        """Close once all is sent and the peer has closed too, or after `LINGER`. Idempotent.

        Until then, received bytes are dropped. Closing a socket with unread bytes resets the connection, so a peer
        that is sending (for instance a frame that is too long) would not see the Close frame.
        """
        if self._closing:
            return
        self._closing = True
        self._loop.call_later(LINGER, self._drop)
        self._loop.add_reader(self._descriptor, self._read)  # reading may be paused
        if not self._backlog:
            self._say_end()

    def _say_end(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop()  # the other side is gone already

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._closing

    def pause_reading(self) -> None:
        """Read no more."""
        self._loop.remove_reader(self._descriptor)

    def resume_reading(self) -> None:
        """Read again."""
        if self._sock.fileno() >= 0:
            self._loop.add_reader(self._descriptor, self._read)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        return len(self._backlog)


def _selector_loop() -> asyncio.AbstractEventLoop:
    """The running loop, or the one that Tornado puts beside it where it has no `add_reader` (Windows)."""
    return cast(asyncio.AbstractEventLoop, getattr(IOLoop.current(), "selector_loop"))  # noqa: B009
