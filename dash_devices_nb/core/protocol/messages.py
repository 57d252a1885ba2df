"""The frames that the app sends: JSON texts, `t` is the type.

Images are binary (`app/delivery/images.py`), and so are values with arrays, for pages that take these.

`client/types.d.ts` has the same types under the same names. `docs/architecture.md` says what each is for.
"""

from __future__ import annotations

import enum
import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar, Final

import orjson

from dash_devices_nb.core.props.arrays import aligned
from dash_devices_nb.core.props.ids import Key, Ref, Wild
from dash_devices_nb.core.props.json_types import Json
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.protocol.outbox import SAY
from dash_devices_nb.core.protocol.version import VERSION


def dumps(value: object) -> str:
    """Write an object of the program as JSON text.

    The slow writer takes what the fast one refuses: half a surrogate pair, a number of more than 64 bits, deep nesting.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(value, separators=(",", ":"))


class Unset(enum.Enum):
    """The type of `UNSET`."""

    UNSET = enum.auto()


UNSET: Final = Unset.UNSET
"""Stands for a field that a frame does not have. None is a value: null."""


@dataclass(frozen=True, slots=True)
class AppFrame:
    """A frame of the app.

    Attributes:
        t: its type, as the page reads it.
        numbered: whether it is reliable. It then has a number, `q`, and is sent again until the page acknowledges it.
    """

    t: ClassVar[str]
    numbered: ClassVar[bool] = False

    def encoded(self, number: int | None = None, *, arrays: bool = False) -> str | bytes | list[bytes]:
        """The JSON, as text or as parts of UTF-8, or bytes: a binary frame.

        Args:
            number: that of a numbered frame.
            arrays: whether arrays may be sent as bytes.
        """
        fields: dict[str, object] = {"t": self.t}
        if number is not None:
            fields["q"] = number
        names: tuple[str, ...] = self.__match_args__
        for name in names:
            value = getattr(self, name)
            if value is not UNSET:
                fields[name] = value
        return dumps(fields)


@dataclass(frozen=True, slots=True)
class WelcomeFrame(AppFrame):
    """The answer to the page's `hello`.

    Attributes:
        client, key, epoch: who the page is, and in which run of the app.
        resumed: whether its session goes on.
        s, n: the numbers of its last change and of its last request that were taken.
        shared: the shared dependencies.
        causes: what the program says about the causes of changes.
        pushed: the props that have a shared or pushed value.
        holds, coroutines: what a busy kernel holds up, and whether there are coroutine callbacks.
        say: after how many bytes, and frames, the page says what it has applied (`outbox.SAY`).
        v: the version of the protocol that the app speaks.
    """

    t: ClassVar[str] = "welcome"
    client: str
    key: str
    epoch: str
    resumed: bool
    s: int
    n: int
    shared: list[Json]
    causes: list[list[Json]]
    pushed: list[list[str]]
    holds: str
    coroutines: bool
    say: tuple[int, int] = SAY
    v: int = VERSION


@dataclass(frozen=True, slots=True)
class AckFrame(AppFrame):
    """All changes of the page up to `s` are ordered."""

    t: ClassVar[str] = "ack"
    s: int

    def encoded(self, number: int | None = None, *, arrays: bool = False) -> str:
        """One goes with each change: the short way."""
        return f'{{"t":"ack","s":{self.s}}}'


@dataclass(frozen=True, slots=True)
class SharedModsFrame(AppFrame):
    """Values of the shared state, of revision `r`. It is encoded once for all pages."""

    t: ClassVar[str] = "mods"
    m: Mods
    r: int

    @property
    def has_arrays(self) -> bool:
        """Whether pages that take arrays as bytes get another message than others."""
        return _has_arrays(self.m)

    def encoded(self, number: int | None = None, *, arrays: bool = False) -> bytes | list[bytes]:
        """The parts are the values' own JSON."""
        return _values(b'{"t":"mods","r":%d' % self.r, self.m, arrays=arrays)


@dataclass(frozen=True, slots=True)
class OwnModsFrame(AppFrame):
    """Values for one page.

    With `f`, they undo the page's changes up to this number, and count even if the page shows equal ones.
    With `at`, they are values of the shared state at this revision: a newer layout has newer ones.
    """

    t: ClassVar[str] = "mods"
    numbered: ClassVar[bool] = True
    m: Mods
    f: int | Unset = UNSET
    at: int | Unset = UNSET

    def encoded(self, number: int | None = None, *, arrays: bool = False) -> bytes | list[bytes]:
        """The parts are the values' own JSON."""
        head = b'{"t":"mods","q":%d' % (number or 0)
        if self.f is not UNSET:
            head += b',"f":%d' % self.f
        if self.at is not UNSET:
            head += b',"at":%d' % self.at
        return _values(head, self.m, arrays=arrays)


def _has_arrays(mods: Mods) -> bool:
    return any(value.arrays is not None for value in mods.values())


