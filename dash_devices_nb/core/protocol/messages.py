"""The frames between a page and the app: JSON texts, `t` is the type. See `docs/architecture.md`."""

from __future__ import annotations

import json
from typing import Any

import orjson

from dash_devices_nb.core.callbacks.propagation import Cause
from dash_devices_nb.core.props import json_limits
from dash_devices_nb.core.props.event_props import MARK
from dash_devices_nb.core.props.ids import Key, Ref, Wild
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.values import PATCH, PatchValue, Value
from dash_devices_nb.errors import FrameError

PATHS = ("_dash-layout", "_dash-dependencies", "_dash-update-component", "_reload-hash")
"""The paths that a page may request over its WebSocket."""
FROM_PAGES = "set, req, ok, shown, ping, got, want, here, floor, name or bye"
"""The types of frames that a page may send after the handshake."""


def dumps(value: Any) -> str:
    """Write an object of the program as JSON text.

    The slow writer takes what the fast one refuses: half a surrogate pair, a number of more than 64 bits, deep nesting.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(value, separators=(",", ":"))


def mods_frame(
    mods: Mods, revision: int | None = None, *, number: int | None = None, undoes: int | None = None
) -> list[bytes]:
    """A `mods` frame, as parts of UTF-8. The parts are the values' own JSON, so a shared frame is encoded once.

    `undoes`: undo the page's changes up to this number. The values count even if the page shows equal ones.
    """
    by_id: dict[str, list[bytes]] = {}
    for (component_id, prop), value in mods.items():
        by_id.setdefault(component_id, []).extend((b",", orjson.dumps(prop), b":", value.json))
    parts = [b'{"t":"mods"']
    if revision is not None:
        parts.append(b',"r":%d' % revision)
    if number is not None:
        parts.append(b',"q":%d' % number)
    if undoes is not None:
        parts.append(b',"f":%d' % undoes)
    parts.append(b',"m":{')
    for component_id, props in by_id.items():
        parts += orjson.dumps(component_id), b":{", *props[1:], b"},"
    parts[-1] = b"}}}" if by_id else b',"m":{}}'
    return parts


def answer_frame(number: int, request: int, status: int, body: str, extra: dict[str, Any] | None = None) -> str:
    """An answer to a request. `body` is JSON text."""
    head = f'{{"t":"res","q":{number},"n":{request},"s":{status}'
    for name, value in (extra or {}).items():
        head += f',"{name}":{dumps(value)}'
    return f'{head},"b":{body or "null"}}}'


def ref_json(ref: Ref) -> list[Any]:
    """A shared dependency, as pages get it: [id, prop], or [{key: value or null for a wildcard}, prop]."""
    if not ref.pattern:
        return [ref.id, ref.prop]
    return [{key: None if isinstance(value, Wild) else value for key, value in ref.pattern}, ref.prop]


def parse(frame: str | bytes) -> dict[str, Any]:
    """Parse a frame from a page.

    Raises:
        FrameError: it is no JSON object with a type, or exceeds a limit (see `json_limits`).
    """
    message = json_limits.read(frame, "a frame")
    if not isinstance(message, dict) or not isinstance(message.get("t"), str):
        raise FrameError(f"a frame is a JSON object with a type 't', not {str(message)[:60]!r}")
    return message


def named(message: dict[str, Any]) -> int:
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


def _named_by(body: Any) -> int:
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


def changes(message: dict[str, Any]) -> tuple[int, Mods, Cause | None]:
    """The sequence number, the values and the cause of a `set` frame. Raises FrameError."""
    sequence = number(message, "s")
    given = message.get("m")
    if not isinstance(given, dict) or not all(isinstance(props, dict) for props in given.values()):
        raise FrameError(f"'m' of a set frame is {{id: {{prop: value}}}}, not {str(given)[:60]!r}")
    mods: dict[Key, Value] = {}
    for component_id, props in given.items():
        for prop, value in props.items():
            json_limits.checked(component_id, prop)
            mods[component_id, prop] = _sound(value)
    mods.update(_edits(message.get("e", [])))
    return sequence, mods, cause(message)


MOST_STEPS = 64
"""The longest path into a value that a component has changed in place."""


def _edits(given: Any) -> Mods:
    """The edits in place of a page's components: [id, prop, [[path, value], ...]] each. Raises FrameError."""
    edits: dict[Key, list[dict[str, Any]]] = {}
    for item in given if isinstance(given, list) else [given]:
        match item:
            case [str(component_id), str(prop), [_, *_] as places] if all(map(_is_place, places)):
                json_limits.checked(component_id, prop)
                edits.setdefault((component_id, prop), []).extend(
                    {"operation": "Assign", "location": path, "params": {"value": value}} for path, value in places
                )
            case _:
                raise FrameError(
                    "'e' of a set frame is [[id, prop, [[path, value], ...]], ...], paths of 1 to 64 keys and places; "
                    f"not {str(item)[:60]!r}"
                )
    return {
        key: PatchValue(dumps({PATCH: PATCH, "operations": operations}).encode(), operations)
        for key, operations in edits.items()
    }


