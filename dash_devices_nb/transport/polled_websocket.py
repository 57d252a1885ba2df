"""A WebSocket whose messages travel in HTTP requests. To the app it is an ASGI connection as any other.

The page asks for what the app sends (`down`), one request after the other. The app answers when it has something, or
after a while. The page brings what it sends itself (`up`) in numbered requests. An answer is kept until the page asks
for the next one, and a request that comes twice is taken once: proxies and browsers repeat requests that had no answer.
So messages arrive in order, each once, or the connection ends and the page goes on with a new one, as after the end of
any WebSocket.

An answer holds frames as a server writes them to a WebSocket (RFC 6455, section 5.2). A Close frame is the last.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from websockets.frames import Close, Frame, Opcode

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.registration.polling import HOLD_SECONDS
from dash_devices_nb.transport.serve import Message as AsgiMessage
from dash_devices_nb.transport.writer import Intake, Message

SILENT_SECONDS = 20.0
"""How long, in seconds, a page may ask for nothing before it is gone."""
HUNG_UP_SECONDS = 5.0
"""The same, if its last request was broken off."""
OUT_OF_ORDER_SECONDS = 5.0
"""How long, in seconds, a request waits for one that was sent before it."""
ROOM = 256 * 1024
"""Bytes that may wait for the page's next request. More waits in its outbox."""


def close_frame(code: int, reason: str) -> bytes:
    """A Close frame. The reason has at most 123 bytes."""
    fitting = reason.encode()[:123].decode(errors="ignore")
    return Frame(Opcode.CLOSE, Close(code, fitting).serialize()).serialize(mask=False)


class OutOfTurnError(Exception):
    """A request has a number that cannot be, or another one has taken its place."""


