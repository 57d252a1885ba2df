"""Callbacks that `dash.callback` defines for the next app that starts. They belong to their cells, too.

Dash keeps them in a list of its own until an app takes them, and knows no cells. At the end of each cell, this module
notes which of them the cell has defined. Its earlier ones are removed, or stay if the cell failed.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from dash_devices_nb.app.stock_dash.dash_internals import GLOBAL_CALLBACK_LIST, GLOBAL_CALLBACK_MAP
from dash_devices_nb.app.stock_dash.types import JsonObject, Registered


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A callback that waits for an app.

    Attributes:
        spec: its entry in Dash's list.
        entry: its entry in Dash's map. None: it is a clientside callback.
        cell: the cell that owns it. None: unknown.
    """

    spec: JsonObject
    entry: Registered | None
    cell: Hashable | None


_waiting: list[_Waiting] = []


def cell_ended(cell: Hashable | None, *, succeeded: bool) -> bool:
    """Note what a cell has defined by `dash.callback`. Is idempotent. On the kernel's thread.

    Args:
        cell: identifies the cell. None: it cannot be distinguished from others.
        succeeded: whether it ran to its end.

    Returns:
        Whether it has defined callbacks that wait for an app now.
    """
    known = {id(each.spec): each for each in _waiting}
    fresh = [spec for spec in GLOBAL_CALLBACK_LIST if id(spec) not in known]
    _waiting[:] = [known[id(spec)] for spec in GLOBAL_CALLBACK_LIST if id(spec) in known]
    if not fresh:
        return False
    old = [each for each in _waiting if cell is not None and each.cell == cell]
    if succeeded or not old:
        gone = old
        new = [_Waiting(spec, GLOBAL_CALLBACK_MAP.get(spec["output"]), cell) for spec in fresh]
    else:
        gone = [_Waiting(spec, None, cell) for spec in fresh]
        new = []
    for each in gone:
        GLOBAL_CALLBACK_LIST[:] = [spec for spec in GLOBAL_CALLBACK_LIST if spec is not each.spec]
        GLOBAL_CALLBACK_MAP.pop(each.spec["output"], None)
    _waiting[:] = [each for each in _waiting if each not in gone] + new
    for each in _waiting:
        if each.entry is not None:
            GLOBAL_CALLBACK_MAP[each.spec["output"]] = each.entry
    return bool(new)
