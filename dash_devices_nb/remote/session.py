"""A program's side of the protocol (`docs/protocol.md`): one session with an app, over as many connections as it takes.

All belongs to one event loop. What is read of the values (`value`, `props`) may be read from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
import websockets
from websockets.asyncio.client import ClientConnection

from dash_devices_nb.close_codes import CloseCode
from dash_devices_nb.core.props.event_effects import EFFECTS
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.protocol.messages import dumps
from dash_devices_nb.core.protocol.version import VERSION
from dash_devices_nb.errors import InvalidValueError, RefusedError, RemoteError, UncertainError
from dash_devices_nb.remote.link import Link
from dash_devices_nb.remote.receipts import Receipts
from dash_devices_nb.remote.types import Argument, Frame, Props, PropValue, Returned
from dash_devices_nb.remote.view import Cause, View, copied

FIRST_DELAY, LONGEST_DELAY = 0.1, 2.0
"""Seconds between two attempts to connect again."""
FULL_DELAY = 5.0
"""The same if the app has said that it is full."""
PING_SECONDS = 20.0
LAYOUT = "_dash-layout"
NOTICES = 100
_SHARED, _OWN = Cause("shared"), Cause("pushed")


class Update(NamedTuple):
    """A value of a prop, and a revision since which it has not changed."""

    value: PropValue
    revision: int


class Image(NamedTuple):
    """The last image of a place: its media type and bytes; `header` has the size of a raw one."""

    mime: str
    data: bytes
    header: Frame


@dataclass
class _Change:
    """A `set` frame without an answer yet."""

    frame: Frame
    mods: dict[Key, PropValue]
    made: asyncio.Future[int]
    sent: bool = False


@dataclass(eq=False)
class Watcher:
    """Holds the newest value of a watched prop. Values that were not taken in time are skipped."""

    key: Key
    newest: Update | None
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False


class ProgramSession:
    """The session of a program.

    Args:
        url: the address of the page, as a person has it.
        headers: more headers for all requests.
        name: the name that is shown for a guest.
        patience: how long the connection may be lost, in seconds, before the session ends.

    Attributes:
        link: its connections.
        view: the components with their props.
        role: the last `role` frame.
        notices: the last notices of the app, oldest first.
        images: the last image of each place.
        ready: whether there is a connection, and the values are there.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None, name: str, patience: float) -> None:
        self.link = Link(url, headers)
        self.view = View()
        self.client = self.key = self._epoch = ""
        self.role: Frame = {}
        self.notices: deque[dict[str, str]] = deque(maxlen=NOTICES)
        self.images: dict[Key, Image] = {}
        self.ready = False
        self._name = name
        self._patience = patience
        self._failure: RemoteError | None = None
        self._receipts = Receipts()
        self._loaded = False
        self._revision = self._layout_revision = 0
        self._revisions: dict[Key, int] = {}
        self._sequence = self._request = 0
        self._early: list[tuple[dict[Key, PropValue], int | None]] = []
        """Values, with their revision, that arrived or were set while the layout was loading."""
        self._changes: dict[int, _Change] = {}
        self._carried: dict[int, int] = {}
        """The number of each `set`, by the number of its frame on this connection."""
        self._watchers: dict[Key, set[Watcher]] = {}
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._reading = threading.Lock()
        """Held where the values change, as other threads read them."""

    # ---- the life of a session

    async def open(self, within: float) -> None:
        """Connect, and return once the values are there.

        Raises:
            RemoteError: nobody answers, it is no app, or the app refuses.
        """
        if not self.link.place.startswith(("http://", "https://")):
            raise RemoteError(
                f"{self.link.place!r} is not the address of an app; an address begins with http:// or https://."
            )
        try:
            async with asyncio.timeout(within):
                await self.link.open()
                self._task = asyncio.get_running_loop().create_task(self._run())
                while not self.ready and self._failure is None:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            await self.close()
            raise RemoteError(f"{self.link.place} has not answered within {within:g} s.") from None
        except ConnectionError as error:
            raise RemoteError(f"{error}.") from error
        if self._failure is not None:
            await self.close()
            raise self._failure

    async def close(self) -> None:
        """Leave. Changes without an answer end with UncertainError."""
        with contextlib.suppress(websockets.ConnectionClosed):
            if self.link.send({"t": "bye"}):
                await self.link.flush()
        await self.link.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._end(RemoteError(f"The connection to {self.link.place} was closed by this program."))
        for watcher in [each for watchers in self._watchers.values() for each in watchers]:
            self.unwatch(watcher)

    def check(self) -> None:
        """Raise RemoteError if the session has ended."""
        if self._failure is not None:
            raise self._failure

    async def _run(self) -> None:
        """Connect, again and again, until the app refuses or is away for too long."""
        delay, lost = FIRST_DELAY, time.monotonic()
        met = False
        while True:
            full = False
            try:
                socket = await self.link.connect(PING_SECONDS)
                await self._converse(socket)
                code, reason = socket.close_code or CloseCode.ABNORMAL_CLOSURE, socket.close_reason or ""
                problem = f"{code} {reason}".strip()
                full = code == CloseCode.TRY_AGAIN_LATER
                if code >= 4000:
                    self._end(RemoteError(f"{self.link.place} has closed the connection: {reason or code}."))
                    return
            except websockets.InvalidStatus as error:
                problem = f"HTTP {error.response.status_code}"
                if error.response.status_code in (401, 403):
                    self._end(RemoteError(f"{self.link.place} lets this address in no longer ({problem})."))
                    return
            except (OSError, websockets.InvalidHandshake, TimeoutError) as error:
                problem = str(error) or type(error).__name__
            if self.ready:
                delay, lost, met = FIRST_DELAY, time.monotonic(), True
            self.ready = False
            self._changed.set()
            if self._failure is not None:
                return
            if not met or time.monotonic() - lost > self._patience:
                gone = f"is gone, and did not come back within {self._patience:g} s" if met else "refuses"
                self._end(RemoteError(f"{self.link.place} {gone} ({problem})."))
                return
            await asyncio.sleep(FULL_DELAY if full else delay)
            delay = min(delay * 1.7, LONGEST_DELAY)

    def _end(self, failure: RemoteError) -> None:
        """The session is over."""
        self.ready = False
        self._failure = self._failure or failure
        for change in self._changes.values():
            if not change.made.done():
                change.made.set_exception(self._uncertain(change) if change.sent else self._failure)
        self._changes.clear()
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.woken.set()
        self._changed.set()

    async def _converse(self, socket: ClientConnection) -> None:
        """Greet the app, and take what it sends until the connection ends."""
        self._carried.clear()
        known = {"client": self.client, "key": self.key, "epoch": self._epoch}
        said = {"v": VERSION, "kind": "program", **known, "rev": self._revision, "q": self._receipts.number}
        self.link.send({"t": "hello", **said})
        await self.link.flush()
        with contextlib.suppress(websockets.ConnectionClosed):
            async for message in socket:
                if isinstance(message, bytes):
                    self._image(message)
                else:
                    self._receive(orjson.loads(message))
                    if self._receipts.due(len(message)):
                        self._send({"t": "ok"})
                self._changed.set()
                await self.link.flush()
                if self._failure is not None:
                    await self.link.close()

    # ---- what comes

    def _receive(self, frame: Frame) -> None:
        self._receipts.came(frame)
        match frame["t"]:
            case "welcome":
                self._welcomed(frame)
            case "mods":
                self._mods(frame)
            case "done" if frame["s"] in self._changes:
                self._done(frame, self._changes.pop(frame["s"]))
            case "res" if frame["n"] == self._request:
                self._load(frame)
            case "unread" if frame["f"] in self._carried:
                change = self._changes.pop(self._carried[frame["f"]], None)
                if change is not None and not change.made.done():
                    why = self.notices[-1]["text"] if self.notices else "it could not be read"
                    change.made.set_exception(RefusedError(why, "unfit"))
            case "notice":
                self.notices.append({name: frame.get(name, "") for name in ("level", "title", "text")})
            case "role":
                self.role = frame
                if frame["ask"] and self._name:
                    self._send({"t": "name", "name": self._name})
            case "reload":
                self._ask_for_layout()
            case "get":
                self._send(self.view.asked(frame))

    def _welcomed(self, frame: Frame) -> None:
        if frame.get("v") != VERSION:
            theirs = f"version {frame['v']}" if "v" in frame else "a version before programs"
            text = (
                f"{self.link.place} speaks {theirs} of the protocol, this program version {VERSION}: upgrade the older."
            )
            self._end(RemoteError(text))
            return
        anew = self._epoch != frame["epoch"]
        self.client, self.key, self._epoch = frame["client"], frame["key"], frame["epoch"]
        self._receipts.welcomed(frame)
        for number, change in list(self._changes.items()):
            if change.sent and not frame["resumed"]:  # the app may have made it, and its answer is lost
                del self._changes[number]
                if not change.made.done():
                    change.made.set_exception(self._uncertain(change))
            elif number > frame["s"] or not frame["resumed"]:
                self._send_change(number, change)
        if anew:
            self._revision = 0
            self._revisions.clear()
            self._early.clear()
            self._loaded = False
        if self._loaded:
            self.ready = True
        else:
            self._ask_for_layout()

    def _ask_for_layout(self) -> None:
        self._loaded = False
        self._request += 1
        self._send({"t": "req", "n": self._request, "path": LAYOUT, "query": "", "body": None})

    def _load(self, frame: Frame) -> None:
        if frame["s"] != 200:
            self._end(RemoteError(f"{self.link.place} has no layout to show ({frame['s']}: {frame['b']})."))
            return
        self._layout_revision = frame.get("r", 0)
        self._revision = max(self._revision, self._layout_revision)
        with self._reading:
            self.view.load(frame["b"])
        self._loaded = self.ready = True
        early, self._early = self._early, []
        for mods, revision in early:
            self._apply(mods, revision)
        self._tell(self._watchers)

    def _mods(self, frame: Frame) -> None:
        revision = frame.get("r")
        if revision is None and "f" in frame:
            return  # it would undo what a page shows already; here nothing is shown before it counts
        if revision is not None:
            self._receipts.count_applied()
            self._revision = max(self._revision, revision)
        self._apply(
            {(each, prop): value for each, props in frame["m"].items() for prop, value in props.items()}, revision
        )

    def _apply(self, mods: Mapping[Key, PropValue], revision: int | None) -> None:
        """Apply values of a revision, or for this program alone. Values older than the known ones are dropped."""
        if not self._loaded:
            self._early.append((dict(mods), revision))
            return
        changed: set[Key] = set()
        for key, value in mods.items():
            component_id, prop = key
            if revision is not None:
                if revision <= self._revision_of(key):
                    continue
                self._revisions[key] = revision
            if component_id not in self.view.props:
                continue
            with self._reading:
                self.view.set(key, value, _OWN if revision is None else _SHARED, to_all=revision is not None)
            other = EFFECTS.get(prop, prop)
            if other != prop and revision is not None:
                self._revisions[component_id, other] = revision
            changed |= {key, (component_id, other)}
        self._tell(changed)

    def _done(self, frame: Frame, change: _Change) -> None:
        if frame["why"]:
            error = RefusedError(frame["text"], frame["why"], frame.get("m"), frame["r"])
            if not change.made.done():
                change.made.set_exception(error)
            return
        # `_revision` stays: what others have changed before may still be on its way, if this program was behind.
        self._apply(change.mods, frame["r"])
        if not change.made.done():
            change.made.set_result(frame["r"])

    def _image(self, message: bytes) -> None:
        size = int.from_bytes(message[:2], "big")
        header = orjson.loads(message[2 : 2 + size])
        key = header["id"], header["prop"]
        self.images[key] = Image(header["mime"], message[2 + size :], header)
        self._send({"t": "shown", "id": key[0], "prop": key[1]})
        for watcher in self._watchers.get(key, ()):
            watcher.newest = Update(self.images[key], self._revision)
            watcher.woken.set()

    # ---- what goes

    def _send(self, frame: Frame) -> bool:
        return self.link.send(self._receipts.stamped(frame))

    def _send_change(self, number: int, change: _Change) -> None:
        change.sent = self._send(change.frame) or change.sent
        self._carried[self.link.sent] = number

    async def set(self, mods: Mapping[Key, PropValue], if_revision: int | None, within: float) -> int:
        """Set props, all or none of them. Returns the revision once the change is ordered.

        Raises:
            RefusedError: the app refuses it.
            UncertainError: the connection was lost before it answered.
            RemoteError: there is no connection.
            LookupError: there is no such component.
            InvalidValueError: a value is no JSON.
        """
        self.check()
        by_id: dict[str, Props] = {}
        for (component_id, prop), value in mods.items():
            self.known(component_id)
            try:
                plain = orjson.loads(dumps(value))
            except (TypeError, ValueError) as error:
                raise InvalidValueError(f"{component_id}.{prop} cannot be set to {value!r:.60}: {error}.") from None
            by_id.setdefault(component_id, {})[prop] = plain
        self._sequence += 1
        number = self._sequence
        frame: Frame = {"t": "set", "s": number, "m": by_id}
        if if_revision is not None:
            frame["r"] = if_revision
        given = {(each, prop): value for each, props in by_id.items() for prop, value in props.items()}
        change = self._changes[number] = _Change(frame, given, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(within):
                if self.ready:
                    self._send_change(number, change)
                    await self.link.flush()
                return await change.made
        except TimeoutError:
            if change.sent:
                raise self._uncertain(change) from None
            raise RemoteError(f"There is no connection to {self.link.place}; nothing was set.") from None
        finally:
            self._changes.pop(number, None)

    def _uncertain(self, change: _Change) -> UncertainError:
        names = ", ".join(".".join(key) for key in change.mods)
        return UncertainError(f"The app has not answered: it is not known whether {names:.200} was set.")

    async def call(self, name: str, arguments: Mapping[str, Argument], within: float) -> Returned:
        """Call a callback by the name of its `api_endpoint`.

        Raises:
            RefusedError: the app refuses the call.
            LookupError: there is no such callback.
            RemoteError: the arguments do not fit, the callback has raised, or nobody answers.
        """
        self.check()
        who = {"X-Dash-Devices-Client": f"{self.client}.{self.key}"}
        try:
            answer = await self.link.fetch(name.strip("/"), dict(arguments), who, within)
        except ConnectionError as error:
            raise RemoteError(f"{error}.") from error
        match answer.status:
            case 200:
                return orjson.loads(answer.text)
            case 403 | 429:
                raise RefusedError(answer.text, "forbidden")
            case 404 | 405:
                raise LookupError(
                    f"The app has no callback {name!r}; it is declared by api_endpoint={name!r} and app.setup_apis()."
                )
        raise RemoteError(f"{name} was answered {answer.status}: {answer.text[:500]}")

    async def floor(self, want: bool) -> None:
        """Request the floor, or return it."""
        self.check()
        self._send({"t": "floor", "want": want})
        await self.link.flush()

    # ---- values

    def known(self, component_id: str) -> str:
        """Return the id if there is such a component. Raises LookupError."""
        if component_id not in self.view.props:
            names = ", ".join(sorted(self.view.props)) or "none"
            raise LookupError(f"The app has no component {component_id!r}; it has {names:.500}.")
        return component_id

    def newest(self, key: Key) -> Update:
        """Return a copy of the value of a prop."""
        with self._reading:
            return Update(copied(self.view.props[self.known(key[0])].get(key[1])), self._revision_of(key))

    def _revision_of(self, key: Key) -> int:
        return max(self._revisions.get(key, 0), self._layout_revision)

    # ---- watching

    def watch(self, key: Key) -> Watcher:
        """Start to watch a prop. The current value comes first."""
        watcher = Watcher(key, self.newest(key))
        watcher.woken.set()
        self._watchers.setdefault(key, set()).add(watcher)
        return watcher

    def unwatch(self, watcher: Watcher) -> None:
        """Stop watching."""
        watcher.over = True
        watcher.woken.set()
        with contextlib.suppress(KeyError):
            self._watchers[watcher.key].discard(watcher)

    async def next(self, watcher: Watcher) -> Update:
        """Wait for a value that the watcher has not returned yet, and return the newest.

        Raises:
            StopAsyncIteration: it does not watch any more.
            RemoteError: the session has ended.
        """
        while watcher.newest is None:
            if watcher.over:
                raise StopAsyncIteration
            self.check()
            watcher.woken.clear()
            await watcher.woken.wait()
        newest, watcher.newest = watcher.newest, None
        return newest

    def _tell(self, keys: Iterable[Key]) -> None:
        for key in list(keys):
            for watcher in self._watchers.get(key, ()):
                if key[0] in self.view.props:
                    watcher.newest = self.newest(key)
                    watcher.woken.set()
