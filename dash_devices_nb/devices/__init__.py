"""Devices: a live console for an instrument, from its existing driver.

    from dash_devices_nb import Dash, devices

    cryostat = devices.connect(LakeshoreModel336("ls", "GPIB::2::INSTR"))
    app = Dash(devices=[cryostat])
    app.layout = devices.panel(cryostat)
    app.run()

- `signals`, `schedule`: signals, readings, and the times of polls: plain data, no I/O
- `bus`, `device`: the polling thread, and a device as a tree of signals; they know no app
- `drivers`: adapters that show other packages' drivers as signals
- `history`: readings on disk, and graphs of them that continue live
- `live`: the devices on the pages of an app
- `kept_store`, `kept_props`, `kept_values`, `kept_presets`, `kept`: set-points on disk, and presets
- `views`: components for a layout

Readings come in from drivers, and requests from pages. Devices use `app`; `app` knows nothing about devices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from dash_devices_nb.devices.alarm_states import Alarm, AlarmState
from dash_devices_nb.devices.alarms import alarms
from dash_devices_nb.devices.bus import BusLock
from dash_devices_nb.devices.device import Device, Group, Signal, connect
from dash_devices_nb.devices.drivers.base import Driver, DriverSignal
from dash_devices_nb.devices.drivers.plain import SLOW, Label, Limits, Period, Precision, Unit
from dash_devices_nb.devices.history.graph import graph
from dash_devices_nb.devices.holds import hold
from dash_devices_nb.devices.kept import kept
from dash_devices_nb.devices.kept_values import Applied, Difference
from dash_devices_nb.devices.procedures import procedures
from dash_devices_nb.devices.runs import Aborted, Run, RunState
from dash_devices_nb.devices.signals import Dtype, Reading, SignalInfo, Status
from dash_devices_nb.devices.views import panel, row, value
from dash_devices_nb.errors import DeviceError

if TYPE_CHECKING:
    from dash_devices_nb.devices.drivers.epics import EpicsDriver


def epics(name: str, pvs: Mapping[str, str], *, read_only: Iterable[str] = (), timeout: float = 5.0) -> EpicsDriver:
    """Group EPICS process variables into one device, for `connect`.

    Args:
        name: the name of the device.
        pvs: the process variables, by the path of the signal: `{"temperature": "IOC:T", "A/pressure": "IOC:P"}`.
        read_only: the paths of signals that must not be set from here.
        timeout: seconds for the first connection. A variable that has not answered by then is shown as disconnected.

    Raises:
        DeviceError: aioca is not installed, or there is no process variable.
    """
    try:
        from dash_devices_nb.devices.drivers.epics import EpicsDriver
    except ImportError as error:
        raise DeviceError(f'EPICS needs aioca ({error}): pip install "dash-devices-nb[epics]"') from error
    return EpicsDriver(name, pvs, read_only=read_only, timeout=timeout)


__all__ = [
    "SLOW",
    "Aborted",
    "Alarm",
    "AlarmState",
    "Applied",
    "BusLock",
    "Device",
    "Difference",
    "Driver",
    "DriverSignal",
    "Dtype",
    "Group",
    "Label",
    "Limits",
    "Period",
    "Precision",
    "Reading",
    "Run",
    "RunState",
    "Signal",
    "SignalInfo",
    "Status",
    "Unit",
    "alarms",
    "connect",
    "epics",
    "graph",
    "hold",
    "kept",
    "panel",
    "procedures",
    "row",
    "value",
]
