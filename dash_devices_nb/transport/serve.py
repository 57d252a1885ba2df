"""Serve an ASGI app on a socket that we bound, on whichever loop is running.

`uvicorn.Server` cannot run in a kernel: it takes over the signals, polls a flag ten times a second, and
turns a port conflict into a SystemExit that kills the kernel. Its protocol classes do none of
that, so this module gives them to `loop.create_server` and keeps track of connections and tasks:

- The listening socket is set up in an empty `contextvars.Context`. asyncio copies the context of
  the code that registers a callback, so everything a connection starts would otherwise print into
  the notebook cell that started the server.
- Each request and each WebSocket is one task. `stop` sends Close frames, gives the tasks
  some time to end, cancels the rest, and returns when no task and no connection is left.
- An exception from the app goes to this module's logger, with the request, and to `on_error`. A
  task that `stop` cancelled, or a client that left, is no error.

The app's own lifespan (`app.startup()`, `app.shutdown()` in Quart) is the caller's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import ssl
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.utils import ClientDisconnected

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.transport import hangup
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.http_parser import HeldFlow, HttpParser
from dash_devices_nb.transport.server_state import ServingState, serving_state_of
from dash_devices_nb.transport.websocket import WebSocket

__all__ = ["OUTLIVING", "ASGIApp", "BoundSocket", "Message", "Outlive", "Receive", "Scope", "Send", "Server"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Outlive = Callable[[Coroutine[object, object, None], Callable[[str], object]], None]
"""Runs what outlives the request that began it; the function ends it, with a reason, when the server stops."""

OUTLIVING = "dash_devices_nb.outliving"
"""The key in a scope under which our server gives its `Outlive`."""

logger = logging.getLogger(__name__)

HEAD_SECONDS = 10.0
"""How long, in seconds, a connection may take to send the head of a request.

