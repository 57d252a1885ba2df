"""Hold-to-run: set while it is held, released in every other case."""

from __future__ import annotations

import threading
import time
from typing import Annotated

import pytest

from dash_devices_nb import devices
from dash_devices_nb.devices import Limits
from dash_devices_nb.devices.holds import Holds, find_in, hold
from dash_devices_nb.errors import DeviceError, SetError
from tests.support.eventually import eventually_sync


class Motor:
    """Notes what was set, and when."""

    def __init__(self) -> None:
        self.sets: list[tuple[float, float]] = []
        self.fault = False
        self._speed = 0.0
        self.slow = threading.Event()
        self.slow.set()

    @property
    def speed(self) -> Annotated[float, Limits(-10, 10)]:
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        self.slow.wait(5)
        if self.fault:
            raise RuntimeError("bus error")
        self._speed = value
        self.sets.append((value, time.monotonic()))


@pytest.fixture
def motor():
    return Motor()


@pytest.fixture
def device(motor):
    with devices.connect(motor) as made:
        yield made


@pytest.fixture
def failures():
    return []


@pytest.fixture
def holds(device, failures):
    hold(device.speed, 5, 0, hold=0.2, label="jog")
    made = Holds(find_in([device]), failures.append)
    yield made
    made.close()


KEY = "motor/speed jog"


def values(motor: Motor) -> list[float]:
    return [value for value, _ in motor.sets]


def test_held_and_let_go(holds, motor):
    """It is set once however often the page says that it holds it, and released at once."""
    for number in range(5):
        holds.beat(KEY, "page", 1, number, True)
    holds.beat(KEY, "page", 1, 9, False)
    eventually_sync(lambda: values(motor) == [5, 0])


def test_a_page_that_falls_silent(holds, motor):
    """The released value is set within the time, and a late beat of that press does not start it again."""
    began = time.monotonic()
    holds.beat(KEY, "page", 1, 1, True)
    eventually_sync(lambda: values(motor) == [5, 0])
    assert motor.sets[1][1] - began >= 0.19
    holds.beat(KEY, "page", 1, 2, True)
    assert values(motor) == [5, 0]
    holds.beat(KEY, "page", 2, 3, True)
    eventually_sync(lambda: values(motor) == [5, 0, 5, 0])


def test_a_page_that_goes(holds, motor):
    """It is released at once, not after the time."""
    began = time.monotonic()
    holds.beat(KEY, "page", 1, 1, True)
    holds.left("page")
    eventually_sync(lambda: values(motor) == [5, 0])
    assert motor.sets[1][1] - began < 0.19


def test_beats_that_overtake_each_other(holds, motor):
    """A beat that arrives after the release of its press counts no more."""
    holds.beat(KEY, "page", 1, 1, True)
    holds.beat(KEY, "page", 1, 3, False)
    holds.beat(KEY, "page", 1, 2, True)
    eventually_sync(lambda: values(motor) == [5, 0])


def test_two_pages_hold_it(holds, motor):
    """It is released when the last of them lets go."""
    holds.beat(KEY, "one", 1, 1, True)
    holds.beat(KEY, "two", 1, 1, True)
    holds.beat(KEY, "one", 1, 2, False)
    assert values(motor) == [5]
    holds.beat(KEY, "two", 1, 2, False)
    eventually_sync(lambda: values(motor) == [5, 0])


def test_a_set_that_hangs_does_not_come_after_the_release(holds, motor, device):
    """What waited for the bus while the button was let go is not set any more, or it is released after it."""
    with device.lock:
        pressing = threading.Thread(target=holds.beat, args=(KEY, "page", 1, 1, True))
        pressing.start()
        eventually_sync(lambda: device.lock._waiting)
        holds.beat(KEY, "page", 1, 2, False)
    pressing.join()
    eventually_sync(lambda: values(motor)[-1:] == [0])
    assert device.speed.reading.value == 0


def test_a_release_that_fails_is_tried_again(holds, motor, failures):
    """Until the device has let go; it is told once."""
    holds.beat(KEY, "page", 1, 1, True)
    motor.fault = True
    holds.beat(KEY, "page", 1, 2, False)
    eventually_sync(lambda: failures)
    motor.fault = False
    eventually_sync(lambda: values(motor) == [5, 0])
    assert len(failures) == 1


def test_closing_lets_go(device, motor, failures):
    """An app that ends leaves nothing running."""
    hold(device.speed, 5, 0, label="jog", hold=10)
    holds = Holds(find_in([device]), failures.append)
    holds.beat(KEY, "page", 1, 1, True)
    holds.close()
    assert values(motor) == [5, 0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"value": 11, "released": 0}, "not 11"),
        ({"value": 1, "released": "x"}, "not 'x'"),
        ({"value": 1, "released": 0, "hold": 0}, "hold= is 0.05 to 10 seconds, not 0"),
    ],
)
def test_bad_input(device, arguments, said):
    """What is wrong is said when the layout is made."""
    with pytest.raises((SetError, DeviceError), match=said):
        hold(device.speed, **arguments)
    with pytest.raises(DeviceError, match="takes one signal"):
        hold("motor/speed", 1, 0)
