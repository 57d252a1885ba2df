"""The regular callbacks of a page, read from the dependencies that the app sends.

Patterns are resolved as Dash's renderer does: a callback with `MATCH` has an instance for each combination of values
in the page's components.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dash_devices_nb.core.props.ids import Bindings, Key, Ref, Wild, canonical, output_refs, parsed

Slot = Key | list[Key]


@dataclass(frozen=True, eq=False)
class Declared:
    """One regular callback.

    Attributes:
        output: the text that identifies it to the app.
        outputs, inputs, state: its dependencies.
        initial: whether a page calls it when its components appear.
        runs_here: whether it is a Python callback that answers a request; JavaScript and background ones do not.
        optional: whether it is called even if an input is not in the page.
    """

    output: str
    outputs: tuple[Ref, ...]
    inputs: tuple[Ref, ...]
    state: tuple[Ref, ...]
    initial: bool
    runs_here: bool
    optional: bool

    @classmethod
    def read(cls, item: dict[str, Any]) -> Declared:
        """One entry of the dependencies."""
        return cls(
            output=item["output"],
            outputs=() if item.get("no_output") else tuple(output_refs(item["output"])),
            inputs=tuple(Ref.read(each["id"], each["property"]) for each in item["inputs"]),
            state=tuple(Ref.read(each["id"], each["property"]) for each in item["state"]),
            initial=not item.get("prevent_initial_call") and not item.get("no_output"),
            runs_here=not item.get("clientside_function") and not item.get("background"),
            optional=bool(item.get("optional")),
        )


@dataclass(frozen=True)
class Bound:
    """One instance of a callback.

    Attributes:
        declared: its callback.
        bindings: the values of its MATCH keys.
    """

    declared: Declared
    bindings: Bindings

    def slots(self, refs: Iterable[Ref], present: Iterable[str]) -> list[Slot]:
        """The props of the dependencies; a list for those with ALL."""
        return [self._slot(ref, present) for ref in refs]

    def _slot(self, ref: Ref, present: Iterable[str]) -> Slot:
        if not ref.pattern:
            return ref.key
        if ref.many:
            return [(each, ref.prop) for each in present if ref.bind(each, self.bindings) is not None]
        known = dict(self.bindings)
        values = {key: known.get(key) if value is Wild.MATCH else value for key, value in ref.pattern}
        return (canonical(values), ref.prop)

    def output_keys(self, present: Iterable[str]) -> list[Key]:
        """The props that it sets."""
        return flat(self.slots(self.declared.outputs, present))

    def input_keys(self, present: Iterable[str]) -> list[Key]:
        """The props that call it."""
        return flat(self.slots(self.declared.inputs, present))

    def fits(self, present: dict[str, Any]) -> bool:
        """Whether its components are in the page."""
        given = self.slots(self.declared.inputs + self.declared.state, present)
        singles = [slot for slot in given if isinstance(slot, tuple)]
        outputs = self.output_keys(present)
        complete = self.declared.optional or all(key[0] in present for key in singles)
        return complete and (not outputs or any(name in present for name, _ in outputs))

    def payload(self, values: dict[str, dict[str, Any]], changed: Iterable[Key]) -> dict[str, Any]:
        """The request body that the renderer sends for it."""

        def one(key: Key, *, with_value: bool) -> dict[str, Any]:
            component_id, prop = key
            item: dict[str, Any] = {"id": parsed(component_id) or component_id, "property": prop}
            if with_value:
                item["value"] = values.get(component_id, {}).get(prop)
            return item

        def listed(refs: Iterable[Ref], *, with_value: bool) -> list[Any]:
            return [
                [one(key, with_value=with_value) for key in slot]
                if isinstance(slot, list)
                else one(slot, with_value=with_value)
                for slot in self.slots(refs, values)
            ]

        names = [".".join(key) for key in changed]
        outputs = listed(self.declared.outputs, with_value=False)
        body: dict[str, Any] = {
            "output": self.declared.output,
            "changedPropIds": names,
            "parsedChangedPropsIds": [parsed(name.rpartition(".")[0]) or name for name in names],
            "inputs": listed(self.declared.inputs, with_value=True),
        }
        if outputs:
            body["outputs"] = outputs if self.declared.output.startswith("..") else outputs[0]
        if self.declared.state:
            body["state"] = listed(self.declared.state, with_value=True)
        return body


def instances(declared: Declared, present: Iterable[str]) -> Iterator[Bound]:
    """The instances of a callback among the components that are present."""
    base = next((ref for ref in declared.outputs + declared.inputs if ref.match_keys), None)
    if base is None:
        yield Bound(declared, ())
        return
    found = dict.fromkeys(base.bind(each) for each in present)
    yield from (Bound(declared, bindings) for bindings in found if bindings is not None)


def flat(slots: Iterable[Slot]) -> list[Key]:
    """The props of some slots."""
    keys: list[Key] = []
    for slot in slots:
        keys.extend(slot if isinstance(slot, list) else [slot])
    return keys
