"""The components that pages show beside the app's layout. Answers to a page's callbacks bring them.

An answer brings components into one prop of a page. The next answer for that prop removes them, and what had been
brought into them. A component exists as long as one page shows it. A page declares components that it makes itself, in
a clientside callback.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from dash_devices_nb.core.props.ids import Key

DECLARED: Key = ("", "declared")
"""The prop under which declared components are kept."""


class PageComponents:
    """The components of pages, by client and by the prop that has them."""

    def __init__(self) -> None:
        self._pages: dict[str, dict[Key, set[str]]] = {}
        self._counts: Counter[str] = Counter()

    def keys(self, page: str) -> Collection[Key]:
        """The props that have components."""
        return self._pages.get(page, {}).keys()

    def declared(self, page: str) -> Collection[str]:
        """The ids that a page has declared."""
        return self._pages.get(page, {}).get(DECLARED, ())

    def bring(self, page: str, key: Key, ids: Iterable[str], *, more: bool = False) -> set[str]:
        """Set the components of a page's prop.

        Args:
            page: the id of its client.
            key: the prop.
            ids: the components in its value.
            more: add them to those that the prop has.

        Returns:
            The ids that no page shows any more.
        """
        props = self._pages.setdefault(page, {})
        old = props.pop(key, set())
        new = set(ids) | (old if more else set())
        if new:
            props[key] = new
        self._counts.update(new - old)
        return self._without(props, old - new)

    def leave(self, page: str) -> set[str]:
        """A page has left. Returns the ids that no page shows any more."""
        props = self._pages.pop(page, {})
        return self._without({}, {each for ids in props.values() for each in ids}, [*props.values()])

    def clear(self) -> None:
        """Forget all: the layout was replaced, and pages load again."""
        self._pages.clear()
        self._counts.clear()

    def _without(self, props: dict[Key, set[str]], lost: set[str], sets: list[set[str]] | None = None) -> set[str]:
        gone: set[str] = set()
        for ids in [lost] if sets is None else sets:
            pending = list(ids)
            while pending:
                each = pending.pop()
                self._counts[each] -= 1
                if self._counts[each] <= 0:
                    del self._counts[each]
                    gone.add(each)
                for inner in [key for key in props if key[0] == each]:
                    pending.extend(props.pop(inner))
        return gone
