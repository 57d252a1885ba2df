"""One WebSocket of a page: the handshake, the frames in order, and the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from werkzeug.datastructures import Headers, MultiDict

from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.execution.call_queue import BusyError
from dash_devices_nb.app.execution.link_spending import LARGE, LinkSpending
from dash_devices_nb.app.execution.regular_call import Answer, RegularCall
from dash_devices_nb.app.execution.requested_outputs import CallbackRequest, requested_outputs
from dash_devices_nb.app.sessions.request_guards import Refusal
from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access import rate_limits
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import GREETING, MESSAGE, LinkBudget
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.actions import Action, Refuse
from dash_devices_nb.core.callbacks.propagation import Cause
from dash_devices_nb.core.props.ids import Key, named
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.protocol import messages
from dash_devices_nb.errors import FrameError
from dash_devices_nb.transport.writer import AsgiWriter, guard_with, read_with, take_socket, writer_of

if TYPE_CHECKING:
    from dash_devices_nb.app.sessions.manager import SessionManager

TELL_SECONDS = 5.0
TELL_DELAY = 1.0
"""The delay, in seconds, from which on a page shows that others slow it down."""
GREETING_SECONDS = 10.0
UNREAD = "A change could not be read by the device program and was not made: {}"
ACK_SECONDS = 0.004
"""How long, in seconds, an acknowledgement may wait, so that a callback's output comes before it."""

log = logging.getLogger(__name__)


