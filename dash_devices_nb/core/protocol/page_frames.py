"""The frames that a page sends. Each is one type, and is read here only.

`client/types.d.ts` has the same types under the same names. `docs/architecture.md` says what each is for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from dash_devices_nb.core.access import rate_limits
from dash_devices_nb.core.callbacks.propagation import BY_PUSH, Cause, CauseKind
from dash_devices_nb.core.props import json_limits
from dash_devices_nb.core.props.event_props import MARK
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.json_types import Json
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.values import PATCH, PatchValue, Value
from dash_devices_nb.core.protocol.messages import dumps
from dash_devices_nb.core.protocol.version import VERSION
from dash_devices_nb.errors import FrameError

CALLBACK_PATH = "_dash-update-component"
LAYOUT_PATH = "_dash-layout"
LOADING_PATHS = (LAYOUT_PATH, "_dash-dependencies")
"""What a page needs before it shows, and applies, anything."""
PATHS = (*LOADING_PATHS, CALLBACK_PATH, "_reload-hash")
"""The paths that a page may request over its WebSocket."""
MOST_STEPS = 64
"""The longest path into a value that a component has changed in place."""

PAGE, PROGRAM, RELAY = "page", "program", "relay"
"""What may open a session."""
H264 = "h264"
CODECS = frozenset({H264})
"""The codecs of videos."""
NEEDS_KEY, NEEDS_IMAGES = "key", "images"
"""What a page may lack for a video."""

Message: TypeAlias = dict[str, Json]


@dataclass(frozen=True, slots=True)
class PageFrame:
    """What any frame of a page says.

    Attributes:
        t: its type, as the page writes it.
        confirmed: `q`, the page has all of its own frames up to this number. None: it does not say.
        applied: `k`, the page has applied so many shared frames on this connection. None: it does not say.
        named: how many ids and props it names, if that was counted.
    """

    t: ClassVar[str]
    confirmed: int | None
    applied: int | None
    named: int


@dataclass(frozen=True, slots=True)
class HelloFrame(PageFrame):
    """The first frame of a connection: who the page was, and what it has. Empty texts and zeros: nothing yet.

    Attributes:
        client, key, epoch: as the last `welcome` has said.
        revision: the revision of the shared state that it has.
        version: of the protocol that it speaks. Pages that do not say so are older than the field.
        kind: "page", "program" or "relay".
        arrays: whether it takes arrays of numbers as bytes, in binary frames.
        video: the codecs that it can decode, of `CODECS`. It gets images in the place of others.
    """

    t: ClassVar[str] = "hello"
    client: str
    key: str
    epoch: str
    revision: int
    version: int = VERSION
    kind: str = PAGE
    arrays: bool = False
    video: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SetFrame(PageFrame):
    """Changes of shared props that one event has made.

    Attributes:
        sequence: the number of the frame among the changes of this page.
        mods: the values.
        cause: None for a person.
        if_revision: change nothing if one of the props was changed after this revision. None: in any case.
    """

    t: ClassVar[str] = "set"
    sequence: int
    mods: Mods
    cause: Cause | None
    if_revision: int | None = None


@dataclass(frozen=True, slots=True)
class RequestFrame(PageFrame):
    """A request for one of `PATHS`. The `body` of a request for a callback is a dict."""

    t: ClassVar[str] = "req"
    number: int
    path: str
    query: str
    body: Json
    cause: Cause | None


@dataclass(frozen=True, slots=True)
class OkFrame(PageFrame):
    """Nothing but the acknowledgements."""

    t: ClassVar[str] = "ok"


@dataclass(frozen=True, slots=True)
class ShownFrame(PageFrame):
    """The image at this place is on the screen.

    Attributes:
        place: (id, prop).
        count: how many images, or units of a video, were shown or passed over since the last such frame.
        lacks: what it takes to go on: "", a "key" frame, or "images" in the place of a video that it cannot decode.
    """

    t: ClassVar[str] = "shown"
    place: Key
    count: int = 1
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class PingFrame(PageFrame):
    """A sign of life. `rtt`: the last measured round trip, in seconds. None: not measured."""

    t: ClassVar[str] = "ping"
    rtt: float | None


@dataclass(frozen=True, slots=True)
class GotFrame(PageFrame):
    """The answer to the `get` frame with this number."""

    t: ClassVar[str] = "got"
    number: int
    value: Json


@dataclass(frozen=True, slots=True)
class WantFrame(PageFrame):
    """Components have come late, or changes were dropped.

    Attributes:
        revisions: these components have come, each with the first revision that the page has missed.
        lost: the props of changes that the app could not read, and that the page has dropped.
    """

    t: ClassVar[str] = "want"
    revisions: dict[str, int]
    lost: list[Key]


@dataclass(frozen=True, slots=True)
class HereFrame(PageFrame):
    """The page has made components of its own, and has removed some (`gone`)."""

    t: ClassVar[str] = "here"
    ids: list[str]
    gone: list[str]


@dataclass(frozen=True, slots=True)
class FloorFrame(PageFrame):
    """The person requests the floor, or (without `want`) returns it."""

    t: ClassVar[str] = "floor"
    want: bool


@dataclass(frozen=True, slots=True)
class NameFrame(PageFrame):
    """The person gives a name."""

    t: ClassVar[str] = "name"
    name: str


@dataclass(frozen=True, slots=True)
class ChoiceFrame(PageFrame):
    """Its person answers the question `poll` with the option of this index."""

    t: ClassVar[str] = "choice"
    poll: int
    option: int


@dataclass(frozen=True, slots=True)
class LookFrame(PageFrame):
    """The person looks at the page now, or does not: the tab is in the background, or the screen is off."""

    t: ClassVar[str] = "look"
    visible: bool


@dataclass(frozen=True, slots=True)
class CrowdFrame(PageFrame):
    """A relay has so many pages now."""

    t: ClassVar[str] = "crowd"
    pages: int


@dataclass(frozen=True, slots=True)
class WatchFrame(PageFrame):
    """Of the components that are sent on demand only, the page shows these from now on, and no others.

    Attributes:
        revisions: for each id the revision from which on the page may lack changes of it. None: it lacks none.
    """

    t: ClassVar[str] = "watch"
    revisions: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class ByeFrame(PageFrame):
    """The tab is closed."""

    t: ClassVar[str] = "bye"


def parse(data: str | bytes, *, counts: bool = False) -> PageFrame:
    """Parse a frame.

    Args:
        data: the frame.
        counts: count what it names. More than `rate_limits.MOST_NAMED` are refused before they are read.

    Raises:
        FrameError: it is no frame, or exceeds a limit (see `json_limits`). The message has the path to the fault.
    """
    message = json_limits.read(data, "a frame")
    if not isinstance(message, dict) or not isinstance(kind := message.get("t"), str):
        raise FrameError(f"a frame is a JSON object with a type 't', not {_short(message)}")
    reader = _READERS.get(kind)
    if reader is None:
        raise FrameError(f"{kind[:60]!r} is not a type of frame; a page sends {FROM_PAGES}")
    count = named(message) if counts else 0
    if count > rate_limits.MOST_NAMED:
        raise FrameError(f"a frame names {count} ids and props, at most {rate_limits.MOST_NAMED} are taken at a time")
    confirmed = _whole(message, kind, "q") if "q" in message else None
    return reader(message, confirmed, _whole(message, kind, "k") if "k" in message else None, count)


def named(message: Message) -> int:
    """Count the ids and props that a frame names. Each costs the app time, however short it is."""
    count = 0
    for name in ("m", "ids"):
        given = message.get(name)
        if isinstance(given, dict):
            count += len(given) + sum(len(each) for each in given.values() if isinstance(each, dict | list))
    for name in ("ids", "gone"):
        given = message.get(name)
        count += len(given) if isinstance(given, list) else 0
    edits = message.get("e")
    for each in edits if isinstance(edits, list) else ():
        count += 1 + (len(each[2]) if isinstance(each, list) and len(each) > 2 and isinstance(each[2], list) else 0)
    return count + _named_by(message.get("body"))


def _named_by(body: Json) -> int:
    """The same for the body of a request for a callback."""
    if not isinstance(body, dict):
        return 0
    output = body.get("output")
    count = output.count("...") if isinstance(output, str) else 0
    for name in ("outputs", "inputs", "state", "changedPropIds"):
        given = body.get(name)
        for each in given if isinstance(given, list) else ():
            count += len(each) if isinstance(each, list) else 1
    return count


# ---- the fields of a frame


def _short(given: Json) -> str:
    """A value for a message, as JSON."""
    text = dumps(given)
    return text if len(text) <= 60 else text[:60] + "…"


def _at(kind: str, *path: str | int) -> str:
    """The path to a value in a frame, for a message: `set.m["slider"]["value"]`."""
    return f"{kind}.{path[0]}" + "".join(f"[{_short(step)}]" for step in path[1:])


def _wrong(expected: str, given: Json, kind: str, *path: str | int) -> FrameError:
    return FrameError(f"{_at(kind, *path)}: expected {expected}, got {_short(given)}")


def _whole(message: Message, kind: str, name: str, default: Json = None) -> int:
    value = message.get(name, default)
    if type(value) is not int or value < 0:  # not isinstance: true is an int of Python's
        raise _wrong("a whole number", value, kind, name)
    return value


def _text(message: Message, kind: str, name: str, default: Json = None) -> str:
    value = message.get(name, default)
    if not isinstance(value, str):
        raise _wrong("a string", value, kind, name)
    return value


def _flag(message: Message, kind: str, name: str) -> bool:
    value = message.get(name)
    if not isinstance(value, bool):
        raise _wrong("true or false", value, kind, name)
    return value


def _ids(message: Message, kind: str, name: str) -> list[str]:
    given = message.get(name, [])
    if not isinstance(given, list):
        raise _wrong("a list of ids", given, kind, name)
    ids: list[str] = []
    for number, each in enumerate(given):
        if not isinstance(each, str):
            raise _wrong("an id", each, kind, name, number)
        json_limits.checked(each, "")
        ids.append(each)
    return ids


def _seconds(message: Message, kind: str, name: str) -> float | None:
    """A duration, converted from milliseconds."""
    value = message.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise _wrong("a number of milliseconds", value, kind, name)
    return value / 1000


def _object(message: Message, kind: str, name: str, expected: str, default: Json = None) -> Message:
    given = message.get(name, default)
    if not isinstance(given, dict):
        raise _wrong(expected, given, kind, name)
    return given


def _cause(message: Message, kind: str, whose: tuple[str, str]) -> Cause | None:
    """`c` and `w`: what caused a change or a request. None: a person."""
    given = message.get("c")
    who = message.get("w")
    if who is not None and who not in whose:
        raise _wrong(" or ".join(map(repr, whose)), who, kind, "w")
    if given is None and not who:
        return None
    how = CauseKind(who or "")
    if given is None or given == []:
        return Cause(kind=CauseKind.ANSWER if how in BY_PUSH else how)
    match given:
        case [str(component_id), str(prop), int(revision)]:
            return Cause((component_id, prop), revision, how)
    raise _wrong("[], or [id, prop, revision]", given, kind, "c")


def is_plain(value: Json) -> bool:
    """Whether a value is no Patch and no event, which are the app's to send."""
    return not (isinstance(value, dict) and (PATCH in value or MARK in value))


