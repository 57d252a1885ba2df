"""Applying `Patch` operations and `extendData` to a stored value, as pages apply them to their own.

The operations are those of Dash's `Patch` (https://dash.plotly.com/partial-properties), with the effect that they have
in
a page of Dash: an assignment creates missing dicts on its way, and `remove` removes every equal item. Any other missing
location raises. Figures have packed numpy arrays; an array becomes a list before it is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from dash_devices_nb.core.props.encoded_arrays import is_packed, unpacked
from dash_devices_nb.core.props.json_types import Plain
from dash_devices_nb.errors import PatchError


def _walk(value: Plain, location: list[Plain]) -> Plain:
    for step in location:
        value = value[step]
    return value


def _number(location: list[Plain], function: Callable[[Plain, Plain], Plain]) -> Callable[[Plain, Plain], Plain]:
    def change(value: Plain, params: Plain) -> Plain:
        return _assign(value, location, function(_walk(value, location), params["value"]))

    return change


def _assign(value: Plain, location: list[Plain], new: Plain) -> Plain:
    if not location:
        return new
    if value is None and isinstance(location[0], str):
        value = {}
    target = value
    for step, following in pairwise(location):
        if isinstance(target, dict) and isinstance(following, str) and target.get(step) is None:
            target[step] = {}
        target = target[step]
    target[location[-1]] = new
    return value


def _unpack(value: Plain, location: list[Plain], name: str) -> Plain:
    """Unpack the numpy array that a location leads into, or that an operation on lists changes."""
    node = value = unpacked(value)
    for step in location if name in _ON_LISTS else location[:-1]:
        if not _has(node, step):
            break
        if is_packed(node[step]):
            node[step] = unpacked(node[step])
        node = node[step]
    return value


def _has(node: Plain, step: Plain) -> bool:
    """Whether there is something at this step."""
    if isinstance(node, dict):
        return step in node
    return isinstance(node, list) and isinstance(step, int) and -len(node) <= step < len(node)


def _apply_one(value: Plain, operation: dict[str, Plain]) -> Plain:
    name, location, params = operation["operation"], operation["location"], operation["params"]
    value = _unpack(value, location, name)
    if name == "Assign":
        return _assign(value, location, params["value"])
    if name == "Delete":
        del _walk(value, location[:-1])[location[-1]]
        return value
    if name in _ARITHMETIC:
        return _number(location, _ARITHMETIC[name])(value, params)
    target = _walk(value, location)
    if name == "Merge":
        target.update(params["value"])
    elif name == "Extend":
        target.extend(params["value"])
    elif name == "Append":
        target.append(params["value"])
    elif name == "Prepend":
        target.insert(0, params["value"])
    elif name == "Insert":
        target.insert(params["index"], params["value"])
    elif name == "Clear":
        target.clear()
    elif name == "Reverse":
        target.reverse()
    elif name == "Remove":
        target[:] = [item for item in target if item != params["value"]]
    else:
        raise PatchError(f"Patch operation {name!r} is not known")
    return value


_ON_LISTS = frozenset({"Extend", "Append", "Prepend", "Insert", "Clear", "Reverse", "Remove"})

_ARITHMETIC: dict[str, Callable[[Plain, Plain], Plain]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Div": lambda a, b: a / b,
}


def apply_patch(value: Plain, operations: list[dict[str, Plain]]) -> Plain:
    """Apply `operations` to `value`, which may be changed in place.

    Args:
        value: an object that the caller owns (see `Value.fresh`).
        operations: as `Patch` lists them: `{"operation", "location", "params"}`.

    Returns:
        The new value.

    Raises:
        PatchError: an operation is unknown, or its location does not exist in `value`.
    """
    for operation in operations:
        try:
            value = _apply_one(value, operation)
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as exc:
            raise PatchError(
                f"Patch {operation['operation']} at {operation['location']} does not fit the value there: {exc!r}"
            ) from exc
    return value


def extend_figure(figure: Plain, data: Plain, *, prepend: bool = False) -> Plain:
    """Apply an `extendData` (or `prependData`) value to a figure, as `dcc.Graph` does in the page.

    Args:
        figure: `{"data": [traces], ...}`; it is not changed.
        data: `{prop: [[new points of a trace], ...]}`, or a list of it, the trace indices and the maximum
            number of points (see the documentation of `dcc.Graph.extendData`).
        prepend: put the points in front.

    Returns:
        The new figure, which shares unchanged parts with the old one; or the old one, if `data` does not fit it.
    """
    try:
        return _extended_figure(figure, data, prepend=prepend)
    except (LookupError, TypeError, AttributeError, ValueError):
        return figure


def _extended_figure(figure: Plain, data: Plain, *, prepend: bool) -> Plain:
    if isinstance(data, dict):
        updates, indices, most = data, None, None
    elif isinstance(data, list) and data and isinstance(data[0], dict):
        updates, indices, most = [*data, None, None][:3]
    else:
        return figure
    traces = figure.get("data") if isinstance(figure, dict) else None
    if not isinstance(traces, list):
        return figure
    traces = list(traces)
    for prop, lists in updates.items():
        for number, points in zip(range(len(lists)) if indices is None else indices, lists, strict=False):
            if isinstance(number, int) and -len(traces) <= number < len(traces):
                traces[number] = _extended(traces[number], prop.split("."), points, most, prepend=prepend)
    return {**figure, "data": traces}


def _extended(node: Plain, path: list[str], points: Plain, most: Plain, *, prepend: bool) -> Plain:
    if not path:
        old, points = _as_list(node), _as_list(points)
        new = points + old if prepend else old + points
        if isinstance(most, int) and not isinstance(most, bool) and 0 <= most < len(new):
            return new[:most] if prepend else new[len(new) - most :]
        return new
    if not isinstance(node, dict):
        return node
    return {**node, path[0]: _extended(node.get(path[0]), path[1:], points, most, prepend=prepend)}


def _as_list(points: Plain) -> list[Plain]:
    """The points of a trace."""
    points = unpacked(points)
    return points if isinstance(points, list) else []
