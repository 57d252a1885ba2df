"""The store: the shared state, the known components, and the effect of a new value on both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from dash_devices_nb.core.props.event_effects import EFFECTS, after
from dash_devices_nb.core.props.event_props import EventProps, EventValue
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.json_types import Json
from dash_devices_nb.core.props.layout import EVENT_PROPS, UNKNOWN_KIND, Layout, components, overlay
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.page_components import DECLARED, PageComponents
from dash_devices_nb.core.props.patches import apply_patch, extend_figure
from dash_devices_nb.core.props.state import SharedState
from dash_devices_nb.core.props.values import PATCH, PatchValue, Value
from dash_devices_nb.errors import PatchError

MOST_EDITED = 64 * 1024 * 1024
"""The size in bytes up to which pages may let a value grow by edits in place."""
MOST_KEPT = 10_000
"""Number of values of the layout that are kept encoded."""


class Store:
    """The shared props and the known components.

    Args:
        is_shared: whether a shared callback uses a prop.

    Attributes:
        state: the shared props.
        layout: the known components: those in the app's layout and values, and those that pages show.
        shown: the components that pages show beside the layout.
        events: which props are events.
    """

    def __init__(self, is_shared: Callable[[Key], bool]) -> None:
        self._is_shared = is_shared
        self.state = SharedState()
        self.layout = Layout()
        self.shown = PageComponents()
        self._loose: set[str] = set()  # in the layout only because a page shows them
        self.events = EventProps()
        self._layout_values: dict[Key, Value] = {}
        self._left: dict[Key, Value] = {}  # what shared props had whose components have gone
        self._covered: dict[str, dict[str, Json]] = {}  # what the components held over which shared values were laid

    def value(self, key: Key) -> Value:
        """The prop's value: the shared one, or the layout's."""
        entry = self.state.get(key)
        if entry is not None:
            return entry.value
        value = self._layout_values.get(key)
        if value is None and key in self._left and key[0] not in self.layout:
            return self._left[key]
        if value is None:
            value = Value.of(self.layout.initial(*key))
            if key[0] in self.layout and len(self._layout_values) < MOST_KEPT:  # pages may name what there is not
                self._layout_values[key] = value
        return value

    def layout_value(self, key: Key) -> Value:
        """The prop's value in the layout, without the shared one."""
        component_id, prop = key
        covered = self._covered.get(component_id, {})
        return Value.of(covered[prop] if prop in covered else self.layout.initial(component_id, prop))

    def shared_values(self, component_id: str) -> dict[str, Json] | None:
        """The shared values of a component by prop. The caller owns the objects."""
        entries = self.state.of(component_id)
        return {prop: entry.value.fresh() for prop, entry in entries.items()} if entries else None

    def learn(self, tree: Json) -> None:
        """Add the components of a tree of the app."""
        if self._loose:
            self._loose.difference_update(component_id for component_id, _ in components(tree))
        if self.layout.add(tree):
            self._layout_values.clear()

    def lay_over(self, tree: Json) -> None:
        """Lay the shared values over components, in place."""
        overlay(tree, self.shared_values, self._covered)

    def bring(self, tree: Json) -> None:
        """Add components that are about to come into a page, and lay the shared values over them, in place."""
        self.lay_over(tree)
        self.learn(tree)

    def bring_own(self, page: str, values: Iterable[tuple[Key, Json]], *, withheld: bool) -> None:
        """Like `bring`, for the new values of one page's own props (plain, changed in place)."""
        gone: set[str] = set()
        for key, value in values:
            if not withheld:
                overlay(value, self.shared_values, self._covered)
            ids = [component_id for component_id, _ in components(value)]
            self._loose.update(each for each in ids if each not in self.layout)
            if self.layout.add(value):
                self._layout_values.clear()
            gone |= self.shown.bring(page, key, ids, more=isinstance(value, dict) and PATCH in value)
        self._drop(gone)

    def declare(self, page: str, ids: Iterable[str]) -> None:
        """Add components that a page has made itself."""
        ids = list(ids)
        self._loose.update(each for each in ids if each not in self.layout)
        self.layout.declare(ids)
        self.shown.bring(page, DECLARED, ids, more=True)

    def retract(self, page: str, ids: Collection[str]) -> None:
        """Forget components that a page had made itself."""
        self._drop(self.shown.bring(page, DECLARED, [each for each in self.shown.declared(page) if each not in ids]))

    def leave(self, page: str) -> None:
        """A page has left."""
        self._drop(self.shown.leave(page))

    def _drop(self, gone: Collection[str]) -> None:
        """Forget components that no page shows. Values are kept if the app had brought them: they may come back."""
        loose = self._loose.intersection(gone)
        if not loose:
            return
        self._loose -= loose
        for each in loose:
            if self.layout.by_id[each].kind == UNKNOWN_KIND:
                self.state.forget(each)
        self._remember(loose)
        self.layout.remove(loose, but=[])
        self._layout_values.clear()

    def _remember(self, gone: Iterable[str]) -> None:
        """Keep the input values of components that are about to go, for the callbacks that use them.

        Ids that a pattern matches are left out: there may be any number of them.
        """
        for each in gone:
            component = None if each.startswith("{") else self.layout.by_id.get(each)
            for prop, value in component.props.items() if component else ():
                if self._is_shared((each, prop)):
                    self._left[each, prop] = Value.of(value)

    def replace_layout(self, tree: Json) -> None:
        """Replace the layout. The shared values stay."""
        self.layout.replace(tree)
        self._covered.clear()
        self.shown.clear()
        self._loose.clear()
        self._layout_values.clear()

    def prepare(self, mods: Mods) -> tuple[Mods, Mods]:
        """Split values that the program set into what is sent and what is kept. Adds the components in them."""
        sent: Mods = {}
        stored: Mods = {}
        for key, value in mods.items():
            if key[1] in EVENT_PROPS:
                sent[key] = value
                figure = (key[0], "figure")
                base = stored.get(figure) or self.value(figure)
                if base.plain is not None:
                    grown = extend_figure(base.plain, value.plain, prepend=key[1] == "prependData")
                    stored[figure] = Value.of(grown)
                continue
            if self.events.is_marked(key, value, self.layout):
                effect = self._effect(key, value, stored)
                if effect is not None:
                    place, changed = effect
                    stored[place] = changed
                sent[key] = EventValue(value, kept=effect is not None)
                continue
            if isinstance(value, PatchValue):
                sent[key] = value
                applied = self._applied(key, value, stored.get(key))
                if applied is None:
                    continue
                stored[key] = applied
                if not applied.may_hold_components:
                    continue
            else:
                stored[key] = sent[key] = value
            if stored[key].may_hold_components:
                tree = stored[key].fresh()
                if overlay(tree, self.shared_values):
                    stored[key] = sent[key] = Value.of(tree)
        self._exchange({key: value for key, value in stored.items() if key in mods})
        return sent, stored

    def _effect(self, key: Key, value: Value, stored: Mods) -> tuple[Key, Value] | None:
        """What an event does to another prop of its component: which, and the new value. None if that is unknown."""
        component_id, prop = key
        if prop not in EFFECTS or component_id not in self.layout:
            return None
        place = (component_id, EFFECTS[prop])
        before = stored.get(place) or self.value(place)
        changed = after(prop, before, value, lambda name: self.layout.initial(component_id, name))
        return None if changed is None else (place, changed)

    def edited(self, key: Key, patch: PatchValue) -> Value:
        """The value after a page's edits in place.

        Raises:
            PatchError: they do not fit it, or it would grow too large.
        """
        value = Value.of(apply_patch(self.value(key).fresh(), patch.operations))
        size = value.size
        if size > MOST_EDITED:
            raise PatchError(f"{key[0]}.{key[1]} would have {size} bytes; by edits it may grow to {MOST_EDITED}")
        return value

    def _applied(self, key: Key, patch: PatchValue, base: Value | None) -> Value | None:
        """The value after a `Patch`.

        If the value is unknown here (a callback of each page sets it), the patch is applied to nothing. Returns None if
        that is impossible. The pages apply it to what they have.
        """
        base = base or self.value(key)
        try:
            return Value.of(apply_patch(base.fresh(), patch.operations))
        except PatchError:
            if self.knows(key) or base.plain is not None:
                raise
            return None

    def knows(self, key: Key) -> bool:
        """Whether the prop was ever set, or is in the layout."""
        component = self.layout.by_id.get(key[0])
        return key in self.state or (component is not None and key[1] in component.props)

    def _exchange(self, stored: Mods) -> None:
        """Forget the components of the old values, and add those of the new ones."""
        old = [value.plain for value in map(self.value, stored) if value.may_hold_components]
        new = [value.plain for value in stored.values() if value.may_hold_components]
        if not old and not new:
            return
        gone = list(dict.fromkeys(component_id for component_id, _ in components(old)))
        for component_id in gone:
            entries = self.state.of(component_id) or {}
            inner = [entry.value.plain for entry in entries.values() if entry.value.may_hold_components]
            gone.extend(each for each, _ in components(inner) if each not in gone)
        self._remember(gone)
        self.layout.remove(gone, but=new)
        self._layout_values.clear()
