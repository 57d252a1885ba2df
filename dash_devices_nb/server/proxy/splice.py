"""Carrying the bytes of an upgraded connection between a browser and an app.

After the upgrade both sides speak the same WebSocket, so nothing is decoded. The browser's socket,
with its TLS if it has one, is taken out of Tornado's hands, and each side writes what the other reads
(`sockets.py`).

A side that cannot take more stops the reading of the other side, so the Jupyter server holds at
most the two transports' buffers (64 kB each) for a page, and the app sees its slow page.

An app that can takes the browser's own socket (`registration.handover`), and writes to it. Then only
what the browser sends comes through here, and what is to be said between the app's messages, a ping
or a Close frame, the app says.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol, cast

from tornado.iostream import IOStream

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.registration import handover
from dash_devices_nb.server.proxy.frame_tracker import (
    PING,
    FrameTooLong,
    FrameTracker,
    close_frame,
)

HIGH_WATER = 65_536  # bytes
PARTING = 1.0  # seconds that an app has for the Close frame which it is asked for


class Transport(Protocol):
    """What a splice needs of a transport."""

    def write(self, data: bytes | memoryview) -> None:
        """Send; the caller may overwrite the data afterwards."""

    def close(self) -> None:
        """Close when what waits is sent. Idempotent."""

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""

    def pause_reading(self) -> None:
        """Read no more."""

    def resume_reading(self) -> None:
        """Read again."""

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""


class Splice:
    """Two connections that carry one WebSocket.

    Args:
        ping_interval: After this many seconds without a byte towards the browser it gets a ping; 0
            for none.
        browser: Follows what the browser sends, and limits it. What the app sends is not limited.
        on_end: Called once, when both sides are closed or closing.

    Attributes:
        handed: Whether the app writes to the browser itself.
    """

    def __init__(self, *, ping_interval: float, browser: FrameTracker, on_end: Callable[[Splice], None]) -> None:
        self.browser = End(browser, self._refuse, self._ended)
        self.app = End(FrameTracker(2**63), self._refuse, self._ended)
        self.browser.peer = self.app
        self.app.peer = self.browser
        self._interval = ping_interval
        self._on_end: Callable[[Splice], None] | None = on_end
        self._pinged = False
        self._timer: asyncio.TimerHandle | None = None
        self.handed = False

    @property
    def closed(self) -> bool:
        """Whether both sides are closed or closing."""
        return self._on_end is None

    def start(self) -> None:
        """Begin the keep-alive; both ends have a transport now."""
        if self._interval:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._keep_alive)

    def close(self, code: int = CloseCode.SERVICE_RESTART, reason: str = "the Jupyter server stops") -> None:
        """Close both sides, with a Close frame to the browser if one fits in. Idempotent."""
        callback, self._on_end = self._on_end, None
        if callback is None:
            return
        self._stop_timer()
        browser, app = self.browser, self.app
        if browser.open and self.handed and app.open:
            if browser.say_close(code, reason, mask=True):
                # What the app is asked for comes by its way, and then its end.
                browser.pause_reading()
                self._timer = asyncio.get_running_loop().call_later(PARTING, self._part)
                callback(self)
                return
        elif browser.open and not self.handed:
            app.say_close(code, reason)
        self._part()
        callback(self)

    def _part(self) -> None:
        self._stop_timer()
        for end in (self.browser, self.app):
            if end.transport is not None:
                end.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ended(self, end: End) -> None:
        if self.closed:
            self._part()
        elif end is self.app:
            self.close(CloseCode.SERVICE_RESTART, "the app's kernel closed the connection")
        else:
            self.close()

    def _refuse(self, exc: FrameTooLong) -> None:
        self.close(CloseCode.MESSAGE_TOO_BIG, str(exc))

    def _keep_alive(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._keep_alive)
        sent, self.app.active = self.app.active, False
        heard, self.browser.active = self.browser.active, False
        if self.browser.transport is None:
            return
        if self._pinged and not heard:
            self.close(CloseCode.INTERNAL_ERROR, f"no answer to a ping within {self._interval:g} s")
        elif self.handed:
            self.browser.say(handover.PING)  # what the browser has not taken, and whether it answers, the app sees
        else:
            self._pinged = not sent and self.app.say(PING)


class End:
    """One side of a splice: what it reads, its peer's transport writes."""

    peer: End

    def __init__(
        self,
        tracker: FrameTracker,
        refuse: Callable[[FrameTooLong], None],
        ended: Callable[[End], None],
    ) -> None:
        self.tracker = tracker
        self.transport: Transport | None = None
        self.active = False  # whether bytes came since the keep-alive last looked
        self._waiting = b""  # came before the peer had its transport
        self._part = b""  # of a header: its frame may be refused, and nothing of it carried
        self._refuse = refuse
        self._ended = ended

    def attach(self, transport: Transport) -> None:
        """Keep the transport and send what waits for it."""
        self.transport = transport
        if self.peer._waiting:
            transport.write(self.peer._waiting)
            self.peer._waiting = b""

    @property
    def open(self) -> bool:
        """Whether there is a connection, which is not closing."""
        return self.transport is not None and not self.transport.is_closing()

    def say(self, frame: bytes) -> bool:
        """Say to the other side, on behalf of this one, a frame of our own: between two of its, if it can be now."""
        there = self.peer.transport
        if there is None or there.get_write_buffer_size() or not self.tracker.at_boundary:
            return False
        there.write(frame)
        return True

    def say_close(self, code: int, reason: str, *, mask: bool = False) -> bool:
        """Say to the other side, on behalf of this one, that it is over, unless this one said so. Returns whether."""
        there = self.peer.transport
        if there is None or self.tracker.closing or not self.tracker.at_boundary:
            return False
        self.tracker.closing = True
        there.write(close_frame(code, reason, mask=mask))
        return True

    def precede(self, data: bytes) -> None:
        """Put bytes that are no frames before everything that this side reads."""
        self._waiting = data + self._waiting

    def carry(self, data: bytes | memoryview) -> None:
        """Carry bytes to the other side; the caller may overwrite them afterwards."""
        if self._part:
            data = self._part + bytes(data)
            self._part = b""
        try:
            followed = self.tracker.feed(data)
        except FrameTooLong as exc:
            if exc.before:
                self.carry(data[: exc.before])
            self._refuse(exc)
            return
        self.active = True
        if followed < len(data):
            data, self._part = data[:followed], bytes(data[followed:])
        transport = self.peer.transport
        if transport is None:
            self._waiting += data
        else:
            transport.write(data)

    def pause_reading(self) -> None:
        """Read no more from this side."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        """This side takes no more: read no more from the other."""
        self.peer.pause_reading()

    def resume_writing(self) -> None:
        """This side takes more again."""
        if self.peer.transport is not None and not self.peer.transport.is_closing():
            self.peer.transport.resume_reading()

    def lost(self) -> None:
        """End the splice: the connection of this side is."""
        self._ended(self)


def take_socket(stream: IOStream) -> tuple[socket.socket, bytes]:
    """Take a connection, plain or TLS, out of Tornado's hands, with what was read of it already.

    The stream is unusable afterwards. Tornado has no public call for this; the private attribute is
    the number of bytes that the client sent after its request, before it was answered (RFC 6455
    forbids it to).
    """
    early = b""
    waiting: int = stream._read_buffer_size
    if waiting:
        # A Future, which is done because the bytes are there.
        early = cast("asyncio.Future[bytes]", stream.read_bytes(waiting)).result()
    stream.io_loop.remove_handler(stream.fileno())
    return stream.socket, early
