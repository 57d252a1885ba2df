"""What a client may do: see, act, or everything."""

from __future__ import annotations

from enum import StrEnum

from dash_devices_nb.errors import RoleError


class Role(StrEnum):
    """What a client may do; a role may all that a lower one may, and they compare so.

    >>> Role.VIEW < Role.CONTROL < Role.OWNER, Role("view")
    (True, <Role.VIEW: 'view'>)

    Raises:
        RoleError: a text that is no role, or that is compared with one.
    """

    VIEW = "view"
    """See the shared state, and run what computes for the own page only."""
    CONTROL = "control"
    """Change shared props, and run what acts."""
    OWNER = "owner"
    """Everything: whoever runs the notebook or the program."""

    @property
    def rank(self) -> int:
        """0 for the one that may least."""
        return _ORDER.index(self)

    @classmethod
    def _missing_(cls, value: object) -> None:
        raise RoleError(f"{value!r:.100} is no role; accepted are {', '.join(map(repr, map(str, cls)))}")

    def __lt__(self, other: str) -> bool:
        return self.rank < Role(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Role(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Role(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Role(other).rank


_ORDER = tuple(Role)
