"""The session of one open page: the frames that wait for it, and what the app knows about it.

A session outlives its connection by the grace. If the tab reconnects in time, it is the same client, and gets what it
missed.
"""

from __future__ import annotations

import enum
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import LinkBudget
from dash_devices_nb.core.access.rate_limits import GUESTS_HARD_LIMIT, GUESTS_TRANSIENT, TokenBucket
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.messages import (
    AckFrame,
    AppFrame,
    LagFrame,
    NoticeFrame,
    OwnModsFrame,
    QuestionFrame,
    SharedModsFrame,
)
from dash_devices_nb.core.protocol.outbox import HARD_LIMIT, MOST_TRANSIENT, Outbox, Resync
from dash_devices_nb.core.protocol.own_values import OwnValues
from dash_devices_nb.core.protocol.pending_ack import PendingAck
from dash_devices_nb.core.protocol.video_lane import VideoUnit
from dash_devices_nb.transport.writer import Writer

if TYPE_CHECKING:
    from dash_devices_nb.core.callbacks.dispatcher import Dispatcher

TELL_SLOW_SECONDS = 5.0
"""The shortest time between two notices that a page is slowed down."""

TELL_OVERLOAD_SECONDS = 5.0
"""The shortest time between two notices that the app has too much to do."""

BATCH_BYTES = 64 * 1024
"""Soft limit, in bytes, of one batched write."""

MOST_UNDONE = 100
"""The number of unconfirmed frames with undone changes that are remembered one by one. Further ones are merged."""

LAG_SECONDS = 0.5
"""A page shows the lag of its callbacks if it is at least this long."""


class Sending(enum.Enum):
    """Whether frames can be sent to a page now."""

    AWAY = enum.auto()
    """There is no connection."""
    READY = enum.auto()
    """Frames are sent at once."""
    FULL = enum.auto()
    """The connection has no room. It says when it has room again."""
    GIVEN_UP = enum.auto()
    """Too many frames wait. The page starts again, with another session."""


_FOLLOWING = {
    Sending.AWAY: (Sending.READY,),
    Sending.READY: (Sending.READY, Sending.FULL, Sending.AWAY, Sending.GIVEN_UP),
    Sending.FULL: (Sending.READY, Sending.AWAY, Sending.GIVEN_UP),
    Sending.GIVEN_UP: (),
}


class Sends(Protocol):
    """The part of the runtime that a session uses: the lock, and a note that frames wait."""

    lock: threading.RLock
    dispatcher: Dispatcher
    on_demand: set[str]

    def image_of(self, place: Key) -> Frame | None:
        """The image that is shown at a place. None: there is none, or the prop changed later. With the lock held."""

    def touch(self, page: ClientSession) -> None:
        """Note that a frame waits for a page. With the lock held."""


