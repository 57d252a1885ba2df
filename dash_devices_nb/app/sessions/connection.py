"""One WebSocket of a page: the handshake, the frames in order, and the end."""

from __future__ import annotations

import asyncio
import enum
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl

import orjson
from werkzeug.datastructures import Headers, MultiDict

from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.execution.call_queue import BusyError
from dash_devices_nb.app.execution.event_stream import ActRefused, Changed
from dash_devices_nb.app.execution.link_spending import LARGE, LinkSpending
from dash_devices_nb.app.execution.regular_call import Answer, RegularCall
from dash_devices_nb.app.execution.requested_outputs import CallbackRequest, requested_outputs
from dash_devices_nb.app.sessions.request_guards import Refusal
from dash_devices_nb.app.stock_dash.types import JsonObject, Request
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access import rate_limits
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import GREETING, MESSAGE, LinkBudget
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.actions import Action, Refuse
from dash_devices_nb.core.props.ids import Key, named
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.protocol import messages, page_frames
from dash_devices_nb.core.protocol.messages import PongFrame, UnreadFrame
from dash_devices_nb.core.protocol.page_frames import (
    ByeFrame,
    ChoiceFrame,
    CrowdFrame,
    FloorFrame,
    GotFrame,
    HelloFrame,
    HereFrame,
    LookFrame,
    NameFrame,
    OkFrame,
    PageFrame,
    PingFrame,
    RequestFrame,
    SetFrame,
    ShownFrame,
    WantFrame,
    WatchFrame,
)
from dash_devices_nb.core.protocol.version import VERSION, mismatch
from dash_devices_nb.errors import FrameError
from dash_devices_nb.transport.serve import Receive, Scope, Send
from dash_devices_nb.transport.writer import AsgiWriter, guard_with, read_with, take_socket, writer_of

if TYPE_CHECKING:
    from dash_devices_nb.app.sessions.manager import SessionManager

TELL_DELAY = 1.0
"""The delay, in seconds, from which on a page shows that others slow it down."""
GREETING_SECONDS = 10.0
UNREAD = "A change could not be read by the device program and was not made: {}"
NO_RELAY = "A relay needs the owner's address of the app (app.url), and not a share link."
ACK_SECONDS = 0.004
"""How long, in seconds, an acknowledgement may wait, so that a callback's output comes before it."""

log = logging.getLogger(__name__)


class State(enum.Enum):
    """What a connection does."""

    GREETING = enum.auto()
    """It was accepted, and its first frame is awaited."""
    READING = enum.auto()
    """Frames are handled as they come, by `_take`."""
    WAITING = enum.auto()
    """A frame is being handled by `_frames`. What comes behind it waits for it."""
    GIVEN_UP = enum.auto()
    """Too many frames were malformed. It is about to be closed; thousands of frames may have come before that."""
    CLOSED = enum.auto()
    """The app has closed it."""
    SENT_AWAY = enum.auto()
    """The app has closed it, and the page does not come back."""

    @property
    def is_over(self) -> bool:
        """Whether the app has closed it."""
        return self in (State.CLOSED, State.SENT_AWAY)


_OVER = (State.CLOSED, State.SENT_AWAY)
_FOLLOWING = {
    State.GREETING: (State.READING, *_OVER),
    State.READING: (State.WAITING, State.GIVEN_UP, *_OVER),
    State.WAITING: (State.READING, State.GIVEN_UP, *_OVER),
    State.GIVEN_UP: _OVER,
    State.CLOSED: (),
    State.SENT_AWAY: (),
}


