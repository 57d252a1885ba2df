"""What events do to another prop of their component, so that those who come later see it."""

from __future__ import annotations

from collections.abc import Callable

from dash_devices_nb.core.props.event_props import ROWS
from dash_devices_nb.core.props.json_types import Plain
from dash_devices_nb.core.props.layout import EVENT_PROPS
from dash_devices_nb.core.props.row_transactions import transacted
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.props.waterfall_lines import ADD_LINES, LINES, added

EFFECTS = {ROWS: "rowData", ADD_LINES: LINES} | dict.fromkeys(EVENT_PROPS, "figure")
"""The prop that has the effect of an event prop. Other events leave nothing behind."""


def after(prop: str, before: Value, event: Value, setting: Callable[[str], Plain]) -> Value | None:
    """The prop `EFFECTS[prop]` after a marked event.

    Args:
        prop: the event prop, `rowTransaction` or `addLines`.
        before: the value before.
        event: the value of the event, without its mark.
        setting: returns another prop of the component.

    Returns:
        None if it is not known.
    """
    if prop == ADD_LINES:
        return added(before, event, setting("history"))
    rows = transacted(before.plain, event.plain, setting("getRowId"))
    return None if rows is None else Value.of(rows)