def _values(head: bytes, mods: Mods, *, arrays: bool) -> bytes | list[bytes]:
    """A `mods` frame that begins with `head`. With `arrays` it is binary, if a value has some."""
    if not arrays or not _has_arrays(mods):
        return _mods(head, mods, {})
    placed: dict[Key, list[bytes]] = {}
    data: list[bytes] = []
    offset = 0
    for key, value in mods.items():
        if value.arrays is not None:
            placed[key], more = value.arrays.placed(offset)
            data += more
            offset += sum(map(len, more))
    json = [b'{"a":', orjson.dumps([*placed]), b',"frame":', *_mods(head, mods, placed), b"}"]
    return _binary(json, data)


BINARY_HEAD = struct.Struct("!II")
"""How a binary frame begins: a zero, which no image has there, and the length of the JSON that follows: the frame, and
which of its values have arrays. The bytes of these begin at the next multiple of `ALIGNMENT`."""


def _binary(json: list[bytes], data: list[bytes]) -> bytes:
    length = sum(map(len, json))
    head = BINARY_HEAD.pack(0, length)
    padding = bytes(aligned(len(head) + length) - len(head) - length)
    return b"".join((head, *json, padding, *data))


def _mods(head: bytes, mods: Mods, placed: Mapping[Key, list[bytes]]) -> list[bytes]:
    by_id: dict[str, list[bytes]] = {}
    for key, value in mods.items():
        name, json = orjson.dumps(key[1]), placed.get(key) or (value.json,)
        by_id.setdefault(key[0], []).extend((b",", name, b":", *json))
    parts = [head, b',"m":{']
    for component_id, props in by_id.items():
        parts += orjson.dumps(component_id), b":{", *props[1:], b"},"
    parts[-1] = b"}}}" if by_id else b',"m":{}}'
    return parts


@dataclass(frozen=True, slots=True)
class DoneFrame(AppFrame):
    """The answer to a `set` of a program, which pages do not get: they have `ack` and `mods`.

    Attributes:
        s: the number of the `set`.
        r: the revision at which it was made. Of a refused one, the revision of `m`; 0 without `m`.
        why: why it was refused (`sessions.changes.Why`); "" if it was made.
        text: the same in a sentence.
        m: the current values where others were faster, `{id: {prop: value}}`.
    """

    t: ClassVar[str] = "done"
    numbered: ClassVar[bool] = True
    s: int
    r: int
    why: str = ""
    text: str = ""
    m: Json | Unset = UNSET


@dataclass(frozen=True, slots=True)
class AnswerFrame(AppFrame):
    """The answer to a request.

    Attributes:
        n: the number of the request.
        s: the HTTP status.
        b: the body, as JSON text.
        r: the revision of the values of the components in it.
        own: of a layout: the number of the page's last change that is in it, or was refused.
        ch: answers foreseen for `chain=True`.
        ck: a ticket with which the page fetches cookies.
    """

    t: ClassVar[str] = "res"
    numbered: ClassVar[bool] = True
    n: int
    s: int
    b: str
    r: int | Unset = UNSET
    own: int | Unset = UNSET
    ch: object = UNSET
    ck: str | Unset = UNSET

    def encoded(self, number: int | None = None, *, arrays: bool = False) -> str:
        """The body is not encoded twice."""
        head = f'{{"t":"res","q":{number or 0},"n":{self.n},"s":{self.s}'
        for name, value in (("r", self.r), ("own", self.own), ("ch", self.ch), ("ck", self.ck)):
            if value is not UNSET:
                head += f',"{name}":{dumps(value)}'
        return f'{head},"b":{self.b or "null"}}}'


@dataclass(frozen=True, slots=True)
class SharedFrame(AppFrame):
    """Which props are shared now, and which have a value. For a page from which that was withheld."""

    t: ClassVar[str] = "shared"
    refs: list[Json]
    pushed: list[list[str]]


@dataclass(frozen=True, slots=True)
class NoticeFrame(AppFrame):
    """Show this to the person; with `html`, in Dash's own error panel. `level`: "info", "warning" or "error"."""

    t: ClassVar[str] = "notice"
    numbered: ClassVar[bool] = True
    level: str
    text: str
    title: str = ""
    html: str = ""


@dataclass(frozen=True, slots=True)
class RoleFrame(AppFrame):
    """What this page may do now, and who has the floor.

    Attributes:
        role, rights: of its client.
        name: its client's name.
        guest: whether it came by a share link.
        ask: whether to ask the person for a name.
        floor: the state of the floor.
        holder: the name of who has the floor; "" if nobody has.
        mine: whether that is this person.
        place: the place of this client among those who ask; 0: it does not ask.
        asking: how many ask, for the owner.
        left: seconds until the floor is taken back. None: it is not.
        needs: which roles changes require, `[id or pattern, prop, role, shared]` each.
    """

    t: ClassVar[str] = "role"
    role: str
    rights: str
    name: str
    guest: bool
    ask: bool
    floor: str
    holder: str
    mine: bool
    place: int
    asking: int
    left: float | None = None
    needs: list[list[Json]] | Unset = UNSET


