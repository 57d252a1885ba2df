"""Event loops: our own in a thread, the kernel's, and calls between them.

A loop only wakes through `call_soon_threadsafe`. Whatever other threads put into its queues
directly waits until it wakes for another reason. And asyncio copies the caller's context into each
callback, so a server started from a cell would print into that cell forever. Therefore `call`,
`submit` and `post` of `IoThread` wake the loop and enter it with an empty context.

A thread that waits for a loop that it runs itself waits forever. Every waiting function here
checks for this first and raises `LoopError`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from dash_devices_nb.errors import LoopError

T = TypeVar("T")


class IoThread:
    """A daemon thread that runs an event loop of its own, in an empty context.

    Attributes:
        name: the thread's name, as debuggers show it.
    """

    def __init__(self, name: str = "dash-devices-io") -> None:
        self.name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        # Whatever was scheduled before stop() still runs (and is cancelled); nothing is scheduled afterwards.
        self._gate = threading.Lock()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop. From any thread.

        Raises:
            LoopError: it was not started, or has stopped.
        """
        if self._loop is None:
            raise LoopError(f"The thread {self.name!r} does not run; start() it first.")
        return self._loop

    @property
    def running(self) -> bool:
        """Whether the loop takes calls. From any thread."""
        return self._loop is not None

    @property
    def current(self) -> bool:
        """Whether the caller is on this thread."""
        return self._thread is not None and threading.current_thread() is self._thread

    def start(self) -> None:
        """Start the thread and return when its loop runs. Is idempotent. From any thread."""
        if self._loop is not None:
            return
        loop = asyncio.new_event_loop()
        ready = threading.Event()
        loop.call_soon(ready.set, context=contextvars.Context())
        self._thread = threading.Thread(
            # A thread may inherit its starter's context (Python 3.14, ipykernel 6).
            target=lambda: contextvars.Context().run(_run, loop),
            name=self.name,
            daemon=True,
        )
        self._thread.start()
        ready.wait()
        self._loop = loop

    def call(self, coro: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine on the loop and return its result. From any other thread.

        An interrupt (Ctrl-C) while it waits cancels the coroutine.

        Args:
            coro: the coroutine; it is closed if it cannot be run.
            timeout: how long to wait in seconds, None for ever. The coroutine is cancelled then.

        Raises:
            LoopError: the caller is on the loop's own thread, or the loop has stopped.
            TimeoutError: it took longer than `timeout`.
        """
        if self.current:
            coro.close()
            raise LoopError(
                f"A synchronous call would wait for the thread {self.name!r} on that very thread, "
                f"that is for ever. Await the coroutine instead."
            )
        name = getattr(coro, "__qualname__", "the coroutine")
        future = self.submit(coro)
        try:
            return future.result(timeout)
        except concurrent.futures.CancelledError as exc:
            raise LoopError(f"{name} was cancelled, because {self.name!r} stopped or it cancelled itself.") from exc
        except TimeoutError:
            if future.done():  # the coroutine raised it
                raise
            raise TimeoutError(f"{name} did not finish within {timeout:g} s.") from None
        finally:
            future.cancel()

    def submit(self, coro: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the loop, in an empty context, without waiting. From any thread.

        Raises:
            LoopError: the loop does not run; the coroutine is closed.
        """
        with self._gate:
            if self._loop is not None:
                return submit(self._loop, coro)
        coro.close()
        raise LoopError(f"The thread {self.name!r} does not run; start() it first.")

    def post(self, function: Callable[..., object], *args: object) -> None:
        """Schedule a plain function on the loop, in an empty context. From any thread.

        Calls of one thread keep their order. Exceptions go to the loop's exception handler.

        Raises:
            LoopError: the loop has stopped.
        """
        with self._gate:
            self.loop.call_soon_threadsafe(function, *args, context=contextvars.Context())

    def stop(self, timeout: float = 5.0) -> None:
        """Cancel what is pending, end the loop and the thread. Is idempotent.

        From any other thread.

        Args:
            timeout: how long the tasks may take to clean up, in seconds.

        Raises:
            LoopError: the caller is on the loop's own thread, or a task does not end.
        """
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        if self.current:
            raise LoopError(f"The thread {self.name!r} cannot stop itself and wait for its end.")
        with self._gate:
            self._loop = None
            loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout)
        if thread.is_alive():
            raise LoopError(
                f"The thread {self.name!r} did not end within {timeout:g} s: a task ignores being "
                f"cancelled, or blocks the loop."
            )
        self._thread = None


