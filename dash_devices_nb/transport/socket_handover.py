"""Taking over the writing side of a browser's connection from the Jupyter server (see `registration.handover`)."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import socket
from typing import Any

from dash_devices_nb.errors import RegistrationError
from dash_devices_nb.registration import handover
from dash_devices_nb.transport.threadsafe_transport import ThreadSafeTransport

log = logging.getLogger(__name__)


class SocketHandover:
    """Waits for the browser's socket and makes the thread-safe transport write to it. On the loop.

    Nothing is written or read until the socket, or the message that it does not come, has arrived.

    Args:
        transport: wraps the connection to the extension.
        protocol: the connection's protocol; it is told when there is room to write.
        loop: the connection's loop.
    """

    def __init__(
        self, transport: ThreadSafeTransport, protocol: asyncio.BaseProtocol, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._transport = transport
        self._protocol = protocol
        self._loop = loop
        transport.hold()
        protocol.pause_writing()
        transport.pause_reading()
        # asyncio refuses a reader for a descriptor that one of its transports owns.
        self._waiting = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        loop.add_reader(self._waiting.fileno(), self._comes)
        self._task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        """Stop waiting. Idempotent."""
        if self._waiting.fileno() >= 0:
            self._loop.remove_reader(self._waiting.fileno())
            self._waiting.close()

    def _comes(self) -> None:
        try:
            taken = handover.take(self._waiting)
        except BlockingIOError:  # pragma: no cover - the system tells of something to read, and there is nothing
            return
        except OSError:
            taken = None  # the connection has broken, which its transport hears when it reads again
        except RegistrationError as exc:
            log.warning("%s; the page is written to through the Jupyter server", exc)
            taken = None
        self.cancel()
        if taken is None:
            self._go_on(None)
        else:
            self._task = self._loop.create_task(self._adopt(taken), context=contextvars.Context())

    async def _adopt(self, taken: socket.socket) -> None:
        try:
            sink, _ = await self._loop.connect_accepted_socket(lambda: _Sink(self._transport, self._protocol), taken)
        except OSError:  # pragma: no cover - it breaks between being handed over and being adopted
            taken.close()  # the browser has gone, which the extension reports
            self._go_on(None)
        else:
            self._go_on(sink)

    def _go_on(self, sink: Any) -> None:
        self._transport.release(sink)
        if self._transport.has_room:
            self._protocol.resume_writing()
        self._transport.resume_reading()


class _Sink(asyncio.Protocol):
    """The browser's socket. The extension reads what it receives."""

    def __init__(self, transport: ThreadSafeTransport, protocol: asyncio.BaseProtocol) -> None:
        self._transport = transport
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Leave the reading to the extension.

        Not at once: before Python 3.11.4 asyncio begins to read after this call, paused or not (gh-103607). It is done
        in the loop's next turn, before anything is read in it.
        """
        assert isinstance(transport, asyncio.ReadTransport)
        asyncio.get_running_loop().call_soon(transport.pause_reading)

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the connection to the extension as well."""
        self._transport.sink_lost()
