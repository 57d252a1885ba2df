"""Run a benchmark in its own process, watched by another. Whichever of the two is killed, no program is left behind.

The worker is asked to end when its watcher dies; what is left when the worker has ended comes to the watcher, which
ends it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

import psutil

WORKER = "DASH_DEVICES_BENCHMARK_OF"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
"""Of Linux's prctl(2); elsewhere a worker whose watcher is killed ends by itself, later."""


def is_worker() -> bool:
    """Whether this process is a worker. A worker ends in order when it is asked to, or its watcher is gone."""
    if WORKER not in os.environ:
        return False
    signal.signal(signal.SIGTERM, _end)
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(os.environ.pop(WORKER)):
        raise SystemExit("the watcher of this benchmark is gone")
    return True


def watch(arguments: Sequence[str]) -> int:
    """Run the command line in a worker; returns its exit code."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, _end)
    command = [sys.executable, "-m", "benchmarks", *arguments]
    # In its own session, so that only this process gets Ctrl-C from a terminal.
    worker = subprocess.Popen(command, env={**os.environ, WORKER: str(os.getpid())}, start_new_session=True)
    try:
        return worker.wait()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        if worker.poll() is None:
            worker.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(20)
        for left in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
