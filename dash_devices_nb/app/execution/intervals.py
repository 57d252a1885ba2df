"""The clocks of shared `dcc.Interval`s.

Each page has its own clock for an Interval. If a shared callback uses `n_intervals`, N pages would make it tick N times
as fast. So the app ticks for all of them, while at least one page is open. The pages ignore their own clocks then
(`client/persistence.js`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dash_devices_nb.app.execution.event_stream import Performed
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
    """A running clock.

    Attributes:
        seconds: the time between two ticks.
        due: the time of the next tick, by the loop's clock.
        timer: its timer.
        propagation: the propagation that the last tick started.
    """

    seconds: float
    due: float
    timer: asyncio.TimerHandle
    propagation: Propagation | None = None


class IntervalTimers:
    """The clocks of one app.

    Args:
        runtime: the app's runtime.
        push: sets values for all pages and returns the propagation that this starts.
        runs: returns whether the app runs.
    """

    def __init__(self, runtime: Runtime, push: Callable[[Mods], Propagation], runs: Callable[[], bool]) -> None:
        self._runtime = runtime
        self._push = push
        self._runs = runs
        self._clocks: dict[str, IntervalTimer] = {}
        self._ids: list[str] = []
        self._seen: tuple[int, int, int, bool] = (-1, -1, 0, False)
        self._looks = False
        runtime.subscribe(Performed, self._note)

    def _note(self, _: Performed) -> None:
        """An event was performed. Check the clocks if it may concern them. With the lock held, from any thread."""
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
        """Stop all clocks. On the I/O loop."""
        for clock in self._clocks.values():
            clock.timer.cancel()
        self._clocks.clear()
        self._seen = (-1, -1, 0, False)

    def _look(self) -> None:
        """Start and stop clocks to match the open pages and the props. On the I/O loop."""
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
        # If the callbacks take longer than the interval, ticks would pile up.
        if clock.propagation is None or clock.propagation.over:
            key = (component_id, "n_intervals")
            clock.propagation = self._push({key: Value.of(int(self._number(key, 0)) + 1)})

    def _seconds(self, component_id: str) -> float | None:
        """Return the seconds between two ticks of an Interval. None if it is disabled. With the lock held."""
        most = self._number((component_id, "max_intervals"), -1)
        done = most != -1 and self._number((component_id, "n_intervals"), 0) >= most
        disabled = self._runtime.dispatcher.value((component_id, "disabled")).plain
        if not self._runtime.pages or disabled or most == 0 or done:
            return None
        return max(self._number((component_id, "interval"), USUAL_MS) / 1000, LEAST_SECONDS)

    def _number(self, key: Key, usual: float) -> float:
        """Return the value of a numeric prop, or `usual` if the program has set something else."""
        with self._runtime.lock:
            value = self._runtime.dispatcher.value(key).plain
        return value if isinstance(value, int | float) and not isinstance(value, bool) else usual
