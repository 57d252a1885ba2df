"""Forward the bytes of an upgraded connection between a browser and an app.

After the upgrade both sides speak the same WebSocket, so nothing is decoded. The browser's socket,
with its TLS if it has one, is taken out of Tornado's hands, and each side writes what the other reads
(`socket_transport`).

A side that cannot take more stops the reading of the other side, so the Jupyter server holds at
most the two transports' buffers (64 kB each) for a page, and the app sees its slow page. From a browser a small piece
is read at a time, and a guest who sends more frames than its budget has is not read for a while.

If possible, the app takes the browser's own socket (`registration.handover`) and writes to it. Then only
the browser's bytes come through here. Pings and Close frames, which belong between the app's messages,
are requested from the app.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol, cast

from tornado.iostream import IOStream

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.registration import handover
from dash_devices_nb.server.proxy.frame_budget import FrameBudget
from dash_devices_nb.server.proxy.frame_tracker import (
    PING,
    FrameTooLong,
    FrameTracker,
    close_frame,
)

HIGH_WATER = 65_536  # bytes
MOST_AT_ONCE = 4 * HIGH_WATER
"""Bytes that are read at once from an app."""
FROM_BROWSER = 16_384
"""Bytes that are read at once from a browser: a whole TLS record, and 2,700 frames at most. Following those takes two
milliseconds, during which nobody else is served."""
PARTING = 1.0  # seconds that an app has to send a requested Close frame


class Transport(Protocol):
    """The transport of one end."""

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
        ping_interval: after this many seconds without a byte towards the browser it gets a ping; 0
            for none.
        browser: follows and limits the browser's frames. The app's frames are not limited.
        budget: the frames that may be read from the browser; None: any number.
        on_end: called once, when both sides are closed or closing.

    Attributes:
        handed: whether the app writes to the browser itself.
    """

    def __init__(
        self,
        *,
        ping_interval: float,
        browser: FrameTracker,
        on_end: Callable[[Splice], None],
        budget: FrameBudget | None = None,
    ) -> None:
        self.browser = End(browser, self._refuse, self._ended, FROM_BROWSER, budget)
        self.app = End(FrameTracker(2**63), self._refuse, self._ended, MOST_AT_ONCE)
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

    def hand_over(self, handed: bool) -> None:
        """Note whether the app writes to the browser itself. Before `start`."""
        self.handed = handed

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
                # The requested Close frame comes directly from the app, and then its end.
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
            self.browser.say(handover.PING)  # only the app sees what the browser has not taken, and whether it answers
        else:
            self._pinged = not sent and self.app.say(PING)


class End:
    """One side of a splice: what it reads, its peer's transport writes.

    Args:
        tracker: follows what is read from this side.
        refuse: called with a frame that is too long.
        ended: called when this side's connection is lost.
        at_once: bytes that are read from this side at once.
        budget: the frames that may be read from this side; None: any number.
    """

    peer: End

    def __init__(
        self,
        tracker: FrameTracker,
        refuse: Callable[[FrameTooLong], None],
        ended: Callable[[End], None],
        at_once: int,
        budget: FrameBudget | None = None,
    ) -> None:
        self.tracker = tracker
        self.at_once = at_once
        self._budget = budget
        self._rest: asyncio.TimerHandle | None = None
        self._held = False  # the other side takes no more, or this one is about to be closed
        self.transport: Transport | None = None
        self.active = False  # whether bytes came since the keep-alive last looked
        self._waiting = b""  # received before the peer had its transport
        self._part = b""  # a partial header: its frame may be refused, and must not be forwarded then
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
        """Send a frame of our own to the other side, if this is between two frames. Returns whether it was sent."""
        there = self.peer.transport
        if there is None or there.get_write_buffer_size() or not self.tracker.at_boundary:
            return False
        there.write(frame)
        return True

    def say_close(self, code: int, reason: str, *, mask: bool = False) -> bool:
        """Send a Close frame to the other side, unless this side has sent one. Returns whether it was sent."""
        there = self.peer.transport
        if there is None or self.tracker.closing or not self.tracker.at_boundary:
            return False
        self.tracker.close()
        there.write(close_frame(code, reason, mask=mask))
        return True

    def precede(self, data: bytes) -> None:
        """Send bytes that are no frames to the other side before everything else."""
        self._waiting = data + self._waiting

    def carry(self, data: bytes | memoryview) -> None:
        """Forward bytes to the other side. The caller may overwrite them afterwards."""
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

    def may_read(self) -> bool:
        """Whether something may be read from this side now. If not, reading is paused until it may."""
        if self._rest is None and self._budget is not None and (seconds := self._budget.wait):
            self._rest = asyncio.get_running_loop().call_later(seconds, self._rested)
        if self._rest is None:
            return True
        if self.transport is not None:
            self.transport.pause_reading()
        return False

    def _rested(self) -> None:
        self._rest = None
        if not self._held and self.transport is not None:
            self.transport.resume_reading()

    def took(self, data: memoryview) -> None:
        """Forward what was read from this side. The caller may overwrite it afterwards."""
        before = self.tracker.begun
        self.carry(data)
        self._count(self.tracker.begun - before)

    def dropped(self) -> None:
        """Count a read from this side, which is closing."""
        self._count(0)

    def _count(self, frames: int) -> None:
        if self._budget is not None:
            self._budget.take(frames + 1)  # a read costs as much as a frame

    def pause_reading(self) -> None:
        """Stop reading from this side."""
        self._held = True
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        """Stop reading from the other side: this one takes no more."""
        self.peer.pause_reading()

    def resume_writing(self) -> None:
        """Resume reading from the other side: this one takes more again."""
        self.peer.go_on_reading()

    def go_on_reading(self) -> None:
        """Resume reading from this side, if its budget allows it."""
        self._held = False
        if self._rest is None and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def lost(self) -> None:
        """End the splice: this side's connection is lost."""
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
