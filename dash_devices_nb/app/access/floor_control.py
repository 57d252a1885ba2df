"""`app.control`: what a program says of the floor, and the timer that ends a grant."""

from __future__ import annotations

import asyncio
import html
import time
from typing import TYPE_CHECKING

from dash_devices_nb.app.access.permissions import Permissions
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.errors import RoleError

if TYPE_CHECKING:
    from dash_devices_nb.app.execution.runtime import Runtime


class Control:
    """The floor of one app: who may act now. All of it from any thread.

    Owners are never locked out. Whoever holds the floor may act as "control" does, whatever the own role is.
    """

    def __init__(self, roles: Permissions, runtime: Runtime) -> None:
        self._roles = roles
        self._runtime = runtime
        self._floor = roles.floor
        self._timer: asyncio.TimerHandle | None = None
        roles.watchers.append(self._arm)

    # ---- looking

    @property
    def state(self) -> str:
        """Who may act: "open": all whose role lets them; "closed": owners only; "locked": owners and the holder."""
        return str(self._floor.state)

    @property
    def holder(self) -> Client | None:
        """Who has the floor; None where it is not locked."""
        return self._floor.holder

    @property
    def requests(self) -> list[Client]:
        """Who asks for it, in order."""
        with self._runtime.lock:
            return list(self._floor.requests)

    @property
    def left(self) -> float | None:
        """Seconds until the grant ends; None where it does not."""
        with self._runtime.lock:
            return self._floor.left(time.monotonic())

    @property
    def afterwards(self) -> str:
        """What happens when the holder leaves, gives the floor back, or the grant ends. Can be set.

        "open" (at first), "close", or "next": the first who asks gets it for as long; where nobody asks it is then as
        it was before it was locked.
        """
        return self._floor.afterwards

    @afterwards.setter
    def afterwards(self, afterwards: str) -> None:
        with self._runtime.lock:
            self._floor.afterwards = afterwards

    # ---- giving and taking

    def lock(self, client: Client, seconds: float | None = None) -> None:
        """Give the floor to one client.

        Args:
            client: one of `app.clients`.
            seconds: how long; None: until it is taken, or given back.

        Raises:
            RoleError: the client has left, or `seconds` is not more than 0.
        """
        with self._runtime.lock:
            if getattr(client, "id", None) not in self._runtime.pages:
                raise RoleError(f"{client!r:.100} is not here; the floor is given to one of app.clients")
            self._floor.lock(client, time.monotonic(), seconds)
            self._given(client, seconds)

    def grant(self, client: Client | None = None, seconds: float | None = None) -> Client:
        """Give the floor to the first who asks, or to this one of those who do; as `lock`. Returns who got it.

        Raises:
            RoleError: nobody asks, or this one does not.
        """
        with self._runtime.lock:
            chosen = self._floor.grant(time.monotonic(), client, seconds)
            self._given(chosen, seconds)
        return chosen

    def deny(self, client: Client) -> None:
        """Strike a client from the queue, and tell it. Does nothing if it does not ask."""
        with self._runtime.lock:
            page = self._runtime.pages.get(client.id)
            if not self._floor.withdraw(client):
                return
            self._roles.note(client, "is denied control")
            if page is not None:
                page.send_notice("info", "You were not given control this time.")
            self._roles.update()

    def open(self) -> None:
        """Let everybody act whose role lets it."""
        with self._runtime.lock:
            self._floor.open()
            self._roles.note(None, "open")
            self._roles.update()

    def close(self) -> None:
        """Let nobody act but owners."""
        with self._runtime.lock:
            self._floor.close()
            self._roles.note(None, "closed")
            self._roles.update()

    def __repr__(self) -> str:
        return f"<Control {self._roles.described()}, {len(self.requests)} ask>"

    def _repr_html_(self) -> str:
        with self._runtime.lock:
            asking = ", ".join(html.escape(client.label) for client in self._floor.requests)
            return f"The floor is <b>{html.escape(self._roles.described())}</b>." + (
                f" Asking: {asking}." if asking else ""
            )

    # ---- inside

    def _given(self, client: Client, seconds: float | None) -> None:
        self._roles.note(client, "has control" + ("" if seconds is None else f" for {seconds:g} s"))
        self._roles.update()

    def _arm(self) -> None:
        """Wake when the grant ends. With the lock held."""
        loop = self._runtime.io_loop
        if (self._timer or self._floor.until is not None) and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._rearm, loop)

    def _rearm(self, loop: asyncio.AbstractEventLoop) -> None:
        self.stop()
        left = self.left
        if left is not None:
            self._timer = loop.call_later(left, self._expire)

    def _expire(self) -> None:
        self._timer = None
        with self._runtime.lock:
            holder = self._floor.holder
            if self._floor.expire(time.monotonic()):
                self._roles.note(holder, f"had control until now; the floor is {self._roles.described()}")
                self._roles.update()
            else:
                self._arm()

    def stop(self) -> None:
        """Forget the timer. On the I/O loop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
