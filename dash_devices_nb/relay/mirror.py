"""What a relay knows of an app: the layout, the shared values with their revisions, images, and what is said of it.

Sans-I/O: frames of the app come in, in order, by whatever carries them. What the pages have to be told goes to the
audience, and what the app has to be told is returned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Protocol

import orjson

from dash_devices_nb.core.props.event_effects import EFFECTS
from dash_devices_nb.core.props.event_props import MARK
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.json_types import Json
from dash_devices_nb.core.props.layout import EVENT_PROPS
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.store import Store
from dash_devices_nb.core.props.values import PATCH, PatchValue, Value
from dash_devices_nb.core.protocol.frames import Frame
from dash_devices_nb.core.protocol.messages import dumps
from dash_devices_nb.core.protocol.page_frames import RELAY
from dash_devices_nb.core.protocol.version import VERSION
from dash_devices_nb.errors import RemoteError
from dash_devices_nb.remote.receipts import Receipts

LAYOUT, DEPENDENCIES = "_dash-layout", "_dash-dependencies"
Fields = dict[str, Any]
"""The fields of a frame, as JSON has them."""


class Audience(Protocol):
    """The pages of a relay, as the mirror tells them what happens."""

    def restarted(self) -> None:
        """The app has started anew: what the pages have means nothing any more."""

    def shared(self, frame: Frame, revision: int, keys: Iterable[Key]) -> None:
        """Shared values of these props have changed."""

    def own(self, mods: Mods) -> None:
        """Values for the relay's pages alone."""

    def image(self, place: Key, frame: Frame) -> None:
        """There is a new image."""

    def told(self, frame: Fields) -> None:
        """A frame of the app's is for each page alike."""

    def links_changed(self) -> None:
        """Other view links are open."""


