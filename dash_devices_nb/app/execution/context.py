"""The `callback_context` of a shared callback.

Dash reads these attributes by name (see `stock_dash.dash_internals`). Most callbacks use few of them, so they are
computed on access.
"""

from __future__ import annotations

from functools import cached_property
from typing import cast

from dash_devices_nb.app.stock_dash.dash_internals import AttributeDict
from dash_devices_nb.app.stock_dash.types import Grouping, JsonObject, JsonValue, PropValue
from dash_devices_nb.core.callbacks.propagation import Argument, Call
from dash_devices_nb.core.callbacks.spec import Slot, is_one
from dash_devices_nb.core.props.ids import Key, canonical, parsed


class SharedContext:
    """The context of one call of a shared callback.

    Attributes:
        call: the call.
        client: the client that made the change. None further down the chain, for pushes, and at the start.
        updated_props: the props that the function gave to `set_props`, by id.
    """

    using_args_grouping = False
    using_outputs_grouping = False
    ignore_register_page = False

    def __init__(self, call: Call, indices: Grouping) -> None:
        self.call = call
        self.client = call.client
        self.updated_props: dict[str, JsonObject] = {}
        self.custom_data = AttributeDict({})
        self._indices = indices

    @cached_property
    def inputs_list(self) -> list[JsonValue]:
        """The inputs with their values."""
        return _listed(self.call.resolved.inputs, self.call.inputs)

    @cached_property
    def states_list(self) -> list[JsonValue]:
        """The state with its values."""
        return _listed(self.call.resolved.state, self.call.state)

    @cached_property
    def outputs_list(self) -> Grouping:
        """The outputs: a list, or one of them."""
        listed = _listed(self.call.resolved.outputs, None)
        return listed if self.call.spec.several or not listed else listed[0]

    @cached_property
    def input_values(self) -> AttributeDict:
        """The inputs' values by "id.prop"."""
        return _by_name(self.inputs_list)

    @cached_property
    def state_values(self) -> AttributeDict:
        """The state's values by "id.prop"."""
        return _by_name(self.states_list)

    @cached_property
    def triggered_inputs(self) -> list[JsonObject]:
        """The inputs that changed."""
        names = [".".join(key) for key in self.call.triggered]
        return [{"prop_id": name, "value": self.input_values.get(name)} for name in names]

    @cached_property
    def args_grouping(self) -> Grouping:
        """The inputs and state, grouped as the function's arguments."""
        names = {".".join(key) for key in self.call.triggered}
        flat = [
            [_argument(item, names) for item in slot] if isinstance(slot, list) else _argument(slot, names)
            for slot in self.inputs_list + self.states_list
        ]
        return _grouped(flat, self._indices)

    @property
    def outputs_grouping(self) -> Grouping:
        """The outputs."""
        return self.outputs_list

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies of the client's browser at its handshake."""
        return dict(self.client.cookies) if self.client else {}

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the client's handshake."""
        return dict(self.client.headers) if self.client else {}

    @property
    def remote(self) -> str:
        """The client's IP address."""
        return self.client.address if self.client else ""

    @property
    def origin(self) -> str | None:
        """The origin of the client's page."""
        return self.client.origin if self.client else None


def _id(component_id: str) -> Grouping:
    return dict(parsed(component_id) or ()) or component_id  # the one that is known is shared


def _listed(slots: tuple[Slot, ...], values: tuple[Argument, ...] | None) -> list[JsonValue]:
    def one(key: Key, value: PropValue) -> JsonObject:
        named = {"id": _id(key[0]), "property": key[1]}
        return named if values is None else {**named, "value": value.fresh()}  # the program may change it

    listed: list[JsonValue] = []
    for number, slot in enumerate(slots):
        value: PropValue = None if values is None else values[number]
        if is_one(slot):
            listed.append(one(slot, value))
        else:
            keys = cast("tuple[Key, ...]", slot)
            items = value if value is not None else [None] * len(keys)
            listed.append([one(key, item) for key, item in zip(keys, items, strict=True)])
    return listed


def _name(item: JsonObject) -> str:
    return f"{canonical(item['id'])}.{item['property']}"


def _by_name(listed: list[JsonValue]) -> AttributeDict:
    values = AttributeDict()
    for slot in listed:
        for item in slot if isinstance(slot, list) else [slot]:
            values[_name(item)] = item["value"]
    return values


def _argument(item: JsonObject, triggered: set[str]) -> AttributeDict:
    name = _name(item)
    return AttributeDict(item, id_str=name.rpartition(".")[0], triggered=name in triggered)


def _grouped(flat: list[JsonValue], indices: Grouping) -> Grouping:
    if isinstance(indices, dict):
        return AttributeDict({name: _grouped(flat, part) for name, part in indices.items()})
    if isinstance(indices, list | tuple):
        return [_grouped(flat, part) for part in indices]
    return flat[indices]