def _is_place(given: Any) -> bool:
    if not (isinstance(given, list) and len(given) == 2 and isinstance(given[0], list)):
        return False
    if not 0 < len(given[0]) <= MOST_STEPS:  # else edits would nest a value without end
        return False
    return all(type(step) is str or (type(step) is int and step >= 0) for step in given[0])


def _sound(given: Any) -> Value:
    """A value for the other pages. `json_limits.read` has checked that it can be written."""
    if isinstance(given, dict) and (PATCH in given or MARK in given):
        raise FrameError(
            "a page sets values; a Patch, or an event, which others would apply to theirs, is the program's to send"
        )
    return Value.of(given)


def cause(message: dict[str, Any]) -> Cause | None:
    """The cause of a `set` or `req` frame, or None for a person. Raises FrameError."""
    given = message.get("c")
    who = message.get("w")
    kinds = ("pushed", "own") if message["t"] == "req" else ("said", "kept")
    if who is not None and who not in kinds:
        raise FrameError(f"'w' of a {message['t']} frame is {' or '.join(map(repr, kinds))}, not {str(who)[:60]!r}")
    said, kept = who == "said", who == "kept"
    if given is None and not who:
        return None
    if given is None or given == []:
        return Cause(said=said, kept=kept)
    match given:
        case [str(component_id), str(prop), int(revision)]:
            return Cause((component_id, prop), revision, said, kept, who == "pushed", who == "own")
    raise FrameError(f"'c' of a {message['t']} frame is [], or [id, prop, revision], not {str(given)[:60]!r}")


def number(message: dict[str, Any], name: str, default: int | None = None) -> int:
    """A whole number of a frame. Raises FrameError."""
    value = message.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise FrameError(f"{name!r} of a {message['t']} frame is a whole number, not {str(value)[:60]!r}")
    return value


def text(message: dict[str, Any], name: str, default: str | None = None) -> str:
    """A string of a frame. Raises FrameError."""
    value = message.get(name, default)
    if not isinstance(value, str):
        raise FrameError(f"{name!r} of a {message['t']} frame is a string, not {str(value)[:60]!r}")
    return value


def revisions(message: dict[str, Any]) -> dict[str, int]:
    """The ids of a `want` frame, each with the first revision that the page has missed. Raises FrameError."""
    given = message.get("ids")
    if not isinstance(given, dict) or not all(type(first) is int for first in given.values()):
        raise FrameError(f"'ids' of a want frame is {{id: revision}}, not {str(given)[:60]!r}")
    for component_id in given:
        json_limits.checked(component_id, "")
    return given


def lost(message: dict[str, Any]) -> list[Key]:
    """The props of a `want` frame whose change the app could not read, and the page dropped. Raises FrameError."""
    given = message.get("m", {})
    if not isinstance(given, dict) or not all(isinstance(props, list) for props in given.values()):
        raise FrameError(f"'m' of a want frame is {{id: [prop, ...]}}, not {str(given)[:60]!r}")
    keys = [(component_id, str(prop)) for component_id, props in given.items() for prop in props]
    for component_id, prop in keys:
        json_limits.checked(component_id, prop)
    return keys


def ids(message: dict[str, Any], name: str) -> list[str]:
    """The ids of a `here` frame. Raises FrameError."""
    given = message.get(name, [])
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise FrameError(f"{name!r} of a here frame is a list of ids, not {str(given)[:60]!r}")
    for each in given:
        json_limits.checked(each, "")
    return given


def seconds(message: dict[str, Any], name: str, default: float | None) -> float | None:
    """A duration of a frame, converted from milliseconds. Raises FrameError."""
    value = message.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise FrameError(f"{name!r} of a {message['t']} frame is a number of milliseconds, not {str(value)[:60]!r}")
    return value / 1000
