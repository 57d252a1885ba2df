"""What running callbacks needs of the rooms above: who implements it is theirs to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from dash_devices_nb.app.definitions.registry import Definition
from dash_devices_nb.app.execution.call_record import RecordedCall
from dash_devices_nb.app.execution.regular_call import RegularCall, Runs
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import LinkBudget
from dash_devices_nb.core.callbacks.propagation import Call
from dash_devices_nb.core.props.mods import Mods

if TYPE_CHECKING:
    from dash_devices_nb.app.client_session import ClientSession


class CallRecorder(Protocol):
    """Takes down what becomes of calls. From any thread."""

    def shared_call(self, call: Call) -> RecordedCall:
        """A shared callback is called."""

    def regular_call(self, call: RegularCall) -> RecordedCall:
        """A regular callback is called."""

    def finished(self, recorded: RecordedCall, definition: Definition | None, mods: Mods | None = None) -> None:
        """A call has finished; of a shared callback, with these outputs."""

    def refused(self, client: Client | None, reason: str) -> None:
        """A page's request was not taken."""


class StockCalls(Runs, Protocol):
    """What stock Dash says of its callbacks (`stock_dash.dash_internals.DashInternals`)."""

    @property
    def default_on_error(self) -> Any:
        """`Dash(on_error=...)`: a function of the exception, or None."""

    def hooked(self, name: str) -> Iterable[Any]:
        """The hooks of a name (`dash.hooks`)."""

    def registered(self, output: str) -> dict[str, Any]:
        """What Dash has registered for an output. Raises KeyError."""

    def declared(self) -> list[dict[str, Any]]:
        """The callbacks as pages get them."""

    def error_page(self, error: Exception) -> str:
        """What a page is told of an error: the traceback in debug mode."""


class Askers(Protocol):
    """Who asks for a callback, by which link, and what they may."""

    @property
    def authorizes_outputs(self) -> bool:
        """Whether the program says of each output who may cause it."""

    def share_of(self, client: Client | None, request: Any) -> str | None:
        """The id of the share link by which somebody came, or None."""

    def withholds(self, headers: Mapping[str, str]) -> bool:
        """Whether what is shared is kept from a request that names no page."""

    def allows(self, call: RegularCall) -> bool:
        """Whether a call may be made; else its page is told."""

    def budget_of_share(self, share: str) -> LinkBudget:
        """The budget of a link."""

    def following(self, page: ClientSession, leaves: Callable[[], object]) -> AbstractContextManager[None]:
        """Within the block, `leaves` is called when the page leaves."""
