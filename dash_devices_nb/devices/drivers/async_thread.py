"""The event loop of asynchronous drivers: one thread, while a driver uses it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")
CALL_SECONDS = 30.0


class AsyncThread:
    """A loop in a daemon thread. `acquire` and `release` count its users. It ends with the last one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def acquire(self) -> asyncio.AbstractEventLoop:
        """Use the loop. From any thread."""
        with self._lock:
            self._users += 1
            if self._loop is None:
                loop = self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._run, args=(loop,), name="dash-devices-drivers", daemon=True
                )
                self._thread.start()
            return self._loop

    def release(self) -> None:
        """Stop using the loop. From any thread but the loop's own."""
        with self._lock:
            self._users -= 1
            if self._users or self._loop is None:
                return
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        loop.call_soon_threadsafe(loop.stop)
        assert thread is not None
        thread.join()

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


DRIVERS = AsyncThread()


def call(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[object, None, T], timeout: float = CALL_SECONDS) -> T:
    """Run a coroutine on the loop of another thread, and return its result. Raises its exception, or TimeoutError."""
    try:
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    except RuntimeError:  # the loop has ended: its last user is closed
        coroutine.close()
        raise
    try:
        return future.result(timeout)
    except TimeoutError:
        future.cancel()
        raise


def run_on(loop: asyncio.AbstractEventLoop, function: Callable[[], T], timeout: float = CALL_SECONDS) -> T:
    """Run a plain function on the loop of another thread, and return its result."""

    async def run() -> T:
        return function()

    return call(loop, run(), timeout)
