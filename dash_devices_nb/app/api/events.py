"""`app.events`: which props of components are events, of which every value counts."""

from __future__ import annotations

from typing import Any

from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.core.props.event_props import EventProps
from dash_devices_nb.errors import UnknownPropError


class Events:
    """Props that are events: what is pushed to one arrives once in each page, in order, and is not its value later.

    `extendData` and `prependData` of a `dcc.Graph`, `rowTransaction` of an `AgGrid` and `data` of a `dcc.Download` are.
    """

    def __init__(self, props: EventProps) -> None:
        self._props = props

    def add(self, component: Any, prop: Any) -> None:
        """Let a prop be an event, of all components of a kind.

        Args:
            component: its name, such as "AgGrid", or its class.
            prop: the prop.

        Raises:
            UnknownPropError: the component has no such prop; or that is neither a name nor a class of a component.
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
