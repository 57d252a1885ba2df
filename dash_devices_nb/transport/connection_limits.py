"""How many connections an app takes: the descriptors of a process are the program's, too."""

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
"""Of so many descriptors one stays for the program, its devices and files."""
MOST_OF_A_LINK = 600
"""Requests and WebSockets of one link that are under way at a time, as through Jupyter."""


@cache
def connections() -> int:
    """How many connections one server takes."""
    limit = _descriptors()
    return MOST if limit < 0 else max(8, min(MOST, limit - limit // SPARE))


def of_a_link() -> int:
    """How many of them the guests of one link may have."""
    return min(MOST_OF_A_LINK, connections() // 2)


def of_links() -> int:
    """How many of them all guests may have."""
    return connections() * 3 // 4