def _mods(message: Message) -> Mods:
    """`m` and `e` of a `set` frame."""
    mods: Mods = {}
    for component_id, props in _object(message, "set", "m", "{id: {prop: value}}").items():
        if not isinstance(props, dict):
            raise _wrong("{prop: value}", props, "set", "m", component_id)
        for prop, value in props.items():
            if len(component_id) > json_limits.LONGEST_ID or len(prop) > json_limits.LONGEST_PROP:
                json_limits.checked(component_id, prop)
            if not is_plain(value):
                raise FrameError(
                    f"{_at('set', 'm', component_id, prop)}: a page sets values; a Patch, or an event, which others "
                    "would apply to theirs, is the program's to send"
                )
            mods[component_id, prop] = Value.of(value)
    if "e" in message:
        mods.update(_edits(message["e"]))
    return mods


def _edits(given: Json) -> Mods:
    """`e` of a `set` frame: what components have changed in place, `[id, prop, [[path, value], ...]]` each."""
    edits: dict[Key, list[Message]] = {}
    for number, item in enumerate(given if isinstance(given, list) else [given]):
        match item:
            case [str(component_id), str(prop), [_, *_] as places] if all(map(_is_place, places)):
                json_limits.checked(component_id, prop)
                edits.setdefault((component_id, prop), []).extend(
                    {"operation": "Assign", "location": place[0], "params": {"value": place[1]}}
                    for place in places
                    if isinstance(place, list)  # as `_is_place` has found
                )
            case _:
                where = ("e", number) if isinstance(given, list) else ("e",)
                raise _wrong(
                    "[id, prop, [[path, value], ...]] with paths of 1 to 64 keys and places", item, "set", *where
                )
    return {
        key: PatchValue(dumps({PATCH: PATCH, "operations": operations}).encode(), operations)
        for key, operations in edits.items()
    }


