"""Procedures, run one after the other: progress, pause, abort, arguments, failures."""

from __future__ import annotations

import threading
from typing import Annotated, Literal

import pytest

from dash_devices_nb.devices import Limits
from dash_devices_nb.devices.bluesky_plans import run_plan
from dash_devices_nb.devices.runs import Aborted, Procedure, Run, RunQueue, RunState
from dash_devices_nb.errors import DeviceError, SetError
from tests.support.eventually import eventually_sync


@pytest.fixture
def failures():
    return []


@pytest.fixture
def queue(failures):
    made = RunQueue(lambda: None, failures.append)
    yield made
    made.close()


def test_runs_come_one_after_the_other(queue):
    """In the order in which they were started, each with a name of its own."""
    running, most, order = 0, 0, []

    def work(run: Run) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        order.append(run.name)
        running -= 1
        return run.name

    runs = [queue.add("sweep", {}, work) for _ in range(3)]
    assert [run.wait(5) for run in runs] == ["sweep 1", "sweep 2", "sweep 3"]
    assert most == 1
    assert order == ["sweep 1", "sweep 2", "sweep 3"]


def test_progress_pause_and_resume(queue):
    """Steps count; a paused run stands still between two steps, and goes on where it was."""
    seen: list[int] = []
    gate = threading.Semaphore(0)

    def sweep(run: Run) -> None:
        for x in run.steps(range(4)):
            gate.acquire()
            seen.append(x)

    run = queue.add("sweep", {}, sweep)
    gate.release()
    eventually_sync(lambda: run.progress == 0.25)
    assert run.remaining is not None
    run.pause()
    gate.release()
    eventually_sync(lambda: run.state is RunState.PAUSED)
    assert seen == [0, 1]
    run.resume()
    gate.release(2)
    run.wait(5)
    assert (seen, run.progress, run.state) == ([0, 1, 2, 3], 1.0, RunState.DONE)


@pytest.mark.parametrize("paused", [False, True])
def test_abort_ends_a_run_at_the_next_step(queue, paused):
    """Also one that is paused, sleeps, or catches every Exception; its `finally` runs."""
    cleaned = threading.Event()

    def stubborn(run: Run) -> None:
        try:
            while True:
                try:
                    run.sleep(60)
                except Exception:  # noqa: BLE001 - as stubborn programs do
                    continue
        finally:
            cleaned.set()

    run = queue.add("stubborn", {}, stubborn)
    eventually_sync(lambda: run.state is RunState.RUNNING)
    if paused:
        run.pause()
        eventually_sync(lambda: run.state is RunState.PAUSED)
    run.abort()
    with pytest.raises(Aborted):
        run.wait(5)
    assert cleaned.is_set()
    assert run.state is RunState.ABORTED


def test_one_that_waits_can_be_taken_back(queue):
    """It never begins, and those behind it do."""
    gate = threading.Event()
    first = queue.add("first", {}, lambda run: gate.wait(10))
    second = queue.add("second", {}, lambda run: pytest.fail("it was taken back"))
    third = queue.add("third", {}, lambda run: 3)
    second.abort()
    gate.set()
    assert third.wait(5) == 3
    assert first.state is RunState.DONE
    assert second.state is RunState.ABORTED


def test_a_failure_is_kept_told_and_holds_up_nothing(queue, failures):
    """The next run begins all the same."""
    failing = queue.add("failing", {}, lambda run: 1 / 0)
    assert queue.add("next", {}, lambda run: "fine").wait(5) == "fine"
    with pytest.raises(ZeroDivisionError):
        failing.wait(5)
    assert isinstance(failures[0], ZeroDivisionError)


def sweep(run, start: Annotated[float, Limits(0, 10)], mode: Literal["up", "down"] = "up", steps: int = 5, label="x"):
    """Sweep the field.

    More words.
    """
    return start, mode, steps, label


def test_arguments_are_checked():
    """By annotations and defaults, as signals are."""
    started = []
    procedure = Procedure(sweep, lambda each, arguments: started.append(arguments))
    assert procedure.description == "Sweep the field."
    procedure(start=3, mode="down")
    assert started == [{"start": 3, "mode": "down"}]
    for wrong, said in [
        ({}, "sweep needs start"),
        ({"start": 11}, "start takes a number from 0 to 10, not 11"),
        ({"start": 1, "mode": "left"}, "'up', 'down'; not 'left'"),
        ({"start": 1, "steps": 1.5}, "a whole number"),
        ({"start": 1, "label": 3}, "takes a text"),
        ({"start": 1, "stop": 3}, "sweep takes start, mode, steps, label; not 'stop'"),
    ]:
        with pytest.raises(SetError, match=said):
            procedure(**wrong)
    assert len(started) == 1


async def coroutine(run):
    """A coroutine."""


@pytest.mark.parametrize(
    ("function", "said"),
    [(lambda: None, "takes nothing"), (coroutine, "is a coroutine function"), (3, "takes a function, not 3")],
)
def test_what_is_no_procedure(function, said):
    """It is said when it is declared."""
    with pytest.raises(DeviceError, match=said):
        Procedure(function, lambda each, arguments: None)


class Motor:
    """A device as Bluesky's protocols want it."""

    name = "motor"
    parent = None

    def __init__(self) -> None:
        self.at = 0.0

    def set(self, value: float) -> object:
        from bluesky.protocols import Status  # noqa: F401

        self.at = value
        return Done()

    def read(self) -> dict[str, dict[str, float]]:
        return {"motor": {"value": self.at, "timestamp": self.at}}

    def describe(self) -> dict[str, dict[str, object]]:
        return {"motor": {"source": "test", "dtype": "number", "shape": []}}

    @property
    def position(self) -> float:
        return self.at


class Done:
    done = success = True

    def add_callback(self, callback) -> None:
        callback(self)

    def exception(self, timeout: float | None = 0.0) -> None:
        return None


def test_a_plan_of_bluesky(queue):
    """The RunEngine runs it; its events are kept, and count as progress; an abort ends it in order."""
    plans = pytest.importorskip("bluesky.plans")
    motor, kept = Motor(), []

    def keep(name: str, time: float, value: object) -> None:
        kept.append((name, value))

    run = queue.add("scan", {}, lambda run: run_plan(plans.scan([motor], motor, 0, 4, 5), run, keep))
    run.wait(20)
    assert kept == [("scan/motor", float(n)) for n in range(5)]
    assert run.progress == 1.0

    begun = threading.Event()

    def endless():
        from bluesky import plan_stubs

        yield from plan_stubs.open_run()
        begun.set()
        while True:
            yield from plan_stubs.checkpoint()
            yield from plan_stubs.sleep(0.02)

    run = queue.add("endless", {}, lambda run: run_plan(endless(), run, keep))
    assert begun.wait(10)
    run.pause()
    eventually_sync(lambda: run.state is RunState.PAUSED)
    run.resume()
    eventually_sync(lambda: run.state is RunState.RUNNING)
    run.abort()
    with pytest.raises(Aborted):
        run.wait(10)
