"""The interfaces through which this room uses those above it, which implement them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from dash_devices_nb.app.execution.call_record import RecordedCall
from dash_devices_nb.app.execution.regular_call import RegularCall, Runs
from dash_devices_nb.app.stock_dash.types import Context, Hook, JsonObject, Registered, Request, Returned
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import LinkBudget
from dash_devices_nb.core.callbacks.propagation import Call

if TYPE_CHECKING:
    from dash_devices_nb.app.client_session import ClientSession


class CallRecorder(Protocol):
    """Makes the records of calls. From any thread."""

    def shared_call(self, call: Call) -> RecordedCall:
        """A shared callback is called."""

    def regular_call(self, call: RegularCall) -> RecordedCall:
        """A regular callback is called."""


class StockCalls(Runs, Protocol):
    """Stock Dash's knowledge of its callbacks (`stock_dash.dash_internals.StockDash`)."""

    def enter(self, context: Context) -> None:
        """Make `context` the `callback_context` of the running thread or task."""

    @property
    def default_on_error(self) -> Callable[[Exception], Returned] | None:
        """`Dash(on_error=...)`: a function of the exception, or None."""

    def hooked(self, name: str) -> Iterable[Hook]:
        """The hooks of a name (`dash.hooks`)."""

    def registered(self, output: str) -> Registered:
        """What Dash has registered for an output. Raises KeyError."""

    def declared(self) -> list[JsonObject]:
        """The callbacks as pages get them."""

    @property
    def debugging(self) -> bool:
        """Whether the dev tools are shown."""

    def error_page(self, error: Exception) -> str:
        """Return what a page shows for an error: the traceback in debug mode."""


class Askers(Protocol):
    """Knows who requests a callback: their share link and their rights."""

    @property
    def authorizes_outputs(self) -> bool:
        """Whether the program has authorize hooks for outputs."""

    def share_of(self, client: Client | None, request: Request) -> str | None:
        """Return the id of the requester's share link, or None."""

    def withholds(self, headers: Mapping[str, str]) -> bool:
        """Return True if shared values are withheld from a requester without a session."""

    def allows(self, call: RegularCall) -> bool:
        """Return True if a call may be made. If not, tell its page."""

    def budget_of_share(self, share: str) -> LinkBudget:
        """The budget of a link."""

    def following(self, page: ClientSession, leaves: Callable[[], object]) -> AbstractContextManager[None]:
        """Within the block, `leaves` is called when the page leaves."""
