"""Devices on the pages of an app.

Signals that pages show are polled, readings are pushed to the pages, and values that people enter are set.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dash_devices_nb.app.execution.event_stream import Watched
from dash_devices_nb.components import Devices, DeviceSignal
from dash_devices_nb.core.callbacks.propagation import Propagation
from dash_devices_nb.core.journal import entries as kinds
from dash_devices_nb.devices.alarms import ALARMS, Alarms
from dash_devices_nb.devices.device import Device, Group, Guard, Signal
from dash_devices_nb.devices.history.graph import Graphs
from dash_devices_nb.devices.history.recorder import History
from dash_devices_nb.devices.holds import Holds, find_in
from dash_devices_nb.devices.kept import KEPT, Kept, open_kept
from dash_devices_nb.devices.kept_props import SharedProps
from dash_devices_nb.devices.procedures import PROCEDURES, Procedures
from dash_devices_nb.devices.signals import Dtype, Reading, SignalInfo, Status, plain
from dash_devices_nb.devices.types import Argument, Component, Foreign, PropMods, Props, PropValue
from dash_devices_nb.errors import CallbackInterrupted, DeviceError, SetError

if TYPE_CHECKING:
    from dash_devices_nb.app.api.dash import Dash
    from dash_devices_nb.core.access.clients import Client

PUSH_SECONDS = 0.1
"""Readings are collected for this long, so that 200 signals at 10 Hz make 10 pushes a second and not 2,000."""
WATCH_SECONDS = 1.0
"""How often a device is looked after that hangs, and what the app's callbacks use is asked for."""
STOPPED = "the set was stopped, and may have been made in part"

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Shown:
    """The values of a signal that were last sent to the pages."""

    value: PropValue = None
    reading: Props = field(default_factory=dict)
    info: SignalInfo | None = None
    propagation: Propagation | None = None
    """What the last push has started. The next one waits for it, so that a slow callback gets the newest value."""


