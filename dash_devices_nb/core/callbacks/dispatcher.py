"""The dispatcher: one event in, the actions that follow from it out.

It is not thread-safe. Its driver holds a lock around each call, and performs or queues the actions before it releases
the lock. So all clients see the changes in the order of their revisions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import cast

from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.actions import Action, Refuse, Release, Report, Run, Send, Wake
from dash_devices_nb.core.callbacks.deadlock import Waiter, WaitForGraph
from dash_devices_nb.core.callbacks.graph import CallbackGraph
from dash_devices_nb.core.callbacks.initial_calls import InitialCalls
from dash_devices_nb.core.callbacks.postponed import SECONDS, Postponed
from dash_devices_nb.core.callbacks.propagation import ACTED, CALLED, Argument, Call, Cause, CauseKind, Propagation
from dash_devices_nb.core.callbacks.serial_queues import Queued, SerialQueues
from dash_devices_nb.core.callbacks.spec import CallbackSpec, ResolvedCallback, Slot, is_one
from dash_devices_nb.core.props.ids import Key, canonical, named, parsed
from dash_devices_nb.core.props.json_types import Json
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.state import StateEntry
from dash_devices_nb.core.props.store import Store
from dash_devices_nb.core.props.values import PatchValue, Value
from dash_devices_nb.errors import CallbackCycleError, PatchError


class Dispatcher:
    """The shared state, the shared callbacks, and what runs.

    Attributes:
        state: the shared props.
        layout: the known components.
        store: the state and the layout.
        graph: the shared callbacks.
        now: the time of the event that is being received, in seconds of the driver's clock.
        queues: the serial queues, also those of regular callbacks.
    """

    def __init__(self) -> None:
        self.store = Store(self.is_shared)
        self.state = self.store.state
        self.layout = self.store.layout
        self.graph = CallbackGraph(self.layout)
        self.queues = SerialQueues()
        self._wait_for = WaitForGraph(self.queues)
        self._postponed = Postponed(self.queues)
        self.now = 0.0
        self._initials = InitialCalls(self.graph, self.layout)
        self._started = False
        self._answered: dict[tuple[Key, Key], int] = {}
        self._acted: dict[Key, tuple[int, Client | None]] = {}
        """The revision at which a person set a prop last, and who, as long as that page is there."""
        self._computed: dict[Key, int] = {}
        """The revision at which an initial call set a prop last."""
        self._said: dict[tuple[Key | None, Key], tuple[int, Client]] = {}

    def tell_time(self, now: float) -> None:
        """Tell the time, in seconds of the driver's clock. Before each event."""
        self.now = now

    # ---- what is shared

    def is_shared(self, key: Key) -> bool:
        """Whether changes of this prop go through the server, because a shared callback uses it.

        A prop that was only pushed to all pages is not shared. Late joiners get the pushed value; each page owns its
        own.
        """
        return self.graph.is_shared(key)

    def may_be_sent(self, key: Key) -> bool:
        """Whether pages may send changes of this prop: it is shared, or was until a moment ago."""
        return self.is_shared(key) or self.graph.was_shared(key)

    def is_there(self, key: Key) -> bool:
        """Whether a page may name this id. Else a page could invent any number of ids that a pattern matches."""
        return not key[0].startswith("{") or key[0] in self.layout or key in self.state

    def value(self, key: Key) -> Value:
        """The prop's value: the shared one, or the layout's."""
        return self.store.value(key)

    def layout_value(self, key: Key) -> Value:
        """The prop's value in the layout, without the shared one."""
        return self.store.layout_value(key)

    def shared_values(self, component_id: str) -> dict[str, Json] | None:
        """The shared values of a component by prop. The caller owns the objects."""
        return self.store.shared_values(component_id)

    # ---- events

    def start(self, tree: Json) -> list[Action]:
        """Start the app with this layout (a plain JSON tree), and make the initial calls."""
        self.store.learn(tree)
        self._started = True
        return self.release()

    def receive_layout(self, tree: Json) -> list[Action]:
        """Replace the layout (a plain JSON tree). Shared values stay. Callbacks that waited for it are called."""
        self.store.replace_layout(tree)
        return self._close(self._initial_calls())

    def receive_components(self, tree: Json, *, withheld: bool = False) -> list[Action]:
        """Components are about to come into a page (a plain JSON tree, changed in place).

        The shared values are laid over them, unless they are withheld from the page. Callbacks that waited for the
        components are called.
        """
        if withheld:
            self.store.learn(tree)
        else:
            self.store.bring(tree)
        return self._close(self._initial_calls())

    def receive_answer(self, page: str, values: Iterable[tuple[Key, Json]], *, withheld: bool = False) -> list[Action]:
        """Values (plain JSON, changed in place) are about to come into one page, as the answer to its request.

        Like `receive_components`, but the components belong to the page. Components that the previous values brought
        are gone, and are forgotten if no other page shows them.
        """
        self.store.bring_own(page, values, withheld=withheld)
        return self._close(self._initial_calls())

    def lay_over(self, tree: Json) -> None:
        """Like `receive_components`, for an unknown page: the components match no pattern, and nothing is called."""
        self.store.lay_over(tree)

    def brought(self, page: str) -> Collection[Key]:
        """The props of a page into which answers have brought components."""
        return self.store.shown.keys(page)

    def receive_declared(self, page: str, ids: Iterable[str], gone: Collection[str]) -> list[Action]:
        """A page has made components itself, or has removed some that it had made."""
        self.store.retract(page, gone)
        self.store.declare(page, [each for each in ids if each not in self.layout and self._may_be_meant(each)])
        return self._close(self._initial_calls())

    def declared(self, page: str) -> Collection[str]:
        """The ids that a page has declared."""
        return self.store.shown.declared(page)

    def receive_leave(self, page: str) -> list[Action]:
        """A page has left. Components that only it showed are forgotten."""
        self.store.leave(page)
        for key, (revision, actor) in self._acted.items():
            if actor is not None and actor.id == page:
                self._acted[key] = revision, None
        return self._close(self._initial_calls())

    def _may_be_meant(self, component_id: str) -> bool:
        values = parsed(component_id)
        if values is None or canonical(values) != component_id:  # one component has one id
            return False
        return any(ref.pattern and ref.bind(component_id) is not None for ref in self.graph.refs())

    def add_callback(self, spec: CallbackSpec, *, hold: bool = False) -> list[Action]:
        """Add a callback. If the app runs, its initial call is made at once.

        Args:
            spec: the callback.
            hold: keep its initial call until `release`, or until an event calls it.

        Raises:
            DuplicateOutputError, CallbackCycleError: as `CallbackGraph.add`.
        """
        self.graph.add(spec)
        if hold and self._started:
            self._initials.hold(spec, self.state.revision)
        return self._close(self._initial_calls())

    def release(self) -> list[Action]:
        """Make the initial calls that are held."""
        return self._close(self._initial_calls(self._initials.release()))

    def remove_callback(self, spec: CallbackSpec) -> None:
        """Remove a callback. Its calls that run or wait go on, but set nothing."""
        self.graph.remove(spec)
        self._initials.forget(spec)

    def receive_change(
        self, client: Client, mods: Mods, cause: Cause | None = None, if_revision: int | None = None
    ) -> list[Action]:
        """A page changed shared props.

        Args:
            client: the client of that page.
            mods: the new values.
            cause: why it did; None if a person did it.
            if_revision: change nothing if one of the props was changed after this revision. None: in any case.
        """
        if if_revision is not None and (stale := self.changed_since(mods, if_revision)):
            reason = f"{named(stale)} was changed after revision {if_revision}"
            return self._close([Refuse(client, {key: self.value(key) for key in mods}, reason)])
        return self.change(client, mods, cause)[0]

    def changed_since(self, keys: Iterable[Key], revision: int) -> list[Key]:
        """Which of these props were changed after a revision."""
        entries = ((key, self.state.get(key)) for key in keys)
        return [key for key, entry in entries if entry is not None and entry.revision > revision]

    def change(self, client: Client, mods: Mods, cause: Cause | None = None) -> tuple[list[Action], Propagation | None]:
        """Like `receive_change`. Also returns the propagation that it starts, or None if no value was taken."""
        actions: list[Action] = []
        propagation: Propagation | None = None
        refused: Mods = {}
        taken: Mods = {}
        private: Mods = {}
        edits: Mods = {}
        for key, given in mods.items():
            value = given
            if self.store.events.is_event(key, given, self.layout):
                continue  # it is done: the component says that it has taken it
            if isinstance(given, PatchValue) and self.may_be_sent(key):
                try:
                    value = edits[key] = self.store.edited(key, given)
                except PatchError:
                    refused[key] = self.value(key)  # others have changed it so that there is no such place any more
                    continue
            if not self.may_be_sent(key):
                private[key] = value
            elif cause is None or self._counts(key, value, cause, client):
                taken[key] = value
            elif (key in self.state or (not cause.said and self.store.knows(key))) and self.value(key) != value:
                refused[key] = self.value(key)
        if private:
            actions.append(Refuse(client, {}, f"{named(private)} is not shared: no shared callback uses it"))
        if refused:
            actions.append(Refuse(client, refused))
        if taken:
            revision = self.state.next_revision()
            lineage = self._lineage(cause, taken)
            if cause is None:
                self._acted.update(dict.fromkeys(taken, (revision, client)))
            for key, value in taken.items():
                self.state.set(key, value, lineage)
                if cause is not None and cause.said and (cause.key is None or cause.key in self.state):
                    self._said[cause.key, key] = revision, client
            shown = {key: value for key, value in taken.items() if self._shown(key)}
            if whole := {key: value for key, value in shown.items() if key not in edits}:
                actions.append(Send(whole, revision, but=client))
            if places := {key: mods[key] for key in shown if key in edits}:
                actions.append(Send(places, revision))  # to all, so that all apply the edits of several in one order
            propagation, calls = self._propagation(taken, None if cause is not None and cause.said else client, lineage)
            actions += calls
        return self._close(actions), propagation

    def receive_push(self, mods: Mods, holder: Queued | None = None) -> tuple[list[Action], Propagation]:
        """The program sets props for all pages.

        Args:
            mods: the values.
            holder: the call that pushes, if any. If it is a regular one, shared callbacks without output wait until it
                has returned. If it is a shared one, a prop that led to it and did not change calls nothing.

        Returns:
            The actions, and the propagation that it starts (to wait for).

        Raises:
            PatchError: a `Patch` does not fit the value it is for; nothing was changed.
        """
        sent, stored = self.store.prepare(mods)
        holder = None if holder is None or holder.over else holder
        lineage = frozenset() if holder is None else holder.lineage
        circle = self._comes_back(stored, lineage) if isinstance(holder, Call) else frozenset()
        actions: list[Action] = [Send(sent, self.state.next_revision())]
        for key, value in stored.items():
            self.state.set(key, value, lineage)
        waits_for = None if isinstance(holder, Call) else holder
        changed = [key for key in stored if key in mods and key not in circle]
        propagation, more = self._propagation(changed, None, lineage, holder=waits_for)
        return self._close(actions + more + self._initial_calls()), propagation

    def receive_result(self, call: Call, mods: Mods) -> list[Action]:
        """A call has returned these outputs (normal ones, alternate ones and `set_props`)."""
        if call.spec not in self.graph:
            return self.receive_failure(call)  # a newer definition of it may have set them already
        if call.propagation.initial:
            mods = {key: value for key, value in mods.items() if not self._set_meanwhile(key, call)}
            call.propagation.written.update(mods)
        try:
            sent, stored = self.store.prepare(mods)
        except PatchError as error:
            return [Report(error, call), *self.receive_failure(call)]
        actions: list[Action] = []
        if sent:
            revision = self.state.next_revision()
            for key, value in stored.items():
                self.state.set(key, value, call.propagation.props | call.propagation.keys)
                if call.propagation.initial:
                    self._computed[key] = revision
            actions.append(Send(sent, revision))
        propagation = call.propagation
        outside: list[Key] = []
        for key in stored:
            if key not in mods:
                continue
            for resolved in self.graph.triggered_by(key):
                if resolved == call.resolved or (propagation.initial and not resolved.spec.outputs):
                    continue
                if propagation.touch(resolved, key):
                    continue
                if resolved.spec is not call.spec or key not in call.resolved.output_keys:  # else as its own input is
                    outside.append(key)
        if outside:
            actions += self._outside(outside, call)
        return self._close(actions + self._finish(call) + self._initial_calls())

    def _set_meanwhile(self, key: Key, call: Call) -> bool:
        """Whether the prop was set after this initial call had started."""
        entry = self.state.get(key)
        since = call.propagation.since.get(call.spec, call.revision)
        if entry is None or entry.revision <= since or key in call.propagation.written:
            return False
        return self._computed.get(key) != entry.revision  # else by an earlier call that nobody asked for either

    def receive_failure(self, call: Call) -> list[Action]:
        """A call has raised, or returned nothing to apply."""
        return self._close(self._finish(call))

    # ---- waiting and serial queues

    def wait(self, propagation: Propagation, holder: Queued | None, *, blocks_loop: bool) -> Waiter | None:
        """Wait for a propagation, in this call if any. Returns None if there is nothing to wait for, or no end to it.

        Postponed calls that it waits for are released by the next `hasten`.
        """
        if isinstance(holder, Call) and not holder.over:
            return None
        holder = None if holder is None or holder.over else holder
        waiter = Waiter(propagation, holder, blocks_loop)
        return waiter if self._wait_for.add(waiter) else None

    def give_up(self, waiter: Waiter) -> None:
        """Forget a waiter that has given up."""
        self._wait_for.discard(waiter)

    def hasten(self) -> list[Action]:
        """Release the postponed calls that somebody waits for, and the calls ahead of them."""
        return [Run(call) for call in self._postponed.wanted(self._wait_for.wanted())]

    def wake(self) -> list[Action]:
        """The time has come that a `Wake` had named."""
        actions: list[Action] = [Run(call) for call in self._postponed.due(self.now)]
        following = self._postponed.next
        return self._close([*actions, *([] if following is None else [Wake(following)])])

    def returned(self, call: Queued) -> list[Action]:
        """A regular call has returned. Calls that its pushes caused, and that waited for it, may run."""
        return self._close([Run(each) for each in self._postponed.returned(call)])

    def submit(self, call: Queued) -> bool:
        """Put a regular call into its serial queue. Returns whether it may run now."""
        return self.queues.submit(call)

    def finish(self, call: Queued) -> list[Action]:
        """A regular call that was submitted has finished."""
        following = self.queues.finish(call)
        return self._close([] if following is None else [Run(following)])

    # ---- inside

    def _shown(self, key: Key) -> bool:
        users = self.graph.triggered_by(key)
        return not users or any(i.spec.shows_others for i in users)

    def _counts(self, key: Key, value: Value, cause: Cause, client: Client) -> bool:
        """Whether to take a change that no person made."""
        if cause.kind is CauseKind.KEPT:
            return False
        return self._says(key, value, cause, client) if cause.said else self._answers(key, value, cause)

    def _says(self, key: Key, value: Value, cause: Cause, client: Client) -> bool:
        """Whether a component's answer to a change is taken: once over all pages, and only if it says something new.

        The page that was first may correct itself, because a table reports what it shows in several steps.
        """
        if self.value(key) == value:
            return False
        entry = self.state.get(key)
        at, first = self._said.get((cause.key, key), (0, None))
        if entry is not None and first is client and entry.revision == at:
            return True
        if cause.key is None:
            return entry is None
        led = self.state.get(cause.key)
        if cause.revision == ACTED:
            return led is None or key not in led.lineage
        if led is None or not self._is_newest(cause, led) or key in led.lineage:
            return False
        acted = self._acted.get(key)
        if acted is not None and acted[0] >= led.revision and key != cause.key:
            return False  # the page of a person has said it meanwhile: its own answer (a time, say), or a newer act
        act, actor = self._acted.get(cause.key, (0, None))
        if act == led.revision and actor is not None and actor is not client:
            return False  # the page of the person who did it is about to say the same, as its act
        if self._answered.get((cause.key, key)) == led.revision:
            return False
        self._answered[cause.key, key] = led.revision
        return True

    def _is_newest(self, cause: Cause, entry: StateEntry) -> bool:
        """Whether a page answers the current value of a prop.

        A page that skips, or reconnects, gets the newest values of all props with one revision, the newest.
        """
        return entry.revision <= cause.revision <= self.state.revision

    def _answers(self, key: Key, value: Value, cause: Cause) -> bool:
        """Whether a page's own callback may set a shared prop: one answer for one change, and no circles."""
        if cause.key is None:
            return self.state.get(key) is None and self.value(key) != value
        entry = self.state.get(cause.key)
        if cause.revision == ACTED:
            if entry is None:
                return True
            answered = self._answered.get((cause.key, key)) == entry.revision
            if key in entry.lineage or (answered and self.value(key) == value):
                return False  # another page has said the same of this change
            self._answered[cause.key, key] = entry.revision
            return True
        if entry is None or not self._is_newest(cause, entry):
            return False
        if key == cause.key or key in entry.lineage or self._answered.get((cause.key, key)) == entry.revision:
            return False
        self._answered[cause.key, key] = entry.revision
        return self.value(key) != value

    def _lineage(self, cause: Cause | None, taken: Mods) -> frozenset[Key]:
        if cause is None or cause.key is None:
            return frozenset(taken if cause else ())
        entry = self.state.get(cause.key)
        return (entry.lineage if entry else frozenset()) | {cause.key}

    def _comes_back(self, stored: Mods, lineage: frozenset[Key]) -> frozenset[Key]:
        """Props that led to a shared callback and that it pushes unchanged. Calling for them would never end."""
        return frozenset(key for key in lineage.intersection(stored) if self.value(key) == stored[key])

    def _initial_calls(self, since: Mapping[CallbackSpec, int] | None = None) -> list[Action]:
        """Make the initial calls that are ready, and call patterns with ALL whose components changed."""
        ready = self._initials.take() if self._started else []
        if not ready:
            return []
        propagation = Propagation(self.graph.plan_of(ready), initial=True, since=since or {})
        propagation.due.update((resolved, {}) for resolved in ready)
        return self._advance(propagation, propagation.plan.order)

    def _propagation(
        self,
        mods: Iterable[Key],
        client: Client | None,
        props: frozenset[Key],
        lineage: tuple[CallbackSpec, ...] = (),
        *,
        holder: Queued | None = None,
    ) -> tuple[Propagation, list[Action]]:
        keys = frozenset(mods) if self._started else frozenset()
        propagation = Propagation(
            self.graph.plan(keys),
            client,
            keys=keys,
            props=props,
            lineage=lineage,
            holder=holder,
            until=self.now + SECONDS,
        )
        for key in keys:
            for resolved in self.graph.triggered_by(key):
                propagation.touch(resolved, key)
        return propagation, self._advance(propagation, propagation.plan.order)

    def _outside(self, mods: list[Key], call: Call) -> list[Action]:
        """An alternate output changed inputs that this propagation has passed, or that its plan does not have."""
        lineage = (*call.propagation.lineage, call.spec)
        reached = {i.spec for key in mods for i in self.graph.triggered_by(key)}
        circle = reached.intersection(lineage)
        if circle:
            names = " -> ".join(spec.name for spec in (*lineage, next(iter(circle))))
            error = CallbackCycleError(
                f"alternate outputs would call shared callbacks for ever: {names}; stopped after one round"
            )
            return [Report(error, call)]
        return self._propagation(mods, None, call.propagation.props | call.propagation.keys, lineage)[1]

    def _advance(self, propagation: Propagation, resolved_callbacks: Iterable[ResolvedCallback]) -> list[Action]:
        """Call the due callbacks that have nothing upstream, and settle those that are not due."""
        actions: list[Action] = []
        pending = [i for i in resolved_callbacks if propagation.left.get(i) == 0]
        while pending:
            resolved = pending.pop(0)
            if resolved in propagation.due:
                actions += self._call(propagation, resolved)
            else:
                pending += self._settle(propagation, resolved)
        return actions

    def _settle(self, propagation: Propagation, resolved: ResolvedCallback) -> list[ResolvedCallback]:
        """Mark as settled. Returns the callbacks that have nothing upstream now."""
        propagation.left.pop(resolved, None)
        free = []
        for following in propagation.plan.downstream[resolved]:
            propagation.left[following] -= 1
            if propagation.left[following] == 0:
                free.append(following)
        return free

    def _call(self, propagation: Propagation, resolved: ResolvedCallback) -> list[Action]:
        propagation.left[resolved] = CALLED
        triggered = tuple(propagation.due.get(resolved, ()))
        call = Call(
            resolved,
            tuple(map(self._argument, resolved.inputs)),
            tuple(map(self._argument, resolved.state)),
            triggered,
            propagation.client if propagation.keys.intersection(triggered) else None,
            propagation,
            self.now,
            self.state.revision,
        )
        self._initials.called(resolved)
        propagation.live.add(call)
        if resolved.spec.most_recent:
            for old in self.queues.waiting(call.queue_key):
                if isinstance(old, Call) and old.resolved == resolved:
                    return self._postpone(self._overtake(old, call))
        actions = self._postpone(call)
        if self.queues.submit(call):
            actions.append(Run(call))
        return actions

    def _postpone(self, call: Call) -> list[Action]:
        """Postpone a call without output until the regular callback has returned whose push caused it."""
        propagation = call.propagation
        if propagation.holder is None or propagation.holder.over or call.spec.outputs or self.now >= propagation.until:
            return []
        wake = [] if self._postponed.next is not None else [Wake(propagation.until)]
        if call not in self._postponed:
            self._postponed.add(call, propagation.holder, propagation.until)
        return list(wake)

    def _overtake(self, old: Call, call: Call) -> Call:
        """Replace an older waiting call by a newer one. Waiters of the older one wait for the newer one."""
        triggered = tuple(dict.fromkeys((*old.triggered, *call.triggered)))
        newer = replace(call, triggered=triggered, overtook=(*old.overtook, old.propagation))
        for propagation, gone in ((call.propagation, call), *((propagation, old) for propagation in newer.overtook)):
            propagation.live.discard(gone)
            propagation.live.add(newer)
        self.queues.replace(old, newer)
        self._postponed.exchange(old, newer)
        return newer

    def _finish(self, call: Call) -> list[Action]:
        following = self.queues.finish(call)
        actions: list[Action] = [] if following is None else [Run(following)]
        for propagation in (call.propagation, *call.overtook):
            propagation.live.discard(call)
            actions += self._advance(propagation, self._settle(propagation, call.resolved))
        return actions

    def _argument(self, slot: Slot) -> Argument:
        if is_one(slot):
            return self.value(slot)
        return tuple(self.value(key) for key in cast("tuple[Key, ...]", slot))

    def _close(self, actions: list[Action]) -> list[Action]:
        """Add the actions that release waiters."""
        actions += self.hasten()
        actions += [Release(waiter) for waiter in self._wait_for.releasable()]
        return actions
