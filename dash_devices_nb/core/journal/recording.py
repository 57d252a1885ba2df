"""The file of a recorded session: JSON lines, the first of which says what it is.

    {"format": "dash_devices_nb session", "version": 1, "app": "thermostat", "started": 1790000000.0, "missing": 0}
    {"at": 0.0, "t": "connect", "client": 1, "address": "127.0.0.1", "username": null}
    {"at": 0.1, "t": "push", "mods": {"target": {"value": 20}}}
    {"at": 1.5, "t": "change", "client": 1, "mods": {"target": {"value": 21}}}
    {"at": 1.5, "t": "call", "name": "show", "seconds": 0.002, "error": null}

`at` counts seconds from the first event; clients are numbered in the order in which they came. A change that a callback
of the page made, rather than the person, has a `cause`: the prop that it answered, or `[]` for the page's start. A push
has the name of the callback that made it as `by`, and `shared` if calling that callback again will make it again.
`missing` counts the events that the journal had dropped before it was saved. A change or a push whose values it had let
go has `gone`, the props, instead of `mods`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from dash_devices_nb.core.callbacks.spec import CallbackSpec
from dash_devices_nb.core.journal import entries as kinds
from dash_devices_nb.core.journal.entries import Entry
from dash_devices_nb.core.journal.retention import Evicted
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.values import PatchValue, Value
from dash_devices_nb.errors import ReplayError

FORMAT = "dash_devices_nb session"
VERSION = 1
LONGEST_SECONDS = 1e9
"""No session is longer, nor can anybody wait for its end."""
_PATCH = b'{"__dash_patch_update":'


@dataclass(frozen=True)
class RecordedEvent:
    """One line of a recording.

    Attributes:
        line: its number in the file.
        at: seconds after the first event.
        kind: "connect", "disconnect", "change", "push" or "call".
        client: the client's number, or None.
        mods: the values of a change or a push.
        cause: for a change that a callback of the page made the prop that it answered, () for the page's start.
        again: for a push whether a shared callback made it, which will make it again.
        gone: whether its values are missing.
        fields: all that the line has.
    """

    line: int
    at: float
    kind: str
    client: int | None = None
    mods: Mods = field(default_factory=dict)
    cause: Key | tuple[()] | None = None
    again: bool = False
    gone: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recording:
    """A recorded session.

    Attributes:
        app: the name of the app.
        started: time of the first event, in seconds since the epoch.
        missing: how many events came before the first one that was kept.
        events: in their order.
    """

    app: str
    started: float
    missing: int
    events: list[RecordedEvent]


def written(entries: Iterable[Entry], app: str) -> Iterator[bytes]:
    """The lines of a recording of these entries, each with its end."""
    numbers: dict[str, int] = {}
    started: float | None = None
    for entry in entries:
        if started is None:
            started = entry.ticks
            yield _line(format=FORMAT, version=VERSION, app=app, started=entry.time, missing=entry.number - 1)
        # Not by the time: who sets the computer's clock would have the session last for days, or go back.
        line = _written(entry, round(max(entry.ticks - started, 0.0), 6), numbers)
        if line is not None:
            yield line
    if started is None:
        yield _line(format=FORMAT, version=VERSION, app=app, started=0.0, missing=0)


def _written(entry: Entry, at: float, numbers: dict[str, int]) -> bytes | None:
    client = entry.client
    number = numbers.setdefault(client.id, len(numbers) + 1) if client is not None else None
    head: dict[str, Any] = {"at": at, "t": entry.kind}
    if number is not None:
        head["client"] = number
    match entry.kind:
        case kinds.CONNECT | kinds.DISCONNECT:
            return _line(**head, address=client.address, username=client.username)
        case kinds.CHANGE:
            if entry.why is not None:
                head["cause"] = list(entry.why.key or ())
        case kinds.PUSH:
            if entry.why is not None:
                head.update(by=entry.why.name, shared=isinstance(entry.why, CallbackSpec))
        case kinds.CALL:
            call = entry.what
            error = None if call.error is None else _told(call.error)
            return _line(**head, name=call.name, triggered=call.triggered, seconds=call.seconds, error=error)
        case _:
            return None
    if isinstance(entry.what, Evicted):
        return _line(**head, gone=entry.what.keys)
    return _line(**head, mods=_nested(entry.what))


def _nested(mods: Mods) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for (component_id, prop), value in mods.items():
        nested.setdefault(component_id, {})[prop] = orjson.Fragment(value.json)
    return nested


def _line(**fields: Any) -> bytes:
    try:
        return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)
    except TypeError:  # the text of a program's error may have half a surrogate pair, which is no UTF-8
        fields = {name: _well_formed(value) for name, value in fields.items()}
        return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)


def _told(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - a program's exception may be anything
        return type(error).__name__


def _well_formed(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def read(lines: Iterable[bytes], where: str) -> Recording:
    """A recording from its lines.

    Args:
        lines: of the file, with their ends.
        where: names the file, for messages.

    Raises:
        ReplayError: it is no recording, of another version, or was cut off; the message names the line.
    """
    head: dict[str, Any] | None = None
    events: list[RecordedEvent] = []
    for number, line in enumerate(lines, 1):
        fields = _fields(line, number, where)
        if head is None:
            head = _checked_head(fields, where)
        else:
            events.append(_event(fields, number, where))
    if head is None:
        raise ReplayError(f"{where} is empty; app.journal.save(path) writes a session that can be replayed")
    started, missing = head.get("started") or 0, head.get("missing") or 0
    if type(started) not in (int, float) or type(missing) is not int:
        raise ReplayError(
            f"line 1 of {where} says started {started!r:.60} and missing {missing!r:.60}; both are numbers, and "
            "missing is a whole one"
        )
    return Recording(str(head.get("app")), float(started), missing, events)


def _fields(line: bytes, number: int, where: str) -> dict[str, Any]:
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        if number == 1:
            raise _foreign(where) from exc
        if not line.endswith(b"\n"):
            raise ReplayError(
                f"{where} was cut off in line {number}: remove that line to replay what comes before it"
            ) from exc
        raise ReplayError(f"line {number} of {where} is not JSON: {exc}") from exc
    if not isinstance(fields, dict):
        raise (
            _foreign(where) if number == 1 else ReplayError(f"line {number} of {where} is not an event: {line[:60]!r}")
        )
    return fields


def _foreign(where: str) -> ReplayError:
    return ReplayError(f"{where} is not a recorded session (line 1 does not say so); app.journal.save(path) writes one")


def _checked_head(fields: dict[str, Any], where: str) -> dict[str, Any]:
    if fields.get("format") != FORMAT:
        raise _foreign(where)
    if fields.get("version") != VERSION:
        raise ReplayError(
            f"line 1 of {where} says version {fields.get('version')!r}; this dash_devices_nb reads version {VERSION}"
        )
    return fields


def _event(fields: dict[str, Any], number: int, where: str) -> RecordedEvent:
    try:
        cause, at = fields.get("cause"), float(fields["at"])
        if not 0 <= at <= LONGEST_SECONDS:
            raise ValueError(f"at {at} seconds; it takes 0 to {LONGEST_SECONDS:.0f}")
        return RecordedEvent(
            number,
            at,
            str(fields["t"]),
            int(fields["client"]) if fields.get("client") is not None else None,
            {
                (component_id, prop): _value(value)
                for component_id, props in fields.get("mods", {}).items()
                for prop, value in props.items()
            },
            None if cause is None else (str(cause[0]), str(cause[1])) if cause else (),
            again=bool(fields.get("shared")),
            gone="gone" in fields,
            fields=fields,
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as exc:
        raise ReplayError(f"line {number} of {where} is not an event: {type(exc).__name__} {exc}") from exc


def _value(plain: Any) -> Value:
    json = orjson.dumps(plain)
    if not json.startswith(_PATCH):
        return Value(json)
    operations = plain["operations"]
    if not isinstance(operations, list) or not all(isinstance(each, dict) for each in operations):
        raise ValueError(f"a Patch has a list of operations, not {operations!r:.60}")
    return PatchValue(json, operations)
