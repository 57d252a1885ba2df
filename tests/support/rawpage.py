"""A page reduced to its WebSocket: a test decides what it reads, applies and says."""

from __future__ import annotations

import asyncio
import contextlib
import json
from types import TracebackType
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


class RawPage:
    """One WebSocket on an app that is served without a secret.

        async with RawPage(app.url) as page:
            await page.got(lambda: page.values.get("a.children") == 5)

    Args:
        url: the app's.
        reads: whether it reads from the start; `read` and `stall` change that.
        confirms: whether it says what it has applied and shown, as a page does.

    Attributes:
        frames: the JSON frames that came, in order.
        images: the binary messages that came, as (header, bytes).
        values: the last value of each shared prop, by "id.prop".
        client: the id of its client.
        bytes: the size of the messages that came.
    """

    def __init__(self, url: str, *, reads: bool = True, confirms: bool = True) -> None:
        self._url = url.replace("http://", "ws://").rstrip("/") + "/_dash-devices/ws"
        self._reads = reads
        self._confirms = confirms
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._applied = 0
        self._sequence = 0
        self._changed = asyncio.Event()
        self.frames: list[dict[str, Any]] = []
        self.images: list[tuple[dict[str, Any], bytes]] = []
        self.values: dict[str, Any] = {}
        self.client = ""
        self.bytes = 0

    async def __aenter__(self) -> RawPage:
        # One message is taken from the socket ahead of us; then the kernel's buffers fill, and the app waits.
        self._socket = await connect(self._url, compression=None, max_size=None, max_queue=1, ping_interval=None)
        await self.send(t="hello", rev=0)
        self._take(await self._socket.recv())
        if self._reads:
            self.read()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stall()
        assert self._socket is not None
        self._socket.transport.abort()
        await self._socket.wait_closed()

    def read(self) -> None:
        """Read from now on."""
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def stall(self) -> None:
        """Read no more."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._reader = None

    async def send(self, **frame: Any) -> None:
        """Send a frame."""
        assert self._socket is not None
        await self._socket.send(json.dumps(frame))

    def pour(self, data: bytes) -> None:
        """Send bytes as they are: a test has made the WebSocket's frames itself, and sends many at once."""
        assert self._socket is not None
        self._socket.transport.write(data)

    async def set(self, component_id: str, prop: str, value: Any) -> None:
        """Change a shared prop."""
        self._sequence += 1
        await self.send(t="set", s=self._sequence, m={component_id: {prop: value}})

    async def got(self, condition: Any, within: float = 10.0) -> None:
        """Wait for a condition, asked again whenever something has come. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def kinds(self, kind: str) -> list[dict[str, Any]]:
        """The frames of one type that came."""
        return [frame for frame in self.frames if frame["t"] == kind]

    @property
    def closed_by(self) -> tuple[int, str] | None:
        """Code and reason with which the app has closed; None while the connection stands."""
        if self._socket is None or self._socket.close_code is None:
            return None
        return self._socket.close_code, self._socket.close_reason or ""

    async def _read(self) -> None:
        assert self._socket is not None
        with contextlib.suppress(ConnectionClosed):
            async for message in self._socket:
                self._take(message)
                await self._say()

    async def _say(self) -> None:
        if self._confirms:
            await self.send(t="ok", k=self._applied, q=max((frame.get("q", 0) for frame in self.frames), default=0))

    def _take(self, message: str | bytes) -> None:
        self.bytes += len(message)
        if isinstance(message, bytes):
            end = 2 + int.from_bytes(message[:2], "big")
            self.images.append((json.loads(message[2:end]), message[end:]))
        else:
            frame = json.loads(message)
            self.frames.append(frame)
            self.client = frame.get("client", self.client)
            if frame["t"] == "mods" and "r" in frame:
                self._applied += 1
                for component_id, props in frame["m"].items():
                    self.values.update({f"{component_id}.{prop}": value for prop, value in props.items()})
        self._changed.set()

    async def shown(self, number: int = -1) -> None:
        """Say that an image is on the screen."""
        header = self.images[number][0]
        await self.send(t="shown", id=header["id"], prop=header["prop"])
