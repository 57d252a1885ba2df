"""Real drivers of others: QCoDeS on pyvisa-sim, pymeasure, ophyd-async, an EPICS IOC, a serial line."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import os
import subprocess
import sys
import threading
from typing import Annotated, Final

import annotated_types
import pydantic
import pytest
from playwright.async_api import expect

from dash_devices_nb import Dash, devices
from dash_devices_nb.devices import Dtype, Status
from dash_devices_nb.devices.drivers import driver_of
from dash_devices_nb.errors import DeviceError, SetError
from tests.support.browser import Tabs
from tests.support.eventually import eventually_sync
from tests.support.serving import Serving

# ---- QCoDeS


@pytest.fixture
def lakeshore():
    drivers = pytest.importorskip("qcodes.instrument_drivers.Lakeshore")
    instrument = drivers.LakeshoreModel336("ls", "GPIB::2::INSTR", pyvisa_sim_file="lakeshore_model336.yaml")
    yield instrument
    instrument.close()


def test_a_qcodes_driver(lakeshore):
    """Submodules are groups; labels, units, limits and choices are those of the driver; values are read and set."""
    with devices.connect(lakeshore) as device:
        assert device.name == "ls"
        assert len(device) > 120
        assert device.A.temperature.info.unit == "K"
        assert device.output_1.P.info.limits == (0.1, 1000)
        assert device.output_1.mode.info.choices[:2] == ("off", "closed_loop")
        assert device.A.auto_range_enabled.info.dtype is Dtype.BOOLEAN
        assert "IDN" not in dir(device)
        assert device.output_1.P.set(25.0).value == 25.0
        assert device.output_1.mode.set("off").value == "off"
        with pytest.raises(SetError, match=r"output_1/P takes a number from 0.1 to 1000"):
            device.output_1.P.set(0)
        wrong = device.output_4.output_type.read()  # the simulation answers what the driver does not know
        assert wrong.status is Status.STALE
        assert "val_mapping" in wrong.reason


def test_a_qcodes_device_is_polled(lakeshore):
    """Reads of the real driver on the thread of its bus, while it is set from this one."""
    with devices.connect(lakeshore, period=0.05) as device:
        device.want("a page", frozenset(device.A))
        eventually_sync(lambda: all(each.reading.good for each in device.A if each.info.name != "A/range"), 15)
        device.A.sensor_name.set("a name of 15 letters")
        assert device.A.sensor_name.reading.value == "a name of 15 letters"


# ---- pymeasure


def test_a_pymeasure_driver():
    """Its properties are signals with their docstrings; what every instrument has is left out."""
    fakes = pytest.importorskip("pymeasure.instruments.fakes")
    with devices.connect(fakes.SwissArmyFake()) as device:
        assert {"voltage", "output_voltage", "frame_width"} <= {each.info.name for each in device}
        assert "next_error" not in dir(device)
        assert device.voltage.info.description == "Measure the voltage."
        assert not device.voltage.info.settable
        assert device.frame_width.set(20).value == 20
        assert isinstance(device.voltage.read().value, int | float)


def test_limits_of_pymeasure_properties():
    """A strict range gives limits, a strict set choices; a range that truncates gives none, as the device clips."""
    pytest.importorskip("pymeasure")
    from pymeasure.adapters import ProtocolAdapter
    from pymeasure.instruments import Channel, Instrument
    from pymeasure.instruments.validators import strict_discrete_set, strict_range, truncated_range

    class Output(Channel):
        level = Instrument.control("L{ch}?", "L{ch} %g", "Control the level.", validator=strict_range, values=[0, 5])

    class Source(Instrument):
        out = Instrument.ChannelCreator(Output, "1")
        range = Instrument.control("R?", "R %d", "Control the range.", validator=strict_discrete_set, values=[1, 10])
        clipped = Instrument.control("C?", "C %g", "Control.", validator=truncated_range, values=[0, 5])
        only_set = Instrument.setting("S %g", "Set the speed.")

    adapter = ProtocolAdapter([(b"L1 3", None), (b"L1?", b"3")])
    with devices.connect(Source(adapter, "source", includeSCPI=False), name="source") as device:
        assert device.out.level.info.limits == (0, 5)
        assert device.range.info.choices == (1, 10)
        assert device.clipped.info.limits == (None, None)
        assert not device.only_set.info.readable
        assert device.out.level.set(3).value == 3


# ---- ophyd-async


def test_an_ophyd_async_device():
    """Soft signals describe themselves and push; a set from this thread runs on the loop of the device."""
    core = pytest.importorskip("ophyd_async.core")

    class Speed(core.StrictEnum):
        SLOW = "slow"
        FAST = "fast"

    class Stage(core.StandardReadable):
        def __init__(self, name: str = "") -> None:
            self.position = core.soft_signal_rw(float, 1.0, units="mm", precision=3)
            self.speed = core.soft_signal_rw(Speed)
            self.x = core.StandardReadable()
            self.x.readback, self.set_readback = core.soft_signal_r_and_setter(int, 3)
            super().__init__(name)

    with devices.connect(Stage("stage")) as device:
        info = device.position.info
        assert (info.unit, info.precision, info.dtype, info.settable) == ("mm", 3, Dtype.NUMBER, True)
        assert device.speed.info.choices == ("slow", "fast")
        assert not device.x.readback.info.settable
        seen: list[object] = []
        device.listen(lambda signal, reading: seen.append((signal.info.name, reading.value)))
        device.want("a page", frozenset(device))
        eventually_sync(lambda: ("position", 1.0) in seen)
        assert device.position.set(2.5).value == 2.5
        eventually_sync(lambda: ("position", 2.5) in seen)
        assert device.speed.set("fast").value == "fast"
        with pytest.raises(SetError, match="'slow', 'fast'; not 'warp'"):
            device.speed.set("warp")


def test_a_device_that_is_closed_before_its_app():
    """What an app still wants of it is not asked for on a loop that has ended."""
    core = pytest.importorskip("ophyd_async.core")

    class Stage(core.StandardReadable):
        def __init__(self, name: str = "") -> None:
            self.position = core.soft_signal_rw(float, 1.0)
            super().__init__(name)

    device = devices.connect(Stage("closed"))
    device.close()
    device.want("an app", frozenset(device))
    assert device.position.reading.status is Status.NEVER
    with pytest.raises(SetError, match="was not set to 2"):
        device.position.set(2.0)


# ---- EPICS


IOC = """
import runpy, sys
import caproto.server, caproto.asyncio.server
print("ready", flush=True)
sys.stdin.readline()
runpy.run_module("caproto.ioc_examples.simple", run_name="__main__")
"""


@pytest.fixture
def ioc(monkeypatch, tmp_path):
    """An IOC of caproto in a process of its own: `prepare()` and `start()` it, `kill()` it.

    One that is prepared comes at once. A client looks the more seldom for an IOC the longer it is away.
    """
    pytest.importorskip("caproto")
    pytest.importorskip("aioca")
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", "127.0.0.1")
    monkeypatch.setenv("EPICS_CA_AUTO_ADDR_LIST", "NO")
    running: list[subprocess.Popen[bytes]] = []
    prefix = f"t{os.getpid()}:"

    def prepare() -> None:
        command = [sys.executable, "-c", IOC, "--prefix", prefix, "--interfaces", "127.0.0.1"]
        with (tmp_path / "ioc.log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", (tmp_path / "ioc.log").read_text()

    def start() -> None:
        if not running:
            prepare()
        stdin = running[-1].stdin
        assert stdin is not None
        stdin.write(b"go\n")
        stdin.flush()

    def kill() -> None:
        with running.pop() as process:
            process.kill()

    yield prefix, start, kill, prepare
    while running:
        kill()


def test_an_epics_ioc_that_dies_and_comes_back(ioc):
    """Values are monitored; a killed IOC shows as disconnected, with the last value; a new one is found by itself."""
    prefix, start, kill, _ = ioc
    start()
    with devices.connect(devices.epics("ioc", {"A": f"{prefix}A", "B": f"{prefix}B"}, timeout=10)) as device:
        assert device.A.info.dtype is Dtype.INTEGER
        device.want("a page", frozenset(device))
        eventually_sync(lambda: device.A.reading.good and device.B.reading.good, 10)
        assert device.A.set(7).value == 7
        kill()
        eventually_sync(lambda: device.A.reading.status is Status.DISCONNECTED, 15)
        assert device.A.reading.value == 7
        assert device.A.reading.reason == f"{prefix}A is not connected"
        start()
        eventually_sync(lambda: device.A.reading.good, 30)
        assert device.A.reading.value == 1


async def test_pages_while_an_ioc_dies_and_comes_back(ioc, serve: Serving, browser: Tabs):
    """Each page says that it is disconnected, beside the last value, and goes on by itself with the new one."""
    prefix, start, kill, _ = ioc
    await asyncio.to_thread(start)
    made = devices.epics("ioc", {"A": f"{prefix}A"}, timeout=10)
    with await asyncio.to_thread(devices.connect, made) as device:
        app = Dash(__name__, devices=[device])
        app.layout = devices.panel(device)
        url = await serve(app)
        pages = await asyncio.gather(browser.open(url), browser.open(url))

        async def say(value: str, state: str, summary: str) -> None:
            for page in pages:
                await expect(page.locator(".ddn-summary")).to_have_text(summary, timeout=30_000)
                await expect(page.locator(".ddn-value")).to_have_text(value)
                await expect(page.locator(".ddn-notes")).to_contain_text(state)

        await say("1", "", "live")
        await pages[0].get_by_label("set A").fill("7")
        await pages[0].get_by_label("set A").press("Enter")
        await say("7", "", "live")
        await asyncio.to_thread(kill)
        await say("7", f"{prefix}A is not connected", "1 disconnected")
        await asyncio.to_thread(start)
        await say("1", "", "live")
        for page in pages:
            await expect(page.locator(".ddn-state")).to_have_count(0)
        await pages[1].get_by_label("set A").fill("8")
        await pages[1].get_by_label("set A").press("Enter")
        await say("8", "", "live")


def test_an_ioc_that_comes_later(ioc):
    """A device whose IOC is away can be connected; it says so, and what it is when the IOC comes."""
    prefix, start, _, prepare = ioc
    prepare()
    with devices.connect(devices.epics("late", {"A": f"{prefix}A"}, timeout=0.3)) as device:
        device.want("a page", frozenset(device))
        eventually_sync(lambda: device.A.reading.status is Status.DISCONNECTED, 10)
        assert device.A.info.dtype is Dtype.OTHER
        start()
        eventually_sync(lambda: device.A.reading.good, 30)
        assert device.A.info.dtype is Dtype.INTEGER


def test_a_pv_for_reading_only(ioc):
    """What is named in `read_only` cannot be set from here."""
    prefix, start, _, _ = ioc
    start()
    made = devices.epics("ioc", {"A": f"{prefix}A"}, read_only=["A"], timeout=10)
    with devices.connect(made) as device, pytest.raises(SetError, match="A cannot be set"):
        device.A.set(3)


# ---- a serial line


class SerialThermometer:
    """A driver of one's own over pyserial."""

    def __init__(self, port: str) -> None:
        import serial

        self._port = port
        self._serial = serial
        self.reconnect()

    def reconnect(self) -> None:
        """Open the port."""
        self._line = self._serial.Serial(self._port, timeout=0.3)

    @property
    def temperature(self) -> Annotated[float, devices.Unit("°C")]:
        self._line.write(b"T?\n")
        answer = self._line.readline()
        if not answer:
            raise TimeoutError("no answer to T?")
        return float(answer)

    def close(self) -> None:
        """Close the port."""
        self._line.close()


