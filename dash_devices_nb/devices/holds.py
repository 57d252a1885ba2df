"""Hold-to-run controls: they act while they are held, and are released when their page falls silent.

While a control is held, its page sends a beat several times in the `hold=` interval (`components/devices.js`). If the
beats stop for any reason, the released value is set within that interval. Beats of a page without control are ignored.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from dash_devices_nb.components import DeviceView
from dash_devices_nb.devices.device import Device, Signal
from dash_devices_nb.devices.signals import is_number
from dash_devices_nb.devices.types import Component, PropValue, SignalValue
from dash_devices_nb.errors import DeviceError

RETRY_SECONDS = 0.1
"""A release that the driver refuses is tried again this often, until it is taken."""
SHORTEST, LONGEST = 0.05, 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold-to-run control.

    Attributes:
        signal: the signal that it sets.
        value, released: the values while it is held, and after its release.
        seconds: the longest silence of the page that holds it.
    """

    signal: Signal
    value: SignalValue
    released: SignalValue
    seconds: float


def hold(
    signal: Signal,
    value: SignalValue,
    released: SignalValue,
    *,
    hold: float = 0.3,
    label: str | None = None,
    **props: PropValue,
) -> Component:
    """Make a button that sets `value` while it is held, and `released` when it is released. For a layout.

    If its page falls silent, is closed, or may not act any more, `released` is set within `hold` seconds. If several
    pages hold it, the last one counts.

    Args:
        signal: the signal that it sets.
        value: the value while the button is held.
        released: the value otherwise.
        hold: the longest silence, in seconds: 0.05 to 10. The page sends three beats in this time.
        label: the text of the button. None: the signal's label and the value.
        props: `className` and `style`.

    Raises:
        SetError: the signal does not take one of the values.
        DeviceError: another argument does not fit.
    """
    if not isinstance(signal, Signal):
        raise DeviceError(f"hold() takes one signal, such as device.A.speed, not {signal!r:.100}")
    signal.info.checked(value)
    signal.info.checked(released)
    if not is_number(hold) or not SHORTEST <= hold <= LONGEST:
        raise DeviceError(f"hold= is {SHORTEST:g} to {LONGEST:g} seconds, not {hold!r:.60}")
    text = label or f"{signal.info.label or signal.info.name} {signal.info.text(value)}"
    key = f"{signal.id} {text}"
    signal.device.holds[key] = Hold(signal, value, released, float(hold))
    return DeviceView(id={"device-hold": key}, kind="hold", signals=[signal.id], label=text, hold=float(hold), **props)


@dataclass(eq=False)
class _Held:
    pages: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """By client: the press, the number of its last beat, and until when that counts."""
    ended: dict[str, float] = field(default_factory=dict)
    """By client: the newest press that is over. A late beat of it counts no more."""
    active: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)


class Holds:
    """The controls that are held on the pages of an app. From any thread.

    Args:
        find: returns the control with a key, or None.
        failed: reports an exception of a driver.
    """

    def __init__(self, find: Callable[[str], Hold | None], failed: Callable[[BaseException], None]) -> None:
        self._find, self._failed = find, failed
        self._held: dict[str, _Held] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def beat(self, key: str, client: str, press: float, number: float, down: bool) -> None:
        """A page reports that it holds a control, or has released it.

        Args:
            key: the key of the control.
            client: the id of the page's client.
            press: the number of the press; it grows.
            number: the number of the beat; it grows.
            down: whether the control is held.
        """
        known = self._find(key)
        if known is None:
            return
        with self._changed:
            held = self._held.setdefault(key, _Held())
            before = held.pages.get(client)
            if press <= held.ended.get(client, 0.0) or (before is not None and number <= before[1]):
                return
            if down:
                held.pages[client] = (press, number, time.monotonic() + known.seconds)
                begins = not held.active
                held.active = True
            else:
                held.pages.pop(client, None)
                held.ended[client] = press
                begins = False
            self._start()
            self._changed.notify_all()
        if begins:
            with held.lock:
                if held.active:  # if not, it was released meanwhile, and a value set now would stay
                    known.signal.set(known.value)

    def left(self, client: str) -> None:
        """A page has left: release the controls that it holds."""
        with self._changed:
            for held in self._held.values():
                if client in held.pages:
                    press, number, _ = held.pages[client]
                    held.pages[client] = (press, number, 0.0)
                held.ended.pop(client, None)
            self._changed.notify_all()

    def close(self) -> None:
        """Release all controls."""
        with self._changed:
            self._closed = True
            for held in self._held.values():
                held.pages.clear()
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _start(self) -> None:
        if self._thread is None:
            self._closed = False
            self._thread = threading.Thread(target=self._watch, name="device-holds", daemon=True)
            self._thread.start()

    def _watch(self) -> None:
        told: set[str] = set()
        while True:
            with self._changed:
                now = time.monotonic()
                for held in self._held.values():
                    for client, (press, _, until) in list(held.pages.items()):
                        if until <= now:
                            del held.pages[client]
                            held.ended[client] = press
                over = [(key, held) for key, held in self._held.items() if held.active and not held.pages]
                if not over:
                    if self._closed:
                        return
                    ends = [until for held in self._held.values() for _, _, until in held.pages.values()]
                    self._changed.wait(max(0.0, min(ends) - now) if ends else None)
            for key, held in over:
                self._release(key, held, told)
            if told:
                with self._changed:
                    self._changed.wait(RETRY_SECONDS)

    def _release(self, key: str, held: _Held, told: set[str]) -> None:
        with self._changed:
            if held.pages:
                return  # it was pressed again
            held.active = False
        known = self._find(key)
        if known is None:
            return
        try:
            with held.lock:
                known.signal.set(known.released)
            told.discard(key)
        except BaseException as error:  # noqa: BLE001 - tried again until the device takes the released value
            with self._changed:
                held.active = True
                if self._closed:
                    held.active = False
            if key not in told:
                told.add(key)
                self._failed(error)


def find_in(devices: list[Device]) -> Callable[[str], Hold | None]:
    """Return a function that finds a control of these devices by its key."""

    def find(key: str) -> Hold | None:
        return next((device.holds[key] for device in devices if key in device.holds), None)

    return find
