"""A request for a regular callback, and the answer to it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol

from dash_devices_nb.app.definitions.registry import Definition
from dash_devices_nb.app.execution.requested_outputs import CallbackRequest
from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import LinkBudget
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.callbacks.propagation import ACTED, Cause
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.kernel.output import CellOutput

OK, NO_CONTENT, FORBIDDEN, NOT_FOUND, SERVER_ERROR, UNAVAILABLE = 200, 204, 403, 404, 500, 503


class Runs(Protocol):
    """Stock Dash, as far as it runs a request."""

    def run_stock(
        self, body: dict[str, Any], client: Any, websocket: Any = None, cause: Any = None
    ) -> tuple[Callable[[], Any], Any]:
        """What runs a request, and the context that it has."""


@dataclass(eq=False)
class RegularSpec:
    """What we keep of a regular callback beside what Dash keeps.

    Attributes:
        name: the function's name.
        service: its service.
        queue_key: its serial queue, or None.
        output: where what it prints goes to.
        function: the program's function.
        definition: its place in `app.callbacks`.
        role: what a client needs to call it.
    """

    name: str
    service: Services
    queue_key: Hashable | None
    output: CellOutput
    function: Callable[..., Any] | None = None
    definition: Definition | None = None
    role: Role = Role.CONTROL


@dataclass(eq=False)
class RegisteredCallback:
    """A callback in Dash's tables.

    Attributes:
        declared: as pages get it.
        registered: how Dash calls it; None for a clientside one.
        spec: what we keep of it; None for a clientside one.
    """

    declared: dict[str, Any]
    registered: Any
    spec: RegularSpec | None

    @property
    def output(self) -> str:
        """Its output, as Dash names it."""
        return str(self.declared["output"])


@dataclass
class Answer:
    """The answer to a request.

    Attributes:
        status: as in HTTP: 200, 204 (nothing to update), 403, 404, 500.
        body: JSON text, or the text of an error.
        response: Dash's response, which has the cookies and headers that the callback set, or None.
        chain: the answers that the page will ask for next (see `speculation`).
        revision: of the shared values of the components in it; 0 where it has none.
        value: what the function returned, where it was called directly (`app/execution/direct_calls.py`).
        error: what the function raised, where who asks may know.
    """

    status: int
    body: str
    response: Any = None
    chain: list[dict[str, Any]] = field(default_factory=list)
    revision: int = 0
    value: Any = None
    error: Exception | None = None


@dataclass(eq=False, repr=False)
class RegularCall:
    """One request for a regular callback.

    Attributes:
        asked: what the renderer sends.
        client: who asked; None for a program that is no page.
        request: the request as Dash reads it, None where Quart has it.
        done: takes the answer, from any thread; a second one, where giving the first has failed, stands for it.
        websocket: Dash's interface for callbacks that stream, or None.
        cause: why the page asks; None: a person acted.
        links: how many answers led to this request on the server.
        rights: what may be done where there is no client.
        answered: whether the answer was given before its end.
        over: whether it has ended.
        lineage: the props whose change led to it.
    """

    asked: CallbackRequest
    client: Client | None
    request: Any
    done: Callable[[Answer], None]
    websocket: Any = None
    cause: Cause | None = None
    spec: RegularSpec | None = None
    coroutine: bool = False
    links: int = 0
    rights: Role = Role.CONTROL
    is_serial: bool = field(default=False, init=False)
    answered: bool = field(default=False, init=False)
    over: bool = field(default=False, init=False)
    lineage: frozenset[Key] = field(default=frozenset(), init=False)
    budget: LinkBudget | None = field(default=None, init=False)

    def begin(self, answer: Answer) -> None:
        """Answer the request before the call has ended; its end says nothing more."""
        self.done(answer)
        self.done, self.answered = _answered, True

    def ended(self) -> None:
        """It is under way no more. Idempotent."""
        if self.budget is not None:
            self.budget.under_way.discard(self)

    @property
    def body(self) -> dict[str, Any]:
        """What the renderer sends, as the callback gets it: the program may change what is in it."""
        return self.asked.body

    @property
    def queue_key(self) -> Hashable | None:
        """Its serial queue."""
        return self.spec.queue_key if self.spec else None

    def __repr__(self) -> str:
        name = self.spec.name if self.spec else self.body.get("output")
        return f"<Call {name} {', '.join(map(str, self.body.get('changedPropIds') or ())) or 'initial'}>"

    @property
    def acted(self) -> bool:
        """Whether a person's act led to it in that page: it is no initial call, and no answer to others' changes."""
        person = self.cause is None or self.cause.revision == ACTED
        return person and bool(self.body.get("changedPropIds"))

    def prepared(self, stock: Runs) -> tuple[Callable[[], Any], Any]:
        """What runs it, and the context that it has. Raises what Dash raises where the request does not fit."""
        return stock.run_stock(self.body, self.client, self.websocket, self.cause)

    def answer(self, returned: Any, context: Any) -> Answer:
        """The answer that has what it returned."""
        return Answer(OK, returned, context.dash_response)

    def kept(self) -> RegularCall:
        """Itself as the journal keeps it: nothing that holds its page, or that the program may change."""
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
    """Takes the answer of a call that has had one."""
