"""Procedures and their runs, which run one after the other. No app, no page.

A procedure is a function whose first argument is the `Run`. It can be paused and aborted in `run.steps(...)`,
`run.sleep(...)` and `run.check()`. A generator function is a Bluesky plan (see `bluesky_plans`).
"""

from __future__ import annotations

import enum
import inspect
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from dash_devices_nb.devices.device import told
from dash_devices_nb.devices.drivers.plain import annotated_info
from dash_devices_nb.devices.signals import SignalInfo
from dash_devices_nb.devices.types import Argument, Arguments, Function, Props, Returned
from dash_devices_nb.errors import DeviceError, SetError

T = TypeVar("T")
MOST_ENDED = 50
"""The runs that are remembered after their end."""
MOST_QUEUED = 100
CLOSE_SECONDS = 5.0

log = logging.getLogger(__name__)


class RunState(enum.StrEnum):
    """The state of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    ABORTED = "aborted"


ENDED = frozenset({RunState.DONE, RunState.FAILED, RunState.ABORTED})


class Aborted(BaseException):
    """Raised inside a procedure that is aborted. Not an `Exception`, so that a loop that catches those ends too."""


@dataclass(eq=False)
class Run:
    """One run of a procedure. From any thread.

    Attributes:
        name: the name of the run, such as "sweep 3". Readings in the history have it.
        procedure: the name of the procedure.
        arguments: its arguments.
        state: its state.
        progress: the part that is done, from 0 to 1. None: unknown.
        started, ended: in seconds since the epoch, or None.
        note: a text that the procedure may set: `run.note = "cooling down"`.
        error: the exception of the procedure, or None.
        result: what the procedure returned.
    """

    name: str
    procedure: str
    arguments: Arguments
    state: RunState = RunState.QUEUED
    progress: float | None = None
    started: float | None = None
    ended: float | None = None
    note: str = ""
    error: BaseException | None = None
    result: Returned = None
    _changed: threading.Condition = field(default_factory=threading.Condition, repr=False)
    _aborted: bool = field(default=False, repr=False)
    _paused: bool = field(default=False, repr=False)
    _held_for: float = field(default=0.0, repr=False)
    tell: Callable[[], None] = field(default=lambda: None, repr=False)

    def check(self) -> None:
        """Wait here while the run is paused. Raises Aborted if it was aborted. On the run's own thread."""
        with self._changed:
            if self._paused and not self._aborted:
                began = time.monotonic()
                self._go(RunState.PAUSED)
                self._changed.wait_for(lambda: self._aborted or not self._paused)
                self._held_for += time.monotonic() - began
                self._go(RunState.RUNNING)
            if self._aborted:
                raise Aborted(f"{self.name} was aborted")

    def steps(self, over: Iterable[T]) -> Iterator[T]:
        """Iterate in steps: `for x in run.steps(points)`. The run can be paused and aborted before each step."""
        items = over if hasattr(over, "__len__") else list(over)
        count = len(items)  # type: ignore[arg-type]
        for number, item in enumerate(items):
            self.check()
            self.done(number / count)
            yield item
        self.check()
        self.done(1.0)

    def done(self, progress: float) -> None:
        """Set the progress, from 0 to 1."""
        self.progress = min(1.0, max(0.0, float(progress)))
        self.tell()

    def sleep(self, seconds: float) -> None:
        """Sleep. The run can be paused and aborted meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.check()
            with self._changed:
                self._changed.wait_for(lambda: self._aborted or self._paused, left)
        self.check()

    @property
    def remaining(self) -> float | None:
        """Estimate the remaining seconds from the time so far. None: unknown."""
        if self.state in ENDED or not self.progress or self.started is None:
            return None
        worked = time.time() - self.started - self._held_for
        return worked * (1 - self.progress) / self.progress

    def pause(self) -> None:
        """Pause at the next step."""
        self._set_paused(True)

    def resume(self) -> None:
        """Continue."""
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        with self._changed:
            if self.state in ENDED or self._paused == paused:
                return
            self._paused = paused
            self._changed.notify_all()
        self.tell()

    def abort(self) -> None:
        """End the run at the next step. A waiting run is removed from the queue."""
        with self._changed:
            if self.state in ENDED:
                return
            self._aborted = True
            if self.state is RunState.QUEUED:
                self._go(RunState.ABORTED)
                self.ended = time.time()
            self._changed.notify_all()
        self.tell()

    def wait(self, timeout: float | None = None) -> Returned:
        """Wait for the end, and return the result. Raises the exception of the procedure, TimeoutError, or Aborted."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.state in ENDED, timeout):
                raise TimeoutError(f"{self.name} is {self.state} after {timeout} s")
        if self.error is not None:
            raise self.error
        if self.state is RunState.ABORTED:
            raise Aborted(f"{self.name} was aborted")
        return self.result

    @property
    def words(self) -> str:
        """The state as pages show it, with a pause or an abort that waits for the next step."""
        if self.state is RunState.RUNNING and (self._aborted or self._paused):
            return "aborting" if self._aborted else "pausing"
        return str(self.state)

    @property
    def pausing(self) -> bool:
        """Whether somebody wants it to pause."""
        return self._paused

    @property
    def aborted(self) -> bool:
        """Whether it was aborted."""
        return self._aborted

    def _go(self, state: RunState) -> None:
        self.state = state
        self._changed.notify_all()
        self.tell()

    def run(self, function: Callable[[], Returned]) -> None:
        """Run the function on this thread. Never raises: the exception is kept."""
        with self._changed:
            if self.state in ENDED:
                return
            self.started = time.time()
            self._go(RunState.RUNNING)
        state, error = RunState.DONE, None
        try:
            self.check()
            self.result = function()
            self.progress = 1.0
        except Aborted:
            state = RunState.ABORTED
        except BaseException as raised:  # noqa: BLE001 - kept, and reported by the queue
            state, error = RunState.FAILED, raised
        with self._changed:
            self.error, self.ended = error, time.time()
            self._go(state)


