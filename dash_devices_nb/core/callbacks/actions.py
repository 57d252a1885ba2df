"""Actions: what the dispatcher asks its driver to do. The driver performs the actions of one event in order."""

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
        revision: the revision of the shared state that they make.
        but: the client that has the values already.
    """

    mods: Mods
    revision: int
    but: Client | None = None


@dataclass(frozen=True)
class Run:
    """Run a call. A `Call` ends with `receive_result` or `receive_failure`, a regular one with `finish`."""

    call: Queued


@dataclass(frozen=True)
class Refuse:
    """Tell a page that its change was refused, and the values that hold.

    Attributes:
        client: the client of that page.
        mods: the values that hold.
        reason: one sentence for the person; may be empty.
        told: whether the person sees the reason. It is in the journal in any case.
    """

    client: Client
    mods: Mods
    reason: str = ""
    told: bool = True


@dataclass(frozen=True)
class Release:
    """Release a waiter."""

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
    """Report an error that cannot be raised to anybody."""

    error: Exception
    call: Call | None = None


Action: TypeAlias = Send | Run | Refuse | Release | Wake | Report
