"""A bus: only one thread at a time talks to its devices, and sets go before polls."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

from dash_devices_nb.devices.schedule import PollSchedule

SET_SECONDS = 30.0
"""The longest that a set waits for a device that is busy."""


class Outcome(enum.Enum):
    """The outcome of a read."""

    READ = enum.auto()
    REFUSED = enum.auto()
    """The device is there, and the fault is this signal's."""
    UNREACHED = enum.auto()


class BusLock:
    """The lock of a bus: reentrant, with polls behind all others.

    `with device.lock:` in a thread or a plain callback, or `lock=device.lock` for a whole callback, keeps everything
    else off the bus. A poll gets the lock only when nothing else waits for it.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition(threading.Lock())
        self._owner: int | None = None
        self._depth = 0
        self._waiting = 0

    def acquire(self, blocking: bool = True, timeout: float = -1, *, poll: bool = False) -> bool:
        """Acquire the lock, as `threading.RLock.acquire` does. `poll`: let all other waiters go first."""
        me = threading.get_ident()
        with self._condition:
            if self._owner == me:
                self._depth += 1
                return True
            self._waiting += not poll
            try:
                free = self._condition.wait_for(
                    lambda: self._owner is None and not (poll and self._waiting),
                    (timeout if timeout >= 0 else None) if blocking else 0,
                )
            finally:
                self._waiting -= not poll
                if not self._waiting:
                    self._condition.notify_all()
            if free:
                self._owner, self._depth = me, 1
            return free

    def release(self) -> None:
        """Release the lock. Raises RuntimeError if this thread does not hold it."""
        with self._condition:
            if self._owner != threading.get_ident():
                raise RuntimeError("the lock of a bus was released by a thread that does not hold it")
            self._depth -= 1
            if not self._depth:
                self._owner = None
                self._condition.notify_all()

    def __enter__(self) -> BusLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Bus:
    """The thread that polls the signals of a bus.

    Args:
        name: the name of the thread.
        read: reads one signal of the bus and keeps the reading. Called on the bus's thread, with the lock held.

    Attributes:
        lock: keeps everything else off the bus.
        schedule: says when to read which signal. Used with `wanted` or on the bus's thread.
        busy_since: when the current read began, by `time.monotonic()`. None: no read runs.
        reading: the signal that is being read.
    """

    def __init__(self, name: str, read: Callable[[Any], Outcome]) -> None:
        self.name = name
        self.lock = BusLock()
        self.schedule = PollSchedule()
        self.busy_since: float | None = None
        self.reading: object = None
        self._read = read
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self) -> None:
        """Start the thread. Does nothing if it was started."""
        with self._changed:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
                self._thread.start()

    def want(self, signals: frozenset[object]) -> None:
        """Read these signals from now on, and no others. From any thread."""
        with self._changed:
            if self.schedule.want(signals, time.monotonic()):
                self._changed.notify()

    def replan(self, gone: Iterable[object], periods: Mapping[object, float]) -> None:
        """Read some signals no more, and know others with their periods. From any thread; `want` comes after it."""
        with self._changed:
            for signal in (*gone, *periods):
                self.schedule.remove(signal)
            for signal, period in periods.items():
                self.schedule.add(signal, period)

    def close(self, timeout: float = 5.0) -> bool:
        """Stop reading. Returns False if the thread does not end within `timeout` seconds: a device may hang."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                signal = None
                while not self._closed and signal is None:
                    now = time.monotonic()
                    signal = self.schedule.next(now)
                    if signal is None:
                        self._changed.wait(self.schedule.wait(now))
                if self._closed:
                    return
            self.lock.acquire(poll=True)
            try:
                self.reading, self.busy_since = signal, time.monotonic()
                outcome = self._read(signal)
            finally:
                self.busy_since = self.reading = None
                self.lock.release()
            with self._changed:
                now = time.monotonic()
                if outcome is Outcome.READ:
                    self.schedule.done(signal, now)
                else:
                    self.schedule.failed(signal, now, reached=outcome is Outcome.REFUSED)