class Procedure:
    """A function of the program that pages can start: the result of `@app.procedure`.

    `procedure(start=0, stop=5)` puts a run into the queue and returns it.

    Attributes:
        name: the name of the function.
        parameters: its parameters, as the form on the page shows them.
        description: the first line of its docstring.
    """

    def __init__(self, function: Function, start: Callable[[Procedure, Arguments], Run]) -> None:
        given: object = function
        if not callable(given) or isinstance(given, type):
            raise DeviceError(f"@app.procedure takes a function, not {function!r:.100}")
        if inspect.iscoroutinefunction(function):
            raise DeviceError(f"{function.__name__} is a coroutine function; a procedure is a plain one, in a thread")
        self.function = function
        self.name = function.__name__
        self.description = (inspect.getdoc(function) or "").partition("\n")[0]
        self.plan = inspect.isgeneratorfunction(function)
        self._start = start
        parameters = list(inspect.signature(function).parameters.values())
        taken = parameters if self.plan else parameters[1:]
        if not self.plan and not parameters:
            raise DeviceError(
                f"{self.name} takes nothing; the first argument of a procedure is its run: def {self.name}(run)"
            )
        self.parameters: dict[str, SignalInfo] = {}
        self.defaults: Arguments = {}
        for each in taken:
            if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
                continue
            self.parameters[each.name] = annotated_info(each.name, function, each.annotation, each.default)
            if each.default is not each.empty:
                self.defaults[each.name] = each.default

    def __call__(self, **arguments: Argument) -> Run:
        """Put a run into the queue. Raises SetError if an argument is not accepted."""
        return self._start(self, self.checked(arguments))

    def checked(self, arguments: Mapping[str, Argument]) -> Arguments:
        """Return the arguments as the function gets them. Raises SetError."""
        unknown = [name for name in arguments if name not in self.parameters]
        if unknown:
            raise SetError(f"{self.name} takes {', '.join(self.parameters) or 'no arguments'}; not {unknown[0]!r}")
        missing = [name for name in self.parameters if name not in arguments and name not in self.defaults]
        if missing:
            raise SetError(f"{self.name} needs {', '.join(missing)}")
        return {name: self.parameters[name].checked(value) for name, value in arguments.items()}


class RunQueue:
    """Runs procedures one after the other, in its own thread.

    Args:
        changed: called after each change of a run. It must not block.
        failed: reports an exception of a procedure.
        around: called with the name of a run before it begins, and with None when it has ended.
    """

    def __init__(
        self,
        changed: Callable[[], None],
        failed: Callable[[BaseException], None],
        around: Callable[[str | None], None] = lambda name: None,
    ) -> None:
        self._tell, self._failed, self._around = changed, failed, around
        self._queue: deque[tuple[Run, Callable[[Run], Returned]]] = deque()
        self._ended: deque[Run] = deque(maxlen=MOST_ENDED)
        self._current: Run | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._numbers: dict[str, Iterator[int]] = {}

    @property
    def runs(self) -> list[Run]:
        """The ended runs, oldest first, then the current run, then the waiting ones."""
        with self._changed:
            current = [self._current] if self._current else []
            return [*self._ended, *current, *(run for run, _ in self._queue)]

    def add(self, procedure: str, arguments: Arguments, function: Callable[[Run], Returned]) -> Run:
        """Put a run at the end of the queue. Raises DeviceError if too many wait."""
        with self._changed:
            if len(self._queue) >= MOST_QUEUED:
                raise DeviceError(f"{MOST_QUEUED} runs wait already")
            number = next(self._numbers.setdefault(procedure, itertools.count(1)))
            run = Run(f"{procedure} {number}", procedure, arguments, tell=self._tell)
            self._queue.append((run, function))
            if self._thread is None:
                self._closed = False
                self._thread = threading.Thread(target=self._work, name="procedures", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        self._tell()
        return run

    def find(self, name: str) -> Run | None:
        """The run of this name, or None."""
        return next((run for run in self.runs if run.name == name), None)

    def close(self) -> None:
        """Abort the current run and the waiting ones, and end the thread.

        A procedure that does not reach a step within `CLOSE_SECONDS` is abandoned. That is logged.
        """
        for run in self.runs:
            run.abort()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(CLOSE_SECONDS)
            if thread.is_alive():
                log.warning("%s does not end, and was abandoned", self._current.name if self._current else "a run")

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closed)
                if not self._queue:
                    return
                run, function = self._queue.popleft()
                self._current = run
            self._around(run.name)
            try:
                run.run(lambda run=run, function=function: function(run))  # type: ignore[misc]
            finally:
                self._around(None)
                with self._changed:
                    self._current = None
                    self._ended.append(run)
            if run.error is not None:
                self._failed(run.error)
            self._tell()


def shown(run: Run) -> Props:
    """A run as pages show it."""
    return {
        "name": run.name,
        "procedure": run.procedure,
        "state": run.words,
        "progress": run.progress,
        "remaining": run.remaining,
        "started": run.started,
        "ended": run.ended,
        "note": run.note,
        "error": "" if run.error is None else told(run.error),
    }
