"""EPICS process variables over Channel Access (`aioca`): monitored, with time, severity and connection."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping

import aioca
from aioca import DBR_ENUM, FORMAT_CTRL, FORMAT_TIME, caget, cainfo, camonitor, caput

from dash_devices_nb.devices.drivers import async_thread
from dash_devices_nb.devices.drivers.base import Driver, DriverSignal, Report
from dash_devices_nb.devices.signals import Dtype, Reading, SignalInfo, Status
from dash_devices_nb.devices.types import Foreign, SignalValue
from dash_devices_nb.errors import DeviceError

CONNECT_SECONDS = 5.0
PUT_SECONDS = 10.0
SEVERITIES = {0: Status.OK, 1: Status.MINOR, 2: Status.MAJOR, 3: Status.STALE}
ALARMS = (
    "no alarm", "read", "write", "hihi", "high", "lolo", "low", "state", "cos", "comm", "timeout", "hw limit", "calc",
    "scan", "link", "soft", "bad sub", "udf", "disable", "simm", "read access", "write access",
)  # fmt: skip
"""The alarm conditions of EPICS, by number (`alarm.h`)."""
_INTEGERS = frozenset({"DBF_SHORT", "DBF_CHAR", "DBF_LONG"})


class EpicsDriver(Driver):
    """Process variables as one device.

    Args:
        name: the name of the device.
        pvs: the process variables, by the path of the signal: `{"temperature": "IOC:T", "A/pressure": "IOC:P"}`.
        read_only: the paths of signals that must not be set from here.
        timeout: seconds for the first connection. A variable that has not answered by then is shown as disconnected,
            until its IOC answers.
    """

    def __init__(
        self, name: str, pvs: Mapping[str, str], *, read_only: Iterable[str] = (), timeout: float = CONNECT_SECONDS
    ) -> None:
        self.name = self.label = name
        self._pvs = {tuple(path.split("/")): pv for path, pv in dict(pvs).items()}
        if not self._pvs:
            raise DeviceError(f"epics({name!r}) takes process variables: {{'temperature': 'IOC:TEMP'}}")
        self._read_only = frozenset(read_only)
        self._timeout = timeout
        self._made: dict[tuple[str, ...], DriverSignal] = {}
        self._choices: dict[str, tuple[str, ...]] = {}
        self._last: dict[str, Reading] = {}
        self._open = True
        self.loop = async_thread.DRIVERS.acquire()

    def signals(self) -> Iterable[DriverSignal]:
        """Yield one signal for each process variable."""
        infos = async_thread.call(self.loop, self._describe_all(), self._timeout + 10)
        for (path, pv), info in zip(self._pvs.items(), infos, strict=True):
            self._made[path] = DriverSignal(
                info=info,
                read=functools.partial(self._read, pv),
                write=functools.partial(self._write, pv),
                subscribe=functools.partial(self._subscribe, path, pv),
            )
        return list(self._made.values())

    def close(self) -> None:
        """Stop using the loop."""
        if self._open:
            self._open = False
            async_thread.run_on(self.loop, aioca.purge_channel_caches)
            async_thread.DRIVERS.release()

    async def _describe_all(self) -> list[SignalInfo]:
        return list(await asyncio.gather(*(self._describe(path, pv) for path, pv in self._pvs.items())))

    async def _describe(self, path: tuple[str, ...], pv: str) -> SignalInfo:
        settable = "/".join(path) not in self._read_only
        unknown = SignalInfo(path, path[-1].replace("_", " "), settable=settable, description=pv)
        said = await caget(pv, format=FORMAT_CTRL, timeout=self._timeout, throw=False)
        if not said.ok:
            return unknown
        about = await cainfo(pv, timeout=self._timeout, throw=False)
        settable = settable and bool(getattr(about, "write", True))
        self._choices[pv] = tuple(map(str, getattr(said, "enums", ()) if said.datatype == DBR_ENUM else ()))
        low, high = getattr(said, "lower_ctrl_limit", 0), getattr(said, "upper_ctrl_limit", 0)
        return dataclasses.replace(
            unknown,
            unit=str(getattr(said, "units", "") or ""),
            dtype=_dtype(said, about, self._choices[pv]),
            limits=(float(low), float(high)) if high > low else (None, None),
            choices=self._choices[pv],
            precision=getattr(said, "precision", None),
            settable=settable,
        )

    def _subscribe(self, path: tuple[str, ...], pv: str, report: Report) -> Callable[[], object]:
        known = self._made[path].info.dtype is not Dtype.OTHER

        async def told(value: Foreign) -> None:
            nonlocal known
            if not value.ok:
                self._last[pv] = self._last.get(pv, Reading()).failed(f"{pv} is not connected", Status.DISCONNECTED)
            else:
                if not known:  # its IOC did not answer when the device was described
                    self._made[path].describe(await self._describe(path, pv))
                    known = True
                self._last[pv] = self._reading(pv, value)
            report(self._last[pv])

        def start() -> Foreign:
            return camonitor(
                pv, told, format=FORMAT_TIME, all_updates=False, notify_disconnect=True, connect_timeout=self._timeout
            )

        monitor = async_thread.run_on(self.loop, start)

        def end() -> None:
            if self.loop.is_running():
                async_thread.run_on(self.loop, monitor.close)

        return end

    def _read(self, pv: str) -> Reading:
        read = self._reading(pv, async_thread.call(self.loop, caget(pv, format=FORMAT_TIME, timeout=PUT_SECONDS)))
        self._last[pv] = read  # its monitor may tell it only after the IOC has gone
        return read

    def _write(self, pv: str, value: SignalValue) -> None:
        async_thread.call(self.loop, caput(pv, value, wait=True, timeout=PUT_SECONDS))

    def _reading(self, pv: str, said: Foreign) -> Reading:
        status = SEVERITIES.get(int(said.severity), Status.STALE)
        alarm = int(getattr(said, "status", 0))
        reason = "" if status is Status.OK else f"{ALARMS[alarm] if alarm < len(ALARMS) else alarm} alarm"
        choices = self._choices.get(pv, ())
        value: SignalValue = said
        if choices:
            value = choices[int(said)] if 0 <= int(said) < len(choices) else int(said)
        elif isinstance(said, str):
            value = str(said)
        elif hasattr(said, "shape") and said.shape:
            value = said
        else:
            value = int(said) if isinstance(said, int) else float(said)
        return Reading(value, float(said.timestamp), status, reason)


def _dtype(said: Foreign, about: Foreign, choices: tuple[str, ...]) -> Dtype:
    if choices:
        return Dtype.CHOICE
    if isinstance(said, str):
        return Dtype.TEXT
    if getattr(said, "shape", ()):
        return Dtype.ARRAY
    return Dtype.INTEGER if isinstance(said, int) else Dtype.NUMBER
