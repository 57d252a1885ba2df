"""The graph of shared callbacks: what a change leads to, and in which order.

There is an edge from one callback to another if an output of the first is an input of the second. Cycles are refused
when a callback is declared. A callback whose output is also its input is no cycle: as in Dash, its own result does not
call it. Resolved callbacks and plans are cached until a callback or a component is added or removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from dash_devices_nb.core.callbacks.spec import CallbackSpec, ResolvedCallback, Slot
from dash_devices_nb.core.props.ids import Bindings, Key, Ref, Wild, canonical
from dash_devices_nb.core.props.layout import Layout
from dash_devices_nb.errors import CallbackCycleError, DuplicateOutputError

MOST_KEPT = 10_000
"""Props of which is kept whether they are shared."""


@dataclass(frozen=True)
class Plan:
    """What can follow from one event.

    Attributes:
        upstream: each callback that may be called, with the number of callbacks in the plan that it waits for.
        downstream: for each callback, those that wait for it.
        order: the callbacks in topological order.
    """

    upstream: Mapping[ResolvedCallback, int]
    downstream: Mapping[ResolvedCallback, tuple[ResolvedCallback, ...]]
    order: tuple[ResolvedCallback, ...]


class CallbackGraph:
    """All shared callbacks."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._specs: list[CallbackSpec] = []
        self._present: set[CallbackSpec] = set()
        self._former: dict[Ref, None] = {}
        self._version = 0
        self._indexed: tuple[int, int] | None = None
        self._resolved: dict[CallbackSpec, tuple[ResolvedCallback, ...]] = {}
        self._by_input: dict[Key, tuple[ResolvedCallback, ...]] = {}
        self._plans: dict[frozenset[Key], Plan] = {}
        self._shared: dict[Key, bool] = {}

    @property
    def version(self) -> int:
        """A number that grows when a callback is added or removed."""
        return self._version

    @property
    def specs(self) -> tuple[CallbackSpec, ...]:
        """The callbacks in the order of their declaration."""
        return tuple(self._specs)

    def __contains__(self, spec: CallbackSpec) -> bool:
        return spec in self._present

    def add(self, spec: CallbackSpec) -> None:
        """Add a callback.

        Raises:
            DuplicateOutputError: another callback has one of its outputs, and neither allows that.
            CallbackCycleError: it would close a cycle; the message names it.
        """
        self._check_outputs(spec)
        self._check_cycle(spec)
        self._specs.append(spec)
        self._present.add(spec)
        self._version += 1

    def remove(self, spec: CallbackSpec) -> None:
        """Remove a callback. Raises ValueError if it is not there."""
        self._specs.remove(spec)
        self._present.discard(spec)
        self._former.update(dict.fromkeys(spec.refs))
        self._version += 1

    def _check_outputs(self, spec: CallbackSpec) -> None:
        for number, output in enumerate(spec.outputs):
            if number in spec.allow_duplicate:
                continue
            for other in self._specs:
                if any(output.overlaps(theirs) for theirs in other.outputs):
                    raise DuplicateOutputError(
                        f"{output} is already an output of {other}; an output has one callback, unless the new one "
                        f"says Output({output.id!r}, {output.prop!r}, allow_duplicate=True)"
                    )

    def _check_cycle(self, spec: CallbackSpec) -> None:
        path = _find_path(spec, [*self._specs, spec])
        if path:
            steps = [f"{s.name}({', '.join(map(str, s.inputs))})" for s in path]
            raise CallbackCycleError(
                "shared callbacks would call each other for ever: "
                + " -> ".join([*steps, steps[0]])
                + "; make them one callback with both props as inputs and outputs"
            )

    def refs(self) -> list[Ref]:
        """The dependencies of all callbacks, each once. These props are shared."""
        return list(dict.fromkeys(ref for spec in self._specs for ref in spec.refs))

    def is_shared(self, key: Key) -> bool:
        """Whether the prop is an input, state or output of a shared callback."""
        self._index()
        known = self._shared.get(key)
        if known is None:
            known = any(
                ref.prop == key[1] and ref.bind(key[0]) is not None for spec in self._specs for ref in spec.refs
            )
            if len(self._shared) >= MOST_KEPT:  # pages may name what there is not
                self._shared.clear()
            self._shared[key] = known
        return known

    def was_shared(self, key: Key) -> bool:
        """Whether it was a prop of a removed callback. Pages may not have heard of the removal yet."""
        return any(ref.prop == key[1] and ref.bind(key[0]) is not None for ref in self._former)

    def resolved_callbacks(self, spec: CallbackSpec) -> tuple[ResolvedCallback, ...]:
        """The resolved callbacks of a declaration, for the known components."""
        self._index()
        return self._resolved[spec]

    def triggered_by(self, key: Key) -> tuple[ResolvedCallback, ...]:
        """The resolved callbacks with this input."""
        self._index()
        return self._by_input.get(key, ())

    def plan(self, keys: frozenset[Key]) -> Plan:
        """The plan for a change of these props."""
        self._index()
        plan = self._plans.get(keys)
        if plan is None:
            roots = dict.fromkeys(i for key in sorted(keys) for i in self.triggered_by(key))
            plan = self._plans[keys] = self.plan_of(roots)
        return plan

    def plan_of(self, roots: Iterable[ResolvedCallback]) -> Plan:
        """The plan for calls of these callbacks."""
        self._index()
        found: dict[ResolvedCallback, None] = dict.fromkeys(roots)
        downstream: dict[ResolvedCallback, tuple[ResolvedCallback, ...]] = {}
        queue = list(found)
        for resolved in queue:
            nexts = dict.fromkeys(
                i for key in resolved.output_keys for i in self._by_input.get(key, ()) if i is not resolved
            )
            downstream[resolved] = tuple(nexts)
            for following in nexts:
                if following not in found:
                    found[following] = None
                    queue.append(following)
        plan = _plan(downstream)
        if stuck := downstream.keys() - set(plan.order):
            # Instances of one callback that lead to each other, as from ALL to MATCH: like one that leads to itself.
            for resolved in stuck:
                nexts_of = downstream[resolved]
                downstream[resolved] = tuple(i for i in nexts_of if i not in stuck or i.spec is not resolved.spec)
            plan = _plan(downstream)
        return plan

    def _index(self) -> None:
        version = (self._version, self._layout.version)
        if self._indexed == version:
            return
        self._indexed = version
        self._plans.clear()
        self._shared.clear()
        self._resolved = {spec: tuple(self._resolve(spec)) for spec in self._specs}
        by_input: dict[Key, dict[ResolvedCallback, None]] = {}
        for resolved_callbacks in self._resolved.values():
            for resolved in resolved_callbacks:
                for key in resolved.input_keys:
                    by_input.setdefault(key, {})[resolved] = None
        self._by_input = {key: tuple(found) for key, found in by_input.items()}

    def _resolve(self, spec: CallbackSpec) -> Iterable[ResolvedCallback]:
        base = [ref for ref in spec.outputs if ref.match_keys] or [ref for ref in spec.inputs if ref.match_keys]
        every: dict[Bindings, None] = {(): None}
        if base:
            found = map(base[0].bind, self._layout.matching(base[0]))
            every = {bindings: None for bindings in found if bindings is not None}
        for bindings in every:
            slots = [[self._slot(ref, bindings) for ref in refs] for refs in (spec.inputs, spec.state, spec.outputs)]
            if any(slot is None for part in slots for slot in part):
                continue
            inputs, state, outputs = (tuple(s for s in part if s is not None) for part in slots)
            yield ResolvedCallback(spec, bindings, inputs, state, outputs)

    def _slot(self, ref: Ref, bindings: Bindings) -> Slot | None:
        if not ref.pattern:
            return ref.key
        if ref.many:
            return tuple(
                (component_id, ref.prop)
                for component_id in self._layout.matching(ref)
                if ref.bind(component_id, bindings) is not None
            )
        known = dict(bindings)
        values = {key: known.get(key, value) if value is Wild.MATCH else value for key, value in ref.pattern}
        if any(isinstance(value, Wild) for value in values.values()):
            return None
        component_id = canonical(values)
        return (component_id, ref.prop) if component_id in self._layout else None


