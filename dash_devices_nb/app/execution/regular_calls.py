"""Running regular callbacks: stock Dash's own machinery, asked for over a page's WebSocket or over HTTP.

A plain function runs in a worker, a coroutine on the callback loop. A serialized one (S2) waits in its serial queue;
with MOST_RECENT a newer request of the same client takes the place of the one that waits, which is answered with
nothing.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, nullcontext
from typing import TYPE_CHECKING, Any

import orjson
from dash.exceptions import PreventUpdate

from dash_devices_nb.app.execution.call_queue import CallQueue, Job
from dash_devices_nb.app.execution.call_record import RecordedCall
from dash_devices_nb.app.execution.completion import Completion
from dash_devices_nb.app.execution.link_spending import spending
from dash_devices_nb.app.execution.outputs import PlainMods
from dash_devices_nb.app.execution.ports import Askers, CallRecorder, StockCalls
from dash_devices_nb.app.execution.push_grants import PushGrants
from dash_devices_nb.app.execution.regular_call import (
    NO_CONTENT,
    NOT_FOUND,
    OK,
    SERVER_ERROR,
    UNAVAILABLE,
    Answer,
    RegisteredCallback,
    RegularCall,
    RegularSpec,
)
from dash_devices_nb.app.execution.runtime import Runtime, running, running_call
from dash_devices_nb.app.execution.speculation import Speculation
from dash_devices_nb.app.stock_dash import dash_internals
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
    return Answer(SERVER_ERROR, "The callback's answer could not be made; the app's log says why.")


def _values_of(answer: dict[str, Any]) -> Iterator[tuple[Key, Any]]:
    """The props that an answer sets, and their values."""
    for part in ("response", "sideUpdate"):
        for component_id, props in (answer.get(part) or {}).items():
            for prop, value in props.items():
                yield (component_id, prop), value


class RegularCalls:
    """Runs the regular callbacks of one app.

    Args:
        runtime: its runtime.
        stock: its side of stock Dash.
        recorder: takes down what becomes of the calls.
        output_log: logs what they print.
        askers: says who asks, once the app has its sessions.
        answer_to: sends what a callback that streams has set.
        places: how many plain ones may run at a time.

    Attributes:
        specs: what we keep of each, by its output; of one that was taken away, too.
        registrations: those in Dash's tables, oldest first.
        declared: the outputs of those that the open pages have not been told of.
        speculation: calls what a page will ask for next.
        push_grants: the calls that pushes grant.
    """

    def __init__(
        self,
        runtime: Runtime,
        stock: StockCalls,
        recorder: CallRecorder,
        output_log: OutputLog,
        askers: Callable[[], Askers],
        answer_to: Callable[[Client, PlainMods, Cause | None], None],
        places: Callable[[], int],
    ) -> None:
        self._runtime = runtime
        self._stock = stock
        self._recorder = recorder
        self._output_log = output_log
        self._askers = askers
        self._answer_to = answer_to
        self._call_queue = CallQueue(runtime, places)
        self.specs: dict[str, RegularSpec] = {}
        self.registrations: list[RegisteredCallback] = []
        self.push_grants = PushGrants(runtime, stock.declared)
        runtime.on_own = self.push_grants.sent
        self.declared: set[str] = set()
        self.speculation = Speculation(
            self.start, stock.declared, runtime.beside, lambda: not askers().authorizes_outputs
        )

    def newest(self, output: str) -> RegisteredCallback | None:
        """The one of an output that is called, which is the newest; what we keep of it is in force."""
        for each in reversed(self.registrations):
            if each.output == output:
                if each.spec is not None:
                    self.specs[output] = each.spec
                return each
        return None

    def start(self, call: RegularCall) -> None:
        """Start a request, or queue it. Does not block; from any thread."""
        output = call.body.get("output")
        try:
            registered = self._stock.registered(str(output))
        except KeyError:
            # Of one that was taken away the page has not heard yet.
            gone = str(output) in self.specs
            call.done(Answer(NO_CONTENT, "") if gone else Answer(NOT_FOUND, "There is no callback for that output."))
            return
        call.spec = self.specs.get(str(output))
        self.admit(call, registered["callback"])

    def admit(self, call: RegularCall, function: Callable[..., Any]) -> None:
        """Run a request of which its `spec` is known, when its turn comes and if it may. From any thread."""
        pushed = call.cause is not None and (call.cause.pushed or call.cause.own)
        if not (self.push_grants.take(call) if pushed else self._askers().allows(call)):
            call.done(Answer(NO_CONTENT, ""))
            return
        call.lineage = self._lineage(call)
        call.budget = self._budget(call)
        if call.budget is not None:
            if call.budget.is_busy:
                call.done(Answer(UNAVAILABLE, TOO_MUCH))
                self._tell_overload(call)
                return
            call.budget.under_way.add(call)
        call.coroutine = inspect.iscoroutinefunction(function)
        if call.queue_key is None:
            first = self.push_grants.is_first(call) if pushed else True
            if first:
                self._runtime.begin(call)
            elif first is None:
                call.ended()
                call.done(Answer(UNAVAILABLE, TOO_MUCH))
                self._tell_overload(call)
            return
        call.is_serial = True
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
        """The props whose change led to a call, as far as its page says, and what had led to that."""
        names = call.body.get("changedPropIds") or ()
        changed = frozenset((name.rpartition(".")[0], name.rpartition(".")[2]) for name in names)
        key = call.cause.key if call.cause is not None else None
        entry = self._runtime.dispatcher.state.get(key) if key is not None else None
        return changed | (entry.lineage if entry is not None else frozenset())

    def run(self, call: RegularCall) -> None:
        """Run a request now. Does not block, nor raise: it ends, whatever becomes of it."""
        completion = Completion(
            lambda answer: self._finish(call, answer), _unfinished(), lambda error: self._runtime.beside(error, call)
        )
        try:
            self._begin(call, completion)
        except Exception as error:  # noqa: BLE001 - it could not be begun, and has ended
            self._runtime.beside(error, call)
            completion.end()

    def _begin(self, call: RegularCall, completion: Completion[Answer]) -> None:
        if call.coroutine:
            self._runtime.spawn(lambda: self._run_coroutine(call, completion), completion.end)
        elif call.is_serial:
            # Its serial queue bounds it, and others wait for it.
            self._runtime.work(lambda: self._run_laned(call, completion), completion.end)
        else:
            share = self._askers().share_of(call.client, call.request)
            job = Job(
                lambda: self._run_plain(call, completion),
                lambda: self._turned_away(call, completion),
                lambda: self._wanted(call),
            )
            link = share or (call.client.address if call.client is not None else "")
            self._call_queue.submit(job, link, guest=share is not None)

    def _run_laned(self, call: RegularCall, completion: Completion[Answer]) -> None:
        if self._wanted(call):
            self._run_plain(call, completion)
        else:
            completion.end()

    def _wanted(self, call: RegularCall) -> bool:
        """Whether a call is still to be made: who may only look, and has left, wants nothing any more."""
        client = call.client
        return client is None or client.rights > Role.VIEW or client.id in self._runtime.pages

    def _turned_away(self, call: RegularCall, completion: Completion[Answer]) -> None:
        completion.result = Answer(UNAVAILABLE, TOO_MUCH)
        completion.end()
        self._tell_overload(call)

    def _budget(self, call: RegularCall) -> LinkBudget | None:
        """Of who asks."""
        page = self._runtime.pages.get(call.client.id) if call.client is not None else None
        if page is not None:
            return page.budget
        share = self._askers().share_of(call.client, call.request)
        return self._askers().budget_of_share(share) if share is not None else None

    def _tell_overload(self, call: RegularCall) -> None:
        page = self._runtime.pages.get(call.client.id) if call.client is not None else None
        if page is not None and page.tells_overload(time.monotonic()):
            self._recorder.refused(call.client, TOO_MUCH)
            with self._runtime.lock:
                page.send_notice("warning", TOO_MUCH)
            self._runtime.flush()

    def _bound(self, call: RegularCall) -> Any:
        return call.spec.output.bound(self._output_log, call.spec.name) if call.spec else nullcontext()

    def _run_plain(self, call: RegularCall, completion: Completion[Answer]) -> None:
        with completion, running(call), spending(call.budget):
            recorded = self._recorder.regular_call(call)
            with self._bound(call), dash_internals.requesting(call.request):
                try:
                    function, context = call.prepared(self._stock)
                    completion.result = self._answer(call, self._runtime.running.run(recorded.name, function), context)
                    recorded.result = completion.result.body or completion.result.value
                except BaseException as exc:  # noqa: BLE001 - a program's code may raise anything
                    completion.result = self._failed(call, recorded, exc)
            self._recorder.finished(recorded, call.spec.definition if call.spec else None)

    async def _run_coroutine(self, call: RegularCall, completion: Completion[Answer]) -> None:
        with completion, running(call):
            recorded = self._recorder.regular_call(call)
            with self._bound(call), dash_internals.requesting(call.request):
                try:
                    function, context = call.prepared(self._stock)
                    returned = function()
                    if inspect.isawaitable(returned):
                        returned = await returned
                    if dash_internals.is_stream(returned):
                        completion.result = await self._streamed(call, returned, context)
                    else:
                        completion.result = self._answer(call, returned, context)
                    recorded.result = completion.result.body or completion.result.value
                except BaseException as exc:  # noqa: BLE001 - a program's code may raise anything
                    completion.result = self._failed(call, recorded, exc)
            self._recorder.finished(recorded, call.spec.definition if call.spec else None)

    async def step(self, function: Callable[[], Any]) -> Any:
        """Run a step of a plain generator in a worker, for the call that runs here, and await its result."""
        call = running_call.get()
        assert isinstance(call, RegularCall)
        context = contextvars.copy_context()
        name = call.spec.name if call.spec else "callback"

        def job() -> Any:
            with self._bound(call), spending(call.budget):
                return self._runtime.running.run(name, function)

        share = self._askers().share_of(call.client, call.request)
        link = share or (call.client.address if call.client is not None else "nobody")
        return await self._runtime.in_worker(
            lambda: context.run(job), link, guest=share is not None, call_queue=self._call_queue
        )

    async def _streamed(self, call: RegularCall, returned: Any, context: Any) -> Answer:
        """Send each answer of an async generator as it comes, until it ends, is defined anew or its page has left.

        The request is answered before the first: the renderer calls nothing that hangs on an output before its
        callback has ended. Over the WebSocket, cookies that are set until then go with it. A request over HTTP is
        answered at once and without cookies, as its answer and the page's frames have no order.
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

        with self._askers().following(page, leaves):
            try:
                await asyncio.wait({sending})
            finally:
                sending.cancel()
                await asyncio.wait({sending})
        if not left:
            sending.result()
        return begun

    async def _send_each(self, call: RegularCall, page: ClientSession, returned: Any, begun: Answer) -> None:
        definition = call.spec.definition if call.spec else None
        async with aclosing(dash_internals.stream_frames(returned)) as frames, aclosing(returned.frames):
            async for plain in frames:
                if definition is not None and not definition.active:
                    break  # a newer definition of it answers now
                if call.spec is not None and page.client.rights < call.spec.role:
                    break  # somebody who is set to view gets no more of what those who act may ask for
                if not call.answered:
                    call.begin(begun)
                if plain:
                    self._answer_to(page.client, plain, call.cause)
                await asyncio.sleep(0)  # a generator that awaits nothing leaves others their turn
                while page.outbox.unconfirmed > AHEAD:
                    await asyncio.sleep(AHEAD_SECONDS)

    async def _last_of(self, returned: Any, context: Any) -> Answer:
        """What a program that is no page gets: what was said last."""
        last: list[tuple[Key, Any]] = []
        async with aclosing(dash_internals.stream_frames(returned)) as frames, aclosing(returned.frames):
            async for plain in frames:
                last = plain or last
                await asyncio.sleep(0)
        response: dict[str, dict[str, Any]] = {}
        for (component_id, prop), value in last:
            response.setdefault(component_id, {})[prop] = value
        return Answer(OK, dash_internals.text_of({"multi": True, "response": response}), context.dash_response)

    def _answer(self, call: RegularCall, returned: Any, context: Any) -> Answer:
        answer = call.answer(returned, context)
        if COMPONENT_MARK.decode() in answer.body or self._takes_away(call, answer.body):
            answer.body, answer.revision = self._overlaid(call, answer.body)
        return answer

    def _takes_away(self, call: RegularCall, text: str) -> bool:
        """Whether an answer may set a prop into which an earlier one has brought components."""
        brought = self._runtime.dispatcher.brought(call.client.id) if call.client is not None else ()
        return any(messages.dumps(component_id) in text for component_id, _ in tuple(brought))

    def _overlaid(self, call: RegularCall, text: str) -> tuple[str, int]:
        """Lay the shared values over components that a callback brings into its page; also returns their revision."""
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
        """Whether what is shared is kept from who asks, by a page or, where it names none, by a browser."""
        if call.client is not None:
            return call.client.withheld
        return call.request is not None and self._askers().withholds(call.request.headers)

    def _failed(self, call: RegularCall, recorded: RecordedCall, error: BaseException) -> Answer:
        if isinstance(error, PreventUpdate):
            return Answer(NO_CONTENT, "")
        error = dash_internals.raised(error)
        recorded.error = error
        recorded.ended()
        self._runtime.report(error, call, call.client)
        if self._askers().share_of(call.client, call.request) is not None:
            return Answer(SERVER_ERROR, "Internal server error.")  # what is raised, and where, shows the program
        if not isinstance(error, Exception):
            return Answer(SERVER_ERROR, f"The callback was stopped by {type(error).__name__}.")
        return Answer(SERVER_ERROR, self._stock.error_page(error), error=error)

    def _finish(self, call: RegularCall, answer: Answer) -> None:
        definition = call.spec.definition if call.spec else None
        if definition is not None and not definition.active:
            answer = Answer(NO_CONTENT, "")  # a newer definition of it may have answered already
        try:
            self.speculation.finish(call, answer)
        except BaseException as error:  # noqa: BLE001 - reported; who waits is answered, and the serial queue is freed
            self._runtime.beside(error, call)
            call.done(_unfinished())
        finally:
            call.ended()
            call.over = True
            dispatcher = self._runtime.dispatcher
            self._runtime.enter(lambda: dispatcher.returned(call) + (dispatcher.finish(call) if call.is_serial else []))
            following = self.push_grants.ended(call) if call.client is not None else None
            if following is not None:
                self._runtime.begin(following)
