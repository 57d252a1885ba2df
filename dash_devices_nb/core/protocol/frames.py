"""A frame for pages: its payload and its WebSocket message, made once for all pages."""

from __future__ import annotations

import struct

_TEXT, _BINARY = 0x81, 0x82


class Frame:
    """A whole message. It is immutable.

    Args:
        payload: text, parts of UTF-8 text, or bytes. Long text comes in parts, so that it is copied only once.

    Attributes:
        binary: whether it is binary.
        message: as a server writes it to the socket: unfragmented, not masked (RFC 6455, section 5.2).
    """

    __slots__ = ("_start", "binary", "message")

    def __init__(self, payload: str | bytes | list[bytes]) -> None:
        self.binary = isinstance(payload, bytes)
        parts = [payload] if isinstance(payload, bytes) else payload
        if isinstance(parts, str):
            parts = [parts.encode()]
        head = _head(_BINARY if self.binary else _TEXT, sum(map(len, parts)))
        self.message = b"".join((head, *parts))
        self._start = len(head)

    def __len__(self) -> int:
        return len(self.message) - self._start

    @property
    def payload(self) -> bytes:
        """The payload: UTF-8 text, or bytes if it is binary."""
        return self.message[self._start :]

    @property
    def text(self) -> str:
        """The payload as text."""
        return self.payload.decode()

    def __repr__(self) -> str:
        return f"<Frame {'binary' if self.binary else self.payload[:60]!r} of {len(self)} bytes>"


def _head(kind: int, length: int) -> bytes:
    if length < 126:
        return struct.pack("!BB", kind, length)
    if length < 65536:
        return struct.pack("!BBH", kind, 126, length)
    return struct.pack("!BBQ", kind, 127, length)