It counts from the start of the connection, or from the first byte of the head. Bodies have no such limit.
"""
IDLE_SECONDS = 5
"""How long, in seconds, an idle connection is kept after an answer."""
AT_ONCE, WAITING = 16, 512
"""Connections accepted per turn of the loop, and the backlog."""
STALLED_SECONDS = 120.0
"""How long, in seconds, a client may read nothing of an answer."""
CANCEL_TIMEOUT = 1.0
"""How long, in seconds, a cancelled request may take to clean up before `stop` gives up on it."""
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class _Http(H11Protocol):
    """One HTTP connection, read a piece at a time (`http_parser`). An upgrade hands its transport to `WebSocket`."""

    conn: HttpParser
    flow: HeldFlow

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._books = serving_state_of(self.server_state)
        self.logger = self._books.logger
        self.access_log = False
        self.conn = HttpParser()
        self._came = bytearray()
        self._head: asyncio.TimerHandle | None = None
        self._begun = False
        self._looking: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self.since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.since = self.loop.time()
        # So that it hears of all that nobody reads, and not only of much (see `pause_writing`).
        transport.set_write_buffer_limits(high=1)
        self.flow = HeldFlow(transport)
        self._await_head()
        self._books.make_room(self)

    @property
    def idle(self) -> bool:
        """Whether no request is being answered."""
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return cycle is None or cycle.response_complete

    def data_received(self, data: bytes) -> None:
        self._begun = True
        parser = self.conn
        parser.refill()
        if not self._came and not parser.cut and parser.takes and len(data) <= parser.piece():
            super().data_received(data)  # the usual case
        else:
            self._came += data
        self._parse()
        if self.flow.read_paused and self._looking is None:
            self._looking = self.loop.call_later(hangup.LOOK_SECONDS, self._look)
        if not self.idle or self.transport.get_protocol() is not self or self.transport.is_closing():
            self._await_no_head()
        elif self._head is None and self.timeout_keep_alive_task is None:
            self._await_head()

    def _parse(self) -> None:
        """Feed the parser. Bytes beyond its limit, or of the next request, wait."""
        parser = self.conn
        while self._goes_on():
            if parser.cut:
                if parser.left < 1:
                    break
                parser.resume()
                self.handle_events()
            elif self._came and parser.takes:
                piece = bytes(self._came[: parser.piece()])
                del self._came[: len(piece)]
                super().data_received(piece)
            else:
                break
        if not self._goes_on():
            self._came.clear()
            parser.resume()
            self._books.turns.leave(self._turn)
        elif self._came or parser.cut:
            self.flow.hold()
            if parser.cut:
                self._books.turns.wait(self._turn)
        elif self.flow.held:
            self.flow.release()
            if self.idle or len(self.cycle.body) <= HIGH_WATER_LIMIT:
                self.flow.resume_reading()

    def _goes_on(self) -> bool:
        return not self.transport.is_closing() and self.transport.get_protocol() is self

    def _turn(self) -> None:
        """Parse more of what waits, unless the client has gone."""
        if self._hung_up():
            self.transport.abort()
            return
        self.conn.turn()
        self._parse()

    def _should_upgrade(self) -> bool:
        """Whether it is a WebSocket handshake. With a body it would wait forever (RFC 6455, section 4.1)."""
        return self.scope["method"] == "GET" and not _has_body(self.headers) and super()._should_upgrade()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """From here on it is the WebSocket that waits for who reads nothing of what was answered before."""
        self._await_no_room()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._came or self.conn.cut:
            self._parse()

    def send_400_response(self, msg: str) -> None:
        """Refuse bytes that are not HTTP. A request whose body contains them ends."""
        if not self.idle:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:  # an answer has begun
            self.transport.close()

    def pause_writing(self) -> None:
        """Limit how long a client may read nothing: it takes a connection, and memory for the answer."""
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._await_no_room()

    def _await_no_room(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _look(self) -> None:
        """Close the connection if the client has gone while nothing was read. Its request would go on."""
        self._looking = None
        if not self.flow.read_paused:
            return
        if self._hung_up():
            self.transport.abort()
        else:
            self._looking = self.loop.call_later(hangup.LOOK_SECONDS, self._look)

    def _hung_up(self) -> bool:
        socket = self.transport.get_extra_info("socket")
        return socket is not None and hangup.hung_up(socket.fileno())

    def _await_head(self) -> None:
        self._head = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _await_no_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _too_slow(self) -> None:
        """Close a connection that takes a place and requests nothing."""
        self._head = None
        if self._begun:  # a browser that connects ahead would take this for the answer to its next request
            self.transport.write(TOO_SLOW)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._await_no_head()
        self._await_no_room()
        self._books.turns.leave(self._turn)
        self._came.clear()
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        super().connection_lost(exc)
        self._books.changed.set()


def _has_body(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0")) for name, value in headers
    )


class Server:
    """An ASGI app on a bound socket. All methods are for the thread of the loop that serves."""

    def __init__(
        self,
        app: ASGIApp,
        sock: BoundSocket,
        *,
        max_message_bytes: int,
        ping_interval: float | None = None,
        ssl_context: ssl.SSLContext | None = None,
        on_error: Callable[[BaseException, Scope], None] | None = None,
    ) -> None:
        """Prepare, without accepting connections yet.

        Args:
            app: the ASGI application.
            sock: the socket to serve on. The server owns it from now on.
            max_message_bytes: the largest WebSocket message taken, in bytes; a larger one closes
                that WebSocket with code 1009.
            ping_interval: seconds between WebSocket pings, None for no pings.
            ssl_context: for TLS; None for plain connections.
            on_error: called with an exception from the app and the request's scope, after it
                was logged.
        """
        self._app = app
        self._bound = sock
        self._ssl = ssl_context
        self._on_error = on_error
        self._state: ServingState | None = None
        self._server: asyncio.Server | None = None
        self._stops: dict[asyncio.Task[None], Callable[[str], object]] = {}
        self._config = Config(
            self._guarded,
            http=_Http,
            ws=WebSocket,
            ws_max_size=max_message_bytes,
            ws_ping_interval=ping_interval,
            ws_ping_timeout=ping_interval,
            ws_per_message_deflate=False,
            timeout_keep_alive=IDLE_SECONDS,
            lifespan="off",
            log_config=None,
            access_log=False,
            interface="asgi3",
            proxy_headers=False,
            server_header=False,
        )

    @property
    def url(self) -> str:
        """The direct URL of the app, with a final slash; "unix:PATH" for a Unix socket."""
        url = self._bound.url
        return url.replace("http://", "https://", 1) if self._ssl else url

    @property
    def socket(self) -> BoundSocket:
        """The socket it serves on."""
        return self._bound

    @property
    def running(self) -> bool:
        """Whether connections are accepted."""
        return self._server is not None and self._state is not None and not self._state.stopping

    @property
    def connections(self) -> set[Any]:
        """The open connections: our protocols for HTTP and WebSockets."""
        return set() if self._state is None else self._state.connections

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """The requests and WebSockets that run."""
        return set() if self._state is None else self._state.tasks

    async def start(self) -> None:
        """Accept connections from now on, on the running loop, in an empty context.

        Raises:
            RuntimeError: it was started before. A server can be started only once.
        """
        if self._state is not None:
            raise RuntimeError("This server was started before; make a new one on a new socket.")
        self._state = state = ServingState(logger)
        self._config.load()
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.Protocol:
            return _Http(config=self._config, server_state=state, app_state={}, _loop=loop)

        slowest = HEAD_SECONDS if self._ssl else None
        create = loop.create_server(
            protocol, sock=self._bound.sock, ssl=self._ssl, ssl_handshake_timeout=slowest, backlog=AT_ONCE
        )
        self._server = await loop.create_task(create, context=contextvars.Context())
        self._bound.sock.listen(WAITING)  # asyncio uses one number for both

    async def stop(self, timeout: float = 2.0, reason: str = "The app stopped") -> None:
        """Close everything; afterwards none of its tasks, connections, descriptors or files is left.

        WebSockets are closed with code 1012 and `reason`. Requests may finish within `timeout`
        seconds and are then cancelled. Idempotent. A server that was not started only closes its
        socket. Cancelling `stop` drops the requests and connections at once.

        Args:
            timeout: how long requests may take to finish, in seconds.
            reason: the reason that pages get, at most 123 bytes of UTF-8.
        """
        state = self._state
        if self._server is not None:
            self._server.close()
        self._bound.close()
        if state is None:
            return
        state.stop()
        for stop in list(self._stops.values()):
            stop(reason)
        for connection in list(state.connections):
            if isinstance(connection, WebSocket):
                connection.stop(reason)
            else:
                connection.shutdown()
        try:
            if await self._drained(state, timeout):  # pragma: no branch - lost by the tracer of Python 3.11
                return
        finally:
            for task in _others(state.tasks):
                task.cancel()  # pragma: no cover - lost by the tracer of Python 3.11; tests see it done
        if tasks := _others(state.tasks):  # pragma: no cover - lost by the tracer of Python 3.11; tests see it done
            await asyncio.wait(tasks, timeout=CANCEL_TIMEOUT)
        for connection in list(state.connections):
            connection.transport.abort()
        if not await self._drained(state, CANCEL_TIMEOUT):
            logger.error(  # pragma: no cover - lost by the tracer of Python 3.11; a test sees it done
                "%d request(s) go on although they were cancelled: %s",
                len(state.tasks),
                ", ".join(map(repr, state.tasks)),
            )

    async def _drained(self, state: ServingState, timeout: float) -> bool:
        """Wait until no request runs and no connection is open; False if that takes too long."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    if tasks := _others(state.tasks):
                        await asyncio.wait(tasks)
                        await asyncio.sleep(0)  # let the callback run that removes them from the set
                    elif state.connections:
                        state.changed.clear()
                        await state.changed.wait()
                    else:
                        return True
        except TimeoutError:
            return False

    def _outlive(self, work: Coroutine[object, object, None], stop: Callable[[str], object]) -> None:
        state = self._state
        assert state is not None  # only a scope has this method
        task = asyncio.get_running_loop().create_task(work)
        state.tasks.add(task)
        self._stops[task] = stop

        def over(task: asyncio.Task[None]) -> None:
            state.tasks.discard(task)
            self._stops.pop(task, None)

        task.add_done_callback(over)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app and log its errors. Our own cancellation is no error."""
        started = False

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            scope[OUTLIVING] = self._outlive
            await self._app(scope, receive, noting_send)
        except ClientDisconnected:
            return
        except asyncio.CancelledError:
            if self.running:
                raise  # the program has cancelled it
            if not started and scope["type"] == "http":
                await _answer(send, 503, b"The app stopped before it had answered.\n")
        except Exception as exc:
            request = f"{scope.get('method', 'WebSocket')} {scope['path']}"
            logger.exception("%s failed", request)
            if self._on_error is not None:
                self._on_error(exc, scope)
            if not started and scope["type"] == "http":
                await _answer(send, 500, b"Internal Server Error\n")
            elif started and scope["type"] == "websocket":
                with contextlib.suppress(ClientDisconnected, RuntimeError):  # it is already closed
                    await send({"type": "websocket.close", "code": CloseCode.INTERNAL_ERROR, "reason": "app failed"})


def _others(tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """All tasks but the current one: a request may itself stop the server."""
    return tasks - {task for task in (asyncio.current_task(),) if task is not None}


async def _answer(send: Send, status: int, body: bytes) -> None:
    """Send a whole plain-text response."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
