"""Devices on the pages of an app: pages without a browser, real polling."""

from __future__ import annotations

import threading
from typing import Annotated

import pytest

from dash_devices_nb import Dash, Input, Output, devices, html
from dash_devices_nb.errors import DeviceError, HistoryError
from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually
from tests.support.serving import Serving


class Lamp:
    """A device that clips, refuses, and counts."""

    on: bool = False
    name_plate: str = "L1"

    def __init__(self) -> None:
        self.reads = 0
        self.level = 10.0
        self.fault: Exception | None = None

    @property
    def brightness(self) -> Annotated[float, devices.Unit("%"), devices.Precision(1)]:
        return self.level

    @brightness.setter
    def brightness(self, value: Annotated[float, devices.Limits(0, 100)]) -> None:
        if value == 13:
            raise RuntimeError("the lamp does not like 13")
        self.level = min(value, 80.0)

    @property
    def temperature(self) -> Annotated[float, devices.Unit("°C"), devices.Period(0.02)]:
        self.reads += 1
        if self.fault:
            raise self.fault
        return 20.0 + self.reads % 7


@pytest.fixture
def lamp():
    return Lamp()


@pytest.fixture
def device(lamp):
    with devices.connect(lamp, name="lamp", period=0.05) as made:
        yield made


@pytest.fixture
def app(device):
    made = Dash(__name__, devices=[device])
    made.layout = html.Div([devices.panel(device), devices.value(device.temperature)])
    return made


async def ask(tab: Tab, name: str, value: object, number: int = 1) -> None:
    await tab.act(name, "asked", {"value": value, "number": number})


async def test_a_page_that_watches_gets_readings(serve: Serving, app, device, lamp):
    """Nothing is read before a page watches; then its value, text and time come; when it leaves, reading ends."""
    url = await serve(app)
    async with Tab(url) as tab:
        assert lamp.reads == 0
        await tab.watch("lamp/temperature", "lamp/brightness", "lamp/no such signal")
        await eventually(lambda: tab.prop("lamp/temperature", "value") is not None)
        await tab.expect("lamp/brightness", "value", 10.0)
        reading = tab.prop("lamp/brightness", "reading")
        assert (reading["text"], reading["status"], reading["reason"]) == ("10.0", "ok", "")
        assert tab.prop("lamp/brightness", "info")["unit"] == "%"
    await eventually(lambda: not device.watched)


async def test_what_is_set_is_shown_beside_what_is(serve: Serving, app, lamp):
    """Taken, clipped and refused by the driver: each page sees the set-point that holds, and the reason."""
    url = await serve(app)
    async with Tab(url) as one, Tab(url) as other:
        await ask(one, "lamp/brightness", 42)
        await other.expect("lamp/brightness", "setpoint", 42.0)
        await other.expect("lamp/brightness", "value", 42.0)
        await ask(one, "lamp/brightness", 95, 2)
        await other.expect("lamp/brightness", "setpoint", 80.0)
        await eventually(lambda: "the device took 80.0" in other.prop("lamp/brightness", "message")["text"])
        await ask(one, "lamp/brightness", 13, 3)
        await eventually(lambda: "does not like 13" in other.prop("lamp/brightness", "message")["text"])
        await other.expect("lamp/brightness", "setpoint", 80.0)
        assert lamp.level == 80
        assert isinstance(app.errors[-1].__cause__, RuntimeError)


async def test_limits_hold_for_whoever_asks(serve: Serving, app, device, lamp):
    """A value beyond the limits reaches no driver, from whichever page; it is journalled, and is no exception."""
    url = await serve(app)
    async with Tab(url) as tab:
        for given, said in [(101, "from 0 to 100 %, not 101"), ("x", "not 'x'"), (None, "not None")]:
            await ask(tab, "lamp/brightness", given, hash(said))
            await eventually(lambda said=said: said in (tab.prop("lamp/brightness", "message") or {}).get("text", ""))
        await tab.act("lamp/brightness", "asked", "no dict at all")
        await tab.settled()
        assert lamp.level == 10
        assert not app.errors
        assert any("not 101" in str(entry) for entry in app.journal)


async def test_a_set_from_a_cell_shows_on_the_pages(serve: Serving, app, device):
    """`signal.set` from the program's own thread moves the set-point of all pages."""
    url = await serve(app)
    async with Tab(url) as tab:
        thread = threading.Thread(target=device.brightness.set, args=(33,))
        thread.start()
        await tab.expect("lamp/brightness", "setpoint", 33.0)
        thread.join()