class ClientSession:
    """The session of one page.

    Args:
        runtime: the app's runtime.
        client: its client.
        dropped: called with the client and a text that says what was not sent to it. With the lock held.
        budget: the budget of its link. None: unlimited.
        takes_arrays: whether it gets arrays of numbers as bytes.
        sequence: the number of the last change that the app accepted from an earlier session of the page.
        version: the version of the definitions that the page loads.

    Attributes:
        client: its client.
        key: the secret by which the tab proves that it is this page.
        outbox: the frames that wait for it. Use it only with the runtime's lock held.
        sequence: the number of the last change that the app accepted from it.
        heard: the number of the last change that arrived in this session. It is less than `sequence` if the page has
            returned, and has not yet repeated the changes that the app accepted before. The frames that undo those
            changes have not been sent yet either.
        requests: the number of the last request that the app accepted from it.
        malformed: the number of frames that could not be parsed.
        budget: the budget that it shares with all pages of its link. None: unlimited.
        bucket: limits the rate of its changes.
        told_lag: the lag that was last sent to it, in seconds.
        told_question: the question as last sent to it.
        own_pushes: the last push to this page only, for each prop that calls callbacks without output: the number of
            its frame, and the value.
        granted: the last push that called a callback, by its output and by whether the push was to this page only.
        knows: the version of the definitions that were last sent to it, and the number of that frame.
        apart: ids that it declared while shared values were withheld. They enter patterns afterwards.
        takes_arrays: whether it gets arrays of numbers as bytes.
        watched: the components on demand that the page shows. None: it has not said, and gets all.
        given: the values that it was given alone, and when.
        introduced: set when the connect hooks have seen its client. No shared value is sent before.
        decodes: the codecs of videos that it can decode. It gets images in the place of others.
        sending: whether frames can be sent now.
    """

    def __init__(
        self,
        runtime: Sends,
        client: Client,
        dropped: Callable[[Client, str], object],
        budget: LinkBudget | None = None,
        *,
        takes_arrays: bool = False,
        sequence: int = 0,
        version: int = 0,
    ) -> None:
        self._runtime = runtime
        self._dropped = dropped
        self._told_skipped = 0
        self.client = client
        self.key = secrets.token_urlsafe(16)
        self.budget = budget
        guest = client.share is not None
        self.outbox: Outbox[Frame] = Outbox(
            hard_limit=GUESTS_HARD_LIMIT if guest else HARD_LIMIT,
            transient=GUESTS_TRANSIENT if guest else MOST_TRANSIENT,
            shelf=None if budget is None else budget.shelf,
        )
        self.sequence = sequence
        self.heard = 0
        self._undone: deque[tuple[int, int]] = deque()
        """For each frame that undoes changes: its number, and the number of the last change that had arrived."""
        self.requests = 0
        self.malformed = 0
        self.takes_arrays = takes_arrays
        self.introduced = threading.Event()
        self.given = OwnValues()
        self.own_pushes: dict[Key, tuple[int, Value]] = {}
        self.granted: dict[tuple[str, bool], int] = {}
        self.knows = (version, 0)
        self.apart: set[str] = set()
        self.decodes: frozenset[str] = frozenset()
        self.watched: frozenset[str] | None = None
        self._lacks: dict[str, int] = {}
        """The watched components of which the page lacks changes, and from which revision on."""
        self.bucket = TokenBucket()
        self._told_slow = float("-inf")
        self.told_lag = 0.0
        self.told_question: QuestionFrame | None = None
        self._told_overload = float("-inf")
        self._ack = PendingAck()
        self.sending = Sending.AWAY
        self._writer: Writer | None = None
        self._close: Callable[[int, str], object] = lambda code, reason: None

    @property
    def takes_shared(self) -> bool:
        """Whether it gets shared values."""
        return self.introduced.is_set() and not self.client.withheld

    def introduce(self) -> None:
        """The connect hooks have seen its client. From any thread. Call `flush` afterwards."""
        with self._runtime.lock:
            self.introduced.set()
            self._runtime.touch(self)

    @property
    def connected(self) -> bool:
        """Whether the page has a connection."""
        return self._writer is not None

    # ---- what the page has sent: on the I/O loop

    def accept_change(self, sequence: int) -> None:
        """Note that the app has accepted the change of this number. With the lock held."""
        self.sequence = self.heard = sequence

    def hear_change(self, sequence: int) -> None:
        """Note that the page has repeated the change of this number. With the lock held."""
        self.heard = max(self.heard, sequence)

    def accept_request(self, number: int) -> bool:
        """Note the number of a request. Returns False if the app has it already."""
        new = number > self.requests
        if new:
            self.requests = number
        return new

    def accept_malformed(self) -> int:
        """Count a frame that could not be parsed. Returns how many there were."""
        self.malformed += 1
        return self.malformed

    def limit_changes(self, bucket: TokenBucket) -> None:
        """Limit the rate of its changes from now on."""
        self.bucket = bucket

    def keep_apart(self, ids: set[str]) -> None:
        """Keep the ids that it has declared out of patterns. With the lock held."""
        self.apart = ids

    def take_apart(self) -> set[str]:
        """Return the ids that were kept out of patterns, and keep none any more. With the lock held."""
        ids, self.apart = self.apart, set()
        return ids

    def can_decode(self, codecs: frozenset[str]) -> None:
        """The page has said which videos its browser decodes."""
        self.decodes = codecs

    def cannot_decode(self, codec: str) -> None:
        """The page's decoder has failed for good: it gets images from now on."""
        self.decodes -= {codec}

    # ---- queueing: with the runtime's lock held, from any thread

    def send_definitions(self, version: int, frame: AppFrame) -> None:
        """Queue definitions or a layout of this version."""
        self.knows = version, self.send(frame)

    def send_mods(self, mods: Mods) -> int:
        """Queue values that are for this page only. Returns the number of the frame."""
        self._ack_before(mods)
        self.given.give(mods, self._runtime.dispatcher.state.revision)
        return self.send(OwnModsFrame(mods))

    def send_held(self, mods: Mods) -> None:
        """Queue values of the shared state, as they are now, which this page has missed."""
        self.send(OwnModsFrame(mods, at=self._runtime.dispatcher.state.revision))

    def undo(self, mods: Mods) -> None:
        """Queue the values, and images, that hold now, in place of the changes that the page has sent so far."""
        number = self.send(OwnModsFrame(mods, self.sequence, self._runtime.dispatcher.state.revision))
        if len(self._undone) < MOST_UNDONE:
            self._undone.append((number, self.heard))
        else:
            self._undone[-1] = number, self._undone[-1][1]
        for key in mods:
            image = self._runtime.image_of(key)
            if image is not None:
                self.send_image(key, image)

    @property
    def acknowledged(self) -> int:
        """The number of the last change that a page need not repeat when it resumes its session.

        A page repeats each refused change until it has confirmed the frame that undoes it. So it gets the valid value
        even if the app has forgotten the session by then. Otherwise the refused value would stay on the page.
        """
        first = self.outbox.first_unconfirmed
        while self._undone and (first is None or self._undone[0][0] < first):
            self._undone.popleft()
        return self._undone[0][1] - 1 if self._undone else self.heard

    def send_notice(self, level: str, text: str, title: str = "", html: str = "") -> None:
        """Queue a notice for the person. `level` is "info", "warning" or "error"."""
        self.send(NoticeFrame(level, text, title, html))

    def send(self, frame: AppFrame) -> int:
        """Queue a frame for this page only. Returns its number, or 0 if frames of its type are not numbered."""
        if not frame.numbered:
            self.outbox.add_transient(Frame(frame.encoded()))
            self._runtime.touch(self)
            return 0
        number = self.outbox.next_number()
        self.outbox.add_own(Frame(frame.encoded(number, arrays=self.takes_arrays)), number)
        self._runtime.touch(self)
        return number

    def schedule_ack(self, sequence: int, keys: Iterable[Key]) -> None:
        """Schedule an acknowledgement of all changes up to `sequence`; `flush_ack` sends it.

        It must be sent before later changes of the same props by other pages. Until the page has it, the page assumes
        that their changes are earlier than its own.
        """
        self._ack.add(sequence, keys)

    @property
    def ack_due(self) -> bool:
        """Whether an acknowledgement is pending and not scheduled. Then schedule `flush_ack`; call `ack_scheduled`."""
        return self._ack.is_due

    def ack_scheduled(self) -> None:
        """Note that `flush_ack` will be called."""
        self._ack.scheduled()

    def flush_ack(self) -> None:
        """Queue the pending acknowledgement, unless it was sent with another frame."""
        self._ack.flushed()
        if self._ack.waits:
            self.send(AckFrame(self._ack.take()))

    def send_shared(self, frame: Frame, revision: int, mods: Mods) -> None:
        """Queue a change of the shared state."""
        self._ack_before(mods)
        self.outbox.add_shared(frame, revision)
        self._runtime.touch(self)

    def _ack_before(self, keys: Iterable[Key]) -> None:
        """Send the pending acknowledgement now, if it is of changes of these props."""
        if self._ack.precedes(keys):
            self.send(AckFrame(self._ack.take()))

    def tell_lag(self, seconds: float) -> None:
        """Send the page the lag of its callbacks, if the lag has changed much."""
        shown = round(seconds, 1) if seconds >= LAG_SECONDS else 0.0
        if abs(shown - self.told_lag) >= 0.2 or (shown == 0.0 and self.told_lag):
            self.told_lag = shown
            self.send(LagFrame(shown))

    def tells_slow(self, now: float) -> bool:
        """Return True if the page should be told now that it is slowed down. At most once in a few seconds."""
        tells = now - self._told_slow > TELL_SLOW_SECONDS
        if tells:
            self._told_slow = now
        return tells

    def note_question(self, frame: QuestionFrame | None) -> None:
        """Note the question that was sent to the page. None: it must be sent again."""
        self.told_question = frame

    def tells_overload(self, now: float) -> bool:
        """Return True if the page should be told now that the app is overloaded. At most once in a few seconds."""
        tells = now - self._told_overload >= TELL_OVERLOAD_SECONDS
        if tells:
            self._told_overload = now
        return tells

    def send_image(self, place: Key, frame: Frame, *, own: bool = False) -> None:
        """Queue an image for all pages, or for this page only (`own`). The newest for a place wins."""
        if not own and not self.takes_shared:
            return
        self._ack_before((place,))
        if own:
            self.given.give_image(place, self._runtime.dispatcher.state.revision)
        self.outbox.add_image(place, frame)
        self._runtime.touch(self)

    def send_video(self, place: Key, unit: VideoUnit[Frame], *, own: bool = False) -> None:
        """Queue a unit of a video for all pages, or for this page only (`own`), if it can go on with it."""
        if not own and not self.takes_shared:
            return
        self.outbox.add_video(place, unit)
        self._runtime.touch(self)

    def gets(self, component_id: str) -> bool:
        """Whether the page is sent the changes of a component: it is not on demand, or the page shows it."""
        return self.watched is None or component_id in self.watched or component_id not in self._runtime.on_demand

    def watch(self, revisions: Mapping[str, int | None]) -> None:
        """Send the changes of these components on demand from now on, and of no others.

        What the page lacks of them comes with what is sent next.

        Args:
            revisions: by id, the revision from which on the page lacks changes. None: it lacks none.
        """
        self.watched = frozenset(revisions)
        of = self._runtime.dispatcher.state.of
        self._lacks = {id: revision for id, revision in self._lacks.items() if id in self.watched}
        for component_id, revision in revisions.items():
            entries = (of(component_id) or {}).values()
            if revision is not None and any(entry.revision > revision for entry in entries):
                self._lacks[component_id] = min(revision, self._lacks.get(component_id, revision))
        if self._lacks:
            self.outbox.ask_resync()
            self._runtime.touch(self)

    def withhold(self) -> None:
        """Withhold shared values from now on, including those that wait."""
        self.outbox.start_anew()
        self.outbox.drop_images()

    # ---- sending: on the I/O loop, but for `wake`

    def attach(self, writer: Writer, close: Callable[[int, str], object] | None = None) -> None:
        """A connection has begun: send what waits. `close` closes it, from any thread."""
        with self._runtime.lock:
            self._writer = writer
            if close is not None:
                self._close = close
            self._become(Sending.READY)
        self.wake()

    def detach(self, writer: Writer) -> None:
        """A connection has ended."""
        with self._runtime.lock:
            if self._writer is writer:
                self._writer = None
                self._become(Sending.AWAY)

    def disconnect(self, code: int, reason: str) -> None:
        """Close the connection, if there is one. From any thread."""
        self._close(code, reason)

    def supersede(self) -> None:
        """The page has reconnected: close the old connection, and send nothing more on it."""
        if self._writer is not None:
            self.detach(self._writer)
            self.disconnect(CloseCode.POLICY_VIOLATION, "this page has reconnected")

    def _become(self, sending: Sending) -> None:
        """Change the state if the transition is legal. `GIVEN_UP` is final. With the lock held."""
        if sending in _FOLLOWING[self.sending]:
            self.sending = sending

    @property
    def reachable(self) -> bool:
        """Whether `wake` may be called from any thread. If not, only on the I/O loop."""
        return self._writer is None or self._writer.from_any_thread

    def wake(self) -> None:
        """Send waiting frames, as many as the connection accepts.

        Takes the lock, so that frames are written in the order in which they leave the outbox.
        """
        with self._runtime.lock:
            writer = self._writer
            if writer is not None and self.outbox.overflowed:
                self._give_up()
                return
            while writer is not None and self.sending is Sending.READY:
                if not writer.has_room():
                    self._become(Sending.FULL)
                    writer.when_room(lambda w=writer: self._room(w))  # type: ignore[misc]
                    return
                frames = self._batch()
                if frames:
                    writer.write_messages(frames)
                if not frames or not self.outbox.anything:
                    return

    def _batch(self) -> list[Frame]:
        """Take frames that are written together: that costs one system call, and wakes the page once."""
        if not self._ack.waits and (frame := self.outbox.only()) is not None:
            return [frame]
        frames: list[Frame] = []
        size = 0
        while size < BATCH_BYTES and self.outbox.anything:
            frame = self._next()
            if frame is None:
                break
            frames.append(frame)
            size += len(frame)
        # Frames that still wait were ordered before the acknowledged changes, so they must be sent before it.
        if frames and self._ack.waits and not self.outbox.anything:
            frames.append(Frame(AckFrame(self._ack.take()).encoded()))
        return frames

    def _room(self, writer: Writer) -> None:
        with self._runtime.lock:
            if writer is self._writer:
                self._become(Sending.READY)
                self.wake()

    def _give_up(self) -> None:
        if self.sending is not Sending.GIVEN_UP:
            self._become(Sending.GIVEN_UP)
            self._dropped(self.client, "the page itself, because too many frames wait for it")
            self.disconnect(CloseCode.POLICY_VIOLATION, "too many frames wait for this page; it starts again")

    def _next(self) -> Frame | None:
        if self.outbox.overflowed:
            self._give_up()
            return None
        item = self.outbox.next()
        if not isinstance(item, Resync):
            return item
        if not self.takes_shared:
            return self.outbox.next_image()
        if skipped := self.outbox.skipped - self._told_skipped:
            self._told_skipped += skipped
            self._dropped(self.client, f"{skipped} messages, skipped to the latest values")
        state = self._runtime.dispatcher.state
        entries = {key: entry for key, entry in state.since(item.revision).items() if self.gets(key[0])}
        for component_id, revision in self._lacks.items():
            missed = state.of(component_id) or {}
            entries |= {(component_id, prop): each for prop, each in missed.items() if each.revision > revision}
        self._lacks.clear()
        values = {key: entry.value for key, entry in entries.items() if not self.given.stands(key, entry)}
        frame = Frame(SharedModsFrame(values, state.revision).encoded(arrays=self.takes_arrays))
        self.outbox.synced(state.revision, len(frame))
        return frame
