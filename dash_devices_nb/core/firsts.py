"""Which shared callbacks wait for their first call, that which nobody asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dash_devices_nb.core.graph import CallbackGraph
from dash_devices_nb.core.ids import Bindings, Key
from dash_devices_nb.core.layout import Layout
from dash_devices_nb.core.services import Services
from dash_devices_nb.core.spec import CallbackSpec, Instance


class FirstCalls:
    """The instances of callbacks that have had their first call, and the callbacks whose first call is held.

    Args:
        graph: the shared callbacks.
        layout: the components that have been seen.
    """

    def __init__(self, graph: CallbackGraph, layout: Layout) -> None:
        self._graph = graph
        self._layout = layout
        self._looked_at: tuple[int, int] | None = None
        self._called: dict[tuple[CallbackSpec, Bindings], frozenset[Key]] = {}
        self._held: dict[CallbackSpec, int] = {}

    def take(self) -> list[Instance]:
        """What is to be called: it has its components and was not called, or is a pattern whose components changed."""
        version = (self._graph.version, self._layout.version)
        if version == self._looked_at:
            return []
        self._looked_at = version
        ready = [
            instance
            for spec in self._graph.specs
            if spec.initial and spec.outputs and spec.service & Services.SERVER_INITIAL_CALLBACK
            if spec not in self._held
            for instance in self._graph.instances(spec)
            if self._has_new_inputs(instance) and self._present(instance)
        ]
        for instance in ready:
            self._note(instance)
        return ready

    def hold(self, spec: CallbackSpec, revision: int) -> None:
        """Hold a callback's first call, which counts as made at this revision of the state."""
        self._held[spec] = revision

    def release(self) -> Mapping[CallbackSpec, int]:
        """Let what is held be taken. Returns the callbacks, and at which revision their first call counts as made."""
        held, self._held = self._held, {}
        if held:
            self._looked_at = None
        return held

    def called(self, instance: Instance) -> None:
        """An event has called it. Where its first call is held, this was it."""
        if instance.spec in self._held:
            self._note(instance)

    def forget(self, spec: CallbackSpec) -> None:
        """A callback is taken away."""
        self._held.pop(spec, None)
        self._called = {known: keys for known, keys in self._called.items() if known[0] is not spec}

    def _note(self, instance: Instance) -> None:
        self._called[instance.spec, instance.bindings] = frozenset(instance.input_keys)

    def _has_new_inputs(self, instance: Instance) -> bool:
        known = self._called.get((instance.spec, instance.bindings))
        return known is None or known != frozenset(instance.input_keys)

    def _present(self, instance: Instance) -> bool:
        optional = instance.spec.optional
        keys = instance.input_keys
        if optional:
            slots = [slot for number, slot in enumerate(instance.inputs) if number not in optional]
            keys = replace(instance, inputs=tuple(slots)).input_keys
        return all(component_id in self._layout for component_id, _ in keys) and any(
            component_id in self._layout for component_id, _ in instance.output_keys
        )