def _is_place(given: Json) -> bool:
    if not (isinstance(given, list) and len(given) == 2 and isinstance(given[0], list)):
        return False
    if not 0 < len(given[0]) <= MOST_STEPS:  # else edits would nest a value without end
        return False
    return all(type(step) is str or (type(step) is int and step >= 0) for step in given[0])


# ---- the types of frames: the first three arguments of each are those of `PageFrame`


def _hello(message: Message, confirmed: int | None, applied: int | None, named: int) -> HelloFrame:
    client, key, epoch = (_text(message, "hello", name, "") for name in ("client", "key", "epoch"))
    revision, version = _whole(message, "hello", "rev", 0), _whole(message, "hello", "v", VERSION)
    kind = message.get("kind", PAGE)
    if kind not in (PAGE, PROGRAM, RELAY):
        raise _wrong(f"{PAGE!r}, {PROGRAM!r} or {RELAY!r}", kind, "hello", "kind")
    arrays = message.get("arrays", False)
    if not isinstance(arrays, bool):
        raise _wrong("true or false", arrays, "hello", "arrays")
    given = message.get("video", [])
    if not isinstance(given, list):
        raise _wrong("a list of codecs", given, "hello", "video")
    video = CODECS.intersection(each for each in given if isinstance(each, str))  # later pages may name others
    return HelloFrame(confirmed, applied, named, client, key, epoch, revision, version, str(kind), arrays, video)


