"""The event stream: everything that happens in an app. The journal, the intervals and others subscribe to it.

An event of the dispatcher enters by `Runtime.enter`, which publishes it between receiving and performing, with the lock
held. So the journal has a change before its consequences. Other events are published where they happen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.propagation import Cause
from dash_devices_nb.core.callbacks.serial_queues import Queued
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.mods import Mods

if TYPE_CHECKING:
    from dash_devices_nb.app.client_session import ClientSession
    from dash_devices_nb.app.definitions.registry import Definition
    from dash_devices_nb.app.execution.call_record import RecordedCall


@dataclass(slots=True)
class Event:
    """Something that has happened."""


@dataclass(slots=True)
class Came(Event):
    """A client has joined."""

    client: Client


@dataclass(slots=True)
class Left(Event):
    """A client has left. `skipped`: the number of messages that its page skipped."""

    client: Client
    skipped: int


@dataclass(slots=True)
class Changed(Event):
    """A page changed shared props, and the dispatcher accepted the changes. `cause`: None for a person's act."""

    client: Client
    mods: Mods
    cause: Cause | None


@dataclass(slots=True)
class Pushed(Event):
    """The program set props, for one client or (None) for all."""

    client: Client | None
    mods: Mods


@dataclass(slots=True)
class Watched(Event):
    """A page shows these components on demand from now on, and no others."""

    client: Client
    ids: frozenset[str]


@dataclass(slots=True)
class OwnSent(Event):
    """Values were sent to one page only.

    Attributes:
        page: the page.
        mods: the values.
        number: the number of the frame.
        lineage: the props whose change led to them.
    """

    page: ClientSession
    mods: Mods
    number: int
    lineage: frozenset[Key]


@dataclass(slots=True)
class ActRefused(Event):
    """A change, a frame or a request was refused."""

    client: Client | None
    reason: str


@dataclass(slots=True)
class RoleChanged(Event):
    """The role, the name or the access of a client has changed."""

    client: Client
    what: str


@dataclass(slots=True)
class FloorChanged(Event):
    """The state of the floor has changed."""

    client: Client | None
    what: str


@dataclass(slots=True)
class ShareChanged(Event):
    """A share link was made, was revoked or has expired."""

    what: str


@dataclass(slots=True)
class Noted(Event):
    """Something else that the journal has, of this kind (see `core.journal.entries`)."""

    kind: str
    client: Client | None
    what: str


@dataclass(slots=True)
class Dropped(Event):
    """Messages were not sent to a page, because it is too slow."""

    client: Client | None
    what: str


@dataclass(slots=True)
class CallEnded(Event):
    """A call has ended. For a shared callback, with these outputs."""

    recorded: RecordedCall
    definition: Definition | None
    mods: Mods | None = None


@dataclass(slots=True)
class Raised(Event):
    """An exception was raised, in this call if there is one. `client`: the client that it concerns."""

    error: BaseException
    call: Queued | None
    client: Client | None


@dataclass(slots=True)
class Failed(Event):
    """An exception was raised outside of calls. `where` names the place."""

    client: Client | None
    error: BaseException
    where: str


@dataclass(slots=True)
class Performed(Event):
    """The actions of an event were performed, or a page has joined."""


PERFORMED = Performed()

E = TypeVar("E", bound=Event)


class EventStream:
    """Publishes the events of one app.

    Args:
        report: called with the exception of a listener, and the event. It must not raise.
    """

    def __init__(self, report: Callable[[BaseException, Event], object]) -> None:
        self._report = report
        self._listeners: dict[type[Event], list[Callable[[Any], object]]] = {}

    def subscribe(self, kind: type[E], listener: Callable[[E], object]) -> None:
        """Call `listener` with each event of this type, after earlier subscribers. It must not block."""
        self._listeners.setdefault(kind, []).append(listener)

    def publish(self, event: Event) -> None:
        """Call the listeners. Their exceptions are reported and stop nothing. From any thread."""
        for listener in self._listeners.get(type(event), ()):
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001 - reported
                self._report(error, event)
