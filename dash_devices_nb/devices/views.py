"""Components that show devices in a layout: `panel`, `row`, `value`."""

from __future__ import annotations

from collections.abc import Iterable

from dash_devices_nb.components import DeviceView
from dash_devices_nb.devices.device import Device, Group, Signal
from dash_devices_nb.devices.types import Component, PropValue
from dash_devices_nb.errors import SignalError


def panel(
    device: Device | Group, *, label: str | None = None, open: str | Iterable[str] | None = None, **props: PropValue
) -> Component:
    """Show all signals of a device, or of one of its groups, by group.

    Closed groups are not polled. If a device has many signals, only its first group is open at first.

    Args:
        device: the result of `connect`, or a group of it.
        label: the heading. None: the device's label.
        open: the names of the groups that are open at first, such as `["A", "output_1"]`. None: as above.
        props: `id`, `className` and `style` of the component.
    """
    if not isinstance(device, Device | Group):
        raise SignalError(f"panel() takes a device or a group of one, such as device.A, not {device!r:.100}")
    signals = list(device)
    if not signals:
        raise SignalError(f"{device!r} has no signals to show")
    owner = signals[0].device
    groups = {"/".join(each.info.group) for each in signals}
    names = [] if open is None else [open] if isinstance(open, str) else list(open)
    unknown = [name for name in names if name not in groups]
    if unknown:
        there = ", ".join(map(repr, sorted(groups - {""}))) or "none"
        raise SignalError(f"open= names {unknown[0]!r:.60}, which is no group of this panel; it has {there}")
    opened = None if open is None else [name.replace("/", " / ") for name in names]
    return _view("panel", signals, label=label or owner.label, open=opened, device=owner.name, **props)


def row(signal: Signal, **props: PropValue) -> Component:
    """Show a signal in one line: label, value with unit, set-point, sparkline, state."""
    return _view("row", [_signal(signal, "row")], **props)


def value(signal: Signal, **props: PropValue) -> Component:
    """Show the value of a signal with its unit, inside text."""
    return _view("value", [_signal(signal, "value")], **props)


def _view(kind: str, signals: list[Signal], **props: PropValue) -> Component:
    given = {name: each for name, each in props.items() if each is not None}
    return DeviceView(kind=kind, signals=[each.id for each in signals], **given)


def _signal(given: object, name: str) -> Signal:
    if not isinstance(given, Signal):
        raise SignalError(f"{name}() takes one signal, such as device.A.temperature, not {given!r:.100}")
    return given