class Connection:
    """A WebSocket that a browser opened, as raw ASGI.

    Args:
        sessions: the sessions of the app.
        start: starts a regular callback.
        scope, receive, send: the connection.
        ask: calls stock Dash's `hooks.websocket_message` for each message. It raises `Refusal`. None: there are none.
    """

    def __init__(
        self,
        sessions: SessionManager,
        start: Callable[[RegularCall], None],
        scope: Scope,
        receive: Receive,
        send: Send,
        ask: Callable[[JsonObject], Awaitable[None]] | None = None,
    ) -> None:
        self._ask = ask
        self._sessions = sessions
        self._start = start
        self._runtime = sessions.runtime
        self._scope = scope
        self._receive = receive
        self._asgi_send = send
        self._page: ClientSession | None = None
        self._state = State.GREETING
        self._closings: set[asyncio.Task[None]] = set()
        self._data: bytes | str = b""
        self._number = 0
        self._budget: LinkBudget | None = None
        self._intake: LinkSpending

    async def run(self) -> None:
        """Serve the connection until it ends."""
        message = await self._receive()
        if message["type"] != "websocket.connect":
            return
        take_socket(self._scope)
        await self._asgi_send({"type": "websocket.accept"})
        client = self._sessions.client_of(self._scope)
        admission = self._sessions.sharing.admission
        if client.role < Role.OWNER and (full := admission.full(client.address, client.share)):
            self._runtime.publish(ActRefused(client, full))
            await self.close(CloseCode.TRY_AGAIN_LATER, full)
            return
        self._budget = self._sessions.sharing.budget_of(client)
        intake = self._intake = LinkSpending(self._budget, lambda: self._longest(client), self._refuse)
        guard_with(self._scope, intake)
        admission.enter(client.address, client.share)
        try:
            delay = self._budget.comes(time.monotonic()) if self._budget is not None else 0.0
            if delay <= 0 or await intake.waits(delay):
                await self._handshaken(client)
        finally:
            admission.leave(client.address, client.share)
            intake.ended()

    def _longest(self, client: Client) -> int | None:
        """The longest message that is accepted now, in bytes. None: the server's own limit."""
        if self._page is None:
            return GREETING
        return None if client.share is None else MESSAGE.get(self._page.client.rights)

    def _refuse(self, again: bool, reason: str) -> None:
        """Close the connection because of what it sent. With `again` the page may reconnect."""
        if not self._state.is_over:
            client = self._page.client if self._page is not None else None
            self._runtime.publish(ActRefused(client, reason))
            self._close_soon(CloseCode.TRY_AGAIN_LATER if again else CloseCode.FORBIDDEN, reason)

    def _close_soon(self, code: int, reason: str) -> None:
        """Close it in a task, and keep the task: a loop may drop one without a reference."""
        task = asyncio.get_running_loop().create_task(self.close(code, reason))
        self._closings.add(task)
        task.add_done_callback(self._closings.discard)

    async def _handshaken(self, client: Client) -> None:
        """Serve a client that was admitted."""
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                greeting = await self._frame()
        except TimeoutError:
            await self.close(CloseCode.POLICY_VIOLATION, f"no greeting within {GREETING_SECONDS:.0f} s")
            return
        except FrameError as error:
            await self.close(CloseCode.POLICY_VIOLATION, str(error))
            return
        if isinstance(greeting, int):
            return
        if not isinstance(greeting, HelloFrame):
            await self.close(CloseCode.POLICY_VIOLATION, f"the first frame is a hello, not a {greeting.t}")
            return
        if greeting.version != VERSION:
            reason = mismatch(greeting.version)
            self._runtime.publish(ActRefused(client, reason))
            await self.close(CloseCode.OTHER_VERSION, reason, for_good=True)
            return
        if greeting.kind == page_frames.RELAY and (client.share is not None or client.rights < Role.CONTROL):
            self._runtime.publish(ActRefused(client, NO_RELAY))
            await self.close(CloseCode.FORBIDDEN, NO_RELAY)
            return
        page = self._page = self._sessions.handshake(greeting, client)
        loop = asyncio.get_running_loop()
        writer = writer_of(self._scope, self._asgi_send)
        page.attach(writer, lambda code, reason: loop.call_soon_threadsafe(self._close_soon, code, reason))
        self._become(State.READING)
        read_with(self._scope, lambda data: self._take(page, data))
        self._sessions.sharing.came(page)
        code: int = CloseCode.GOING_AWAY
        try:
            code = await self._frames(page)
        finally:
            page.detach(writer)
            if isinstance(writer, AsgiWriter):
                await writer.close()
            self._sessions.disconnected(page, at_once=code == CloseCode.GOING_AWAY or self._state is State.SENT_AWAY)

    def _become(self, state: State) -> bool:
        """Change the state. Returns whether it may follow on the present one; else nothing changes."""
        follows = state in _FOLLOWING[self._state]
        if follows:
            self._state = state
        return follows

    async def close(self, code: int, reason: str, *, for_good: bool = False) -> None:
        """Close the WebSocket. The reason has at most 123 bytes. `for_good`, or as forbidden: the page stays away."""
        if self._state.is_over:
            return
        self._become(State.SENT_AWAY if for_good or code == CloseCode.FORBIDDEN else State.CLOSED)
        reason = reason.encode()[:120].decode(errors="ignore")
        try:
            await self._asgi_send({"type": "websocket.close", "code": code, "reason": reason})
        except (OSError, RuntimeError) as exc:
            log.debug("closing %s: %s", self._page, exc)

    async def _frame(self) -> PageFrame | int:
        """The next frame, or the close code."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return int(message.get("code") or CloseCode.GOING_AWAY)
            if self._state in (State.GREETING, State.READING):
                break
        self._data = message.get("text") or message.get("bytes") or b""
        self._number += 1
        size = len(self._data)
        if self._page is None and size > GREETING:
            raise FrameError(f"the first frame has at most {GREETING} bytes, not {size}")
        if self._page is None:
            return page_frames.parse(self._data)
        if size <= LARGE:
            return page_frames.parse(self._data, counts=self._budget is not None)
        return await self._large(self._page, size)

    async def _large(self, page: ClientSession, size: int) -> PageFrame | int:
        """Parse a large frame off the loop, when the budget allows it. Returns the close code if it is refused."""
        self._become(State.WAITING)
        limit = self._longest(page.client)
        if limit is not None and size > limit:
            self._refuse(False, f"a frame of {size} bytes is more than a guest may send")
            return CloseCode.POLICY_VIOLATION
        if self._budget is not None:
            if not self._intake.keeps(size):
                self._refuse(True, "Too much is being sent by this link. Trying again…")
                return CloseCode.TRY_AGAIN_LATER
            try:
                if not await self._slowed_with_others(page, self._budget.take(time.monotonic(), SetFrame.t, size)):
                    return CloseCode.ABNORMAL_CLOSURE
            finally:
                self._intake.keeps(-size)
        data = self._data
        share = page.client.share
        counts = self._budget is not None
        try:
            read = await self._runtime.in_worker(
                lambda: page_frames.parse(data, counts=counts), share or page.client.address, guest=share is not None
            )
        except BusyError as error:
            raise FrameError(str(error)) from error
        return cast("PageFrame", read)

    async def _frames(self, page: ClientSession) -> int:
        """Handle the frames that `_take` leaves, until the connection ends. Returns the close code."""
        while True:
            try:
                frame = await self._frame()
                if isinstance(frame, int):
                    return frame
                if isinstance(frame, ByeFrame):
                    await self.close(CloseCode.GOING_AWAY, "goodbye")
                    return CloseCode.GOING_AWAY
                self._become(State.WAITING)
                if self._ask is not None and not await self._hooks_let(self._ask, page):
                    return CloseCode.POLICY_VIOLATION
                length = len(self._data)
                size = length + rate_limits.NAMED_BYTES * frame.named
                if page.client.share is not None and not await self._affords(page, rate_limits.cost(frame.t, size)):
                    return CloseCode.POLICY_VIOLATION
                if self._budget is not None and length > LARGE:
                    size -= length  # that is paid for
                if self._budget is not None and size:
                    delay = self._budget.take(time.monotonic(), frame.t, size)
                    if not await self._slowed_with_others(page, delay):
                        return CloseCode.ABNORMAL_CLOSURE
                try:
                    await self._handle(page, frame)
                except FrameError:
                    raise
                except Exception as error:  # noqa: BLE001 - told of, and answered
                    self._failed(page, error)
            except FrameError as error:
                self._malformed(page, error)
            finally:
                self._become(State.READING)

    def _take(self, page: ClientSession, data: bytes) -> bool:
        """Handle a frame in the call that read it, if nothing has to be awaited. On the loop.

        This saves each frame a turn of the loop. Returns whether it was handled. If not, `_frames` handles it.
        """
        now = time.monotonic()
        if self._state is not State.READING or self._ask is not None or self._sessions.authorizers:
            return False
        if not page.bucket.has_one(now):
            return False
        size, budget = len(data), self._budget
        if size > LARGE:
            return False
        self._data = data
        try:
            frame = page_frames.parse(data, counts=budget is not None)
            if isinstance(frame, ByeFrame):
                return False
            size += rate_limits.NAMED_BYTES * frame.named
            if budget is not None and not budget.has_room(now, frame.t, size):
                return False
            if page.client.share is not None:
                cost = rate_limits.cost(frame.t, size)
                if not page.bucket.has_one(now, beside=cost):
                    return False
                page.bucket.take(now, cost)
            if budget is not None:
                budget.take(now, frame.t, size)
            _at_once(self._handle(page, frame))
        except FrameError as error:
            self._number += 1
            self._malformed(page, error)
        except Exception as error:  # noqa: BLE001 - told of, and answered
            self._number += 1
            self._failed(page, error)
        else:
            self._number += 1
        return True

    async def _hooks_let(self, ask: Callable[[JsonObject], Awaitable[None]], page: ClientSession) -> bool:
        """Whether `hooks.websocket_message` lets the frame pass. If not, the page is disconnected, as in stock Dash."""
        try:
            await ask(_as_stock(page, orjson.loads(self._data)))
        except Refusal as refusal:
            self._runtime.publish(ActRefused(page.client, refusal.reason))
            await self.close(refusal.code, refusal.reason, for_good=True)
            return False
        return True

    def _malformed(self, page: ClientSession, error: FrameError) -> None:
        now, size = time.monotonic(), len(self._data)  # it costs as much as a change
        if self._budget is not None:
            self._budget.take(now, SetFrame.t, size)
        if page.client.share is not None:
            page.bucket.take(now, rate_limits.cost(SetFrame.t, size))
        else:  # a guest, who may come again and again, fills no log: the journal has it
            log.warning("%s: %s", page.client, error)
        self._runtime.publish(ActRefused(page.client, str(error)))
        with self._runtime.lock:
            page.send_notice("error", UNREAD.format(error))
        self._unread(page)

    def _failed(self, page: ClientSession, error: Exception) -> None:
        """Our code, or a hook of the program, has failed on a frame.

        If the connection ended, the page would send the frame again. So it is answered like one that cannot be parsed.
        """
        log.error("%s: a frame of %d bytes could not be handled", page.client, len(self._data), exc_info=error)
        self._runtime.report(error, None, page.client)
        self._unread(page)

    def _unread(self, page: ClientSession) -> None:
        """Tell the page that its frame is lost. A page with too many of them is disconnected."""
        malformed = page.accept_malformed()
        with self._runtime.lock:
            page.send(UnreadFrame(self._number))
        self._runtime.flush()
        guest = page.client.share is not None
        most = rate_limits.GUESTS_MOST_MALFORMED if guest else rate_limits.MOST_MALFORMED
        if malformed > most and self._become(State.GIVEN_UP):
            code = CloseCode.FORBIDDEN if guest else CloseCode.POLICY_VIOLATION
            self._close_soon(code, f"more than {most} malformed frames")

    async def _handle(self, page: ClientSession, frame: PageFrame) -> None:
        with self._runtime.lock:
            if frame.confirmed is not None:
                page.outbox.confirm(frame.confirmed)
            if frame.applied is not None:
                page.outbox.applied(frame.applied)
                if page.outbox.anything:
                    page.wake()
        match frame:
            case SetFrame():
                await self._changes(page, frame)
            case RequestFrame():
                await self._request(page, frame)
            case PingFrame():
                page.client.has_reported(rtt=frame.rtt)
                with self._runtime.lock:
                    page.send(PongFrame())
                self._runtime.flush()
            case OkFrame():
                pass
            case ShownFrame():
                with self._runtime.lock:
                    page.outbox.shown(frame.place, frame.count, lost=frame.lacks == page_frames.NEEDS_KEY)
                    self._sessions.images.videos.shown(page, frame)
                page.wake()
            case FloorFrame():
                await self._slowed(page)
                self._sessions.roles.received_floor(page, frame)
            case NameFrame():
                await self._slowed(page)
                self._sessions.roles.received_name(page, frame)
            case ChoiceFrame():
                await self._slowed(page)
                self._sessions.questions.received(page, frame)
            case LookFrame():
                page.client.has_reported(visible=frame.visible)
            case CrowdFrame():
                self._sessions.received_crowd(page, frame)
            case WatchFrame():
                await self._slowed(page)
                self._sessions.received_watch(page, frame)
            case GotFrame():
                self._sessions.received_props(page, frame)
            case WantFrame():
                self._sessions.send_wanted(page, frame)
            case HereFrame():
                self._sessions.received_declared(page, frame)
            case HelloFrame():
                raise FrameError(
                    f"a page says hello once, with its first frame; then it sends {page_frames.FROM_PAGES}"
                )

    async def _changes(self, page: ClientSession, frame: SetFrame) -> None:
        sequence, mods = frame.sequence, frame.mods
        dispatcher = self._runtime.dispatcher
        await self._slowed(page)
        if sequence > page.sequence:
            changes = self._sessions.changes
            refused = await changes.unauthorized(page.client, mods) if self._sessions.authorizers else ()
            if page.client.kind == page_frames.PROGRAM:
                changes.answer(page, frame, refused)
                return
            allowed = {key: value for key, value in mods.items() if key not in refused}
            before = 0

            def receive() -> list[Action]:
                nonlocal before
                before = dispatcher.state.revision
                actions = self._receive_change(page, frame, refused, allowed)
                page.accept_change(sequence)
                page.schedule_ack(sequence, mods)  # what was refused, too: the page waits for it alike
                return actions

            self._runtime.enter(receive, lambda: self._changed(page, frame, allowed, before))
            if page.ack_due:
                self._schedule_flush(page)
            return
        with self._runtime.lock:
            page.hear_change(sequence)
            page.schedule_ack(page.heard, mods)
            # A page that the app had forgotten says again what was taken, or refused: what undid that may be lost.
            holds = {key: dispatcher.value(key) for key in mods if dispatcher.is_shared(key)}
            if holds:
                page.undo(self._runtime.shown_to(page, holds))
        self._pay(page)

    def _receive_change(
        self, page: ClientSession, frame: SetFrame, refused: Collection[Key], allowed: Mods
    ) -> list[Action]:
        """Let the dispatcher receive what the client may change.

        Args:
            page: the page.
            frame: its changes.
            refused: the props that the program does not authorize.
            allowed: the others. What else may not be changed is removed from them.
        """
        dispatcher, client, mods = self._runtime.dispatcher, page.client, frame.mods
        if client.withheld:
            reason = f"You may not change {named(mods)}: log in first."
            allowed.clear()
            return [Refuse(client, {key: dispatcher.value(key) for key in mods}, reason)]
        actions: list[Action] = []
        if refused:
            current = {key: dispatcher.value(key) for key in refused}
            actions.append(Refuse(client, current, f"You may not change {named(refused)}."))
        if absent := [key for key in allowed if not dispatcher.is_there(key)]:
            for key in absent:
                del allowed[key]
            reason = f"{named(absent)} is of no component of the layout, nor of one that the page has declared"
            actions.append(Refuse(client, {}, reason, told=False))
        if client.rights is not Role.OWNER:
            actions += self._sessions.roles.filter_changes(page, allowed, frame.cause)
        if allowed:
            actions += dispatcher.receive_change(client, allowed, frame.cause, frame.if_revision)
        return actions

    def _changed(self, page: ClientSession, frame: SetFrame, allowed: Mods, before: int) -> Changed | None:
        """What was taken of a change. `before` is the revision of the state when it came."""
        state = self._runtime.dispatcher.state
        entries = {key: state.get(key) for key in allowed}
        taken = {key: entry.value for key, entry in entries.items() if entry is not None and entry.revision > before}
        return Changed(page.client, taken, frame.cause) if taken else None

    async def _affords(self, page: ClientSession, cost: float) -> bool:
        """Slow down a guest that sends too much. One whose frame is far beyond the limit is disconnected."""
        if await self._slowed(page, cost, most=rate_limits.GUESTS_MOST_SECONDS):
            return True
        reason = f"a frame of {len(self._data)} bytes is more than a guest may send"
        self._runtime.publish(ActRefused(page.client, reason))
        await self.close(CloseCode.FORBIDDEN, reason)
        return False

    async def _slowed(self, page: ClientSession, cost: float = 1.0, most: float = float("inf")) -> bool:
        """Slow down a page that sends too fast, and tell it now and then.

        Returns:
            False, at once, if the wait would exceed `most` seconds.
        """
        now = time.monotonic()
        delay = page.bucket.take(now, cost)
        if delay <= 0:
            return True
        if delay > most:
            return False
        if page.tells_slow(now):
            with self._runtime.lock:
                page.send_notice(
                    "warning", f"This page sends more than {page.bucket.rate:.0f} changes a second; it is slowed down."
                )
            self._runtime.flush()
        await self._intake.waits(delay)
        return True

    async def _slowed_with_others(self, page: ClientSession, delay: float) -> bool:
        """Slow down a page because all pages of its link send too much, and tell it now and then.

        Returns:
            Whether it is still connected.
        """
        if delay <= 0:
            return True
        if delay > TELL_DELAY and page.tells_slow(time.monotonic()):
            with self._runtime.lock:
                page.send_notice("warning", "The pages of this link send more than they may; all are slowed down.")
            self._runtime.flush()
        return await self._intake.waits(delay)

    def _schedule_flush(self, page: ClientSession) -> None:
        with self._runtime.lock:
            if page.ack_due:  # else it has gone with what another thread has sent meanwhile
                page.ack_scheduled()
                asyncio.get_running_loop().call_later(ACK_SECONDS, self._pay, page)

    def _pay(self, page: ClientSession) -> None:
        with self._runtime.lock:
            page.flush_ack()
        self._runtime.flush()

    async def _request(self, page: ClientSession, frame: RequestFrame) -> None:
        number, path = frame.number, frame.path
        if not page.accept_request(number):
            return

        def done(answer: Answer) -> None:
            text = answer.status == 200 or path != page_frames.CALLBACK_PATH
            body = answer.body if text else messages.dumps(answer.body)
            extra = {**(self._sessions.keep_cookies(answer.response, page.client) or {})}
            if answer.revision:
                extra["r"] = answer.revision
            if answer.chain:
                extra["ch"] = answer.chain
            with self._runtime.lock:
                if path in page_frames.LOADING_PATHS:
                    page.outbox.make_way(extra.get("r", 0))
                page.send(messages.AnswerFrame(number, answer.status, body, **extra))
                if path == page_frames.LAYOUT_PATH:
                    self._sessions.laid_out(page)
            self._runtime.flush()

        request = self._request_of(page, frame)
        body = frame.body
        if path == page_frames.CALLBACK_PATH and isinstance(body, dict):
            data = self._data
            asked = CallbackRequest(data.encode() if isinstance(data, str) else bytes(data), framed=True, body=body)
            outputs = requested_outputs(body)
            for output in outputs if self._sessions.authorizers else ():
                if not await self._sessions.authorized(page.client, output):
                    done(Answer(403, f"You may not call the callback of {output or 'no output'}."))
                    return
            self._start(RegularCall(asked, page.client, request, done, self._sessions.stream(page, body), frame.cause))
        else:
            self._sessions.answer_stock(path, page, request, done)

    def _request_of(self, page: ClientSession, frame: RequestFrame) -> Request:
        """The request as Dash reads it; see `dash_internals.RequestAdapter`."""
        path, query, client = frame.path, frame.query, page.client
        return SimpleNamespace(
            args=MultiDict(parse_qsl(query.lstrip("?"), keep_blank_values=True)),
            cookies=dict(client.cookies),
            headers=Headers(list(client.headers.items())),
            path=f"/{path}",
            full_path=f"/{path}{query}",
            remote_addr=client.address,
            origin=client.origin,
            root_url=client.origin or "",
            url=f"{client.origin or ''}/{path}{query}",
            is_json=True,
            context=SimpleNamespace(timing_information={"__dash_server": {"dur": time.time(), "desc": None}}),
        )


def _as_stock(page: ClientSession, frame: JsonObject) -> JsonObject:
    """A frame as a message of stock Dash, for hooks. Other frames keep their own name and content."""
    who = {"rendererId": page.client.id}
    match frame["t"]:
        case "req" if frame.get("path") == "_dash-update-component":
            return {"type": "callback_request", "requestId": frame.get("n"), **who, "payload": frame.get("body")}
        case "got":
            return {"type": "get_props_response", "requestId": frame.get("n"), **who, "payload": frame.get("value")}
        case "ping":
            return {"type": "heartbeat", **who}
        case kind:
            return {"type": kind, **who, "payload": frame}


def _at_once(handling: Coroutine[object, None, None]) -> None:
    """Run a coroutine that never waits, without a task."""
    try:
        handling.send(None)
    except StopIteration:
        return
    handling.close()
    raise RuntimeError("a frame that should have been handled at once waits for something")
