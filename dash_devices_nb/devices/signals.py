"""Signals, readings, and the check of values to set: plain data, no I/O."""

from __future__ import annotations

import enum
import math
import numbers
from dataclasses import dataclass

from dash_devices_nb.devices.types import Choices, PropValue, Range, SignalValue
from dash_devices_nb.errors import SetError, SignalError

MOST_ELEMENTS = 4096
"""The most elements of an array that pages get as a value. Of larger arrays they get the shape as text."""
MOST_TEXT = 4096
"""The most characters of a text that pages get."""


class Dtype(enum.StrEnum):
    """The kind of a signal's values."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TEXT = "text"
    CHOICE = "choice"
    ARRAY = "array"
    OTHER = "other"


class Status(enum.StrEnum):
    """The quality of a reading. The alarm severities are those of EPICS."""

    OK = "ok"
    NEVER = "never"
    """It was not read yet."""
    STALE = "stale"
    """The last read failed or is overdue; the value is the last good one."""
    MINOR = "minor"
    MAJOR = "major"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class Reading:
    """A value of a signal, with its time and status.

    Attributes:
        value: the value. If the status is not good: the last good value, or None.
        time: when the value was read, in seconds since the epoch.
        status: the quality of the reading.
        reason: the failure or the alarm, or "".
    """

    value: SignalValue = None
    time: float | None = None
    status: Status = Status.NEVER
    reason: str = ""

    @property
    def good(self) -> bool:
        """Whether the value is current. A reading with an alarm is a good reading."""
        return self.status in (Status.OK, Status.MINOR, Status.MAJOR)

    def failed(self, reason: str, status: Status = Status.STALE) -> Reading:
        """Return this reading with its value and time, marked as not good."""
        return Reading(self.value, self.time, status, reason)


@dataclass(frozen=True, slots=True)
class SignalInfo:
    """The description of a signal.

    Attributes:
        path: the names from the device to the signal, such as ("A", "temperature").
        label: the name that pages show.
        unit: the unit of numbers, or "".
        dtype: the kind of its values.
        limits: the lowest and highest number that may be set. None: no limit.
        choices: the values that may be set, or () for any.
        precision: the number of decimals to show. None: six significant digits.
        readable, settable: whether the driver can read and set it.
        slow: whether the device takes time to reach a set value (a motor, a heater). Its read-back differs meanwhile.
        description: one sentence from the driver, or "".
    """

    path: tuple[str, ...]
    label: str = ""
    unit: str = ""
    dtype: Dtype = Dtype.OTHER
    limits: Range = (None, None)
    choices: Choices = ()
    precision: int | None = None
    readable: bool = True
    settable: bool = False
    slow: bool = False
    description: str = ""

    def __post_init__(self) -> None:
        if not self.path or not all(self.path):
            raise SignalError(f"a signal has a path of names, not {self.path!r}")

    @property
    def name(self) -> str:
        """The path as one text: "A/temperature"."""
        return "/".join(self.path)

    @property
    def group(self) -> tuple[str, ...]:
        """The path of its group, or () at the top."""
        return self.path[:-1]

    def checked(self, value: SignalValue) -> SignalValue:
        """Check a value, and return it as the driver gets it.

        Raises:
            SetError: the signal cannot be set, or does not accept this value.
        """
        if not self.settable:
            raise SetError(f"{self.name} cannot be set; it is only read")
        if self.choices:
            return self._chosen(value)
        match self.dtype:
            case Dtype.BOOLEAN:
                if isinstance(value, bool) or (isinstance(value, numbers.Integral) and value in (0, 1)):
                    return bool(value)
                raise SetError(f"{self.name} takes true or false, not {value!r:.60}")
            case Dtype.INTEGER | Dtype.NUMBER:
                return self._number(value)
            case Dtype.TEXT:
                if not isinstance(value, str):
                    raise SetError(f"{self.name} takes a text, not {value!r:.60}")
                return value
            case _:
                return value

    def _chosen(self, value: SignalValue) -> SignalValue:
        for choice in self.choices:
            if value is choice or (isinstance(value, enum.Enum) and value == choice):
                return choice  # from a cell
            if plain(choice) == value and isinstance(plain(choice), bool) == isinstance(value, bool):
                return choice
        accepted = ", ".join(repr(plain(each)) for each in self.choices[:20])
        raise SetError(f"{self.name} takes {accepted}{', ...' * (len(self.choices) > 20)}; not {value!r:.60}")

    def _number(self, value: SignalValue) -> float | int:
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(_float(value)):
            raise SetError(f"{self.name} takes a number{self._range()}, not {value!r:.60}")
        if self.dtype is Dtype.INTEGER:
            if float(value) != int(float(value)):
                raise SetError(f"{self.name} takes a whole number{self._range()}, not {value!r:.60}")
            value = int(float(value)) if not isinstance(value, numbers.Integral) else int(value)
        low, high = self.limits
        if (low is not None and value < low) or (high is not None and value > high):
            raise SetError(f"{self.name} takes a number{self._range()}, not {value!r:.60}")
        return int(value) if isinstance(value, numbers.Integral) else float(value)

    def _range(self) -> str:
        low, high = self.limits
        unit = f" {self.unit}" if self.unit else ""
        if low is not None and high is not None:
            return f" from {low:g} to {high:g}{unit}"
        if low is not None:
            return f" of at least {low:g}{unit}"
        return f" of at most {high:g}{unit}" if high is not None else ""

    def same(self, one: SignalValue, other: SignalValue) -> bool:
        """Return True if two values are equal to the precision of the signal."""
        one, other = plain(one), plain(other)
        if isinstance(one, bool) or isinstance(other, bool) or not (_is_real(one) and _is_real(other)):
            return bool(one == other)
        if self.precision is not None:
            return bool(abs(one - other) <= 0.5 * 10.0**-self.precision)
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-12)

    def text(self, value: SignalValue) -> str:
        """Return a value as text for people, without its unit."""
        value = plain(value)
        match value:
            case None:
                return "–"
            case bool():
                return "on" if value else "off"
            case int():
                return str(value)
            case float():
                if not math.isfinite(value):
                    return {math.inf: "∞", -math.inf: "−∞"}.get(value, "NaN")
                shown = f"{value:.6g}" if self.precision is None else f"{value:.{self.precision}f}"
                return shown.replace("-", "−")
            case str():
                return value if len(value) <= MOST_TEXT else value[:MOST_TEXT] + " ..."
            case list():
                return f"{len(value)} values"
            case _:
                return str(value)[:MOST_TEXT]


def is_number(value: object, above: float = 0.0, *, or_equal: bool = False) -> bool:
    """Return True if a value is a finite number above a limit, or equal to it. A boolean is not a number."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(_float(value)):
        return False
    return _float(value) > above or (or_equal and _float(value) == above)


