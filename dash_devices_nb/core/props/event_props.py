"""Props that are events: every value counts and arrives once, in order; none is kept as the prop's value.

Those of a graph, `extendData` and `prependData`, travel as they are (`layout.EVENT_PROPS`). Any other is marked in its
JSON, so that a page knows it whatever the component is.
"""

from __future__ import annotations

from typing import Any

from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.layout import EVENT_PROPS, UNKNOWN_KIND, Layout
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.values import Value

MARK = "__dash_devices_event"
"""The one key of an event's JSON."""
ROWS = "rowTransaction"
"""AG Grid's: what changes of its rows."""
DOWNLOAD = b'"filename"'


class EventValue(Value):
    """A value of an event prop.

    Attributes:
        kept: whether the state has what it does to a component; else a page that falls behind must get it all the same.
    """

    __slots__ = ("_inner", "kept")

    def __init__(self, inner: Value, *, kept: bool) -> None:
        super().__init__(b'{"%s":%s}' % (MARK.encode(), inner.json))
        self._inner = inner
        self.kept = kept

    @property
    def plain(self) -> Any:
        """The value, unmarked."""
        return self._inner.plain

    def fresh(self) -> Any:
        """The value, unmarked, as an object of the caller's own."""
        return self._inner.fresh()

    @property
    def may_hold_components(self) -> bool:
        """What an event brings is the component's own business."""
        return False


class EventProps:
    """Which props of which components are events, beside those of a graph."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[str]] = {ROWS: {"AgGrid"}, "data": {"Download"}}

    def add(self, component: str, prop: str) -> None:
        """A prop of a component, by its name such as "AgGrid", is one."""
        self._kinds.setdefault(prop, set()).add(component)

    def is_event(self, key: Key, value: Value, layout: Layout) -> bool:
        """Whether a value is of an event prop, one of a graph too."""
        return key[1] in EVENT_PROPS or isinstance(value, EventValue) or self.is_marked(key, value, layout)

    def marked(self, mods: Mods, layout: Layout) -> Mods:
        """Values for one page, with those of events marked."""
        return {
            key: EventValue(value, kept=False) if self.is_marked(key, value, layout) else value
            for key, value in mods.items()
        }

    def is_marked(self, key: Key, value: Value, layout: Layout) -> bool:
        """Whether a value is to be marked as an event's; of a component that nobody knows, prop or value tell."""
        kinds = self._kinds.get(key[1])
        if kinds is None:
            return False
        component = layout.by_id.get(key[0])
        if component is not None and component.kind != UNKNOWN_KIND:
            return component.kind[1] in kinds
        return key[1] == ROWS or (key[1] == "data" and _is_download(value))


def _is_download(value: Value) -> bool:
    """Whether it is what `dcc.send_file` and its like make."""
    return DOWNLOAD in value.json and isinstance(value.plain, dict) and {"filename", "content"} <= value.plain.keys()
