"""What waits to be sent to one page.

There are four kinds of frames.

*Shared* frames carry a revision of the shared state. A page acknowledges how many of them it has applied. While more
than `window` bytes or `frames` frames are in flight, no more are sent. If more than `limit` bytes or `frames` frames
wait, all of them are dropped. The page then gets the latest value of each prop from the state, once it can take
something again.

*Own* frames (answers, values for this page only, notices) are reliable: they are numbered, and kept until the page
acknowledges them, so a lost connection loses none. A page with more than `hard_limit` bytes of them is dropped.

*Transient* frames need not survive a lost connection.

*Images* are sent one at a time for each place. Only the newest image of a place waits.

*Videos* have a lane for each place (`video_lane`): whole groups of pictures are dropped, and the page goes on with a
key frame.

So a page costs at most `limit` + `window` + `hard_limit` bytes, and one waiting image or 1 MB of video for each place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

from dash_devices_nb.core.access.link_budget import Shelf
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.protocol.video_lane import VideoLane, VideoUnit

LIMIT = 1024 * 1024
WINDOW = 512 * 1024
HARD_LIMIT = 64 * 1024 * 1024
MOST_TRANSIENT = 10_000
"""Transient frames that may wait. A page with more of them asks and never reads, and is dropped."""
FRAMES = 100
"""Shared frames that may be in flight, and that may wait then. Small frames cost a page time before they cost space."""

SAY = (128 * 1024, 40)
"""After so many bytes, or so many frames, a page says what it has applied. Far below `WINDOW` and `FRAMES`, so that the
app hears it before it holds back."""

F = TypeVar("F", bound=Sized)


@dataclass(frozen=True)
class Resync:
    """The page needs what is newer than `revision`."""

    revision: int


class Outbox(Generic[F]):
    """The queue of one page.

    Args:
        limit: bytes of waiting shared frames. With more, they are dropped for a resync.
        hard_limit: bytes of own frames that the page has not acknowledged. With more, it is dropped.
        window: bytes of shared frames that may be in flight.
        frames: number of shared frames that may be in flight; as many more may wait.
        transient: number of transient frames that may wait.
        shelf: the own frames of all pages that came by the same link.

    Attributes:
        revision: the revision of the shared state that the page has after all frames that were handed out.
        skipped: number of shared frames, images and units of videos that were dropped.
        overflowed: True if `hard_limit` was reached, or too many frames wait.
    """

    def __init__(
        self,
        limit: int = LIMIT,
        hard_limit: int = HARD_LIMIT,
        window: int = WINDOW,
        frames: int = FRAMES,
        transient: int = MOST_TRANSIENT,
        shelf: Shelf | None = None,
    ) -> None:
        self._limit = limit
        self.hard_limit = hard_limit
        self._window = window
        self._frames = frames
        self._most_transient = transient
        self._shelf = shelf
        self._queue: deque[tuple[F, int | None]] = deque()
        self._shared_bytes = self._shared_frames = 0
        self._own: deque[tuple[int, F]] = deque()
        self._own_bytes = 0
        self._number = 0
        self._lagging = self._asked = False
        self._in_flight: deque[int] = deque()
        self._in_flight_bytes = 0
        self._acked = 0
        self._images: dict[Key, F] = {}
        self._shown: set[Key] = set()
        self._videos: dict[Key, VideoLane[F]] = {}
        self.revision = 0
        self.skipped = 0
        self.overflowed = False

    @property
    def anything(self) -> bool:
        """Whether there may be something to send."""
        return bool(self._queue or self._lagging or self._asked or self._images or self.overflowed or self._video_ready)

    @property
    def images_wait(self) -> bool:
        """Whether an image waits."""
        return bool(self._images)

    @property
    def _video_ready(self) -> bool:
        return bool(self._videos) and any(lane.ready for lane in self._videos.values())

    @property
    def waiting(self) -> int:
        """Bytes that wait."""
        own = sum(len(frame) for frame, revision in self._queue if revision is None)
        videos = sum(lane.bytes for lane in self._videos.values())
        return self._shared_bytes + own + sum(map(len, self._images.values())) + videos

    @property
    def in_flight(self) -> int:
        """Bytes of shared frames that were sent and are not applied yet."""
        return self._in_flight_bytes

    @property
    def first_unconfirmed(self) -> int | None:
        """The number of the first own frame that the page has not confirmed. None: it has confirmed all."""
        return self._own[0][0] if self._own else None

    @property
    def unconfirmed(self) -> int:
        """Number of own frames that the page has not acknowledged."""
        return len(self._own)

    def next_number(self) -> int:
        """The number for the next own frame."""
        self._number += 1
        return self._number

    # ---- queueing

    def add_shared(self, frame: F, revision: int) -> None:
        """Queue a frame of the shared state."""
        if self._lagging:
            self.skipped += 1
            return
        size = self._shared_bytes + len(frame)
        page_is_slow = len(self._in_flight) >= self._frames <= self._shared_frames
        if self._shared_frames and (page_is_slow or size > self._limit):
            self._fall_behind()
            self.skipped += 1
            return
        self._queue.append((frame, revision))
        self._shared_bytes = size
        self._shared_frames += 1

    def add_own(self, frame: F, number: int) -> None:
        """Queue a frame for this page only, with a number from `next_number`. Does nothing for a dropped page."""
        if self.overflowed:
            return
        self._queue.append((frame, None))
        self._own.append((number, frame))
        self._shelve(len(frame))
        crowded = self._shelf is not None and self._shelf.overloads(self._own_bytes)
        self.overflowed = crowded or self._own_bytes > self.hard_limit

    def add_transient(self, frame: F) -> None:
        """Queue a frame that need not survive a lost connection."""
        if len(self._queue) - len(self._own) >= self._most_transient:
            self.overflowed = True
            return
        self._queue.append((frame, None))

    def add_image(self, place: Key, frame: F) -> None:
        """Queue an image. It replaces what waits for the same place."""
        self.skipped += place in self._images
        self._images[place] = frame
        self._videos.pop(place, None)

    def drop_image(self, place: Key) -> None:
        """Something else is shown at this place: drop the image that waits for it."""
        self.skipped += self._images.pop(place, None) is not None

    def add_video(self, place: Key, unit: VideoUnit[F]) -> None:
        """Queue the next unit of a video, if the page can decode it."""
        lane = self._lane(place)
        self.skipped += lane.add(unit)

    def bring_video(self, place: Key, units: Iterable[VideoUnit[F]]) -> None:
        """Queue the newest group of a video, for a page that has nothing of it."""
        self._lane(place).bring(units)

    def wants_key(self, place: Key) -> bool:
        """Whether the page would go on with this video if a key frame came now."""
        lane = self._videos.get(place)
        return lane is None or lane.wants_key

    def _lane(self, place: Key) -> VideoLane[F]:
        if place not in self._videos:
            self._videos[place] = VideoLane()
        if self._images.pop(place, None) is not None:
            self.skipped += 1
        return self._videos[place]

    # ---- handing out

    def next(self) -> F | Resync | None:
        """Take the next frame. After a `Resync`, call `synced`. None: nothing waits, or the page must apply first."""
        if self._queue:
            return self._first()
        if self._lagging or self._asked:
            busy = self._in_flight_bytes > self._window // 2 or len(self._in_flight) > self._frames // 2
            return None if busy else Resync(self.revision)
        return self.next_image()

    def next_image(self) -> F | None:
        """Take an image whose place has shown the previous one, or a unit of a video."""
        for place, frame in self._images.items():
            if place not in self._shown:
                self._shown.add(place)
                del self._images[place]
                return frame
        for lane in self._videos.values():
            if lane.ready:
                return lane.next()
        return None

    def only(self) -> F | None:
        """Take the next frame if it is the only one, as it nearly always is. None: ask `next`."""
        beside = self._lagging or self._asked or self._images or self._video_ready
        return None if len(self._queue) != 1 or beside else self._first()

    def _first(self) -> F | None:
        frame, revision = self._queue[0]
        if revision is not None:
            size = len(frame)
            if self._in_flight and self._is_full(size):
                return None
            self._shared_bytes -= size
            self._shared_frames -= 1
            self.revision = revision
            self._fly(size)
        self._queue.popleft()
        return frame

    def synced(self, revision: int, size: int = 0) -> None:
        """The page is being sent everything up to `revision`, in a frame of `size` bytes."""
        self._lagging = self._asked = False
        self.revision = revision
        if size:
            self._fly(size)

    # ---- what the page says

    def confirm(self, number: int) -> None:
        """The page acknowledges all own frames up to `number`."""
        while self._own and self._own[0][0] <= number:
            self._shelve(-len(self._own.popleft()[1]))

    def _shelve(self, change: int) -> None:
        before, self._own_bytes = self._own_bytes, self._own_bytes + change
        if self._shelf is not None:
            self._shelf.move(before, self._own_bytes)

    def forget(self) -> None:
        """The page has left for good."""
        self._own.clear()
        self._shelve(-self._own_bytes)
        self._queue.clear()
        self._images.clear()
        self._videos.clear()
        self._shared_bytes = self._shared_frames = 0

    def make_way(self, revision: int = 0) -> None:
        """Drop the shared frames that wait: what is queued next must not wait until the page has applied them.

        A page that has no layout yet applies nothing. The answer that it needs would wait behind shared frames, and
        they for the page.

        Args:
            revision: of the shared state in what is queued next.
        """
        if self._shared_frames:
            skipped = self.skipped
            self._fall_behind()
            self.skipped = skipped  # it gets them with the layout, or right after
            self.revision = max(self.revision, revision)

    def start_anew(self) -> None:
        """Send the page all of the shared state: it has none of it, or may have none."""
        self._fall_behind()
        self.revision = 0

    def ask_resync(self) -> None:
        """Hand out a `Resync` after what waits now, which is not dropped."""
        self._asked = True

    def drop_images(self) -> None:
        """Drop the images and videos that wait."""
        self.skipped += len(self._images) + sum(lane.drop() for lane in self._videos.values())
        self._images.clear()

    def drop_video(self, place: Key) -> None:
        """The page gets no more of this video."""
        self._videos.pop(place, None)

    def applied(self, count: int) -> None:
        """The page acknowledges that it has applied `count` shared frames since its connection began."""
        while self._acked < count and self._in_flight:
            self._acked += 1
            self._in_flight_bytes -= self._in_flight.popleft()

    def shown(self, place: Key, count: int = 1, *, lost: bool = False) -> None:
        """The page has shown its image, or so many units of a video. `lost`: it needs a key frame to go on."""
        self._shown.discard(place)
        lane = self._videos.get(place)
        if lane is not None:
            lane.shown(count)
            if lost:
                self.skipped += lane.drop()

    def resume(self, number: int, revision: int) -> None:
        """The page has reconnected. It has own frames up to `number`, and the shared state of `revision`."""
        self.confirm(number)
        self._queue.clear()
        self._shared_bytes = self._shared_frames = 0
        self._in_flight.clear()
        self._in_flight_bytes = self._acked = 0
        self._shown.clear()
        self._videos.clear()
        self._queue.extend((frame, None) for _, frame in self._own)
        self.revision = revision
        self._lagging = True

    def _is_full(self, size: int) -> bool:
        """Whether a frame of this size must wait until the page has applied some."""
        return len(self._in_flight) >= self._frames or self._in_flight_bytes + size > self._window

    def _fly(self, size: int) -> None:
        self._in_flight.append(size)
        self._in_flight_bytes += size

    def _fall_behind(self) -> None:
        kept = [(frame, revision) for frame, revision in self._queue if revision is None]
        self.skipped += len(self._queue) - len(kept)
        self._queue = deque(kept)
        self._shared_bytes = self._shared_frames = 0
        self._lagging = True
