"""The session of one open page: what waits for it, and what the app knows of it.

A session outlives its connection by the grace. If the tab reconnects in time, it is the same client, and gets what it
missed.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.access.link_budget import LinkBudget
from dash_devices_nb.core.access.rate_limits import GUESTS_HARD_LIMIT, GUESTS_TRANSIENT, TokenBucket
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.protocol import messages
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.outbox import HARD_LIMIT, MOST_TRANSIENT, Outbox, Resync
from dash_devices_nb.transport.writer import Writer

if TYPE_CHECKING:
    from dash_devices_nb.core.callbacks.dispatcher import Dispatcher

TELL_OVERLOAD_SECONDS = 5.0
"""The shortest time between two notices that the app has too much to do."""

BATCH_BYTES = 64 * 1024
"""Soft limit, in bytes, of one batched write."""

LAG_SECONDS = 0.5
"""The lag of the callbacks from which on a page shows it."""


class Sends(Protocol):
    """The runtime, as far as a session needs it: it has the lock, and sends what waits."""

    lock: threading.RLock
    dispatcher: Dispatcher

    def touch(self, page: ClientSession) -> None:
        """Note that something waits for a page. With the lock held."""


class ClientSession:
    """The session of one page.

    Args:
        runtime: the app's runtime.
        client: its client.
        dropped: called with what was dropped for this page, with the lock held.
        budget: the budget of its link. None: it is unlimited.

    Attributes:
        client: its client.
        key: the secret by which the tab proves that it is this page.
        outbox: what waits for it. It is used only with the runtime's lock held.
        sequence: the number of the last change that was taken from it.
        requests: the number of the last request that was taken from it.
        malformed: the number of frames that could not be parsed.
        budget: the budget that it shares with all pages of its link. None: it is unlimited.
        bucket: limits the rate of its changes.
        told_slow: when it was last told that it is slowed down.
        told_lag: the lag that it was last told, in seconds.
        refusals: the number of acts beyond its client's rights.
        told_refused: when it was last told of one.
        told_role: what it was last told of its role and the floor.
        may_name: whether its person may choose a name. None before the handshake.
        said_name: the name that its person chose, while it is in use.
        knows_needs: whether it was told the roles that callbacks need.
        own_pushes: for each prop that calls callbacks without output, the last push to this page only: the number of
        its
            frame, and the value.
        granted: the last push that called a callback, by its output and by whether the push was to this page only.
        knows: the version of the definitions that it was told, and the number of the frame that did.
        apart: ids that it declared while shared values were withheld. They enter patterns afterwards.
        introduced: set when the connect hooks have seen its client. Nothing shared is sent before.
    """

    def __init__(
        self,
        runtime: Sends,
        client: Client,
        dropped: Callable[[Client, str], object],
        budget: LinkBudget | None = None,
    ) -> None:
        self._runtime = runtime
        self._dropped = dropped
        self._told_skipped = 0
        self._given_up = False
        self.client = client
        self.key = secrets.token_urlsafe(16)
        self.budget = budget
        guest = client.share is not None
        self.outbox: Outbox[Frame] = Outbox(
            hard_limit=GUESTS_HARD_LIMIT if guest else HARD_LIMIT,
            transient=GUESTS_TRANSIENT if guest else MOST_TRANSIENT,
            shelf=None if budget is None else budget.shelf,
        )
        self.sequence = 0
        self.requests = 0
        self.malformed = 0
        self.introduced = threading.Event()
        self.own_pushes: dict[Key, tuple[int, Value]] = {}
        self.granted: dict[tuple[str, bool], int] = {}
        self.knows = (0, 0)
        self.apart: set[str] = set()
        self.bucket = TokenBucket()
        self.told_slow = float("-inf")
        self.told_lag = 0.0
        self._told_overload = float("-inf")
        self.refusals = 0
        self.told_refused = float("-inf")
        self.told_role: dict[str, Any] | None = None
        self.may_name: bool | None = None
        self.said_name = ""
        self.knows_needs = False
        self._pending_ack: int | None = None
        self._pending_ack_keys: set[Key] = set()
        self._flush_scheduled = False
        self._writer: Writer | None = None
        self._waits_for_room = False
        self.disconnect: Callable[[int, str], object] = lambda code, reason: None

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
        """Whether there is a connection."""
        return self._writer is not None

    # ---- queueing: with the runtime's lock held, from any thread

    def send_mods(self, mods: Mods, *, undoes: bool = False) -> int:
        """Queue values for this page only. With `undoes`, they undo what it has sent so far.

        Returns:
            The number of the frame.
        """
        number = self.outbox.next_number()
        self._own(Frame(messages.mods_frame(mods, number=number, undoes=self.sequence if undoes else None)), number)
        return number

    def send_answer(self, request: int, status: int, body: str, extra: dict[str, Any] | None = None) -> None:
        """Queue the answer to a request."""
        number = self.outbox.next_number()
        self._own(Frame(messages.answer_frame(number, request, status, body, extra)), number)

    def send_notice(self, level: str, text: str, title: str = "", html: str = "") -> None:
        """Queue a notice for the person. `level` is "info", "warning" or "error"."""
        number = self.outbox.next_number()
        frame = {"t": "notice", "q": number, "level": level, "text": text, "title": title, "html": html}
        self._own(Frame(messages.dumps(frame)), number)

    def send(self, kind: str, **fields: Any) -> int:
        """Queue a reliable frame for this page. Returns its number."""
        number = self.outbox.next_number()
        self._own(Frame(messages.dumps({"t": kind, "q": number, **fields})), number)
        return number

    def schedule_ack(self, sequence: int, keys: Iterable[Key]) -> None:
        """Schedule an acknowledgement of all changes up to `sequence`; `flush_ack` sends it.

        It must be sent before later changes of the same props by others: until then the page takes those for earlier
        ones.
        """
        self._pending_ack = sequence
        self._pending_ack_keys.update(keys)

    def ack_due(self) -> bool:
        """Whether an acknowledgement is pending and no flush is scheduled. If True, the caller must schedule one."""
        asked, self._flush_scheduled = self._flush_scheduled, True
        return not asked

    def flush_ack(self) -> None:
        """Queue the pending acknowledgement."""
        self._flush_scheduled = False
        if self._pending_ack is not None:
            self.outbox.add_transient(self._acknowledgement())
            self._runtime.touch(self)

    def _acknowledgement(self) -> Frame:
        """The frame of the pending acknowledgement."""
        frame = Frame(messages.dumps({"t": "ack", "s": self._pending_ack}))
        self._pending_ack = None
        self._pending_ack_keys.clear()
        return frame

    def send_shared(self, frame: Frame, revision: int, mods: Mods) -> None:
        """Queue a change of the shared state."""
        if self._pending_ack_keys and not self._pending_ack_keys.isdisjoint(mods):
            self.flush_ack()
        self.outbox.add_shared(frame, revision)
        self._runtime.touch(self)

    def send_transient(self, kind: str, **fields: Any) -> None:
        """Queue a transient frame."""
        self.outbox.add_transient(Frame(messages.dumps({"t": kind, **fields})))
        self._runtime.touch(self)

    def _own(self, frame: Frame, number: int) -> None:
        self.outbox.add_own(frame, number)
        self._runtime.touch(self)

    def tell_lag(self, seconds: float) -> None:
        """Tell the page the lag of the callbacks that it caused, if the lag has changed much."""
        shown = round(seconds, 1) if seconds >= LAG_SECONDS else 0.0
        if abs(shown - self.told_lag) >= 0.2 or (shown == 0.0 and self.told_lag):
            self.told_lag = shown
            self.send_transient("lag", seconds=shown)

    def tells_overload(self, now: float) -> bool:
        """Whether to tell the page now that the app has too much to do: not if it was told a moment ago."""
        tells = now - self._told_overload >= TELL_OVERLOAD_SECONDS
        if tells:
            self._told_overload = now
        return tells

    def send_image(self, place: Key, frame: Frame, *, own: bool = False) -> None:
        """Queue an image for all pages, or for this page only (`own`). The newest for a place wins."""
        if not own and not self.takes_shared:
            return
        self.outbox.add_image(place, frame)
        self._runtime.touch(self)

    def withhold(self) -> None:
        """Withhold shared values from now on, including those that wait."""
        self.outbox.start_anew()
        self.outbox.drop_images()

    # ---- sending: on the I/O loop, but for `wake`

    def attach(self, writer: Writer) -> None:
        """A connection has begun: send what waits."""
        self._writer = writer
        self._waits_for_room = False
        self.wake()

    def detach(self, writer: Writer) -> None:
        """A connection has ended."""
        if self._writer is writer:
            self._writer = None

    def supersede(self) -> None:
        """The page has reconnected: close the old connection, and send nothing more on it."""
        if self._writer is not None:
            self._writer = None
            self.disconnect(CloseCode.POLICY_VIOLATION, "this page was opened again")

    @property
    def reachable(self) -> bool:
        """Whether `wake` may be called from any thread. If not, only on the I/O loop."""
        return self._writer is None or self._writer.from_any_thread

    def wake(self) -> None:
        """Send what waits, as far as the connection accepts it.

        With the lock held, so that frames are written in the order in which they are taken out.
        """
        with self._runtime.lock:
            writer = self._writer
            if writer is not None and self.outbox.overflowed:
                self._give_up()
                return
            while writer is not None and not self._waits_for_room:
                if not writer.has_room():
                    self._waits_for_room = True
                    writer.when_room(lambda w=writer: self._room(w))  # type: ignore[misc]
                    return
                frames = self._batch()
                if frames:
                    writer.write_messages(frames)
                if not frames or not self.outbox.anything:
                    return

    def _batch(self) -> list[Frame]:
        """Take frames that are written together: with one system call, and the page wakes once."""
        if self._pending_ack is None and (frame := self.outbox.only()) is not None:
            return [frame]
        frames: list[Frame] = []
        size = 0
        while size < BATCH_BYTES and self.outbox.anything:
            frame = self._next()
            if frame is None:
                break
            frames.append(frame)
            size += len(frame)
        # What still waits was ordered before the changes that are acknowledged, and has to come before it.
        if frames and self._pending_ack is not None and not self.outbox.anything:
            frames.append(self._acknowledgement())
        return frames

    def _room(self, writer: Writer) -> None:
        if writer is self._writer:
            self._waits_for_room = False
            self.wake()

    def _give_up(self) -> None:
        if not self._given_up:
            self._given_up = True
            self._dropped(self.client, "the page itself, as too much waits for it")
            self.disconnect(CloseCode.POLICY_VIOLATION, "too much waits for this page; it starts anew")

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
        entries = state.since(item.revision)
        values = {key: entry.value for key, entry in entries.items()}
        frame = Frame(messages.mods_frame(values, state.revision))
        self.outbox.synced(state.revision, len(frame))
        return frame
