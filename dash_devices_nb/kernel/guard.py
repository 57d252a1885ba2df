"""Let the stop button stop a runaway callback.

Jupyter's stop button sends SIGINT, which Python handles in the main thread; a plain callback runs
in a worker thread and would never notice, and ipykernel ignores the signal while no cell
runs. So callbacks run through `RunningCalls`, which knows what runs where, and
`InterruptGuard` puts a handler in front of ipykernel's:

- The first press stops the plain callback that has been running longest, if that is more than a
  second, and nothing else. A cell that runs goes on.
- If there is none, and at the second press during one cell, ipykernel's own handler is called.

An exception is raised in the worker by `PyThreadState_SetAsyncExc`, at its next step of Python
code. A call that waits in C (a long `time.sleep`, a driver's read) ends first; Python cannot
interrupt it.

ipykernel sets its handler anew for each cell (`pre_handler_hook`) and once more for a cell that
awaits (`_cancel_on_sigint`). The guard wraps both on the kernel object and takes them off again.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, ParamSpec, TypeVar

from dash_devices_nb.errors import CallbackInterrupted
from dash_devices_nb.kernel.loops import kernel_loop, running_kernel

P = ParamSpec("P")
T = TypeVar("T")

RUNAWAY = 1.0
"""How long, in seconds, a callback must have been running to count as a runaway."""


@dataclass(eq=False)
class RunningCall:
    """A plain callback that is running.

    Attributes:
        name: the callback's name.
        thread_id: the worker that runs it (`threading.get_ident()`).
        since: when it began, by `time.monotonic()`.
        interrupted: whether it was interrupted.
    """

    name: str
    thread_id: int
    since: float = field(default_factory=time.monotonic)
    interrupted: bool = False

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.since


class RunningCalls:
    """The plain callbacks that run, by thread. All methods are for any thread."""

    def __init__(self) -> None:
        self._calls: dict[int, RunningCall] = {}
        # Reentrant: a signal handler may interrupt the main thread while it holds the lock.
        self._lock = threading.RLock()

    def run(self, name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` in this thread, where `interrupt` can stop it.

        An interrupt that arrives when the function has just returned is dropped: it never reaches the
        thread's next job.

        Raises:
            CallbackInterrupted: it was stopped.
        """
        call = RunningCall(name, threading.get_ident())
        with self._lock:
            outer = self._calls.get(call.thread_id)
            self._calls[call.thread_id] = call
        try:
            return function(*args, **kwargs)
        finally:
            # Inline, and not a function or context manager of its own: the exception could be
            # raised at their entry. Between here and the inner `try` CPython does not look for it.
            while True:
                try:
                    with self._lock:
                        if outer is None:
                            self._calls.pop(call.thread_id, None)
                        else:
                            self._calls[call.thread_id] = outer
                        if call.interrupted:
                            _raise_in(call.thread_id, None)
                    break
                except CallbackInterrupted:
                    continue

    def snapshot(self) -> list[RunningCall]:
        """What runs now, the longest first."""
        with self._lock:
            return sorted(self._calls.values(), key=lambda call: call.since)

    def interrupt(self, longer_than: float = 0.0) -> RunningCall | None:
        """Stop the call that has been running longest and was not interrupted yet.

        Args:
            longer_than: ignore calls that have run for less, in seconds.

        Returns:
            The call, None if there is none.
        """
        with self._lock:
            for call in self.snapshot():
                if not call.interrupted and call.seconds > longer_than:
                    call.interrupted = True
                    _raise_in(call.thread_id, CallbackInterrupted)
                    return call
        return None