def submit(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
    """Like `asyncio.run_coroutine_threadsafe`, but the task starts in an empty context.

    From any thread. Cancelling the future cancels the task.

    Raises:
        LoopError: the loop is closed; the coroutine is closed, too.
    """
    try:
        return contextvars.Context().run(asyncio.run_coroutine_threadsafe, coro, loop)
    except RuntimeError as exc:
        coro.close()
        raise LoopError("The event loop is closed.") from exc


def kernel_loop() -> asyncio.AbstractEventLoop | None:
    """The loop on which the kernel runs cells, None outside a kernel. From any thread.

    It is the main thread's also when the caller is a cell in a subshell: a subshell's loop dies
    with it.
    """
    kernel = running_kernel()
    loop = getattr(getattr(kernel, "io_loop", None), "asyncio_loop", None)
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None


def running_kernel() -> Any:
    """The `ipykernel` kernel of this process, None if there is none. From any thread.

    Does not import IPython: where it was not imported, there is no kernel.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None)


def in_other_task() -> bool:
    """Whether the caller runs in a task, or in a callback, of the running loop that is no cell.

    A cell runs in a task of ipykernel's; other tasks of the kernel's loop, and what a loop calls by
    itself (`call_later`), must not block it. False on a thread without a running loop.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    if task is None:
        return True
    coro = task.get_coro()
    code = getattr(coro, "cr_code", None) or getattr(coro, "gi_code", None)
    return not {"ipykernel", "IPython"}.intersection(Path(code.co_filename).parts if code else ())


def pump(loop: asyncio.AbstractEventLoop, until: Awaitable[T], timeout: float | None = None) -> T:
    """Let the running `loop` go on inside a synchronous call until something is done.

    For a cell that blocks the very loop that serves its page. Uses nest-asyncio2, which makes the
    loop reentrant for good, and all of asyncio in this process somewhat slower; so it is applied at
    the first call, not before. Cells that wait in the queue stay there.

    Args:
        loop: the loop that runs on the calling thread.
        until: what to wait for; its result is returned.
        timeout: how long to wait in seconds, None for ever.

    Raises:
        LoopError: the loop does not run on this thread, or is of a kind that cannot be nested.
        TimeoutError: it took longer than `timeout`.
    """
    try:
        current = asyncio.get_running_loop()
    except RuntimeError:
        current = None
    if current is not loop:
        _close(until)
        raise LoopError(
            "A loop can only be pumped from a synchronous call on its own thread while it runs; "
            "from another thread, use submit()."
        )
    try:
        import nest_asyncio2

        nest_asyncio2.apply(loop)
    except (ImportError, ValueError) as exc:
        _close(until)
        raise LoopError(
            f"The loop {type(loop).__name__} cannot be nested ({exc}). Use app.run(loop='thread'), "
            f"or await the coroutine instead."
        ) from exc
    result: T = loop.run_until_complete(_within(until, timeout))
    return result


async def _within(until: Awaitable[T], timeout: float | None) -> T:
    async with asyncio.timeout(timeout):
        return await until


def _close(until: Awaitable[Any]) -> None:
    """Spare the caller a "never awaited" warning next to the error."""
    if isinstance(until, Coroutine):
        until.close()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run `loop` until it is stopped, then leave nothing of it."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        while tasks := asyncio.all_tasks(loop):
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait(tasks))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
