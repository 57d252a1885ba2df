"""The call queue: a limited number of plain regular callbacks run at a time. Others wait, and are refused in the end.

With a thread for each call, guests could stop the device: an attack made 7,000 threads. The limit applies to calls that
no other call waits for. A shared callback, or a call in a serial queue, always gets a thread, because running calls may
wait for it. Their number is limited by the number of serial queues.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dash_devices_nb.core.access.fair_queue import CALLS, PATIENCE, FairQueue, Turn

if TYPE_CHECKING:
    from dash_devices_nb.app.execution.runtime import Runtime


class BusyError(RuntimeError):
    """A job got no place in time."""


@dataclass(frozen=True)
class Job:
    """A job that needs a place.

    Attributes:
        run: runs in a worker.
        refuse: called from any thread if the job will not be run.
        wanted: whether somebody still waits for it. If not, it is refused when its turn comes.
    """

    run: Callable[[], None]
    refuse: Callable[[], None]
    wanted: Callable[[], bool]


class CallQueue:
    """Runs a limited number of jobs in workers at a time.

    Args:
        runtime: the app's runtime. Its I/O loop checks who has waited too long.
        most: returns the number of jobs that may run at a time.
    """

    def __init__(self, runtime: Runtime, most: Callable[[], int] = lambda: CALLS) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._fair_queue: FairQueue[Job] = FairQueue(most, patience=PATIENCE)
        self._watched = False

    def submit(self, job: Job, link: Hashable, *, guest: bool) -> None:
        """Run a job in a worker, now or when there is a place. Does not block. From any thread."""
        with self._lock:
            turn = self._fair_queue.ask(job, link, time.monotonic(), guest=guest)
            watch = turn is Turn.WAITS and not self._watched
            self._watched = self._watched or watch
        if watch:
            self._watch()
        if turn is Turn.NOW:
            self._start(job, link, guest)
        elif turn is Turn.FULL:
            job.refuse()

    def _start(self, job: Job, link: Hashable, guest: bool) -> None:
        def cannot() -> None:
            try:
                job.refuse()
            finally:
                for each in self._done(link, guest):
                    self._start(*each)

        self._runtime.work(lambda: self._run(job, link, guest), cannot)

    def _run(self, job: Job, link: Hashable, guest: bool) -> None:
        """Run a job that has a place, then give its thread to the next job. In a worker."""
        try:
            if job.wanted():
                job.run()
            else:
                job.refuse()
        finally:
            following = self._done(link, guest)
            if following:
                self._runtime.work_next(partial(self._run, *following[0]))
            for each in following[1:]:
                self._start(*each)

    def _done(self, link: Hashable, guest: bool) -> list[tuple[Job, Hashable, bool]]:
        with self._lock:
            return self._fair_queue.done(link, guest=guest)

    # ---- refusing jobs that have waited too long

    def _watch(self) -> None:
        loop = self._runtime.io_loop
        if loop is None or loop.is_closed():
            self._watched = False  # the app does not run; the next waiting job tries again
        else:
            loop.call_soon_threadsafe(self._look, loop, context=contextvars.Context())

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        with self._lock:
            refused = self._fair_queue.expired(now)
            following = self._fair_queue.next_expiry()
            self._watched = following is not None
        if following is not None:
            loop.call_later(following - now, self._look, loop)
        for job in refused:
            try:
                job.refuse()
            except Exception as error:  # noqa: BLE001 - the other jobs must be refused all the same
                self._runtime.report(error)
