"""By which names an app without a secret is asked for.

A page of another site can have its own name resolved to 127.0.0.1 (DNS rebinding): its requests reach an app on a
loopback port, and by their Origin and Host they are the app's own. Only the name tells: so where there is no secret to
know, the Host has to be one that cannot be somebody else's.
"""

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
    """Tells the app's own names from others.

    Args:
        allowed: more names that are the app's, as "lab.example.org"; "*" for all.
        bound: the address of the listening socket, which tells who can reach it: on a computer that has its own name
            resolved to 127.0.1.1, as Debian has, the name reaches what is open to all networks by a loopback address.
            None where it is unknown: then each connection's address tells.
    """

    def __init__(self, allowed: Collection[str] = (), bound: str | None = None) -> None:
        self._bound = bound
        self._allowed = frozenset(name.lower().strip("[]") for name in allowed)
        own = socket.gethostname().lower()
        self._own = frozenset(name for name in (own, f"{own}.local") if own)

    def refusal(self, host: str, server: str | None) -> str:
        """Why a request is not answered, empty if it is.

        Args:
            host: the Host that was asked for, with or without a port; empty where none was: browsers name one.
            server: the address of this machine to which the request came; None where it is unknown.
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
