"""The shared props of an app, as kept values need them: who sets them, their values, and setting several."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

import orjson

from dash_devices_nb.app.execution.event_stream import CallEnded, Changed, Pushed
from dash_devices_nb.app.execution.regular_call import RegularCall
from dash_devices_nb.app.execution.runtime import Runtime, running_call
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.propagation import Call
from dash_devices_nb.core.props.event_props import EventValue
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.layout import EVENT_PROPS
from dash_devices_nb.devices.types import PropMods
from dash_devices_nb.errors import DashDevicesError

OURS = "dash_devices_nb"
"""The namespace of our own components. What people do on them is kept in other ways, or is not a value."""
ACTS = re.compile(
    r"n_\w+|\w+_timestamp|(click|hover|selected|relayout|restyle|clickAnnotation|elementEdge|tapNode|tapEdge)Data"
    r"|contents|filename|last_modified|active_cell|selected_cells|cell\w*(Clicked|Changed|Focused)|keydown"
)
"""Props that report an act and hold no value to restore: clicks, uploads."""

Heard = Callable[[Key, Client | None], object]
"""A prop was set; by an act on this page, or (None) by nobody's act."""


class SharedProps:
    """The shared props of one app.

    Args:
        runtime: the app's runtime.
        push: sets props on all pages, as one change. It does not wait.
        check: raises what is wrong with a prop of a component of the layout.
    """

    def __init__(self, runtime: Runtime, push: Callable[[PropMods], object], check: Callable[[Key], None]) -> None:
        self._runtime, self._push, self._check = runtime, push, check
        self._also: frozenset[Key] = frozenset()
        self._kept: dict[Key, bool] = {}
        self._version = -1

    def follow(self, heard: Heard, also: Collection[Key], known: Collection[Key]) -> None:
        """Call `heard(key, client)` when a person sets a prop, or anything sets a prop that a person has set before.

        It is called with the lock of the runtime held, so it must not block, nor hold a lock while it asks us.

        Args:
            heard: is told of a prop that was set.
            also: props that count although they are outputs, or nobody has set them yet.
            known: props that persons have set before.
        """
        self._also = frozenset(also)
        set_before = {*also, *known}

        def changed(event: Changed) -> None:
            for key in event.mods:
                if event.cause is None and self._is_value(key):
                    set_before.add(key)
                    heard(key, event.client)
                elif key in set_before:
                    heard(key, None)

        def pushed(event: Pushed) -> None:
            if event.client is not None or set_before.isdisjoint(event.mods):
                return
            for key in set_before.intersection(event.mods):
                heard(key, acting())

        def ended(event: CallEnded) -> None:
            if event.mods is None or set_before.isdisjoint(event.mods):
                return
            call = event.recorded.call
            for key in set_before.intersection(event.mods):
                heard(key, call.propagation.client if isinstance(call, Call) else call.client)

        self._runtime.subscribe(Changed, changed)
        self._runtime.subscribe(Pushed, pushed)
        self._runtime.subscribe(CallEnded, ended)

    def _is_value(self, key: Key) -> bool:
        """Return True if the values that persons set there are kept. With the lock of the runtime held."""
        if key in self._also:
            return True
        graph = self._runtime.dispatcher.graph
        if graph.version != self._version:
            self._version = graph.version
            self._kept.clear()
        known = self._kept.get(key)
        if known is None:
            known = not (
                key[1] in EVENT_PROPS
                or ACTS.fullmatch(key[1])
                or self._ours(key)
                or any(ref.prop == key[1] and ref.bind(key[0]) is not None for s in graph.specs for ref in s.outputs)
            )
            if len(self._kept) < 10_000:
                self._kept[key] = known
        return known

    def _ours(self, key: Key) -> bool:
        component = self._runtime.dispatcher.layout.by_id.get(key[0])
        return component is not None and component.kind[0] == OURS

    def now(self, key: Key) -> str | None:
        """Return the value of a prop as JSON. None: there is no such prop, or its value is an event."""
        with self._runtime.lock:
            store = self._runtime.dispatcher.store
            value = store.value(key)
            if not store.knows(key) or isinstance(value, EventValue):
                return None
        return value.json.decode()

    def refusal(self, key: Key) -> str:
        """Return the reason why a prop cannot be set now, or ""."""
        with self._runtime.lock:
            if key[0] not in self._runtime.dispatcher.layout:
                return f"there is no component {key[0]!r:.60} now"
            if self._ours(key):
                return f"{key[0]!r:.60} is not named in keep= of its device now"
            try:
                self._check(key)
            except DashDevicesError as error:
                return str(error)
        return ""

    def set(self, values: Mapping[Key, str]) -> None:
        """Set several props to values given as JSON: one change for the pages."""
        mods: PropMods = {}
        for (component_id, prop), text in values.items():
            mods.setdefault(component_id, {})[prop] = orjson.loads(text)
        if mods:
            self._push(mods)


def acting() -> Client | None:
    """Return the client whose act is being handled in this thread or task, or None."""
    match running_call.get():
        case Call() as call:
            return call.propagation.client or call.client
        case RegularCall() as call:
            return call.client
    return None
