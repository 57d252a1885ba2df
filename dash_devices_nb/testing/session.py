"""The page's side of the protocol, as in `client/bridge.js`: the frames that it sends and receives.

A change of this page is *pending* until the app has acknowledged it. Until then others' changes of that prop are not
applied, because the app ordered them before it. Unacknowledged changes are sent again after a lost connection.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeAlias

import websockets
from websockets.asyncio.client import ClientConnection

from dash_devices_nb.core.props.ids import Key, Ref, Wild
from dash_devices_nb.core.props.layout import EVENT_PROPS, overlay
from dash_devices_nb.remote.link import Link
from dash_devices_nb.remote.receipts import Receipts
from dash_devices_nb.remote.view import Cause, View
from dash_devices_nb.testing.calling import Asked, Calling
from dash_devices_nb.testing.declared import Bound

UPDATE, LAYOUT, DEPENDENCIES = "_dash-update-component", "_dash-layout", "_dash-dependencies"
USUAL_TRIP = 0.05
"""Seconds before the news that a prop is shared in which the page may have changed it without knowing."""


Done: TypeAlias = Callable[[int, Any], None]


class Session:
    """The conversation of a page with an app.

    Attributes:
        link: its connections.
        view: the state of the page.
        calling: its regular callbacks.
        client, key, epoch: its identity, and the app's run.
        greeted, loaded: whether the app has answered the hello on this connection, and whether the layout is there.
        notices, asked, shown: the notices, the requested callbacks, and the values set, oldest first.
        images: the last image for each (id, prop), as (header, bytes).
        question: the last frame of a question.
        role: the last role frame: the page's role and the floor.
        closed_by: code and reason with which the connection ended.
        changed: set whenever something has arrived.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self.view = View()
        self.calling = Calling(self.view, self._request_callback)
        self.client = self.key = self.epoch = ""
        self.greeted = self.loaded = False
        self.notices: list[dict[str, str]] = []
        self.asked: list[str] = []
        self.shown: list[tuple[Key, Any]] = []
        self.images: dict[Key, tuple[dict[str, Any], bytes]] = {}
        self.role: dict[str, Any] = {}
        self.question: dict[str, Any] = {}
        self.closed_by: tuple[int, str] | None = None
        self.changed = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self._revision = self._layout_revision = 0
        self._sequence = self._request = 0
        self._receipts = Receipts()
        self._early: list[dict[str, Any]] = []
        self._layout_own: int | None = 0
        """The number of this page's last change that is in the layout. None: the app did not know this page."""
        self._loads = self._layout_request = 0
        """Number of loads, and the newest layout's request: answers to older ones are ignored."""
        self._refs: list[Ref] = []
        self._pending: dict[Key, int] = {}
        self._newest: dict[Key, int] = {}
        """The number of our newest change, acknowledged or not: undoing an older one does not affect it."""
        self._own: dict[Key, tuple[float, Cause]] = {}
        self._watched: dict[str, int | None] | None = None
        """The components on demand that the page shows, each with the revision from which on it lacks changes."""
        self._chains: dict[Key, frozenset[Bound]] = {}
        """The callbacks that led to a prop's value. Undoing it calls none of them."""
        self._covered: dict[str, dict[str, Any]] = {}
        """The layout's values of the props that show the page's own values instead, by id."""
        self._deaf_since: float | None = 0.0
        self._unacknowledged: list[dict[str, Any]] = []
        self._requests: dict[int, tuple[dict[str, Any], Done]] = {}
        self._sent: set[int] = set()
        """The numbers of the requests that were sent, on any connection."""
        self._carried: dict[int, dict[str, Any]] = {}
        """The frames of this connection by their numbers, until all are acknowledged or answered."""

    @property
    def unacknowledged(self) -> set[int]:
        """The sequence numbers of this page's changes that the app has not acknowledged yet."""
        return {change["s"] for change in self._unacknowledged}

    @property
    def sequence(self) -> int:
        """The sequence number of this page's newest change."""
        return self._sequence

    @property
    def requests(self) -> int:
        """The number of requests sent so far, which is the number of the newest one."""
        return self._request

    @property
    def unanswered(self) -> list[str]:
        """The requests without an answer: number and path."""
        return [f"{number} {request['path']}" for number, (request, _) in self._requests.items()]

    @property
    def settled(self) -> bool:
        """Whether the app has acknowledged and answered everything."""
        return not (self._unacknowledged or self._requests or self.calling.busy)

    def watch(self, ids: Iterable[str]) -> None:
        """Show these components on demand, and no others."""
        before = self._watched
        self._watched = {each: None if before is None else before.get(each, 0) for each in ids}
        self._send({"t": "watch", "ids": self._watched})

    # ---- the connection

    async def connect(self) -> None:
        """Open the WebSocket and send the hello."""
        self.closed_by, self.greeted = None, False
        self._carried.clear()
        socket = await self.link.connect()
        known = {"client": self.client, "key": self.key, "epoch": self.epoch}
        self.link.send({"t": "hello", **known, "rev": self._revision, "q": self._receipts.number})
        await self.link.flush()
        self._spawn(self._read(socket))

    async def close(self) -> None:
        """Leave."""
        await self.link.close()
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def proceed(self) -> None:
        """Call the callbacks that are ready, and send what is queued."""
        self.calling.go()
        self.changed.set()
        await self.link.flush()

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                if socket is not self.link.socket:
                    continue
                if isinstance(text, bytes):
                    self._image(text)
                else:
                    self.receive(json.loads(text))
                    self._took(len(text))
                await self.proceed()
        except websockets.ConnectionClosed:
            pass
        finally:
            if socket is self.link.socket:
                self.greeted = False
                self._deaf_since = time.monotonic() if self._deaf_since is None else self._deaf_since
                self.closed_by = (socket.close_code or 1006, socket.close_reason or "")

    def receive(self, frame: dict[str, Any]) -> None:
        """Take one JSON frame from the app."""
        self._receipts.came(frame)
        match frame["t"]:
            case "welcome":
                self._welcomed(frame)
            case "ack":
                self._acknowledged(frame["s"])
            case "mods":
                self._mods(frame)
            case "res" if frame["n"] in self._requests:
                _, done = self._requests.pop(frame["n"])
                self._sent.discard(frame["n"])
                self._forget_carried()
                if frame["n"] == self._layout_request:  # another answer's revision is that of its components
                    self._layout_revision = frame.get("r", self._layout_revision)
                    self._layout_own = frame.get("own")
                done(frame["s"], frame["b"])
            case "unread":
                self._unread(self._carried.pop(frame["f"], None))
            case "notice":
                self.notices.append({name: frame.get(name, "") for name in ("level", "title", "text")})
            case "role":
                self.role = frame
            case "question":
                self.question = frame
            case "shared":
                self._share(frame["refs"])
            case "dependencies":
                self._share(frame["refs"])
                self._tell_own(time.monotonic() - frame["age"] - USUAL_TRIP)
                self.link.settings["socket"] = frame["socket"]
                self.calling.define(frame["content"])
                self.calling.start(frame.get("again") or ())
            case "reload":
                self.load()
            case "get":
                self._send(self.view.asked(frame))

    def _send(self, frame: dict[str, Any]) -> None:
        if self.greeted and self.link.send(self._receipts.stamped(frame)) and frame["t"] in ("set", "req"):
            self._carried[self.link.sent] = frame
            if frame["t"] == "req":
                self._sent.add(frame["n"])

    def _forget_carried(self) -> None:
        if not (self._unacknowledged or self._requests):
            self._carried.clear()

    def _unread(self, frame: dict[str, Any] | None) -> None:
        """Give up a frame of ours that the app could not read."""
        if frame is None:
            return
        if frame["t"] == "req":
            _, done = self._requests.pop(frame["n"], (None, None))
            self._sent.discard(frame["n"])
            if done is not None:
                done(400, "the app could not read this request")
            return
        self._unacknowledged = [change for change in self._unacknowledged if change["s"] != frame["s"]]
        for known in (self._pending, self._newest):
            for key in [key for key, s in known.items() if s == frame["s"]]:
                del known[key]
        self._send({"t": "want", "ids": {}, "m": {each: list(props) for each, props in frame["m"].items()}})

    def _image(self, message: bytes) -> None:
        """Take an image: two bytes with the header's length, the header, the image. Ask for the next one."""
        end = 2 + int.from_bytes(message[:2], "big")
        header = json.loads(message[2:end])
        self.images[header["id"], header["prop"]] = header, message[end:]
        self._send({"t": "shown", "id": header["id"], "prop": header["prop"]})

    def _took(self, size: int) -> None:
        if self._receipts.due(size):
            self._send({"t": "ok"})

    def _welcomed(self, frame: dict[str, Any]) -> None:
        self._receipts.welcomed(frame)
        anew = self.epoch != frame["epoch"]
        self.client, self.key, self.epoch = frame["client"], frame["key"], frame["epoch"]
        self.greeted = True
        self._share(frame["shared"])
        if self._deaf_since is not None and not anew:
            self._tell_own(self._deaf_since)
        self._deaf_since = None
        if self._watched is not None:
            self._send({"t": "watch", "ids": self._watched})
        if frame["resumed"]:
            self._acknowledged(frame["s"])
        else:
            self._newest = dict(self._pending)
            # What the app gave this page alone is lost with its session.
            self._early = [each for each in self._early if "f" in each or "at" in each]
        # The app counts shared frames of this connection, and sends again what was in those of the one before.
        self._early = [each for each in self._early if "r" not in each]
        for change in self._unacknowledged:
            self._send(change)
        for number, (request, done) in list(self._requests.items()):
            known = number <= frame["n"] if frame["resumed"] else number in self._sent and request["path"] == UPDATE
            if not known:
                self._send(request)
            elif not frame["resumed"]:
                del self._requests[number]
                done(503, "the connection was lost before the answer came")
        if anew:
            self._revision = 0
            self._early.clear()
            self.load()

    def _acknowledged(self, sequence: int) -> None:
        self._unacknowledged = [change for change in self._unacknowledged if change["s"] > sequence]
        self._forget_carried()
        self._pending = {key: s for key, s in self._pending.items() if s > sequence}

    # ---- layout and callbacks

    def load(self) -> None:
        """Request layout and callbacks, and show them when both have arrived. The page's own values stay."""
        self.loaded = False
        self.calling.forget()
        self._loads += 1
        load = self._loads
        got: dict[str, Any] = {}

        def taken(path: str, status: int, body: Any) -> None:
            if load != self._loads:
                return
            if status != 200:
                self.notices.append({"level": "error", "title": path, "text": str(body)})
                return
            got[path] = body
            if len(got) == 2:
                self._loaded(got[LAYOUT], got[DEPENDENCIES])

        for path in (LAYOUT, DEPENDENCIES):
            self._ask(path, None, lambda status, body, p=path: taken(p, status, body), self.link.settings["other"])  # type: ignore[misc]

    def _loaded(self, layout: Any, dependencies: list[dict[str, Any]]) -> None:
        """Show a layout, with this page's own values and changes that are not in it."""
        has = self._layout_own
        under_way = {key for key, s in self._newest.items() if (key in self._pending if has is None else s > has)}
        own = self.view.own_values(lambda key: not self.is_shared(key) or key in under_way)
        self._covered.clear()
        overlay(layout, own.get, self._covered)
        self.loaded = True
        self._revision = max(self._revision, self._layout_revision)
        self.view.load(layout)
        self.calling.define(dependencies)
        self.calling.start()
        early, self._early = self._early, []
        for frame in early:
            self._mods(frame)

    def _request_callback(self, asked: Asked, payload: dict[str, Any]) -> None:
        output = payload["output"]
        self.asked.append(output)

        def done(status: int, body: Any) -> None:
            given = body if status == 200 and isinstance(body, dict) else {}
            if status not in (200, 204):
                self.notices.append({"level": "error", "title": output, "text": str(body)})
            if self.calling.answered(asked):
                self._apply(given.get("response") or {}, asked)
                self._apply(given.get("sideUpdate") or {}, asked)

        settings = self.link.settings
        push = None
        if not asked.bound.declared.outputs and asked.cause.kind in ("push", "own"):
            push = {"c": list(asked.cause.by), "w": "own" if asked.cause.kind == "own" else "pushed"}
        over_socket = settings["update"] or push is not None or output in settings["socket"]
        self._ask(UPDATE, payload, done, over_socket, push)

    def request(self, body: Any, done: Done, why: dict[str, Any] | None = None) -> None:
        """Ask for a callback over the WebSocket, with a body, and a cause (`c`, `w`), of the caller's own.

        `proceed` sends it. `done` is called with the answer's status and body.
        """
        self._ask(UPDATE, body, done, over_socket=True, why=why)

    def _ask(self, path: str, body: Any, done: Done, over_socket: bool, why: dict[str, Any] | None = None) -> None:
        if not over_socket:
            self._spawn(self._ask_http(path, body, done))
            return
        self._request += 1
        if path == LAYOUT:
            self._layout_request = self._request
        request = {"t": "req", "n": self._request, "path": path, "query": "", "body": body, **(why or {})}
        self._requests[self._request] = (request, done)
        self._send(request)

    async def _ask_http(self, path: str, body: Any, done: Done) -> None:
        load = self._loads
        answer = await self.link.fetch(path, body, {"X-Dash-Devices-Client": f"{self.client}.{self.key}"})
        if path == LAYOUT and load == self._loads:
            self._layout_revision = int(answer.headers.get("x-dash-devices-revision", 0))
            own = answer.headers.get("x-dash-devices-own")
            self._layout_own = None if own is None else int(own)
        done(answer.status, json.loads(answer.text) if answer.status == 200 else answer.text)
        await self.proceed()

    def _apply(self, values: dict[str, dict[str, Any]], asked: Asked) -> None:
        """Apply the answer of a callback."""
        changed: list[Key] = []
        chain = asked.before | {asked.bound}
        for component_id, props in values.items():
            for prop, value in props.items() if component_id in self.view.props else ():
                self.set((component_id, prop), value, asked.cause)
                self._chains[component_id, prop] = chain
                changed.append((component_id, prop))
            now = self.view.props.get(component_id, {})
            self.tell(component_id, {prop: now.get(prop) for prop in props}, asked.cause)
        self.calling.changed(changed, chain)

    def set(self, key: Key, value: Any, cause: Cause, *, to_all: bool = False) -> None:
        """Change a prop of the page."""
        self._chains.pop(key, None)
        came = self.view.set(key, value, cause, to_all=to_all)
        self.shown.append((key, value))
        self.calling.came(came)

    # ---- shared props

    def _share(self, refs: list[Any]) -> None:
        self._refs = [
            Ref(given, prop)
            if isinstance(given, str)
            else Ref("", prop, tuple(sorted((k, Wild.ALL if v is None else v) for k, v in given.items())))
            for given, prop in refs
        ]

    def is_shared(self, key: Key) -> bool:
        """Whether a prop is shared: its changes go to the app."""
        return any(ref.prop == key[1] and ref.bind(key[0]) is not None for ref in self._refs)

    def tell(self, component_id: str, props: Mapping[str, Any], cause: Cause) -> None:
        """Send the shared part of a change."""
        if cause.kind == "pushed":
            return
        shared = {prop: value for prop, value in props.items() if self.is_shared((component_id, prop))}
        for key in [(component_id, prop) for prop in props]:
            self._own.pop(key, None)
            if key[1] not in shared:
                self._own[key] = time.monotonic(), cause
        if not shared:
            return
        self._sequence += 1
        change: dict[str, Any] = {"t": "set", "s": self._sequence, "m": {component_id: shared}}
        if cause.wire is not None:
            change["c"] = cause.wire
        for known in (self._pending, self._newest):
            known.update({(component_id, prop): self._sequence for prop in shared})
        self._unacknowledged.append(change)
        self._send(change)

    def _tell_own(self, since: float) -> None:
        """Send changes that were made while their prop was shared but the page did not know it yet."""
        for (component_id, prop), (at, cause) in list(self._own.items()):
            props = self.view.props.get(component_id, {})
            if at >= since and prop in props and self.is_shared((component_id, prop)):
                self.tell(component_id, {prop: props[prop]}, cause)

    def _mods(self, frame: dict[str, Any]) -> None:
        if not self.loaded:
            self._early.append(frame)
            return
        revision = frame.get("r")
        if revision is not None:
            self._receipts.count_applied()
            if revision <= self._layout_revision:
                return
            self._revision = max(self._revision, revision)
        changed: list[Key] = []
        chain: frozenset[Bound] = frozenset()
        for component_id, props in frame["m"].items():
            for prop, value in props.items():
                key = (component_id, prop)
                if revision is not None:
                    self._own.pop(key, None)
                    if key in self._pending:
                        continue
                elif "f" in frame:
                    if self._newest.get(key, 0) > frame["f"]:
                        continue
                    if frame.get("at", self._layout_revision) < self._layout_revision:
                        # The layout is newer. It shows, unless what is to be undone was laid over it.
                        if prop not in self._covered.get(component_id, ()):
                            continue
                        value = self._covered[component_id][prop]
                elif key in self._pending or frame.get("at", self._layout_revision) < self._layout_revision:
                    continue
                if component_id in self.view.props:
                    kind = "pushed" if revision is None else "shared" if self.is_shared(key) else "push"
                    number = frame["q"] if revision is None else revision
                    before = self.view.props[component_id].get(prop, ...)
                    undone = self._chains.get(key, frozenset()) if "f" in frame else frozenset()
                    self.set(key, value, Cause(kind, (component_id, prop, number)), to_all=revision is not None)
                    if undone:
                        self._chains[key] = undone
                        chain |= undone
                    if self.view.props[component_id].get(prop, ...) != before or prop in EVENT_PROPS:
                        changed.append(key)
        self.calling.changed(changed, chain)

    # ---- tasks

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.changed.set()
        if not task.cancelled() and task.exception() is not None:
            self.notices.append({"level": "error", "title": "tab", "text": repr(task.exception())})
