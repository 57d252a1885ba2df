"""A frame for pages: its payload, and the WebSocket message around it, made once however many pages get it."""

from __future__ import annotations

import struct

_TEXT, _BINARY = 0x81, 0x82


class Frame:
    """A whole message; immutable.

    Args:
        payload: what the page gets: text, or bytes.
        text: whether bytes are text in UTF-8; otherwise the message is binary.

    Attributes:
        payload: what the page gets: UTF-8 text, or bytes where it is binary.
        binary: whether it is binary.
    """

    __slots__ = ("_message", "binary", "payload")

    def __init__(self, payload: str | bytes, *, text: bool = False) -> None:
        self.binary = isinstance(payload, bytes) and not text
        self.payload = payload.encode() if isinstance(payload, str) else payload
        self._message: bytes | None = None

    def __len__(self) -> int:
        return len(self.payload)

    @property
    def text(self) -> str:
        """The payload as text."""
        return self.payload.decode()

    @property
    def message(self) -> bytes:
        """The message as a server writes it to the socket: unfragmented, not masked (RFC 6455, section 5.2)."""
        if self._message is None:
            kind, length = _BINARY if self.binary else _TEXT, len(self.payload)
            if length < 126:
                head = struct.pack("!BB", kind, length)
            elif length < 65536:
                head = struct.pack("!BBH", kind, 126, length)
            else:
                head = struct.pack("!BBQ", kind, 127, length)
            self._message = head + self.payload
        return self._message

    def __repr__(self) -> str:
        return f"<Frame {'binary' if self.binary else self.payload[:60]!r} of {len(self)} bytes>"