def plain(value: SignalValue) -> PropValue:
    """Convert a value for pages: to a number, a text, a boolean, a list of those, or None. Never raises.

    Enum members become their names or texts, and bytes hexadecimal digits. Arrays become lists, unless too long.
    Integers of more than 64 bits become floating-point numbers. A character that cannot be sent becomes "?".
    """
    try:
        return _plain(value)
    except Exception as error:  # noqa: BLE001 - a driver's value may raise what it likes
        return f"a {type(value).__name__} that cannot be shown: it raised {type(error).__name__}"


def _plain(value: SignalValue) -> PropValue:
    if isinstance(value, enum.Enum):
        value = value.value if isinstance(value.value, str) else value.name
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value[: MOST_TEXT // 2]).hex(" ") + (" ..." if len(value) > MOST_TEXT // 2 else "")
    if isinstance(value, numbers.Integral):
        whole = int(value)
        return whole if -(2**63) <= whole < 2**63 else _float(whole)
    if isinstance(value, numbers.Real):
        return _float(value)
    if hasattr(value, "tolist") and hasattr(value, "shape"):
        if math.prod(value.shape) > MOST_ELEMENTS:
            return f"array of {' × '.join(map(str, value.shape))}"
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(each) for each in value] if len(value) <= MOST_ELEMENTS else f"{len(value)} values"
    if isinstance(value, complex):
        return f"{value:g}"
    try:
        return encodable(repr(value)[:MOST_TEXT])
    except Exception as error:  # noqa: BLE001 - a driver's value may raise what it likes
        return f"a {type(value).__name__} whose repr raised {type(error).__name__}"


def encodable(text: str) -> str:
    """A text without halves of characters, which Python may read from a device, and which cannot be sent."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _float(value: SignalValue) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _is_real(value: object) -> bool:
    return isinstance(value, int | float)
