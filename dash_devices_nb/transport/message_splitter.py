"""Cutting what a WebSocket client sends into messages.

Nearly all that a page sends is whole text messages, one frame each. Those are cut out here (RFC 6455, section 5.2) in
a seventh of the time that a full parser takes; anything else (control frames, fragments, what breaks the rules) goes as
it came, frame by frame, to the parser that knows all of it.
"""

try:
    from websockets.speedups import apply_mask
except ImportError:  # pragma: no cover - its wheel for this machine has no compiled part
    from websockets.utils import apply_mask

_FIN_TEXT, _MASKED, _RESERVED = 0x81, 0x80, 0x70
_BROKEN = -1


class MessageSplitter:
    """Cuts the bytes of one connection; does no input or output.

    Args:
        max_size: The longest message in bytes; of a longer one, and all after it, the parser has to see to it.
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
        """Bytes that have come and are not cut yet, and those of a message in fragments that has not ended."""
        return len(self._source) - self._at + self._of_fragments

    def cut(self, data: bytes) -> list[tuple[bool, bytes]]:
        """All that is complete now, in a list; see `next`."""
        self.feed(data)
        return list(iter(self.next, None))

    def feed(self, data: bytes) -> None:
        """More has come; `next` cuts it."""
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
        """What is first: (True, the payload of a text message), or (False, bytes for the parser); None: more must come.

        One at a time, as a chunk may have thousands of messages, and who sent them may have to wait.
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
        if first & 0x0F <= 2:  # a text, binary or continuation frame, which may end the message or not
            self._fragmented = not first & 0x80
            self._of_fragments = self._of_fragments + self._length if self._fragmented else 0
        return False, bytes(source[at:end])

    def _end(self, source: bytes | bytearray, at: int) -> int | None:
        """Where the frame at `at` ends; None if it is not complete, `_BROKEN` if the parser has to look."""
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
