"""Threads for plain functions, as many as there are jobs at once; `call_queue` bounds those that nobody else waits for.

A plain callback may sleep, push, and wait for other callbacks that its push starts; with a bounded pool, calls that
wait for calls that have no thread would stand still for ever. So there is always a thread: an idle one, or a new one.
The threads are daemons (a callback that never returns does not keep the process alive) and end after a while of
idleness: a job goes to the thread that became idle last, so that those of a burst end although jobs go on coming. They
start in an empty context, so that nothing of whoever happened to start them clings to the calls.
"""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

IDLE_SECONDS = 5.0

log = logging.getLogger(__name__)

Slot: TypeAlias = "queue.SimpleQueue[Callable[[], None] | None]"
"""Where an idle thread gets its next job; None: it ends."""


class Workers:
    """A growing pool of daemon threads.

    Args:
        name: prefix of the threads' names.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._jobs: deque[Callable[[], None]] = deque()
        self._idle: list[Slot] = []
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
            if self._idle:
                self._idle.pop().put(job)
                return
            self._jobs.append(job)
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
            try:
                self._jobs.remove(job)
            except ValueError:
                return  # one that has ended since has done it
        raise RuntimeError("the system gives no thread for a callback; too many run")

    def _work(self) -> None:
        slot: Slot = queue.SimpleQueue()
        while (job := self._next(slot)) is not None:
            try:
                job()
            except BaseException:
                log.exception("a job of %s raised", self._name)
            del job  # not held while this waits for the next: it may be all that holds a page that has left

    def _next(self, slot: Slot) -> Callable[[], None] | None:
        with self._lock:
            if self._jobs:
                return self._jobs.popleft()
            if self._closed:
                self._threads.discard(threading.current_thread())
                return None
            self._idle.append(slot)
        try:
            return slot.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            with self._lock:
                if slot in self._idle:
                    self._idle.remove(slot)
                    self._threads.discard(threading.current_thread())
                    return None
            return slot.get()  # was put there at the last moment

    def close(self, timeout: float = 1.0) -> None:
        """End the idle threads, and those that run once their job is done; waits `timeout` seconds for them."""
        with self._lock:
            self._closed = True
            threads = list(self._threads)
            while self._idle:
                self._idle.pop().put(None)
        for thread in threads:
            # One that `submit` is about to start cannot be waited for; it finds the end by itself.
            if thread is not threading.current_thread() and thread.ident is not None:
                thread.join(timeout)
