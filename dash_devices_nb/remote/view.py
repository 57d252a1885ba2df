"""The state of a page, or of a program: components, props, and the cause of each prop's last change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dash_devices_nb.core.props.event_effects import EFFECTS, after
from dash_devices_nb.core.props.event_props import MARK
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.layout import EVENT_PROPS, components
from dash_devices_nb.core.props.patches import apply_patch, extend_figure
from dash_devices_nb.core.props.values import PATCH, Value
from dash_devices_nb.remote.types import Frame, Props, PropValue


@dataclass(frozen=True)
class Cause:
    """Why a prop changed.

    Attributes:
        kind: "person", "initial" (the page's initial calls), "shared", "push" (to all, of a prop that no shared
            callback uses), "pushed" (to this page alone) or "own" (a consequence of that).
        by: [id, prop, revision] of the change. For the last two kinds the number of the frame; for a callback's answer
            to a person of this page -1.
    """

    kind: str
    by: tuple[PropValue, ...] = ()

    @property
    def wire(self) -> list[PropValue] | None:
        """The cause as a frame carries it: None for a person, [id, prop, -1] for an answer to one."""
        if self.kind == "person":
            return list(self.by) or None
        return list(self.by) if self.kind in REVISIONS else []


REVISIONS = ("shared", "push")
PERSON, INITIAL = Cause("person"), Cause("initial")


class View:
    """The components of a page.

    Attributes:
        props: the props of each component with an id, by canonical id; the dicts belong to the tree.
    """

    def __init__(self) -> None:
        self.tree: PropValue = None
        self.props: dict[str, Props] = {}
        self._causes: dict[Key, Cause] = {}
        self._given: set[Key] = set()
        """Props that the app has set in all pages and no page has changed since."""

    def load(self, tree: PropValue) -> None:
        """Replace the layout."""
        self.tree = tree
        self._index()

    def own_values(self, own: Callable[[Key], bool]) -> dict[str, Props]:
        """Return the values that were changed in this page and belong to it alone."""
        values: dict[str, Props] = {}
        for component_id, prop in self._causes:
            key = component_id, prop
            if key not in self._given and prop in self.props.get(component_id, ()) and own(key):
                values.setdefault(component_id, {})[prop] = self.props[component_id][prop]
        return values

    def _index(self) -> None:
        self.props = {}
        for component_id, node in components(self.tree):
            self.props.setdefault(component_id, node["props"])

    def set(self, key: Key, value: PropValue, cause: Cause, *, to_all: bool = False) -> list[str]:
        """Change a prop of a component of the page. A `Patch` is applied; an event takes effect.

        Args:
            key: the prop.
            value: the value, `Patch` or event.
            cause: why.
            to_all: whether the app sets it in all pages, so that it does not belong to this page alone.

        Returns:
            The ids of the components that this has added.
        """
        component_id, prop = key
        props = self.props[component_id]
        is_patch = isinstance(value, dict) and PATCH in value
        if not to_all:
            self._given.discard(key)
        elif not is_patch or key not in self._causes:  # otherwise the old value may be this page's own
            self._given.add(key)
        self._causes[key] = cause
        if isinstance(value, dict) and MARK in value:
            place = EFFECTS.get(prop)
            if place is None:
                props[prop] = value[MARK]
            elif changed := after(prop, Value.of(props.get(place)), Value.of(value[MARK]), props.get):
                props[place] = changed.plain
            return []
        if prop in EVENT_PROPS:
            props["figure"] = extend_figure(props.get("figure"), value, prepend=prop == "prependData")
            return []
        if is_patch:
            value = apply_patch(copied(props.get(prop)), value["operations"])
        had = _holds(props.get(prop))
        props[prop] = value
        if not had and not _holds(value):
            return []
        before = set(self.props)
        self._index()
        return [each for each in self.props if each not in before] if had else [i for i, _ in components(value)]

    def asked(self, frame: Frame) -> Frame:
        """Return the answer to the app's question for a prop, or a part of one: a `got` frame for a `get` frame."""
        props = self.props.get(frame["id"])
        value = props if frame["prop"] is None else (props or {}).get(frame["prop"])
        for step in frame.get("path") or ():
            value = _part(value, step)
        return {"t": "got", "n": frame["n"], "value": value}

    def cause_of(self, keys: Iterable[Key]) -> Cause:
        """Return the cause of a call of a callback with these changed props."""
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


def _holds(value: PropValue) -> bool:
    return isinstance(value, dict | list) and next(components(value), None) is not None


def copied(value: PropValue) -> PropValue:
    """Return a copy of a plain value."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def _part(value: PropValue, step: str | int) -> Any:
    """Return the part of a value at a key or index, or None."""
    try:
        return value[step]
    except (LookupError, TypeError):
        return None
