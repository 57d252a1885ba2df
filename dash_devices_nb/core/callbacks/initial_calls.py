"""Initial calls of shared callbacks: those that nobody asks for, when an app, a cell or a component comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dash_devices_nb.core.callbacks.graph import CallbackGraph
from dash_devices_nb.core.callbacks.services import Services
from dash_devices_nb.core.callbacks.spec import CallbackSpec, ResolvedCallback
from dash_devices_nb.core.props.ids import Bindings, Key
from dash_devices_nb.core.props.layout import Layout


class InitialCalls:
    """The callbacks that have had their initial call, and those whose initial call is held.

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

    def take(self) -> list[ResolvedCallback]:
        """Take the callbacks that are ready: their components are there, and they had no call with these inputs."""
        version = (self._graph.version, self._layout.version)
        if version == self._looked_at:
            return []
        self._looked_at = version
        ready = [
            resolved
            for spec in self._graph.specs
            if spec.initial and spec.outputs and spec.service & Services.SERVER_INITIAL_CALLBACK
            if spec not in self._held
            for resolved in self._graph.resolved_callbacks(spec)
            if self._has_new_inputs(resolved) and self._present(resolved)
        ]
        for resolved in ready:
            self._note(resolved)
        return ready

    def hold(self, spec: CallbackSpec, revision: int) -> None:
        """Hold the initial call of a callback. It counts as made at this revision of the state."""
        self._held[spec] = revision

    def release(self) -> Mapping[CallbackSpec, int]:
        """Release what is held. Returns the callbacks, with the revision at which their initial call counts as made."""
        held, self._held = self._held, {}
        if held:
            self._looked_at = None
        return held

    def called(self, resolved: ResolvedCallback) -> None:
        """An event has called it. If its initial call is held, this call replaces it."""
        if resolved.spec in self._held:
            self._note(resolved)

    def forget(self, spec: CallbackSpec) -> None:
        """Forget a callback that was removed."""
        self._held.pop(spec, None)
        self._called = {known: keys for known, keys in self._called.items() if known[0] is not spec}

    def _note(self, resolved: ResolvedCallback) -> None:
        self._called[resolved.spec, resolved.bindings] = frozenset(resolved.input_keys)

    def _has_new_inputs(self, resolved: ResolvedCallback) -> bool:
        known = self._called.get((resolved.spec, resolved.bindings))
        return known is None or known != frozenset(resolved.input_keys)

    def _present(self, resolved: ResolvedCallback) -> bool:
        optional = resolved.spec.optional
        keys = resolved.input_keys
        if optional:
            slots = [slot for number, slot in enumerate(resolved.inputs) if number not in optional]
            keys = replace(resolved, inputs=tuple(slots)).input_keys
        return all(component_id in self._layout for component_id, _ in keys) and any(
            component_id in self._layout for component_id, _ in resolved.output_keys
        )
