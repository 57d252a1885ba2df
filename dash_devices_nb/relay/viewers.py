"""The pages that look on through a relay: their sessions, and what they are told."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import orjson

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.access import rate_limits
from dash_devices_nb.core.access.rate_limits import TokenBucket
from dash_devices_nb.core.access.roles import Role
from dash_devices_nb.core.props.ids import Key, named
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.values import Value
from dash_devices_nb.core.protocol import messages
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.messages import UNSET, AppFrame, OwnModsFrame, RoleFrame, SharedModsFrame
from dash_devices_nb.core.protocol.outbox import Outbox, Resync
from dash_devices_nb.core.protocol.own_values import OwnValues
from dash_devices_nb.core.protocol.page_frames import (
    CALLBACK_PATH,
    HelloFrame,
    PageFrame,
    PingFrame,
    RequestFrame,
    SetFrame,
    ShownFrame,
    WantFrame,
    WatchFrame,
)
from dash_devices_nb.registration.shares import ENDED, REVOKED
from dash_devices_nb.relay.mirror import DEPENDENCIES, LAYOUT, Fields, Mirror

GRACE_SECONDS = 3.0
"""How long, in seconds, a page may be disconnected and keep its session, as in the app."""
BATCH_BYTES = 64 * 1024
TELL_SECONDS = 1.0
"""The shortest time, in seconds, between two notices to a page that it may not act."""
LOOKS_ON = "You may look, but not act."
STOPPED = "The relay stopped"
RESTARTED = "The app has started anew"


class Writer(Protocol):
    """What takes messages (`transport.writer`)."""

    def has_room(self) -> bool:
        """Whether messages can be written now."""

    def write_messages(self, messages: Sequence[Frame]) -> None:
        """Write messages."""

    def when_room(self, function: Callable[[], None]) -> None:
        """Call `function` once there is room again."""


class Guest(NamedTuple):
    """The view link by which somebody came.

    Attributes:
        share: its id.
        token: the whole token, for requests that go up.
        expires: when it ends, in seconds since the epoch.
    """

    share: str
    token: str
    expires: int


@dataclass(frozen=True)
class Called:
    """The answer of the app to a callback: its HTTP status and body."""

    status: int
    body: bytes


Call = Callable[[Guest, str, bytes], Awaitable[Called]]
"""Calls a callback for a guest, by the query and the body of the request."""


class Viewer:
    """The session of one page.

    Attributes:
        id, key: who it is, as its `welcome` says.
        guest: how it came.
        sequence, requests: the numbers of its last change and request.
        watched: the components on demand that it shows.
        given: the values that it was given alone, and when.
    """

    def __init__(self, viewers: Viewers, guest: Guest) -> None:
        self._viewers = viewers
        self._mirror = viewers.mirror
        self.guest = guest
        self.id = f"{self._mirror.version}-{secrets.token_urlsafe(9)}"
        self.key = secrets.token_urlsafe(16)
        self.sequence = self.requests = 0
        self.watched: frozenset[str] = frozenset()
        self.outbox: Outbox[Frame] = Outbox(
            hard_limit=rate_limits.GUESTS_HARD_LIMIT, transient=rate_limits.GUESTS_TRANSIENT
        )
        self.given = OwnValues()
        self.bucket = TokenBucket(*rate_limits.GUESTS[Role.VIEW])
        self._told = float("-inf")
        self._writer: Writer | None = None
        self._close: Callable[[int, str], object] = lambda code, reason: None
        self._tasks: set[asyncio.Task[None]] = set()
        self._full = False

    @property
    def connected(self) -> bool:
        """Whether it has a connection."""
        return self._writer is not None

    def goes_on(self, greeting: HelloFrame, guest: Guest) -> bool:
        """Whether this greeting is that of the page that has this session, and the session can go on."""
        genuine = secrets.compare_digest(self.key.encode(), greeting.key.encode())
        return genuine and self.guest.share == guest.share and not self.outbox.overflowed

    # ---- sending

    def send(self, frame: AppFrame) -> None:
        """Queue a frame for this page."""
        if frame.numbered:
            number = self.outbox.next_number()
            self.outbox.add_own(Frame(frame.encoded(number)), number)
        else:
            self.outbox.add_transient(Frame(frame.encoded()))

    def hand_on(self, fields: Fields) -> None:
        """Queue a frame of the app's for this page, with a number of its own where it is numbered."""
        if "q" in fields:
            number = self.outbox.next_number()
            self.outbox.add_own(Frame(orjson.dumps({**fields, "q": number}).decode()), number)
        else:
            self.outbox.add_transient(Frame(orjson.dumps(fields).decode()))

    def attach(self, writer: Writer, close: Callable[[int, str], object]) -> None:
        """A connection has begun: send what waits."""
        self._writer, self._close, self._full = writer, close, False
        self.wake()

    def detach(self, writer: Writer) -> None:
        """A connection has ended."""
        if self._writer is writer:
            self._writer = None

    def disconnect(self, code: int, reason: str) -> None:
        """Close the connection, if there is one. Nothing more is sent on it."""
        if self._writer is not None:
            self._writer = None
            self._close(code, reason)

    def wake(self) -> None:
        """Send what waits, as much as the connection takes."""
        outbox = self.outbox
        while (writer := self._writer) is not None and not self._full:
            if outbox.overflowed:
                self.disconnect(CloseCode.POLICY_VIOLATION, "too many frames wait for this page; it starts again")
                return
            if not writer.has_room():
                self._full = True
                writer.when_room(lambda w=writer: self._room(w))  # type: ignore[misc]
                return
            frames = self._batch()
            if not frames:
                return
            writer.write_messages(frames)

    def _room(self, writer: Writer) -> None:
        if writer is self._writer:
            self._full = False
            self.wake()

    def _batch(self) -> list[Frame]:
        if (only := self.outbox.only()) is not None:
            return [only]
        frames: list[Frame] = []
        size = 0
        while size < BATCH_BYTES and (frame := self._next()) is not None:
            frames.append(frame)
            size += len(frame)
        return frames

    def _next(self) -> Frame | None:
        item = self.outbox.next()
        if not isinstance(item, Resync):
            return item
        revision, mods = self._mirror.since(item.revision)
        frame = Frame(SharedModsFrame(mods, revision).encoded())
        self.outbox.synced(revision, len(frame))
        return frame

    # ---- what the page says

    def receive(self, frame: PageFrame) -> None:
        """Take a frame of the page."""
        if frame.confirmed is not None:
            self.outbox.confirm(frame.confirmed)
        if frame.applied is not None:
            self.outbox.applied(frame.applied)
        match frame:
            case SetFrame():
                self._refuse(frame)
            case RequestFrame() if frame.number > self.requests:
                self.requests = frame.number
                self._answer(frame)
            case PingFrame():
                self.send(messages.PongFrame())
            case ShownFrame():
                self.outbox.shown(frame.place)
            case WantFrame():
                self._send_wanted(frame)
            case WatchFrame():
                self._viewers.watches(self, frozenset(frame.revisions))
            case _:
                pass  # a page that looks on has no floor, no name, and brings no components for others
        self.wake()

    def unread(self, number: int, why: str) -> None:
        """Tell the page that its frame with this number on the connection was lost."""
        self.send(messages.NoticeFrame("error", f"What this page has sent could not be read: {why}"))
        self.send(messages.UnreadFrame(number))
        self.wake()

    def _refuse(self, frame: SetFrame) -> None:
        """Undo what a page that looks on has changed."""
        self.sequence = max(self.sequence, frame.sequence)
        store = self._mirror.store
        holds = {key: store.value(key) for key in frame.mods if key[0] in store.layout or key in store.state}
        if holds:
            self.send(OwnModsFrame(holds, self.sequence, self._mirror.revision))
        self.send(messages.AckFrame(self.sequence))
        now = time.monotonic()
        if frame.cause is None and now - self._told >= TELL_SECONDS:
            self._told = now
            self.send(messages.NoticeFrame("warning", f"You may not change {named(list(frame.mods))}. {LOOKS_ON}"))

    def _send_wanted(self, frame: WantFrame) -> None:
        state = self._mirror.store.state
        mods: Mods = {key: self._mirror.store.value(key) for key in frame.lost if key in state}
        if mods:
            self.send(OwnModsFrame(mods, self.sequence, self._mirror.revision))
        entries = [(each, *item) for each in frame.revisions for item in (state.of(each) or {}).items()]
        newer = {(each, prop): entry.value for each, prop, entry in entries if entry.revision >= frame.revisions[each]}
        if newer:
            self.send(OwnModsFrame(newer, at=self._mirror.revision))

    def _answer(self, frame: RequestFrame) -> None:
        number = frame.number
        if frame.path == CALLBACK_PATH:
            task = asyncio.get_running_loop().create_task(self._call(number, frame))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif frame.path == LAYOUT:
            revision, text = self._mirror.layout()
            self.outbox.make_way(revision)
            self.send(messages.AnswerFrame(number, 200, text.decode(), r=revision, own=self.sequence))
            self.laid_out()
        elif frame.path == DEPENDENCIES:
            self.outbox.make_way()
            self.send(messages.AnswerFrame(number, 200, self._mirror.dependencies.decode()))
        else:
            self.send(messages.AnswerFrame(number, 200, NO_RELOADS))

    def laid_out(self) -> None:
        """The page is given a layout: send it what is newer than the values that it was given alone."""
        overtaken = self.given.overtaken(self._mirror.store.state)
        if overtaken:
            self.send(OwnModsFrame({key: entry.value for key, entry in overtaken.items()}, at=self._mirror.revision))
            self.wake()

    async def _call(self, number: int, frame: RequestFrame) -> None:
        revision = self._mirror.revision
        called = await self._viewers.call(self.guest, frame.query, orjson.dumps(frame.body))
        text = called.body.decode(errors="replace")
        body = text if called.status == 200 else messages.dumps(text)
        self.send(messages.AnswerFrame(number, called.status, body, r=revision))
        self.wake()

    def end(self) -> None:
        """The session is over."""
        for task in self._tasks:
            task.cancel()
        self.outbox.forget()


