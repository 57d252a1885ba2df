"""Connect to an app's endpoint and exchange one HTTP request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from enum import Enum

from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream, StreamClosedError

from dash_devices_nb.errors import RegistrationError, UpstreamError
from dash_devices_nb.registration import Registration, UnixEndpoint, check_socket

MAX_HEAD = 65_536  # bytes


async def connect(record: Registration, timeout: float) -> socket.socket:
    """Connect to an app's endpoint; the socket is non-blocking.

    Args:
        record: names the endpoint, which is checked again: the file system may have changed.
        timeout: in seconds.

    Raises:
        UpstreamError: nobody listens there, the connection takes too long, or the endpoint is not acceptable.
    """
    endpoint = record.endpoint
    if isinstance(endpoint, UnixEndpoint):
        try:
            check_socket(endpoint.path)
        except FileNotFoundError as exc:
            raise UpstreamError(
                f"the socket of the app {record.name!r} is gone: its kernel ended or was restarted"
            ) from exc
        except RegistrationError as exc:
            raise UpstreamError(str(exc)) from exc
        family, address = socket.AF_UNIX, endpoint.path
    else:
        family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        address = (endpoint.host, endpoint.port)  # type: ignore[assignment]
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        async with asyncio.timeout(timeout):
            await asyncio.get_running_loop().sock_connect(sock, address)
    except TimeoutError as exc:
        sock.close()
        raise UpstreamError(f"the app {record.name!r} did not take a connection within {timeout:g} s") from exc
    except OSError as exc:
        sock.close()
        raise UpstreamError(
            f"nobody listens for the app {record.name!r} ({exc.strerror}): its kernel ended or was restarted"
        ) from exc
    except BaseException:
        sock.close()
        raise
    return sock


class Progress(Enum):
    """How far an exchange is. It goes on from one to the next, or from the first to the last."""

    ASKING = "the response has not begun"
    ANSWERING = "the head of the response has come"
    COMPLETE = "all of the response has come"
    LATE = "the app did not begin its response in time"


class Exchange(HTTPMessageDelegate):
    """One HTTP request to an app and its response, streamed in both directions.

    Args:
        sock: from `connect`.
        on_head: called with the response's status line and headers.
        on_body: called with each piece of the body. Reading waits until it is done.
    """

    def __init__(
        self,
        sock: socket.socket,
        on_head: Callable[[ResponseStartLine, HTTPHeaders], Awaitable[None]],
        on_body: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self._stream = IOStream(sock, max_buffer_size=4 * MAX_HEAD)
        # The body passes through piece by piece, so its total needs no limit.
        parameters = HTTP1ConnectionParameters(max_header_size=MAX_HEAD, max_body_size=2**63)
        self._connection = HTTP1Connection(self._stream, is_client=True, params=parameters)
        self._on_head = on_head
        self._on_body = on_body
        self._progress = Progress.ASKING

    @property
    def answered(self) -> bool:
        """Whether the response has begun."""
        return self._progress in (Progress.ANSWERING, Progress.COMPLETE)

    async def send_head(self, method: str, path: str, headers: HTTPHeaders) -> None:
        """Send the head of the request. A closed connection is reported by `receive`."""
        try:
            await self._connection.write_headers(RequestStartLine(method, path, "HTTP/1.1"), headers)
        except StreamClosedError:
            self._stream.close()

    async def send_body(self, chunk: bytes) -> None:
        """Send a piece of the request's body; wait until the app takes it."""
        if self._stream.closed() or self.answered:
            return
        try:
            await self._connection.write(chunk)
        except StreamClosedError:
            self._stream.close()

    async def receive(self, timeout: float) -> None:
        """End the request and forward the response.

        Args:
            timeout: how long the app may take to begin its response, in seconds; 0 for no limit.

        Raises:
            UpstreamError: the response did not begin in time, or broke off.
        """
        loop = asyncio.get_running_loop()
        timer = loop.call_later(timeout, self._give_up) if timeout else None
        try:
            if not self._stream.closed():
                self._connection.finish()
            await self._connection.read_response(self)
        except StreamClosedError as exc:
            raise UpstreamError(self._why(timeout)) from exc
        finally:
            if timer is not None:
                timer.cancel()
            self.close()
        if self._progress is not Progress.COMPLETE:
            raise UpstreamError(self._why(timeout))

    def _why(self, timeout: float) -> str:
        if self._progress is Progress.LATE:
            return f"the app did not begin to answer within {timeout:g} s"
        if self.answered:
            return "the app closed the connection in the middle of its answer"
        return "the app closed the connection without an answer that is HTTP"

    def _give_up(self) -> None:
        if self._progress is Progress.ASKING:
            self._progress = Progress.LATE
            self._stream.close()

    def close(self) -> None:
        """Close the connection to the app. Idempotent."""
        self._stream.close()

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """Pass the response's head on. Interim responses (1xx) are dropped."""
        assert isinstance(start_line, ResponseStartLine)
        if start_line.code < 200:
            return None
        self._progress = Progress.ANSWERING
        return self._on_head(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Pass a piece of the response's body on."""
        return self._on_body(chunk)

    def finish(self) -> None:
        """Note that the response is complete."""
        if self._progress is Progress.ANSWERING:  # an interim response ends, too
            self._progress = Progress.COMPLETE
