"""A network that a test makes bad: a TCP proxy that delays, throttles, falls silent, forgets connections and cuts."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

SLICE_SECONDS = 0.02
"""What a throttled direction lets through is written in pieces of so long."""
PIECES = 64
"""So many reads may be under way in a direction; then the sender is held back, as by a full socket."""
READ = 65536


class Connection:
    """One connection through a network.

    Attributes:
        passes: set while bytes pass; what comes meanwhile waits, and is not lost.
        lost: whether nothing will pass ever again, nor its end, as where a router has forgotten it.
        begins: the first bytes that the client sent.
        newest: the last that the server did.
    """

    def __init__(self) -> None:
        self.passes = asyncio.Event()
        self.passes.set()
        self.lost = False
        self.begins = self.newest = b""

    def lose(self) -> None:
        """Let nothing pass ever again; both ends believe that it stands."""
        self.lost = True
        self.passes.clear()


class Network:
    """Forwards connections, as well as the test lets it. All of it is for the loop that calls `start`.

    Args:
        target: the server's URL.
        rewrites_host: whether the server gets its own name as Host, as many reverse proxies do it.
        port: where it listens; 0 for any free one.

    Attributes:
        url: where it listens.
        up: whether it takes connections.
        connections: how many there have been.
        open: those that are there, oldest first.
        delay: seconds that each byte takes, in each direction.
        rate: bytes a second that a connection carries in each direction; None: any number.
        carried: bytes that have come so far, by way: "up" what pages send, "down" what the server does.
        refuses: the status with which requests for an upgrade are answered, as by a proxy that lets no WebSocket pass;
            None: they pass.
        refused: how many there were.
        spares: after so many more bytes the connection that carries them breaks, whatever they are, once: "up" what
            pages send, "down" what the server does.
    """

    def __init__(self, target: str, *, rewrites_host: bool = False, port: int = 0) -> None:
        address = urlsplit(target)
        self._host = target
        self._rewrites_host = rewrites_host
        self._port = port
        self._target = (address.hostname, address.port)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._silent = False
        self._thread = 0
        self.up = True
        self.url = ""
        self.connections = 0
        self.open: list[Connection] = []
        self.delay = 0.0
        self.rate: float | None = None
        self.spares: dict[str, int] = {}
        self.carried = {"up": 0, "down": 0}
        self.refuses: int | None = None
        self.refused = 0

    async def start(self) -> None:
        self._thread = threading.get_ident()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Break every connection, and take no new one."""
        self._on_its_loop()
        self.up = False
        for task in self._tasks:
            task.cancel()

    def mend(self) -> None:
        """Take connections again."""
        self._on_its_loop()
        self.up = True

    def silence(self) -> None:
        """Let nothing pass on any connection, new ones included, and break none: as a lost WLAN."""
        self._on_its_loop()
        self._silent = True
        for each in self.open:
            each.passes.clear()

    def speak(self) -> None:
        """Let everything pass again, what came meanwhile included."""
        self._on_its_loop()
        self._silent = False
        for each in self.open:
            if not each.lost:
                each.passes.set()

    def forget(self) -> None:
        """Lose every connection that is there; new ones pass."""
        self._on_its_loop()
        self._silent = False
        for each in self.open:
            each.lose()

    def _on_its_loop(self) -> None:
        """Raise RuntimeError elsewhere: an event that another thread sets wakes nobody, or is overlooked for ever."""
        if threading.get_ident() != self._thread:
            raise RuntimeError("this network is used in another thread than that of the loop that started it")

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.up:
            writer.close()
            return
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = Connection()
        self.open.append(connection)
        if self._silent:
            connection.passes.clear()
        server_writer: asyncio.StreamWriter | None = None
        try:
            connection.begins = await reader.read(READ)
            if not connection.begins:
                return
            await connection.passes.wait()
            if self.refuses is not None and b"\nupgrade: websocket" in connection.begins.lower():
                self.refused += 1
                writer.write(
                    f"HTTP/1.1 {self.refuses} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                )
                await writer.drain()
                return
            server_reader, server_writer = await asyncio.open_connection(*self._target)
            mine, its = (f"Host: {urlsplit(url).netloc}\r\n".encode() for url in (self.url, self._host))
            change = (mine, its) if self._rewrites_host else (b"", b"")
            to_server = _Direction(self, connection, "up", server_writer, *change)
            await to_server.took(connection.begins)
            async with asyncio.TaskGroup() as both:
                both.create_task(to_server.carry(reader))
                both.create_task(_Direction(self, connection, "down", writer).carry(server_reader))
        except* (OSError, _Cut):
            pass
        except* asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            self.open.remove(connection)
            for each in (writer, server_writer):
                if each is not None:
                    each.transport.abort()


class _Cut(Exception):
    """The connection breaks here."""


class _Direction:
    """One direction of a connection."""

    def __init__(
        self,
        network: Network,
        connection: Connection,
        way: str,
        writer: asyncio.StreamWriter,
        old: bytes = b"",
        new: bytes = b"",
    ) -> None:
        self._network = network
        self._connection = connection
        self._writer = writer
        self._old, self._new = old, new
        self._way = way
        self._pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES)

    async def took(self, data: bytes) -> None:
        """Some bytes have come; b"" is the end."""
        self._network.carried[self._way] += len(data)
        due = asyncio.get_running_loop().time() + self._network.delay
        await self._pieces.put((due, data.replace(self._old, self._new) if self._old else data))

    async def carry(self, reader: asyncio.StreamReader) -> None:
        """Carry all, and the end."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._write())
            while data := await reader.read(READ):
                if self._way == "down":
                    self._connection.newest = data
                await self.took(data)
            await self.took(b"")

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await self._pieces.get()
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            await self._connection.passes.wait()
            if not data:
                self._writer.close()
                return
            while data:
                rate = self._network.rate
                count = len(data) if rate is None else max(1, int(rate * SLICE_SECONDS))
                piece, data = data[:count], data[count:]
                await self._connection.passes.wait()
                self._writer.write(self._spared(piece))
                await self._writer.drain()
                if rate is not None:
                    await asyncio.sleep(len(piece) / rate)

    def _spared(self, piece: bytes) -> bytes:
        """What of some bytes still passes before the connection breaks."""
        spares = self._network.spares
        left = spares.get(self._way)
        if left is None or left >= len(piece):
            if left is not None:
                spares[self._way] = left - len(piece)
            return piece
        del spares[self._way]
        self._writer.write(piece[:left])
        self._writer.close()
        raise _Cut


@asynccontextmanager
async def network(target: str, *, rewrites_host: bool = False, port: int = 0) -> AsyncIterator[Network]:
    """A network in front of the server at the URL `target`."""
    made = Network(target, rewrites_host=rewrites_host, port=port)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
