"""Who somebody is, over all of their tabs: rights belong to a person, not to the page that asks.

A person is a browser of somebody: of a user of Jupyter, of a guest of one share link, or of anybody. What the program
gives to one tab (`client.role = "view"`) holds for the person's other tabs, for a page that is loaded anew, and for
what the browser asks for over HTTP. A request that does not say of which browser it is gets the least that anybody of
the same user or link has been given.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from dash_devices_nb.core.access.roles import Role

MOST = 10_000
"""Persons whose role is kept; the one that was given longest ago goes first."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is.

    Attributes:
        group: the user of Jupyter, or the share link; empty for anybody else.
        browser: names the browser within it; empty where the request does not say.
    """

    group: str
    browser: str


class Persons:
    """The roles that persons have been given, where they are other than those by which they come."""

    def __init__(self) -> None:
        self._given: OrderedDict[Person, Role] = OrderedDict()
        self._groups: dict[str, set[Person]] = {}

    def role(self, person: Person, came_with: Role) -> Role:
        """The role of somebody who comes with this one."""
        if person.browser:
            return self._given.get(person, came_with)
        return min([came_with, *(self._given[each] for each in self._groups.get(person.group, ()))])

    def give(self, person: Person, role: Role) -> None:
        """The program gives somebody a role."""
        self._given[person] = role
        self._given.move_to_end(person)
        self._groups.setdefault(person.group, set()).add(person)
        if len(self._given) > MOST:
            oldest, _ = self._given.popitem(last=False)
            of_group = self._groups[oldest.group]
            of_group.discard(oldest)
            if not of_group:
                del self._groups[oldest.group]
