"""What an entry of the journal costs, next to appending a tuple to a deque: ``python -m benchmarks journal``.

The recorder's own entry points are timed, as a running app calls them: the clock, the record and the statistics are
part of the cost.
"""

from __future__ import annotations

import time
import timeit
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.report import Measurement, at_most, machine, save_picture, save_results
from dash_devices_nb.app.definitions.registry import Stats
from dash_devices_nb.app.execution.regular_call import RegularCall
from dash_devices_nb.app.execution.requested_outputs import CallbackRequest
from dash_devices_nb.app.journal.recorder import Recorder
from dash_devices_nb.core.access.clients import Client
from dash_devices_nb.core.callbacks.dispatcher import Dispatcher
from dash_devices_nb.core.callbacks.spec import CallbackSpec
from dash_devices_nb.core.props.ids import Ref
from dash_devices_nb.core.props.values import Value

LIMIT_US = 5.0
EVENTS = 20_000
REPEATS = 7


class _Definition:
    """Stands for what `app.callbacks` keeps of a callback."""

    def __init__(self) -> None:
        self.stats = Stats()


def events() -> dict[str, Callable[[], object]]:
    """The events of an app, by name. The first is the reference."""
    rows: deque[Any] = deque(maxlen=10_000)
    recorder = Recorder(lambda call: None)  # type: ignore[arg-type,return-value]
    client = Client("a", connect_time=0.0, address="127.0.0.1")
    mods = {("target", "value"): Value(b"20")}
    definition = _Definition()
    dispatcher = Dispatcher()
    layout = {"namespace": "x", "type": "Div", "props": {"id": "target"}}
    dispatcher.start([layout, layout | {"props": {"id": "shown"}}])
    spec = CallbackSpec("show", (Ref("target", "value"),), (), (Ref("shown", "children"),))
    (run,) = dispatcher.add_callback(spec)
    body = {
        "output": "shown.children",
        "inputs": [{"id": "target", "property": "value", "value": 20}],
        "changedPropIds": ["target.value"],
    }
    asked = RegularCall(CallbackRequest.of(body), client, None, lambda answer: None)

    def shared() -> None:
        recorder.finished(recorder.shared_call(run.call), definition)

    def regular() -> None:
        recorder.finished(recorder.regular_call(asked), definition)

    return {
        "deque.append of a tuple": lambda: rows.append((1, 0.0, "change", client, mods, None)),
        "change": lambda: recorder.changed(client, mods),
        "push": lambda: recorder.pushed(None, mods),
        "connect": lambda: recorder.came(client),
        "call of a shared callback": shared,
        "call of a regular callback": regular,
    }


def measure(count: int = EVENTS, repeats: int = REPEATS) -> list[Measurement]:
    """The time of each event in milliseconds (the unit of the reports), each the mean of `count`."""
    every = events()
    found = {name: Measurement(name, name) for name in every}
    for _ in range(repeats):  # interleaved, so that a busy moment of the machine meets all
        for name, event in every.items():
            found[name].times.append(timeit.timeit(event, number=count, timer=time.thread_time) / count * 1e3)
    return list(found.values())


def run(options: Any) -> int:
    """The command ``journal``."""
    measurements = measure()
    base = min(measurements[0].times)  # the least: a busy machine only adds
    print(f"{'one entry':30}{'microseconds':>14}{'to deque.append':>18}{'wanted':>10}")
    for m in measurements:
        micros = min(m.times) * 1e3
        verdict = "" if m is measurements[0] else "  met" if micros < LIMIT_US else "  MISSED"
        wanted = "" if m is measurements[0] else f"< {LIMIT_US:g}"
        print(f"{m.label:30}{micros:14.2f}{min(m.times) / base:17.1f}x{wanted:>10}{verdict}")
    about = machine()
    print(f"\n{about['processor']}, {about['cores']} cores, load {about['load'][0]}")
    if not options.no_save:
        targets = [at_most(f"{m.label} (µs)", min(m.times) * 1e3, LIMIT_US) for m in measurements[1:]]
        save_results(Path(options.results) / "journal.json", measurements, targets)
        save_picture(Path(options.results) / "journal.png", measurements, "milliseconds an entry (median, p95)")
    return 0
