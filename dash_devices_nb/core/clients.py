"""Who is there: one client for each open tab."""

from __future__ import annotations

from typing import Any

from dash_devices_nb.core.roles import Role


class Client:
    """One open tab.

    The program may set any attribute of its own on it. A tab that reconnects within the grace is the same client.

    Attributes:
        id: unique within the app.
        connect_time: in seconds since the epoch.
        address: the browser's IP address.
        host: the `Host` that the browser asked for.
        origin: the page's origin, such as "http://localhost:8050", or None.
        authentication: the program's own; None at first.
        username: the Jupyter identity's name, or None.
        name: the name to show; a guest's may be empty.
        role: what it may do.
        share: id of the share link by which it came, or None.
        expires: when its share link ends, in seconds since the epoch, or None.
        headers: of the WebSocket handshake, names in lower case.
        cookies: of the WebSocket handshake.
        rtt: the round trip of a frame, in seconds, as the page measured it last; None until it has.
        session: the Quart session of the browser at the handshake, read only; empty where there is none.
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
    ) -> None:
        self.id = id
        self.connect_time = connect_time
        self.address = address
        self.host = host
        self.origin = origin
        self.authentication: Any = None
        self.rtt: float | None = None
        self.username = username
        self.name = name
        self.role = role
        self.share = share
        self.expires = expires
        self.headers = headers or {}
        self.cookies = cookies or {}
        self.session: dict[str, Any] = {}

    def __repr__(self) -> str:
        name = f" {self.username or self.name}" if self.username or self.name else ""
        return f"<Client {self.id}{name} {self.address}>"
