"""A batch of pushes: pushes that can go together are sent as one message."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dash_devices_nb.app.stock_dash import dash_internals
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.mods import Mods
from dash_devices_nb.core.props.patches import apply_patch
from dash_devices_nb.core.props.values import PatchValue, Value


class _Part:
    """The pushes to one client, or to all, that are sent as one message."""

    def __init__(self, client: Client | None) -> None:
        self.client = client
        self.mods: Mods = {}
        self.events: set[str] = set()
        """The components that get events. In a message, events come after everything else."""


class Batch:
    """Collects values by who gets them. None stands for all clients.

    Args:
        is_event: whether a value is of an event prop. Each event counts, so a later one does not replace it.
    """

    def __init__(self, is_event: Callable[[Key, Value], bool]) -> None:
        self._is_event = is_event
        self._parts: list[_Part] = []

    def add(self, client: Client | None, mods: Mods) -> None:
        """Add values. A later value replaces an earlier one, a `Patch` is applied to it, an event is sent after it."""
        events = {key for key, value in mods.items() if self._is_event(key, value)}
        part = next((part for part in reversed(self._parts) if part.client is client), None)
        if part is None or any(
            key in part.mods if key in events else key[0] in part.events for key in mods
        ):  # values that follow an event need another message
            part = _Part(client)
            self._parts.append(part)
        for key, value in mods.items():
            part.mods[key] = _joined(part.mods[key], value) if key in part.mods else value
        part.events.update(key[0] for key in events)

    def parts(self) -> Iterator[tuple[Client | None, Mods]]:
        """The messages, in order: who gets each, and its values."""
        return ((part.client, part.mods) for part in self._parts)


def _joined(old: Value, new: Value) -> Value:
    if not isinstance(new, PatchValue):
        return new
    if isinstance(old, PatchValue):
        return dash_internals.patch_value(old.operations + new.operations)
    return Value.of(apply_patch(old.fresh(), new.operations))
