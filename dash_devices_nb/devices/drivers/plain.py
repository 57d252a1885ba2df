"""Objects of any class: their annotated attributes and properties are signals.

A class says more of them by `Annotated`::

    @dataclass
    class Lamp:
        brightness: Annotated[float, Limits(0, 100), Unit("%")] = 0.0

        @property
        def temperature(self) -> Annotated[float, Unit("°C")]: ...

Limits, units and choices come from `Annotated`, from pydantic fields, from param parameters, from enums and `Literal`.
A field whose type is a class of the program is a group. Names that begin with an underscore are not signals.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import inspect
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Mapping

from dash_devices_nb.devices.drivers.base import Driver, DriverSignal
from dash_devices_nb.devices.signals import Dtype, SignalInfo
from dash_devices_nb.devices.types import Argument, Choices, Extras, Foreign, Function, Hint
from dash_devices_nb.errors import DeviceError

DEEPEST = 6
"""The most groups within each other."""
_DTYPES = {bool: Dtype.BOOLEAN, int: Dtype.INTEGER, float: Dtype.NUMBER, str: Dtype.TEXT}


@dataclasses.dataclass(frozen=True)
class Limits:
    """In `Annotated`: the lowest and highest number that may be set."""

    low: float | None = None
    high: float | None = None


@dataclasses.dataclass(frozen=True)
class Unit:
    """In `Annotated`: the unit of a number."""

    unit: str


@dataclasses.dataclass(frozen=True)
class Label:
    """In `Annotated`: the name of the signal on pages."""

    label: str


@dataclasses.dataclass(frozen=True)
class Precision:
    """In `Annotated`: the number of decimals to show."""

    decimals: int


@dataclasses.dataclass(frozen=True)
class Period:
    """In `Annotated`: the seconds between two reads."""

    seconds: float


SLOW = object()
"""In `Annotated`: the device goes to a value that was set, so a read-back may differ for a while."""


class PlainDriver(Driver):
    """An object of any class."""

    def __init__(self, target: object, name: str | None = None) -> None:
        self.target = target
        given = name or getattr(target, "name", None)
        self.name = given if isinstance(given, str) and given else type(target).__name__.lower()
        self.label = self.name

    def signals(self) -> Iterator[DriverSignal]:
        """Yield a signal for each annotated attribute and each property."""
        found = list(_signals(self.target, (), {id(self.target)}))
        if not found:
            raise DeviceError(
                f"{type(self.target).__name__} has no signals: annotate its attributes (temperature: float) or give it "
                "properties whose functions say what they return"
            )
        yield from found

    def reopen(self) -> None:
        """Call the object's `reconnect()`, if it has one."""
        reconnect = getattr(self.target, "reconnect", None)
        if callable(reconnect):
            reconnect()


def _signals(target: object, path: tuple[str, ...], seen: set[int]) -> Iterator[DriverSignal]:
    cls = type(target)
    hints = _hints(cls)
    for name, hint in hints.items():
        if (
            name.startswith("_")
            or (name == "param" and "param" in sys.modules and isinstance(target, sys.modules["param"].Parameterized))
            or typing.get_origin(hint) is typing.ClassVar
            or isinstance(inspect.getattr_static(cls, name, None), property)
        ):
            continue
        yield from _of_attribute(target, name, hint, path, seen)
    for name in dir(cls):
        member = inspect.getattr_static(cls, name, None)
        if isinstance(member, property | functools.cached_property) and not name.startswith("_"):
            yield _of_property(target, name, member, path)


def _of_attribute(
    target: object, name: str, hint: Hint, path: tuple[str, ...], seen: set[int]
) -> Iterable[DriverSignal]:
    hint, extras = _annotated(hint)
    field = _field(type(target), name)
    extras = [*extras, *getattr(field, "metadata", ())] if not isinstance(field, Mapping) else extras
    if (parameter := _parameter(type(target), name)) is not None:
        extras = [*extras, *_of_param(parameter)]
    dtype, choices = _kind(hint)
    if dtype is Dtype.OTHER and _is_group(hint):
        inner = getattr(target, name, None)
        if inner is None or id(inner) in seen or len(path) >= DEEPEST:
            return []
        return list(_signals(inner, (*path, name), seen | {id(inner)}))
    constant = getattr(getattr(type(target), "__dataclass_params__", None), "frozen", False) or (
        typing.get_origin(hint) is typing.Final
    )
    info = _info((*path, name), dtype, choices, extras, settable=not constant, described=_text_of(field))
    return [_signal(target, name, info, extras)]


def _of_property(target: object, name: str, member: Foreign, path: tuple[str, ...]) -> DriverSignal:
    getter = member.fget if isinstance(member, property) else member.func
    hint, extras = _annotated(_hints(getter).get("return", object))
    settable = isinstance(member, property) and member.fset is not None
    if settable:
        _, more = _annotated(next((h for n, h in _hints(member.fset).items() if n != "return"), object))
        extras = [*extras, *more]
    dtype, choices = _kind(hint)
    described = (inspect.getdoc(getter) or "").partition("\n")[0]
    info = _info((*path, name), dtype, choices, extras, settable=settable, described=described)
    return _signal(target, name, info, extras)


