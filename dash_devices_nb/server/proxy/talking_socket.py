"""A WebSocket of the extension's own, on which only this side has something to say.

What comes is only looked through for pings, pongs and the end, a small piece at a time, and no faster than the sender's
budget allows. Tornado's WebSocket reads all that comes, as fast as it comes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tornado.iostream import IOStream, StreamClosedError
from websockets.protocol import State
from websockets.server import ServerProtocol

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.server.proxy.frame_budget import FrameBudget

AT_ONCE = 1024
"""Bytes that are read at once: 170 frames at most, in a millisecond."""
MOST_MESSAGE = 4096
PARTING = 2.0
"""Seconds that the other side has to answer a Close frame."""


class TalkingSocket:
    """One WebSocket, whose handshake is done. On the loop.

    Args:
        stream: the connection.
        budget: the frames that may be read; None: any number.
    """

    def __init__(self, stream: IOStream, budget: FrameBudget | None) -> None:
        self._stream = stream
        self._budget = budget
        self._protocol = ServerProtocol(state=State.OPEN, max_size=MOST_MESSAGE)
        self._heard = True
        self._timer: asyncio.TimerHandle | None = None

    def say(self, text: str) -> None:
        """Send a text. Does nothing on a connection that is closing."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_text(text.encode())
            self._write()

    def close(self, code: int, reason: str) -> None:
        """Send a Close frame, and end soon. Idempotent. The reason is cut to the 123 bytes that fit."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason.encode()[:123].decode(errors="ignore"))
            self._write()
            self._part()

    async def listen(self, ping_interval: float) -> None:
        """Answer pings until the other side has gone, or has closed.

        Args:
            ping_interval: seconds between pings. One from whom nothing comes between two has gone. 0: no pings.
        """
        if ping_interval:
            self._timer = asyncio.get_running_loop().call_later(ping_interval, self._ping, ping_interval)
        try:
            with suppress(StreamClosedError):
                while await self._read():
                    pass
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._stream.close()

    async def _read(self) -> bool:
        """Read a piece. Returns whether more may follow."""
        data = await self._stream.read_bytes(AT_ONCE, partial=True)
        self._heard = True
        self._protocol.receive_data(data)
        frames = len(self._protocol.events_received())
        # Who does not read the pongs is not read.
        if answers := b"".join(self._protocol.data_to_send()):
            await self._stream.write(answers)
        if self._protocol.close_rcvd is not None or self._protocol.parser_exc is not None:
            return False
        if self._budget is not None:
            self._budget.take(frames + 1)
            if wait := self._budget.wait:
                await asyncio.sleep(wait)
        return True

    def _write(self) -> None:
        with suppress(StreamClosedError):
            asyncio.ensure_future(self._stream.write(b"".join(self._protocol.data_to_send()))).add_done_callback(_noted)

    def _ping(self, interval: float) -> None:
        if not self._heard:
            self.close(CloseCode.INTERNAL_ERROR, f"no answer to a ping within {interval:g} s")
            return
        self._heard = False
        self._protocol.send_ping(b"")
        self._write()
        self._timer = asyncio.get_running_loop().call_later(interval, self._ping, interval)

    def _part(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(PARTING, self._stream.close)


def _noted(sent: asyncio.Future[None]) -> None:
    """Ignore that the other side has left meanwhile."""
    if not sent.cancelled():
        sent.exception()
