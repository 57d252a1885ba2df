"""Whether the other side has ended a connection of which nothing is read: asyncio hears of an end by reading."""

import select

LOOK_SECONDS = 1.0
"""How often it is looked whether who has to wait is still there."""


def hung_up(descriptor: int) -> bool:
    """Whether the other side of a socket has ended it, or it has failed. Where the system cannot say, no."""
    if descriptor < 0 or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(descriptor, getattr(select, "POLLRDHUP", 0))  # errors and hang-ups are told anyway
    return bool(poll.poll(0))
