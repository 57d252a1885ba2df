"""A page of the model, the network before it, and what its person did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dash_devices_nb.core.props.event_props import MARK
from dash_devices_nb.testing import Tab
from tests.support.tcp import Network


@dataclass
class Said:
    """One change by a person.

    Attributes:
        name, value: what of, and to what; no two are alike.
        sequence: the number of the page's change.
        could, could_not: whether its person might act at some time, might not at some time, while it was on its way.
    """

    name: str
    value: Any
    sequence: int
    could: bool
    could_not: bool


@dataclass(eq=False)
class Seat:
    """A page.

    Attributes:
        number: names it.
        tab, network: the page, and what is between it and the app.
        person: the number of the first page of its person.
        cookies: what its person's browser sends, to which further pages of it belong.
        views: whether it may only look.
        said: its changes, oldest first.
        clicks: its clicks.
        clients: who it has been for the app: more than one where it was away for longer than the grace.
        since: how many events there had been when it came.
    """

    number: int
    network: Network
    tab: Tab
    person: int
    cookies: str
    views: bool
    since: int
    said: list[Said] = field(default_factory=list)
    clicks: list[int] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"page {self.number}"

    @property
    def unacknowledged(self) -> set[int]:
        """The numbers of its changes that the app has not acknowledged, as far as it knows."""
        return self.tab.unacknowledged

    @property
    def unsettled(self) -> str:
        """What of it the app has not taken or answered."""
        session = self.tab.session
        waiting, running = session.calling.pending
        return (
            f"changes {self.unacknowledged}, requests {session.unanswered}, calls waiting {waiting}, running {running}"
        )

    def may_act(self, *, views: bool) -> None:
        """Its person may look only from now on, or act."""
        self.views = views
        under_way = self.unacknowledged
        for each in self.said:
            if each.sequence in under_way:
                each.could |= not views
                each.could_not |= views

    @property
    def lost_answers(self) -> bool:
        """Whether it was away for so long that the app had forgotten it."""
        return len(set(self.clients)) > 1

    @property
    def told(self) -> list[int]:
        """The events that came."""
        return [value[MARK] if isinstance(value, dict) else value for value in self.tab.history("event", "title")]

    @property
    def points(self) -> list[int]:
        """The points in its graph."""
        figure = self.tab.prop("graph", "figure")
        return list(figure["data"][0]["x"])
