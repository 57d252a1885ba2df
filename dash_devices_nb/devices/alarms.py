"""The alarms of an app: `app.alarm(...)`, and the component that lists them."""

from __future__ import annotations

import inspect
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dash_devices_nb.components import DeviceAlarms, DeviceView
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.devices.alarm_states import SHOWN, Alarm, AlarmState, Condition
from dash_devices_nb.devices.device import Signal, told
from dash_devices_nb.devices.signals import Reading, Status, is_number
from dash_devices_nb.devices.types import Component, PropMods, Props, PropValue
from dash_devices_nb.errors import DeviceError

ALARMS = "dash-devices-alarms"
"""The id of the component on the pages."""
SEVERITIES = ("minor", "major")

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Watched:
    alarm: Alarm
    signal: Signal
    when: Condition | None
    call: Callable[[Alarm], object] | None
    leave: Callable[[], None] | None = None
    """Stops listening. None: the alarm is not watched."""


class Alarms:
    """Watches signals, and keeps raised alarms until somebody acknowledges them. From any thread.

    Args:
        push: sets props on all pages.
        noted: writes an act into the journal: `noted(client, text)`.
        failed: reports an exception of a function of the program.
    """

    def __init__(
        self,
        push: Callable[[PropMods], object],
        noted: Callable[[Client | None, str], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._push, self._noted, self._failed = push, noted, failed
        self._watched: dict[str, _Watched] = {}
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None
        self._stopped = False

    @property
    def component(self) -> Component:
        """The component that is added to the layout of each page."""
        return DeviceAlarms(id=ALARMS, alarms=self._shown())

    def __iter__(self) -> Iterator[Alarm]:
        with self._lock:
            return iter([each.alarm for each in self._watched.values()])

    def add(
        self,
        signal: Signal,
        *,
        when: Condition | None = None,
        for_: float = 0.0,
        name: str | None = None,
        severity: str = "major",
        call: Callable[[Alarm], object] | None = None,
    ) -> Alarm:
        """Watch a signal from now on; see `Dash.alarm`. An alarm replaces an earlier one of the same name."""
        if not isinstance(signal, Signal):
            raise DeviceError(f"alarm() takes a signal, such as device.A.temperature, not {signal!r:.100}")
        if when is not None and not callable(when):
            raise DeviceError(f"when= of an alarm is a function of the value, or None; not {when!r:.100}")
        calls: object = call
        if calls is not None and (not callable(calls) or inspect.iscoroutinefunction(calls)):
            raise DeviceError(f"call= of an alarm is a plain function that takes the alarm, or None; not {call!r:.100}")
        if severity not in SEVERITIES:
            raise DeviceError(f"severity= of an alarm is {' or '.join(map(repr, SEVERITIES))}, not {severity!r:.60}")
        if not is_number(for_, or_equal=True):
            raise DeviceError(f"for_= of an alarm is a number of seconds, not {for_!r:.60}")
        named = name or (signal.id if when is None else f"{signal.id} {getattr(when, '__name__', '')}".strip())
        alarm = Alarm(named.replace("<lambda>", "alarm"), signal.id, float(for_), severity, _remove=self._remove)
        with self._changed:
            before = self._watched.get(alarm.name)
        if before is not None:
            self._remove(before.alarm)
        watched = _Watched(alarm, signal, when, call)
        with self._changed:
            self._watched[alarm.name] = watched
            stopped = self._stopped
        if not stopped:
            self._watch(watched)
        return alarm

    def start(self) -> None:
        """The app runs: watch again what was watched before it stopped. Raised alarms are as they were."""
        with self._changed:
            self._stopped = False
            waiting = [each for each in self._watched.values() if each.leave is None]
        for each in waiting:
            self._watch(each)

    def stop(self) -> None:
        """The app stops: read nothing for alarms until it runs again."""
        with self._changed:
            self._stopped = True
            watched = list(self._watched.values())
        for each in watched:
            self._unwatch(each)

    def acknowledge(self, name: str, by: str, client: Client | None = None) -> None:
        """Acknowledge an alarm, and journal that. Does nothing if it needs no acknowledgement."""
        with self._changed:
            watched = self._watched.get(name)
            changed = watched is not None and watched.alarm.acknowledge(by, time.time())
        if changed:
            self._noted(client, f"the alarm {name!r} was acknowledged by {by or 'somebody'}")
            self._tell()

    # ---- inside

    def _watch(self, watched: _Watched) -> None:
        device = watched.signal.device
        watched.leave = device.listen(lambda signal, reading: self._heard(watched, signal, reading))
        device.want((self, watched.alarm.name), frozenset([watched.signal]))
        with self._changed:  # not held above: a device calls `_heard` with its own lock
            current = not self._stopped and self._watched.get(watched.alarm.name) is watched
        if not current:
            self._unwatch(watched)

    def _unwatch(self, watched: _Watched) -> None:
        leave, watched.leave = watched.leave, None
        if leave is not None:
            leave()
            watched.signal.device.want((self, watched.alarm.name), frozenset())
        with self._changed:
            watched.alarm.forget()
            self._changed.notify_all()

    def _remove(self, alarm: Alarm) -> None:
        """Implement `Alarm.remove`. A newer alarm of the same name stays."""
        with self._changed:
            watched = self._watched.get(alarm.name)
            if watched is None or watched.alarm is not alarm:
                return
            del self._watched[alarm.name]
        self._unwatch(watched)
        self._tell()

    def _heard(self, watched: _Watched, signal: Signal, reading: Reading) -> None:
        if signal is not watched.signal:
            return
        alarm = watched.alarm
        reason = reading.reason
        if watched.when is None:
            holds = reading.status not in (Status.OK, Status.NEVER)
        elif not reading.good:
            return  # the value is unknown: silence neither raises nor clears an alarm
        else:
            try:
                holds = bool(watched.when(reading.value))
            except BaseException as error:  # noqa: BLE001 - the program's condition may raise anything
                holds, reason = True, f"the condition raised {type(error).__name__}: {told(error)}"
        with self._changed:
            before = alarm.state
            raised = alarm.receive(holds, time.time())
            if holds:
                unit = f" {signal.info.unit}" if signal.info.unit else ""
                alarm.explain(f"{signal.info.text(reading.value)}{unit}", reason)
            if alarm.due is not None:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="device-alarms", daemon=True)
                    self._thread.start()
                self._changed.notify_all()
            changed = raised or alarm.state is not before
        if raised:
            self._raised(watched)
        if changed:
            self._tell()

    def _raised(self, watched: _Watched) -> None:
        alarm = watched.alarm
        self._noted(None, f"the alarm {alarm.name!r} was raised: {alarm.value} {alarm.reason}".strip())
        if watched.call is None:
            return

        def call(function: Callable[[Alarm], object]) -> None:
            try:
                function(alarm)
            except BaseException as error:  # noqa: BLE001 - it is reported
                self._failed(error)

        threading.Thread(target=call, args=(watched.call,), name=f"alarm {alarm.name}", daemon=True).start()

    def _run(self) -> None:
        """Raise the alarms that are due, until none is."""
        while True:
            with self._changed:
                now = time.time()
                raised = [each for each in self._watched.values() if each.alarm.tick(now)]
                if not raised:
                    dues = [each.alarm.due for each in self._watched.values() if each.alarm.due is not None]
                    if not dues:
                        self._thread = None
                        return
                    self._changed.wait(max(0.0, min(dues) - now))
            for each in raised:
                self._raised(each)
            if raised:
                self._tell()

    def _shown(self) -> list[Props]:
        with self._lock:
            shown = [each.alarm for each in self._watched.values() if each.alarm.state in SHOWN]
        order = [AlarmState.ACTIVE, AlarmState.RETURNED, AlarmState.ACKNOWLEDGED]
        shown.sort(key=lambda each: (order.index(each.state), each.severity == "minor", -(each.raised or 0)))
        return [
            {
                "name": each.name,
                "signal": each.signal,
                "severity": each.severity,
                "state": str(each.state),
                "raised": each.raised,
                "value": each.value,
                "reason": each.reason,
                "by": each.by,
            }
            for each in shown
        ]

    def _tell(self) -> None:
        self._push({ALARMS: {"alarms": self._shown()}})


def alarms(**props: PropValue) -> Component:
    """List the raised alarms, with a button to acknowledge each. For a layout."""
    return DeviceView(kind="alarms", signals=[], **props)
