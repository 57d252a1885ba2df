"""The components of this package: a waterfall, and what `dash_devices_nb.devices` puts on pages.

They are plain React, without a build.

Dash reads `_js_dist` and `_css_dist` from the package `dash_devices_nb`, which gets them from here.
"""

from __future__ import annotations

from typing import ClassVar

from dash.development.base_component import Component

_NAMESPACE = "dash_devices_nb"
_js_dist: list[dict[str, str]] = [
    {"relative_package_path": f"components/{name}.js", "namespace": _NAMESPACE} for name in ("devices", "waterfall")
]
_css_dist: list[dict[str, str]] = [
    {"relative_package_path": f"components/{name}.css", "namespace": _NAMESPACE} for name in ("devices", "waterfall")
]


class _Ours(Component):  # type: ignore[misc]
    """A component whose props are its class's `PROPS`."""

    PROPS: tuple[str, ...] = ()
    _namespace = _NAMESPACE
    _children_props: ClassVar[list[str]] = []
    _base_nodes: ClassVar[list[str]] = ["children"]
    _prop_names: ClassVar[list[str]] = []
    _valid_wildcard_attributes: ClassVar[list[str]] = ["data-", "aria-"]

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls._type = cls.__name__
        cls._prop_names = list(cls.PROPS)
        cls.available_properties = list(cls.PROPS)
        cls.available_wildcard_properties = cls._valid_wildcard_attributes


class Devices(_Ours):
    """A device on a page, invisible: its name, and which of its signals are not well: `unwell`, {id: status}."""

    _children_props: ClassVar[list[str]] = []
    PROPS = ("id", "label", "unwell")


class DeviceSignal(_Ours):
    """A signal on a page, invisible: what the views of it show.

    Props: `value` what the device says, `reading` its text, status, reason and time, `setpoint` what was set,
    `asked` what somebody on a page asks for, `message` why it was refused, `info` what is known of it.
    """

    _children_props: ClassVar[list[str]] = []
    PROPS = ("id", "value", "reading", "setpoint", "asked", "message", "info")


class DeviceAlarms(_Ours):
    """The alarms of an app, invisible: `alarms` are those that are raised, `acknowledge` names one that was seen."""

    _children_props: ClassVar[list[str]] = []
    PROPS = ("id", "alarms", "acknowledge")


class DeviceProcedures(_Ours):
    """The procedures of an app, invisible: what can be started, the `runs`, and the `act` of a page on one of them."""

    _children_props: ClassVar[list[str]] = []
    PROPS = ("id", "procedures", "runs", "act", "message")


class DeviceKept(_Ours):
    """What an app keeps on disk, invisible.

    Props: `differences` what was kept and is another value now, `presets`, `notes` on what is not kept, `count` of the
    kept values, the `act` of a page, `message` what became of it; `compare` names a preset, `compared` is the answer.
    """

    _children_props: ClassVar[list[str]] = []
    PROPS = ("id", "differences", "presets", "notes", "count", "act", "message", "compare", "compared")


class DeviceView(_Ours):
    """A visible part. `kind`: "panel", "row", "value", "alarms", "procedures", "kept", "hold", "stop", "feed".

    A "feed" is of a graph. `signals` are the ids of what it shows.
    """

    _children_props: ClassVar[list[str]] = []
    PROPS = (
        "id",
        "kind",
        "device",
        "signals",
        "label",
        "open",
        "graph",
        "hours",
        "hold",
        "beat",
        "stop",
        "className",
        "style",
    )


class Waterfall(_Ours):
    """Lines of numbers as coloured rows, the newest at the top: a spectrum over time, for example.

    Push lines with `app.push_mods({"fall": {"addLines": line}})`. A line is an array or a list of numbers, or several
    of them (two dimensions, the newest last). numpy arrays of float32 and float64 travel as bytes. Each line arrives
    once and in order; pages that open later get the history.

    Args:
        id: the id.
        lines: the lines, oldest first. The app adds to them what is pushed.
        addLines: an event: one line or several.
        history: how many lines are kept and shown. 200 if it is not given.
        zmin, zmax: the values of the lowest and the highest colour. Without them: of what is shown.
        colorscale: "viridis", "inferno", "turbo" or "grey".
        x0, x1: the positions of the first and the last point, to be shown below.
        xlabel, zlabel: what x and the values are, with their unit.
        height: of the picture, in pixels or as CSS. 240 if it is not given.
        className, style: as of any component.
    """

    _children_props: ClassVar[list[str]] = []
    PROPS = (
        "id",
        "lines",
        "addLines",
        "history",
        "zmin",
        "zmax",
        "colorscale",
        "x0",
        "x1",
        "xlabel",
        "zlabel",
        "height",
        "className",
        "style",
    )


__all__ = ["DeviceAlarms", "DeviceKept", "DeviceProcedures", "DeviceSignal", "DeviceView", "Devices", "Waterfall"]