class PolledWebSocket:
    """One connection. On the loop. It is a `writer.Writer` as well.

    Args:
        who: identifies the page's person and origin; other requests are none of its own.
        pause: returns the seconds between two answers.
        ended: called once it is over, and nothing is left to fetch.

    Attributes:
        id: names it to the page. Whoever knows it could speak for the page, so it is in no address and in no log.
        who: as given.
    """

    from_any_thread = False

    def __init__(self, who: bytes, pause: Callable[[], float], ended: Callable[[PolledWebSocket], object]) -> None:
        self.id = secrets.token_urlsafe(32)
        self.who = who
        self._pause = pause
        self._on_end = ended
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._connecting = True
        self._closed: int | None = None
        """The code with which it was closed or lost. Then nothing is received any more."""
        self._arrived: deque[str] = deque()
        self._intake: Intake | None = None
        self._ups = 0
        self._receiving = asyncio.Lock()
        self._leaving: list[bytes] = []
        self._size = 0
        self._when_room: list[Callable[[], None]] = []
        self._downs = 0
        self._answer: bytes | None = None
        self._asking: object = None
        self._not_before = 0.0
        self._silence = self._loop.call_later(SILENT_SECONDS, self.lose)

    # ---- ASGI

    async def receive(self) -> AsgiMessage:
        """The next event for the app."""
        if self._connecting:
            self._connecting = False
            return {"type": "websocket.connect"}
        while not self._arrived:
            if self._closed is not None:
                return {"type": "websocket.disconnect", "code": self._closed}
            await self._change()
        text = self._arrived.popleft()
        if not self._arrived:
            self._pulse()
        return {"type": "websocket.receive", "text": text}

    async def send(self, message: AsgiMessage) -> None:
        """Take an event of the app. Waits while much is to be fetched."""
        if message["type"] == "websocket.close":
            self.close(int(message.get("code") or 1000), str(message.get("reason") or ""))
        elif message["type"] == "websocket.send":
            text, data = message.get("text"), message.get("bytes")
            frame = Frame(Opcode.BINARY, data or b"") if text is None else Frame(Opcode.TEXT, text.encode())
            while not self.has_room() and self._closed is None:
                await self._change()
            self._write(frame.serialize(mask=False))

    # ---- the short way (`writer`)

    def take_socket(self) -> None:
        """Do nothing: there is no socket."""

    def read_with(self, function: Callable[[bytes], bool]) -> None:
        """Do nothing: all messages go through `receive`."""

    def guard_with(self, intake: Intake) -> None:
        """Let `intake` account for what arrives besides whole messages, from now on."""
        self._intake = intake

    def has_room(self) -> bool:
        """Whether more may wait for the page's next request."""
        return self._size < ROOM and self._closed is None

    def write_messages(self, messages: Sequence[Message]) -> None:
        """Write whole messages, frame headers included."""
        self._write(b"".join(each.message for each in messages))

    def when_room(self, function: Callable[[], None]) -> None:
        """Call `function` once there is room again."""
        self._when_room.append(function)

    def _write(self, data: bytes) -> None:
        if self._closed is None:
            self._leaving.append(data)
            self._size += len(data)
            self._pulse()

    # ---- what the page brings

    @property
    def over(self) -> bool:
        """Whether nothing is received any more."""
        return self._closed is not None

    async def turn(self, number: int) -> bool:
        """Wait until the request of this number may be read. If that is so, call `took` or `broke_off` afterwards.

        Returns:
            False if its messages have come before, or nothing is received any more.

        Raises:
            OutOfTurnError: the request before it does not come.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(OUT_OF_ORDER_SECONDS):
                while number > self._ups + 1 and not self.over:
                    await self._change()
        await self._receiving.acquire()
        new = False
        try:
            if number == self._ups + 1:
                while self._arrived and not self.over:
                    await self._change()
                new = not self.over
            elif not self.over and not 0 < number <= self._ups:
                raise OutOfTurnError(f"request {number} after {self._ups}")
        finally:
            if not new:
                self._receiving.release()
        return new

    def holds(self, count: int) -> None:
        """So many bytes of the request's body have come."""
        if self._intake is not None:
            self._intake.holds(count)

    def took(self, texts: Sequence[str]) -> None:
        """All of the request has come: these are its messages."""
        self.holds(0)
        self._ups += 1
        if not self.over:
            self._arrived.extend(texts)
        self._receiving.release()
        self._pulse()

    def broke_off(self) -> None:
        """The request was broken off. It may come again."""
        self.holds(0)
        self._receiving.release()

    # ---- what the page fetches

    async def fetch(self, number: int) -> bytes:
        """The answer of this number: what is to be sent, or nothing after `HOLD_SECONDS`. Cancelling it loses nothing.

        Raises:
            OutOfTurnError: there is no such answer, or the page has asked for it once more.
        """
        if number == self._downs and self._answer is not None:
            return self._answer
        if number == self._downs + 1 and (self._answer is not None or not self._downs):
            self._downs, self._answer = number, None
        elif number != self._downs or number < 1:
            raise OutOfTurnError(f"answer {number} after {self._downs}")
        self._silence.cancel()
        mine = self._asking = object()
        self._pulse()
        end = self._loop.time() + HOLD_SECONDS
        while (until := self._due(end)) > self._loop.time():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._change()
            if self._asking is not mine:
                raise OutOfTurnError(f"answer {number} was asked for once more")
        self._answer = b"".join(self._leaving)
        self._leaving.clear()
        self._size = 0
        self._not_before = self._loop.time() + self._pause()
        self._await_next(SILENT_SECONDS)
        self._tell_room()
        return self._answer

    def _due(self, end: float) -> float:
        """When to answer, as far as is known now."""
        if self.over:
            return 0.0
        return self._not_before if self._leaving else end

    def hung_up(self) -> None:
        """The page, or a proxy, has broken off the request for an answer."""
        self._await_next(HUNG_UP_SECONDS)

    def _await_next(self, seconds: float) -> None:
        self._silence.cancel()
        self._silence = self._loop.call_later(seconds, self.lose)

    def _tell_room(self) -> None:
        waiting, self._when_room = self._when_room, []
        for function in waiting:
            function()
        self._pulse()

    # ---- the end

    def close(self, code: int, reason: str) -> None:
        """Close it, for the app. The page fetches the reason. What has come and waits is dropped. Idempotent."""
        if self._closed is None:
            self._write(close_frame(code, reason))
            self._arrived.clear()
            self._end(code)

    def lose(self) -> None:
        """The page is gone: forget it. What has come whole is still for the app. Idempotent."""
        self._silence.cancel()
        if self._closed is None:
            if self._intake is not None and not self._intake.left_waiting():
                self._arrived.clear()
            self._end(CloseCode.ABNORMAL_CLOSURE)
        self._on_end(self)

    def _end(self, code: int) -> None:
        self._closed = code
        self._when_room.clear()
        if self._intake is not None:
            self._intake.lost()
        self._pulse()

    # ---- waiting

    def _pulse(self) -> None:
        self._changed.set()

    async def _change(self) -> None:
        """Wait until something has changed."""
        self._changed.clear()
        await self._changed.wait()
