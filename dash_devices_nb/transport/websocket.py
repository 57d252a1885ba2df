"""uvicorn's WebSocket protocol, with a way past ASGI for an app that knows it.

ASGI hands a message from a queue to a task, and answers through a coroutine of the loop. A page's frames go the short
way instead, where the app asks for it (`read_with`, `write_messages`): a message is handed over in the very call in
which its bytes came, and an answer is written by the thread that has it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.http11 import Request

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.registration import handover
from dash_devices_nb.transport import hangup
from dash_devices_nb.transport.message_splitter import MessageSplitter
from dash_devices_nb.transport.server_state import serving_state_of
from dash_devices_nb.transport.socket_handover import SocketHandover
from dash_devices_nb.transport.threadsafe_transport import ThreadSafeTransport
from dash_devices_nb.transport.writer import EXTENSION, Intake, Message

"""The WebSocket close code by which a page knows that it should come back."""
CLOSING_SECONDS = 1.0
"""How long a browser that was sent a Close frame has to end the connection."""
MOST_AFTER_CLOSE = 64 * 1024
"""Bytes of a message that are kept once the connection is being closed: the other side's Close frame is after it."""
PING = b"\x89\0"
PING_SECONDS = 25.0
"""How often a browser that we serve directly is pinged; through Jupyter the extension has it done."""
MOST_UNANSWERED = 3
"""So many pings are not answered by who has gone."""


