"""`app.events`: the props of components that are events."""

from __future__ import annotations

from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.core.props.event_props import EventProps
from dash_devices_nb.errors import UnknownPropError


class Events:
    """Event props. A push to one arrives once in each page, in order, and is not the prop's value later.

    Built in are `extendData` and `prependData` of a `dcc.Graph`, `rowTransaction` of an `AgGrid`, and `data` of a
    `dcc.Download`.
    """

    def __init__(self, props: EventProps) -> None:
        self._props = props

    def add(self, component: object, prop: object) -> None:
        """Declare an event prop, for all components of a kind.

        Args:
            component: the name of the component, such as "AgGrid", or its class.
            prop: the prop.

        Raises:
            UnknownPropError: the component has no such prop, or the argument names no component.
        """
        name = component if isinstance(component, str) else str(getattr(component, "_type", ""))
        if not name or not isinstance(prop, str) or not prop:
            raise UnknownPropError(
                f"app.events.add got {component!r:.60} and {prop!r:.60}; it takes a component's name, such as "
                "'AgGrid', or its class, and the name of a prop"
            )
        known = dash_internals.props_of_kind(name)
        if known and prop not in known:
            raise UnknownPropError(f"{name} has no prop {prop!r}; it has {', '.join(sorted(known))}")
        self._props.add(name, prop)
