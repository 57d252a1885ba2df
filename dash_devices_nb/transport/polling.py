"""WebSockets over HTTP requests, for pages behind a proxy that lets no WebSocket pass (`polled_websocket`).

The requests of a page are authenticated one by one, as all requests are. `open` then begins a WebSocket at the entrance
that it came through itself, with the same headers. So whatever decides about a WebSocket decides about this one: hosts,
origins, secrets, share links, the program's guards and hooks, limits and budgets. The app cannot tell the two apart.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.registration.polling import Step, path_of_websocket, step_of
from dash_devices_nb.transport.polled_websocket import OutOfTurnError, PolledWebSocket, close_frame
from dash_devices_nb.transport.serve import OUTLIVING, ASGIApp, Outlive, Receive, Scope, Send
from dash_devices_nb.transport.writer import EXTENSION

FASTEST_SECONDS = 0.1
"""The shortest time between two answers to one page."""
ANSWERS_A_SECOND = 100
"""Answers a second to all pages together: with many pages each gets them more seldom."""
LONGEST_HEAD = 100
"""Bytes of the first line of a body: the connection and the number of the request."""
MESSAGES = 32 * 1024 * 1024
MOST_TOGETHER = 1000
"""Messages in one request. Pages send less; cutting up many of them would take long."""
OK, NO_CONTENT, BAD_REQUEST, CONFLICT, GONE = 200, 204, 400, 409, 410
ABOUT_A_BODY = (b"content-length", b"content-type", b"content-encoding", b"transfer-encoding")

log = logging.getLogger(__name__)


def step_of_scope(scope: Scope) -> Step | None:
    """What a request of a polled WebSocket is for. None: it is another request, or a WebSocket."""
    return step_of(scope["method"], scope["path"]) if scope["type"] == "http" else None


async def close_at_once(send: Send, code: int, reason: str) -> None:
    """Answer a request of a polled WebSocket with its end, so that the page learns why."""
    await _answer(send, OK, close_frame(code, reason))


class Polling:
    """The polled WebSockets that came through one entrance. On the loop.

    Args:
        entrance: the ASGI application that authenticates WebSockets.
        max_message_bytes: the largest message of a page; a larger one closes its WebSocket with code 1009.
    """

    def __init__(self, entrance: ASGIApp, max_message_bytes: int = MESSAGES) -> None:
        self._entrance = entrance
        self._most = max_message_bytes
        self._sockets: dict[str, PolledWebSocket] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, step: Step, who: bytes, entered: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that was authenticated.

        Args:
            step: what it is for.
            who: the person. The requests of one WebSocket come from the same one.
            entered: the request as it came to the entrance.
            receive: of the request.
            send: of the request.
        """
        who += b" " + b" ".join(value for name, value in entered["headers"] if name.lower() == b"origin")
        if step is Step.OPEN:
            socket = self._open(who, entered)
            await _answer(send, OK, socket.id.encode(), b"text/plain")
            return
        body = _Body(receive)
        try:
            name, number = await body.head()
            found = self._sockets.get(name)
            if found is None or found.who != who:
                await _answer(send, GONE, b"There is no such connection.\n", b"text/plain")
            elif step is Step.UP:
                await self._up(found, number, body)
                await _answer(send, NO_CONTENT, b"")
            else:
                await self._down(found, number, receive, send)
        except _BrokenOffError:
            return
        except ValueError as error:
            await _answer(send, BAD_REQUEST, f"{error}\n".encode(), b"text/plain")
        except OutOfTurnError as error:
            await _answer(send, CONFLICT, f"{error}\n".encode(), b"text/plain")

    def _open(self, who: bytes, entered: Scope) -> PolledWebSocket:
        socket = PolledWebSocket(who, self._pause, lambda socket: self._sockets.pop(socket.id, None))
        self._sockets[socket.id] = socket
        path = path_of_websocket(entered["path"])
        raw = entered.get("raw_path")
        scope = {
            **{name: value for name, value in entered.items() if name != "method"},
            "type": "websocket",
            "scheme": {"https": "wss"}.get(entered.get("scheme", ""), "ws"),
            "path": path,
            "raw_path": path.encode() if raw is None else path_of_websocket(raw.decode("latin-1")).encode("latin-1"),
            "query_string": b"",
            "headers": [pair for pair in entered["headers"] if pair[0].lower() not in ABOUT_A_BODY],
            "subprotocols": [],
            "extensions": {EXTENSION: socket},
        }
        outlive: Outlive = entered.get(OUTLIVING) or self._outlive
        outlive(self._run(socket, scope), lambda reason: socket.close(CloseCode.SERVICE_RESTART, reason))
        return socket

    async def _run(self, socket: PolledWebSocket, scope: Scope) -> None:
        """Be the server of one WebSocket, until the app has done with it."""
        try:
            await self._entrance(scope, socket.receive, socket.send)
        except Exception:
            log.exception("WebSocket %s failed", scope["path"])
            socket.close(CloseCode.INTERNAL_ERROR, "app failed")
        finally:
            socket.close(CloseCode.GOING_AWAY, "")

    def _outlive(self, work: Coroutine[object, object, None], stop: Callable[[str], object]) -> None:
        """Run a WebSocket on somebody else's server. The app closes it when that server stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _pause(self) -> float:
        return max(FASTEST_SECONDS, len(self._sockets) / ANSWERS_A_SECOND)

    async def _down(self, socket: PolledWebSocket, number: int, receive: Receive, send: Send) -> None:
        try:
            answer = await _while_asked(socket.fetch(number), receive)
        except asyncio.CancelledError:
            socket.hung_up()
            raise
        if answer is None:
            socket.hung_up()
        else:
            await _answer(send, OK, answer)

    async def _up(self, socket: PolledWebSocket, number: int, body: _Body) -> None:
        if not await socket.turn(number):
            return
        texts: list[str] = []
        whole = False
        try:
            async for size in body.more():
                socket.holds(size)
                if size > self._most:
                    socket.close(CloseCode.MESSAGE_TOO_BIG, f"over {self._most} bytes")
                if socket.over:
                    return
            if body.lines > MOST_TOGETHER:
                socket.close(CloseCode.POLICY_VIOLATION, f"more than {MOST_TOGETHER} messages in one request")
                return
            text = body.text()
            texts = text.split("\n") if text else []
            whole = True
        except UnicodeDecodeError:
            socket.close(CloseCode.INVALID_DATA, "a text that is no UTF-8")
        finally:
            if whole:
                socket.took(texts)
            else:
                socket.broke_off()


class _BrokenOffError(Exception):
    """A request has ended before its body."""


class _Body:
    """The body of a request: a line with the connection and a number, then one message on each line."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._data = bytearray()
        self._more = True

    async def _read(self) -> None:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise _BrokenOffError
        self._data += message.get("body", b"")
        self._more = bool(message.get("more_body"))

    async def head(self) -> tuple[str, int]:
        """The connection, and the number of the request. Raises ValueError."""
        while self._more and b"\n" not in self._data and len(self._data) <= LONGEST_HEAD:
            await self._read()
        line, _, rest = self._data.partition(b"\n")
        parts = line.split(b" ")
        if len(line) > LONGEST_HEAD or len(parts) != 2 or not parts[1].isdigit():
            raise ValueError("The first line of the body has a connection and a number, with a space between them.")
        self._data = rest
        return parts[0].decode("latin-1"), int(parts[1])

    async def more(self) -> AsyncIterator[int]:
        """Read the rest. Gives how many bytes there are now, again and again."""
        yield len(self._data)
        while self._more:
            await self._read()
            yield len(self._data)

    @property
    def lines(self) -> int:
        """How many lines have come after the first."""
        return self._data.count(b"\n") + 1

    def text(self) -> str:
        """The rest. Raises UnicodeDecodeError."""
        return self._data.decode()


async def _while_asked(fetching: Coroutine[object, object, bytes], receive: Receive) -> bytes | None:
    """Wait for an answer as long as the page does. Returns None if the page has hung up."""
    answer = asyncio.ensure_future(fetching)
    hung_up = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((answer, hung_up), return_when=asyncio.FIRST_COMPLETED)
        return await answer if answer.done() else None
    finally:
        answer.cancel()
        hung_up.cancel()
        await asyncio.gather(answer, hung_up, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(send: Send, status: int, body: bytes, kind: bytes = b"application/octet-stream") -> None:
    headers = [(b"cache-control", b"no-store")]
    if status != NO_CONTENT:
        headers += [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
