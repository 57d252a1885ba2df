"""Persons: who somebody is, over all of their tabs. Rights belong to a person, not to a page.

A person is one browser of a Jupyter user, of a guest of a share link, or of anybody else. A role that the program gives
to one tab (`client.role = "view"`) also holds for the person's other tabs, for pages loaded later, and for requests
over HTTP. A request that does not identify its browser gets the least role that anybody of the same user or link was
given.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from dash_devices_nb.core.access.roles import Role

MOST = 10_000
"""Number of persons whose role is kept. The oldest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is.

    Attributes:
        group: the Jupyter user or the share link; empty for anybody else.
        browser: identifies the browser within the group; empty if the request does not say.
    """

    group: str
    browser: str


class Persons:
    """The roles that the program has given to persons, if they differ from the role they came with."""

    def __init__(self) -> None:
        self._given: OrderedDict[Person, Role] = OrderedDict()
        self._groups: dict[str, set[Person]] = {}

    def role(self, person: Person, came_with: Role) -> Role:
        """The role of a person who came with this one."""
        if person.browser:
            return self._given.get(person, came_with)
        return min([came_with, *(self._given[each] for each in self._groups.get(person.group, ()))])

    def give(self, person: Person, role: Role) -> None:
        """Give a person a role."""
        self._given[person] = role
        self._given.move_to_end(person)
        self._groups.setdefault(person.group, set()).add(person)
        if len(self._given) > MOST:
            oldest, _ = self._given.popitem(last=False)
            of_group = self._groups[oldest.group]
            of_group.discard(oldest)
            if not of_group:
                del self._groups[oldest.group]
