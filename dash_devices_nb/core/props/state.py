"""The shared state: every shared prop's value with its revision.

Each event that changes something gets a revision, a number that only grows. Several props can change in one revision. A
page that has the state up to revision R needs the entries above R.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.values import Value


class StateEntry(NamedTuple):
    """One shared prop.

    Attributes:
        value: the current value.
        revision: the revision of the event that set it.
        lineage: the props whose change led to this one through callbacks of pages. Empty if a person, a push or a
            shared callback set it. A change that comes back to its own lineage is refused, so callbacks of several
            pages that answer each other settle.
    """

    value: Value
    revision: int
    lineage: frozenset[Key] = frozenset()


class SharedState:
    """Shared props by id and property."""

    def __init__(self) -> None:
        self.revision = 0
        self._entries: dict[str, dict[str, StateEntry]] = {}

    def next_revision(self) -> int:
        """Start a new revision and return it."""
        self.revision += 1
        return self.revision

    def reach(self, revision: int) -> None:
        """Go on to a revision that another state has given, unless this one is there already."""
        self.revision = max(self.revision, revision)

    def set(self, key: Key, value: Value, lineage: frozenset[Key] = frozenset()) -> StateEntry:
        """Store a value under the current revision."""
        entry = StateEntry(value, self.revision, lineage)
        self._entries.setdefault(key[0], {})[key[1]] = entry
        return entry

    def forget(self, component_id: str) -> None:
        """Forget the props of a component."""
        self._entries.pop(component_id, None)

    def get(self, key: Key) -> StateEntry | None:
        """The entry, or None if nothing was ever set."""
        return self._entries.get(key[0], {}).get(key[1])

    def of(self, component_id: str) -> dict[str, StateEntry] | None:
        """The entries of one component by prop."""
        return self._entries.get(component_id)

    def __contains__(self, key: Key) -> bool:
        return key[1] in self._entries.get(key[0], ())

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))

    def items(self) -> Iterator[tuple[Key, StateEntry]]:
        """All entries."""
        for component_id, props in self._entries.items():
            for prop, entry in props.items():
                yield (component_id, prop), entry

    def since(self, revision: int) -> dict[Key, StateEntry]:
        """The entries newer than `revision`, oldest first."""
        newer = [(key, entry) for key, entry in self.items() if entry.revision > revision]
        newer.sort(key=lambda item: item[1].revision)
        return dict(newer)