class WebSocket(WebSocketsSansIOProtocol):
    """One WebSocket, which at the end says why."""

    def __init__(self, config: Config, server_state: ServerState, *args: Any, **kw: Any) -> None:
        super().__init__(config, server_state, *args, **kw)
        self._state = serving_state_of(server_state)
        self.logger = self.conn.logger = self._state.logger
        self.conn.debug = False
        self.stop_reason = ""
        self._threadsafe: ThreadSafeTransport
        self._splitter: MessageSplitter | None = None
        self._reader: Callable[[bytes], bool] | None = None
        self._offered = self._takes = self._pinged = self._cutting = self._dropping = False
        self._intake: Intake | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._held = 0
        self._looking: asyncio.TimerHandle | None = None
        self._pong = b""
        self._socket_handover: SocketHandover | None = None
        self._unanswered = 0
        self._asks: asyncio.TimerHandle | None = None
        self.since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Put the thread-safe transport in front, so that uvicorn's own writes are in one order with ours."""
        super().connection_made(transport)
        self.since = self.loop.time()
        self._threadsafe = ThreadSafeTransport(transport, self.loop)
        self.transport = self._threadsafe  # type: ignore[assignment]

    def handle_connect(self, event: Request) -> None:
        """Offers the app the short way (see `writer`)."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]
            self._offered = event.headers.get(handover.HEADER) == handover.OFFERED
            self._splitter = MessageSplitter(self.config.ws_max_size)

    @property
    def idle(self) -> bool:
        """Whether it is over but for its end."""
        return self.close_sent

    # ---- the browser's socket

    def take_socket(self) -> None:
        """Writes to the browser's own socket, if the Jupyter server offers it. Before the WebSocket is accepted."""
        if (
            self._offered
            and not self.handshake_complete
            and handover.possible(self._threadsafe.get_extra_info("socket"))
        ):
            self.response.headers[handover.HEADER] = handover.TAKEN
            self._takes = True

    async def send(self, message: Any) -> None:
        """Sends what the app says; once the answer to the handshake is sent, the socket comes."""
        await super().send(message)
        if self._takes and message["type"] == "websocket.accept":
            self._takes = False
            if not self.transport.is_closing():  # pragma: no branch - it breaks while the handshake is written
                self._socket_handover = SocketHandover(self._threadsafe, self, self.loop)

    def _keep_alive(self) -> None:
        """Pings a browser that has taken all; one that sent nothing since the last ping has gone."""
        if self._pinged:
            self.keepalive_timeout()
        elif self.has_room():
            self._pinged = True
            self.transport.write(PING)

    def start_keepalive(self) -> None:
        """Looks now and then whether a browser is still there that we serve directly."""
        if not self._offered:
            self._asks = self.loop.call_later(PING_SECONDS, self._ask)

    def stop_keepalive(self) -> None:
        """Looks no more."""
        super().stop_keepalive()
        if self._asks is not None:
            self._asks.cancel()
            self._asks = None

    def _ask(self) -> None:
        """Pings a browser; one of which nothing has come since some pings has gone, without a word.

        One that has not taken all yet gets time, and so does one of which we do not read now.
        """
        if self.close_sent or self.transport.is_closing():
            return  # pragma: no cover - the timer is due in the very turn in which the connection ends
        if self._unanswered >= MOST_UNANSWERED:
            self.keepalive_timeout()
            return
        if self.has_room() and not self.read_paused:
            self.transport.write(PING)
            self._unanswered += 1
        self._asks = self.loop.call_later(PING_SECONDS, self._ask)

    # ---- reading

    def read_with(self, function: Callable[[bytes], bool]) -> None:
        """Has `function` take whole text messages as they come; what it does not take (False) goes through ASGI.

        It gets UTF-8 alone (RFC 6455, section 8.1), and must keep their order: once it has left one to ASGI, all that
        follow, until the app is done with that one.
        """
        self._reader = function

    def data_received(self, data: bytes) -> None:
        """Cuts the bytes into messages."""
        self._unanswered = 0
        if self._splitter is None:
            super().data_received(data)
            return
        if self.close_sent and self._splitter.held > MOST_AFTER_CLOSE:
            # A message that is not wanted any more: the end comes without the Close frame behind it.
            if not self._dropping:
                self._dropping = True
                self._await_end()
            return
        self._splitter.feed(data)
        self._cut()
        if self._intake is not None and (held := self._splitter.held) != self._held:
            self._held = held
            self._intake.holds(held)

    def _cut(self, *, all: bool = False) -> None:
        """Cuts messages until one waits for the app, or the sender shall rest: the others stay bytes meanwhile."""
        splitter = self._splitter
        if splitter is None or self._cutting:
            return
        self._cutting = True
        try:
            while all or self.close_sent or (self.queue.empty() and self._resting is None):
                if (cut := splitter.next()) is None:
                    return
                whole, part = cut
                if part == handover.PING and not whole:
                    self._keep_alive()
                    continue
                self._pinged = False
                if not whole:
                    self._rest_after(part)
                    super().data_received(part)
                elif self._left_to_asgi(part):
                    self.curr_msg_data_type, self.frames = "text", [part]
                    self.send_receive_event_to_app()
        finally:
            self._cutting = False
        self._pause()

    def _left_to_asgi(self, text: bytes) -> bool:
        """Whether a text message goes through ASGI. One that is no UTF-8 does: it ends the connection there."""
        if self._reader is None or self.close_sent or not self.queue.empty() or not _is_utf8(text):
            return True
        return not self._reader(text)

    async def receive(self) -> Any:
        """Has the app get the next message; once it has taken all that wait, what has come since is cut."""
        message = await self.queue.get()
        if self.queue.empty():
            self.loop.call_soon(self._go_on)  # not now: the app has not begun with this one
        return message

    def _go_on(self) -> None:
        self._cut()
        if self.read_paused and self.queue.empty() and self._resting is None:
            self.read_paused = False
            self.transport.resume_reading()

    def _pause(self) -> None:
        if not self.read_paused and not self.close_sent and not self.transport.is_closing():
            self.read_paused = True
            self.transport.pause_reading()
        if self.read_paused and self._intake is not None and self._looking is None:
            self._looking = self.loop.call_later(hangup.LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Ends the connection of who has gone while its messages waited: no end is heard while nothing is read."""
        self._looking = None
        if not self.read_paused or self._intake is None:
            return  # pragma: no cover - reading goes on in the very turn in which it is looked
        if self._threadsafe.hung_up():
            if not self._intake.left_waiting():
                self._splitter = None
            self.transport.abort()
        else:
            # An end that comes behind what is not read is not heard; who has gone refuses what it is sent, which is.
            if self.has_room():
                self.transport.write(PING)
            self._looking = self.loop.call_later(hangup.LOOK_SECONDS, self._look)

    def _rest_after(self, frame: bytes) -> None:
        """Reads nothing for a while from who sends more control frames and fragments than it may."""
        if self._intake is not None and (seconds := self._intake.rests(len(frame))) > 0 and self._resting is None:
            self._resting = self.loop.call_later(seconds, self._rested)

    def _rested(self) -> None:
        self._resting = None
        self._go_on()

    def guard_with(self, intake: Intake) -> None:
        """Has `intake` told of what comes besides whole messages, from now on."""
        self._intake = intake

    def handle_ping(self) -> None:
        """Answers a ping. One who reads no answers gets one, to the last ping (RFC 6455, section 5.5.3)."""
        pong = b"".join(self.conn.data_to_send())
        if self._threadsafe.has_room or self.conn.close_sent is not None:
            self.transport.write(pong)
        else:
            self._pong = pong

    # ---- writing

    @property
    def from_any_thread(self) -> bool:
        """Whether messages may be written from any thread, and not only on the loop."""
        return self._threadsafe.from_any_thread

    def has_room(self) -> bool:
        """Whether the socket takes more. From any thread."""
        return self._threadsafe.has_room and not self.close_sent

    def write_messages(self, messages: Sequence[Message]) -> None:
        """Writes whole messages, whose headers are in them already."""
        data = messages[0].message if len(messages) == 1 else b"".join(each.message for each in messages)
        self._threadsafe.write(data)

    def when_room(self, function: Callable[[], None]) -> None:
        """Has `function` called on the loop when the socket takes more again. From any thread."""
        self._threadsafe.when_room(function)

    def resume_writing(self) -> None:
        """Tells those who wait for room."""
        super().resume_writing()
        self._threadsafe.drained()
        if self._pong and self._threadsafe.has_room:
            pong, self._pong = self._pong, b""
            self.transport.write(pong)

    # ---- the end

    def connection_lost(self, exc: Exception | None) -> None:
        """Has nobody write any more; what had come whole is still for the app."""
        if self._intake is not None:
            self._intake.lost()
            self._intake = None
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        self._cut(all=True)
        self._splitter = None
        if self._socket_handover is not None:
            self._socket_handover.cancel()
        self._threadsafe.lost()
        super().connection_lost(exc)
        self._reader = None
        self._state.changed.set()

    def shutdown(self) -> None:
        """Closes with 1012 and a reason; uvicorn's own sends the code without one."""
        if not self.handshake_complete:
            super().shutdown()
        elif self.close_sent or self.transport.is_closing():
            self._await_end()
        else:
            self.conn.send_close(CloseCode.SERVICE_RESTART, self.stop_reason)
            self._say_close()

    def handle_parser_exception(self) -> None:
        """Says what was wrong; what still comes is read and dropped."""
        if not self.close_sent:
            self._say_close()

    def _say_close(self) -> None:
        close = self.conn.close_sent
        assert close is not None
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self._await_end()

    def _await_end(self) -> None:
        """Ends the connection, but for reading: a socket that is closed with bytes unread is reset.

        The browser, which was sending something, would not read the Close frame. It ends the connection itself.
        """
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._threadsafe.finish()
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(CLOSING_SECONDS, self.transport.close)


def _is_utf8(text: bytes) -> bool:
    if text.isascii():  # nearly all, and it takes no time
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
