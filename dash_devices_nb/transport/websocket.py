"""uvicorn's WebSocket protocol, with a way past ASGI for apps that ask for it.

ASGI hands a message from a queue to a task, and answers through a coroutine of the loop. If the app asks for it
(`read_with`, `write_messages`), frames go a shorter way: a message is delivered in the call that received its bytes,
and an answer is written by the thread that has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum
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

CLOSING_SECONDS = 1.0
"""How long, in seconds, a browser may take to close the connection after our Close frame."""
MOST_AFTER_CLOSE = 64 * 1024
"""Bytes that are looked through, or kept of a message, for the other side's Close frame while the connection closes."""
OPCODE, CONTROL = 0x0F, 0x8
"""In the first byte of a frame (RFC 6455, section 5.2): the mask of its opcode, and the lowest control opcode."""
PING = b"\x89\0"
PING_SECONDS = 25.0
"""Seconds between two pings to a browser that we serve directly. Through Jupyter the extension requests them."""
MOST_UNANSWERED = 3
"""Unanswered pings after which a browser is considered gone."""


class Handover(Enum):
    """How far the browser's own socket is on its way from the Jupyter server. The states follow each other."""

    NONE = "this is no connection of the Jupyter server, or it offers no socket"
    OFFERED = "the app has not said yet that it takes the socket"
    TAKEN = "the answer to the handshake says so"
    HANDED = "the handshake is answered, and the socket comes"


