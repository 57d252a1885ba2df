"""Interrupt, pause, step and the journal work for devices as for callbacks, in a real kernel."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually
from tests.support.kernels import Kernel

PROGRAM = """
import threading, time
from typing import Annotated
from dash_devices_nb import Dash, devices

class Stage:
    speed: float = 0.0
    target: float = 0.0
    begun = threading.Event()
    hangs = False

    @property
    def height(self) -> Annotated[float, devices.Period(0.05)]:
        while self.hangs:
            self.begun.set()
            time.sleep(0.01)
        return time.time()

    @property
    def force(self) -> float:
        return self._force
    _force = 1.0

    @force.setter
    def force(self, value: float) -> None:
        while value == 666:
            self.begun.set()
            time.sleep(0.01)
        self._force = value

stage = Stage()
device = devices.connect(stage, name="stage")
app = Dash("stage", devices=[device])
app.layout = devices.panel(device)
app.run(port=0, jupyter_mode="_none", auth=None)
print(app.url)
"""


@pytest.fixture
async def url(kernel: Kernel) -> AsyncIterator[str]:
    cell = await kernel.run(PROGRAM)
    yield cell.text.split()[-1]
    await kernel.run("stage.hangs = False; app.stop(); device.close()")


async def ask(kernel: Kernel, code: str) -> str:
    return (await kernel.run(f"print({code})")).text.rstrip("\n")


async def _is(kernel: Kernel, code: str, text: str) -> bool:
    return await ask(kernel, code) == text


def asked(value: float, number: int) -> dict[str, float]:
    return {"value": value, "number": number}


async def test_the_stop_button_stops_a_set_that_hangs(kernel: Kernel, url: str):
    """The page is told at its row, and in a notice; the device goes on."""
    async with Tab(url) as tab:
        await tab.act("stage/force", "asked", asked(666, 1))
        await kernel.run("stage.begun.wait(10); time.sleep(1.1)")
        await kernel.interrupt()
        await eventually(lambda: tab.notices, 10)
        assert tab.notices[0]["text"] == "CallbackInterrupted: The stop button was pressed while this ran."
        await eventually(lambda: tab.prop("stage/force", "message"), 10)
        assert tab.prop("stage/force", "message")["text"] == "the set was stopped, and may have been made in part"
        await tab.act("stage/force", "asked", asked(7, 2))
        await tab.expect("stage/force", "setpoint", 7)
        assert await ask(kernel, "device.force.reading.value") == "7"


async def test_the_stop_button_stops_a_read_that_hangs(kernel: Kernel, url: str):
    """Its signal is stale and says why; the bus is free for a set, and the signal comes back by itself."""
    async with Tab(url) as tab:
        await tab.watch("stage/height", "stage/force")
        await eventually(lambda: _is(kernel, "device.height.reading.good", "True"), 10)
        await kernel.run("stage.begun.clear(); stage.hangs = True; stage.begun.wait(10); time.sleep(1.1)")
        await kernel.interrupt()
        await eventually(lambda: _is(kernel, "device.height.reading.status == 'stale'", "True"), 10)
        reason = await ask(kernel, "device.height.reading.reason")
        assert reason == "CallbackInterrupted: The stop button was pressed while this ran."
        await kernel.run("stage.hangs = False")
        await tab.act("stage/force", "asked", asked(3, 1))
        await tab.expect("stage/force", "setpoint", 3)
        await eventually(lambda: _is(kernel, "device.height.reading.good", "True"), 10)
    assert (await kernel.run("1 + 1")).result == "2"


async def test_sets_are_held_stepped_and_let_go(kernel: Kernel, url: str):
    """While paused a set waits, and readings come; a step lets one through, `resume` the rest."""
    async with Tab(url) as tab:
        await tab.watch("stage/height", "stage/speed", "stage/target")
        await kernel.run("app.pause()")
        await tab.act("stage/speed", "asked", asked(5, 1))
        await eventually(lambda: _is(kernel, "len(app._parts.runtime.pause_gate)", "1"), 10)
        await tab.act("stage/target", "asked", asked(6, 2))
        await eventually(lambda: not tab.unacknowledged)
        before = tab.prop("stage/height", "value")
        await eventually(lambda: tab.prop("stage/height", "value") != before, 10)
        assert await ask(kernel, "stage.speed") == "0.0"
        assert await ask(kernel, "app.step()") == "<Call set stage stage/speed.asked>"
        await tab.expect("stage/speed", "setpoint", 5)
        assert await ask(kernel, "(stage.speed, stage.target)") == "(5, 0.0)"
        await kernel.run("app.resume()")
        await tab.expect("stage/target", "setpoint", 6)


async def test_the_journal_has_a_set_and_a_replay_makes_it_again(kernel: Kernel, url: str):
    """Who asked for what, and the call that set it; replayed, the device is set to the same."""
    async with Tab(url) as tab:
        await tab.act("stage/speed", "asked", asked(5, 1))
        await tab.expect("stage/speed", "setpoint", 5)
        await tab.act("stage/target", "asked", asked(8, 2))
        await tab.expect("stage/target", "setpoint", 8)
    changes = "[str(each) for each in app.journal.filter('change')]"
    shown = await ask(kernel, changes)
    for name in ("stage/speed.asked", "stage/target.asked"):
        assert name in shown
    calls = await ask(kernel, "[str(each) for each in app.journal.filter('call')]")
    assert "set stage" in calls
    summary = await kernel.run(
        "from dash_devices_nb import replay\n"
        "import os, tempfile\n"
        "path = app.journal.save(os.path.join(tempfile.mkdtemp(), 'session'))\n"
        "stage.speed = stage.target = 0.0\n"
        "print(replay(path, app, speed=None))\n"
        "print(stage.speed, stage.target)",
    )
    assert summary.text.splitlines()[-1] == "5 8"
    assert summary.text.startswith("2 changes of 1 client")
