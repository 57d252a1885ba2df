"""The floor: who may act now.

It is open (everybody may what the own role lets), closed (nobody but owners acts), or locked to one person, who may act
then whatever the own role is, in each of the person's tabs. Owners are never locked out. People ask for the floor and
stand in a queue; a grant may end at a time. Time comes in as an argument, in seconds of any clock that only grows.
"""

from __future__ import annotations

from enum import StrEnum

from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.persons import Person
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.errors import RoleError


class FloorState(StrEnum):
    """Who may act."""

    OPEN = "open"
    """All whose role lets them."""
    CLOSED = "closed"
    """Owners only."""
    LOCKED = "locked"
    """Owners and one client."""


AFTERWARDS = ("open", "close", "next")
"""What can happen when the holder leaves, gives the floor back, or the grant ends."""


class Floor:
    """The floor of one app.

    Attributes:
        state: whether it is open, closed or locked.
        holder: who has it; None where it is not locked.
        until: when the grant ends, or None.
        requests: who asked for it, in order.
        seconds: how long a grant lasts that "next" gives: as the last one; None: without end.
    """

    def __init__(self) -> None:
        self.state = FloorState.OPEN
        self.holder: Client | None = None
        self.until: float | None = None
        self.requests: list[Client] = []
        self.seconds: float | None = None
        self._afterwards = "open"
        self._resting = FloorState.OPEN

    @property
    def afterwards(self) -> str:
        """What happens when the holder leaves, gives it back, or the grant ends: one of `AFTERWARDS`.

        "next" gives it to the first who asks; where nobody does it is as it was before it was locked.
        """
        return self._afterwards

    @afterwards.setter
    def afterwards(self, afterwards: str) -> None:
        if afterwards not in AFTERWARDS:
            raise RoleError(f"afterwards = {afterwards!r:.100}; accepted are {', '.join(map(repr, AFTERWARDS))}")
        self._afterwards = afterwards

    # ---- looking

    def rights(self, client: Client) -> Role:
        """What a client may do now."""
        return self.rights_of(client.person, client.role)

    def rights_of(self, person: Person, role: Role) -> Role:
        """What a person of this role may do now."""
        if self.holds(person):
            return max(role, Role.CONTROL)
        return role if role is Role.OWNER or self.state is FloorState.OPEN else Role.VIEW

    def holds(self, person: Person) -> bool:
        """Whether the floor is locked to this person."""
        return self.holder is not None and self.holder.person == person

    def left(self, now: float) -> float | None:
        """Seconds until the grant ends; None where it does not."""
        return None if self.until is None else max(0.0, self.until - now)

    def place(self, client: Client) -> int:
        """The client's place in the queue, from 1; 0: it has not asked."""
        asked = self._asked(client.person)
        return self.requests.index(asked) + 1 if asked is not None else 0

    # ---- what the owner does

    def lock(self, client: Client, now: float, seconds: float | None = None) -> None:
        """Give it to one client.

        Args:
            client: who gets it.
            now: the time.
            seconds: how long; None: until it is taken or given back.

        Raises:
            RoleError: `seconds` is not more than 0.
        """
        if seconds is not None and not 0 < seconds < float("inf"):
            raise RoleError(
                f"the floor is given for more than 0 seconds, or None: without end; not for {seconds!r:.100}"
            )
        if self.state is not FloorState.LOCKED:
            self._resting = self.state
        self.state, self.holder = FloorState.LOCKED, client
        self.seconds, self.until = seconds, None if seconds is None else now + seconds
        self.withdraw(client)

    def open(self) -> None:
        """Let everybody act whose role lets it."""
        self._free(FloorState.OPEN)

    def close(self) -> None:
        """Let nobody act but owners."""
        self._free(FloorState.CLOSED)

    def grant(self, now: float, client: Client | None = None, seconds: float | None = None) -> Client:
        """Give it to one who asked: to the first, or to this one.

        Raises:
            RoleError: nobody asked, or this one did not.
        """
        if client is None and not self.requests:
            raise RoleError("Nobody has asked for control; app.control.lock(client) gives it to somebody all the same.")
        chosen = self.requests[0] if client is None else client
        if chosen not in self.requests:
            raise RoleError(
                f"{chosen.label} has not asked for control; app.control.lock(client) gives it all the same."
            )
        self.lock(chosen, now, seconds)
        return chosen

    # ---- what people do

    def ask(self, client: Client) -> bool:
        """One asks for it. Returns whether that is news; who may act already need not ask."""
        if self._asked(client.person) is not None or self.rights(client) >= Role.CONTROL:
            return False
        self.requests.append(client)
        return True

    def withdraw(self, client: Client) -> bool:
        """One asks no longer. Returns whether it did."""
        asked = self._asked(client.person)
        if asked is None:
            return False
        self.requests.remove(asked)
        return True

    def give_back(self, client: Client, now: float) -> bool:
        """One has left, or gives it back. Returns whether it had it."""
        if not self.holds(client.person):
            return False
        self._hand_on(now)
        return True

    def expire(self, now: float) -> bool:
        """The clock goes on. Returns whether a grant has ended."""
        if self.until is None or now < self.until:
            return False
        self._hand_on(now)
        return True

    def stays(self, client: Client, other: Client) -> None:
        """One has left, and another tab of the same person is here: it stands for the person now."""
        if self.holder is client:
            self.holder = other
        self.requests = [other if each is client else each for each in self.requests]

    # ---- inside

    def _asked(self, person: Person) -> Client | None:
        return next((each for each in self.requests if each.person == person), None)

    def _hand_on(self, now: float) -> None:
        seconds = self.seconds
        match self._afterwards:
            case "open":
                self.open()
            case "close":
                self.close()
            case _ if self.requests:
                self.lock(self.requests[0], now, seconds)
            case _:
                self._free(self._resting)

    def _free(self, state: FloorState) -> None:
        self.state = state
        self.holder = self.until = None
