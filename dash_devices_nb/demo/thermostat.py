"""A simulated thermostat: the driver of a real one would look the same from outside."""

from __future__ import annotations

import datetime
import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

PERIOD = 0.2  # seconds between two readings
KEPT = 300  # readings: one minute
HYSTERESIS = 0.3  # degrees around the target within which the heater stays as it is
OUTSIDE = 12.0  # degrees
LEAK = 1 / 25  # of the difference to the outside, per second
HEATER = 1.0  # degrees per second
NOISE = 0.04  # degrees, of the sensor


@dataclass(frozen=True)
class Reading:
    """What the device measured at one moment; temperatures in degrees Celsius."""

    time: str
    temperature: float
    target: float
    heating: bool


class Thermostat:
    """A room with a heater, held at a target by a control loop in a thread of its own.

    Set `target` and `enabled` from any thread. `on_reading` is called with each reading, five times a second, in the
    device's thread. `close()` ends the thread.

    Attributes:
        target: the wanted temperature in degrees Celsius.
        enabled: whether the heater may heat at all.
        on_reading: what to call with each reading, or None.
        history: the readings of the last minute.
    """

    def __init__(self, target: float = 21.0) -> None:
        self.target = target
        self.enabled = True
        self.on_reading: Callable[[Reading], object] | None = None
        self.history: deque[Reading] = deque(maxlen=KEPT)
        self._room = 18.0
        self._heating = False
        self._closed = threading.Event()
        self._step()
        self._thread = threading.Thread(target=self._control, name="thermostat", daemon=True)
        self._thread.start()

    def _control(self) -> None:
        while not self._closed.wait(PERIOD):
            self._step()

    def _step(self) -> None:
        measured = self._room + random.gauss(0, NOISE)
        if not self.enabled or measured > self.target + HYSTERESIS:
            self._heating = False
        elif measured < self.target - HYSTERESIS:
            self._heating = True
        self._room += PERIOD * (HEATER * self._heating - LEAK * (self._room - OUTSIDE))
        now = datetime.datetime.now().isoformat(timespec="milliseconds")
        reading = Reading(now, measured, self.target, self._heating)
        self.history.append(reading)
        if self.on_reading is not None:
            self.on_reading(reading)

    def close(self) -> None:
        """Switch the heater off and end the control loop. Does nothing the second time."""
        self._closed.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()
