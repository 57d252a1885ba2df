"""What a page shows: its components with their props, and who changed what last."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dash_devices_nb.core.props.event_props import MARK, ROWS
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.layout import EVENT_PROPS, components
from dash_devices_nb.core.props.patches import apply_patch, extend_figure
from dash_devices_nb.core.props.row_transactions import transacted
from dash_devices_nb.core.props.values import PATCH


@dataclass(frozen=True)
class Cause:
    """Why a prop changed.

    Attributes:
        kind: "person", "initial" (the page's own first calls), "shared", "push" (to all, of what no shared callback
            uses), "pushed" (to this page alone) or "own" (what that has led to).
        by: [id, prop, revision] of the change; for the last two the number of the frame; of a person's own change
            [id, prop, -1] where a callback answers it.
    """

    kind: str
    by: tuple[Any, ...] = ()

    @property
    def wire(self) -> list[Any] | None:
        """As a frame carries it: None for a person, and the prop of which it was, with -1, for what answers that."""
        if self.kind == "person":
            return list(self.by) or None
        return list(self.by) if self.kind in REVISIONS else []


REVISIONS = ("shared", "push")
PERSON, INITIAL = Cause("person"), Cause("initial")


class View:
    """The components of a page.

    Attributes:
        props: the props of each component that has an id, by canonical id; the dicts are those of the tree.
    """

    def __init__(self) -> None:
        self.tree: Any = None
        self.props: dict[str, dict[str, Any]] = {}
        self._causes: dict[Key, Cause] = {}
        self._given: set[Key] = set()
        """What the app has given to all pages, and none has changed since."""

    def load(self, tree: Any) -> None:
        """Show another layout."""
        self.tree = tree
        self._index()

    def own_values(self, own: Callable[[Key], bool]) -> dict[str, dict[str, Any]]:
        """The values that were changed in this page and are its own."""
        values: dict[str, dict[str, Any]] = {}
        for component_id, prop in self._causes:
            key = component_id, prop
            if key not in self._given and prop in self.props.get(component_id, ()) and own(key):
                values.setdefault(component_id, {})[prop] = self.props[component_id][prop]
        return values

    def _index(self) -> None:
        self.props = {}
        for component_id, node in components(self.tree):
            self.props.setdefault(component_id, node["props"])

    def set(self, key: Key, value: Any, cause: Cause, *, to_all: bool = False) -> list[str]:
        """Change a prop of a component that is there; a `Patch` is applied, an event does its work.

        Args:
            key: the prop.
            value: the value, or what is done to it.
            cause: why.
            to_all: whether the app gives it to all pages: it is none of this page's own then.

        Returns:
            The ids of the components that came in by it.
        """
        component_id, prop = key
        props = self.props[component_id]
        is_patch = isinstance(value, dict) and PATCH in value
        if not to_all:
            self._given.discard(key)
        elif not is_patch or key not in self._causes:  # else what it is applied to may be this page's own
            self._given.add(key)
        self._causes[key] = cause
        if isinstance(value, dict) and MARK in value:
            if prop == ROWS:
                rows = transacted(props.get("rowData"), value[MARK], props.get("getRowId"))
                props["rowData"] = props.get("rowData") if rows is None else rows
            else:
                props[prop] = value[MARK]
            return []
        if prop in EVENT_PROPS:
            props["figure"] = extend_figure(props.get("figure"), value, prepend=prop == "prependData")
            return []
        if is_patch:
            value = apply_patch(_copy(props.get(prop)), value["operations"])
        had = _holds(props.get(prop))
        props[prop] = value
        if not had and not _holds(value):
            return []
        before = set(self.props)
        self._index()
        return [each for each in self.props if each not in before] if had else [i for i, _ in components(value)]

    def cause_of(self, keys: Iterable[Key]) -> Cause:
        """Why a callback with these changed props is called."""
        newest: Cause | None = None
        own: Cause | None = None
        for key in keys:
            cause = self._causes.get(key)
            if cause is None or cause.kind == "person":
                return Cause("person", (*key, -1))
            if cause.kind in REVISIONS and (newest is None or cause.by[2] > newest.by[2]):
                newest = cause
            if cause.kind in ("pushed", "own") and (own is None or cause.by[2] > own.by[2]):
                own = Cause("own", cause.by)
        return newest or own or INITIAL


def _holds(value: Any) -> bool:
    return isinstance(value, dict | list) and next(components(value), None) is not None


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
