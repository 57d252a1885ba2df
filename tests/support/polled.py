"""A WebSocket over HTTP requests, as a page has it (`dash_devices_nb/client/http-socket.js`)."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import httpx

OK, NO_CONTENT = 200, 204
TEXT, BINARY, CLOSE = 0x81, 0x82, 0x88


class Closed(Exception):
    """The app has closed it. Has the code and the reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """The frames of an answer: the first byte, and the payload."""
    found = []
    at = 0
    while at < len(data):
        kind, length = data[at], data[at + 1]
        at += 2
        if length >= 126:
            size = 2 if length == 126 else 8
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        assert at + length <= len(data), "an answer ends within a frame"
        found.append((kind, data[at : at + length]))
        at += length
    return found


class Polled:
    """One connection.

    Args:
        url: the app's.
        headers: of all requests.

    Attributes:
        http: sends the requests.
        id: the connection's name.
        answers: how many answers have come that held something.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.http = httpx.AsyncClient(
            base_url=url, headers={"Origin": url.rstrip("/"), **(headers or {})}, timeout=60, trust_env=False
        )
        self.id = ""
        self.answers = 0
        self.ups = self.downs = 0
        self._waiting: deque[str | bytes] = deque()

    async def __aenter__(self) -> Polled:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.http.aclose()

    async def ask(self, step: str, body: str | bytes = "", **options: Any) -> httpx.Response:
        """Send one request."""
        return await self.http.post(f"_dash-devices/http/{step}", content=body, **options)

    async def open(self) -> Polled:
        """Open it. Raises Closed if that is refused."""
        answer = await self.ask("open")
        assert answer.status_code == OK, answer.text
        if answer.content[0] == CLOSE:
            self._take(answer.content)
        self.id = answer.text
        return self

    async def send(self, *texts: str, number: int | None = None) -> httpx.Response:
        """Send messages in one request, of the next number."""
        if number is None:
            self.ups += 1
        return await self.ask("up", "\n".join([f"{self.id} {number or self.ups}", *texts]))

    async def poll(self) -> httpx.Response:
        """Ask for the next answer, and keep what it holds. Raises Closed."""
        self.downs += 1
        answer = await self.ask("down", f"{self.id} {self.downs}")
        if answer.status_code == OK:
            self._take(answer.content)
        return answer

    async def recv(self) -> str | bytes:
        """The next message. Raises Closed."""
        while not self._waiting:
            answer = await self.poll()
            assert answer.status_code == OK, answer.text
        return self._waiting.popleft()

    async def end(self) -> str:
        """Code and reason with which it is closed. What comes before that is dropped."""
        try:
            if not self.id:
                await self.open()
            while True:
                await self.recv()
        except Closed as closed:
            return str(closed)

    def _take(self, data: bytes) -> None:
        self.answers += bool(data)
        for kind, payload in frames(data):
            if kind == CLOSE:
                raise Closed(int.from_bytes(payload[:2], "big"), payload[2:].decode())
            self._waiting.append(payload.decode() if kind == TEXT else payload)


class PolledPage:
    """A page reduced to such a connection. It says what it has applied.

    Attributes:
        link: the connection.
        frames: the JSON frames that came, in order.
        values: the last value of each shared prop, by "id.prop".
        applied: how many shared frames it has applied.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.link = Polled(url, headers)
        self.frames: list[dict[str, Any]] = []
        self.values: dict[str, Any] = {}
        self.applied = 0
        self.sequence = 0

    async def __aenter__(self) -> PolledPage:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.link.http.aclose()

    async def open(self, **hello: Any) -> PolledPage:
        """Open it, and wait for the welcome."""
        await self.link.open()
        await self.say(t="hello", **{"rev": 0, **hello})
        await self.got(lambda: self.kinds("welcome"))
        return self

    async def say(self, **frame: Any) -> None:
        """Send a frame."""
        answer = await self.link.send(json.dumps(frame))
        assert answer.status_code == NO_CONTENT, answer.text

    async def set(self, component_id: str, prop: str, value: Any) -> None:
        """Change a shared prop."""
        self.sequence += 1
        await self.say(t="set", s=self.sequence, m={component_id: {prop: value}})

    async def take(self) -> None:
        """Take one more frame."""
        message = await self.link.recv()
        assert isinstance(message, str)
        frame = json.loads(message)
        self.frames.append(frame)
        if frame["t"] == "mods":
            self.applied += "r" in frame
            for component_id, props in frame["m"].items():
                self.values.update({f"{component_id}.{prop}": value for prop, value in props.items()})

    async def got(self, condition: Callable[[], Any], within: float = 10.0) -> None:
        """Take frames until a condition holds. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while not condition():
                await self.take()

    async def end(self) -> str:
        """Code and reason with which it is closed. Takes what comes before that."""
        try:
            while True:
                await self.take()
        except Closed as closed:
            return str(closed)

    def kinds(self, kind: str) -> list[dict[str, Any]]:
        """The frames of one type that came."""
        return [frame for frame in self.frames if frame["t"] == kind]
