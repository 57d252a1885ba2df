"""Threads for plain functions, one for each job at a time. `call_queue` limits the jobs that no other job waits for.

A plain callback may sleep, push, and wait for callbacks that its push starts. With a bounded pool, a call could wait
for ever for one that gets no thread. So there is always a thread: an idle one, or a new one. The threads are daemons: a
callback that never returns does not keep the process alive. They end after some idle time. A job goes to the thread
that became idle last, so that the threads of a burst end although jobs keep coming. Threads start in an empty context,
so that a call inherits nothing from whoever started its thread.
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
"""The queue of an idle thread. None ends the thread."""


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
        # Bounded by who submits: the places of a call queue, a serial queue, one run of a connect hook.
        self._late: list[Callable[[], None]] = []

    def open(self) -> None:
        """Run jobs again after `close`, first those that came in between. Does nothing if it is open."""
        with self._lock:
            if not self._closed:
                return
            self._closed = False
            self._threads = {thread for thread in self._threads if thread.is_alive()}
            late, self._late = self._late, []
        for job in late:
            self.submit(job)

    def submit(self, job: Callable[[], None]) -> None:
        """Run `job` in a thread now, or after `open` if it is closed. From any thread. Its exceptions are logged.

        Raises:
            RuntimeError: the system refuses a thread, and there is no other. The job will not run.
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

    def follow(self, job: Callable[[], None]) -> None:
        """Run `job` in the worker that calls this when its own job has ended, or after `open` if it is closed.

        `submit` would start another thread, because the calling one is not idle yet. Then a limit on jobs would not
        limit the threads.
        """
        with self._lock:
            (self._late if self._closed else self._jobs).append(job)

    def _without(self, thread: threading.Thread, job: Callable[[], None]) -> None:
        """A thread could not be started. Its job waits for another thread, or is removed if there is none."""
        with self._lock:
            self._threads.discard(thread)
            if any(each.is_alive() for each in self._threads):
                return
            try:
                self._jobs.remove(job)
            except ValueError:
                return  # another thread has taken it since
        raise RuntimeError("the system cannot start a thread for a callback: too many threads run")

    def _work(self) -> None:
        slot: Slot = queue.SimpleQueue()
        while (job := self._next(slot)) is not None:
            try:
                job()
            except BaseException:
                log.exception("a job of %s raised", self._name)
            del job  # not kept while this waits: it may be the last reference to a page that has left

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
            return slot.get()  # it arrived at the last moment

    def close(self, timeout: float = 1.0) -> None:
        """End the idle threads now, and the others after their jobs. Waits up to `timeout` seconds for them."""
        with self._lock:
            self._closed = True
            threads = list(self._threads)
            while self._idle:
                self._idle.pop().put(None)
        for thread in threads:
            # A thread that `submit` is about to start cannot be joined. It sees by itself that the pool is closed.
            if thread is not threading.current_thread() and thread.ident is not None:
                thread.join(timeout)
