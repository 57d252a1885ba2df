"""Alarms of an app: raised, called, listed, acknowledged, journalled."""

from __future__ import annotations

import threading
from typing import Annotated

import pytest

from dash_devices_nb import Dash, devices
from dash_devices_nb.devices import AlarmState
from dash_devices_nb.errors import DeviceError
from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually
from tests.support.serving import Serving


class Oven:
    def __init__(self) -> None:
        self.value = 20.0
        self.fault: Exception | None = None

    @property
    def temperature(self) -> Annotated[float, devices.Unit("°C"), devices.Period(0.02)]:
        if self.fault:
            raise self.fault
        return self.value


@pytest.fixture
def oven():
    return Oven()


@pytest.fixture
def app(oven):
    with devices.connect(oven) as device:
        made = Dash(__name__, devices=[device])
        made.layout = devices.alarms()
        made.oven = device
        yield made


async def test_from_raised_to_acknowledged(serve: Serving, app, oven):
    """Pages list it, a function of the program is called once, who acknowledged it is known and journalled."""
    called = threading.Event()
    alarm = app.alarm(
        app.oven.temperature, when=lambda v: v > 100, for_=0.05, name="too hot", call=lambda a: called.set()
    )
    url = await serve(app)
    async with Tab(url) as tab:
        assert tab.prop("dash-devices-alarms", "alarms") == []
        oven.value = 120
        await eventually(called.is_set)
        await eventually(lambda: tab.prop("dash-devices-alarms", "alarms"))
        (shown,) = tab.prop("dash-devices-alarms", "alarms")
        assert (shown["name"], shown["state"], shown["value"]) == ("too hot", "active", "120 °C")
        oven.value = 20
        await eventually(lambda: alarm.state is AlarmState.RETURNED)
        await tab.act("dash-devices-alarms", "acknowledge", {"name": "too hot", "number": 1})
        await tab.expect("dash-devices-alarms", "alarms", [])
        assert alarm.by
    texts = [str(each) for each in app.journal]
    assert any("'too hot' was raised: 120 °C" in each for each in texts)
    assert any("'too hot' was acknowledged" in each for each in texts)


async def test_a_signal_that_is_not_well(app, oven):
    """Without a condition, staleness raises it; silence neither raises nor ends one with a condition."""
    stale = app.alarm(app.oven.temperature)
    hot = app.alarm(app.oven.temperature, when=lambda v: v > 100, name="hot")
    oven.value = 200
    await eventually(lambda: hot.state is AlarmState.ACTIVE)
    oven.fault = OSError("unplugged")
    await eventually(lambda: stale.state is AlarmState.ACTIVE)
    assert stale.reason == "unplugged"
    assert hot.state is AlarmState.ACTIVE


async def test_a_condition_that_raises_is_an_alarm(app):
    """And what a function of the program raises is reported."""

    def fails(alarm):
        raise ValueError("no mail today")

    alarm = app.alarm(app.oven.temperature, when=lambda v: v["x"] > 3, name="broken", call=fails)
    await eventually(lambda: alarm.state is AlarmState.ACTIVE)
    assert "the condition raised TypeError" in alarm.reason
    await eventually(lambda: app.errors)
    assert "no mail today" in str(app.errors[-1])


async def send_later(alarm):
    """Nobody would wait for it."""


def test_bad_input(app):
    """What is wrong is said when it is written."""
    for wrong, said in [
        ({"signal": "oven/temperature"}, "takes a signal"),
        ({"signal": app.oven.temperature, "when": "> 3"}, "a function of the value"),
        ({"signal": app.oven.temperature, "severity": "bad"}, "'minor' or 'major', not 'bad'"),
        ({"signal": app.oven.temperature, "for_": -1}, "a number of seconds, not -1"),
        ({"signal": app.oven.temperature, "for_": "5"}, "a number of seconds, not '5'"),
        ({"signal": app.oven.temperature, "call": send_later}, "a plain function that takes the alarm"),
    ]:
        with pytest.raises(DeviceError, match=said):
            app.alarm(**wrong)


async def test_a_thread_only_while_an_alarm_is_due(app, oven):
    """Alarms that wait for nothing need no thread, and one that does is raised all the same."""
    alarm = app.alarm(app.oven.temperature, when=lambda v: v > 100, for_=0.2, name="hot")
    await eventually(lambda: app.oven.temperature.reading.good)
    names = [each.name for each in threading.enumerate()]
    assert "device-alarms" not in names
    oven.value = 150
    await eventually(lambda: alarm.state is AlarmState.ACTIVE)
    await eventually(lambda: "device-alarms" not in [each.name for each in threading.enumerate()])


async def test_an_alarm_that_is_removed(app, oven):
    """It is not raised any more, and nothing reads its signal. One of the same name that came later stays."""
    before = app.alarm(app.oven.temperature, when=lambda v: v > 100, name="hot")
    alarm = app.alarm(app.oven.temperature, when=lambda v: v > 100, name="hot")
    before.remove()
    oven.value = 150
    await eventually(lambda: alarm.state is AlarmState.ACTIVE)
    assert before.state is AlarmState.NORMAL
    alarm.remove()
    alarm.remove()
    assert not app.oven.watched


async def test_no_alarm_while_the_app_is_stopped(serve: Serving, app, oven):
    """A stopped app reads nothing for its alarms. A raised one stays, and goes on when the app runs again."""
    alarm = app.alarm(app.oven.temperature, when=lambda v: v > 100, name="hot")
    await serve(app)
    oven.value = 150
    await eventually(lambda: alarm.state is AlarmState.ACTIVE)
    await serve.stop(app)
    assert not app.oven.watched
    later = app.alarm(app.oven.temperature, when=lambda v: v > 50, name="warm")
    assert not app.oven.watched
    oven.value = 60
    assert (alarm.state, later.state) == (AlarmState.ACTIVE, AlarmState.NORMAL)
    async with Tab(await serve(app)) as tab:
        await eventually(lambda: (alarm.state, later.state) == (AlarmState.RETURNED, AlarmState.ACTIVE))
        await eventually(lambda: len(tab.prop("dash-devices-alarms", "alarms")) == 2)
