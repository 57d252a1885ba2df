"""A network that a test can cut: a TCP proxy in front of a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Network:
    """Forwards connections, until the test cuts them.

    Args:
        target: the server's URL.
        rewrites_host: whether the server gets its own name as Host, as many reverse proxies do it.
        port: where it listens; 0 for any free one.

    Attributes:
        url: where it listens.
        up: whether it takes connections.
        connections: how many there have been.
    """

    def __init__(self, target: str, *, rewrites_host: bool = False, port: int = 0) -> None:
        address = urlsplit(target)
        self._host = target
        self._rewrites_host = rewrites_host
        self._port = port
        self._target = (address.hostname, address.port)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.up = True
        self.url = ""
        self.connections = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Break every connection, and take no new one."""
        self.up = False
        for task in self._tasks:
            task.cancel()

    def mend(self) -> None:
        """Take connections again."""
        self.up = True

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.up:
            writer.close()
            return
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        server_writer: asyncio.StreamWriter | None = None
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
            mine, its = (f"Host: {urlsplit(url).netloc}\r\n".encode() for url in (self.url, self._host))
            change = (mine, its) if self._rewrites_host else (b"", b"")
            await asyncio.gather(_copy(reader, server_writer, *change), _copy(server_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for each in (writer, server_writer):
                if each is not None:
                    each.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, old: bytes = b"", new: bytes = b"") -> None:
    while data := await reader.read(65536):
        writer.write(data.replace(old, new) if old else data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def network(target: str, *, rewrites_host: bool = False, port: int = 0) -> AsyncIterator[Network]:
    """A network in front of the server at the URL `target`."""
    made = Network(target, rewrites_host=rewrites_host, port=port)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
