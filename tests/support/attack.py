"""An app under attack, and who attacks it: raw sockets that send what they are given, and wait for an end each time."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Iterable
from urllib.parse import urlsplit

from dash_devices_nb import ALL, Dash, Input, Output, State, dcc, html
from dash_devices_nb.testing.tab import Tab

WITHIN = 20.0
"""Seconds within which whatever was sent has come to an end."""
TEXT, CLOSE = 0x1, 0x8
_KEY = base64.b64encode(b"0123456789abcdef").decode()


def target() -> Dash:
    """Callbacks of each kind; two of them, and the shared ones, share a lock."""
    app = Dash("target", suppress_callback_exceptions=True)
    app.layout = html.Div(
        [dcc.Input(id=name, value=0) for name in ("typed", "serial", "set")]
        + [dcc.Input(id={"n": number}, value=number) for number in range(2)]
        + [html.Div(id=name) for name in ("shown", "serial-out", "coroutine-out", "both", "doubled")]
    )

    @app.callback(Output("shown", "children"), Input("typed", "value"), api_endpoint="/api/shown")
    def shown(typed):
        return f"shown {typed}"[:100]

    @app.callback_s2(Output("serial-out", "children"), Input("serial", "value"), State("typed", "value"), lock="one")
    def serial(serial, typed):
        return f"serial {serial}"[:100]

    @app.callback_s2(Output("coroutine-out", "children"), Input("serial", "value"), lock="one")
    async def coroutine(serial):
        return f"coroutine {serial}"[:100]

    @app.callback_shared(Output("both", "children"), Input("set", "value"), Input({"n": ALL}, "value"), lock="one")
    def both(value, values):
        return f"both {value}"[:100]

    @app.callback_shared(Output("doubled", "children"), Input("both", "children"), lock="one")
    async def doubled(text):
        return [text, text]

    return app


async def calls_end(tab: Tab, number: int) -> None:
    """A person acts once in each way: each call is answered. Raises AssertionError."""
    await tab.act("typed", "value", number)
    await tab.act("serial", "value", number)
    await tab.act("set", "value", number)
    await tab.expect("shown", "children", f"shown {number}", WITHIN)
    await tab.expect("serial-out", "children", f"serial {number}", WITHIN)
    await tab.expect("coroutine-out", "children", f"coroutine {number}", WITHIN)
    await tab.expect("doubled", "children", [f"both {number}"] * 2, WITHIN)


def _masked(payload: bytes, opcode: int = TEXT) -> bytes:
    """A WebSocket frame of a client, whose mask changes nothing."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0xFF)) + size.to_bytes(8, "big")
    return head + bytes(4) + payload


async def _dropped(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def send_frames(url: str, payloads: Iterable[bytes], headers: dict[str, str] | None = None) -> int:
    """Open a page, send these frames, and wait until the app has come to the end of them, or has closed.

    Returns how many were written.

    Raises:
        ConnectionError: it does not greet.
        TimeoutError: it does neither.
    """
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    sent = 0
    try:
        async with asyncio.timeout(WITHIN):
            lines = [
                f"GET {where.path}_dash-devices/ws HTTP/1.1",
                f"Host: {where.netloc}",
                "Upgrade: websocket",
                "Connection: Upgrade",
                f"Sec-WebSocket-Key: {_KEY}",
                "Sec-WebSocket-Version: 13",
                *(f"{name}: {text}" for name, text in (headers or {}).items()),
            ]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            writer.write(_masked(b'{"t":"hello","rev":0,"q":0}'))
            opcode, greeting = await _message(reader)
            if not greeting.startswith(b'{"t":"welcome"'):
                raise ConnectionError(f"the app does not greet: {opcode} {greeting[:200]!r}")
            reading = asyncio.ensure_future(_until_pong(reader))
            try:
                for payload in payloads:
                    writer.write(_masked(payload))
                    sent += 1
                    await writer.drain()
                writer.write(_masked(b'{"t":"ping"}'))
            except OSError:
                pass  # it has closed, as it does when there is too much of this
            await reading
    finally:
        await _dropped(writer)
    return sent


async def _message(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    opcode, size = await reader.readexactly(2)
    if size > 125:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    return opcode & 0xF, await reader.readexactly(size)


async def _until_pong(reader: asyncio.StreamReader) -> None:
    """Read until the app says that it has come to the ping, or that it closes, or the connection ends."""
    opcode, payload = TEXT, b""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while opcode != CLOSE and not payload.startswith(b'{"t":"pong"'):
            opcode, payload = await _message(reader)


async def send_requests(url: str, requests: Iterable[tuple[str, str, dict[str, str], bytes]]) -> list[int]:
    """Send these requests over HTTP, one after the other. Returns the statuses, 0 where the app has just closed.

    Raises:
        TimeoutError: one is not answered.
    """
    where = urlsplit(url)
    statuses: list[int] = []
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    try:
        for method, path, headers, body in requests:
            async with asyncio.timeout(WITHIN):
                if reader is None or writer is None:
                    reader, writer = await asyncio.open_connection(where.hostname, where.port)
                lines = [
                    f"{method} {path} HTTP/1.1",
                    f"Host: {where.netloc}",
                    f"Content-Length: {len(body)}",
                    *(f"{name}: {text}" for name, text in headers.items()),
                ]
                status, keeps = 0, False
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
                    await writer.drain()
                    status, keeps = await _answer(reader)
                statuses.append(status)
                if not keeps:
                    await _dropped(writer)
                    reader = writer = None
    finally:
        if writer is not None:
            await _dropped(writer)
    return statuses


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status of an answer, and whether the connection stays. Its body is read."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split(" ", 2)[1])
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    if "content-length" in fields:
        await reader.readexactly(int(fields["content-length"]))
    elif "chunked" in fields.get("transfer-encoding", ""):
        await reader.readuntil(b"0\r\n\r\n")
    return status, "close" not in fields.get("connection", "")
