"""The interface of drivers. To add a driver, subclass `Driver`, or provide an entry point that makes one."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dash_devices_nb.devices.signals import Reading, SignalInfo
from dash_devices_nb.devices.types import SignalValue

Report = Callable[[Reading], None]
"""Called with each reading of a signal that pushes, from any thread."""


@dataclass(eq=False, slots=True, kw_only=True)
class DriverSignal:
    """One signal, and how the driver reads and sets it.

    Attributes:
        info: its description.
        read: returns the value, or a `Reading` if the device knows its time or status. It may block and raise. None:
            the signal pushes, or cannot be read.
        write: sets the value, and returns when the device has taken it. It may block and raise. None: it cannot be set.
        subscribe: starts to report readings, and returns a function that stops that. None: the signal is polled.
        period: seconds between two polls. None: the device's period.
    """

    info: SignalInfo
    read: Callable[[], SignalValue] | None = None
    write: Callable[[SignalValue], object] | None = None
    subscribe: Callable[[Report], Callable[[], object]] | None = None
    period: float | None = None

    def describe(self, info: SignalInfo) -> None:
        """Replace its description, which the device has given late."""
        self.info = info


class Driver(abc.ABC):
    """The driver of one device.

    Attributes:
        name: the name of the device.
        label: the name that pages show.
        bus: a hashable key, such as the address of a VISA session. Devices with equal keys share one bus, so they are
            never talked to at the same time. None: the device has its own bus.
    """

    name: str
    label: str = ""
    bus: object = None

    @abc.abstractmethod
    def signals(self) -> Iterable[DriverSignal]:
        """Return the signals. Called by `connect`, and again by `Device.refresh`. May raise anything."""

    def reached(self, error: Exception) -> bool:
        """Return True if the device answered, although a read or a set raised this. False: it is unreachable."""
        unreached = isinstance(error, OSError | EOFError)  # TimeoutError, ConnectionError, SerialException are OSErrors
        return not unreached and type(error).__name__ not in ("VisaIOError", "InvalidSession")

    def reopen(self) -> None:  # noqa: B027 - most drivers reconnect by themselves
        """Try to reconnect to a device that does not answer. Called with the lock of the bus held. May raise."""

    def close(self) -> None:  # noqa: B027
        """Stop what the driver itself has started. The device stays open, as the program owns it."""