class LiveDevice:
    """One device on the pages of one app.

    Args:
        app: the app.
        device: the device.
        push: sets props on all pages, and returns the propagation that starts. It does not wait.
        refused: writes into the journal that a client's act was refused, and why.
        audience: sends the changes of signals only to pages that show them.
        guard: polls of the device run by it, so that the stop button of Jupyter ends one that hangs.
    """

    def __init__(
        self,
        app: Dash,
        device: Device,
        push: Callable[[PropMods], Propagation | None],
        refused: Callable[[Client | None, str], None],
        audience: Audience,
        guard: Guard,
    ) -> None:
        self.device = device
        self._guard = guard
        self._unguard: Callable[[], None] = lambda: None
        self._app = app
        self._audience = audience
        self._push = push
        self._refused = refused
        self._dirty: dict[Signal, None] = {}
        self._changed = threading.Condition()
        self._watched: dict[str, frozenset[str]] = {}
        self._shown: dict[Signal, _Shown] = {each: _Shown() for each in device}
        self._by_id = {each.id: each for each in device}
        self._closed = False
        self._held_up = ""
        self._wants = False
        self._unwell: dict[str, str] | None = None  # as the pages were told
        self._messages = 0
        self._settable: set[str] = set()
        self._declared = 0
        self._leave = device.listen(self._heard, self._was_set, self._refreshed)
        self._thread: threading.Thread | None = None
        self._audience.offer(self._by_id)
        self._declare_sets([each for each in device if each.info.settable])

    @property
    def components(self) -> list[Component]:
        """The components that are added to the layout of each page: for the device, and for each of its signals."""
        known = Devices(id=self.device.name, label=self.device.label, unwell=self._not_well())
        return [known, *map(self._component, self.device)]

    def start(self) -> None:
        """Start to push readings. Does nothing if it was started."""
        if self._thread is None:
            self._closed = False
            self._unguard = self.device.guard(self._guard)
            self._thread = threading.Thread(target=self._run, name=f"{self.device.name}-pages", daemon=True)
            self._thread.start()
        self._want()

    def stop(self) -> None:
        """Stop pushing, and stop polling for the pages."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread, self._thread = self._thread, None
            self._watched.clear()
        if thread is not None:
            self._unguard()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self.device.want(self, frozenset())

    def _declare_sets(self, settable: list[Signal]) -> None:
        if not settable:
            return
        self._settable |= {each.id for each in settable}
        names = [each.id for each in settable]

        def set_signals(*asked: object) -> None:
            self._set(zip((self._by_id[name] for name in names), asked, strict=True))

        more = f" ({self._declared})" if self._declared else ""
        self._declared += 1
        set_signals.__name__ = set_signals.__qualname__ = f"set {self.device.name}{more}"
        self._app.callback_shared(None, [_dash().Input(name, "asked") for name in names])(set_signals)

    def _refreshed(self) -> None:
        """The device has other signals. Open pages still show the removed ones, as disconnected."""
        for each in self.device:
            if self._by_id.get(each.id) is not each:
                self._by_id[each.id] = each
                self._shown[each] = _Shown()
        self._audience.offer(self._by_id)
        self._declare_sets([each for each in self.device if each.info.settable and each.id not in self._settable])
        for each in self.device:
            self._heard(each, each.reading)

    # ---- from the pages

    def watched(self, client: str, ids: frozenset[str]) -> None:
        """A page shows these components on demand. With the lock of the app held, so it does not wait."""
        with self._changed:
            self._watched[client] = ids
            self._wants = True
            self._changed.notify()

    def left(self, client: Client) -> None:
        """A page has left, and watches nothing."""
        with self._changed:
            self._wants = self._watched.pop(client.id, None) is not None or self._wants
            self._changed.notify()

    def _want(self) -> None:
        with self._changed:
            self._wants = False
            ids = frozenset[str]().union(*self._watched.values())
        used = {name for each in list(self._app.callbacks) if each.kind == "shared" for name in each.inputs}
        self.device.want(self, frozenset(s for s in self.device if s.id in ids or f"{s.id}.value" in used))

    def _set(self, asked: Iterable[tuple[Signal, object]]) -> None:
        triggered = {str(each["prop_id"]).rpartition(".")[0] for each in _context().triggered}
        refused = []
        acts = [(each, given) for each, given in asked if each.id in triggered and isinstance(given, dict)]
        for number, (signal, given) in enumerate(acts):
            try:
                signal.set(given.get("value"))
            except CallbackInterrupted:  # the rest is not set either, and the pages wait for an answer
                for each, _ in acts[number:]:
                    self._tell(each, STOPPED)
                raise
            except SetError as error:
                text = str(error).removeprefix(f"{self.device.name}/")
                self._tell(signal, text)
                self._refused(_context().client, f"{self.device.name}: {text}")
                if error.__cause__ is not None:  # the driver raised it: the program's author needs the traceback
                    refused.append(error)
        if len(refused) == 1:
            raise refused[0]
        if refused:
            raise ExceptionGroup(f"{len(refused)} signals of {self.device.name} were not set", refused)

    # ---- from the device

    def _heard(self, signal: Signal, reading: Reading) -> None:
        with self._changed:
            self._dirty[signal] = None
            self._changed.notify()

    def _was_set(self, signal: Signal) -> None:
        """Show the set value at once, and a message if the device took another value."""
        info, asked = signal.info, signal.asked
        taken, message = signal.taken, ""
        if not info.same(taken, asked):
            message = f"asked for {info.text(asked)}; the device took {info.text(taken)}"
        self._push({signal.id: {"setpoint": plain(taken)}})
        self._tell(signal, message)
        self._show([signal])

    def _tell(self, signal: Signal, message: str) -> None:
        """Show a message beside a signal, and restore its set-point. Pages show equal messages again."""
        self._messages += 1
        self._push({signal.id: {"message": {"text": message, "number": self._messages}}})

    def _run(self) -> None:
        looked = time.monotonic()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._dirty or self._wants, WATCH_SECONDS)
                if self._closed:
                    return
                signals = list(self._dirty)
                self._dirty.clear()
                wants = self._wants
            if wants:
                self._want()
            now = time.monotonic()
            if now - looked >= WATCH_SECONDS:
                looked = now
                self._look_after()
            try:
                self._show(signals)
            except Exception:
                log.exception("%s could not be shown", self.device.name)
            with self._changed:
                self._changed.wait_for(lambda: self._closed, PUSH_SECONDS)

    def _look_after(self) -> None:
        """Now and then: mark signals of a hanging bus as stale, and poll signals that new callbacks use."""
        self._want()
        held_up = self.device.overdue()
        if held_up or self._held_up:
            self._held_up = held_up
            self._show(list(self.device))

    def _show(self, signals: Iterable[Signal]) -> None:
        mods: PropMods = {}
        later = []
        for signal in signals:
            shown = self._shown[signal]
            if shown.propagation is not None and not shown.propagation.over:
                later.append(signal)
                continue
            props = self._props(signal, shown)
            if props:
                mods[signal.id] = props
        if mods:
            with contextlib.suppress(DeviceError):
                propagation = self._push({**mods, **self._summary()})
                for name in mods:
                    self._shown[self._by_id[name]].propagation = propagation
        if later:
            with self._changed:
                self._dirty.update(dict.fromkeys(later))

    def _summary(self) -> dict[str, Props]:
        """Which signals are not well, if that has changed. Also pages that do not show these signals get it."""
        unwell = self._not_well()
        if unwell == self._unwell:
            return {}
        self._unwell = unwell
        return {self.device.name: {"unwell": unwell}}

    def _not_well(self) -> dict[str, str]:
        found = ((each.id, self._reading(each).status) for each in self.device)
        return {name: str(status) for name, status in found if status not in (Status.OK, Status.NEVER)}

    def _reading(self, signal: Signal) -> Reading:
        """The reading as pages get it: stale, if the bus hangs."""
        reading = signal.reading
        if self._held_up and not signal.pushes and reading.good:
            reading = reading.failed(self._held_up)
        return reading

    def _props(self, signal: Signal, shown: _Shown) -> Props:
        reading = self._reading(signal)
        value = signal.info.text(reading.value) if isinstance(plain(reading.value), list) else plain(reading.value)
        said = said_of(signal.info, reading)
        props: Props = {}
        if value != shown.value and not (value != value and shown.value != shown.value):  # NaN is no news after NaN
            props["value"] = plain(reading.value)
        if said != shown.reading and (props or said["status"] != shown.reading.get("status") or not reading.good):
            props["reading"] = said
        if signal.info is not shown.info and shown.info is not None:
            props["info"] = described(signal.info)
        shown.info = signal.info
        if props:
            shown.value, shown.reading = value, said
        return props

    def _component(self, signal: Signal) -> Component:
        reading = signal.reading
        return DeviceSignal(
            id=signal.id,
            value=plain(reading.value),
            reading=said_of(signal.info, reading),
            setpoint=plain(signal.asked),
            info=described(signal.info),
        )


def said_of(info: SignalInfo, reading: Reading) -> Props:
    """Return a reading as pages get it."""
    status = Status(reading.status)
    return {"text": info.text(reading.value), "status": str(status), "reason": reading.reason, "time": reading.time}


def described(info: SignalInfo) -> Props:
    """Return the description of a signal as pages get it."""
    dtype = info.dtype
    return {
        "label": info.label or info.path[-1],
        "unit": info.unit,
        "dtype": str(Dtype.CHOICE if info.choices else dtype),
        "limits": list(info.limits),
        "choices": [plain(each) for each in info.choices],
        "precision": info.precision,
        "readable": info.readable,
        "settable": info.settable,
        "description": info.description,
        "group": list(info.group),
    }


class Audience(Protocol):
    """The pages, and which components on demand they show."""

    def offer(self, ids: Iterable[str]) -> None:
        """Send the changes of these components only to pages that show them."""

    def subscribe(self, kind: type[Watched], listener: Callable[[Watched], object]) -> None:
        """Call `listener` when a page says what it shows, with the lock of the app held."""


class Journal(Protocol):
    """Writes into the journal."""

    def refused(self, client: Client | None, reason: str) -> None:
        """Note that an act of a client was refused."""

    def noted(self, kind: str, client: Client | None, what: str) -> None:
        """Note an act of a client."""


class LiveDevices:
    """The devices of an app: `Dash(devices=[...])`.

    Raises:
        DeviceError: an item is not a device, or two devices have the same name.
    """

    def __init__(
        self,
        app: Dash,
        devices: Iterable[Device],
        push: Callable[[PropMods], Propagation | None],
        journal: Journal,
        failed: Callable[[BaseException], None],
        audience: Audience,
        guard: Guard,
    ) -> None:
        all_given: object = devices
        if isinstance(all_given, Device):
            raise DeviceError(f"devices= takes a list, also of one device: devices=[{all_given.name}]")
        given: list[object] = list(devices)
        found: dict[str, Device] = {}
        for each in given:
            if not isinstance(each, Device):
                raise DeviceError(f"devices= takes what devices.connect(...) returns, not {each!r:.100}")
            if each.name in found:
                raise DeviceError(
                    f"two devices are called {each.name!r}; connect one as devices.connect(..., name='another')"
                )
            found[each.name] = each
        self.live = [LiveDevice(app, each, push, journal.refused, audience, guard) for each in found.values()]
        audience.subscribe(Watched, self._watched)
        self._app, self._push, self._journal, self._failed = app, push, journal, failed
        self.procedures = Procedures(push, failed, lambda: self.histories)
        self.holds = Holds(find_in(list(found.values())), failed)
        self.alarms = Alarms(push, lambda client, text: journal.noted(kinds.DEVICE, client, text), failed)
        self.histories: list[History] = []
        self.kept: Kept | None = None
        Graphs(app, found.values(), lambda: self.histories)
        app.callback_connect(self._connected)
        self._declare(app)

    @property
    def components(self) -> list[Component]:
        """The components that are added to the layout of each page."""
        return [
            self.alarms.component,
            self.procedures.component,
            *([] if self.kept is None else [self.kept.component]),
            *(component for each in self.live for component in each.components),
        ]

    def record(
        self, signals: Iterable[Signal | Group | Device], path: str | os.PathLike[str], **options: Argument
    ) -> History:
        """Record readings on disk. An earlier record in the same file continues with these signals."""
        for each in list(self.histories):
            if each.path == Path(path):
                each.close()
                self.histories.remove(each)
        history = History(signals, path, **options)
        self.histories.insert(0, history)
        return history

    def start(self) -> None:
        """The app runs: start to push readings, and go on to watch for alarms."""
        for each in self.live:
            each.start()
        self.alarms.start()
        if self.kept is not None:
            self.kept.start()

    def stop(self) -> None:
        """The app stops: release held controls, abort runs, read nothing for alarms. Recording continues."""
        self.holds.close()
        self.alarms.stop()
        self.procedures.close()
        if self.kept is not None:
            self.kept.stop()
        for each in self.live:
            each.stop()

    def keep(
        self,
        path: str | os.PathLike[str],
        props: SharedProps,
        *,
        also: Iterable[object],
        restore: str | Mapping[str, str],
        told: Callable[[str], None],
    ) -> Kept:
        """Keep what people set in a file: `Dash(keep=...)`. Raises KeptError."""
        self.kept = kept = open_kept(
            path,
            props,
            [each.device for each in self.live],
            also=also,
            restore=restore,
            push=self._push,
            noted=lambda client, text: self._journal.noted(kinds.DEVICE, client, text),
            failed=self._failed,
            told=told,
        )

        def act(asked: object) -> None:
            kept.act(asked)

        act.__qualname__ = "act on kept values"

        def compare(asked: object) -> Props:
            return kept.compare(asked)

        compare.__qualname__ = "compare a preset"
        dash = _dash()
        self._app.callback_shared(None, dash.Input(KEPT, "act"))(act)
        looks = self._app.callback(
            dash.Output(KEPT, "compared"), dash.Input(KEPT, "compare"), prevent_initial_call=True, role="view"
        )
        looks(compare)
        return kept

    def _declare(self, app: Dash) -> None:
        def acknowledge(asked: object) -> None:
            client = _context().client
            if isinstance(asked, dict) and isinstance(asked.get("name"), str) and client is not None:
                self.alarms.acknowledge(asked["name"], client.username or client.host or client.address or "", client)

        acknowledge.__qualname__ = "acknowledge an alarm"

        def act(asked: object) -> None:
            self.procedures.act(asked)

        act.__qualname__ = "act on a procedure"

        def beat(said: object) -> None:
            context, client = _context(), _context().client
            if client is None or not isinstance(said, dict):
                return
            try:
                press, number = float(said["press"]), float(said["number"])
            except (KeyError, TypeError, ValueError):
                return
            self.holds.beat(
                str(context.triggered_id["device-hold"]), client.id, press, number, said.get("down") is True
            )

        beat.__qualname__ = "hold"
        dash = _dash()
        app.callback_shared(None, dash.Input(ALARMS, "acknowledge"))(acknowledge)
        app.callback_shared(None, dash.Input(PROCEDURES, "act"))(act)
        app.callback(None, dash.Input({"device-hold": dash.MATCH}, "beat"))(beat)

    def _watched(self, event: Watched) -> None:
        for each in self.live:
            each.watched(event.client.id, event.ids)

    def _connected(self, client: Client, connect: bool) -> None:
        if not connect:
            self.holds.left(client.id)
            for each in self.live:
                each.left(client)


def _dash() -> Foreign:
    import dash

    return dash


def _context() -> Foreign:
    from dash_devices_nb.app.stock_dash.dash_internals import callback_context

    return callback_context