class Connection:
    """A WebSocket that a browser opened, as raw ASGI.

    Args:
        sessions: the sessions of the app.
        scope, receive, send: the connection.
        ask: calls stock Dash's `hooks.websocket_message` for each message. It raises `Refusal`. None: there are none.
    """

    def __init__(
        self,
        sessions: SessionManager,
        scope: Any,
        receive: Any,
        send: Any,
        ask: Callable[[Any], Awaitable[None]] | None = None,
    ) -> None:
        self._ask = ask
        self._sessions = sessions
        self._runtime = sessions.runtime
        self._scope = scope
        self._receive = receive
        self._asgi_send = send
        self._page: ClientSession | None = None
        self._closed = self._sent_away = False
        self._closings: set[asyncio.Task[None]] = set()
        self._waits = False
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
            self._sessions.recorder.refused(client, full)
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
        if not self._closed:
            client = self._page.client if self._page is not None else None
            self._sessions.recorder.refused(client, reason)
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
        if greeting["t"] != "hello":
            await self.close(CloseCode.POLICY_VIOLATION, f"the first frame is a hello, not a {greeting['t'][:60]}")
            return
        try:
            page = self._page = self._sessions.handshake(greeting, client)
        except FrameError as error:
            await self.close(CloseCode.POLICY_VIOLATION, str(error))
            return
        loop = asyncio.get_running_loop()
        page.disconnect = lambda code, reason: loop.call_soon_threadsafe(self._close_soon, code, reason)
        writer = writer_of(self._scope, self._asgi_send)
        page.attach(writer)
        read_with(self._scope, lambda data: self._take(page, data))
        self._sessions.sharing.came(page)
        code: int = CloseCode.GOING_AWAY
        try:
            code = await self._frames(page)
        finally:
            page.detach(writer)
            if isinstance(writer, AsgiWriter):
                await writer.close()
            self._sessions.disconnected(page, at_once=code == CloseCode.GOING_AWAY or self._sent_away)

    async def close(self, code: int, reason: str) -> None:
        """Close the WebSocket. The reason has at most 123 bytes."""
        if self._closed:
            return
        self._closed = True
        self._sent_away = code == CloseCode.FORBIDDEN  # it does not come back
        reason = reason.encode()[:120].decode(errors="ignore")
        try:
            await self._asgi_send({"type": "websocket.close", "code": code, "reason": reason})
        except (OSError, RuntimeError) as exc:
            log.debug("closing %s: %s", self._page, exc)

    async def _frame(self) -> dict[str, Any] | int:
        """The next frame, or the close code."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            return int(message.get("code") or CloseCode.GOING_AWAY)
        self._data = message.get("text") or message.get("bytes") or b""
        self._number += 1
        size = len(self._data)
        if self._page is None and size > GREETING:
            raise FrameError(f"the first frame has at most {GREETING} bytes, not {size}")
        if self._page is None or size <= LARGE:
            return messages.parse(self._data)
        return await self._large(self._page, size)

    async def _large(self, page: ClientSession, size: int) -> dict[str, Any] | int:
        """Parse a large frame off the loop, when the budget allows it. Returns the close code if it is refused."""
        self._waits = True  # what comes behind it waits for it
        limit = self._longest(page.client)
        if limit is not None and size > limit:
            self._refuse(False, f"a frame of {size} bytes is more than a guest may send")
            return CloseCode.POLICY_VIOLATION
        if self._budget is not None:
            if not self._intake.keeps(size):
                self._refuse(True, "Too much is being sent by this link. Trying again…")
                return CloseCode.TRY_AGAIN_LATER
            try:
                if not await self._slowed_with_others(page, self._budget.take(time.monotonic(), "set", size)):
                    return CloseCode.ABNORMAL_CLOSURE
            finally:
                self._intake.keeps(-size)
        data = self._data
        share = page.client.share
        try:
            read = await self._runtime.in_worker(
                lambda: messages.parse(data), share or page.client.address, guest=share is not None
            )
        except BusyError as error:
            raise FrameError(str(error)) from error
        return cast("dict[str, Any]", read)

    async def _frames(self, page: ClientSession) -> int:
        """Handle the frames that `_take` leaves, until the connection ends. Returns the close code."""
        while True:
            try:
                frame = await self._frame()
                if isinstance(frame, int):
                    return frame
                if frame["t"] == "bye":
                    await self.close(CloseCode.GOING_AWAY, "goodbye")
                    return CloseCode.GOING_AWAY
                self._waits = True
                if self._ask is not None and not await self._hooks_let(self._ask, page, frame):
                    return CloseCode.POLICY_VIOLATION
                length = len(self._data)
                size = self._weight(frame, length)
                if page.client.share is not None and not await self._affords(page, rate_limits.cost(frame["t"], size)):
                    return CloseCode.POLICY_VIOLATION
                if self._budget is not None and length > LARGE:
                    size -= length  # that is paid for
                if self._budget is not None and size:
                    delay = self._budget.take(time.monotonic(), frame["t"], size)
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
                self._waits = False

    def _take(self, page: ClientSession, data: bytes) -> bool:
        """Handle a frame in the call that read it, if nothing has to be awaited. On the loop.

        This saves each frame a turn of the loop. Returns whether it was handled. If not, `_frames` handles it.
        """
        now = time.monotonic()
        if self._waits or self._ask is not None or self._sessions.authorizers or not page.bucket.has_one(now):
            return False
        size, budget = len(data), self._budget
        if size > LARGE:
            return False
        try:
            frame = messages.parse(data)
            if frame["t"] == "bye":
                return False
            size = self._weight(frame, size)
            if budget is not None and not budget.has_room(now, frame["t"], size):
                return False
            if page.client.share is not None:
                cost = rate_limits.cost(frame["t"], size)
                if not page.bucket.has_one(now, beside=cost):
                    return False
                page.bucket.take(now, cost)
            if budget is not None:
                budget.take(now, frame["t"], size)
            self._data = data
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

    def _weight(self, frame: dict[str, Any], size: int) -> int:
        """The weight of a frame in bytes, including what it names. Raises FrameError if it names too much."""
        if self._budget is None:
            return size
        count = messages.named(frame)
        if count > rate_limits.MOST_NAMED:
            raise FrameError(
                f"a frame names {count} ids and props, at most {rate_limits.MOST_NAMED} are taken at a time"
            )
        return size + rate_limits.NAMED_BYTES * count

    async def _hooks_let(
        self, ask: Callable[[Any], Awaitable[None]], page: ClientSession, frame: dict[str, Any]
    ) -> bool:
        """Whether `hooks.websocket_message` lets a frame pass. If not, the page is disconnected, as in stock Dash."""
        try:
            await ask(_as_stock(page, frame))
        except Refusal as refusal:
            self._sessions.recorder.refused(page.client, refusal.reason)
            await self.close(refusal.code, refusal.reason)
            self._sent_away = True
            return False
        return True

    def _malformed(self, page: ClientSession, error: FrameError) -> None:
        log.warning("%s: %s", page.client, error)
        self._sessions.recorder.refused(page.client, str(error))
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
        page.malformed += 1
        with self._runtime.lock:
            page.send_transient("unread", f=self._number)
        self._runtime.flush()
        guest = page.client.share is not None
        most = rate_limits.GUESTS_MOST_MALFORMED if guest else rate_limits.MOST_MALFORMED
        if page.malformed > most:
            page.disconnect(
                CloseCode.FORBIDDEN if guest else CloseCode.POLICY_VIOLATION, f"more than {most} malformed frames"
            )

    async def _handle(self, page: ClientSession, frame: dict[str, Any]) -> None:
        with self._runtime.lock:
            if "q" in frame:
                page.outbox.confirm(messages.number(frame, "q"))
            if "k" in frame:
                page.outbox.applied(messages.number(frame, "k"))
                if page.outbox.anything:
                    page.wake()
        match frame["t"]:
            case "set":
                await self._changes(page, frame)
            case "req":
                await self._request(page, frame)
            case "ping":
                page.client.rtt = messages.seconds(frame, "rtt", page.client.rtt)
                with self._runtime.lock:
                    page.send_transient("pong")
                self._runtime.flush()
            case "ok":
                pass
            case "shown":
                with self._runtime.lock:
                    page.outbox.shown((messages.text(frame, "id"), messages.text(frame, "prop")))
                page.wake()
            case "floor" | "name":
                await self._slowed(page)
                self._sessions.roles.received(page, frame)
            case "got":
                self._sessions.received_props(page, frame)
            case "want":
                self._sessions.send_wanted(page, frame)
            case "here":
                self._sessions.received_declared(page, frame)
            case other:
                raise FrameError(f"{other[:60]!r} is no type of a frame; a page sends {messages.FROM_PAGES}")

    async def _changes(self, page: ClientSession, frame: dict[str, Any]) -> None:
        sequence, mods, cause = messages.changes(frame)
        dispatcher = self._runtime.dispatcher
        await self._slowed(page)
        if sequence > page.sequence:
            refused = await self._refused(page, mods) if self._sessions.authorizers else {}
            allowed = {key: value for key, value in mods.items() if key not in refused}

            def receive() -> list[Action]:
                actions: list[Action] = []
                if page.client.withheld:
                    page.sequence = sequence
                    reason = f"You may not change {named(mods)}: log in first."
                    allowed.clear()
                    return [Refuse(page.client, {key: dispatcher.value(key) for key in mods}, reason)]
                if refused:
                    current = {key: dispatcher.value(key) for key in refused}
                    actions.append(Refuse(page.client, current, f"You may not change {named(refused)}."))
                if absent := [key for key in allowed if not dispatcher.is_there(key)]:
                    for key in absent:
                        del allowed[key]
                    reason = f"{named(absent)} is of no component of the layout, nor of one that the page has declared"
                    actions.append(Refuse(page.client, {}, reason, told=False))
                if page.client.rights is not Role.OWNER:
                    actions += self._sessions.roles.filter_changes(page, allowed, cause)
                if allowed:
                    actions += dispatcher.receive_change(page.client, allowed, cause)
                page.sequence = sequence
                return actions

            with self._runtime.lock:
                self._runtime.tick()
                before = dispatcher.state.revision
                actions = receive()
                self._runtime.account(self._record, page, allowed, cause, before)
                page.schedule_ack(sequence, mods)  # what was refused, too: the page waits for it alike
                self._runtime.perform(actions)
            if page.ack_due():
                asyncio.get_running_loop().call_later(ACK_SECONDS, self._pay, page)
            return
        with self._runtime.lock:
            page.schedule_ack(page.sequence, ())
            # A page that the app had forgotten says again what was taken, or refused: what undid that may be lost.
            holds = {key: dispatcher.value(key) for key in mods if dispatcher.is_shared(key)}
            if holds:
                page.send_mods(self._runtime.shown_to(page, holds), undoes=True)
        self._pay(page)

    def _record(self, page: ClientSession, mods: Mods, cause: Cause | None, before: int) -> None:
        """Record what was taken of a change. `before` is the revision of the state when it came."""
        state = self._runtime.dispatcher.state
        entries = {key: state.get(key) for key in mods}
        taken = {key: entry.value for key, entry in entries.items() if entry is not None and entry.revision > before}
        if taken:
            self._sessions.recorder.changed(page.client, taken, cause)

    async def _affords(self, page: ClientSession, cost: float) -> bool:
        """Slow down a guest that sends too much. One whose frame is far beyond the limit is disconnected."""
        if await self._slowed(page, cost, most=rate_limits.GUESTS_MOST_SECONDS):
            return True
        reason = f"a frame of {len(self._data)} bytes is more than a guest may send"
        self._sessions.recorder.refused(page.client, reason)
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
        if now - page.told_slow > TELL_SECONDS:
            page.told_slow = now
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
        now = time.monotonic()
        if delay > TELL_DELAY and now - page.told_slow > TELL_SECONDS:
            page.told_slow = now
            with self._runtime.lock:
                page.send_notice("warning", "The pages of this link send more than they may; all are slowed down.")
            self._runtime.flush()
        return await self._intake.waits(delay)

    def _pay(self, page: ClientSession) -> None:
        with self._runtime.lock:
            page.flush_ack()
        self._runtime.flush()

    async def _refused(self, page: ClientSession, mods: Mods) -> dict[Key, None]:
        """The props whose change would cause an output that this client is not authorized for."""
        with self._runtime.lock:
            outputs = {
                key: [
                    ".".join(out)
                    for i in self._runtime.dispatcher.graph.triggered_by(key)
                    for out in i.output_keys or [("", "")]
                ]
                for key in mods
            }
        refused: dict[Key, None] = {}
        for key, names in outputs.items():
            for name in names:
                if not await self._sessions.authorized(page.client, name if name != "." else ""):
                    refused[key] = None
                    break
        return refused

    async def _request(self, page: ClientSession, frame: dict[str, Any]) -> None:
        number = messages.number(frame, "n")
        path = messages.text(frame, "path")
        if path not in messages.PATHS:
            raise FrameError(
                f"{path[:60]!r} cannot be asked for over the WebSocket; what can is {', '.join(messages.PATHS)}"
            )
        if number <= page.requests:
            return
        page.requests = number

        def done(answer: Answer) -> None:
            text = answer.status == 200 or path != "_dash-update-component"
            body = answer.body if text else messages.dumps(answer.body)
            extra = self._sessions.keep_cookies(answer.response, page.client)
            if answer.revision:
                extra = {**(extra or {}), "r": answer.revision}
            if answer.chain:
                extra = {**(extra or {}), "ch": answer.chain}
            with self._runtime.lock:
                page.send_answer(number, answer.status, body, extra)
            self._runtime.flush()

        request = self._request_of(page, frame, path)
        if path == "_dash-update-component":
            body = frame.get("body")
            if not isinstance(body, dict):
                raise FrameError(f"the body of a callback is an object, not {str(body)[:60]!r}")
            data = self._data
            asked = CallbackRequest(data.encode() if isinstance(data, str) else bytes(data), framed=True, body=body)
            outputs = requested_outputs(body)
            for output in outputs if self._sessions.authorizers else ():
                if not await self._sessions.authorized(page.client, output):
                    done(Answer(403, f"You may not call the callback of {output or 'no output'}."))
                    return
            self._sessions.regular.start(
                RegularCall(asked, page.client, request, done, self._sessions.stream(page, body), messages.cause(frame))
            )
        else:
            self._sessions.answer_stock(path, page, request, done)

    def _request_of(self, page: ClientSession, frame: dict[str, Any], path: str) -> Any:
        """The request as Dash reads it; see `dash_internals.RequestAdapter`."""
        query = messages.text(frame, "query", "")
        client = page.client
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


def _as_stock(page: ClientSession, frame: dict[str, Any]) -> dict[str, Any]:
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


def _at_once(handling: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits, without a task."""
    try:
        handling.send(None)
    except StopIteration:
        return
    handling.close()
    raise RuntimeError("a frame that should have been handled at once waits for something")
