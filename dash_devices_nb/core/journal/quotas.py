"""Quotas by role in a bounded store, so that guests cannot evict what others have put there.

Guests may fill what is empty. Once the store is full, items are evicted in this order: those of viewers beyond a fifth
of the store, those of other guests beyond half of it, then the oldest of all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from dash_devices_nb.core.access.roles import Role

T = TypeVar("T")

OWN, GUESTS, VIEWERS = range(3)
_MOST = ((VIEWERS, 0.2), (GUESTS, 0.5))


def part_of(client: object) -> int:
    """The part to which a client's items belong."""
    if getattr(client, "role", None) is Role.VIEW:
        return VIEWERS
    return OWN if getattr(client, "share", None) is None else GUESTS


def crowding(sizes: Sequence[int], limit: int) -> int | None:
    """The part that exceeds its quota in a store of this limit, or None."""
    for part, most in _MOST:
        if sizes[part] > max(1, limit * most):
            return part
    return None


class Quotas(Generic[T]):
    """A bounded store of items with a weight. It is not thread-safe.

    Args:
        limit: the greatest total weight. The newest item that is no guest's is kept, however heavy it is.

    Attributes:
        limit: as given, or as set later.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: tuple[deque[tuple[int, int, T]], ...] = (deque(), deque(), deque())
        self._weights = [0, 0, 0]
        self._number = 0

    def limit_to(self, limit: int) -> None:
        """Set the limit. Call `excess` afterwards."""
        self.limit = limit

    @property
    def weight(self) -> int:
        """The total weight."""
        return sum(self._weights)

    def put(self, part: int, item: T, weight: int = 1) -> None:
        """Add an item."""
        self._number += 1
        self._kept[part].append((self._number, weight, item))
        self._weights[part] += weight

    def excess(self) -> Iterator[T]:
        """Remove and return what exceeds the limit."""
        while self.weight > self.limit:
            part = crowding(self._weights, self.limit)
            if part is None:
                part = min((kept[0][0], number) for number, kept in enumerate(self._kept) if kept)[1]
            if part == OWN and self._kept[OWN][0][0] == self._number:
                return
            _, weight, item = self._kept[part].popleft()
            self._weights[part] -= weight
            yield item

    def leave(self, part: int, gone: Callable[[T], bool]) -> None:
        """Remove the oldest items of a part that are gone. A later one waits until those before it are gone."""
        kept = self._kept[part]
        while kept and gone(kept[0][2]):
            self._weights[part] -= kept.popleft()[1]

    def clear(self) -> None:
        """Remove all."""
        for part, kept in enumerate(self._kept):
            kept.clear()
            self._weights[part] = 0
