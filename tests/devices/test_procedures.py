"""Procedures on the pages: started with arguments, paused, aborted, refused; their readings have the run's name."""

from __future__ import annotations

import threading
from typing import Annotated

import pytest

from dash_devices_nb import Dash, devices
from dash_devices_nb.devices import Limits
from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually
from tests.support.serving import Serving

PROCEDURES = "dash-devices-procedures"


class Magnet:
    field: Annotated[float, Limits(0, 10)] = 0.0


@pytest.fixture
def magnet():
    with devices.connect(Magnet(), period=0.02) as made:
        yield made


@pytest.fixture
def app(magnet):
    made = Dash(__name__, devices=[magnet])
    made.layout = devices.procedures()
    return made


async def act(tab: Tab, kind: str, name: str, number: float, **arguments: object) -> None:
    await tab.act(PROCEDURES, "act", {"kind": kind, "name": name, "arguments": arguments, "number": number})


def state(tab: Tab, name: str) -> dict:
    return next((run for run in tab.prop(PROCEDURES, "runs") if run["name"] == name), {})


async def test_a_sweep_from_a_page(serve: Serving, app, magnet, tmp_path):
    """It is started with what the form says; pages see progress; readings of the history have its name."""
    pytest.importorskip("duckdb")
    go = threading.Semaphore(0)

    @app.procedure
    def sweep(run, start: Annotated[float, Limits(0, 5)] = 0, steps: int = 4):
        """Sweep the field."""
        for n in run.steps(range(steps)):
            go.acquire()
            magnet.field.set(start + n)

    with app.record(magnet, file=tmp_path / "h.duckdb") as history:
        url = await serve(app)
        async with Tab(url) as tab:
            (shown,) = tab.prop(PROCEDURES, "procedures")
            assert (shown["name"], shown["description"]) == ("sweep", "Sweep the field.")
            assert [each["name"] for each in shown["parameters"]] == ["start", "steps"]
            await act(tab, "start", "sweep", 1, start=9)
            await eventually(lambda: "from 0 to 5, not 9" in (tab.prop(PROCEDURES, "message") or {}).get("text", ""))
            await act(tab, "start", "sweep", 2, start=3)
            await eventually(lambda: state(tab, "sweep 1").get("state") == "running")
            go.release()
            await eventually(lambda: state(tab, "sweep 1").get("progress") == 0.25)
            await act(tab, "pause", "sweep 1", 3)
            await eventually(lambda: state(tab, "sweep 1").get("state") == "pausing")
            go.release()
            await eventually(lambda: state(tab, "sweep 1").get("state") == "paused")
            await act(tab, "resume", "sweep 1", 4)
            go.release(2)
            await eventually(lambda: state(tab, "sweep 1").get("state") == "done")
            assert magnet.field.reading.value == 6
            frame = history.to_frame([magnet.field])
            assert {3.0, 4.0, 5.0, 6.0} <= set(frame[frame.run == "sweep 1"].value)


async def test_abort_and_what_there_is_not(serve: Serving, app):
    """A page aborts a run; one that names what there is not is told."""

    @app.procedure
    def endless(run):
        while True:
            run.sleep(60)

    url = await serve(app)
    async with Tab(url) as tab:
        await act(tab, "start", "endless", 1)
        await eventually(lambda: state(tab, "endless 1").get("state") == "running")
        await act(tab, "abort", "endless 1", 2)
        await eventually(lambda: state(tab, "endless 1").get("state") == "aborted")
        await act(tab, "start", "nothing", 3)
        await eventually(lambda: "there is endless" in tab.prop(PROCEDURES, "message")["text"])
        await tab.act(PROCEDURES, "act", ["no", "dict"])
        await tab.settled()


async def test_a_failure_is_told(serve: Serving, app):
    """On the pages in a line, and to the program as any exception."""

    @app.procedure
    def fails(run):
        raise RuntimeError("quench")

    url = await serve(app)
    async with Tab(url) as tab:
        fails()
        await eventually(lambda: state(tab, "fails 1").get("error") == "quench")
        assert str(app.errors[-1]) == "quench"