class WebSocket(WebSocketsSansIOProtocol):
    """One WebSocket, which is closed with a reason."""

    def __init__(self, config: Config, server_state: ServerState, *args: Any, **kw: Any) -> None:
        super().__init__(config, server_state, *args, **kw)
        self._state = serving_state_of(server_state)
        self.logger = self.conn.logger = self._state.logger
        self.conn.debug = False
        self._stop_reason = ""
        self._threadsafe_transport: ThreadSafeTransport
        self._splitter: MessageSplitter | None = None
        self._reader: Callable[[bytes], bool] | None = None
        self._handover = Handover.NONE
        self._pinged = self._cutting = self._dropping = False
        self._intake: Intake | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._held = self._after_close = 0
        self._looking: asyncio.TimerHandle | None = None
        self._pong = b""
        self._socket_handover: SocketHandover | None = None
        self._unanswered = 0
        self._asks: asyncio.TimerHandle | None = None
        self.since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Put the thread-safe transport in front, so that uvicorn's writes and ours are in one order."""
        super().connection_made(transport)
        self.since = self.loop.time()
        self._threadsafe_transport = ThreadSafeTransport(transport, self.loop)
        self.transport = self._threadsafe_transport  # type: ignore[assignment]

    def handle_connect(self, event: Request) -> None:
        """Offer the app the short way (see `writer`)."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]
            if event.headers.get(handover.HEADER) == handover.OFFERED:
                self._handover = Handover.OFFERED
            self._splitter = MessageSplitter(self.config.ws_max_size)

    @property
    def idle(self) -> bool:
        """Whether a Close frame was sent."""
        return self.close_sent

    # ---- the browser's socket

    def take_socket(self) -> None:
        """Write to the browser's own socket if offered. Call it before the WebSocket is accepted."""
        if (
            self._handover is Handover.OFFERED
            and not self.handshake_complete
            and handover.possible(self._threadsafe_transport.get_extra_info("socket"))
        ):
            self.response.headers[handover.HEADER] = handover.TAKEN
            self._handover = Handover.TAKEN

    async def send(self, message: Any) -> None:
        """Send an ASGI message. After the answer to the handshake, wait for the browser's socket."""
        await super().send(message)
        if self._handover is Handover.TAKEN and message["type"] == "websocket.accept":
            self._handover = Handover.HANDED
            if not self.transport.is_closing():  # pragma: no branch - it breaks while the handshake is written
                self._socket_handover = SocketHandover(self._threadsafe_transport, self, self.loop)

    def _keep_alive(self) -> None:
        """Ping a browser that has taken everything. One that sent nothing since the last ping has gone."""
        if self._pinged:
            self.keepalive_timeout()
        elif self.has_room():
            self._pinged = True
            self.transport.write(PING)

    def start_keepalive(self) -> None:
        """Look now and then whether a browser that we serve directly is still there."""
        if self._handover is Handover.NONE:
            self._asks = self.loop.call_later(PING_SECONDS, self._ask)

    def stop_keepalive(self) -> None:
        """Stop the pings."""
        super().stop_keepalive()
        if self._asks is not None:
            self._asks.cancel()
            self._asks = None

    def _ask(self) -> None:
        """Ping a browser. One that did not answer several pings has gone without closing the connection.

        A browser that has not taken everything yet, or that we are not reading from, gets more time.
        """
        if self.close_sent or self.transport.is_closing():
            return
        if self._unanswered >= MOST_UNANSWERED:
            self.keepalive_timeout()
            return
        if self.has_room() and not self.read_paused:
            self.transport.write(PING)
            self._unanswered += 1
        self._asks = self.loop.call_later(PING_SECONDS, self._ask)

    # ---- reading

    def read_with(self, function: Callable[[bytes], bool]) -> None:
        """Let `function` take whole text messages as they arrive. Those for which it returns False go through ASGI.

        It only gets valid UTF-8 (RFC 6455, section 8.1). It must keep the order: after leaving one message to ASGI, it
        must leave all that follow until the app is done with that one.
        """
        self._reader = function

    def data_received(self, data: bytes) -> None:
        """Cut received bytes into messages."""
        self._unanswered = 0
        if self._splitter is None:
            super().data_received(data)
            return
        if self.close_sent:
            self._after_close += len(data)
            if self._dropping or max(self._after_close, self._splitter.held) > MOST_AFTER_CLOSE:
                # Nothing of it is wanted any more. The connection ends without the Close frame behind it.
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
        """Cut messages off until one waits for the app, or the sender must pause. The rest stays bytes."""
        splitter = self._splitter
        if splitter is None or self._cutting:
            return
        self._cutting = True
        try:
            while all or self.close_sent or (self.queue.empty() and self._resting is None):
                if (cut := splitter.next()) is None:
                    return
                whole, part = cut
                if self.close_sent and (whole or part[0] & OPCODE < CONTROL):
                    continue  # once we have closed it, only the other side's Close frame counts
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
        """Whether a text message goes through ASGI. Invalid UTF-8 does, and ends the connection there."""
        if self._reader is None or self.close_sent or not self.queue.empty() or not _is_utf8(text):
            return True
        return not self._reader(text)

    def send_receive_event_to_app(self) -> None:
        """Hand a message to the app. A text that is no UTF-8 ends the connection instead (RFC 6455, section 8.1).

        uvicorn logs an error with a traceback for each of them, so that any peer could fill the log.
        """
        if self.curr_msg_data_type == "text" and not self.close_sent:
            text = b"".join(self.frames)
            if not _is_utf8(text):
                self.frames = []
                self.logger.warning("A WebSocket was closed: it sent a text that is no UTF-8")
                self.conn.send_close(CloseCode.INVALID_DATA)
                self.handle_parser_exception()
                return
            self.frames = [text]
        super().send_receive_event_to_app()

    async def receive(self) -> Any:
        """Return the next message to the app. When none is left, split what has arrived since."""
        message = await self.queue.get()
        if self.queue.empty():
            self.loop.call_soon(self._go_on)  # not now: the app has not started on this one
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
        """End the connection if the sender has gone while its messages waited: without reading, no end is noticed."""
        self._looking = None
        if not self.read_paused or self._intake is None:
            return
        if self._threadsafe_transport.hung_up():
            if not self._intake.left_waiting():
                self._splitter = None
            self.transport.abort()
        else:
            # An end behind unread bytes is not noticed. But a peer that has gone refuses what it is sent.
            if self.has_room():
                self.transport.write(PING)
            self._looking = self.loop.call_later(hangup.LOOK_SECONDS, self._look)

    def _rest_after(self, frame: bytes) -> None:
        """Read nothing for a while from a sender of too many control frames and fragments."""
        if self._intake is not None and (seconds := self._intake.rests(len(frame))) > 0 and self._resting is None:
            self._resting = self.loop.call_later(seconds, self._rested)

    def _rested(self) -> None:
        self._resting = None
        self._go_on()

    def guard_with(self, intake: Intake) -> None:
        """Let `intake` account for what arrives besides whole messages, from now on."""
        self._intake = intake

    def handle_ping(self) -> None:
        """Answer a ping. A peer that reads no answers gets only one, to the latest ping (RFC 6455, section 5.5.3)."""
        pong = b"".join(self.conn.data_to_send())
        if self._threadsafe_transport.has_room or self.conn.close_sent is not None:
            self.transport.write(pong)
        else:
            self._pong = pong

    # ---- writing

    @property
    def from_any_thread(self) -> bool:
        """Whether messages may be written from any thread, and not only on the loop."""
        return self._threadsafe_transport.from_any_thread

    def has_room(self) -> bool:
        """Whether the socket takes more. From any thread."""
        return self._threadsafe_transport.has_room and not self.close_sent

    def write_messages(self, messages: Sequence[Message]) -> None:
        """Write whole messages, frame headers included."""
        data = messages[0].message if len(messages) == 1 else b"".join(each.message for each in messages)
        self._threadsafe_transport.write(data)

    def when_room(self, function: Callable[[], None]) -> None:
        """Call `function` on the loop when the socket takes more again. From any thread."""
        self._threadsafe_transport.when_room(function)

    def resume_writing(self) -> None:
        """Tell everybody who waits for room."""
        super().resume_writing()
        self._threadsafe_transport.drained()
        if self._pong and self._threadsafe_transport.has_room:
            pong, self._pong = self._pong, b""
            self.transport.write(pong)

    # ---- the end

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop writing. Complete messages that have arrived still go to the app."""
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
        self._threadsafe_transport.lost()
        super().connection_lost(exc)
        self._reader = None
        self._state.changed.set()

    def stop(self, reason: str) -> None:
        """Close with 1012 and this reason, of which pages get 123 bytes."""
        self._stop_reason = reason.encode()[:123].decode(errors="ignore")
        self.shutdown()

    def shutdown(self) -> None:
        """Close with 1012 and a reason. uvicorn's own method sends no reason."""
        if not self.handshake_complete:
            super().shutdown()
        elif self.close_sent or self.transport.is_closing():
            self._await_end()
        else:
            self.conn.send_close(CloseCode.SERVICE_RESTART, self._stop_reason)
            self._say_close()

    def handle_parser_exception(self) -> None:
        """Say what was wrong. Whatever still arrives is read and dropped."""
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
        """End the writing side and read on: closing a socket with unread bytes resets the connection.

        A browser that is sending would not see the Close frame. The browser closes the connection itself.
        """
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._threadsafe_transport.finish()
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(CLOSING_SECONDS, self.transport.close)


def _is_utf8(text: bytes) -> bool:
    if text.isascii():  # nearly all text, and the check takes no time
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
