"""The clocks of shared `dcc.Interval`s.

Each page has a clock of its own for an Interval. Where a shared callback uses its `n_intervals`, many pages would tick
many times as fast, so the app ticks for all of them: from the moment in which the first page is there until the last
has left. The pages' own clocks are not heard then (`client/kept.js`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dash_devices_nb.core.props.ids import Key
from dash_devices_nb.core.props.values import Value

if TYPE_CHECKING:
    from dash_devices_nb.app.execution.runtime import Runtime
    from dash_devices_nb.core.callbacks.propagation import Propagation
    from dash_devices_nb.core.props.mods import Mods

INTERVAL = ("dash_core_components", "Interval")
USUAL_MS = 1000
LEAST_SECONDS = 0.004
"""As a browser's own clock: an interval of 0 ticks so often."""


@dataclass
class IntervalTimer:
    """One that runs.

    Attributes:
        seconds: between two ticks.
        due: the next tick, by the loop's clock.
        timer: its timer.
        propagation: what the last tick has led to.
    """

    seconds: float
    due: float
    timer: asyncio.TimerHandle
    propagation: Propagation | None = None


class IntervalTimers:
    """The clocks of one app.

    Args:
        runtime: the app's.
        push: sets values for all pages and returns the propagation that this starts.
        runs: whether the app does.
    """

    def __init__(self, runtime: Runtime, push: Callable[[Mods], Propagation], runs: Callable[[], bool]) -> None:
        self._runtime = runtime
        self._push = push
        self._runs = runs
        self._clocks: dict[str, IntervalTimer] = {}
        self._ids: list[str] = []
        self._seen: tuple[int, int, int, bool] = (-1, -1, 0, False)
        self._looks = False

    def note(self) -> None:
        """Something has happened: look at the clocks if it may concern them. With the lock held, from any thread."""
        dispatcher = self._runtime.dispatcher
        graph, layout, revision, pages = self._seen
        if graph != dispatcher.graph.version or layout != dispatcher.layout.version:
            self._ids = [
                each.id
                for each in dispatcher.layout.by_id.values()
                if each.kind == INTERVAL and dispatcher.graph.is_shared((each.id, "n_intervals"))
            ]
        elif not self._ids or (revision == dispatcher.state.revision and pages == bool(self._runtime.pages)):
            return
        self._seen = (
            dispatcher.graph.version,
            dispatcher.layout.version,
            dispatcher.state.revision,
            bool(self._runtime.pages),
        )
        loop = self._runtime.io_loop
        if (self._ids or self._clocks) and not self._looks and loop is not None and not loop.is_closed():
            self._looks = True
            loop.call_soon_threadsafe(self._look)

    def stop(self) -> None:
        """Stop all of them. On the I/O loop."""
        for clock in self._clocks.values():
            clock.timer.cancel()
        self._clocks.clear()
        self._seen = (-1, -1, 0, False)

    def _look(self) -> None:
        """Start and stop clocks, as the pages and the props say. On the I/O loop."""
        with self._runtime.lock:
            self._looks = False
            ids = self._ids if self._runs() else []
            wanted = {each: seconds for each in ids if (seconds := self._seconds(each)) is not None}
        for gone in [each for each, clock in self._clocks.items() if wanted.get(each) != clock.seconds]:
            self._clocks.pop(gone).timer.cancel()
        loop = asyncio.get_running_loop()
        for each, seconds in wanted.items():
            if each not in self._clocks:
                due = loop.time() + seconds
                self._clocks[each] = IntervalTimer(seconds, due, loop.call_at(due, self._tick, each))

    def _tick(self, component_id: str) -> None:
        clock = self._clocks[component_id]
        loop = asyncio.get_running_loop()
        clock.due = max(clock.due + clock.seconds, loop.time())
        clock.timer = loop.call_at(clock.due, self._tick, component_id)
        # Where the callbacks take longer than the interval, ticks would pile up behind them.
        if clock.propagation is None or clock.propagation.over:
            key = (component_id, "n_intervals")
            clock.propagation = self._push({key: Value.of(int(self._number(key, 0)) + 1)})

    def _seconds(self, component_id: str) -> float | None:
        """How often an Interval ticks; None if it stands still. With the lock held."""
        most = self._number((component_id, "max_intervals"), -1)
        done = most != -1 and self._number((component_id, "n_intervals"), 0) >= most
        disabled = self._runtime.dispatcher.value((component_id, "disabled")).plain
        if not self._runtime.pages or disabled or most == 0 or done:
            return None
        return max(self._number((component_id, "interval"), USUAL_MS) / 1000, LEAST_SECONDS)

    def _number(self, key: Key, usual: float) -> float:
        """A prop that is a number; what else a program may have set counts as the usual one."""
        with self._runtime.lock:
            value = self._runtime.dispatcher.value(key).plain
        return value if isinstance(value, int | float) and not isinstance(value, bool) else usual
