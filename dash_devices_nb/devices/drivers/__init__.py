"""Adapters for the drivers of other packages: one module each, found by the entry points `dash_devices_nb.devices`.

An entry point is named after the package of the classes that it adapts, such as `qcodes`. It names a function that
makes a `Driver` of an object. `plain` is for everything else.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from dash_devices_nb.devices.drivers.base import Driver
from dash_devices_nb.devices.types import Function
from dash_devices_nb.errors import DeviceError

GROUP = "dash_devices_nb.devices"
PLAIN = "plain"


def driver_of(target: object, name: str | None) -> Driver:
    """Make a `Driver` of an object.

    Raises:
        DeviceError: no entry point fits, or its adapter cannot be loaded.
    """
    if isinstance(target, Driver):
        return target
    if isinstance(target, type):
        raise DeviceError(f"connect() takes an object of {target.__name__}, not the class: {target.__name__}(...)")
    known = {each.name: each for each in entry_points(group=GROUP)}
    for package in _packages(target):
        if package in known:
            return _made(known[package], target, name)
    if PLAIN in known:
        return _made(known[PLAIN], target, name)
    raise DeviceError(
        f"no driver for {type(target).__name__}: the entry points {GROUP!r} are {', '.join(known) or 'none'}; "
        "is dash-devices-nb installed in this environment?"
    )


def _made(point: EntryPoint, target: object, name: str | None) -> Driver:
    try:
        make: Function = point.load()
    except ImportError as error:
        raise DeviceError(
            f"the driver for {type(target).__name__} ({point.value}) cannot be loaded: {error}. "
            f'Install it: pip install "dash-devices-nb[{point.name.replace("_", "-")}]"'
        ) from error
    driver = make(target, name)
    if not isinstance(driver, Driver):
        raise DeviceError(f"the entry point {point.name!r} ({point.value}) made {driver!r}, which is not a Driver")
    return driver


def _packages(target: object) -> list[str]:
    """Return the packages that define the classes of an object, nearest class first."""
    return list(dict.fromkeys(cls.__module__.partition(".")[0] for cls in type(target).__mro__))
