"""Callbacks that are asked for over HTTP: Dash's update route, `api_endpoint=`, and MCP.

All three ways pass the same checks: the limits of guests, `callback_authorize_output`, the role and the floor. Then the
pause, the serial queue and the journal apply, as for a call over the WebSocket. Stock Dash keeps the functions of API
endpoints and of MCP tools in tables of the process, and calls them itself. Here each app has its own tables.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar, cast

import quart
from werkzeug.exceptions import RequestEntityTooLarge, TooManyRequests

from dash_devices_nb.app.client_session import ClientSession
from dash_devices_nb.app.definitions.declare import name_of
from dash_devices_nb.app.delivery.request_bodies import SpooledBody
from dash_devices_nb.app.execution.call_queue import BusyError
from dash_devices_nb.app.execution.direct_calls import DirectCall
from dash_devices_nb.app.execution.event_stream import ActRefused
from dash_devices_nb.app.execution.link_spending import LARGE, spending
from dash_devices_nb.app.execution.ports import StockCalls
from dash_devices_nb.app.execution.regular_call import (
    BAD_REQUEST,
    FORBIDDEN,
    NOT_FOUND,
    OK,
    SERVER_ERROR,
    Answer,
    RegularCall,
    RegularSpec,
)
from dash_devices_nb.app.execution.regular_calls import RegularCalls
from dash_devices_nb.app.execution.regular_registry import RegularRegistry
from dash_devices_nb.app.execution.requested_outputs import CallbackRequest, requested_outputs
from dash_devices_nb.app.execution.runtime import Runtime, settle
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.plain_text import plain_text
from dash_devices_nb.app.stock_dash.types import (
    Argument,
    Function,
    JsonObject,
    McpFunctions,
    Request,
    Response,
    Returned,
)
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import BODY
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.errors import FrameError, RoleError
from dash_devices_nb.kernel.output import CellOutput

if TYPE_CHECKING:
    from dash_devices_nb.app.sessions.manager import SessionManager

T = TypeVar("T")

CallMaker: TypeAlias = Callable[[Callable[[Answer], None]], RegularCall]
"""Makes a call of the function that gets its answer."""

TIMED_OUT, TOO_LARGE, UNSUPPORTED, TOO_MANY, UNAVAILABLE = 408, 413, 415, 429, 503
INTERNAL_ERROR = -32603
"""The code of JSON-RPC for an internal error."""
MOST_CALLS = 100
"""The most calls that one MCP message may cause. `tools/list` makes the calls of a page that loads."""


class Refused(Exception):
    """A request was refused. It has a status and a text for the requester."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Wanted(BaseException):
    """A tool asks for a call. A `BaseException`, because Dash's MCP server catches `Exception`."""

    def __init__(self, question: str, call: Callable[[Asker], CallMaker], outputs: list[str]) -> None:
        super().__init__()
        self.question = question
        self.call = call
        self.outputs = outputs


@dataclass(frozen=True)
class Asker:
    """The requester: a page, or a program.

    Attributes:
        client: the client of the page. None: the requester is no page that we know.
        rights: what the requester may do.
        request: the request, as Dash reads it from a worker.
    """

    client: Client | None
    rights: Role
    request: Request


_given: contextvars.ContextVar[dict[str, Iterator[Answer]] | None] = contextvars.ContextVar(
    "dash_devices_nb_given", default=None
)
"""While Dash's MCP server handles a message: the known answers to its calls, by what is called.

The order of the calls does not identify them, because Dash caches some answers and does not ask for them again.
"""


class Tools(StockCalls, Protocol):
    """Stock Dash, with the MCP tools that it makes of callbacks."""

    def output_of_tool(self, name: str) -> str | None:
        """The output of the callback that a tool calls, or None."""


