"""Event props: every value counts, and arrives once and in order. No value is kept as the prop's value.

The event props of a graph, `extendData` and `prependData`, are sent as they are (`layout.EVENT_PROPS`). Others are
marked in their JSON, so that a page recognizes them for any component.
"""

from __future__ import annotations

from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.json_types import Plain
from dash_devices_nb.core.props.layout import EVENT_PROPS, UNKNOWN_KIND, Layout
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.props.waterfall_lines import ADD_LINES

MARK = "__dash_devices_event"
"""The only key of an event's JSON."""
ROWS = "rowTransaction"
"""The event prop of AG Grid with changes of rows."""
DOWNLOAD = b'"filename"'


class EventValue(Value):
    """A value of an event prop.

    Attributes:
        kept: whether the state has its effect on a component. If not, a page that lags must get it all the same.
    """

    __slots__ = ("_inner", "kept")

    def __init__(self, inner: Value, *, kept: bool) -> None:
        before = b'{"%s":' % MARK.encode()
        if inner.arrays is None:
            super().__init__(before + inner.json + b"}")
        else:
            super().__init__(None, inner.arrays.within(before, b"}"))
        self._inner = inner
        self.kept = kept

    @property
    def plain(self) -> Plain:
        """The value, without the mark."""
        return self._inner.plain

    def fresh(self) -> Plain:
        """The value, without the mark, as a new object that the caller owns."""
        return self._inner.fresh()

    @property
    def may_hold_components(self) -> bool:
        """Components in an event are not tracked."""
        return False


class EventProps:
    """The event props of components, in addition to those of a graph."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[str]] = {ROWS: {"AgGrid"}, ADD_LINES: {"Waterfall"}, "data": {"Download"}}

    def add(self, component: str, prop: str) -> None:
        """Declare an event prop of a component, by a name such as "AgGrid"."""
        self._kinds.setdefault(prop, set()).add(component)

    def is_event(self, key: Key, value: Value, layout: Layout) -> bool:
        """Whether a value is of an event prop, including those of a graph."""
        return key[1] in EVENT_PROPS or isinstance(value, EventValue) or self.is_marked(key, value, layout)

    def marked(self, mods: Mods, layout: Layout) -> Mods:
        """Values for one page, with marks on those of event props."""
        return {
            key: EventValue(value, kept=False) if self.is_marked(key, value, layout) else value
            for key, value in mods.items()
        }

    def is_marked(self, key: Key, value: Value, layout: Layout) -> bool:
        """Whether to mark a value as an event. For an unknown component, the prop or the value decides."""
        kinds = self._kinds.get(key[1])
        if kinds is None:
            return False
        component = layout.by_id.get(key[0])
        if component is not None and component.kind != UNKNOWN_KIND:
            return component.kind[1] in kinds
        return key[1] == ROWS or (key[1] == "data" and _is_download(value))


def _is_download(value: Value) -> bool:
    """Whether it is a value of `dcc.send_file` or a similar function."""
    return DOWNLOAD in value.json and isinstance(value.plain, dict) and {"filename", "content"} <= value.plain.keys()
