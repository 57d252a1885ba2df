"""What waits to be sent to one page.

Two kinds of frames wait in one queue. *Shared* frames carry a revision of the shared state; when more than `limit`
bytes wait,
all of them are dropped and the page is brought up to date from the state instead, once it can take something again: it
skips to the latest value of each prop. *Own* frames (answers, values for this page alone, notices) are numbered and
kept
until the page says that it has them, so that a lost connection loses none; over `hard_limit` bytes of them the page is
given up.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

SOFT_LIMIT = 1024 * 1024
HARD_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True)
class Resync:
    """The page needs what is newer than `revision`."""

    revision: int


class Outbox:
    """The queue of one page.

    Args:
        limit: bytes of waiting shared frames above which they are dropped for a resync.
        hard_limit: bytes of own frames that the page has not confirmed, above which it is given up.

    Attributes:
        revision: of the shared state that the page has once it has taken all that was handed out.
        skipped: how many shared frames were dropped so far.
        overflowed: whether `hard_limit` was reached.
    """

    def __init__(self, limit: int = SOFT_LIMIT, hard_limit: int = HARD_LIMIT) -> None:
        self._limit = limit
        self._hard_limit = hard_limit
        self._queue: deque[tuple[str, int | None]] = deque()
        self._shared_bytes = 0
        self._own: deque[tuple[int, str]] = deque()
        self._own_bytes = 0
        self._number = 0
        self._behind = False
        self.revision = 0
        self.skipped = 0
        self.overflowed = False

    @property
    def waiting(self) -> int:
        """Bytes that wait."""
        return self._shared_bytes + sum(len(frame) for frame, revision in self._queue if revision is None)

    def next_number(self) -> int:
        """The number for the next own frame."""
        self._number += 1
        return self._number

    def add_shared(self, frame: str, revision: int) -> None:
        """Queue a frame of the shared state."""
        if self._behind:
            self.skipped += 1
            return
        if self._shared_bytes + len(frame) > self._limit and self._shared_bytes:
            self._fall_behind()
            self.skipped += 1
            return
        self._queue.append((frame, revision))
        self._shared_bytes += len(frame)

    def add_own(self, frame: str, number: int) -> None:
        """Queue a frame for this page alone; its number is from `next_number`."""
        self._queue.append((frame, None))
        self._own.append((number, frame))
        self._own_bytes += len(frame)
        self.overflowed = self.overflowed or self._own_bytes > self._hard_limit

    def add_passing(self, frame: str) -> None:
        """Queue a frame that need not survive a lost connection."""
        self._queue.append((frame, None))

    def next(self) -> str | Resync | None:
        """Take the next thing to send; after a `Resync`, call `synced`."""
        if self._queue:
            frame, revision = self._queue.popleft()
            if revision is not None:
                self._shared_bytes -= len(frame)
                self.revision = revision
            return frame
        return Resync(self.revision) if self._behind else None

    def synced(self, revision: int) -> None:
        """The page is sent all up to `revision` now."""
        self._behind = False
        self.revision = revision

    def confirm(self, number: int) -> None:
        """The page has all own frames up to `number`."""
        while self._own and self._own[0][0] <= number:
            self._own_bytes -= len(self._own.popleft()[1])

    def resume(self, number: int, revision: int) -> None:
        """The page is back: it has own frames up to `number`, and the shared state of `revision`."""
        self.confirm(number)
        self._queue.clear()
        self._shared_bytes = 0
        self._queue.extend((frame, None) for _, frame in self._own)
        self.revision = revision
        self._behind = True

    def _fall_behind(self) -> None:
        kept = [(frame, revision) for frame, revision in self._queue if revision is None]
        self.skipped += len(self._queue) - len(kept)
        self._queue = deque(kept)
        self._shared_bytes = 0
        self._behind = True