@dataclass(frozen=True, slots=True)
class QuestionFrame(AppFrame):
    """A question to the person, by `app.ask()`. With `n` 0, none is asked now.

    Attributes:
        n: its number.
        text, options: the question, and the possible answers.
        mine: the index of the option that this person has chosen, or None.
        open: whether answers are taken.
        may: whether this page may answer.
        counts: how many have chosen each option. None: this page does not see that.
    """

    t: ClassVar[str] = "question"
    n: int
    text: str
    options: list[str]
    mine: int | None
    open: bool
    may: bool
    counts: list[int] | None


@dataclass(frozen=True, slots=True)
class BusyFrame(AppFrame):
    """A cell holds up callbacks, as `text` says; "": no longer."""

    t: ClassVar[str] = "busy"
    text: str


@dataclass(frozen=True, slots=True)
class PausedFrame(AppFrame):
    """Calls are paused, and so many wait. None: they are not paused any more."""

    t: ClassVar[str] = "paused"
    waiting: int | None


@dataclass(frozen=True, slots=True)
class LagFrame(AppFrame):
    """The callbacks that the page caused start so late."""

    t: ClassVar[str] = "lag"
    seconds: float


@dataclass(frozen=True, slots=True)
class DependenciesFrame(AppFrame):
    """The callbacks have changed.

    Attributes:
        refs: the shared dependencies.
        causes: what the program says about the causes of changes.
        content: the regular and clientside callbacks, as stock Dash gives them.
        socket: the callbacks that the page requests over the WebSocket.
        scripts: the texts of the clientside callbacks.
        again: the outputs of those that the page calls once more.
        coroutines: whether there are coroutine callbacks.
        age: how long ago they have changed, in seconds.
    """

    t: ClassVar[str] = "dependencies"
    numbered: ClassVar[bool] = True
    refs: list[Json]
    causes: list[list[Json]]
    content: Json
    socket: list[str]
    scripts: list[str]
    again: list[str]
    coroutines: bool
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class ReloadFrame(AppFrame):
    """The layout has changed. `dist`: the libraries that the page may not have."""

    t: ClassVar[str] = "reload"
    numbered: ClassVar[bool] = True
    dist: object


@dataclass(frozen=True, slots=True)
class GetFrame(AppFrame):
    """Ask for the value of a prop on the page, or for the part of it at `path`. `prop`: None for all props."""

    t: ClassVar[str] = "get"
    numbered: ClassVar[bool] = True
    n: int
    id: str
    prop: str | None
    path: list[str | int] | Unset = UNSET


@dataclass(frozen=True, slots=True)
class PongFrame(AppFrame):
    """The answer to a `ping`."""

    t: ClassVar[str] = "pong"


@dataclass(frozen=True, slots=True)
class UnreadFrame(AppFrame):
    """The frame with number `f` on this connection could not be read: what it carried is lost."""

    t: ClassVar[str] = "unread"
    f: int


@dataclass(frozen=True, slots=True)
class RelayFrame(AppFrame):
    """What a relay needs to know to let pages in, beside their role.

    Attributes:
        key: checks the tokens of view links. Tokens of other links have another key.
        links: the view links that have not ended, by id, with the second since the epoch at which each ends.
        version: a number that grows with each change of callbacks or layout.
    """

    t: ClassVar[str] = "relay"
    key: str
    links: dict[str, int]
    version: int


@dataclass(frozen=True, slots=True)
class VideoHeader:
    """What a page has to know of a unit of a video.

    Attributes:
        key: whether it is a key frame.
        codec: what the decoder has to be able to do, as `VideoDecoder.configure` takes it.
        at: its time, in microseconds.
    """

    key: bool
    codec: str
    at: int


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The header of an image, a binary frame: two bytes with the length of the header, the header, the image.

    Attributes:
        id, prop: where the image belongs.
        mime: its media type, or "raw".
        w, h, d: the width, height and depth of a raw one; of a unit of a video the width and height.
        v: of a unit of a video.
        of: the media type of the video whose picture this is, for a page that cannot decode the video.
    """

    id: str
    prop: str
    mime: str
    w: int | Unset = UNSET
    h: int | Unset = UNSET
    d: int | Unset = UNSET
    v: VideoHeader | Unset = UNSET
    of: str | Unset = UNSET

    def encoded(self) -> bytes:
        """The length and the JSON."""
        fields = {name: getattr(self, name) for name in self.__match_args__}
        if not isinstance(self.v, Unset):
            fields["v"] = asdict(self.v)
        head = dumps({name: value for name, value in fields.items() if value is not UNSET}).encode()
        return len(head).to_bytes(2, "big") + head


def ref_json(ref: Ref) -> list[Json]:
    """A shared dependency, as pages get it: [id, prop], or [{key: value or null for a wildcard}, prop]."""
    if not ref.pattern:
        return [ref.id, ref.prop]
    return [{key: None if isinstance(value, Wild) else value for key, value in ref.pattern}, ref.prop]
