"""Roles: view, control, owner."""

from __future__ import annotations

from enum import StrEnum

from dash_devices_nb.errors import RoleError


class Role(StrEnum):
    """What a client may do. Each role may do what the lower ones may; comparison follows that order.

    >>> Role.VIEW < Role.CONTROL < Role.OWNER, Role("view")
    (True, <Role.VIEW: 'view'>)

    Raises:
        RoleError: a text is no role, or a role is compared with such a text.
    """

    VIEW = "view"
    """See the shared state, and run callbacks that compute for the own page only."""
    CONTROL = "control"
    """Also change shared props, and run callbacks that act."""
    OWNER = "owner"
    """Do everything: whoever runs the notebook or the program."""

    @property
    def rank(self) -> int:
        """The position in the order; 0 for the least."""
        return _ORDER.index(self)

    @classmethod
    def _missing_(cls, value: object) -> None:
        raise RoleError(f"{value!r:.100} is not a role; accepted are {', '.join(map(repr, map(str, cls)))}")

    def __lt__(self, other: str) -> bool:
        return self.rank < Role(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Role(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Role(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Role(other).rank


_ORDER = tuple(Role)
