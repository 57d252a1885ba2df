"""Who is there: one client for each open tab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from dash_devices_nb.core.access.display_names import as_name
from dash_devices_nb.core.access.persons import Person
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.props.ids import canonical
from dash_devices_nb.errors import RunError


class Follower(Protocol):
    """Who is told that a client has another role or name, and can ask its page."""

    def changed(self, client: Client, what: str, *, named: bool = False) -> None:
        """`what` says in a few words what has changed; `named`: it is the name."""

    def props(self, client: Client, component_id: str, timeout: float) -> dict[str, Any]:
        """The props of a component in the client's page."""

    async def props_coro(self, client: Client, component_id: str, timeout: float) -> dict[str, Any]:
        """The same, without blocking."""

    def authenticated(self, client: Client) -> None:
        """Whether what is shared is kept from it has changed."""


class Client:
    """One open tab.

    The program may set any attribute of its own on it. A tab that reconnects within the grace is the same client.

    Attributes:
        id: unique within the app.
        connect_time: in seconds since the epoch.
        address: the browser's IP address.
        host: the `Host` that the browser asked for.
        origin: the page's origin, such as "http://localhost:8050", or None.
        username: the Jupyter identity's name, or None.
        share: id of the share link by which it came, or None.
        person: who it is, over all tabs of the browser.
        expires: when its share link ends, in seconds since the epoch, or None.
        rights: what it may do now: its role, but for what the floor takes or gives; read only.
        headers: of the WebSocket handshake, names in lower case.
        cookies: of the WebSocket handshake.
        rtt: the round trip of a frame, in seconds, as the page measured it last; None until it has.
        session: the Quart session of the browser at the handshake, read only; empty where there is none.
        stands_for: in a replay the client whose page shows what this one is sent; else None.
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
    ) -> None:
        self.id = id
        self.connect_time = connect_time
        self.address = address
        self.host = host
        self.origin = origin
        self._authentication: Any = None
        self.rtt: float | None = None
        self.username = username
        self.share = share
        self.person = person or Person("", f"client {id}")
        self.expires = expires
        self.headers = headers or {}
        self.cookies = cookies or {}
        self.session: dict[str, Any] = {}
        self.stands_for: Client | None = None
        self._follower: Follower | None = None
        self._name = as_name(name)
        self._role = self.rights = Role(role)

    @property
    def role(self) -> Role:
        """What it may do: "view", "control" or "owner". Can be set from any thread; the pages follow at once.

        It is the person's: it holds for all tabs of the browser, for a page that is loaded anew, and for what the
        browser asks for over HTTP, until the program ends. Who clears the browser's cookies is somebody new, with the
        role of the share link; `share.revoke()` ends the link.

        Raises:
            RoleError: it is set to what is no role.
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
        """Another tab of the same person has been given this role."""
        self._role = role

    @property
    def authentication(self) -> Any:
        """The program's own; None at first. Can be set from any thread.

        A client for which it is set and false (0, False, "") gets nothing that is shared, neither values nor pushes to
        all, and its own changes of shared props are refused; its regular callbacks work, as it has to log in. Once it
        is true, or None again, the page is brought up to the shared state.
        """
        return self._authentication

    @authentication.setter
    def authentication(self, authentication: Any) -> None:
        before = self.withheld
        self._authentication = authentication
        if self._follower is not None and before != self.withheld:
            self._follower.authenticated(self)

    @property
    def withheld(self) -> bool:
        """Whether what is shared is kept from it."""
        return self._authentication is not None and not self._authentication

    @property
    def name(self) -> str:
        """The name to show, empty for a guest who gave none: text, never markup. Can be set from any thread."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        before, self._name = self._name, as_name(name)
        if self._follower is not None and before != self._name:
            what = f"is called {self._name!r}" if self._name else "has no name any more"
            self._follower.changed(self, what, named=True)

    @property
    def label(self) -> str:
        """How others see it: its name, its username, or "Guest"."""
        return self._name or self.username or "Guest"

    def props(self, id: str | Mapping[str, Any], timeout: float = 5.0) -> dict[str, Any]:
        """Ask the page for the props of a component as it holds them now. From a cell, or a thread of the program's.

        What a guest's page answers is a guest's word.

        Args:
            id: of the component.
            timeout: in seconds.

        Raises:
            LookupError: the page shows no such component.
            RunError: the client has left, or the app does not run.
            TimeoutError: the page does not answer.
            LoopError: it is called where it would wait for itself; there `await client.props_coro(...)`.
        """
        return self._asked().props(self, canonical(id), timeout)

    async def props_coro(self, id: str | Mapping[str, Any], timeout: float = 5.0) -> dict[str, Any]:
        """As `props`, without blocking the loop."""
        return await self._asked().props_coro(self, canonical(id), timeout)

    def _asked(self) -> Follower:
        if self._follower is None:
            raise RunError(f"{self!r} has no page that could be asked.")
        return self._follower

    def followed_by(self, follower: Follower) -> None:
        """Tell this one of what is set from now on."""
        self._follower = follower

    def __repr__(self) -> str:
        name = f" {self._name or self.username}" if self._name or self.username else ""
        return f"<Client {self.id}{name} {self.address}>"
