"""The limit of a join: PORT RECORD. Answers each request as it was recorded, and does nothing else.

The same bytes for the page and its files, a WebSocket handshake, the same bytes for welcome, layout and callbacks, and
then a change 20 times a second as the device's. No app, no state, no roles, no cookies.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import say

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
RATE = 20.0


def framed(text: str) -> bytes:
    """A WebSocket frame."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes([0x81, size]) + payload
    if size < 2**16:
        return bytes([0x81, 126]) + size.to_bytes(2, "big") + payload
    return bytes([0x81, 127]) + size.to_bytes(8, "big") + payload


class Bare(asyncio.Protocol):
    """One connection."""

    count = 0
    pages: set[asyncio.Transport] = set()  # noqa: RUF012 - one server is one process
    answers: dict[str, bytes] = {}  # noqa: RUF012
    socket = ""
    greeting = b""

    def __init__(self) -> None:
        self._buffer = b""
        self._upgraded = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.pages.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        if self._upgraded:
            return
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head, self._buffer = self._buffer[:end].decode("latin-1"), self._buffer[end + 4 :]
            path = head.split(" ", 2)[1]
            if path == self.socket:
                self._upgrade(head)
                return
            self.transport.write(self.answers[path])

    def _upgrade(self, head: str) -> None:
        self._upgraded = True
        lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        accept = base64.b64encode(hashlib.sha1(lines["Sec-WebSocket-Key"].encode() + MAGIC).digest()).decode()
        self.transport.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
            + self.greeting
        )
        self.pages.add(self.transport)


def prepare(recorded: dict[str, Any]) -> None:
    """Make the answers ready to be written."""
    for path, (head, body) in recorded["http"].items():
        raw = body.encode("latin-1")
        lines = [line for line in head.split("\r\n") if not line.lower().startswith("content-length")]
        Bare.answers[path] = "\r\n".join([*lines, f"Content-Length: {len(raw)}", "", ""]).encode() + raw
    Bare.socket = recorded["socket"]
    frames = [json.loads(text) for text in recorded["frames"]]
    for frame in frames:
        if frame["t"] == "res" and frame["n"] == 1:
            frame["r"] = 0
    Bare.greeting = b"".join(
        framed(json.dumps(frame, separators=(",", ":"))) for frame in frames if frame["t"] != "mods"
    )


async def main(port: int, record: str) -> None:
    prepare(json.loads(Path(record).read_text()))
    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", port)
    say(ready=True)
    loop = asyncio.get_running_loop()
    due = loop.time()
    async with server:
        while True:
            Bare.count += 1
            frame = framed(json.dumps({"t": "mods", "r": Bare.count, "m": {"device": {"children": Bare.count}}}))
            for page in Bare.pages:
                page.write(frame)
            due += 1 / RATE
            await asyncio.sleep(max(0.0, due - loop.time()))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
