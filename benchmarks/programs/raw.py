"""A page's WebSocket as a bare protocol, for programs that stand for many pages.

A WebSocket library would cost more than the server that is measured.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Mapping

TEXT, BINARY = 1, 2


class RawSocket(asyncio.Protocol):
    """A WebSocket that sends JSON and takes whole text frames.

    Args:
        host: the server's host and port.
        path: of the WebSocket.
        headers: more of the handshake.

    Attributes:
        path: of the WebSocket.
        greeted: whether the handshake is done.
        got: bytes that came.
    """

    def __init__(self, host: str, path: str = "/_dash-devices/ws", headers: Mapping[str, str] | None = None) -> None:
        self._host = host
        self.path = path
        self._headers = dict(headers or {})
        self._buffer = b""
        self.greeted = False
        self.got = 0

    def opened(self) -> None:
        """The handshake is done."""

    def took(self, payload: bytes) -> None:
        """A text frame has come."""

    def took_image(self, payload: bytes) -> None:
        """A binary frame has come."""

    def refused(self, head: bytes) -> None:
        """The server did not open a WebSocket."""
        raise ConnectionError(head.decode(errors="replace"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        more = "".join(f"{name}: {value}\r\n" for name, value in self._headers.items())
        transport.write(
            f"GET {self.path} HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n".encode()
        )

    def send(self, **frame: object) -> None:
        """Send a frame, masked with zeros, which is allowed and costs nothing."""
        self.send_bytes(json.dumps(frame).encode())

    def send_bytes(self, payload: bytes, announced: int | None = None) -> None:
        """Send a text frame; `announced`: its size, where it is longer than what comes of it."""
        size = len(payload) if announced is None else announced
        if size < 126:
            head = bytes([0x81, 0x80 | size])
        elif size < 65536:
            head = bytes([0x81, 0x80 | 126]) + size.to_bytes(2, "big")
        else:
            head = bytes([0x81, 0x80 | 127]) + size.to_bytes(8, "big")
        self.transport.write(head + bytes(4) + payload)

    def data_received(self, data: bytes) -> None:
        self.got += len(data)
        buffer = self._buffer + data if self._buffer else data
        at = 0
        if not self.greeted:
            at = buffer.find(b"\r\n\r\n") + 4
            if at < 4:
                self._buffer = buffer
                return
            if not buffer.startswith(b"HTTP/1.1 101"):
                self.refused(buffer)
                return
            self.greeted = True
            self.opened()
        while len(buffer) >= at + 2:
            size, start = buffer[at + 1], at + 2
            if size > 125:
                wide = 2 if size == 126 else 8
                size, start = int.from_bytes(buffer[start : start + wide], "big"), start + wide
            if len(buffer) < start + size:
                break
            if buffer[at] & 15 == TEXT:
                self.took(buffer[start : start + size])
            elif buffer[at] & 15 == BINARY:
                self.took_image(buffer[start : start + size])
            at = start + size
        self._buffer = buffer[at:]
