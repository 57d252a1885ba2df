"""ophyd-async devices: their signals push readings with time and severity. Nothing is polled.

A device that is not connected yet is connected here, on the loop of a separate thread, so that it stays live while
cells run. A device that the program has connected stays on its loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from ophyd_async.core import Device, SignalR, SignalW
from ophyd_async.core import Signal as OphydSignal

from dash_devices_nb.devices.drivers import async_thread
from dash_devices_nb.devices.drivers.base import Driver, DriverSignal, Report
from dash_devices_nb.devices.signals import Dtype, Reading, SignalInfo, Status
from dash_devices_nb.devices.types import Described, SignalValue
from dash_devices_nb.errors import DeviceError

CONNECT_SECONDS = 10.0
DTYPES = {
    "number": Dtype.NUMBER,
    "integer": Dtype.INTEGER,
    "boolean": Dtype.BOOLEAN,
    "string": Dtype.TEXT,
    "array": Dtype.ARRAY,
}
SEVERITIES = {0: Status.OK, 1: Status.MINOR, 2: Status.MAJOR, 3: Status.STALE, -1: Status.STALE}


class OphydAsyncDriver(Driver):
    """A device of ophyd-async."""

    def __init__(self, device: object, name: str | None = None) -> None:
        if not isinstance(device, Device):
            raise DeviceError(f"{type(device).__name__} is from ophyd_async, but is not a device")
        self.device = device
        self.name = name or device.name or type(device).__name__.lower()
        self.label = self.name
        if not device.name:
            device.set_name(self.name)
        task = getattr(device, "_connect_task", None)  # there is no public way to find the loop
        self._ours = task is None
        self.loop = async_thread.DRIVERS.acquire() if task is None else task.get_loop()
        if not self.loop.is_running():
            raise DeviceError(
                f"{self.name} was connected on an event loop that no longer runs; give devices.connect() the "
                "device before it is connected"
            )
        if self._ours:
            try:
                async_thread.call(self.loop, device.connect(timeout=CONNECT_SECONDS), CONNECT_SECONDS + 5)
            except BaseException as error:
                self.close()
                raise DeviceError(f"{self.name} could not be connected: {error}") from error

    def signals(self) -> Iterator[DriverSignal]:
        """Yield the signals of the device and of its children."""
        found = list(_walk(self.device, ()))
        infos = async_thread.call(self.loop, _described([each for _, each in found]))
        for (path, signal), data in zip(found, infos, strict=True):
            yield self._signal(path, signal, data)

    def close(self) -> None:
        """Stop using the loop, if it is ours."""
        if self._ours:
            self._ours = False
            async_thread.DRIVERS.release()

    def _signal(self, path: tuple[str, ...], signal: OphydSignal[SignalValue], data: Described) -> DriverSignal:
        readable, settable = isinstance(signal, SignalR), isinstance(signal, SignalW)
        control = (data.get("limits") or {}).get("control") or {}
        choices = tuple(data.get("choices") or ())
        dtype = DTYPES.get(str(data.get("dtype")), Dtype.OTHER)
        info = SignalInfo(
            path,
            path[-1].replace("_", " "),
            str(data.get("units") or ""),
            Dtype.CHOICE if choices else dtype,
            (control.get("low"), control.get("high")),
            choices,
            data.get("precision"),
            readable,
            settable,
            False,
            str(data.get("source") or ""),
        )
        write = None
        if isinstance(signal, SignalW):
            kind = signal.datatype

            def write(value: SignalValue) -> None:
                given = kind(value) if choices and isinstance(kind, type) else value
                async_thread.call(self.loop, _set(signal, given))

        def subscribe(report: Report) -> Callable[[], object]:
            assert isinstance(signal, SignalR)
            return self._subscribe(signal, report)

        return DriverSignal(
            info=info,
            read=(lambda: async_thread.call(self.loop, _read(signal))) if isinstance(signal, SignalR) else None,
            write=write,
            subscribe=subscribe if readable else None,
        )

    def _subscribe(self, signal: SignalR[SignalValue], report: Report) -> Callable[[], object]:
        def told(readings: Described) -> None:
            for each in readings.values():
                report(reading_of(each))

        async_thread.run_on(self.loop, lambda: signal.subscribe_reading(told))

        def end() -> None:
            if self.loop.is_running():
                async_thread.run_on(self.loop, lambda: signal.clear_sub(told))

        return end


def reading_of(said: Described) -> Reading:
    """Convert a Bluesky reading."""
    severity = int(said.get("alarm_severity", 0))
    status = SEVERITIES.get(severity, Status.STALE)
    reason = "" if status is Status.OK else said.get("message") or f"alarm severity {severity}"
    return Reading(said["value"], float(said["timestamp"]), status, str(reason))


def _walk(device: Device, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], OphydSignal[SignalValue]]]:
    for name, child in device.children():
        here = (*path, str(name))
        if isinstance(child, OphydSignal):
            if isinstance(child, SignalR | SignalW):
                yield here, child
        else:
            yield from _walk(child, here)


async def _described(signals: list[OphydSignal[SignalValue]]) -> list[Described]:
    async def one(signal: OphydSignal[SignalValue]) -> Described:
        if not isinstance(signal, SignalR):
            return {"source": signal.source}
        return dict(next(iter((await signal.describe()).values())))

    return list(await asyncio.gather(*map(one, signals)))


async def _read(signal: SignalR[SignalValue]) -> Reading:
    return reading_of(next(iter((await signal.read()).values())))


async def _set(signal: SignalW[SignalValue], value: SignalValue) -> None:
    await signal.set(value)
