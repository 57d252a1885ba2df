"""Follow the frame boundaries of a WebSocket without decoding the payloads.

Bytes are spliced between browser and app unparsed, but three things depend on frame boundaries: a
keep-alive ping may only be sent between two frames, a frame that is too long must be refused before it is
forwarded, and a connection that breaks off without a Close frame should get one. See RFC 6455, section
5.2.

Only the first few bytes of a page's messages are read, to tell automatic messages (`BY_ITSELF`) from
use by a person.
"""

from __future__ import annotations

from collections.abc import Callable

from websockets.frames import Close, Frame, Opcode

try:
    from websockets.speedups import apply_mask
except ImportError:  # pragma: no cover - its wheel for this machine has no compiled part
    from websockets.utils import apply_mask

PING = b"\x89\x00"

BY_ITSELF = (b'{"t":"ping"', b'{"t":"ok"', b'{"t":"shown"', b'{"t":"got"')
"""The beginnings of messages that a page sends although nobody uses it: keep-alives and acknowledgements."""

_CLOSE = int(Opcode.CLOSE)
_CONTROL = 8  # the bit of an opcode that marks control frames
_LOOKED_AT = max(map(len, BY_ITSELF))


class FrameTooLong(ValueError):
    """A frame announces more bytes than are accepted.

    Attributes:
        before: the number of fed bytes that come before it.
    """

    def __init__(self, length: int, limit: int, before: int) -> None:
        super().__init__(f"a frame of {length} bytes, at most {limit} are accepted")
        self.before = before


class FrameTracker:
    """Follows one direction of a WebSocket.

    Args:
        limit: the longest payload of a frame, in bytes.
        used: called when a page has sent a frame that does not begin as one of `by_itself`; once for all frames that
            are fed together.

    Attributes:
        begun: the number of frames whose header was followed.
        closing: whether a Close frame has begun.
    """

    __slots__ = ("_by_itself", "_left", "_limit", "_used", "begun", "closing")

    def __init__(
        self, limit: int, used: Callable[[], None] | None = None, by_itself: tuple[bytes, ...] = BY_ITSELF
    ) -> None:
        self._limit = limit
        self._used = used
        self._by_itself = by_itself
        self._left = 0  # missing bytes of the current frame's payload
        self.closing = False
        self.begun = 0

    def close(self) -> None:
        """Note that this side has sent a Close frame of ours."""
        self.closing = True

    @property
    def at_boundary(self) -> bool:
        """Whether a frame could begin here."""
        return not self._left

    def feed(self, data: bytes | memoryview) -> int:
        """Follow bytes, without keeping them.

        Returns:
            The number of bytes followed. A partial header is not followed: do not forward it, but feed it again
            with the rest.

        Raises:
            FrameTooLong: a frame's header announces more than the limit. Nothing was followed. Feed and
                forward only the bytes before that frame again.
        """
        size = len(data)
        if self._left >= size:
            self._left -= size
            return size
        if size >= 2 and not self._left:
            # A shortcut for the usual case: exactly one whole frame from the app.
            length = data[1]
            whole = length + 2 if length < 126 else (data[2] << 8 | data[3]) + 4 if length == 126 and size > 4 else 0
            if whole == size and data[0] & 0x0F != _CLOSE and size <= self._limit:
                self.begun += 1
                return size
        position = self._left
        looks = self._used is not None
        begun = 0
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
            if looks and not data[position] & _CONTROL and not self._is_by_itself(data, position + header):
                assert self._used is not None
                self._used()
                looks = False
            position += header + length
            begun += 1
        self.begun += begun
        self._left = max(0, position - size)
        return min(position, size)

    def _is_by_itself(self, data: bytes | memoryview, start: int) -> bool:
        """Whether the frame whose payload starts there is one that a page sends by itself."""
        if start < 6:
            return False  # it has no mask, so no page has sent it
        begins = apply_mask(bytes(data[start : start + _LOOKED_AT]), bytes(data[start - 4 : start]))
        return begins.startswith(self._by_itself)


def close_frame(code: int, reason: str, *, mask: bool = False) -> bytes:
    """A Close frame; the reason is cut to the 123 bytes that fit.

    Args:
        code: see RFC 6455, section 7.4.
        reason: why.
        mask: whether to mask it, as a client must.
    """
    fitting = reason.encode()[:123].decode(errors="ignore")
    return Frame(Opcode.CLOSE, Close(code, fitting).serialize()).serialize(mask=mask)
