"""A plan of Bluesky as a procedure. The RunEngine runs it, and its documents become readings in the history."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from dash_devices_nb.devices.runs import Aborted, Run
from dash_devices_nb.devices.types import Described, Returned, SignalValue
from dash_devices_nb.errors import DeviceError

Keep = Callable[[str, float, SignalValue], None]
"""Keeps a value: name, time in seconds since the epoch, value."""

WATCH_SECONDS = 0.05
"""How often it is looked whether a run is to pause or to end."""


def run_plan(plan: Iterator[object], run: Run, keep: Keep) -> Returned:
    """Run a plan on this thread, with a RunEngine of its own. Returns what the RunEngine returns.

    Pausing is the RunEngine's: a deferred pause, at the next checkpoint of the plan.

    Raises:
        DeviceError: Bluesky is not installed.
        Aborted: somebody has aborted the run. Other exceptions are the plan's.
    """
    try:
        from bluesky.run_engine import RunEngine
        from bluesky.utils import RunEngineInterrupted
    except ImportError as error:
        raise DeviceError(f'a plan needs Bluesky ({error}): pip install "dash-devices-nb[bluesky]"') from error

    engine = RunEngine({"run": run.name}, context_managers=[])  # its own take signals, in the main thread only
    over = threading.Event()
    planned: list[int] = []
    seen = 0

    def hear(kind: str, document: Described) -> None:
        nonlocal seen
        if kind == "start":
            planned[:] = [int(document.get("num_points") or 0)]
        elif kind == "event":
            seen += 1
            for name, value in document["data"].items():
                keep(f"{run.procedure}/{name}", document["timestamps"][name], value)
            if planned and planned[0]:
                run.done(seen / planned[0])
            else:
                run.note = f"{seen} points"
                run.tell()

    def watch() -> None:
        """Ask the engine to pause as long as somebody wants it. The engine ignores this while it starts or resumes."""
        while not over.wait(WATCH_SECONDS):
            if (run.pausing or run.aborted) and engine.state == "running":
                engine.request_pause(defer=not run.aborted)

    engine.subscribe(hear)
    watcher = threading.Thread(target=watch, name=f"{run.name} watcher", daemon=True)
    watcher.start()
    try:
        go: Callable[[], Returned] = lambda: engine(plan)  # noqa: E731 - next it is `resume`
        while True:
            try:
                return go()
            except RunEngineInterrupted:
                try:
                    run.check()  # it waits here while paused
                except Aborted:
                    engine.abort(reason="aborted on the page")
                    raise
                go = engine.resume
    finally:
        over.set()
        watcher.join()
        engine.loop.call_soon_threadsafe(engine.loop.stop)
        engine._th.join()  # the RunEngine has no public way to end its thread
        engine.loop.close()
