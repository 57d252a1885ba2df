"""Propagations and calls: one event on its way through the shared callbacks.

A propagation holds a plan (see `graph`). An instance in it is *due* once one of its inputs has changed in this
propagation; when everything upstream of it is settled it is called if it is due, and settled at once if not. So a
callback is called at most once a propagation, and a propagation is over when all of its instances are settled.
"""

from __future__ import annotations

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


@dataclass(frozen=True)
class Cause:
    """Why a page changed a shared prop though nobody touched it there: a callback of that page did.

    Attributes:
        key: the prop whose change led to this one; None: an initial call of the page.
        revision: of that change, made elsewhere; `ACTED`: the person of this page made it.
        said: a component answered that change by itself, as every page's does: it is nobody's act.
        kept: the page's browser has kept the value, or the program says that it is to drive nothing.
        pushed: the program pushed it to all pages, in this revision; no shared callback uses the prop.
        own: the program pushed it to this page alone; `revision` is the number of the frame.
    """

    key: Key | None = None
    revision: int = 0
    said: bool = False
    kept: bool = False
    pushed: bool = False
    own: bool = False


@dataclass(eq=False)
class Propagation:
    """One event on its way.

    Attributes:
        plan: what can follow.
        client: who made the change; None for a push, the start and everything down the chain.
        initial: whether it is the start of the app, a callback or a component: nobody acted.
        keys: the props that changed.
        props: the lineage of that change (see `state.Entry`), which the outputs inherit.
        lineage: the callbacks whose alternate outputs started it, oldest first.
        due: the instances with a changed input, and which.
        live: calls that wait or run.
        written: what its own calls have set, where it is initial.
        since: for callbacks whose first call was held, the revision at which it counts as made.
        holder: the regular call in which it was pushed; its callbacks without output wait for that to return.
        until: but not longer, in seconds of the driver's clock.
        left: for each instance that is not settled how many it waits for, or `CALLED`.
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
