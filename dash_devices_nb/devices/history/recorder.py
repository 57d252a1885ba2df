"""Recording of readings on disk: `app.record(...)`."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from dash_devices_nb.devices.device import Device, Group, Signal
from dash_devices_nb.devices.history.store import Row, Store
from dash_devices_nb.devices.signals import Reading, Status, is_number, plain
from dash_devices_nb.devices.types import SignalValue
from dash_devices_nb.errors import HistoryError

if TYPE_CHECKING:
    import numpy
    import pandas

WRITE_SECONDS = 0.5
"""Readings are written this often, so what kill -9 loses is less than a second of them."""
MOST_WAITING = 200_000
"""The readings that wait for a disk that takes none. Of more the oldest are lost, and counted."""
RETENTION_SECONDS = 60.0
LONGEST_PAUSE = 30.0

log = logging.getLogger(__name__)


class History:
    """A record of readings in a file: the result of `app.record`. From any thread.

    Attributes:
        path: the path of the file.
        signals: the recorded signals.
        lost: the number of readings that were lost because writing failed for too long.
        fault: why writing fails now, or "".
        run: the name of the run that new readings belong to, or None.
    """

    def __init__(
        self,
        signals: Iterable[Signal | Group | Device],
        path: str | os.PathLike[str],
        *,
        keep_days: float | None = None,
        keep_bytes: int | None = None,
        told: Callable[[str], None] = log.warning,
    ) -> None:
        self.signals = list(dict.fromkeys(_flat(signals)))
        if not self.signals:
            raise HistoryError("record() takes signals, groups or devices: app.record(cryostat.A)")
        if not all(each is None or is_number(each) for each in (keep_days, keep_bytes)):
            raise HistoryError(f"keep_days={keep_days!r}, keep_bytes={keep_bytes!r}: each is positive, or None")
        if not isinstance(path, str | os.PathLike):
            raise HistoryError(f"file= of record() is the name of a file, such as 'readings.duckdb', not {path!r:.60}")
        self.run: str | None = None
        self.lost = 0
        self.fault = ""
        self._keep_days, self._keep_bytes = keep_days, keep_bytes
        self._told = told
        self._store = Store(path)
        self.path = self._store.path
        self._waiting: deque[Row] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._units = {each.id: each.info.unit for each in self.signals}
        try:
            self._store.register(self._units)
        except BaseException:
            self._store.close()
            raise
        self._wanted = frozenset(self.signals)
        self._leave = [device.listen(self._heard) for device in {each.device for each in self.signals}]
        self._thread = threading.Thread(target=self._write, name="history", daemon=True)
        self._thread.start()
        for device in {each.device for each in self.signals}:
            device.want(self, frozenset(each for each in self.signals if each.device is device))

    def belong(self, run: str | None) -> None:
        """Readings belong to this run of a procedure from now on. None: to no run."""
        self.run = run

    # ---- reading

    def to_frame(
        self,
        signals: Iterable[Signal] | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> pandas.DataFrame:
        """Return the readings as a DataFrame: time (UTC), signal, value, text, status, unit, run. Includes the newest.

        Args:
            signals: the signals. None: all.
            start: the time of the first reading, in seconds since the epoch. None: the oldest.
            end: the time of the last reading. None: the newest.

        Raises:
            HistoryError: a signal has no readings, or the file cannot be read.
        """
        self.flush()
        return self._store.to_frame(_names(signals), start, end)

    def save(
        self,
        path: str | os.PathLike[str],
        signals: Iterable[Signal] | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> int:
        """Write readings to a `.csv` or `.parquet` file, and return their number. Arguments as for `to_frame`."""
        self.flush()
        return self._store.save(path, _names(signals), start, end)

    def thinned(self, signal: str, start: float, end: float, points: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Return times and values of a signal for a plot: at most about `points`, with all peaks and the newest."""
        self.flush()
        return self._store.thinned(signal, start, end, points)

    @property
    def span(self) -> tuple[float, float] | None:
        """Return the times of the oldest and newest reading on disk. None: there are no readings."""
        return self._store.span()

    # ---- writing

    def add(self, name: str, at: float, value: SignalValue, run: str | None = None) -> None:
        """Record a value that is not a reading of a signal, such as a measurement of a plan.

        Args:
            name: its name, used like the id of a signal.
            at: its time, in seconds since the epoch.
            value: a number. Anything else is stored as text.
            run: the name of the run that it belongs to.
        """
        number, text = _split(plain(value))
        self._put(Row(name, float(at), number, text, str(Status.OK), run))

    def _heard(self, signal: Signal, reading: Reading) -> None:
        if signal not in self._wanted or reading.time is None:
            return
        number, text = _split(plain(reading.value))
        at = reading.time if reading.good else time.time()
        self._put(Row(signal.id, at, number if reading.good else None, text, str(reading.status), self.run))

    def _put(self, row: Row) -> None:
        with self._changed:
            self._waiting.append(row)
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popleft()
                self.lost += 1

    def flush(self) -> bool:
        """Write the waiting readings. Returns False if that fails."""
        with self._changed:
            rows = list(self._waiting)
            self._waiting.clear()
        if not rows:
            return True
        try:
            self._store.add(rows, self._units)
        except HistoryError as error:
            with self._changed:
                self._waiting.extendleft(reversed(rows))
            if not self.fault:
                self._told(f"The history is not being written: {error}. Readings are kept in memory meanwhile.")
            self.fault = str(error)
            return False
        if self.fault:
            self.fault = ""
            self._told(f"The history is being written again; {self.lost} readings were lost.")
        return True

    def _write(self) -> None:
        pause, cleaned = WRITE_SECONDS, -math.inf
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed, pause)
                closed = self._closed
            pause = WRITE_SECONDS if self.flush() else min(LONGEST_PAUSE, pause * 2)
            if closed:
                return
            if time.monotonic() - cleaned >= RETENTION_SECONDS and not self.fault:
                cleaned = time.monotonic()
                self._clean()

    def _clean(self) -> None:
        try:
            if self._keep_days is not None:
                self._store.forget_before(time.time() - self._keep_days * 86400)
            if self._keep_bytes is not None:
                self._store.shrink(self._keep_bytes)
        except HistoryError as error:
            self._told(f"Old readings could not be deleted: {error}")

    def close(self) -> None:
        """Stop recording, write the waiting readings, and close the file. From any thread."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        for leave in self._leave:
            leave()
        for device in {each.device for each in self.signals}:
            device.want(self, frozenset())
        self._thread.join()
        self._store.close()

    def __enter__(self) -> History:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<History {self.path}: {len(self.signals)} signals{', ' + self.fault if self.fault else ''}>"


def _split(value: object) -> tuple[float | None, str | None]:
    """A value as number and text; one of them. Booleans are 0 and 1."""
    if isinstance(value, int | float):
        return float(value), None
    return None, None if value is None else str(value)


def _flat(given: Iterable[Signal | Group | Device]) -> Iterable[Signal]:
    for each in given:
        if isinstance(each, Signal):
            yield each
        elif isinstance(each, Group | Device):
            yield from each
        else:
            raise HistoryError(f"record() takes signals, groups or devices, not {each!r:.100}")


def _names(signals: Iterable[Signal] | None) -> list[str] | None:
    return None if signals is None else [each.id for each in _flat(signals)]
