"""Propagations and calls: one event on its way through the shared callbacks.

A propagation follows a plan (see `graph`). A callback in it becomes *due* when one of its inputs changes. Once
everything upstream is settled, a due callback is called, and one that is not due is settled at once. So each callback
is called at most once in a propagation. The propagation ends when all of its callbacks are settled.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.graph import Plan
from dash_devices_nb.core.callbacks.serial_queues import Queued
from dash_devices_nb.core.callbacks.spec import CallbackSpec, ResolvedCallback
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.values import Value

Argument: TypeAlias = Value | tuple[Value, ...]
CALLED = -1
ACTED = -1


class CauseKind(enum.Enum):
    """How a change led to another, with its word in a frame."""

    ANSWER = ""
    """A callback of the page answered it."""
    SAID = "said"
    """A component answered it by itself, as it does on every page. It is nobody's act."""
    KEPT = "kept"
    """The browser kept the value, or the program said that it drives nothing."""
    PUSHED = "pushed"
    """The program pushed it to all pages in this revision. No shared callback uses the prop."""
    OWN = "own"
    """The program pushed it to this page only. `revision` is the number of the frame."""


BY_PUSH = (CauseKind.PUSHED, CauseKind.OWN)


@dataclass(frozen=True)
class Cause:
    """Why a page changed a shared prop although nobody touched it there: a callback of the page did.

    Attributes:
        key: the prop whose change led to this one. None: an initial call of the page did.
        revision: the revision of that change, if it was made elsewhere. `ACTED`: a person made it on this page.
        kind: how it led to this one.
    """

    key: Key | None = None
    revision: int = 0
    kind: CauseKind = CauseKind.ANSWER

    @property
    def by_push(self) -> bool:
        """Whether the program pushed it."""
        return self.kind in BY_PUSH

    @property
    def said(self) -> bool:
        """Whether a component answered by itself."""
        return self.kind is CauseKind.SAID


@dataclass(eq=False)
class Propagation:
    """One event on its way.

    Attributes:
        plan: the callbacks that can follow, in order.
        client: who made the change. None for a push, for the start, and for what follows from a result.
        initial: True if nobody acted: an app, a callback or a component started.
        keys: the props that changed.
        props: the lineage of the change (see `state.StateEntry`). The outputs inherit it.
        lineage: the callbacks whose alternate outputs started it, oldest first.
        due: the callbacks with a changed input, each with the inputs that changed.
        live: the calls that wait or run.
        written: what its own calls have set, if it is initial.
        since: for callbacks whose initial call was held, the revision at which the call counts as made.
        holder: the regular call that pushed. Callbacks without output wait until it returns.
        until: when they wait no longer, in seconds of the driver's clock.
        left: for each callback that is not settled, the number of callbacks it waits for, or `CALLED`.
    """

    plan: Plan
    client: Client | None = None
    initial: bool = False
    keys: frozenset[Key] = frozenset()
    props: frozenset[Key] = frozenset()
    lineage: tuple[CallbackSpec, ...] = ()
    due: dict[ResolvedCallback, dict[Key, None]] = field(default_factory=dict)
    live: set[Call] = field(default_factory=set)
    written: set[Key] = field(default_factory=set)
    since: Mapping[CallbackSpec, int] = field(default_factory=dict)
    holder: Queued | None = None
    until: float = 0.0
    left: dict[ResolvedCallback, int] = field(init=False)

    def __post_init__(self) -> None:
        self.left = dict(self.plan.upstream)

    @property
    def over(self) -> bool:
        """Whether everything is settled."""
        return not self.left

    @property
    def told(self) -> bool:
        """Whether all is settled that has outputs."""
        return not any(resolved.spec.outputs for resolved in self.left)

    def touch(self, resolved: ResolvedCallback, key: Key) -> bool:
        """Note that an input changed. Returns False if the instance is settled, called, or not in the plan."""
        if self.left.get(resolved, CALLED) == CALLED:
            return False
        self.due.setdefault(resolved, {})[key] = None
        return True


@dataclass(eq=False)
class Call:
    """One call of a callback.

    Attributes:
        resolved: what is called.
        inputs, state: the values at the time of the change.
        triggered: the inputs that changed; empty for an initial call.
        client: who made the change, None down the chain.
        propagation: what it belongs to.
        made: when it was made, in seconds of the driver's clock.
        revision: of the state that it was called with.
        overtook: the propagations whose own calls it has taken the place of; they go on when it has finished.
    """

    resolved: ResolvedCallback
    inputs: tuple[Argument, ...]
    state: tuple[Argument, ...]
    triggered: tuple[Key, ...]
    client: Client | None
    propagation: Propagation
    made: float = 0.0
    revision: int = 0
    overtook: tuple[Propagation, ...] = ()

    @property
    def spec(self) -> CallbackSpec:
        """Its callback."""
        return self.resolved.spec

    @property
    def queue_key(self) -> Hashable | None:
        """Its serial queue."""
        return self.resolved.spec.queue_key

    @property
    def coroutine(self) -> bool:
        """Whether it needs the callback loop."""
        return self.resolved.spec.coroutine

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self not in self.propagation.live

    @property
    def lineage(self) -> frozenset[Key]:
        """The props whose change led to it."""
        return self.propagation.props | self.propagation.keys

    def __repr__(self) -> str:
        return f"<Call {self.spec.name} {', '.join('.'.join(key) for key in self.triggered) or 'initial'}>"
