"""A device as a tree of signals, polled by a real thread."""

import threading
from typing import Annotated, Literal

import pytest

from dash_devices_nb import Dash, devices
from dash_devices_nb.devices.device import HANGS_AFTER
from dash_devices_nb.errors import DeviceError, SetError, SignalError
from tests.support.eventually import eventually_sync


class Stage:
    """A device of one's own: it counts how it is talked to, and can be broken."""

    position: Annotated[float, devices.Limits(0, 100), devices.Unit("mm")] = 0.0
    mode: Literal["slow", "fast"] = "slow"

    def __init__(self) -> None:
        self.reads = 0
        self.talking = 0
        self.most_talking = 0
        self.fault: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.pressure_read = threading.Event()

    @property
    def temperature(self) -> Annotated[float, devices.Unit("K"), devices.Period(0.02)]:
        """How warm it is."""
        self.talking += 1
        self.most_talking = max(self.most_talking, self.talking)
        try:
            self.pressure_read.set()
            self.gate.wait(20)
            self.reads += 1
            if self.fault is not None:
                raise self.fault
            return 300.0 + self.reads
        finally:
            self.talking -= 1

    @property
    def current(self) -> Annotated[float, devices.Unit("A")]:
        return 1.0

    @current.setter
    def current(self, value: Annotated[float, devices.Limits(-5, 5)]) -> None:
        if value == 4:
            raise RuntimeError("interlock is open")


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def device(stage):
    with devices.connect(stage) as made:
        yield made


def test_the_tree_of_a_plain_object(device):
    """Annotated attributes and properties are signals, with limits, units, choices and what can be set."""
    assert {each.info.name for each in device} == {"position", "mode", "temperature", "current"}
    assert device.position.info.limits == (0, 100)
    assert device["position"] is device.position
    assert device.mode.info.choices == ("slow", "fast")
    assert not device.temperature.info.settable
    assert device.temperature.info.description == "How warm it is."
    assert device.current.info.limits == (-5, 5)
    assert device.position.value == ("stage/position", "value")
    assert "temperature" in dir(device)
    with pytest.raises(SignalError, match=r"stage has no signal 'tempo'; there is .*temperature"):
        device["tempo"]
    with pytest.raises(AttributeError):
        device.tempo  # noqa: B018


def test_it_is_polled_only_while_somebody_wants_it(device, stage):
    """Nobody looks, and nothing is read; then it is; then it is not."""
    assert stage.reads == 0
    device.want("a page", frozenset([device.temperature]))
    eventually_sync(lambda: stage.reads > 3)
    assert device.temperature.reading.good
    device.want("a page", frozenset())
    eventually_sync(lambda: not device.watched)
    with device.lock:
        before = stage.reads
    assert device.lock.acquire(timeout=1)
    device.lock.release()
    assert stage.reads == before


def test_a_read_that_fails_marks_its_signal_and_comes_back(device, stage):
    """Stale, with the reason and the time of the last good value; good again when the device is."""
    device.want("a page", frozenset([device.temperature, device.current]))
    eventually_sync(lambda: device.temperature.reading.good)
    stage.fault = ValueError("sensor open")
    eventually_sync(lambda: device.temperature.reading.status is devices.Status.STALE)
    reading = device.temperature.reading
    assert reading.reason == "sensor open"
    assert reading.value > 300
    assert device.current.reading.good
    stage.fault = None
    eventually_sync(lambda: device.temperature.reading.good, 10)


def test_a_set_is_read_back_and_checked(device, stage):
    """What does not fit never reaches the driver; what the driver refuses is told with its message."""
    assert device.position.set(42).value == 42
    assert stage.position == 42
    with pytest.raises(SetError, match="from 0 to 100 mm, not 101"):
        device.position.set(101)
    assert stage.position == 42
    with pytest.raises(SetError, match="stage/current was not set to 4: interlock is open") as refused:
        device.current.set(4)
    assert isinstance(refused.value.__cause__, RuntimeError)
    assert device.position.asked == 42


