"""Kept values: their differences, the result of setting several, their names, and how they are written and shown."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dash_devices_nb.core.props.ids import Key, canonical
from dash_devices_nb.devices.device import Signal
from dash_devices_nb.devices.signals import Dtype, SignalInfo, plain
from dash_devices_nb.devices.types import Props, SignalValue
from dash_devices_nb.errors import KeptError

if TYPE_CHECKING:
    from dash_devices_nb.core.access.clients import Client

MOST_BYTES = 256 * 1024
"""The largest value that is kept, in bytes of JSON. A larger one is not a set-point."""
MOST_SHOWN = 200
"""The longest text of a value, in characters."""
UNKNOWN = "unknown"

Journal = Callable[["Client | None", str], None]
"""Writes an act into the journal."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A kept value that differs from the current one.

    Attributes:
        name: what it is of: "slider.value", "ls/output_1/setpoint.setpoint".
        label: what people call it.
        kept: the value that was kept, or that the preset has.
        now: the value now; None if it is unknown.
        kept_text, now_text: both as people read them.
        at: when it was kept, in seconds since the epoch.
        by: who had set it, or "".
        refused: why it cannot be applied now, or "".
    """

    name: str
    label: str
    kept: SignalValue
    now: SignalValue
    kept_text: str
    now_text: str
    at: float
    by: str = ""
    refused: str = ""

    def __str__(self) -> str:
        return f"{self.label}: kept {self.kept_text}, now {self.now_text}"


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of setting several values.

    Attributes:
        applied: the names of those that were set.
        refused: why each of the others was not, by its name.
    """

    applied: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        told = [f"{len(self.applied)} set"]
        told += [f"{name} was not set: {why}" for name, why in self.refused.items()]
        return "; ".join(told)


def key_of(name: str) -> Key:
    """Return the component and the prop of a name."""
    component_id, _, prop = name.rpartition(".")
    return component_id, prop


def who(client: Client | None) -> str:
    """Return the name of a client for people."""
    if client is None:
        return ""
    return client.name or client.username or client.host or client.address or ""


def written(signal: Signal, value: SignalValue) -> tuple[str | None, str]:
    """Return a value of a signal as JSON, or None and the reason why JSON cannot restore it."""
    shown = plain(value)
    plainly = bool(signal.info.choices) or _is_plain(value)
    try:
        text = json.dumps(shown, allow_nan=False)
    except ValueError:
        plainly, text = False, ""
    if not plainly:
        return None, f"{shown!r:.60} ({type(value).__name__}) cannot be written as JSON"
    if len(text) > MOST_BYTES:
        return None, f"its {len(text)} bytes are more than {MOST_BYTES}"
    return text, ""


def _is_plain(value: SignalValue) -> bool:
    if value is None or isinstance(value, bool | str):
        return True
    if isinstance(value, numbers.Real):
        return math.isfinite(float(value))
    if hasattr(value, "tolist"):
        value = value.tolist()
    shown = plain(value)
    return isinstance(value, list | tuple) and isinstance(shown, list) and all(map(_is_plain, value))


def now_of(signal: Signal) -> SignalValue:
    """Return the current set-point: the value that was set and taken. Before the first set: the device's value."""
    if signal.asked is not None:
        return signal.taken
    return signal.reading.value if signal.reading.good else None


def names_of(given: object) -> list[str]:
    """Return the names of the props that a program gives. Raises KeptError."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise KeptError(f"keep_also= takes a list of props, such as ['plot.figure'], not {given!r:.100}")
    names = []
    for each in given:
        if isinstance(each, tuple) and len(each) == 2 and isinstance(each[1], str):
            names.append(f"{canonical(each[0])}.{each[1]}")
        elif isinstance(each, str) and all(each.rpartition(".")[::2]):
            names.append(each)
        else:
            raise KeptError(f"keep_also= names props, such as 'plot.figure' or ('plot', 'figure'), not {each!r:.100}")
    return names


def refusals(done: Applied) -> str:
    """Return the refusals as text, for the journal."""
    return "".join(f"; {name} was refused: {why}" for name, why in done.refused.items())


def read_as(info: SignalInfo, value: SignalValue) -> str:
    """Return a value of a signal as text, with its unit."""
    if value is None:
        return UNKNOWN
    if info.dtype is Dtype.NUMBER and isinstance(value, int):
        value = float(value)
    return f"{info.text(value)} {info.unit}".rstrip()


def short(value: SignalValue) -> str:
    """Return a value of a prop as text."""
    if value == "":
        return "empty"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + " ..."


def row_of(each: Difference) -> Props:
    """Return a difference as pages get it."""
    return {
        "name": each.name,
        "label": each.label,
        "kept": each.kept_text,
        "now": each.now_text,
        "at": each.at,
        "by": each.by,
        "refused": each.refused,
    }
