"""A batch of pushes: what can go together goes in one message."""

from __future__ import annotations

from collections.abc import Iterator

from dash_devices_nb.app import stock
from dash_devices_nb.core.actions import Mods
from dash_devices_nb.core.clients import Client
from dash_devices_nb.core.ids import Key
from dash_devices_nb.core.layout import EVENT_PROPS
from dash_devices_nb.core.patches import apply_patch
from dash_devices_nb.core.values import PatchValue, Value


class Batch:
    """Collects values by who gets them; None stands for all."""

    def __init__(self) -> None:
        self._parts: list[tuple[Client | None, Mods]] = []

    def add(self, client: Client | None, mods: Mods) -> None:
        """Add values: a later one replaces an earlier one, a `Patch` is applied to it, an event comes after it."""
        part = next((part for who, part in reversed(self._parts) if who is client), None)
        if part is None or any(_must_come_later(key, part) for key in mods):
            part = {}
            self._parts.append((client, part))
        for key, value in mods.items():
            part[key] = _joined(part[key], value) if key in part else value

    def parts(self) -> Iterator[tuple[Client | None, Mods]]:
        """What goes together, in order."""
        return iter(self._parts)


def _must_come_later(key: Key, part: Mods) -> bool:
    """Every event counts, and within a message events come after all else: what follows them is another message."""
    if key[1] in EVENT_PROPS:
        return key in part
    return any((key[0], event) in part for event in EVENT_PROPS)


def _joined(old: Value, new: Value) -> Value:
    if not isinstance(new, PatchValue):
        return new
    if isinstance(old, PatchValue):
        return stock.patch_value(old.operations + new.operations)
    return Value.of(apply_patch(old.fresh(), new.operations))
