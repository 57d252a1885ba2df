"""A connected socket, plain or TLS, as one end of a splice.

Of all that asyncio's transports do, only what a splice needs: for each message one `recv` into a buffer
that all share and one `send` out of it. What the socket does not take at once is copied and waits.
"""

from __future__ import annotations

import socket
import ssl

from dash_devices_nb.server.proxy.poller import Poller, selector_loop
from dash_devices_nb.server.proxy.splice import HIGH_WATER, End

LINGER = 5.0  # seconds that a closed connection has for what is still on its way
AGAIN = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

# All sockets of a loop read into the same buffer, as each hands on what it read before another reads. It holds a
# whole TLS record (16 kB), so that OpenSSL keeps nothing back which epoll would not tell of.
BUFFER = memoryview(bytearray(4 * HIGH_WATER))


class SocketTransport:
    """A connected, non-blocking socket as the transport of one end.

    Args:
        readers: Of the running event loop.
        sock: It belongs to the transport from now on.
        end: What it reads for.
    """

    def __init__(self, readers: Poller, sock: socket.socket, end: End) -> None:
        self._poller = readers
        self._sock = sock
        self._end = end
        self._loop = selector_loop()
        self._descriptor = sock.fileno()
        self._backlog = bytearray()
        self._full = False
        self._closing = False
        if sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        readers.add(self._descriptor, self._read)
        end.attach(self)

    def _read(self) -> None:
        try:
            count = self._sock.recv_into(BUFFER)
        except AGAIN:
            return
        except OSError as exc:
            self._lose(exc)
            return
        if not count:
            self._lose(None)
        elif not self._closing:
            self._end.carry(BUFFER[:count])

    def write(self, data: bytes | memoryview) -> None:
        """Send; tells the end to pause when more than the high-water mark waits.

        Args:
            data: The caller may overwrite it afterwards.
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
        """The other side is gone: so is this."""
        lost = not self._closing
        self._drop()
        if lost:
            self._end.lost()

    def _drop(self) -> None:
        self._closing = True
        if self._sock.fileno() < 0:
            return
        self._poller.remove(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        self._backlog.clear()
        self._sock.close()

    def close(self) -> None:
        """Close when what waits is sent and the other side has closed too, or after `LINGER`. Idempotent.

        Until then what comes is read and dropped: closing a socket with bytes that nobody has read resets the
        connection, and the other side would not see the Close frame, as when it is sending a frame that is too long.
        """
        if self._closing:
            return
        self._closing = True
        self._loop.call_later(LINGER, self._drop)
        self._poller.add(self._descriptor, self._read)  # reading may be paused
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
        self._poller.remove(self._descriptor)

    def resume_reading(self) -> None:
        """Read again."""
        if not self._closing:
            self._poller.add(self._descriptor, self._read)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        return len(self._backlog)
