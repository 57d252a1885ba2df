"""pymeasure instruments: their properties are signals, their channels are groups.

pymeasure keeps the validator and the values of a property as default arguments of its functions. Limits and choices
come from there. A validator that truncates is not a limit here: the read-back shows the value that the instrument took.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping, Sequence

from pymeasure.instruments import Channel, Instrument
from pymeasure.instruments.common_base import CommonBase

from dash_devices_nb.devices.drivers.base import Driver, DriverSignal
from dash_devices_nb.devices.signals import Dtype, SignalInfo
from dash_devices_nb.devices.types import Choices, Described, Foreign, Range
from dash_devices_nb.errors import DeviceError

GENERAL = frozenset(
    {"pymeasure.instruments.instrument", "pymeasure.instruments.common_base", "pymeasure.instruments.generic_types"}
)
"""Modules whose properties every instrument has. Reading has effects: `next_error` takes the error off its queue."""


class PymeasureDriver(Driver):
    """A pymeasure instrument."""

    def __init__(self, instrument: object, name: str | None = None) -> None:
        if not isinstance(instrument, Instrument):
            raise DeviceError(f"{type(instrument).__name__} is from pymeasure, but is not an instrument")
        self.instrument = instrument
        self.label = str(instrument.name)
        self.name = name or type(instrument).__name__.lower()
        self.bus = getattr(getattr(instrument.adapter, "connection", None), "resource_name", None)

    def signals(self) -> Iterator[DriverSignal]:
        """Yield a signal for each property of the instrument and of its channels."""
        yield from _signals(self.instrument, ())


def _signals(of: CommonBase, path: tuple[str, ...]) -> Iterator[DriverSignal]:
    cls = type(of)
    for name in dir(cls):
        owner = next((each for each in cls.__mro__ if name in vars(each)), cls)
        member = inspect.getattr_static(cls, name)
        if isinstance(member, property) and not name.startswith("_") and owner.__module__ not in GENERAL:
            made = _signal(of, name, member, path)
            if made is not None:
                yield made
    for name, channel in _channels(of):
        yield from _signals(channel, (*path, name))


def _channels(of: CommonBase) -> Iterator[tuple[str, Channel]]:
    seen: set[int] = set()
    for name, value in sorted(vars(of).items(), key=lambda item: isinstance(item[1], Mapping)):  # attributes first
        several = value.items() if isinstance(value, Mapping) else [("", value)]
        for key, channel in several:
            if isinstance(channel, Channel) and id(channel) not in seen and name != "parent":
                seen.add(id(channel))
                yield (f"{name}_{key}" if key != "" else name).lstrip("_"), channel


def _signal(of: CommonBase, name: str, member: property, path: tuple[str, ...]) -> DriverSignal | None:
    getter, setter = _defaults(member.fget), _defaults(member.fset)
    readable = member.fget is not None and getter.get("get_command", "") is not None
    settable = member.fset is not None and setter.get("set_command", "") is not None
    if not readable and not settable:
        return None
    limits, choices = _accepted(setter)
    boolean = bool(choices) and all(isinstance(each, bool) for each in choices)
    number = limits != (None, None)
    info = SignalInfo(
        (*path, name),
        name.replace("_", " "),
        "",
        Dtype.BOOLEAN if boolean else Dtype.CHOICE if choices else Dtype.NUMBER if number else Dtype.OTHER,
        limits,
        () if boolean else choices,
        None,
        readable,
        settable,
        False,
        (inspect.getdoc(member) or "").removesuffix("(dynamic)").strip().partition("\n")[0],
    )
    return DriverSignal(
        info=info,
        read=functools.partial(getattr, of, name) if readable else None,
        write=functools.partial(setattr, of, name) if settable else None,
    )


def _defaults(function: Foreign) -> Described:
    if function is None:
        return {}
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}


def _accepted(setter: Described) -> tuple[Range, Choices]:
    """Return the limits and choices of a property, from its validator."""
    validator = getattr(setter.get("validator"), "__name__", "")
    values = setter.get("values") or ()
    if validator == "strict_range" and isinstance(values, Sequence | range) and len(values) >= 2:
        return (float(min(values)), float(max(values))), ()
    if validator == "strict_discrete_set" or (setter.get("map_values") and isinstance(values, Mapping)):
        return (None, None), tuple(values)
    return (None, None), ()
