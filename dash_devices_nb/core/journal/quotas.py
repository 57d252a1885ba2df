"""Whose part of a bounded room something takes: so guests cannot push out of it what they have not put there.

Guests may fill what is empty. Once the room is full, theirs gives way first: what viewers put in beyond a fifth of the
room, what other guests put in beyond half of it, and only then the oldest of all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from dash_devices_nb.core.access.roles import Role

T = TypeVar("T")

OWN, GUESTS, VIEWERS = range(3)
_MOST = ((VIEWERS, 0.2), (GUESTS, 0.5))


def part_of(client: Any) -> int:
    """Whose part what a client causes belongs to."""
    if getattr(client, "role", None) is Role.VIEW:
        return VIEWERS
    return OWN if getattr(client, "share", None) is None else GUESTS


def crowding(sizes: Sequence[int], limit: int) -> int | None:
    """Who takes more than its part of a room of this limit; None: nobody."""
    for part, most in _MOST:
        if sizes[part] > max(1, limit * most):
            return part
    return None


class Quotas(Generic[T]):
    """A bounded room for what has a weight. Not safe from several threads.

    Args:
        limit: the greatest weight in all. The newest that is no guest's is kept however heavy it is.

    Attributes:
        limit: can be set.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: tuple[deque[tuple[int, int, T]], ...] = (deque(), deque(), deque())
        self._weights = [0, 0, 0]
        self._number = 0

    @property
    def weight(self) -> int:
        """Of all that is in it."""
        return sum(self._weights)

    def put(self, part: int, item: T, weight: int = 1) -> None:
        """Put something in."""
        self._number += 1
        self._kept[part].append((self._number, weight, item))
        self._weights[part] += weight

    def excess(self) -> Iterator[T]:
        """Take out what is too much."""
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
        """Take out the oldest of a part that are gone; one between others that are not waits for these."""
        kept = self._kept[part]
        while kept and gone(kept[0][2]):
            self._weights[part] -= kept.popleft()[1]

    def clear(self) -> None:
        """Take out all."""
        for part, kept in enumerate(self._kept):
            kept.clear()
            self._weights[part] = 0
