"""What may be set, and how values read."""

import enum
import math

import numpy as np
import pytest

from dash_devices_nb.devices import Dtype, Reading, SignalInfo, Status
from dash_devices_nb.devices.signals import plain
from dash_devices_nb.errors import SetError, SignalError


class Mode(enum.Enum):
    SLOW = 1
    FAST = 2


def info(dtype: Dtype = Dtype.NUMBER, **more) -> SignalInfo:
    return SignalInfo(("A", "x"), dtype=dtype, **{"settable": True, **more})


@pytest.mark.parametrize(
    ("signal", "given", "taken"),
    [
        (info(), 3, 3),
        (info(), np.float32(1.5), 1.5),
        (info(limits=(0, 10)), 10, 10),
        (info(Dtype.INTEGER), 4.0, 4),
        (info(Dtype.INTEGER), 2**63 + 1, 2**63 + 1),
        (info(Dtype.BOOLEAN), 1, True),
        (info(Dtype.TEXT), "on", "on"),
        (info(Dtype.CHOICE, choices=("a", "b")), "b", "b"),
        (info(Dtype.CHOICE, choices=tuple(Mode)), "FAST", Mode.FAST),
        (info(Dtype.CHOICE, choices=tuple(Mode)), Mode.FAST, Mode.FAST),
        (info(Dtype.CHOICE, choices=(1, True)), True, True),
        (info(Dtype.OTHER), {"any": 1}, {"any": 1}),
    ],
)
def test_what_fits_is_taken(signal, given, taken):
    """A value that fits is given to the driver as its own type."""
    value = signal.checked(given)
    assert value == taken
    assert type(value) is type(taken)


@pytest.mark.parametrize(
    ("signal", "given", "said"),
    [
        (info(settable=False), 1, "A/x cannot be set; it is only read"),
        (info(limits=(0, 10), unit="K"), 11, "A/x takes a number from 0 to 10 K, not 11"),
        (info(limits=(0, None)), -1, "of at least 0, not -1"),
        (info(limits=(None, 5)), 6, "of at most 5, not 6"),
        (info(), math.nan, "takes a number, not nan"),
        (info(), 10**400, "takes a number, not 1000000"),
        (info(), math.inf, "not inf"),
        (info(), "3", "not '3'"),
        (info(), True, "not True"),
        (info(), None, "not None"),
        (info(Dtype.INTEGER), 1.5, "a whole number, not 1.5"),
        (info(Dtype.BOOLEAN), 2, "true or false, not 2"),
        (info(Dtype.TEXT), 2, "a text, not 2"),
        (info(Dtype.CHOICE, choices=("a", "b")), "c", "A/x takes 'a', 'b'; not 'c'"),
        (info(Dtype.CHOICE, choices=(1, 2)), True, "takes 1, 2; not True"),
    ],
)
def test_what_does_not_fit_is_refused(signal, given, said):
    """The refusal says the signal, what it takes, and what was given."""
    with pytest.raises(SetError) as refused:
        signal.checked(given)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("value", "precision", "text"),
    [
        (77.3512, 1, "77.4"),
        (1234567.0, None, "1.23457e+06"),
        (-3, None, "-3"),
        (-3.25, 2, "−3.25"),
        (math.nan, None, "NaN"),
        (2**80, None, "1.20893e+24"),
        (10**400, None, "∞"),
        ("half of a \ud83d", None, "half of a ?"),
        (-math.inf, None, "−∞"),
        (None, None, "–"),
        (True, None, "on"),
        (Mode.FAST, None, "FAST"),
        (np.arange(3), None, "3 values"),
        (np.zeros((100, 100)), None, "array of 100 × 100"),
        (b"\x00\xff", None, "00 ff"),
    ],
)
def test_values_as_people_read_them(value, precision, text):
    """Numbers have the signal's decimals; what is no number has words."""
    assert info(precision=precision).text(value) == text


class Awful:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("value", [Awful(), object(), np.array([np.nan, 1]), {1, 2}, 1 + 2j, [Mode.SLOW, b"a"]])
def test_any_value_can_be_shown(value):
    """Whatever a driver returns becomes something that pages can get."""
    info(Dtype.OTHER).text(value)
    shown = plain(value)
    assert isinstance(shown, str | float | int | list | type(None))


def test_a_failed_reading_keeps_the_last_good_value():
    """What failed says since when nothing is known, and why."""
    stale = Reading(5.0, 100.0, Status.OK).failed("no answer")
    assert (stale.value, stale.time, stale.status, stale.reason) == (5.0, 100.0, Status.STALE, "no answer")
    assert not stale.good
    assert Reading(5.0, 1.0, Status.MAJOR, "hihi").good


def test_a_signal_has_a_path():
    """An empty name is refused when the driver describes itself."""
    with pytest.raises(SignalError):
        SignalInfo(("A", ""))