def test_nothing_talks_to_a_bus_at_the_same_time(stage):
    """Two devices on one bus, their polls, sets and `with device.lock` come one after the other."""
    one = devices.connect(stage, name="one", bus="GPIB")
    two = devices.connect(stage, name="two", bus="GPIB")
    assert one.lock is two.lock
    with one, two:
        one.want("a", frozenset([one.temperature]))
        two.want("b", frozenset([two.temperature]))

        def talk() -> None:
            for n in range(30):
                with one.lock:
                    two.position.set(n)
                    stage.temperature  # noqa: B018

        threads = [threading.Thread(target=talk) for _ in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert stage.reads > 90
    assert stage.most_talking == 1


def test_a_set_goes_before_the_polls_that_wait(device, stage):
    """It waits for the read that runs, and for no other."""
    stage.gate.clear()
    device.want("a page", frozenset(device))
    assert stage.pressure_read.wait(5)
    done = threading.Thread(target=device.position.set, args=(7,))
    done.start()
    eventually_sync(lambda: device.lock._waiting)
    before = stage.reads
    stage.gate.set()
    done.join(5)
    assert stage.position == 7
    assert stage.reads <= before + 1


def test_a_device_that_hangs_is_told_and_holds_up_no_other(device, stage, monkeypatch):
    """What is read for too long is named; another device goes on."""
    monkeypatch.setattr("dash_devices_nb.devices.device.HANGS_AFTER", 0.05)
    assert HANGS_AFTER > 1
    other = Stage()
    stage.gate.clear()
    with devices.connect(other, name="other") as healthy:
        device.want("a page", frozenset([device.temperature]))
        healthy.want("a page", frozenset([healthy.temperature]))
        eventually_sync(device.overdue)
        assert "while reading stage/temperature" in device.overdue()
        eventually_sync(lambda: other.reads > 3)
    stage.gate.set()


class Lying:
    """Raises in all that it is asked."""

    value: float

    def __getattribute__(self, name: str) -> object:
        if name == "value":
            raise OSError("no route to the device")
        return super().__getattribute__(name)


def test_a_device_that_was_never_there(monkeypatch):
    """It can be connected to, says what failed, and is tried again less and less often."""
    monkeypatch.setattr("dash_devices_nb.devices.schedule.FIRST_DELAY", 0.01)
    with devices.connect(Lying()) as device:
        device.want("a page", frozenset(device))
        eventually_sync(lambda: device["value"].reading.status is devices.Status.STALE)
        assert device["value"].reading.time is None
        assert device["value"].reading.reason == "no route to the device"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: devices.connect(Stage), "takes an object of Stage, not the class"),
        (lambda: devices.connect(object()), "object has no signals"),
        (lambda: devices.connect(Stage(), name="a.b"), "no dot, slash, brace or space"),
        (lambda: devices.connect(Stage(), periods={"x": 1}), "periods= names 'x', which stage has not"),
        (lambda: devices.connect(Stage(), period=0), "a positive number of seconds, not 0"),
        (lambda: devices.connect(Stage(), period="1"), "a positive number of seconds, not '1'"),
        (lambda: devices.connect(Stage(), periods={"position": 0}), "a positive number of seconds, not 0"),
        (lambda: devices.connect(Stage(), name=5), "no dot, slash, brace or space, and is not empty: 5"),
        (lambda: devices.panel(None), "takes a device or a group of one, such as device.A, not None"),
        (
            lambda: devices.panel(devices.connect(Stage()), open=["A"]),
            "open= names 'A', which is no group of this panel",
        ),
        (
            lambda: Dash("one", devices=devices.connect(Stage())),
            "takes a list, also of one device: devices=\\[stage\\]",
        ),
        (lambda: devices.row("temperature"), "row\\(\\) takes one signal"),
    ],
)
def test_bad_input(make, said):
    """What is wrong is said when it is written."""
    with pytest.raises(DeviceError, match=said):
        make()
