"""Detect that the other side has closed a connection that is not being read. asyncio notices an end only by reading."""

from __future__ import annotations

import select

LOOK_SECONDS = 1.0
"""Interval, in seconds, at which a waiting connection is checked."""


def hung_up(descriptor: int) -> bool:
    """Whether the other side has closed the socket, or it has failed. False if the system cannot tell."""
    if descriptor < 0 or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(descriptor, getattr(select, "POLLRDHUP", 0))  # errors and hang-ups are always reported
    return bool(poll.poll(0))
