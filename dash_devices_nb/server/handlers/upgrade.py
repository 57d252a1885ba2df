"""Upgrading a browser's request to a WebSocket of the app.

The app answers the browser's own ``Sec-WebSocket-Key``, so its 101 is relayed and no frame is
decoded here. The offer of extensions is not forwarded: frame lengths of compressed messages say
nothing about their size, and compressing large messages would block the event loop.

If possible, the app is offered the browser's own socket, to write to it.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from tornado.httputil import (
    HTTPHeaders,
    HTTPInputError,
    ResponseStartLine,
    parse_response_start_line,
)
from tornado.iostream import SSLIOStream

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.errors import UpstreamError
from dash_devices_nb.registration import handover
from dash_devices_nb.server.handlers.access import Refused
from dash_devices_nb.server.proxy.frame_tracker import BY_ITSELF, FrameTracker
from dash_devices_nb.server.proxy.socket_transport import SocketTransport
from dash_devices_nb.server.proxy.splice import Splice, take_socket
from dash_devices_nb.server.proxy.upstream import MAX_HEAD, connect

if TYPE_CHECKING:
    from dash_devices_nb.server.handlers.app import AppHandler


async def upgrade(handler: AppHandler) -> None:
    """Connect the browser that sent this request with the app.

    Raises:
        Refused: the request is not a WebSocket handshake, or the app refused it.
    """
    if handler.request.method != "GET":
        raise Refused(405, f"A WebSocket is opened by GET, not by {handler.request.method}.")
    check_handshake(handler.request.headers)
    extension = handler.extension
    try:
        sock = await connect(handler.record, extension.connect_timeout)
    except UpstreamError as exc:
        handler.no_answer(exc)
        return
    try:
        async with asyncio.timeout(extension.page_timeout or None):
            offered = handover.possible(sock) and not isinstance(_stream_of(handler), SSLIOStream)
            await asyncio.get_running_loop().sock_sendall(sock, _request(handler, offered=offered))
            first, headers, early = await _response_head(sock)
    except (OSError, UpstreamError, TimeoutError) as exc:
        sock.close()
        why = str(exc) or f"no answer within {extension.page_timeout:g} s"
        handler.no_answer(UpstreamError(f"the app did not open the WebSocket: {why}"))
        return
    except BaseException:
        sock.close()
        raise
    if first.code != 101:
        sock.close()
        code = first.code if 400 <= first.code < 600 else 502
        said = f"The app {handler.record.name!r} refused the WebSocket with {first.code} {first.reason}"
        text = early.decode(errors="replace").strip()[:500] or "no reason given"
        # Guests must not see the app's own errors, which show the program.
        raise Refused(code, f"{said}." if code >= 500 and handler.visitor.is_guest else f"{said}: {text}")
    taken = offered and headers.get(handover.HEADER) == handover.TAKEN
    _join(handler, sock, _answer(headers), early, taken=taken)


def check_handshake(headers: HTTPHeaders) -> None:
    """Check the headers of a WebSocket handshake.

    Raises:
        Refused: 400 or 426; they are none.
    """
    connection = [part.strip().lower() for part in headers.get("Connection", "").split(",")]
    version = headers.get("Sec-WebSocket-Version")
    if "upgrade" not in connection or "Sec-WebSocket-Key" not in headers:
        raise Refused(400, "A WebSocket needs 'Connection: Upgrade' and a Sec-WebSocket-Key.")
    if "Transfer-Encoding" in headers or headers.get("Content-Length", "0").strip("0"):
        raise Refused(400, "The handshake of a WebSocket has no body.")
    if version != "13":
        raise Refused(426, f"The WebSocket's version is {version!r:.20}, expected '13'.")


def _stream_of(handler: AppHandler) -> object:
    """The connection to the browser."""
    return getattr(handler.request.connection, "stream", None)


def _request(handler: AppHandler, *, offered: bool) -> bytes:
    headers = handler.app_headers
    if offered:
        headers[handover.HEADER] = handover.OFFERED
    headers["Upgrade"] = "websocket"
    headers["Connection"] = "Upgrade"
    lines = [f"GET {handler.target} HTTP/1.1"]
    lines.extend(f"{name}: {value}" for name, value in headers.get_all())
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _response_head(
    sock: socket.socket,
) -> tuple[ResponseStartLine, HTTPHeaders, bytes]:
    """Read the app's status line and headers, and the bytes behind them."""
    loop = asyncio.get_running_loop()
    data = b""
    while b"\r\n\r\n" not in data:
        piece = await loop.sock_recv(sock, MAX_HEAD)
        if not piece:
            raise UpstreamError("it closed the connection without an answer")
        data += piece
        if len(data) > MAX_HEAD:
            raise UpstreamError(f"its answer's head is longer than {MAX_HEAD} bytes")
    head, _, rest = data.partition(b"\r\n\r\n")
    first, _, lines = head.decode("latin-1").partition("\r\n")
    try:
        start = parse_response_start_line(first)
        headers = HTTPHeaders.parse(lines)
    except HTTPInputError as exc:
        raise UpstreamError(f"its answer is not HTTP: {first!r:.100}") from exc
    if start.code != 101:
        while len(rest) < MAX_HEAD and (piece := await loop.sock_recv(sock, MAX_HEAD)):
            rest += piece
    return start, headers, rest


def _answer(headers: HTTPHeaders) -> bytes:
    """The 101 for the browser, with only the handshake's headers of the app."""
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    for name in ("Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"):
        lines.extend(f"{name}: {value}" for value in headers.get_list(name))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _join(handler: AppHandler, sock: socket.socket, answer: bytes, early: bytes, *, taken: bool) -> None:
    """Answer the browser and splice the connections. `taken`: the app waits for the browser's socket."""
    extension = handler.extension
    record, visitor = handler.record, handler.visitor

    def cut(reason: str) -> None:
        splice.close(CloseCode.FORBIDDEN, reason)

    def ended(splice: Splice) -> None:
        extension.splice_ended(splice)
        extension.guests.leave(record.name, visitor, cut)

    splice = Splice(
        ping_interval=extension.ping_interval,
        browser=FrameTracker(
            extension.max_frame_bytes,
            lambda: extension.used(record),
            () if extension.counts_open_pages else BY_ITSELF,
        ),
        on_end=ended,
        budget=extension.guests.frames_of(record.name, visitor),
    )
    stream = handler.detach()
    try:
        if early:
            splice.app.carry(early)
        splice.app.precede(answer)
        browser, sent = take_socket(stream)
        if sent:
            splice.browser.carry(sent)
        answered = SocketTransport(browser, splice.browser)
        if taken:
            splice.hand_over(handover.give(sock, None if answered.get_write_buffer_size() else browser))
        SocketTransport(sock, splice.app)
    except BaseException:
        sock.close()
        splice.close()
        raise
    if not splice.closed:
        extension.splice_began(record.name, splice)
        extension.guests.follow(record.name, visitor, cut)
        splice.start()