def _set(message: Message, confirmed: int | None, applied: int | None, named: int) -> SetFrame:
    sequence = _whole(message, "set", "s")
    mods = _mods(message)
    caused = "c" in message or "w" in message  # not by a person
    cause = _cause(message, "set", ("said", "kept")) if caused else None
    if_revision = _whole(message, "set", "r") if "r" in message else None
    return SetFrame(confirmed, applied, named, sequence, mods, cause, if_revision)


def _request(message: Message, confirmed: int | None, applied: int | None, named: int) -> RequestFrame:
    number, path = _whole(message, "req", "n"), _text(message, "req", "path")
    if path not in PATHS:
        raise FrameError(
            f"req.path: {path[:60]!r} cannot be requested over the WebSocket; accepted are {', '.join(PATHS)}"
        )
    body = message.get("body")
    if path == CALLBACK_PATH and not isinstance(body, dict):
        raise _wrong("the body of a callback, an object", body, "req", "body")
    query, cause = _text(message, "req", "query", ""), _cause(message, "req", ("pushed", "own"))
    return RequestFrame(confirmed, applied, named, number, path, query, body, cause)


def _ok(message: Message, confirmed: int | None, applied: int | None, named: int) -> OkFrame:
    return OkFrame(confirmed, applied, named)


def _shown(message: Message, confirmed: int | None, applied: int | None, named: int) -> ShownFrame:
    place = _text(message, "shown", "id"), _text(message, "shown", "prop")
    lacks = _text(message, "shown", "lacks", "")
    if lacks not in ("", NEEDS_KEY, NEEDS_IMAGES):
        raise _wrong(f"{NEEDS_KEY!r} or {NEEDS_IMAGES!r}", lacks, "shown", "lacks")
    return ShownFrame(confirmed, applied, named, place, _whole(message, "shown", "n", 1), lacks)


