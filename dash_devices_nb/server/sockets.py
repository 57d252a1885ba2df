"""Plain sockets for a splice, on systems with epoll.

A broadcast to a hundred pages makes a hundred sockets readable one after the other. With asyncio's
own transports each of them costs a turn of the event loop. Here all sockets of all splices wait in
one epoll object, which is one descriptor for the event loop; once it wakes, it is asked again, a
bounded number of times, while sockets are still becoming readable.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable
from typing import cast

from .splice import BUFFER, HIGH_WATER, End

TURN = 128  # sockets served before the event loop serves others
LINGER = 5.0  # seconds that a closed connection has for what it still has to send


class Readers:
    """The sockets of one event loop that wait for bytes. Made when first needed."""

    available = hasattr(select, "epoll")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._epoll.fileno(), self._ready)

    def add(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Call back whenever there is something to read, or an end."""
        self._callbacks[descriptor] = callback
        self._epoll.register(descriptor, select.EPOLLIN)

    def remove(self, descriptor: int) -> None:
        """Call back no more. Idempotent."""
        if self._callbacks.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def close(self) -> None:
        """Give the descriptor back."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _ready(self) -> None:
        served = 0
        while served < TURN:
            events = self._epoll.poll(0)
            if not events:
                return
            served += len(events)
            for descriptor, _event in events:
                callback = self._callbacks.get(descriptor)
                if callback is not None:
                    callback()


class SocketTransport:
    """A connected, non-blocking socket as the transport of one end."""

    def __init__(self, readers: Readers, sock: socket.socket, end: End) -> None:
        self._readers = readers
        self._sock = sock
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._descriptor = sock.fileno()
        self._backlog = bytearray()
        self._full = False
        self._closing = False
        if sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end.connection_made(cast(asyncio.BaseTransport, self))
        readers.add(self._descriptor, self._read)

    def _read(self) -> None:
        try:
            count = self._sock.recv_into(BUFFER)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as exc:
            self._lose(exc)
            return
        if count:
            self._end.carry(bytes(BUFFER[:count]))
        else:
            self._lose(None)

    def write(self, data: bytes) -> None:
        """Send; tells the end to pause when more than the high-water mark waits."""
        if self._closing:
            return
        if not self._backlog:
            try:
                sent = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
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
        except (BlockingIOError, InterruptedError):
            return
        except OSError as exc:
            self._lose(exc)
            return
        if not self._backlog:
            self._loop.remove_writer(self._descriptor)
            if self._closing:
                self._sock.close()
        if self._full and len(self._backlog) <= HIGH_WATER // 4:
            self._full = False
            self._end.resume_writing()

    def _lose(self, exc: Exception | None) -> None:
        """The other side is gone: so is this."""
        lost = not self._closing
        self._drop()
        if lost:
            self._end.connection_lost(exc)

    def _drop(self) -> None:
        self._closing = True
        if self._sock.fileno() < 0:
            return
        self._readers.remove(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        self._backlog.clear()
        self._sock.close()

    def close(self) -> None:
        """Close when what waits is sent, or after `LINGER`. Idempotent."""
        if self._closing:
            return
        if not self._backlog:
            self._drop()
            return
        self._closing = True
        self._readers.remove(self._descriptor)
        self._loop.call_later(LINGER, self._drop)

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._closing

    def pause_reading(self) -> None:
        """Read no more."""
        self._readers.remove(self._descriptor)

    def resume_reading(self) -> None:
        """Read again."""
        if not self._closing:
            self._readers.remove(self._descriptor)
            self._readers.add(self._descriptor, self._read)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        return len(self._backlog)
