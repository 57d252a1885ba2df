"""Limits of connections. The descriptors of a process belong to the program as well."""

from __future__ import annotations

from functools import cache

try:
    from resource import RLIMIT_NOFILE, getrlimit
except ImportError:  # pragma: no cover - Windows has no such limit

    def _descriptors() -> int:
        return -1
else:

    def _descriptors() -> int:
        return int(getrlimit(RLIMIT_NOFILE)[0])


MOST = 10_000
SPARE = 4
"""One of this many descriptors is left to the program, its devices and files."""
MOST_OF_A_LINK = 600
"""Concurrent requests and WebSockets of one share link, as through Jupyter."""


@cache
def connections() -> int:
    """The number of connections that one server takes."""
    limit = _descriptors()
    return MOST if limit < 0 else max(8, min(MOST, limit - limit // SPARE))


def of_a_link() -> int:
    """The number of connections for the guests of one link."""
    return min(MOST_OF_A_LINK, connections() // 2)


def of_links() -> int:
    """The number of connections for all guests together."""
    return connections() * 3 // 4
