"""A dispatcher on the test's desk: what it asked for lies there, and the test says when a call finishes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.actions import Action, Refuse, Release, Report, Run, Send, Wake
from dash_devices_nb.core.callbacks.deadlock import Waiter
from dash_devices_nb.core.callbacks.dispatcher import Dispatcher
from dash_devices_nb.core.callbacks.propagation import Call, Cause, Propagation
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.core.callbacks.spec import CallbackSpec
from dash_devices_nb.core.props.ids import Key, Ref
from dash_devices_nb.core.props.values import PatchValue, Value

Function = Callable[..., Any]


def component(component_id: Any, *, kind: str = "Div", **props: Any) -> dict[str, Any]:
    """A component in JSON."""
    return {"type": kind, "namespace": "dash_html_components", "props": {"id": component_id, **props}}


def key(text: str) -> Key:
    """A prop: "slider.value"."""
    component_id, _, prop = text.rpartition(".")
    return component_id, prop


def ref(given: str | Ref) -> Ref:
    """A dependency."""
    return given if isinstance(given, Ref) else Ref(*key(given))


def refs(given: str | list[str | Ref]) -> tuple[Ref, ...]:
    """Dependencies: "a.value b.value", or a list of them."""
    return tuple(map(ref, given.split() if isinstance(given, str) else given))


def patch(*operations: tuple[str, list[Any], Any]) -> PatchValue:
    """A `Patch`: (operation, location, params)."""
    listed = [{"operation": name, "location": where, "params": params} for name, where, params in operations]
    return PatchValue(orjson.dumps({"__dash_patch_update": "", "operations": listed}), listed)


def client(name: str) -> Client:
    """Somebody."""
    return Client(name, connect_time=0.0)


def values(mods: dict[str, Any]) -> dict[Key, Value]:
    """Mods from {"slider.value": 5}."""
    return {key(name): value if isinstance(value, Value) else Value.of(value) for name, value in mods.items()}


class Regular:
    """A regular call as the dispatcher sees it."""

    coroutine = False
    over = False

    def __init__(self, queue_key: Any = None, *lineage: str) -> None:
        self.queue_key = queue_key
        self.lineage = frozenset(map(key, lineage))


class Desk:
    """A dispatcher and what it asked for.

    Attributes:
        dispatcher: the dispatcher.
        running: the calls that it has started and that have not finished.
        sent, refused, reported, released: what else it asked for.
        called: the name and the plain arguments of every call, in the order in which they started.
        clients: the client of each of them.
        wakes: the times at which it wants to be woken.
    """

    def __init__(self) -> None:
        self.dispatcher = Dispatcher()
        self.running: list[Call] = []
        self.sent: list[Send] = []
        self.refused: list[Refuse] = []
        self.reported: list[Report] = []
        self.released: list[Waiter] = []
        self.called: list[tuple[str, list[Any]]] = []
        self.clients: list[Client | None] = []
        self.wakes: list[float] = []
        self._functions: dict[CallbackSpec, Function] = {}

    # ---- events

    def callback(
        self,
        name: str,
        outputs: str | list[str | Ref],
        inputs: str | list[str | Ref],
        state: str | list[str | Ref] = "",
        function: Function | None = None,
        *,
        queue_key: Any = "own",
        hold: bool = False,
        **options: Any,
    ) -> CallbackSpec:
        """Declare a shared callback.

        `function` is what `settle` calls: it returns the one value of all outputs, a dict of mods, or None for nothing;
        by default the name with the arguments.
        """
        spec = CallbackSpec(
            name,
            refs(inputs),
            refs(state),
            refs(outputs),
            queue_key=object() if queue_key == "own" else queue_key,
            **options,
        )
        self._functions[spec] = function or (lambda *args: f"{name}({','.join(map(str, args))})")
        self.take(self.dispatcher.add_callback(spec, hold=hold))
        return spec

    def release(self) -> None:
        """What was declared to be held may be called."""
        self.take(self.dispatcher.release())

    def start(self, *components: dict[str, Any]) -> None:
        """The app starts with these components."""
        self.take(self.dispatcher.start(list(components)))

    def come(self, *components: dict[str, Any]) -> list[dict[str, Any]]:
        """These components come into a page; returns them as the page gets them."""
        tree = list(components)
        self.take(self.dispatcher.receive_components(tree))
        return tree

    def change(self, who: Client, mods: dict[str, Any], cause: Cause | None = None) -> None:
        """A page changes props."""
        self.take(self.dispatcher.receive_change(who, values(mods), cause))

    def push(self, mods: dict[str, Any], holder: Any = None) -> Propagation:
        """The program sets props; `holder`: the call in which it does."""
        actions, propagation = self.dispatcher.receive_push(values(mods), holder)
        self.take(actions)
        return propagation

    def finish(self, call: Call, mods: dict[str, Any] | None = None) -> None:
        """A call has finished with these outputs."""
        self.running.remove(call)
        if mods is None:
            self.take(self.dispatcher.receive_failure(call))
        else:
            self.take(self.dispatcher.receive_result(call, values(mods)))

    def settle(self) -> None:
        """Let everything run that runs, oldest first, until nothing does."""
        while self.running:
            call = self.running[0]
            arguments = [_plain(argument) for argument in call.inputs + call.state]
            returned = self._functions[call.spec](*arguments)
            if isinstance(returned, dict):
                self.finish(call, returned)
            elif not call.spec.outputs or returned is None:
                self.finish(call)
            else:
                self.finish(call, dict.fromkeys(map(".".join, call.resolved.output_keys), returned))

    def take(self, actions: list[Action]) -> None:
        """Sort what the dispatcher asked for."""
        for action in actions:
            match action:
                case Run(call=Call() as call):
                    self.running.append(call)
                    self.called.append((call.spec.name, [_plain(a) for a in call.inputs + call.state]))
                    self.clients.append(call.client)
                case Send():
                    self.sent.append(action)
                case Refuse():
                    self.refused.append(action)
                case Report():
                    self.reported.append(action)
                case Wake(at=at):
                    self.wakes.append(at)
                case Release(waiter=waiter):
                    self.released.append(waiter)

    # ---- looking

    @property
    def names(self) -> list[str]:
        """The names of the calls that were started."""
        return [name for name, _ in self.called]

    def value(self, name: str) -> Any:
        """A shared value, or the layout's."""
        return self.dispatcher.value(key(name)).plain

    def seen_by(self, who: Client | None = None, start: dict[Key, Any] | None = None) -> dict[str, Any]:
        """What a page shows that has been there from the start, without what it changed itself."""
        shown: dict[str, Any] = {".".join(k): v for k, v in (start or {}).items()}
        for send in self.sent:
            if who is not None and send.but is who:
                continue
            for (component_id, prop), value in send.mods.items():
                shown[f"{component_id}.{prop}"] = value.plain
        return shown

    def forget(self) -> None:
        """Clear what lies on the desk, except for what runs."""
        for pile in (self.sent, self.refused, self.reported, self.released, self.called, self.clients):
            pile.clear()


def _plain(argument: Any) -> Any:
    return [value.plain for value in argument] if isinstance(argument, tuple) else argument.plain


SHARED_MOST_RECENT = Services.SHARED_MOST_RECENT