NO_RELOADS = '{"reloadHash":null,"hard":false,"packages":[],"files":[]}'
"""What Dash's route `_reload-hash` says of an app whose files do not change."""


class Viewers:
    """The pages that look on through one relay.

    Args:
        call: calls a callback of the app for a guest.

    Attributes:
        mirror: the app, as the relay has it.
        sessions: by their ids.
        call: as given.
        changed: set when the number of pages has changed, or what they show. Who looks clears it.
    """

    def __init__(self, call: Call) -> None:
        self.mirror = Mirror(self)
        self.call = call
        self.sessions: dict[str, Viewer] = {}
        self.changed = asyncio.Event()
        self._watched: Counter[str] = Counter()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self.sessions)

    @property
    def watched(self) -> frozenset[str]:
        """The components on demand that some page shows."""
        return frozenset(self._watched)

    def watches(self, viewer: Viewer, ids: frozenset[str]) -> None:
        """A page shows these components on demand from now on, and no others.

        What the layout does not have is left out, so a guest cannot make the relay send long lists to the app.
        """
        known = frozenset(each for each in ids if each in self.mirror.store.layout)
        gone, new = viewer.watched - known, known - viewer.watched
        viewer.watched = known
        self._watched.update(new)
        self._watched.subtract(gone)
        for each in gone:
            if not self._watched[each]:
                del self._watched[each]
        if gone or new:
            self.changed.set()

    # ---- coming and going

    def handshake(self, greeting: HelloFrame, guest: Guest) -> Viewer:
        """Find the session of a page, or make one."""
        mirror = self.mirror
        same = greeting.epoch == mirror.epoch
        known = self.sessions.get(greeting.client) if same else None
        if known is not None and known.goes_on(greeting, guest):
            self._cancel(known)
            known.disconnect(CloseCode.POLICY_VIOLATION, "this page has reconnected")
            known.outbox.resume(greeting.confirmed or 0, greeting.revision)
            self._greet(known, resumed=True)
            self._bring_images(known)
            return known
        viewer = Viewer(self, guest)
        self.sessions[viewer.id] = viewer
        if same:
            viewer.outbox.resume(0, greeting.revision)
        else:
            viewer.outbox.synced(mirror.revision)
        self._greet(viewer, resumed=False)
        if mirror.own:
            viewer.given.give(mirror.own, mirror.revision)
            viewer.send(OwnModsFrame(mirror.own))
        self._bring_images(viewer)
        if same and greeting.client.partition("-")[0] != str(mirror.version):
            viewer.send(messages.ReloadFrame([]))  # callbacks or layout have changed while nobody could tell it
        self.changed.set()
        return viewer

    def _bring_images(self, viewer: Viewer) -> None:
        for place, frame in self.mirror.images.items():
            viewer.outbox.add_image(place, frame)

    def _greet(self, viewer: Viewer, *, resumed: bool) -> None:
        mirror, app = self.mirror, self.mirror.welcome
        viewer.send(
            messages.WelcomeFrame(
                client=viewer.id,
                key=viewer.key,
                epoch=mirror.epoch,
                resumed=resumed,
                s=viewer.sequence,
                n=viewer.requests,
                shared=app["shared"],
                causes=app["causes"],
                pushed=mirror.pushed,
                holds=app["holds"],
                coroutines=app["coroutines"],
            )
        )
        viewer.send(self._role(mirror.role))
        for frame in mirror.standing.values():
            viewer.hand_on(frame)

    def _role(self, told: Fields) -> RoleFrame:
        """The role of a page that looks on, with who has the floor in the app."""
        return RoleFrame(
            role=Role.VIEW,
            rights=Role.VIEW,
            name="",
            guest=True,
            ask=False,
            floor=told["floor"],
            holder=told["holder"],
            mine=False,
            place=0,
            asking=0,
            left=told["left"],
            needs=told.get("needs", UNSET),
        )

    def disconnected(self, viewer: Viewer, *, at_once: bool) -> None:
        """A connection has ended. The page leaves if it does not come back within the grace."""
        if viewer.connected or self.sessions.get(viewer.id) is not viewer:
            return
        if at_once:
            self._leave(viewer)
            return
        self._cancel(viewer)
        loop = asyncio.get_running_loop()
        self._timers[viewer.id] = loop.call_later(GRACE_SECONDS, self._leave, viewer)

    def _cancel(self, viewer: Viewer) -> None:
        timer = self._timers.pop(viewer.id, None)
        if timer is not None:
            timer.cancel()

    def _leave(self, viewer: Viewer) -> None:
        self._cancel(viewer)
        if not viewer.connected and self.sessions.pop(viewer.id, None) is not None:
            viewer.end()
            self.watches(viewer, frozenset())
            self.changed.set()

    def close(self, code: int = CloseCode.SERVICE_RESTART, reason: str = STOPPED) -> None:
        """End all sessions."""
        for viewer in list(self.sessions.values()):
            viewer.disconnect(code, reason)
            self._leave(viewer)

    def asking(self, name: str) -> Viewer | None:
        """The page that says "id.key" of itself."""
        id, _, key = name.partition(".")
        viewer = self.sessions.get(id)
        genuine = viewer is not None and secrets.compare_digest(viewer.key.encode(), key.encode())
        return viewer if genuine else None

    # ---- what the app says (`mirror.Audience`)

    def restarted(self) -> None:
        """The pages come back, and get the new app's state."""
        self.close(CloseCode.SERVICE_RESTART, RESTARTED)

    def shared(self, frame: Frame, revision: int, keys: Iterable[Key]) -> None:
        """Hand a change on to all pages."""
        for viewer in self.sessions.values():
            if viewer.outbox.images_wait:
                for key in keys:
                    viewer.outbox.drop_image(key)
            viewer.outbox.add_shared(frame, revision)
            viewer.wake()

    def own(self, mods: dict[Key, Value]) -> None:
        """Hand values on that are for this relay's pages."""
        frame = OwnModsFrame(mods)
        for viewer in self.sessions.values():
            viewer.given.give(mods, self.mirror.revision)
            viewer.send(frame)
            viewer.wake()

    def image(self, place: Key, frame: Frame) -> None:
        """Hand an image on."""
        for viewer in self.sessions.values():
            viewer.outbox.add_image(place, frame)
            viewer.wake()

    def told(self, frame: Fields) -> None:
        """Hand a frame on that is for each page alike."""
        role = self._role(frame) if frame["t"] == "role" else None
        for viewer in list(self.sessions.values()):
            if role is not None:
                viewer.send(role)
            else:
                viewer.hand_on(frame)
            viewer.wake()

    def links_changed(self) -> None:
        """Close the pages whose link has been revoked."""
        for viewer in list(self.sessions.values()):
            if why := self.why_ended(viewer.guest):
                viewer.disconnect(CloseCode.FORBIDDEN, why)
                self._leave(viewer)

    def why_ended(self, guest: Guest) -> str:
        """Why a view link is no longer open, as a sentence for the guest; "" while it is."""
        if time.time() >= guest.expires:
            return ENDED
        return "" if self.mirror.links.get(guest.share) == guest.expires else REVOKED
