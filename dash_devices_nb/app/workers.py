"""Threads for plain functions, as many as there are jobs at once; `crew` bounds those that nobody else waits for.

A plain callback may sleep, push, and wait for other callbacks that its push starts; with a bounded pool, calls that
wait for calls that have no thread would stand still for ever. So there is always a thread: an idle one, or a new one.
The threads are daemons (a callback that never returns does not keep the process alive) and end after a while of
idleness; they start in an empty context, so that nothing of whoever happened to start them clings to the calls.
"""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress

IDLE_SECONDS = 10.0

log = logging.getLogger(__name__)


class Workers:
    """A growing pool of daemon threads.

    Args:
        name: prefix of the threads' names.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._idle = 0
        self._threads: set[threading.Thread] = set()
        self._count = 0
        self._closed = False
        self._late: list[Callable[[], None]] = []

    def open(self) -> None:
        """Run jobs again after `close`, those first that came meanwhile. Does nothing on an open one."""
        with self._lock:
            if not self._closed:
                return
            self._closed = False
            # The idle threads of before end by what is in the old queue; those that run come to the new one.
            self._jobs, self._idle = queue.SimpleQueue(), 0
            self._threads = {thread for thread in self._threads if thread.is_alive()}
            late, self._late = self._late, []
        for job in late:
            self.submit(job)

    def submit(self, job: Callable[[], None]) -> None:
        """Run `job` in a thread, now; on a closed one once it is opened. From any thread. What it raises is logged.

        Raises:
            RuntimeError: the system gives no thread, and there is none: the job will not run.
        """
        with self._lock:
            if self._closed:
                self._late.append(job)
                return
            self._jobs.put(job)
            if self._idle > 0:
                self._idle -= 1
                return
            self._count += 1
            thread = threading.Thread(
                target=contextvars.Context().run,
                args=(self._work,),
                name=f"{self._name}-{self._count}",
                daemon=True,
            )
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            self._without(thread, job)

    def _without(self, thread: threading.Thread, job: Callable[[], None]) -> None:
        """A thread could not be started: its job waits for another, or is taken back where there is none."""
        with self._lock:
            self._threads.discard(thread)
            if any(each.is_alive() for each in self._threads):
                return
            waiting: list[Callable[[], None] | None] = []
            with suppress(queue.Empty):
                while True:
                    waiting.append(self._jobs.get_nowait())
            for each in waiting:
                if each is not job:
                    self._jobs.put(each)
        if job in waiting:
            raise RuntimeError("the system gives no thread for a callback; too many run")

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except BaseException:
                log.exception("a job of %s raised", self._name)
            del job  # not held while this waits for the next: it may be all that holds a page that has left
            with self._lock:
                self._idle += 1

    def _next(self) -> Callable[[], None] | None:
        while True:
            try:
                return self._jobs.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._idle > 0:
                        self._idle -= 1
                        self._threads.discard(threading.current_thread())
                        return None

    def close(self, timeout: float = 1.0) -> None:
        """End the idle threads, and those that run once their job is done; waits `timeout` seconds for them."""
        with self._lock:
            self._closed = True
            threads = list(self._threads)
            for _ in threads:
                self._jobs.put(None)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout)