def _ping(message: Message, confirmed: int | None, applied: int | None, named: int) -> PingFrame:
    return PingFrame(confirmed, applied, named, _seconds(message, "ping", "rtt"))


def _got(message: Message, confirmed: int | None, applied: int | None, named: int) -> GotFrame:
    return GotFrame(confirmed, applied, named, _whole(message, "got", "n"), message.get("value"))


def _want(message: Message, confirmed: int | None, applied: int | None, named: int) -> WantFrame:
    revisions: dict[str, int] = {}
    for component_id, revision in _object(message, "want", "ids", "{id: revision}").items():
        if type(revision) is not int:
            raise _wrong("a revision", revision, "want", "ids", component_id)
        json_limits.checked(component_id, "")
        revisions[component_id] = revision
    lost: list[Key] = []
    for component_id, props in _object(message, "want", "m", "{id: [prop, ...]}", {}).items():
        if not isinstance(props, list):
            raise _wrong("[prop, ...]", props, "want", "m", component_id)
        for number, prop in enumerate(props):
            if not isinstance(prop, str):
                raise _wrong("a prop", prop, "want", "m", component_id, number)
            json_limits.checked(component_id, prop)
            lost.append((component_id, prop))
    return WantFrame(confirmed, applied, named, revisions, lost)


def _here(message: Message, confirmed: int | None, applied: int | None, named: int) -> HereFrame:
    return HereFrame(confirmed, applied, named, _ids(message, "here", "ids"), _ids(message, "here", "gone"))


def _floor(message: Message, confirmed: int | None, applied: int | None, named: int) -> FloorFrame:
    return FloorFrame(confirmed, applied, named, _flag(message, "floor", "want"))


def _choice(message: Message, confirmed: int | None, applied: int | None, named: int) -> ChoiceFrame:
    return ChoiceFrame(confirmed, applied, named, _whole(message, "choice", "n"), _whole(message, "choice", "option"))


def _look(message: Message, confirmed: int | None, applied: int | None, named: int) -> LookFrame:
    return LookFrame(confirmed, applied, named, _flag(message, "look", "visible"))


def _watch(message: Message, confirmed: int | None, applied: int | None, named: int) -> WatchFrame:
    revisions: dict[str, int | None] = {}
    for component_id, revision in _object(message, "watch", "ids", "{id: revision or null}").items():
        if revision is not None and (type(revision) is not int or revision < 0):
            raise _wrong("a whole number or null", revision, "watch", "ids", component_id)
        json_limits.checked(component_id, "")
        revisions[component_id] = revision
    return WatchFrame(confirmed, applied, named, revisions)


def _name(message: Message, confirmed: int | None, applied: int | None, named: int) -> NameFrame:
    return NameFrame(confirmed, applied, named, _text(message, "name", "name"))


def _crowd(message: Message, confirmed: int | None, applied: int | None, named: int) -> CrowdFrame:
    return CrowdFrame(confirmed, applied, named, _whole(message, "crowd", "n"))


def _bye(message: Message, confirmed: int | None, applied: int | None, named: int) -> ByeFrame:
    return ByeFrame(confirmed, applied, named)


_READERS: dict[str, Callable[[Message, int | None, int | None, int], PageFrame]] = {
    "hello": _hello,
    "set": _set,
    "req": _request,
    "ok": _ok,
    "shown": _shown,
    "ping": _ping,
    "got": _got,
    "want": _want,
    "here": _here,
    "floor": _floor,
    "name": _name,
    "choice": _choice,
    "look": _look,
    "crowd": _crowd,
    "watch": _watch,
    "bye": _bye,
}
FROM_PAGES = ", ".join(kind for kind in _READERS if kind != "hello")
"""The types of frames that a page may send after the handshake."""