class Mirror:
    """One app, as the relay has it.

    Args:
        audience: the pages.

    Attributes:
        epoch: identifies the app's run. "" before the first welcome.
        welcome: the app's last `welcome`.
        role: its last `role`.
        key, links, version: as in its last `relay`.
        store: the shared values, and the components.
        images: the last image of each place.
        own: values that the app has sent to the relay alone. They are for all of its pages, until a shared value
            replaces them.
        standing: frames that hold until others of their type come: `busy`, `paused`.
    """

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._receipts = Receipts()
        self._out: list[Fields] = []
        self.epoch = self._client = self._key = ""
        self._request = 0
        self._requests: dict[int, str] = {}
        self._announced: Fields | None = None
        self.welcome: Fields = {}
        self.role: Fields = {}
        self.key = ""
        self.links: dict[str, int] = {}
        self.version = 0
        self.standing: dict[str, Fields] = {}
        self._forget()

    def _forget(self) -> None:
        """Nothing is known of the app's state."""
        self.store = Store(lambda key: True)
        self.images: dict[Key, Frame] = {}
        self.own: Mods = {}
        self._tree = b""
        self.dependencies = b""
        self._synced = False
        self._early: list[tuple[Fields, bytes]] = []
        self._layout: tuple[int, bytes] = (-1, b"")

    @property
    def ready(self) -> bool:
        """Whether pages can be served."""
        return bool(self._tree and self.dependencies and self._synced and self.role)

    @property
    def revision(self) -> int:
        """The revision of the shared values."""
        return self.store.state.revision

    @property
    def known(self) -> int:
        """The revision up to which everything is known."""
        return self.revision if self._synced else 0

    def greeting(self) -> Fields:
        """The first frame of a connection."""
        known = {"client": self._client, "key": self._key, "epoch": self.epoch}
        self._requests.clear()
        return {"t": "hello", "v": VERSION, "kind": RELAY, **known, "rev": self.known, "q": self._receipts.number}

    def start_anew(self) -> None:
        """Forget the app: something did not fit, so all of it is asked for again."""
        self.epoch = self._client = self._key = ""
        self._forget()

    # ---- what comes

    def receive(self, message: str | bytes) -> list[Fields]:
        """Take a message of the app's. Returns the frames that go up.

        Raises:
            RemoteError: the app speaks another version of the protocol.
            DashDevicesError, ValueError, KeyError, TypeError: the message does not fit what is known. Start anew.
        """
        if isinstance(message, bytes):
            self._image(message)
        else:
            frame: Fields = orjson.loads(message)
            self._receipts.came(frame)
            self._frame(frame, message)
        if self._receipts.due(len(message)):
            self._out.append({"t": "ok"})
        out, self._out = self._out, []
        return [self._receipts.stamped(each) for each in out]

    def _frame(self, frame: Fields, text: str) -> None:
        match frame["t"]:
            case "welcome":
                self._welcomed(frame)
            case "mods" if "r" in frame:
                self._receipts.count_applied()
                if self._tree:
                    self._shared(frame, text.encode())
                else:
                    self._early.append((frame, text.encode()))
            case "mods":
                values = [(each, *item) for each, props in frame["m"].items() for item in props.items()]
                mods: Mods = {(each, prop): Value.of(value) for each, prop, value in values}
                if "at" in frame:  # the relay was given others alone, before these
                    for key in mods:
                        self.own.pop(key, None)
                else:
                    self.own.update(
                        {(each, prop): mods[each, prop] for each, prop, value in values if is_plain(prop, value)}
                    )
                self._audience.own(mods)
            case "res" if (path := self._requests.pop(frame["n"], None)) is not None:
                self._answered(path, frame)
            case "role":
                self.role = {**self.role, **frame}
                self._audience.told(frame)
            case "relay":
                self.key, self.links, self.version = frame["key"], frame["links"], frame["version"]
                self._audience.links_changed()
            case "shared":
                self.welcome["shared"] = frame["refs"]
                self._audience.told(frame)
            case "dependencies":
                self.welcome |= {"shared": frame["refs"], **{name: frame[name] for name in ("causes", "coroutines")}}
                self.dependencies = dumps(frame["content"]).encode()
                self._audience.told(frame)
            case "reload":
                self._announced = frame
                self._ask()
            case "busy" | "paused":
                self.standing[frame["t"]] = frame
                self._audience.told(frame)
            case "notice":
                self._audience.told(frame)
            case "get":
                self._out.append({"t": "got", "n": frame["n"], "value": None})

    def _welcomed(self, frame: Fields) -> None:
        if frame.get("v") != VERSION:
            raise RemoteError(
                f"The app speaks version {frame.get('v', 0)} of the protocol, this relay version {VERSION}: "
                "upgrade the older."
            )
        anew = frame["epoch"] != self.epoch
        self._client, self._key, self.epoch = frame["client"], frame["key"], frame["epoch"]
        self._receipts.welcomed(frame)
        self.welcome = frame
        self.standing.clear()
        if anew:
            self._forget()
            self._audience.restarted()
        if not (self._tree and self.dependencies) or not frame["resumed"]:
            self._ask()

    def _ask(self) -> None:
        """Ask for the layout and the callbacks."""
        self._requests.clear()
        for path in (DEPENDENCIES, LAYOUT):
            self._request += 1
            self._requests[self._request] = path
            self._out.append({"t": "req", "n": self._request, "path": path, "query": "", "body": None})

    def _answered(self, path: str, frame: Fields) -> None:
        if frame["s"] != 200:
            raise RemoteError(f"The app has no {path} to show ({frame['s']}: {frame['b']!s:.200}).")
        if path == DEPENDENCIES:
            self.dependencies = dumps(frame["b"]).encode()
            return
        tree, revision = frame["b"], frame.get("r", 0)
        self._tree = dumps(tree).encode()
        self._layout = (-1, b"")
        self.store.replace_layout(tree)
        early, self._early = self._early, []
        for each, text in early:
            if each["r"] > revision:
                self._shared(each, text)
            else:
                self._shared({**each, "m": self._as_laid_out(each["m"])}, text)
        if self._announced is not None:
            self._audience.told(self._announced)
            self._announced = None

    def _as_laid_out(self, mods: Fields) -> Fields:
        """Values whose effect is in the layout already: those of events and patches are taken from there."""
        plain: Fields = {}
        for component_id, props in mods.items():
            for prop, value in props.items():
                place = _effect_of(prop, value)
                if place is None:
                    plain.setdefault(component_id, {})[prop] = value
                elif place and component_id in self.store.layout:
                    plain.setdefault(component_id, {})[place] = self.store.layout.initial(component_id, place)
        return plain

    def _shared(self, frame: Fields, text: bytes) -> None:
        """Apply shared values of a revision, and hand them on as they came."""
        state = self.store.state
        _, stored = self.store.prepare(
            {key: value for key, value in read_mods(frame["m"]).items() if not isinstance(value, Passing)}
        )
        state.reach(frame["r"])
        for key, value in stored.items():
            state.set(key, value)
            self.own.pop(key, None)  # pages that come later must not get it over this
            self.images.pop(key, None)
        self._synced = True
        self._audience.shared(Frame([text]), frame["r"], stored)

    def _image(self, message: bytes) -> None:
        size = int.from_bytes(message[:2], "big")
        header = orjson.loads(message[2 : 2 + size])
        place = header["id"], header["prop"]
        self.images[place] = Frame(message)
        self._out.append({"t": "shown", "id": place[0], "prop": place[1]})
        self._audience.image(place, self.images[place])

    # ---- what pages get

    def layout(self) -> tuple[int, bytes]:
        """The layout with the shared values laid over it, and its revision."""
        if self._layout[0] != self.revision:
            tree = orjson.loads(self._tree)
            self.store.lay_over(tree)
            self._layout = self.revision, dumps(tree).encode()
        return self._layout

    def since(self, revision: int) -> tuple[int, Mods]:
        """The values that are newer than a revision, and the revision that they make."""
        return self.revision, {key: entry.value for key, entry in self.store.state.since(revision).items()}

    @property
    def pushed(self) -> list[list[str]]:
        """The props that have a shared or pushed value."""
        return [list(key) for key, _ in self.store.state.items()]

    def crowd(self, pages: int) -> Fields:
        """The frame that says how many pages there are."""
        return self._receipts.stamped({"t": "crowd", "n": pages})

    def watch(self, ids: Collection[str]) -> Fields:
        """The frame that says which components on demand the pages show. The relay gets the changes of all."""
        return self._receipts.stamped({"t": "watch", "ids": dict.fromkeys(sorted(ids))})

    def ping(self) -> Fields:
        """A frame that says nothing new."""
        return self._receipts.stamped({"t": "ping"})


class Passing(Value):
    """An event of which nothing is kept."""

    __slots__ = ()


def read_mods(given: Fields) -> Mods:
    """Read the values of a frame. Of an event's value, the mark is taken off where it has an effect."""
    mods: Mods = {}
    for component_id, props in given.items():
        for prop, value in props.items():
            key = component_id, prop
            if isinstance(value, dict) and MARK in value:
                mods[key] = Value.of(value[MARK]) if prop in EFFECTS else Passing(dumps(value).encode())
            elif isinstance(value, dict) and PATCH in value:
                mods[key] = PatchValue(dumps(value).encode(), value["operations"])
            else:
                mods[key] = Value.of(value)
    return mods


def is_plain(prop: str, value: Json) -> bool:
    """Whether a value is no event and no patch."""
    return _effect_of(prop, value) is None


def _effect_of(prop: str, value: Json) -> str | None:
    """The prop that has the effect of an event or a patch, "" if none has. None: the value is a plain one."""
    if prop in EVENT_PROPS:
        return EFFECTS[prop]
    if isinstance(value, dict) and MARK in value:
        return EFFECTS.get(prop, "")
    return prop if isinstance(value, dict) and PATCH in value else None
