"""Serves an ASGI app on a socket that we bound, on whichever loop is running.

`uvicorn.Server` cannot live in a kernel: it takes the signals, polls a flag ten times a second, and
turns a port conflict into a SystemExit that kills the kernel. Its protocol classes have none of
that, so this module hands them to `loop.create_server` and keeps the books itself:

- The listening socket is set up in an empty `contextvars.Context`. asyncio copies the context of
  whoever registers a callback, so everything a connection starts would otherwise print into the
  notebook cell that started the server.
- Each request and each WebSocket is one task. `stop` closes the sockets politely, gives the tasks a
  time to end, cancels the rest, and returns when no task and no connection is left.
- An exception that leaves the app goes to this module's logger, whose record names the request, and
  to `on_error`; a task that `stop` cancelled, or a client that left, is no error.

The app's own lifespan (`app.startup()`, `app.shutdown()` in Quart) is the caller's business.
"""

import asyncio
import contextlib
import contextvars
import logging
import ssl
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected

from dash_devices_nb.transport import hangup
from dash_devices_nb.transport.bind import BoundSocket
from dash_devices_nb.transport.books import Books, books_of
from dash_devices_nb.transport.websocket import WebSocket

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as _HttpBase
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as _HttpBase

__all__ = ["ASGIApp", "BoundSocket", "Message", "Receive", "Scope", "Send", "Server"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)

HEAD_SECONDS = 10.0
"""How long, in seconds, a connection has to send the head of a request: from its start, or from the head's first byte.

A request that has begun takes its time.
"""
IDLE_SECONDS = 5
"""How long, in seconds, a connection is kept whose request is answered."""
CANCEL_TIMEOUT = 1.0
"""How long, in seconds, a cancelled request may take to clean up before `stop` gives it up."""
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class _Http(_HttpBase):
    """One HTTP connection; an upgrade hands its transport to `WebSocket`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = books_of(self.server_state).logger
        self.access_log = False
        self._head: asyncio.TimerHandle | None = None
        self._begun = False
        self._looking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        self._begun = True
        super().data_received(data)
        if self.flow.read_paused and self._looking is None:
            self._looking = self.loop.call_later(hangup.LOOK_SECONDS, self._look)
        cycle: Any = self.cycle  # None before the first request
        serving = cycle is not None and not cycle.response_complete
        if serving or self.transport.get_protocol() is not self or self.transport.is_closing():
            self._await_no_head()
        elif self._head is None and self.timeout_keep_alive_task is None:
            self._await_head()

    def _look(self) -> None:
        """End the connection of who has gone while nothing was read: its request would go on."""
        self._looking = None
        if not self.flow.read_paused:
            return  # pragma: no cover - reading goes on in the very turn in which it is looked
        socket = self.transport.get_extra_info("socket")
        if socket is not None and hangup.hung_up(socket.fileno()):
            self.transport.abort()
        else:
            self._looking = self.loop.call_later(hangup.LOOK_SECONDS, self._look)

    def _await_head(self) -> None:
        self._head = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _await_no_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _too_slow(self) -> None:
        """End a connection that holds a place and asks for nothing."""
        self._head = None
        if (
            self._begun
        ):  # not to a browser that has connected ahead: it would take it for the answer to what it asks next
            self.transport.write(TOO_SLOW)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._await_no_head()
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        super().connection_lost(exc)
        books_of(self.server_state).changed.set()


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
        """Prepares, but does not accept connections yet.

        Args:
            app: The ASGI application.
            sock: The socket to serve on; the server owns it from now on.
            max_message_bytes: The largest WebSocket message taken, in bytes; a larger one closes
                that WebSocket with code 1009.
            ping_interval: Seconds between WebSocket pings, None for no pings.
            ssl_context: Serve TLS with it.
            on_error: Called with an exception that left the app and the request's scope, after it
                was logged.
        """
        self._app = app
        self._bound = sock
        self._ssl = ssl_context
        self._on_error = on_error
        self._state: Books | None = None
        self._server: asyncio.Server | None = None
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

    async def start(self) -> None:
        """Accepts connections from now on, on the running loop, in an empty context.

        Raises:
            RuntimeError: It was started before; a server is started once.
        """
        if self._state is not None:
            raise RuntimeError("This server was started before; make a new one on a new socket.")
        self._state = state = Books(logger)
        self._config.load()
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.Protocol:
            return _Http(config=self._config, server_state=state, app_state={}, _loop=loop)

        slowest = HEAD_SECONDS if self._ssl else None
        create = loop.create_server(protocol, sock=self._bound.sock, ssl=self._ssl, ssl_handshake_timeout=slowest)
        self._server = await loop.create_task(create, context=contextvars.Context())

    async def stop(self, timeout: float = 2.0, reason: str = "The app stopped") -> None:
        """Closes everything; afterwards no task, connection, descriptor or file of it is left.

        WebSockets are closed with code 1012 and `reason`. Requests may finish within `timeout`
        seconds and are cancelled then. Is idempotent; a server that was not started only closes its
        socket. If it is cancelled itself, it drops the requests and connections at once.

        Args:
            timeout: How long requests may take to finish, in seconds.
            reason: What the pages are told, at most 123 bytes of UTF-8.
        """
        state = self._state
        if self._server is not None:
            self._server.close()
        self._bound.close()
        if state is None:
            return
        state.stopping = True
        for connection in list(state.connections):
            if isinstance(connection, WebSocket):
                connection.stop_reason = reason.encode()[:123].decode(errors="ignore")
            connection.shutdown()
        try:
            if await self._drained(state, timeout):  # pragma: no branch - lost by the tracer of Python 3.11
                return
        finally:
            for task in _others(state.tasks):
                task.cancel()  # pragma: no cover - lost by the tracer of Python 3.11; tests see it done
        if tasks := _others(state.tasks):
            await asyncio.wait(tasks, timeout=CANCEL_TIMEOUT)
        for connection in list(state.connections):
            connection.transport.abort()
        if not await self._drained(state, CANCEL_TIMEOUT):
            logger.error(
                "%d request(s) go on although they were cancelled: %s",
                len(state.tasks),
                ", ".join(map(repr, state.tasks)),
            )

    async def _drained(self, state: Books, timeout: float) -> bool:
        """Waits until no request runs and no connection is open; False if that takes too long."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    if tasks := _others(state.tasks):
                        await asyncio.wait(tasks)
                        await asyncio.sleep(0)  # the callback that takes them off the books
                    elif state.connections:
                        state.changed.clear()
                        await state.changed.wait()
                    else:
                        return True
        except TimeoutError:
            return False

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the app; its errors go to our logger, our own cancelling to none."""
        started = False

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        except ClientDisconnected:
            return
        except asyncio.CancelledError:
            if self.running:
                raise  # pragma: no cover - nobody but `stop` cancels requests; else the program has
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
                with contextlib.suppress(ClientDisconnected, RuntimeError):  # it is closed already
                    await send({"type": "websocket.close", "code": 1011, "reason": "app failed"})


def _others(tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """The tasks but the running one: a request may itself stop the server."""
    return tasks - {task for task in (asyncio.current_task(),) if task is not None}


async def _answer(send: Send, status: int, body: bytes) -> None:
    """Sends a whole plain-text response."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
