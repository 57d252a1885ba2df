"""Frames over NATS: subjects, numbers and parts. Sans-I/O.

Each message of a stream has a number, one more than the one before, so that a lost one is found. What is larger than a
message of the server may be goes in parts; the last one says so. `docs/relay.md` has the subjects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from dash_devices_nb.errors import UpstreamError

NUMBER, MORE, BINARY, RUN, HEAD, CLOSE, BEAT, RELAY = "n", "more", "b", "run", "head", "close", "beat", "relay"
"""The names of headers: the number, whether parts follow, whether a frame is binary, which run of which publisher it
is, what comes before a body (JSON), the close code of a WebSocket, a sign of life, and which relay it is."""
SPARE = 4096
"""Bytes of a message that are left to its headers."""
BEAT_SECONDS = 1.0
"""How often, in seconds, publisher and relays give a sign of life."""
DEAD_SECONDS = 4.0
"""After so long without one, in seconds, the other side is away."""


class Gap(UpstreamError):
    """A message was lost."""


class Message(NamedTuple):
    """One message to publish."""

    headers: dict[str, str]
    data: bytes


@dataclass(frozen=True)
class Subjects:
    """The subjects of one app.

    Args:
        app: its name, as in its URL.
    """

    app: str

    @property
    def base(self) -> str:
        """How all of them begin."""
        return f"dash-devices.{self.app}"

    def frames(self, run: str = "*") -> str:
        """Frames for all relays, in their order."""
        return f"{self.base}.frames.{run}"

    def ask(self, what: str) -> str:
        """Requests of relays: "snapshot", "layout", "http" and "channel"."""
        return f"{self.base}.ask.{what}"

    def up(self, channel: str = "*") -> str:
        """What a page that may act sends."""
        return f"{self.base}.up.{channel}"

    @property
    def crowd(self) -> str:
        """The relays' signs of life, with their numbers of pages and what these show."""
        return f"{self.base}.crowd"


class Outgoing:
    """Numbers the messages of one stream, and cuts them into parts.

    Args:
        most: bytes of data of a message, as the server has it.
        headers: of each message.

    Attributes:
        number: of the last message.
    """

    def __init__(self, most: int, headers: dict[str, str] | None = None) -> None:
        self.most = most
        self._headers = headers or {}
        self.number = 0

    def messages(self, data: str | bytes, **headers: str) -> Iterator[Message]:
        """The messages for a frame, or for a part of a body. The headers go with the first one."""
        binary = isinstance(data, bytes)
        payload = data if isinstance(data, bytes) else data.encode()
        size = max(1024, self.most - SPARE - sum(map(len, headers.values())))
        starts = range(0, len(payload) or 1, size)
        for start in starts:
            self.number += 1
            more = {MORE: "1"} if start != starts[-1] else {}
            kind = {BINARY: "1"} if binary else {}
            first = headers if start == 0 else {}
            yield Message(
                {**self._headers, **first, **more, **kind, NUMBER: str(self.number)}, payload[start : start + size]
            )

    def beat(self) -> Message:
        """A sign of life, with the number of the last message."""
        return Message({**self._headers, BEAT: "1", NUMBER: str(self.number)}, b"")


class Incoming:
    """Puts the messages of one stream together.

    Args:
        number: of the last message that is known already.

    Attributes:
        number: of the last message.
        headers: of the first part of the last frame.
    """

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.headers: dict[str, str] = {}
        self._parts: list[bytes] = []

    def take(self, headers: dict[str, str], data: bytes) -> str | bytes | None:
        """Take a message. Returns the frame that it completes, or None.

        Raises:
            Gap: a message before it was lost.
        """
        number = int(headers[NUMBER])
        if BEAT in headers:
            if number != self.number:
                raise Gap(f"messages {self.number + 1} to {number} were lost")
            return None
        if number <= self.number:
            return None
        if number != self.number + 1:
            raise Gap(f"messages {self.number + 1} to {number - 1} were lost")
        self.number = number
        if not self._parts:
            self.headers = headers
        self._parts.append(data)
        if MORE in headers:
            return None
        whole, self._parts = b"".join(self._parts), []
        return whole if BINARY in headers else whole.decode()
