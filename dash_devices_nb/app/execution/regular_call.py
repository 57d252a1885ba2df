"""A request for a regular callback, and the answer to it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Protocol

from dash_devices_nb.app.definitions.registry import Definition
from dash_devices_nb.app.execution.requested_outputs import CallbackRequest
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.app.stock_dash.types import (
    Context,
    Function,
    JsonObject,
    PropValue,
    Registered,
    Request,
    Response,
    Returned,
    WebSocket,
)
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import LinkBudget
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.propagation import ACTED, Cause
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.kernel.output import CellOutput

OK, NO_CONTENT, BAD_REQUEST, FORBIDDEN, NOT_FOUND, SERVER_ERROR, UNAVAILABLE = 200, 204, 400, 403, 404, 500, 503


class Runs(Protocol):
    """The part of stock Dash that runs a request."""

    def enter_app(self) -> None:
        """Make `dash.get_app` return this app in the running thread or task."""

    def run_stock(
        self, body: JsonObject, client: Client | None, websocket: WebSocket = None, cause: Cause | None = None
    ) -> tuple[Callable[[], Returned], Context]:
        """Return a function that runs a request, and the context to run it in."""


@dataclass(eq=False)
class RegularSpec:
    """What we know about a regular callback and Dash does not.

    Attributes:
        name: the function's name.
        service: its service.
        queue_key: the key of its serial queue, or None.
        output: the cell that gets its output.
        function: the program's function.
        definition: its entry in `app.callbacks`.
        role: the role that a client needs to call it.
    """

    name: str
    service: Services
    queue_key: Hashable | None
    output: CellOutput
    function: Function | None = None
    definition: Definition | None = None
    role: Role = Role.CONTROL


@dataclass(eq=False)
class RegisteredCallback:
    """A callback in Dash's tables.

    Attributes:
        declared: the callback as pages get it.
        registered: how Dash calls it. None for a clientside callback.
        spec: what we know about it. None for a clientside callback.
    """

    declared: JsonObject
    registered: Registered | None
    spec: RegularSpec | None

    @property
    def output(self) -> str:
        """Its output, as Dash names it."""
        return str(self.declared["output"])


@dataclass
class Answer:
    """The answer to a request.

    Attributes:
        status: as in HTTP: 200, 204 (nothing to update), 400, 403, 404, 500.
        body: JSON text, or the text of an error.
        response: Dash's response with the cookies and headers that the callback set, or None.
        chain: answers to the requests that the page will probably make next (see `speculation`).
        revision: the revision of the shared values in the components that it brings. 0 if it brings none.
        value: what the function returned, if it was called directly (`app/execution/direct_calls.py`).
        error: the function's exception, if the requester may see it.
    """

    status: int
    body: str
    response: Response = None
    chain: list[JsonObject] = field(default_factory=list)
    revision: int = 0
    value: PropValue = None
    error: Exception | None = None


@dataclass(eq=False, repr=False)
class RegularCall:
    """One request for a regular callback.

    Attributes:
        asked: the renderer's request.
        client: the requester. None for a program that is not a page.
        request: the request as Dash reads it. None if Quart has it.
        done: called with the answer, from any thread. If that fails, it is called again with another answer.
        websocket: Dash's interface for callbacks that stream, or None.
        cause: why the page asks. None: a person acted.
        links: the number of answers on the server that led to this request.
        rights: the rights of the requester if there is no client.
        answered: whether it was answered before its end.
        over: whether it has ended.
        lineage: the props whose change led to it.
    """

    asked: CallbackRequest
    client: Client | None
    request: Request
    done: Callable[[Answer], None]
    websocket: WebSocket = None
    cause: Cause | None = None
    spec: RegularSpec | None = None
    coroutine: bool = False
    links: int = 0
    rights: Role = Role.CONTROL
    answered: bool = field(default=False, init=False)
    over: bool = field(default=False, init=False)
    lineage: frozenset[Key] = field(default=frozenset(), init=False)
    budget: LinkBudget | None = field(default=None, init=False)

    def begin(self, answer: Answer) -> None:
        """Answer the request before the call ends. Its end sends nothing more."""
        self.done(answer)
        self.done, self.answered = _answered, True

    def resolve(self, spec: RegularSpec | None) -> None:
        """Note which callback it calls. None: one that stock Dash alone knows."""
        self.spec = spec

    def admit(self, lineage: frozenset[Key], budget: LinkBudget | None, *, coroutine: bool) -> None:
        """Note that it may be made: with this lineage, at the expense of this budget, as a coroutine or not."""
        self.lineage, self.budget, self.coroutine = lineage, budget, coroutine

    def ended(self) -> None:
        """The call has ended. Idempotent."""
        self.over = True
        if self.budget is not None:
            self.budget.under_way.discard(self)

    @property
    def body(self) -> JsonObject:
        """The renderer's request as the callback gets it. The program may change it."""
        return self.asked.body

    @property
    def queue_key(self) -> Hashable | None:
        """The key of its serial queue, or None."""
        return self.spec.queue_key if self.spec else None

    @property
    def is_serial(self) -> bool:
        """Whether it waits in a serial queue."""
        return self.queue_key is not None

    def __repr__(self) -> str:
        name = self.spec.name if self.spec else self.body.get("output")
        return f"<Call {name} {', '.join(map(str, self.body.get('changedPropIds') or ())) or 'initial'}>"

    @property
    def acted(self) -> bool:
        """Whether a person's act in that page led to it: not an initial call, nor the changes of others."""
        person = self.cause is None or self.cause.revision == ACTED
        return person and bool(self.body.get("changedPropIds"))

    def prepared(self, stock: Runs) -> tuple[Callable[[], Returned], Context]:
        """Return a function that runs it, and the context. Raises Dash's exception if the request does not fit."""
        return stock.run_stock(self.body, self.client, self.websocket, self.cause)

    def answer(self, returned: Returned, context: Context) -> Answer:
        """Return the answer with what the function returned."""
        return Answer(OK, returned, context.dash_response)

    def kept(self) -> RegularCall:
        """Return a copy for the journal, without references to its page or to objects that the program may change."""
        request = self.request
        return RegularCall(
            self.asked.kept(),
            self.client,
            request.kept() if isinstance(request, dash_internals.HttpRequest) else request,
            _answered,
            None,
            self.cause,
            self.spec,
            self.coroutine,
            self.links,
            self.rights,
        )


def _answered(answer: Answer) -> None:
    """Ignore the answer of a call that was answered already."""
