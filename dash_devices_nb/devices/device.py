"""A live device as a tree of signals: the result of `connect`. It knows no app."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from dash_devices_nb.devices.bus import SET_SECONDS, Bus, BusLock, Outcome
from dash_devices_nb.devices.drivers import driver_of
from dash_devices_nb.devices.drivers.base import Driver, DriverSignal
from dash_devices_nb.devices.signals import Reading, SignalInfo, Status, encodable, is_number
from dash_devices_nb.devices.types import SignalValue
from dash_devices_nb.errors import DeviceError, SetError, SignalError

if TYPE_CHECKING:
    from dash_devices_nb.devices.holds import Hold

PERIOD = 1.0
"""Seconds between two polls of a signal, where neither the driver nor the program says another."""
HANGS_AFTER = 5.0
"""A read that takes longer than this many seconds makes all signals of its bus stale until it ends."""

log = logging.getLogger(__name__)

Listener = Callable[["Signal", Reading], None]
Guard = Callable[[str, Callable[[], Outcome]], Outcome]
"""Calls a function under a name, in a way that can be stopped."""


class Signal:
    """One signal of a device.

    Attributes:
        device: the device that it belongs to.
        reading: the last reading. From any thread.
        asked: the value that was last set, or None. From any thread.
    """

    def __init__(self, device: Device, made: DriverSignal) -> None:
        self.device = device
        self.reading = Reading()
        self.asked: SignalValue = None
        self._made = made
        self._unsubscribe: Callable[[], object] | None = None

    @property
    def info(self) -> SignalInfo:
        """Its description. A driver may complete it when the device connects."""
        return self._made.info

    @property
    def id(self) -> str:
        """The id of its component on the pages: "ls/A/temperature"."""
        return f"{self.device.name}/{self.info.name}"

    @property
    def value(self) -> tuple[str, str]:
        """The read value as an input of a callback: `Input(*signal.value)`."""
        return self.id, "value"

    @property
    def setpoint(self) -> tuple[str, str]:
        """The set-point as an input of a callback: `Input(*signal.setpoint)`."""
        return self.id, "setpoint"

    @property
    def pushes(self) -> bool:
        """Whether the device reports its readings by itself, so that it is not polled."""
        return self._made.subscribe is not None

    def read(self) -> Reading:
        """Read it now, and return the reading. Blocks. From any thread.

        If the read fails, the reading says so.

        Raises:
            DeviceError: the signal cannot be read, or the bus is busy for too long.
        """
        self._check_there()
        if self._made.read is None:
            if self.pushes:
                return self.reading
            raise DeviceError(f"{self.id} cannot be read; it is only set")
        with self.device.hold():
            self.device.read_now(self)
        return self.reading

    def set(self, value: SignalValue) -> Reading:
        """Set it, read it back, and return the reading. Blocks until the driver has taken the value. From any thread.

        A set goes before all waiting polls, so it waits for one read at most.

        Raises:
            SetError: the signal cannot be set, does not accept this value, or the driver raised. Then the driver's
                exception is the cause.
        """
        self._check_there()
        checked = self.info.checked(value)
        if self._made.write is None:
            raise SetError(f"{self.id} cannot be set; it is only read")
        with self.device.hold():
            try:
                self._made.write(checked)
            except Exception as error:
                raise SetError(f"{self.id} was not set to {value!r:.60}: {told(error)}") from error
            self.asked = checked
            if self._made.read is not None:
                self.device.read_now(self)
        self.device.report_set(self)
        return self.reading

    def _check_there(self) -> None:
        if not self.device.has(self):
            raise SetError(f"{self.device.name} no longer has {self.info.name}")

    def follow(self, report: Callable[[Signal, Reading], None]) -> None:
        """Subscribe if the device pushes. Does nothing if it does not, or if there is a subscription."""
        if self._made.subscribe is not None and self._unsubscribe is None:
            self._unsubscribe = self._made.subscribe(lambda reading: report(self, reading))

    def unfollow(self) -> None:
        """End the subscription."""
        unsubscribe, self._unsubscribe = self._unsubscribe, None
        if unsubscribe is not None:
            unsubscribe()

    def remake(self, made: DriverSignal) -> None:
        """The driver reads and sets it in another way from now on."""
        if made is not self._made:
            self.unfollow()
            self._made = made

    @property
    def taken(self) -> SignalValue:
        """The value that the device took at the last set. It may differ from the given one. None: nothing was set."""
        info = self.info
        if self.asked is not None and info.readable and not info.slow and self.reading.good:
            return self.asked if info.same(self.reading.value, self.asked) else self.reading.value
        return self.asked

    @property
    def made(self) -> DriverSignal:
        """The driver's side of the signal."""
        return self._made

    def __repr__(self) -> str:
        unit = f" {self.info.unit}" if self.info.unit else ""
        state = "" if self.reading.status is Status.OK else f" ({self.reading.status})"
        return f"<Signal {self.id}: {self.info.text(self.reading.value)}{unit}{state}>"


