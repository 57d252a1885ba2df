"""What the dispatcher asks its driver to do. The driver performs the actions of one event in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.props.mods import Mods

if TYPE_CHECKING:
    from dash_devices_nb.core.callbacks.deadlock import Waiter
    from dash_devices_nb.core.callbacks.propagation import Call
    from dash_devices_nb.core.callbacks.serial_queues import Queued


@dataclass(frozen=True)
class Send:
    """Send values to pages.

    Attributes:
        mods: the values.
        revision: of the shared state.
        but: all but this one, which has the values already.
    """

    mods: Mods
    revision: int
    but: Client | None = None


@dataclass(frozen=True)
class Run:
    """Run a call: a `Call`, then `receive_result` or `receive_failure`; a regular one, then `finish`."""

    call: Queued


@dataclass(frozen=True)
class Refuse:
    """Tell a page that its change was not taken, and what holds instead.

    Attributes:
        client: whose change it was.
        mods: the values that hold.
        reason: one sentence; empty: there is nothing to be told.
        told: whether the person is told it, beside the journal.
    """

    client: Client
    mods: Mods
    reason: str = ""
    told: bool = True


@dataclass(frozen=True)
class Release:
    """Let somebody go on who waited for a propagation."""

    waiter: Waiter


@dataclass(frozen=True)
class Wake:
    """Call `Dispatcher.wake` at a time.

    Attributes:
        at: in seconds of the driver's clock.
    """

    at: float


@dataclass(frozen=True)
class Report:
    """Something went wrong that nobody can be told by an exception."""

    error: Exception
    call: Call | None = None


Action: TypeAlias = Send | Run | Refuse | Release | Wake | Report
