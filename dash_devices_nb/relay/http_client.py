"""HTTP to the app, one connection for each request. Answers are read as they come, so that streams go on."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

from dash_devices_nb.errors import UpstreamError

Headers = list[tuple[bytes, bytes]]
Body = bytes | AsyncIterator[bytes]
"""Of a request: whole, or in parts."""
OPEN_SECONDS = 10.0
"""How long, in seconds, a connection may take to open."""
HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"proxy-authorization")
)
"""Headers that belong to one connection (RFC 9110, section 7.6.1)."""


@dataclass
class Answer:
    """An answer of the app.

    Attributes:
        status, headers: of the answer; names of headers are in lower case.
        parts: the body, in parts.
    """

    status: int
    headers: Headers
    parts: AsyncIterator[bytes]

    async def body(self) -> bytes:
        """The whole body."""
        return b"".join([part async for part in self.parts])


@contextlib.asynccontextmanager
async def request(origin: str, method: str, target: str, headers: Headers, body: Body = b"") -> AsyncIterator[Answer]:
    """Send a request, and give its answer within the block.

    Args:
        origin: scheme, host and port of the app.
        method: the method.
        target: path and query.
        headers: without Host, and without those of one connection.
        body: the body; in parts, if its length is in the headers or it has none.

    Raises:
        UpstreamError: the app does not answer, or breaks off.
    """
    parts = urlsplit(origin)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    context = ssl.create_default_context() if parts.scheme == "https" else None
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
    except (OSError, TimeoutError) as error:
        raise UpstreamError(f"The app at {origin} does not answer: {why_not(error)}.") from error
    connection = h11.Connection(h11.CLIENT)
    try:
        framing = (b"content-length", b"transfer-encoding")  # of a body in parts, as they came
        given = [pair for pair in headers if pair[0].lower() not in (*HOP_BY_HOP, *framing)]
        if isinstance(body, bytes):
            given += [(b"content-length", b"%d" % len(body))] if body else []
        else:
            given += [pair for pair in headers if pair[0].lower() in framing]
        head = [(b"host", parts.netloc.encode()), *given, (b"connection", b"close")]
        sent = connection.send(h11.Request(method=method, target=target, headers=head))
        writer.write(sent or b"")
        if isinstance(body, bytes):
            writer.write(connection.send(h11.Data(data=body)) or b"" if body else b"")
        else:
            async for part in body:
                writer.write(connection.send(h11.Data(data=part)) or b"")
                await writer.drain()
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        await writer.drain()
        event = await _next(connection, reader)
        while isinstance(event, h11.InformationalResponse):
            event = await _next(connection, reader)
        if not isinstance(event, h11.Response):
            raise UpstreamError(f"The app at {origin} has closed the connection without an answer.")
        kept = [(name, value) for name, value in event.headers if name not in HOP_BY_HOP]
        yield Answer(event.status_code, kept, _data(connection, reader))
    except (OSError, h11.ProtocolError) as error:
        raise UpstreamError(f"The app at {origin} has broken off: {error}.") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _next(connection: h11.Connection, reader: asyncio.StreamReader) -> object:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(65536))
    return event


async def _data(connection: h11.Connection, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while isinstance(event := await _next(connection, reader), h11.Data):
        yield bytes(event.data)


def why_not(error: BaseException) -> str:
    """What an error of the network says; some say nothing."""
    return str(error) or type(error).__name__