class Group:
    """The signals and groups below a name: `device.A`, `device.A.temperature`."""

    def __init__(self, device: Device, path: tuple[str, ...]) -> None:
        self._device = device
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._device.at((*self._path, name))
        except SignalError as error:
            raise AttributeError(str(error)) from None

    def __getitem__(self, name: str) -> Any:
        return self._device.at((*self._path, *name.split("/")))

    def __dir__(self) -> list[str]:
        return sorted({*self._device.names_below(self._path), *super().__dir__()})

    def __iter__(self) -> Iterator[Signal]:
        return (each for each in self._device if each.info.path[: len(self._path)] == self._path)

    def __repr__(self) -> str:
        return (
            f"<Group {'/'.join((self._device.name, *self._path))}: {', '.join(self._device.names_below(self._path))}>"
        )


class Device:
    """A live device: its signals, and the thread that polls them while somebody wants them.

    `device["A/temperature"]` and `device.A.temperature` are signals; iterating yields all. `with device.lock:` keeps
    everything else off its bus; `lock=device.lock` does so for a callback.

    Attributes:
        name: its name, with which its ids on the pages begin.
        label: the name that pages show.
        driver: its driver.
        holds: its hold-to-run controls (`devices.hold`), by their key.
        kept: the signals whose set-points an app keeps on disk (`Dash(keep=...)`).
    """

    def __init__(
        self,
        driver: Driver,
        *,
        period: float = PERIOD,
        periods: Mapping[str, float] | None = None,
        keep: Iterable[str] = (),
    ) -> None:
        self.driver = driver
        self.name = driver.name
        self.label = driver.label or driver.name
        self._period = period
        self._periods = dict(periods or {})
        self._signals: dict[tuple[str, ...], Signal] = {}
        self._listeners: list[Listener] = []
        self._guards: list[Guard] = []
        self._set_listeners: list[Callable[[Signal], None]] = []
        self._refreshed: list[Callable[[], None]] = []
        self.holds: dict[str, Hold] = {}
        self._closed = False
        self._bus, self._shared_bus = bus_of(driver.bus, self.name)
        try:
            self._describe()
            self.kept = self._marked(keep)
        except BaseException:
            self.close()
            raise

    def _marked(self, names: object) -> tuple[Signal, ...]:
        if isinstance(names, str) or not isinstance(names, Iterable):
            raise SignalError(f"keep= takes a list of names, such as ['output_1/setpoint'], not {names!r:.100}")
        kept: dict[Signal, None] = {}
        for name in names:
            signal = self.at(tuple(name.split("/"))) if isinstance(name, str) else name
            if not isinstance(signal, Signal) or signal.device is not self:
                raise SignalError(f"keep= names signals of {self.name}, not {name!r:.100}")
            if not signal.info.settable:
                raise SignalError(f"keep= names {signal.info.name!r}, which cannot be set, so it has no set-point")
            kept[signal] = None
        return tuple(kept)

    def _describe(self) -> None:
        made = self._made()
        self._take(made)
        unknown = self._periods.keys() - {each.info.name for each in made}
        if unknown:
            raise SignalError(
                f"periods= names {', '.join(map(repr, sorted(unknown)))}, which {self.name} has not; it has "
                f"{', '.join(each.info.name for each in itertools.islice(self, 20))}"
            )

    def _made(self) -> list[DriverSignal]:
        """Ask the driver for its signals. Raises DeviceError."""
        try:
            made = list(self.driver.signals())
        except DeviceError:
            raise
        except Exception as error:
            raise DeviceError(f"{self.name} cannot describe its signals: {told(error)}") from error
        paths = set()
        for each in made:
            if each.info.path in paths:
                raise SignalError(f"{self.name} has two signals {each.info.name!r}")
            paths.add(each.info.path)
            period = self._period_of(each)
            if not is_number(period):
                name = f"{self.name}/{each.info.name}"
                raise SignalError(f"the period of {name} is a positive number of seconds, not {period!r}")
        return made

    def _period_of(self, made: DriverSignal) -> float:
        given: float | None = self._periods.get(made.info.name, made.period)
        return self._period if given is None else given

    def _take(self, made: list[DriverSignal]) -> list[Signal]:
        """Replace the signals. Signals with a known path are kept and updated. Returns the removed ones."""
        before, self._signals = self._signals, {}
        periods: dict[object, float] = {}
        for each in made:
            signal = before.pop(each.info.path, None) or Signal(self, each)
            signal.remake(each)
            self._signals[each.info.path] = signal
            if each.read is not None and each.subscribe is None:
                periods[signal] = self._period_of(each)
        self._bus.replan(before.values(), periods)
        return list(before.values())

    def refresh(self) -> None:
        """Ask the driver for its signals again, because its channels or modules have changed. From any thread.

        Signals that still exist are kept, with their readings. Removed ones become disconnected and cannot be found.
        Pages show new ones when the layout is set again, or when they are loaded.

        Raises:
            DeviceError: the driver cannot describe its signals. Nothing is changed.
        """
        with self.hold():
            gone = self._take(self._made())
        for signal in gone:
            signal.unfollow()
            self._report(signal, signal.reading.failed("the device no longer has it", Status.DISCONNECTED))
        for refreshed in list(self._refreshed):
            refreshed()
        for who, wanted in self._shared_bus.wanted_of(id(self)):
            self.want(who, wanted)

    @property
    def watched(self) -> frozenset[Signal]:
        """The signals that are read now, because pages, alarms or recordings want them. From any thread."""
        return frozenset().union(*(signals for _, signals in self._shared_bus.wanted_of(id(self))))

    @property
    def lock(self) -> BusLock:
        """The lock of its bus."""
        return self._bus.lock

    def __iter__(self) -> Iterator[Signal]:
        return iter(list(self._signals.values()))

    def __len__(self) -> int:
        return len(self._signals)

    def __getitem__(self, name: str) -> Any:
        return self.at(tuple(name.split("/")))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self.at((name,))
        except SignalError as error:
            raise AttributeError(str(error)) from None

    def __dir__(self) -> list[str]:
        return sorted({*self.names_below(()), *super().__dir__()})

    def at(self, path: tuple[str, ...]) -> Signal | Group:
        """Return the signal or group at a path. Raises SignalError."""
        if path in self._signals:
            return self._signals[path]
        if any(each[: len(path)] == path for each in self._signals):
            return Group(self, path)
        near = self.names_below(path[:-1]) or self.names_below(())
        raise SignalError(f"{self.name} has no signal {'/'.join(path)!r}; there is {', '.join(near[:30])}")

    def has(self, signal: Signal) -> bool:
        """Whether this is one of its signals. `refresh` may have removed it."""
        return self._signals.get(signal.info.path) is signal

    def names_below(self, path: tuple[str, ...]) -> list[str]:
        """Return the names of the signals and groups right below a path."""
        depth = len(path)
        return list(dict.fromkeys(each[depth] for each in self._signals if len(each) > depth and each[:depth] == path))

    # ---- reading

    def listen(
        self,
        listener: Listener,
        set_listener: Callable[[Signal], None] | None = None,
        refreshed: Callable[[], None] | None = None,
    ) -> Callable[[], None]:
        """Call `listener(signal, reading)` for each new reading, on the thread that has it. It must not block.

        `set_listener(signal)` is called after each set, `refreshed()` after each `refresh`. Returns a function that
        ends all.
        """
        self._listeners.append(listener)
        if set_listener is not None:
            self._set_listeners.append(set_listener)
        if refreshed is not None:
            self._refreshed.append(refreshed)

        def leave() -> None:
            self._listeners.remove(listener)
            if set_listener is not None:
                self._set_listeners.remove(set_listener)
            if refreshed is not None:
                self._refreshed.remove(refreshed)

        return leave

    def guard(self, guard: Guard) -> Callable[[], None]:
        """Poll by `guard(name, read)`, as it can stop a read that hangs. Returns a function that ends this."""
        self._guards.append(guard)
        return lambda: self._guards.remove(guard)

    def want(self, who: object, signals: frozenset[Signal]) -> None:
        """Let `who` want these signals from now on, and no others: poll them, or subscribe. From any thread.

        Does nothing once the device is closed, as an app may outlive it.
        """
        if self._closed:
            return
        there = frozenset(each for each in signals if self.has(each))
        self._shared_bus.want((id(self), who), there)
        for signal in there:
            try:
                signal.follow(self._report)
            except Exception as error:  # noqa: BLE001 - a driver may raise anything
                self._report(signal, signal.reading.failed(told(error), Status.DISCONNECTED))

    def read_now(self, signal: Signal) -> Outcome:
        """Read a signal, with the lock held, and report the reading."""
        read = signal.made.read
        assert read is not None
        try:
            value = read()
        except Exception as error:  # noqa: BLE001 - a driver may raise what it likes
            reached = self.driver.reached(error)
            self._report(signal, signal.reading.failed(told(error)))
            if not reached:
                self._reopen()
            return Outcome.REFUSED if reached else Outcome.UNREACHED
        self._report(signal, value if isinstance(value, Reading) else Reading(value, time.time(), Status.OK))
        return Outcome.READ

    def poll(self, signal: Signal) -> Outcome:
        """Read a signal like `read_now`, on the bus's thread. Exceptions of the driver do not end the thread."""
        read: Callable[[], Outcome] = partial(self.read_now, signal)
        for guard in list(self._guards):
            read = partial(guard, f"reading {signal.id}", read)
        try:
            return read()
        except BaseException as error:  # noqa: BLE001 - SystemExit, a driver's CancelledError, or the stop button
            self._report(signal, signal.reading.failed(f"{type(error).__name__}: {told(error)}"))
            return Outcome.REFUSED

    def _reopen(self) -> None:
        if not self._bus.schedule.away:
            return
        try:
            self.driver.reopen()
        except Exception as error:  # noqa: BLE001 - the next read tries again
            log.info("%s could not be opened again: %s", self.name, told(error))

    def _report(self, signal: Signal, reading: Reading) -> None:
        signal.reading = reading
        for listener in list(self._listeners):
            try:
                listener(signal, reading)
            except Exception:
                log.exception("what listens to %s raised", signal.id)

    def report_set(self, signal: Signal) -> None:
        """Call the listeners of sets."""
        for listener in list(self._set_listeners):
            try:
                listener(signal)
            except Exception:
                log.exception("what listens to %s raised", signal.id)

    def overdue(self) -> str:
        """Describe what has kept the bus busy for longer than `HANGS_AFTER` seconds, or return ""."""
        since, signal = self._bus.busy_since, self._bus.reading
        if since is None or time.monotonic() - since < HANGS_AFTER:
            return ""
        name = signal.id if isinstance(signal, Signal) else "a signal"
        return f"no answer for {time.monotonic() - since:.0f} s, while reading {name}"

    def hold(self) -> _Held:
        """Return a context manager that keeps everything else off the bus.

        Entering it raises SetError if the bus stays busy for too long.
        """
        return _Held(self)

    # ---- ending

    def close(self) -> None:
        """Stop polling and subscriptions. The driver's object stays open, as the program owns it. From any thread."""
        if self._closed:
            return
        self._closed = True
        for signal in self:
            signal.unfollow()
        self._shared_bus.leave(id(self))
        self.driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Device {self.name}: {len(self)} signals>"


