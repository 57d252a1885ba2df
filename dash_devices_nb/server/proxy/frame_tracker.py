"""Frame boundaries of a WebSocket, without looking at what the frames carry.

Bytes are spliced between browser and app unparsed, but three things need to know where a frame
ends: a keep-alive ping may be put between two frames only, a frame that is too long must be refused
before it is carried, and a connection that breaks off without a Close frame should get one. RFC
6455, section 5.2.

Of what a page sends only the first few bytes are looked at, to tell what it says by itself
(`BY_ITSELF`) from what is use.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

PING = b"\x89\x00"

BY_ITSELF = (b'{"t":"ping"', b'{"t":"ok"', b'{"t":"shown"', b'{"t":"got"')
"""How the messages begin that a page sends though nobody uses it: it is alive, has applied or shows something."""

_CLOSE = 8
_CONTROL = 8  # this bit of an opcode: Close, Ping, Pong
_LOOKED_AT = max(map(len, BY_ITSELF))


class FrameTooLong(ValueError):
    """A frame announces more bytes than are accepted.

    Attributes:
        before: How many of the bytes that were fed come before it.
    """

    def __init__(self, length: int, limit: int, before: int) -> None:
        super().__init__(f"a frame of {length} bytes, at most {limit} are accepted")
        self.before = before


class FrameTracker:
    """Follows one direction of a WebSocket.

    Args:
        limit: The longest payload of a frame, in bytes.
        used: Called with each frame of a page, those left out that begin as `by_itself`.
    """

    __slots__ = ("_by_itself", "_left", "_limit", "_used", "closing")

    def __init__(
        self, limit: int, used: Callable[[], None] | None = None, by_itself: tuple[bytes, ...] = BY_ITSELF
    ) -> None:
        self._limit = limit
        self._used = used
        self._by_itself = by_itself
        self._left = 0  # bytes of the current frame's payload that are still to come
        self.closing = False  # a Close frame has begun

    @property
    def at_boundary(self) -> bool:
        """Whether a frame could begin here."""
        return not self._left

    def feed(self, data: bytes | memoryview) -> int:
        """Follow these bytes; they are not kept.

        Returns:
            How many were followed: a header that has come in part is not. It should not be carried, either, but come
            again with the rest of it.

        Raises:
            FrameTooLong: A frame's header announces more than the limit. Nothing was followed; only what comes before
                that frame should be fed again, and carried.
        """
        size = len(data)
        if self._left >= size:
            self._left -= size
            return size
        if size >= 2 and not self._left:
            # Nearly always one whole frame of the app comes at a time; this is for speed alone.
            length = data[1]
            whole = length + 2 if length < 126 else (data[2] << 8 | data[3]) + 4 if length == 126 and size > 4 else 0
            if whole == size and data[0] & 0x0F != _CLOSE and size <= self._limit:
                return size
        position = self._left
        while position < size:
            if size - position < 2:
                break
            length = data[position + 1] & 0x7F
            header = 6 if data[position + 1] & 0x80 else 2
            if length == 126:
                header += 2
            elif length == 127:
                header += 8
            if size - position < header:
                break
            if length == 126:
                length = (data[position + 2] << 8) | data[position + 3]
            elif length == 127:
                length = int.from_bytes(data[position + 2 : position + 10], "big")
            if length > self._limit:
                raise FrameTooLong(length, self._limit, position)
            if data[position] & 0x0F == _CLOSE:
                self.closing = True
            if self._used is not None and not data[position] & _CONTROL:
                start = position + header
                if not _unmasked(data[start - 4 : start + _LOOKED_AT]).startswith(self._by_itself):
                    self._used()
            position += header + length
        self._left = max(0, position - size)
        return min(position, size)


def _unmasked(masked: bytes | memoryview) -> bytes:
    """What a page sent, from the four bytes of its mask on."""
    return bytes(byte ^ masked[index & 3] for index, byte in enumerate(masked[4:]))


def close_frame(code: int, reason: str, *, mask: bool = False) -> bytes:
    """A Close frame; the reason is cut to the 123 bytes that fit.

    Args:
        code: See RFC 6455, section 7.4.
        reason: Why.
        mask: As from a client, whose frames have a mask; here it is 0.
    """
    payload = struct.pack("!H", code) + reason.encode()[:123].decode(errors="ignore").encode()
    if mask:
        return bytes((0x80 | _CLOSE, 0x80 | len(payload))) + bytes(4) + payload
    return bytes((0x80 | _CLOSE, len(payload))) + payload