def test_a_serial_device():
    """A thermometer behind a pseudo-terminal: it answers, falls silent, and answers again."""
    pytest.importorskip("serial")
    import pty
    import tty

    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    silent = threading.Event()

    def answer() -> None:
        while (asked := os.read(ours, 100)) and b"stop" not in asked:
            if not silent.is_set():
                os.write(ours, b"21.5\n")

    thread = threading.Thread(target=answer)
    thread.start()
    thermometer = SerialThermometer(os.ttyname(theirs))
    try:
        with devices.connect(thermometer, name="t", period=0.05) as device:
            device.want("a page", frozenset(device))
            eventually_sync(lambda: device.temperature.reading.value == 21.5)
            silent.set()
            eventually_sync(lambda: device.temperature.reading.reason == "no answer to T?")
            silent.clear()
            eventually_sync(lambda: device.temperature.reading.good, 20)
    finally:
        os.write(theirs, b"stop\n")
        thread.join()
        thermometer.close()
        os.close(ours)
        os.close(theirs)


# ---- plain classes


class Mode(enum.Enum):
    OFF = 0
    ON = 1


@dataclasses.dataclass
class Channel:
    level: Annotated[float, annotated_types.Interval(ge=0, le=10)] = 1.0
    mode: Mode = Mode.OFF