class _Held:
    """Holds the bus of a device."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def __enter__(self) -> None:
        if not self._device.lock.acquire(timeout=SET_SECONDS):
            why = self._device.overdue() or f"something has held its bus for {SET_SECONDS:.0f} s"
            raise SetError(f"{self._device.name} is busy: {why}")

    def __exit__(self, *exception: object) -> None:
        self._device.lock.release()


class SharedBus:
    """A bus, and the wanted signals of all devices on it."""

    def __init__(self, key: object, name: str) -> None:
        self.key = key
        self.bus = Bus(f"{name}-bus", lambda signal: signal.device.poll(signal))
        self._wanted: dict[tuple[int, object], frozenset[Signal]] = {}
        self.devices = 0

    def want(self, who: tuple[int, object], signals: frozenset[Signal]) -> None:
        """Let `who` want these signals, and no others."""
        with _buses_lock:
            if signals:
                self._wanted[who] = signals
            else:
                self._wanted.pop(who, None)
            self._poll()

    def _poll(self) -> None:
        polled = frozenset(each for signals in self._wanted.values() for each in signals if not each.pushes)
        if polled:
            self.bus.start()
        self.bus.want(polled)

    def wanted_of(self, device: int) -> list[tuple[object, frozenset[Signal]]]:
        """Return who wants which signals of a device."""
        with _buses_lock:
            return [(who, signals) for (owner, who), signals in self._wanted.items() if owner == device]

    def leave(self, device: int) -> None:
        """A device leaves the bus. With the last one the thread ends."""
        with _buses_lock:
            for who in [each for each in self._wanted if each[0] == device]:
                del self._wanted[who]
            self._poll()
            self.devices -= 1
            last = not self.devices
            if last and _buses.get(self.key) is self:
                del _buses[self.key]
        if last and not self.bus.close():
            log.warning("the thread %s hangs in a read, and was abandoned", self.bus.name)


_buses: dict[object, SharedBus] = {}
_buses_lock = threading.RLock()


def bus_of(key: object, name: str) -> tuple[Bus, SharedBus]:
    """Return the bus with a key, shared by all devices on it. Without a key, return a new bus."""
    with _buses_lock:
        shared = _buses.get(key) if key is not None else None
        if shared is None:
            shared = SharedBus(key, name)
            if key is not None:
                _buses[key] = shared
        shared.devices += 1
        return shared.bus, shared


def told(error: BaseException) -> str:
    """Describe an exception in one line, for people."""
    texts = bool(error.args) and all(isinstance(each, str) for each in error.args)
    text = error.args[0] if texts else str(error)  # QCoDeS adds what it was doing, which we say ourselves
    text = encodable(" ".join(text.split())) or type(error).__name__
    return text if len(text) <= 300 else text[:300] + " ..."


def connect(
    target: object,
    *,
    name: str | None = None,
    label: str | None = None,
    period: float = PERIOD,
    periods: Mapping[str, float] | None = None,
    bus: object = None,
    keep: Iterable[str] = (),
) -> Device:
    """Make a live device of a driver's object.

    Args:
        target: a QCoDeS instrument, an ophyd-async device, a pymeasure instrument, `devices.epics(...)`, or an object
            of any class with annotated attributes.
        name: the name with which its ids on pages begin. None: the driver's name.
        label: the name that pages show. None: the driver's label.
        period: seconds between two reads of a signal that does not push.
        periods: the periods of single signals: `{"A/temperature": 0.1}`.
        bus: a key, such as an address. Devices with equal keys share one bus, so they are never talked to at the same
            time. None: the key that the driver knows. For QCoDeS and pymeasure, that is the VISA session.

        keep: the names of the signals whose set-points an app keeps on disk, such as `["output_1/setpoint"]`; see
            `Dash(keep=)`.

    Raises:
        DeviceError: there is no driver for it, a package is missing, or the device cannot describe itself.
        SignalError: `periods` or `keep` names a signal that the device does not have, or `keep` one that cannot be set.
    """
    driver = driver_of(target, name)
    if name is not None:
        driver.name = name
    given: object = driver.name
    if not isinstance(given, str) or not given or set(given) & set("./{} "):
        raise DeviceError(f"the name of a device has no dot, slash, brace or space, and is not empty: {given!r:.100}")
    if label is not None:
        driver.label = label
    if bus is not None:
        driver.bus = bus
    return Device(driver, period=period, periods=periods, keep=keep)
