"""Running regular callbacks by stock Dash's own machinery, for requests over a page's WebSocket or over HTTP.

A plain function runs in a worker, a coroutine on the callback loop. A serialized callback (S2) waits in its serial
queue. With MOST_RECENT a newer request of the same client replaces the waiting one, which gets an empty answer.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
from dash.exceptions import PreventUpdate

from dash_devices_nb.app.execution.call_queue import CallQueue, Job
from dash_devices_nb.app.execution.call_record import RecordedCall
from dash_devices_nb.app.execution.completion import Completion
from dash_devices_nb.app.execution.event_stream import ActRefused, CallEnded
from dash_devices_nb.app.execution.link_spending import spending
from dash_devices_nb.app.execution.outputs import PlainMods
from dash_devices_nb.app.execution.ports import Askers, CallRecorder, StockCalls
from dash_devices_nb.app.execution.push_grants import PushGrants
from dash_devices_nb.app.execution.regular_call import (
    BAD_REQUEST,
    NO_CONTENT,
    NOT_FOUND,
    OK,
    SERVER_ERROR,
    UNAVAILABLE,
    Answer,
    RegularCall,
)
from dash_devices_nb.app.execution.regular_registry import RegularRegistry
from dash_devices_nb.app.execution.runtime import Runtime, running, running_call
from dash_devices_nb.app.execution.speculation import Speculation
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.types import Context, Function, JsonObject, JsonValue, Returned
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import LinkBudget
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.propagation import Cause
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.values import COMPONENT_MARK
from dash_devices_nb.core.protocol import messages
from dash_devices_nb.kernel.outputlog import OutputLog

if TYPE_CHECKING:
    from dash_devices_nb.app.client_session import ClientSession


AHEAD = 100
"""Own frames that a page has not confirmed, above which a stream to it waits until the page has read some."""
AHEAD_SECONDS = 0.02
TOO_MUCH = "The app has too much to do; this callback was not called. Please try again."


def _unfinished() -> Answer:
    return Answer(SERVER_ERROR, "The callback gave no answer; the app's log says why.")


def _values_of(answer: JsonObject) -> Iterator[tuple[Key, JsonValue]]:
    """Yield the props that an answer sets, with their values."""
    for part in ("response", "sideUpdate"):
        for component_id, props in (answer.get(part) or {}).items():
            for prop, value in props.items():
                yield (component_id, prop), value


class RegularCalls:
    """Runs the regular callbacks of one app.

    Args:
        runtime: its runtime.
        stock: its side of stock Dash.
        recorder: records the calls.
        output_log: logs what they print.
        registry: the callbacks.
        push_grants: the calls that pushes grant.
        askers: identifies the requesters.
        answer_to: sends the values that a streaming callback sets.
        places: returns the number of plain callbacks that may run at a time.

    Attributes:
        speculation: calls in advance what a page will request next.
    """

    def __init__(
        self,
        runtime: Runtime,
        stock: StockCalls,
        recorder: CallRecorder,
        output_log: OutputLog,
        registry: RegularRegistry,
        push_grants: PushGrants,
        askers: Askers,
        answer_to: Callable[[Client, PlainMods, Cause | None], None],
        places: Callable[[], int],
    ) -> None:
        self._runtime = runtime
        self._stock = stock
        self._recorder = recorder
        self._output_log = output_log
        self._registry = registry
        self._push_grants = push_grants
        self._askers = askers
        self._answer_to = answer_to
        self._call_queue = CallQueue(runtime, places)
        self.speculation = Speculation(
            self.start, stock.declared, runtime.beside, lambda: not askers.authorizes_outputs
        )

    def start(self, call: RegularCall) -> None:
        """Start a request, or queue it. Does not block. From any thread."""
        output = call.body.get("output")
        try:
            registered = self._stock.registered(str(output))
        except KeyError:
            # The callback was removed, and the page does not know yet.
            gone = str(output) in self._registry.specs
            call.done(Answer(NO_CONTENT, "") if gone else Answer(NOT_FOUND, "There is no callback for that output."))
            return
        call.resolve(self._registry.specs.get(str(output)))
        self.admit(call, registered["callback"])

    def admit(self, call: RegularCall, function: Function) -> None:
        """Run a request whose `spec` is known, when its turn comes and if it is allowed. From any thread."""
        pushed = call.cause is not None and call.cause.by_push
        if not (self._push_grants.take(call) if pushed else self._askers.allows(call)):
            call.done(Answer(NO_CONTENT, ""))
            return
        call.admit(self._lineage(call), self._budget(call), coroutine=inspect.iscoroutinefunction(function))
        if call.budget is not None:
            if call.budget.is_busy:
                call.done(Answer(UNAVAILABLE, TOO_MUCH))
                self._tell_overload(call)
                return
            call.budget.under_way.add(call)
        if call.queue_key is None:
            first = self._push_grants.is_first(call) if pushed else True
            if first:
                self._runtime.begin(call)
            elif first is None:
                call.ended()
                call.done(Answer(UNAVAILABLE, TOO_MUCH))
                self._tell_overload(call)
            return
        with self._runtime.lock:
            if call.spec and call.client is not None and call.spec.service & Services.MOST_RECENT:
                for old in self._runtime.dispatcher.queues.waiting(call.queue_key):
                    if isinstance(old, RegularCall) and old.spec is call.spec and old.client is call.client:
                        self._runtime.dispatcher.queues.replace(old, call)
                        old.ended()
                        old.done(Answer(NO_CONTENT, ""))
                        return
            first = self._runtime.dispatcher.submit(call)
        if first:
            self._runtime.begin(call)

    def _lineage(self, call: RegularCall) -> frozenset[Key]:
        """Return the props whose change led to a call, as far as its page knows, with their own lineage."""
        names = call.body.get("changedPropIds") or ()
        changed = frozenset((name.rpartition(".")[0], name.rpartition(".")[2]) for name in names)
        key = call.cause.key if call.cause is not None else None
        entry = self._runtime.dispatcher.state.get(key) if key is not None else None
        return changed | (entry.lineage if entry is not None else frozenset())

    def run(self, call: RegularCall) -> None:
        """Run a request now. Does not block. Never raises: the call ends in any case."""
        completion = Completion(
            lambda answer: self._finish(call, answer), _unfinished(), lambda error: self._runtime.beside(error, call)
        )
        try:
            self._begin(call, completion)
        except Exception as error:  # noqa: BLE001 - the call could not be started, and has ended
            self._runtime.beside(error, call)
            completion.end()

    def _begin(self, call: RegularCall, completion: Completion[Answer]) -> None:
        if call.coroutine:
            refuse = None if call.is_serial else lambda: self._turned_away(call, completion)
            self._runtime.spawn(lambda: self._run_coroutine(call, completion), completion.end, refuse)
        elif call.is_serial:
            # It needs no place: its serial queue bounds it, and other calls wait for it.
            self._runtime.work(lambda: self._run_queued(call, completion), completion.end)
        else:
            share = self._askers.share_of(call.client, call.request)
            job = Job(
                lambda: self._run_plain(call, completion),
                lambda: self._turned_away(call, completion),
                lambda: self._wanted(call),
            )
            link = share or (call.client.address if call.client is not None else "")
            self._call_queue.submit(job, link, guest=share is not None)

    def _run_queued(self, call: RegularCall, completion: Completion[Answer]) -> None:
        if self._wanted(call):
            self._run_plain(call, completion)
        else:
            completion.end()

    def _wanted(self, call: RegularCall) -> bool:
        """Return True if a call is still to be made. A client with the right to view only must not have left."""
        client = call.client
        return client is None or client.rights > Role.VIEW or client.id in self._runtime.pages

    def _turned_away(self, call: RegularCall, completion: Completion[Answer]) -> None:
        completion.set_result(Answer(UNAVAILABLE, TOO_MUCH))
        completion.end()
        self._tell_overload(call)

    def _budget(self, call: RegularCall) -> LinkBudget | None:
        """Return the budget of the requester."""
        page = self._runtime.pages.get(call.client.id) if call.client is not None else None
        if page is not None:
            return page.budget
        share = self._askers.share_of(call.client, call.request)
        return self._askers.budget_of_share(share) if share is not None else None

    def _tell_overload(self, call: RegularCall) -> None:
        page = self._runtime.pages.get(call.client.id) if call.client is not None else None
        if page is not None and page.tells_overload(time.monotonic()):
            self._runtime.publish(ActRefused(call.client, TOO_MUCH))
            with self._runtime.lock:
                page.send_notice("warning", TOO_MUCH)
            self._runtime.flush()

    def _bound(self, call: RegularCall) -> AbstractContextManager[object]:
        return call.spec.output.bound(self._output_log, call.spec.name) if call.spec else nullcontext()

    def _run_plain(self, call: RegularCall, completion: Completion[Answer]) -> None:
        with completion, running(call), spending(call.budget), self._calling(call, completion) as recorded:
            function, context = call.prepared(self._stock)
            completion.set_result(self._answer(call, self._runtime.running.run(recorded.name, function), context))

    async def _run_coroutine(self, call: RegularCall, completion: Completion[Answer]) -> None:
        with completion, running(call), self._calling(call, completion):
            function, context = call.prepared(self._stock)
            returned = function()
            if inspect.isawaitable(returned):
                returned = await returned
            if dash_internals.is_stream(returned):
                completion.set_result(await self._streamed(call, returned, context))
            else:
                completion.set_result(self._answer(call, returned, context))

    @contextmanager
    def _calling(self, call: RegularCall, completion: Completion[Answer]) -> Iterator[RecordedCall]:
        """Record a call, and take what its function raises. The block calls the function."""
        recorded = self._recorder.regular_call(call)
        with self._bound(call), dash_internals.requesting(call.request, call.budget):
            try:
                yield recorded
                recorded.result = completion.result.body or completion.result.value
            except BaseException as exc:  # noqa: BLE001 - a program's code may raise anything
                completion.set_result(self._failed(call, recorded, exc))
        self._runtime.publish(CallEnded(recorded, call.spec.definition if call.spec else None))

    async def step(self, function: Callable[[], Returned]) -> Returned:
        """Run a step of a plain generator in a worker, and await its result."""
        call = running_call.get()
        assert isinstance(call, RegularCall)
        context = contextvars.copy_context()
        name = call.spec.name if call.spec else "callback"

        def job() -> Returned:
            with self._bound(call), spending(call.budget):
                return self._runtime.running.run(name, function)

        share = self._askers.share_of(call.client, call.request)
        link = share or (call.client.address if call.client is not None else "nobody")
        return await self._runtime.in_worker(
            lambda: context.run(job), link, guest=share is not None, call_queue=self._call_queue
        )

    async def _streamed(self, call: RegularCall, returned: Returned, context: Context) -> Answer:
        """Send the answers of an async generator one by one, until it ends, is redefined, or its page has left.

        The request is answered before the first of them, because the renderer calls nothing that depends on an output
        before its callback has ended. Over the WebSocket, the answer brings cookies that were set until then. A request
        over HTTP is answered at once and without cookies, because its answer and the page's frames have no order
        (decision 83).
        """
        client = call.client
        page = self._runtime.pages.get(client.id) if client is not None else None
        if client is None:
            return await self._last_of(returned, context)
        begun = Answer(NO_CONTENT, "", context.dash_response)
        left = page is None
        if page is None:
            await returned.frames.aclose()
            return begun
        if isinstance(call.request, dash_internals.HttpRequest):
            call.begin(Answer(NO_CONTENT, ""))
        loop = asyncio.get_running_loop()
        sending = asyncio.ensure_future(self._send_each(call, page, returned, begun))

        def leaves() -> None:
            nonlocal left
            left = True
            loop.call_soon_threadsafe(sending.cancel)

        with self._askers.following(page, leaves):
            try:
                await asyncio.wait({sending})
            finally:
                sending.cancel()
                await asyncio.wait({sending})
        if not left:
            sending.result()
        return begun

    async def _send_each(self, call: RegularCall, page: ClientSession, returned: Returned, begun: Answer) -> None:
        definition = call.spec.definition if call.spec else None
        async with aclosing(dash_internals.stream_frames(returned)) as frames, aclosing(returned.frames):
            async for plain in frames:
                if definition is not None and not definition.active:
                    break  # a newer definition of it answers now
                if call.spec is not None and page.client.rights < call.spec.role:
                    break  # the client may only view now, and the callback needs more
                if not call.answered:
                    call.begin(begun)
                if plain:
                    self._answer_to(page.client, plain, call.cause)
                await asyncio.sleep(0)  # a generator that awaits nothing must not block the loop
                while page.outbox.unconfirmed > AHEAD:
                    await asyncio.sleep(AHEAD_SECONDS)

    async def _last_of(self, returned: Returned, context: Context) -> Answer:
        """Return the last answer, for a requester that is not a page."""
        last: PlainMods = []
        async with aclosing(dash_internals.stream_frames(returned)) as frames, aclosing(returned.frames):
            async for plain in frames:
                last = plain or last
                await asyncio.sleep(0)
        response: dict[str, JsonObject] = {}
        for (component_id, prop), value in last:
            response.setdefault(component_id, {})[prop] = value
        return Answer(OK, dash_internals.text_of({"multi": True, "response": response}), context.dash_response)

    def _answer(self, call: RegularCall, returned: Returned, context: Context) -> Answer:
        answer = call.answer(returned, context)
        if COMPONENT_MARK.decode() in answer.body or self._takes_away(call, answer.body):
            body, revision = self._overlaid(call, answer.body)
            return replace(answer, body=body, revision=revision)
        return answer

    def _takes_away(self, call: RegularCall, text: str) -> bool:
        """Return True if an answer may overwrite a prop that an earlier answer filled with components."""
        brought = self._runtime.dispatcher.brought(call.client.id) if call.client is not None else ()
        return any(messages.dumps(component_id) in text for component_id, _ in tuple(brought))

    def _overlaid(self, call: RegularCall, text: str) -> tuple[str, int]:
        """Put the shared values into components that a callback brings into its page. Also returns their revision."""
        tree = orjson.loads(text)
        runtime = self._runtime
        dispatcher = runtime.dispatcher
        client = call.client
        with runtime.lock:
            withheld = self._withheld(call)
            if client is not None and client.id in runtime.pages:
                runtime.enter(lambda: dispatcher.receive_answer(client.id, list(_values_of(tree)), withheld=withheld))
            elif not withheld:
                dispatcher.lay_over(tree)
            revision = 0 if withheld else dispatcher.state.revision
        return messages.dumps(tree), revision

    def _withheld(self, call: RegularCall) -> bool:
        """Return True if shared values are withheld from the requester: its page, or else its browser."""
        if call.client is not None:
            return call.client.withheld
        return call.request is not None and self._askers.withholds(call.request.headers)

    def _failed(self, call: RegularCall, recorded: RecordedCall, error: BaseException) -> Answer:
        if isinstance(error, PreventUpdate):
            return Answer(NO_CONTENT, "")
        if isinstance(error, dash_internals.TooManyJobs):
            self._tell_overload(call)
            return Answer(UNAVAILABLE, TOO_MUCH)
        error = dash_internals.raised(error)
        recorded.note_error(error)
        if why := dash_internals.misfit(
            error
        ):  # the function has not run: the request is made up, or of an old definition
            return Answer(BAD_REQUEST, f"The request does not fit: {why}.")
        self._runtime.report(error, call, call.client)
        if self._askers.share_of(call.client, call.request) is not None:
            return Answer(SERVER_ERROR, "Internal server error.")  # an exception would show parts of the program
        if not isinstance(error, Exception):
            return Answer(SERVER_ERROR, f"The callback was stopped by {type(error).__name__}.")
        return Answer(SERVER_ERROR, self._stock.error_page(error), error=error)

    def _finish(self, call: RegularCall, answer: Answer) -> None:
        definition = call.spec.definition if call.spec else None
        if definition is not None and not definition.active:
            answer = Answer(NO_CONTENT, "")  # a newer definition may have answered already
        try:
            self.speculation.finish(call, answer)
        except BaseException as error:  # noqa: BLE001 - reported; waiters are answered and the serial queue goes on
            self._runtime.beside(error, call)
            call.done(_unfinished())
        finally:
            call.ended()
            dispatcher = self._runtime.dispatcher
            self._runtime.enter(lambda: dispatcher.returned(call) + (dispatcher.finish(call) if call.is_serial else []))
            following = self._push_grants.ended(call) if call.client is not None else None
            if following is not None:
                self._runtime.begin(following)