class HttpCalls:
    """Answers requests for the callbacks of one app over HTTP.

    Args:
        runtime: the app's runtime.
        regular: runs its regular callbacks.
        registry: its regular callbacks.
        stock: its side of stock Dash.
        sessions: says who asks.

    Attributes:
        endpoints: the output of the callback of each API endpoint.
    """

    def __init__(
        self,
        runtime: Runtime,
        regular: RegularCalls,
        registry: RegularRegistry,
        stock: Tools,
        sessions: SessionManager,
    ) -> None:
        self._runtime = runtime
        self._regular = regular
        self._registry = registry
        self._stock = stock
        self._sessions = sessions
        self.endpoints: dict[str, str] = {}

    # ---- the one check

    async def asker(self, page: ClientSession | None) -> Asker:
        """Identify who sends the current request. Raises Refused if a guest sends too much."""
        sessions = self._sessions
        request = quart.request._get_current_object()  # type: ignore[attr-defined]
        client = None if page is None else page.client
        share = sessions.share_of(client, request)
        size = await _complete(request)
        if share and not await sessions.sharing.affords(page, share, min(size, BODY)):
            raise Refused(TOO_MANY, "This is far more than a guest may ask for.")
        rights = client.rights if client is not None else sessions.rights_of(request.headers)
        return Asker(client, rights, dash_internals.HttpRequest(request))

    async def run(self, asker: Asker, make: CallMaker, outputs: Iterable[str]) -> Answer:
        """Make a call, and run it when its turn comes, if it is allowed. Raises Refused."""
        sessions = self._sessions
        for output in outputs if sessions.authorizers else ():
            if asker.client is None:
                raise Refused(FORBIDDEN, "This app asks who calls its callbacks: only its open pages may.")
            if not await sessions.authorized(asker.client, output):
                raise Refused(FORBIDDEN, f"You may not call the callback of {output or 'no output'}.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        call = make(lambda answer: _settle(loop, future, answer))
        direct = isinstance(call, DirectCall)
        if not sessions.roles.allows(call):
            if call.acted or direct:
                raise Refused(FORBIDDEN, "You may not call this callback.")
            return Answer(204, "")
        if isinstance(call, DirectCall):
            _check(call)
            self._regular.admit(call, call.function)
        else:
            self._regular.start(call)
        return await future

    async def posted(self, *, empty: bool = False) -> CallbackRequest:
        """Read the JSON object in the current request. With `empty`, the body may be empty. Raises Refused."""
        request = quart.request
        if not request.is_json:
            raise Refused(UNSUPPORTED, "The body of a request is JSON, and its Content-Type says so: application/json.")
        size = await _complete(request)
        budget = (
            self._sessions.sharing.budget_of_share(share) if (share := self._sessions.share_of(None, request)) else None
        )
        data = cast("bytes", await request.get_data()) if size <= LARGE else b""
        body = cast("SpooledBody", request.body)

        def read() -> CallbackRequest:
            with spending(budget):
                found = data or body.read()
                return CallbackRequest.posted(b"{}" if empty and not found.strip() else found)

        try:
            return read() if size <= LARGE else cast("CallbackRequest", await self._in_worker(read))
        except FrameError as error:
            raise Refused(BAD_REQUEST, f"The request does not fit: {error}.") from error

    async def asked(self, asker: Asker) -> Answer:
        """Answer a renderer's request. Raises Refused."""
        asked = await self.posted()
        try:
            outputs = requested_outputs(asked.body)
        except FrameError as error:
            raise Refused(BAD_REQUEST, str(error)) from error
        return await self.run(asker, self._call(asker, asked), outputs)

    def _call(self, asker: Asker, asked: CallbackRequest) -> CallMaker:
        return lambda done: RegularCall(asked, asker.client, asker.request, done, rights=asker.rights)

    # ---- API endpoints

    def serves(self, path: str, output: str) -> None:
        """A callback was declared with an API endpoint."""
        self.endpoints[path] = output

    def view(self, path: str, page_of: Callable[[], ClientSession | None]) -> Function:
        """The view of an API endpoint. It calls the callback's function with the posted JSON object as arguments."""

        async def endpoint(**_: Argument) -> Response:
            try:
                asker = await self.asker(page_of())
                arguments = (await self.posted(empty=True)).body
                answer = await self._called(asker, self.endpoints[path], arguments)
            except Refused as refused:
                return plain_text(refused.text, refused.status)
            return quart.jsonify(answer.value) if answer.status == OK else plain_text(answer.body, answer.status)

        return endpoint

    async def _called(self, asker: Asker, output: str, arguments: JsonObject) -> Answer:
        function = self.function_of(output)
        if function is None:
            raise Refused(NOT_FOUND, "The callback of this endpoint has gone.")
        spec = self._registry.specs.get(output)
        if spec is None:
            needed = self._sessions.roles.needed_by(output)
            spec = RegularSpec(name_of(function), Services.S0, None, CellOutput.here(), function, role=needed)
        return await self.run(asker, self._direct(asker, spec, function, arguments, output), [output])

    def function_of(self, output: str) -> Function | None:
        """The function of the callback with this output, or None if that has gone."""
        try:
            registered = self._stock.registered(output)
        except KeyError:
            return None
        spec = self._registry.specs.get(output)
        if spec is not None and spec.function is not None:
            return spec.function
        function: Function = registered["callback"].__wrapped__
        return function

    def _direct(
        self,
        asker: Asker,
        spec: RegularSpec,
        function: Function,
        arguments: JsonObject,
        output: str,
    ) -> CallMaker:
        asked = CallbackRequest.of({"output": output, "inputs": [], "changedPropIds": [], "arguments": arguments})
        return lambda done: DirectCall(
            asked, asker.client, asker.request, done, spec=spec, rights=asker.rights, function=function
        )

    # ---- MCP

    def mcp_view(self, stock_view: Function, page_of: Callable[[], ClientSession | None]) -> Function:
        """The view of MCP's POST. It runs Dash's own view in a worker, until that wants a call.

        The call is made outside, and the view starts again with the answers so far. So no worker waits for another.
        """

        async def mcp(**_: Argument) -> Response:
            try:
                asker = await self.asker(page_of())
                await self._may_ask_for_task(asker, (await self.posted()).body)
                await (
                    quart.request.get_json()
                )  # Quart caches it: Dash's server reads it again in a thread without a loop
                given: list[tuple[str, Answer]] = []
                while isinstance(answered := await self._handled(stock_view, given), Wanted):
                    if len(given) == MOST_CALLS:
                        raise RuntimeError(f"one MCP message asks for more than {MOST_CALLS} calls")
                    given.append((answered.question, await self._wanted(asker, answered)))
            except Refused as refused:
                return plain_text(refused.text, refused.status)
            guest = self._sessions.share_of(asker.client, quart.request) is not None
            return await _without_reasons(answered) if guest else answered

        return mcp

    async def _may_ask_for_task(self, asker: Asker, body: JsonObject) -> None:
        """Check a message about a background job as a call of its callback. Raises Refused.

        Dash's server identifies a job by its id alone, whoever started it. It reads and cancels jobs without a call.
        """
        params = body.get("params")
        if not str(body.get("method")).startswith("tasks/") or not isinstance(params, dict):
            return
        name = str(params.get("taskId")).partition(":")[0]
        context = contextvars.copy_context()  # Quart's request is in it
        output = await self._in_worker(lambda: context.run(self._stock.output_of_tool, name))
        if output is None:
            return  # Dash answers that there is no such job
        sessions = self._sessions
        need = sessions.roles.needed_by(output)
        allowed = asker.rights >= need
        if sessions.authorizers:
            allowed = allowed and asker.client is not None and await sessions.authorized(asker.client, output)
        if not allowed:
            reason = f"{body.get('method')!s:.60}: it needs {str(need)!r}."
            self._sessions.runtime.publish(ActRefused(asker.client, reason))
            raise Refused(FORBIDDEN, "You may not call the callback of this task.")

    async def _handled(self, stock_view: Function, given: list[tuple[str, Answer]]) -> Response | Wanted:
        context = contextvars.copy_context()  # Quart's request is in it
        answers: dict[str, list[Answer]] = {}
        for question, answer in given:
            answers.setdefault(question, []).append(answer)

        def handle() -> Response | Wanted:
            self._stock.enter_app()
            _given.set({question: iter(each) for question, each in answers.items()})
            try:
                return _at_once(stock_view())
            except Wanted as wanted:
                return wanted

        return await self._in_worker(lambda: context.run(handle))

    async def _in_worker(self, function: Callable[[], T]) -> T:
        """Run a function in a worker, for the sender of the current request. Raises Refused."""
        share = self._sessions.share_of(None, quart.request)
        link = share or quart.request.remote_addr or "nobody"
        try:
            return cast("T", await self._runtime.in_worker(function, link, guest=bool(share)))
        except BusyError as error:
            raise Refused(UNAVAILABLE, str(error)) from error

    async def _wanted(self, asker: Asker, wanted: Wanted) -> Answer:
        try:
            return await self.run(asker, wanted.call(asker), wanted.outputs)
        except Refused as refused:
            return Answer(refused.status, refused.text)

    def tool_asks(self, body: JsonObject) -> Callable[[], str] | None:
        """The function to run instead of a callback, if an MCP tool is about to run it. Otherwise None."""
        if _given.get() is None:
            return None
        question = json.dumps(body, sort_keys=True, default=repr)
        return lambda: (
            self._answered(
                question, lambda asker: self._call(asker, CallbackRequest.of(body)), requested_outputs(body)
            ).body
        )

    def tools(self, registered: McpFunctions) -> McpFunctions:
        """Wrap the functions that `dash.mcp.mcp_enabled` marks, so that a tool's call comes to us."""
        return {name: {**each, "fn": self._tool(name, each["fn"])} for name, each in registered.items()}

    def _tool(self, name: str, function: Function) -> Function:
        # Nobody has declared its role, and it may act.
        spec = RegularSpec(name, Services.S0, None, CellOutput.here(), function, role=Role.CONTROL)

        @functools.wraps(function)
        def tool(**arguments: Argument) -> Returned:
            question = json.dumps([name, arguments], sort_keys=True, default=repr)
            answer = self._answered(question, lambda asker: self._direct(asker, spec, function, arguments, ""), [""])
            returned = answer.value
            json.dumps(returned, default=str)
            return returned

        return tool

    def _answered(self, question: str, call: Callable[[Asker], CallMaker], outputs: list[str]) -> Answer:
        answer = next((_given.get() or {}).get(question, iter(())), None)
        if answer is None:
            raise Wanted(question, call, outputs)
        if answer.error is not None:
            raise answer.error
        if answer.status == SERVER_ERROR:
            raise RuntimeError(answer.body)
        if answer.status != OK:
            raise RoleError(answer.body or "It updates nothing.")
        return answer


async def _complete(request: Request) -> int:
    """Wait for the body of a request, and return its size. Raises Refused if it is too long."""
    body = request.body
    try:
        return cast("int", await asyncio.wait_for(body.complete(), request.body_timeout))
    except RequestEntityTooLarge as error:
        limit = f"{body.limit / 1024**2:.0f} MB"
        raise Refused(TOO_LARGE, f"This request is too large: at most {limit} can be sent here.") from error
    except TooManyRequests as error:
        raise Refused(TOO_MANY, str(error.description)) from error
    except TimeoutError as error:
        raise Refused(TIMED_OUT, "The request did not come whole in time.") from error


def _check(call: DirectCall) -> None:
    """Check the arguments of a call that is allowed. Raises Refused."""
    try:
        inspect.signature(call.function).bind(**call.body["arguments"])
    except TypeError as error:
        raise Refused(BAD_REQUEST, f"The arguments do not fit: {error}.") from error


async def _without_reasons(answered: Response) -> Response:
    """Remove the reasons of errors from an MCP answer to a guest: the text of an exception is for the owner."""
    data = json.loads(await answered.get_data())
    for each in data if isinstance(data, list) else [data]:
        error = each.get("error") if isinstance(each, dict) else None
        if isinstance(error, dict) and error.get("code") == INTERNAL_ERROR:
            error["message"] = "Internal error"
            error.pop("data", None)
            answered.set_data(json.dumps(data))
    return answered


def _settle(loop: asyncio.AbstractEventLoop, future: asyncio.Future[Answer], answer: Answer) -> None:
    loop.call_soon_threadsafe(settle, future, answer)


def _at_once(view: Response) -> Response:
    """Run a coroutine that never waits, in a thread without a loop, and return its result."""
    if not inspect.iscoroutine(view):
        return view
    try:
        view.send(None)
    except StopIteration as end:
        return end.value
    view.close()
    raise RuntimeError("Dash's MCP server awaits something, which is not supported")