@dataclasses.dataclass
class Rack:
    serial_number: Final = "A1"
    left: Channel = dataclasses.field(default_factory=Channel)
    right: Channel = dataclasses.field(default_factory=Channel)
    _secret: int = 3


class Model(pydantic.BaseModel):
    level: float = pydantic.Field(1.0, ge=0, le=5, description="How loud.")
    label: str | None = "x"


def test_a_dataclass_is_a_tree():
    """Fields that are objects of one's own are groups; what is private is none, what is final is only read."""
    rack = Rack()
    with devices.connect(rack) as device:
        assert {each.info.name for each in device} == {"left/level", "left/mode", "right/level", "right/mode"} | (
            {"serial_number"} if "serial_number" in dir(device) else set()
        )
        assert device.right.level.info.limits == (0, 10)
        device.right.mode.set("ON")
        assert rack.right.mode is Mode.ON
        assert rack.left.mode is Mode.OFF


def test_a_pydantic_model_has_its_limits():
    """Limits and descriptions are those of its fields."""
    with devices.connect(Model()) as device:
        assert device.level.info.limits == (0, 5)
        assert device.level.info.description == "How loud."
        assert device["label"].info.dtype is Dtype.TEXT


def test_param_parameters_have_their_bounds():
    """Bounds, choices and labels are those of the parameters."""
    param = pytest.importorskip("param")

    class Tuner(param.Parameterized):
        frequency: float = param.Number(100.0, bounds=(80, 120), label="Frequency")
        band: str = param.Selector(objects=["VHF", "UHF"])

    with devices.connect(Tuner(), name="tuner") as device:
        assert device.frequency.info.limits == (80, 120)
        assert device.band.info.choices == ("VHF", "UHF")


# ---- drivers that are not there, or that misbehave


def test_a_package_that_is_not_there_is_named():
    """The error says what to install."""
    blocked = (
        "import sys; sys.modules['aioca'] = None\nfrom dash_devices_nb import devices\ndevices.epics('a', {'b': 'c'})"
    )
    done = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True, check=False)
    assert 'pip install "dash-devices-nb[epics]"' in done.stderr.splitlines()[-1]


class Changing(devices.Driver):
    name = "changing"

    def __init__(self, *made: devices.DriverSignal) -> None:
        self.made = made

    def signals(self):
        yield from self.made


def test_a_driver_of_ones_own():
    """A subclass of `Driver` needs no entry point; two signals of one name are refused."""
    signal = devices.DriverSignal(info=devices.SignalInfo(("x",)), read=lambda: 3)
    with devices.connect(Changing(signal)) as device:
        assert device.x.read().value == 3
    with pytest.raises(DeviceError, match="changing has two signals 'x'"):
        devices.connect(Changing(signal, signal))
    with pytest.raises(DeviceError, match="takes an object"):
        driver_of(Changing, None)
