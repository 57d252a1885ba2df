"""Values of shared props that one page was given alone, and where they are in the order of all changes.

Such a value is shown until the prop changes for all. A page that loads a layout cannot tell which of the two came
later: the value may have waited for that layout. So the app keeps when it gave the value.
"""

from __future__ import annotations

from collections.abc import Iterable

from dash_devices_nb.core.props.event_effects import EFFECTS
from dash_devices_nb.core.props.event_props import EventValue
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.state import SharedState, StateEntry
from dash_devices_nb.core.props.values import PatchValue

MOST = 10_000
"""Props that are kept in mind for a page. Beyond, the oldest are forgotten."""


class OwnValues:
    """What one page was given of its own."""

    def __init__(self) -> None:
        self._given: dict[Key, tuple[int, bool]] = {}
        """By prop: the revision of the shared state then, and whether the page needs no other value of the prop."""

    def give(self, mods: Mods, revision: int) -> None:
        """The page is given these values, while the shared state is at this revision."""
        for key, value in mods.items():
            if isinstance(value, EventValue):
                effect = EFFECTS.get(key[1])
                if effect is not None:
                    self._note((key[0], effect), revision, whole=False)
            else:
                self._note(key, revision, whole=not isinstance(value, PatchValue))

    def give_image(self, place: Key, revision: int) -> None:
        """The page is given an image of its own."""
        self._note(place, revision, whole=True)

    def _note(self, key: Key, revision: int, *, whole: bool) -> None:
        self._given.pop(key, None)
        self._given[key] = revision, whole
        if len(self._given) > MOST:
            del self._given[next(iter(self._given))]

    def overtaken(self, state: SharedState) -> dict[Key, StateEntry]:
        """The shared values that came after those which the page was given."""
        return newer(state, ((key, revision) for key, (revision, _) in self._given.items()))

    def stands(self, key: Key, entry: StateEntry) -> bool:
        """Whether a value that the page was given came after this one, and the page needs this one no more."""
        revision, whole = self._given.get(key, (0, False))
        return whole and entry.revision <= revision


def newer(state: SharedState, known: Iterable[tuple[Key, int]]) -> dict[Key, StateEntry]:
    """The shared values of these props that are newer than the revision beside them."""
    entries = ((key, revision, state.get(key)) for key, revision in known)
    return {key: entry for key, revision, entry in entries if entry is not None and entry.revision > revision}
