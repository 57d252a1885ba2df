"""Clients: one for each open tab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from dash_devices_nb.core.access.display_names import as_name
from dash_devices_nb.core.access.persons import Person
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.props.ids import canonical
from dash_devices_nb.core.props.json_types import Plain
from dash_devices_nb.errors import RunError


class Follower(Protocol):
    """Follows changes of a client, and can ask its page."""

    def changed(self, client: Client, what: str, *, named: bool = False) -> None:
        """A client has changed. `what` describes the change in a few words; `named` is True if it is the name."""

    def props(self, client: Client, component_id: str, timeout: float) -> dict[str, Plain]:
        """The props of a component in the client's page."""

    async def props_coro(self, client: Client, component_id: str, timeout: float) -> dict[str, Plain]:
        """The same, without blocking."""

    def authenticated(self, client: Client) -> None:
        """`withheld` has changed."""


class Client:
    """One open tab.

    The program may set any attribute of its own on it. A tab that reconnects within the grace is the same client.

    Attributes:
        id: unique within the app.
        kind: "page", "program" for one of `dash_devices_nb.remote`, or "relay" (`dash-devices-nb relay`).
        pages: how many pages it stands for: those that look on through a relay, else 1.
        connect_time: when it came, in seconds since the epoch.
        address: the browser's IP address.
        host: the `Host` that the browser asked for.
        origin: the page's origin, such as "http://localhost:8050", or None.
        username: the name of the Jupyter identity, or None.
        share: the id of the share link by which it came, or None.
        person: the person, over all tabs of the browser.
        expires: when its share link ends, in seconds since the epoch, or None.
        rights: what it may do now: its role, with what the floor gives or takes. Read-only.
        headers: headers of the WebSocket handshake, with names in lower case.
        cookies: cookies of the WebSocket handshake.
        rtt: the last round trip of a frame that the page measured, in seconds, or None.
        visible: whether the person looks at the page: False in a background tab, or with the screen off. True before
            the page has said so.
        session: the Quart session of the browser at the handshake. Read-only; empty if there is none.
        stands_for: in a replay, the client whose page shows what is sent to this one; else None.
    """

    def __init__(
        self,
        id: str,
        *,
        connect_time: float,
        address: str = "",
        host: str = "",
        origin: str | None = None,
        username: str | None = None,
        name: str = "",
        role: Role = Role.CONTROL,
        share: str | None = None,
        expires: float | None = None,
        headers: dict[str, str] | None = None,
        cookies: dict[str, str] | None = None,
        person: Person | None = None,
        kind: str = "page",
        session: dict[str, Plain] | None = None,
        stands_for: Client | None = None,
    ) -> None:
        self.id = id
        self.kind = kind
        self.pages = 1
        self.connect_time = connect_time
        self.address = address
        self.host = host
        self.origin = origin
        self._authentication: Plain = None
        self.rtt: float | None = None
        self.visible = True
        self.username = username
        self.share = share
        self.person = person or Person("", f"client {id}")
        self.expires = expires
        self.headers = headers or {}
        self.cookies = cookies or {}
        self.session = session or {}
        self.stands_for = stands_for
        self._follower: Follower | None = None
        self._name = as_name(name)
        self._role = self.rights = Role(role)

    @property
    def role(self) -> Role:
        """The role: "view", "control" or "owner". It can be set from any thread, and the pages follow at once.

        The role belongs to the person: it holds for all tabs of the browser, for pages that are loaded later, and for
        requests over HTTP, until the program ends. A browser whose cookies were cleared is a new person, with the role
        of the share link. `share.revoke()` ends the link.

        Raises:
            RoleError: the value is no role.
        """
        return self._role

    @role.setter
    def role(self, role: str) -> None:
        before, self._role = self._role, Role(role)
        if self._follower is None:
            self.rights = self._role
        elif before is not self._role:
            self._follower.changed(self, f"{before} to {self._role}")

    def has_been_given(self, role: Role) -> None:
        """Another tab of the same person got this role."""
        self._role = role

    def has_been_granted(self, rights: Role) -> None:
        """Its role, with what the floor gives or takes, is this now."""
        self.rights = rights

    def has_opened(self, kind: str) -> None:
        """It has opened a session as a "page" or a "program"."""
        self.kind = kind

    def has_reported(self, *, rtt: float | None = None, visible: bool | None = None, pages: int | None = None) -> None:
        """It has reported a round trip in seconds, whether its person looks at it, or its number of pages."""
        if pages is not None:
            self.pages = pages
        if rtt is not None:
            self.rtt = rtt
        if visible is not None:
            self.visible = visible

    @property
    def authentication(self) -> Plain:
        """A value of the program, None at first. It can be set from any thread.

        If it is set and false (0, False, ""), the client gets nothing shared, neither values nor pushes to all, and its
        changes of shared props are refused. Its regular callbacks work, so that it can log in. Once the value is true,
        or None again, the page gets the shared state.
        """
        return self._authentication

    @authentication.setter
    def authentication(self, authentication: Plain) -> None:
        before = self.withheld
        self._authentication = authentication
        if self._follower is not None and before != self.withheld:
            self._follower.authenticated(self)

    @property
    def withheld(self) -> bool:
        """Whether shared values are kept from it."""
        return self._authentication is not None and not self._authentication

    @property
    def name(self) -> str:
        """The name to show, empty for a guest who gave none. Text, never markup. It can be set from any thread."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        before, self._name = self._name, as_name(name)
        if self._follower is not None and before != self._name:
            what = f"is called {self._name!r}" if self._name else "no longer has a name"
            self._follower.changed(self, what, named=True)

    @property
    def label(self) -> str:
        """The name that others see: its name, its username, or "Guest"."""
        return self._name or self.username or "Guest"

    def props(self, id: str | Mapping[str, Plain], timeout: float = 5.0) -> dict[str, Plain]:
        """Ask the page for the current props of a component. Call it from a cell, or from a thread of the program.

        Do not trust the answer of a guest's page: a guest can forge it.

        Args:
            id: the id of the component.
            timeout: in seconds.

        Raises:
            LookupError: the page shows no such component.
            RunError: the client has left, or the app does not run.
            TimeoutError: the page does not answer.
            LoopError: the call would wait for itself. Use `await client.props_coro(...)` there.
        """
        return self._asked().props(self, canonical(id), timeout)

    async def props_coro(self, id: str | Mapping[str, Plain], timeout: float = 5.0) -> dict[str, Plain]:
        """Like `props`, without blocking the loop."""
        return await self._asked().props_coro(self, canonical(id), timeout)

    def _asked(self) -> Follower:
        if self._follower is None:
            raise RunError(f"{self!r} has no page that could be asked.")
        return self._follower

    def followed_by(self, follower: Follower) -> None:
        """Report changes to this follower from now on."""
        self._follower = follower

    def __repr__(self) -> str:
        name = f" {self._name or self.username}" if self._name or self.username else ""
        return f"<Client {self.id}{name} {self.address}>"