def _find_path(start: CallbackSpec, specs: list[CallbackSpec]) -> list[CallbackSpec] | None:
    """The callbacks on a cycle through `start`, or None."""
    came_from: dict[CallbackSpec, CallbackSpec] = {}
    queue = [start]
    for spec in queue:
        for other in specs:
            if other is spec or not _leads(spec, other):
                continue
            if other is start:
                path = [spec]
                while path[-1] is not start:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if other not in came_from:
                came_from[other] = spec
                queue.append(other)
    return None


def _leads(spec: CallbackSpec, other: CallbackSpec) -> bool:
    return any(output.overlaps(given) for output in spec.outputs for given in other.inputs)


def _plan(downstream: Mapping[ResolvedCallback, tuple[ResolvedCallback, ...]]) -> Plan:
    upstream = dict.fromkeys(downstream, 0)
    for nexts in downstream.values():
        for following in nexts:
            upstream[following] += 1
    return Plan(upstream, downstream, _topological(downstream))


def _topological(
    downstream: Mapping[ResolvedCallback, tuple[ResolvedCallback, ...]],
) -> tuple[ResolvedCallback, ...]:
    """The callbacks in topological order, without those that are on a cycle or behind one."""
    sorter: TopologicalSorter[ResolvedCallback] = TopologicalSorter()
    for resolved in downstream:  # all of them first: what is ready together keeps this order
        sorter.add(resolved)
    for resolved, nexts in downstream.items():
        for following in nexts:
            sorter.add(following, resolved)
    with suppress(CycleError):  # it gives the others all the same
        sorter.prepare()
    order: list[ResolvedCallback] = []
    while ready := sorter.get_ready():
        order += ready
        sorter.done(*ready)
    return tuple(order)
