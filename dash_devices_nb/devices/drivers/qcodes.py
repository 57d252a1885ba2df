"""QCoDeS instruments: their parameters are signals, their submodules and channels are groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from qcodes.instrument import InstrumentBase
from qcodes.parameters import ArrayParameter, MultiParameter, ParameterBase
from qcodes.validators import Arrays, Bool, Enum, Ints, MultiType, Numbers, Strings

from dash_devices_nb.devices.drivers.base import Driver, DriverSignal
from dash_devices_nb.devices.signals import Dtype, SignalInfo
from dash_devices_nb.devices.types import Choices, Foreign, Range, SignalValue
from dash_devices_nb.errors import DeviceError

LEFT_OUT = frozenset({"IDN", "timeout"})
"""Parameters of every instrument that are no signals of the device: they are read on a connection or are its own."""


class QcodesDriver(Driver):
    """A QCoDeS instrument."""

    def __init__(self, instrument: object, name: str | None = None) -> None:
        if not isinstance(instrument, InstrumentBase):
            raise DeviceError(f"{type(instrument).__name__} is from QCoDeS, but is not an instrument")
        self.instrument = instrument
        self.name = name or str(instrument.short_name)
        self.label = str(getattr(instrument, "label", None) or self.name)
        handle = getattr(instrument.root_instrument, "visa_handle", None)
        self.bus = getattr(handle, "resource_name", None)

    def signals(self) -> Iterator[DriverSignal]:
        """Yield a signal for each parameter that can be read or set."""
        yield from _signals(self.instrument, (), set())


def _signals(module: InstrumentBase, path: tuple[str, ...], seen: set[int]) -> Iterator[DriverSignal]:
    seen.add(id(module))
    for name, parameter in module.parameters.items():
        if name not in LEFT_OUT and (parameter.gettable or parameter.settable):
            yield _signal(parameter, (*path, str(name)))
    for name, inner in module.submodules.items():
        if isinstance(inner, InstrumentBase) and id(inner) not in seen:
            yield from _signals(inner, (*path, str(name)), seen)
        elif not isinstance(inner, InstrumentBase):  # a tuple of channels, which may be in submodules by name as well
            for channel in inner:
                if id(channel) not in seen and channel not in module.submodules.values():
                    yield from _signals(channel, (*path, str(channel.short_name)), seen)


def _signal(parameter: ParameterBase, path: tuple[str, ...]) -> DriverSignal:
    dtype, limits, choices = _kind(parameter)
    info = SignalInfo(
        path,
        str(getattr(parameter, "label", None) or parameter.name),
        str(getattr(parameter, "unit", None) or ""),
        dtype,
        limits,
        choices,
        None,
        bool(parameter.gettable),
        bool(parameter.settable),
        False,
        _first_line(getattr(parameter, "docstring", None)),
    )
    return DriverSignal(
        info=info,
        read=parameter.get if parameter.gettable else None,
        write=parameter.set if parameter.settable else None,
    )


Kind: TypeAlias = tuple[Dtype, Range, Choices]


def _kind(parameter: ParameterBase) -> Kind:
    if isinstance(parameter, ArrayParameter | MultiParameter):
        return Dtype.ARRAY, (None, None), ()
    mapping = getattr(parameter, "val_mapping", None)
    if mapping:
        return _chosen(tuple(mapping))
    return _of_validator(parameter.vals)


def _of_validator(vals: Foreign) -> Kind:
    free = (None, None)
    match vals:
        case Bool():
            return Dtype.BOOLEAN, free, ()
        case Enum():
            return _chosen(tuple(sorted(vals.values, key=_order)))
        case Ints():
            return Dtype.INTEGER, _finite(vals.min_value, vals.max_value), ()
        case Numbers():
            return Dtype.NUMBER, _finite(vals.min_value, vals.max_value), ()
        case Arrays():
            return Dtype.ARRAY, free, ()
        case Strings():
            return Dtype.TEXT, free, ()
        case MultiType():
            kinds = [_of_validator(each) for each in vals.validators]
            if len({kind for kind, _, _ in kinds}) == 1 and not any(choices for _, _, choices in kinds):
                return kinds[0][0], free, ()
    return Dtype.OTHER, free, ()


def _chosen(choices: Choices) -> Kind:
    if all(isinstance(each, bool) for each in choices):
        return Dtype.BOOLEAN, (None, None), ()
    return Dtype.CHOICE, (None, None), choices


def _finite(low: float, high: float) -> Range:
    """Convert the limits of a validator. QCoDeS writes "no limit" as infinity or as a huge number."""
    return (
        float(low) if abs(float(low)) < 1e17 else None,
        float(high) if abs(float(high)) < 1e17 else None,
    )


def _order(value: SignalValue) -> tuple[str, SignalValue]:
    return type(value).__name__, value


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
