"""`Output` with a value, and the mods that a program pushes.

A mod says that a prop of a component gets a value. Programs write mods as `{id: {prop: value}}`, as an `Output` with
a value, or as a list or tuple of those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import dash

from dash_devices_nb.app.stock_dash.types import Argument, PropValue, Returned
from dash_devices_nb.core.props.ids import Key, canonical, parsed
from dash_devices_nb.errors import InvalidModsError


class _Unset:
    def __repr__(self) -> str:
        return "no value"

    def __bool__(self) -> bool:
        return False


UNSET: object = _Unset()

PlainMods: TypeAlias = list[tuple[Key, PropValue]]
"""Values by prop, in order, as the program gave them."""


class Output(dash.Output):  # type: ignore[misc]
    """Output of a callback, or a prop with the value that it shall get.

    Args:
        component_id: id of the component, a string or a dict.
        component_property: its prop.
        component_value: the value, if the `Output` is returned as an alternate output or given to `push_mods`.
        allow_duplicate: as in stock Dash.
        options: other arguments that the installed version of Dash accepts, such as `partial_pattern` since Dash 4.5.
    """

    def __init__(
        self,
        component_id: object,
        component_property: str,
        component_value: PropValue = UNSET,
        allow_duplicate: bool = False,
        **options: Argument,
    ) -> None:
        super().__init__(component_id, component_property, allow_duplicate, **options)
        self.component_value = component_value


def is_alternate(returned: Returned) -> bool:
    """Whether a callback returned alternate outputs: one `Output`, or several, instead of its normal result."""
    if isinstance(returned, dash.Output):
        return True
    return (
        isinstance(returned, list | tuple)
        and bool(returned)
        and all(isinstance(item, dash.Output) for item in returned)
    )


def mods_of(mods: object, where: str = "push_mods") -> PlainMods:
    """The mods as a list of ((id, prop), value).

    Raises:
        InvalidModsError: `push_mods` does not accept them. The message names the part.
    """
    if isinstance(mods, dash.Output):
        return [_from_output(mods, where)]
    if isinstance(mods, Mapping):
        return [pair for component_id, props in mods.items() for pair in _from_props(component_id, props, where)]
    if isinstance(mods, list | tuple):
        return [pair for item in mods for pair in mods_of(item, where)]
    raise InvalidModsError(
        f"{where} got {mods!r} of type {type(mods).__name__}; it takes {{id: {{prop: value}}}}, "
        "an Output(id, prop, value), or a list or tuple of those"
    )


def _from_output(output: dash.Output, where: str) -> tuple[Key, PropValue]:
    value = getattr(output, "component_value", UNSET)
    if value is UNSET:
        raise InvalidModsError(
            f"{where} got {output!r} without a value; give it as the third argument: "
            f"Output({output.component_id!r}, {output.component_property!r}, value)"
        )
    if output.has_wildcard():
        raise InvalidModsError(f"{where} got {output!r}: a value needs one component, not a pattern")
    return (_id(output.component_id, where), output.component_property), value


def _from_props(component_id: object, props: object, where: str) -> PlainMods:
    if not isinstance(props, Mapping):
        raise InvalidModsError(
            f"{where} got {{{component_id!r}: {props!r}}}; the value of an id is a dict {{prop: value}}"
        )
    name = _id(component_id, where)
    for prop in props:
        if not isinstance(prop, str):
            raise InvalidModsError(f"{where} got the prop {prop!r} of {component_id!r}; a prop is a string")
    return [((name, prop), value) for prop, value in props.items()]


def _id(component_id: object, where: str) -> str:
    if isinstance(component_id, str):
        values = parsed(component_id)
        return component_id if values is None else canonical(values)
    if isinstance(component_id, Mapping):
        return canonical(component_id)
    raise InvalidModsError(f"{where} got the id {component_id!r}; an id is a string or a dict")