class InterruptGuard:
    """Makes the kernel's stop button stop runaway callbacks first.

    Several guards, one an app, may be installed and taken off in any order.
    """

    def __init__(
        self,
        calls: RunningCalls,
        *,
        longer_than: float = RUNAWAY,
        on_interrupt: Callable[[RunningCall], None] | None = None,
    ) -> None:
        """Prepare for `install`.

        Args:
            calls: the callbacks to look after.
            longer_than: how long a callback must have been running, in seconds.
            on_interrupt: called with the stopped call, in the main thread, inside the signal
                handler: it should only set a flag.
        """
        self.calls = calls
        self.longer_than = longer_than
        self.on_interrupt = on_interrupt
        self.active = False
        self._kernel: Any = None
        self._installed = False

    def install(self) -> bool:
        """Put the handler in front of the kernel's. Is idempotent. From any thread.

        Signal handlers belong to the main thread: from another one it is done as soon as the
        kernel's loop is free.

        Returns:
            Whether there is a kernel; without one nothing is done.
        """
        loop, self._kernel = kernel_loop(), running_kernel()
        if loop is None or self._kernel is None:
            return False
        if not self.active:
            self.active = True
            _in_main_thread(self._install)
        return True

    def uninstall(self) -> None:
        """Remove the handlers again. Idempotent. From any thread; takes effect at once."""
        if self.active:
            self.active = False  # from now on the remaining layers only pass on
            _in_main_thread(self._uninstall)

    def _install(self) -> None:
        if not self.active or self._installed:
            return
        self._installed = True
        for name, hook in (("pre_handler_hook", _PreHook), ("_cancel_on_sigint", _CancelHook)):
            previous = getattr(self._kernel, name, None)
            if previous is not None:
                setattr(self._kernel, name, hook(self, previous))
        # The handler of now, and the one that ipykernel will put back when the cell ends.
        _set(_Handler(self, signal.getsignal(signal.SIGINT)))
        if hasattr(self._kernel, "saved_sigint_handler"):
            saved = self._kernel.saved_sigint_handler
            self._kernel.saved_sigint_handler = _Handler(self, saved)

    def _uninstall(self) -> None:
        self._installed = False
        # A layer below another guard's passes on until that one is removed too.
        for name in ("pre_handler_hook", "_cancel_on_sigint"):
            hook = vars(self._kernel).get(name)
            if isinstance(hook, _Layer):
                rest = _without_inactive(hook)
                if getattr(rest, "__self__", None) is self._kernel:  # the class's own method
                    delattr(self._kernel, name)
                else:
                    setattr(self._kernel, name, rest)
        _set(_without_inactive(signal.getsignal(signal.SIGINT)))
        if hasattr(self._kernel, "saved_sigint_handler"):
            saved = self._kernel.saved_sigint_handler
            self._kernel.saved_sigint_handler = _without_inactive(saved)


class _Layer:
    """A guard's handler in front of the previous one."""

    def __init__(self, guard: InterruptGuard, previous: Any) -> None:
        self.guard = guard
        self.previous = previous


def _without_inactive(top: Any) -> Any:
    """The handler below the layers of removed guards."""
    while isinstance(top, _Layer) and not top.guard.active:
        top = top.previous
    return top


class _PreHook(_Layer):
    """In front of `pre_handler_hook`, by which ipykernel sets Python's handler for a cell."""

    def __call__(self) -> None:
        self.previous()
        if self.guard.active and threading.current_thread() is threading.main_thread():
            _set(_Handler(self.guard, signal.getsignal(signal.SIGINT)))


class _CancelHook(_Layer):
    """In front of `_cancel_on_sigint`, by which ipykernel cancels a cell that awaits."""

    @contextlib.contextmanager
    def __call__(self, future: Any) -> Iterator[None]:
        outer = signal.getsignal(signal.SIGINT)
        with self.previous(future):
            if self.guard.active:
                handler = _Handler(self.guard, signal.getsignal(signal.SIGINT))
                if isinstance(outer, _Handler) and outer.guard is self.guard:
                    handler.press = outer.press
                _set(handler)
            yield


@dataclass(eq=False)
class _Press:
    """Whether the first press during a cell was used. The handlers of one cell share it."""

    used: bool = False


class _Handler(_Layer):
    """A signal handler that asks its guard first, then calls the previous handler."""

    def __init__(self, guard: InterruptGuard, previous: Any) -> None:
        super().__init__(guard, previous)
        self.press = _Press()
        # Outside cells ipykernel ignores SIGINT; then each press may stop another callback.
        self.in_cell: bool = previous.in_cell if isinstance(previous, _Handler) else previous is not signal.SIG_IGN

    def __call__(self, number: int, frame: FrameType | None) -> None:
        guard = self.guard
        if guard.active and not self.press.used:
            call = guard.calls.interrupt(guard.longer_than)
            if call is not None:
                self.press.used = self.in_cell
                if guard.on_interrupt is not None:
                    guard.on_interrupt(call)
                return
        if callable(self.previous):
            self.previous(number, frame)
            # ipykernel's handler for a cell that awaits leaves its note with tornado's
            # add_callback, which does not wake a loop that sleeps on the very same thread.
            if (loop := kernel_loop()) is not None:
                loop.call_soon_threadsafe(_nothing)
        elif self.previous is signal.SIG_DFL:
            signal.default_int_handler(number, frame)


def _nothing() -> None:
    """Do nothing but wake the loop."""


def _set(handler: Any) -> None:
    signal.signal(signal.SIGINT, handler)


def _in_main_thread(function: Callable[[], None]) -> None:
    loop = kernel_loop()
    if loop is None or threading.current_thread() is threading.main_thread():
        function()
    else:
        loop.call_soon_threadsafe(function)


def _raise_in(thread_id: int, exception: type[BaseException] | None) -> None:
    """Raise an exception in a thread at its next step; None cancels that."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), ctypes.py_object(exception) if exception else None
    )
