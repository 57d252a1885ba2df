"""Drivers that give odd values, exit, or change what they have: said where it is shown, and nothing else harmed."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dash_devices_nb import Dash, devices
from dash_devices_nb.devices import Driver, DriverSignal, Dtype, Reading, SignalInfo, Status
from dash_devices_nb.errors import DeviceError, SetError, SignalError
from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually, eventually_sync
from tests.support.serving import Serving


class Odd(Driver):
    """Has the signals that it is given, as functions that read them."""

    name = "odd"

    def __init__(self, **reads: Callable[[], Any]) -> None:
        self.reads = reads
        self.values: dict[str, Any] = {}

    def signals(self):
        for name, read in self.reads.items():
            yield DriverSignal(
                info=SignalInfo((name,), settable=True, dtype=Dtype.OTHER),
                read=lambda read=read, name=name: self.values.get(name, read()),
                write=lambda value, name=name: self.values.__setitem__(name, value),
                period=0.02,
            )


class Mode(enum.Enum):
    SLOW = 1


def exits() -> None:
    raise SystemExit("the driver exits")


def broken() -> None:
    raise OSError("no \udcff answer")


ODD: dict[str, tuple[Any, Any, str]] = {
    "nan": (math.nan, None, "NaN"),
    "infinity": (-math.inf, None, "−∞"),
    "huge": (10**400, None, "∞"),
    "long": (2**70, 2.0**70, "1.18059e+21"),
    "array": (np.array([1, math.nan]), [1, None], "2 values"),
    "image": (np.zeros((90, 90)), "array of 90 × 90", "array of 90 × 90"),
    "raw": (b"\x00\xff", "00 ff", "00 ff"),
    "mode": (Mode.SLOW, "SLOW", "SLOW"),
    "half": ("\ud83d", "?", "?"),
    "complex": (1 + 2j, "1+2j", "1+2j"),
}


async def test_odd_values_reach_the_pages(serve: Serving):
    """Each as a text and as something that can be sent; what exits or fails says so; one that is well stays well."""
    reads = {name: lambda value=value: value for name, (value, _, _) in ODD.items()}
    with devices.connect(Odd(exits=exits, broken=broken, **reads, well=lambda: 1)) as device:
        app = Dash(__name__, devices=[device])
        app.layout = devices.panel(device)
        async with Tab(await serve(app)) as tab:
            await tab.watch(*[each.id for each in device])
            for name, (_, value, text) in ODD.items():
                await tab.expect(f"odd/{name}", "reading", lambda said, text=text: said and said["text"] == text)
                assert tab.prop(f"odd/{name}", "value") == value
            for name, said in (("exits", "SystemExit: the driver exits"), ("broken", "no ? answer")):
                await tab.expect(f"odd/{name}", "reading", lambda shown, said=said: shown and shown["reason"] == said)
            await tab.expect("odd/well", "value", 1)
            device.driver.values["well"] = 2
            await tab.expect("odd/well", "value", 2)
        assert not app.errors


async def test_odd_values_are_recorded(tmp_path):
    """Numbers as numbers, all else as text."""
    pytest.importorskip("duckdb")
    reads = {name: lambda value=value: value for name, (value, _, _) in ODD.items()}
    with devices.connect(Odd(**reads)) as device:
        app = Dash(__name__, devices=[device])
        with app.record(device, file=tmp_path / "odd.duckdb") as history:
            await eventually(lambda: len(set(history.to_frame().signal)) == len(ODD), 10)
            frame = history.to_frame().drop_duplicates("signal").set_index("signal")
            assert not history.fault
            assert frame.text["odd/raw"] == "00 ff"
            assert frame.value["odd/huge"] == math.inf


def test_a_driver_that_changes_its_tree():
    """What stays is the same signal and goes on; what is gone says so; what is new is found, read and set."""
    driver = Odd(a=lambda: 1, b=lambda: 2)
    with devices.connect(driver) as device:
        a, b = device.a, device.b
        heard: list[tuple[str, Reading]] = []
        device.listen(lambda signal, reading: heard.append((signal.info.name, reading)))
        device.want("a page", frozenset(device))
        eventually_sync(lambda: a.reading.good and b.reading.good)
        driver.reads = {"a": lambda: 10, "c": lambda: 3}
        device.refresh()
        assert device.a is a
        assert dir(device)[:2] != ["a", "b"]
        eventually_sync(lambda: a.reading.value == 10)
        assert (b.reading.status, b.reading.value) == (Status.DISCONNECTED, 2)
        assert b.reading.reason == "the device no longer has it"
        assert ("b", b.reading) in heard
        with pytest.raises(SignalError, match="odd has no signal 'b'; there is a, c"):
            device["b"]
        with pytest.raises(SetError, match="odd no longer has b"):
            b.set(3)
        device.want("a page", frozenset([a, b, device.c]))
        eventually_sync(lambda: device.c.reading.value == 3)
        assert device.c.set(4).value == 4


def test_a_refresh_that_fails_changes_nothing():
    """The driver raises, or has two signals of one name: it is said, and all goes on as it was."""
    driver = Odd(a=lambda: 1)
    with devices.connect(driver) as device:
        signal = device.a
        device.want("a page", frozenset(device))

        def fails():
            raise RuntimeError("unplugged")

        def twice():
            yield from Odd.signals(driver)
            yield from Odd.signals(driver)

        for wrong, said in ((fails, "cannot describe its signals: unplugged"), (twice, "two signals 'a'")):
            driver.signals = wrong
            with pytest.raises(DeviceError, match=said):
                device.refresh()
            assert device.a is signal
        driver.values["a"] = 5
        eventually_sync(lambda: signal.reading.value == 5)


async def test_pages_follow_a_device_that_changes(serve: Serving):
    """An open page says of what is gone that it is; the next one has the new signals, and can set them."""
    driver = Odd(a=lambda: 1, b=lambda: 2)
    with devices.connect(driver) as device:
        app = Dash(__name__, devices=[device])
        app.layout = lambda: devices.panel(device)
        url = await serve(app)
        async with Tab(url) as tab:
            await tab.watch("odd/a", "odd/b")
            await tab.expect("odd/b", "value", 2)
            driver.reads = {"a": lambda: 10, "c": lambda: 3}
            device.refresh()
            await tab.expect("odd/b", "reading", lambda said: said["status"] == "disconnected")
            await tab.expect("odd/a", "value", 10)
            async with Tab(url) as late:
                await late.watch("odd/a", "odd/c")
                await late.expect("odd/c", "value", 3)
                await late.act("odd/c", "asked", {"value": 7, "number": 1})
                await late.expect("odd/c", "value", 7)
                await late.act("odd/a", "asked", {"value": 8, "number": 1})
                for each in (tab, late):
                    await each.expect("odd/a", "value", 8)
        assert not app.errors
