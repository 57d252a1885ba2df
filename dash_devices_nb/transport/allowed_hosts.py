"""The host names under which an app without a secret may be requested.

A site can make its own name resolve to 127.0.0.1 (DNS rebinding). Its requests then reach an app on a loopback port,
and their Origin and Host agree. Only the name gives them away. So without a secret the Host must be a name that cannot
be somebody else's.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))
STRANGE_HOST = (
    "This app has no secret, so it answers only to names that are surely its own, and {host} is none of them. It is "
    "at {known}; other names are given by app.run(allowed_hosts=[{name!r}])."
)


class AllowedHosts:
    """Tells the app's own names from those of others.

    Args:
        allowed: more names of the app, such as "lab.example.org"; "*" for all.
        bound: the address of the listening socket, which decides who can reach it. Debian resolves the computer's own
            name to 127.0.1.1, so that name reaches a socket open to all networks by a loopback address. None if
            unknown: then the address of each connection decides.
    """

    def __init__(self, allowed: Collection[str] = (), bound: str | None = None) -> None:
        self._bound = bound
        self._allowed = frozenset(name.lower().strip("[]") for name in allowed)
        own = socket.gethostname().lower()
        self._own = frozenset(name for name in (own, f"{own}.local") if own)

    def refusal(self, host: str, server: str | None) -> str:
        """Why a request is not answered, empty if it is.

        Args:
            host: the requested Host, with or without a port; empty if there was none (browsers always send one).
            server: the local address of the connection; None if unknown.
        """
        name = _name(host)
        if not host or name in LOOPBACK_NAMES or name in self._allowed or "*" in self._allowed:
            return ""
        here = "" if server is None else server.partition("%")[0]
        loopback = _is_loopback(here if self._bound is None else self._bound.partition("%")[0])
        if not loopback and (name in self._own or _same_address(name, here)):
            return ""
        known = sorted((LOOPBACK_NAMES if loopback else {here, *self._own} - {""}) | self._allowed)
        return STRANGE_HOST.format(host=host, name=name or host, known=", ".join(known))


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address in ("", "localhost")


def _same_address(one: str, other: str) -> bool:
    try:
        first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    except ValueError:
        return False
    mapped = [getattr(each, "ipv4_mapped", None) or each for each in (first, second)]
    return mapped[0] == mapped[1]