async def test_a_late_page_sees_the_present(serve: Serving, app, device):
    """Value, state and set-point are in the layout that a page loads."""
    url = await serve(app)
    async with Tab(url) as tab:
        await ask(tab, "lamp/on", True)
        await tab.expect("lamp/on", "value", True)
    async with Tab(url) as late:
        assert late.prop("lamp/on", "value") is True
        assert late.prop("lamp/on", "setpoint") is True


async def test_a_stale_signal_says_so(serve: Serving, app, lamp):
    """A read that fails shows the reason and the last good value; it comes back by itself."""
    url = await serve(app)
    async with Tab(url) as tab:
        await tab.watch("lamp/temperature")
        await eventually(lambda: tab.prop("lamp/temperature", "value") is not None)
        lamp.fault = ValueError("sensor open")
        await eventually(lambda: tab.prop("lamp/temperature", "reading")["status"] == "stale")
        assert tab.prop("lamp/temperature", "reading")["reason"] == "sensor open"
        assert tab.prop("lamp/temperature", "value") >= 20
        lamp.fault = None
        await eventually(lambda: tab.prop("lamp/temperature", "reading")["status"] == "ok", 10)


async def test_a_value_is_an_input_like_any_other(serve: Serving, app, device):
    """A shared callback on `signal.value` is called with no view of it on any page."""
    app.layout = html.Div([html.B(id="shown")])

    @app.callback_shared(Output("shown", "children"), Input(*device.temperature.value), lock=device.lock)
    def show(value):
        return f"{value} degrees"

    url = await serve(app)
    async with Tab(url) as tab:
        await eventually(lambda: str(tab.prop("shown", "children")).startswith("2"))


async def test_a_guest_who_only_views_sets_nothing(serve: Serving, app, lamp):
    """Readings come; what such a page asks for is refused and undone."""
    url = await serve(app)
    async with Tab(url) as tab:
        app.clients[0].role = "view"
        await tab.watch("lamp/brightness")
        await tab.expect("lamp/brightness", "value", 10.0)
        await ask(tab, "lamp/brightness", 50)
        await eventually(lambda: tab.prop("lamp/brightness", "asked") is None)
        assert lamp.level == 10


async def test_a_disk_that_is_full_is_told_on_the_pages(serve: Serving, app, device, tmp_path, monkeypatch):
    """Where nobody is asked for a secret there is no owner: whoever may act is told."""
    pytest.importorskip("duckdb")
    from dash_devices_nb.devices.history.store import Store

    def full(self, rows, units=None):
        raise HistoryError("No space left on device")

    with app.record(device.temperature, file=tmp_path / "h.duckdb") as history:
        async with Tab(await serve(app)) as tab:
            real = Store.add
            monkeypatch.setattr(Store, "add", full)
            await eventually(lambda: any("No space left" in each["text"] for each in tab.notices))
            monkeypatch.setattr(Store, "add", real)
            await eventually(history.flush)


def test_devices_are_checked_when_the_app_is_made(device, lamp):
    """What is no device, and two of one name, are refused with what to do."""
    with pytest.raises(DeviceError, match=r"takes what devices.connect\(...\) returns"):
        Dash(__name__, devices=[lamp])
    with (
        devices.connect(Lamp(), name="lamp") as twin,
        pytest.raises(DeviceError, match="two devices are called 'lamp'"),
    ):
        Dash(__name__, devices=[device, twin])


async def test_a_plot_that_gets_another_size_asks_for_nothing(serve: Serving, app, device):
    """Its figure stays, so points that the page has added to it are not there twice; a page that loads has it anew."""
    app.layout = devices.graph(device.temperature, id="plot")
    plot = {"device-graph": "plot", "part": "plot"}
    async with Tab(await serve(app)) as tab:
        await tab.expect(plot, "figure", lambda figure: figure["data"])
        first = tab.prop(plot, "figure")
        await tab.act(plot, "relayoutData", {"autosize": True})
        await tab.settled()
        assert tab.prop(plot, "figure") == first
        await tab.act(plot, "relayoutData", {"xaxis.autorange": True})
        await tab.expect(plot, "figure", lambda figure: figure != first)
