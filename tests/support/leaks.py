"""What a test may leave behind: nothing.

A snapshot before the test holds the tasks, threads, child processes and listening sockets that are
there; what is there afterwards and was not before gets a short while to go away, then it is a leak.
Fixtures of a wider scope are set up before the snapshot, so what they hold is not counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

WITHIN = 3.0
"""Seconds that a task, thread, process or socket has to go away after its test."""

THIRD_PARTY_THREADS = ("tqdm_monitor", "dash-shared-owner")
"""Names (or their beginnings) of threads that belong to a library and end with the process."""

THIRD_PARTY_PROCESSES = ("multiprocessing.resource_tracker", "multiprocess.resource_tracker")
"""Parts of the command lines of helpers that a library keeps until the process ends."""


@dataclass(frozen=True)
class Snapshot:
    """What exists at one moment."""

    tasks: frozenset[asyncio.Task[object]]
    threads: frozenset[threading.Thread]
    processes: frozenset[psutil.Process]
    listeners: frozenset[str]

    @classmethod
    def take(cls) -> Snapshot:
        return cls(
            tasks=frozenset(_tasks()),
            threads=frozenset(thread for thread in threading.enumerate() if not _idle(thread)),
            processes=frozenset(psutil.Process().children(recursive=True)),
            listeners=frozenset(_listeners()),
        )


def leaks(before: Snapshot) -> list[str]:
    """What is there now and was not ``before``, one line each."""
    after = Snapshot.take()
    return [
        *(f"task still pending: {task!r}" for task in after.tasks - before.tasks),
        *(f"thread still alive: {t!r}" for t in after.threads - before.threads),
        *(_describe(process) for process in _leaked_processes(before, after)),
        *(f"socket still listening: {name}" for name in after.listeners - before.listeners),
    ]


def end_leaked_processes(before: Snapshot) -> None:
    """Kill what a failed test started, so that it does not disturb the next one."""
    for process in _leaked_processes(before, Snapshot.take()):
        with contextlib.suppress(psutil.Error):
            process.kill()


def _tasks() -> Iterator[asyncio.Task[object]]:
    try:
        current = asyncio.current_task()
    except RuntimeError:
        return
    yield from (task for task in asyncio.all_tasks() if task is not current and not task.done())


def _idle(thread: threading.Thread) -> bool:
    """Whether this is a library's thread or a resting worker of the loop's default executor."""
    if thread.name.startswith(THIRD_PARTY_THREADS) or isinstance(thread, threading._DummyThread):
        return True
    frame = sys._current_frames().get(thread.ident or 0)
    # A worker without work waits in concurrent.futures.thread._worker itself.
    return thread.name.startswith("asyncio_") and frame is not None and frame.f_code.co_name == "_worker"


def _leaked_processes(before: Snapshot, after: Snapshot) -> list[psutil.Process]:
    return [process for process in after.processes - before.processes if _leaked(process, before)]


def _leaked(process: psutil.Process, before: Snapshot) -> bool:
    try:
        # The session's browser starts and ends renderers as it likes.
        if any(parent in before.processes for parent in process.parents()):
            return False
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        command = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return not any(part in command for part in THIRD_PARTY_PROCESSES)


def _describe(process: psutil.Process) -> str:
    try:
        return f"process still running: {process.pid} {' '.join(process.cmdline())[:200]}"
    except psutil.Error:
        return f"process still running: {process.pid}"


def _listeners() -> Iterator[str]:
    """The listening sockets of this process, of every family: the kernel knows them best."""
    directory = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    for name in os.listdir(directory):
        try:
            duplicate = os.dup(int(name))
        except OSError:
            continue
        try:
            listener = socket.socket(fileno=duplicate)
        except OSError:
            os.close(duplicate)
            continue
        with listener:
            try:
                if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    yield f"fd {name} at {listener.getsockname()!r}"
            except OSError:
                continue