def annotated_info(name: str, function: Function, annotation: Hint, default: Argument = None) -> SignalInfo:
    """Describe a parameter of a function by its annotation, or by its default if it has none."""
    hint, extras = _annotated(_hints(function).get(name, annotation))
    dtype, choices = _kind(hint)
    if dtype is Dtype.OTHER and type(default) in _DTYPES:
        dtype = _DTYPES[type(default)]
    return _info((name,), dtype, choices, extras, settable=True, described="")


def _signal(target: object, name: str, info: SignalInfo, extras: Iterable[object]) -> DriverSignal:
    return DriverSignal(
        info=info,
        read=lambda: getattr(target, name),
        write=functools.partial(setattr, target, name) if info.settable else None,
        period=next((each.seconds for each in extras if isinstance(each, Period)), None),
    )


def _info(
    path: tuple[str, ...],
    dtype: Dtype,
    choices: Choices,
    extras: Iterable[object],
    *,
    settable: bool,
    described: str,
) -> SignalInfo:
    low: float | None = None
    high: float | None = None
    label, unit, precision, slow = path[-1].replace("_", " "), "", None, False
    for each in extras:
        if isinstance(each, Limits):
            low, high = each.low, each.high
        elif isinstance(each, Unit):
            unit = each.unit
        elif isinstance(each, Label):
            label = each.label
        elif isinstance(each, Precision):
            precision = each.decimals
        elif isinstance(each, _Choices):
            choices, dtype = each.choices, Dtype.CHOICE
        elif each is SLOW:
            slow = True
        else:  # annotated-types and pydantic: Ge, Gt, Le, Lt, Interval
            low = next((v for v in (getattr(each, "ge", None), getattr(each, "gt", None)) if _is_number(v)), low)
            high = next((v for v in (getattr(each, "le", None), getattr(each, "lt", None)) if _is_number(v)), high)
    return SignalInfo(path, label, unit, dtype, (low, high), choices, precision, True, settable, slow, described)


@dataclasses.dataclass(frozen=True)
class _Choices:
    choices: Choices


def _hints(of: Foreign) -> dict[str, Hint]:
    try:
        return typing.get_type_hints(of, include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation may be any expression, with names that no longer exist
        return dict(getattr(of, "__annotations__", {}))


def _annotated(hint: Hint) -> tuple[Hint, Extras]:
    extras: Extras = []
    while typing.get_origin(hint) is typing.Annotated:
        hint, *more = typing.get_args(hint)
        extras += more
    return hint, extras


def _kind(hint: Hint) -> tuple[Dtype, Choices]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        left = [each for each in typing.get_args(hint) if each is not type(None)]
        hint = left[0] if len(left) == 1 else hint
    if typing.get_origin(hint) is typing.Literal:
        return Dtype.CHOICE, typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return Dtype.CHOICE, tuple(hint)
    if isinstance(hint, type):
        for cls, dtype in _DTYPES.items():
            if issubclass(hint, cls):
                return dtype, ()
    named = (
        _DTYPES.get({"bool": bool, "int": int, "float": float, "str": str}.get(hint, object))
        if isinstance(hint, str)
        else None
    )
    if named:
        return named, ()
    origin = typing.get_origin(hint) or hint
    if origin in (list, tuple) or getattr(origin, "__name__", "") == "ndarray":
        return Dtype.ARRAY, ()
    return Dtype.OTHER, ()


def _is_group(hint: Hint) -> bool:
    """Return True if values of this type are groups: it is a class of the program, not a collection or a builtin."""
    return (
        isinstance(hint, type)
        and hint.__module__ not in ("builtins", "typing", "datetime", "pathlib", "collections", "threading")
        and not issubclass(hint, list | tuple | dict | set | frozenset | bytes)
        and bool(_hints(hint) or any(isinstance(each, property) for each in vars(hint).values()))
    )


def _field(cls: type, name: str) -> Foreign:
    """Return the field of a dataclass or of a pydantic model, or None."""
    with contextlib.suppress(AttributeError, TypeError, KeyError):
        return cls.__pydantic_fields__[name]  # type: ignore[attr-defined]
    return getattr(cls, "__dataclass_fields__", {}).get(name)


def _text_of(field: Foreign) -> str:
    described = getattr(field, "description", None)
    metadata = getattr(field, "metadata", None)
    if described is None and isinstance(metadata, Mapping):
        described = metadata.get("description")
    return described if isinstance(described, str) else ""


def _parameter(cls: type, name: str) -> Foreign:
    param = sys.modules.get("param")
    known = getattr(cls, "param", None) if param and issubclass(cls, param.Parameterized) else None
    return known[name] if known is not None and name in known else None


def _of_param(parameter: Foreign) -> Extras:
    extras: Extras = []
    if getattr(parameter, "bounds", None):
        extras.append(Limits(*parameter.bounds))
    if getattr(parameter, "objects", None):
        extras.append(_Choices(tuple(parameter.objects)))
    if parameter.label:
        extras.append(Label(parameter.label))
    return extras


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
