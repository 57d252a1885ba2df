"""The floor: who may act now. The words are those of floor control (RFC 4582): floor, holder, chair, request.

The floor is open (everybody may act whose role allows it), closed (only owners act), or locked to one person. That
person may act in all tabs, whatever the role. Owners can always act. People request the floor and wait in a queue. A
grant may have an end. Time comes in as an argument, in seconds of any clock that only grows.
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
    """Everybody acts whose role allows it."""
    CLOSED = "closed"
    """Only owners act."""
    LOCKED = "locked"
    """Only owners and the holder act."""


AFTERWARDS = ("open", "close", "next")
"""What may follow when the holder leaves or returns the floor, or when the grant ends."""


class Floor:
    """The floor of one app.

    Attributes:
        state: open, closed or locked.
        holder: the client that has it, or None if it is not locked.
        until: when the grant ends, or None.
        requests: the clients that requested it, in order.
        seconds: the length of a grant that "next" makes, as that of the last one. None: it has no end.
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
        """What follows when the holder leaves or returns the floor, or when the grant ends: one of `AFTERWARDS`.

        "next" grants it to the first in the queue. If the queue is empty, the floor is as it was before it was locked.
        """
        return self._afterwards

    @afterwards.setter
    def afterwards(self, afterwards: str) -> None:
        if afterwards not in AFTERWARDS:
            raise RoleError(f"afterwards = {afterwards!r:.100}; accepted are {', '.join(map(repr, AFTERWARDS))}")
        self._afterwards = afterwards

    # ---- looking

    def rights(self, client: Client) -> Role:
        """The rights of a client now."""
        return self.rights_of(client.person, client.role)

    def rights_of(self, person: Person, role: Role) -> Role:
        """The rights of a person with this role now."""
        if self.holds(person):
            return max(role, Role.CONTROL)
        return role if role is Role.OWNER or self.state is FloorState.OPEN else Role.VIEW

    def holds(self, person: Person) -> bool:
        """Whether the floor is locked to this person."""
        return self.holder is not None and self.holder.person == person

    def left(self, now: float) -> float | None:
        """Seconds until the grant ends, or None if it has no end."""
        return None if self.until is None else max(0.0, self.until - now)

    def place(self, client: Client) -> int:
        """The client's place in the queue, from 1. 0 if it is not in the queue."""
        asked = self._asked(client.person)
        return self.requests.index(asked) + 1 if asked is not None else 0

    # ---- what the owner does

    def lock(self, client: Client, now: float, seconds: float | None = None) -> None:
        """Lock it to one client.

        Args:
            client: the holder.
            now: the time.
            seconds: length of the grant. None: until it is taken or returned.

        Raises:
            RoleError: `seconds` is not greater than 0.
        """
        if seconds is not None and not 0 < seconds < float("inf"):
            raise RoleError(
                f"the floor is given for a number of seconds above 0, or None (no end), not {seconds!r:.100}"
            )
        if self.state is not FloorState.LOCKED:
            self._resting = self.state
        self.state, self.holder = FloorState.LOCKED, client
        self.seconds, self.until = seconds, None if seconds is None else now + seconds
        self.withdraw(client)

    def open(self) -> None:
        """Let everybody act whose role allows it."""
        self._free(FloorState.OPEN)

    def close(self) -> None:
        """Let only owners act."""
        self._free(FloorState.CLOSED)

    def grant(self, now: float, client: Client | None = None, seconds: float | None = None) -> Client:
        """Grant it to a client in the queue: the first, or this one.

        Raises:
            RoleError: the queue is empty, or this client is not in it.
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
        """Put a client into the queue. Returns whether that is new. A client that may act need not ask."""
        if self._asked(client.person) is not None or self.rights(client) >= Role.CONTROL:
            return False
        self.requests.append(client)
        return True

    def withdraw(self, client: Client) -> bool:
        """Remove a client from the queue. Returns whether it was there."""
        asked = self._asked(client.person)
        if asked is None:
            return False
        self.requests.remove(asked)
        return True

    def give_back(self, client: Client, now: float) -> bool:
        """A client has left, or returns the floor. Returns whether it was the holder."""
        if not self.holds(client.person):
            return False
        self._hand_on(now)
        return True

    def expire(self, now: float) -> bool:
        """End a grant whose time is over. Returns whether one ended."""
        if self.until is None or now < self.until:
            return False
        self._hand_on(now)
        return True

    def stays(self, client: Client, other: Client) -> None:
        """A client has left, and another tab of the same person takes its place."""
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
