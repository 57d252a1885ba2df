"""A panel of a real driver in Chromium: what it shows, sets, and leaves alone."""

from __future__ import annotations

import asyncio
import threading
from typing import Annotated, ClassVar, Literal

import pytest
from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, dcc, devices, html
from dash_devices_nb.devices.history.graph import _stamp, utc_offset
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter
from tests.support.lab import LabNotebook
from tests.support.serving import Serving


@pytest.fixture
def cryostat():
    """The Lakeshore 336 of QCoDeS, simulated by pyvisa-sim."""
    drivers = pytest.importorskip("qcodes.instrument_drivers.Lakeshore")
    instrument = drivers.LakeshoreModel336("ls", "GPIB::2::INSTR", pyvisa_sim_file="lakeshore_model336.yaml")
    with devices.connect(instrument, period=0.1) as device:
        yield device
    instrument.close()


async def test_the_panel_of_a_real_driver(serve: Serving, browser: Tabs, cryostat):
    """Groups, values with units, a filter; what is closed is not polled; two pages see what one of them sets."""
    app = Dash(__name__, devices=[cryostat])
    app.layout = devices.panel(cryostat, label="Cryostat")
    url = await serve(app)
    one, other = await asyncio.gather(browser.open(url), browser.open(url))
    row = one.get_by_role("group", name="Temperature", exact=True)
    await expect(row.locator(".ddn-value")).to_have_text("100K")
    assert cryostat.B.temperature.reading.status is devices.Status.NEVER
    await one.get_by_role("button", name="B", exact=False).filter(has_text="B").first.click()
    await eventually(lambda: cryostat.B.temperature.reading.good)

    for page in (one, other):
        await page.get_by_role("searchbox").fill("output_1 proportional")
        await expect(page.locator(".ddn-row")).to_have_count(1)
    field = one.get_by_label("set Proportional (closed-loop)")
    await expect(field).to_have_value("10")
    await field.fill("25,5")
    await field.press("Enter")
    await expect(other.locator(".ddn-row .ddn-value")).to_have_text("25.5")
    await expect(other.get_by_label("set Proportional (closed-loop)")).to_have_value("25.5")
    await field.fill("0")
    await field.press("Enter")
    for page in (one, other):
        await expect(page.get_by_role("alert")).to_have_text("output_1/P takes a number from 0.1 to 1000, not 0")
    await expect(field).to_have_value("25.5")
    await field.fill("99")
    await field.press("Escape")
    await expect(field).to_have_value("25.5")
    assert cryostat.output_1.P.reading.value == 25.5

    await one.get_by_role("searchbox").fill("output_1 control mode")
    await one.get_by_label("set Control mode").select_option("off")
    await eventually(lambda: cryostat.output_1.mode.reading.value == "off")
    await one.get_by_role("searchbox").fill("no such thing")
    await expect(one.locator(".ddn-none")).to_be_visible()


class Oven:
    """A device that can fall silent."""

    heating: bool = False

    def __init__(self) -> None:
        self.silent = False

    @property
    def temperature(self) -> Annotated[float, devices.Unit("°C"), devices.Precision(1), devices.Period(0.05)]:
        if self.silent:
            raise TimeoutError("no answer within 0.3 s")
        return 21.5


async def test_staleness_is_said_in_words(serve: Serving, browser: Tabs):
    """A device that falls silent says so, with its last value, on each view; the app's own callbacks see its values."""
    oven = Oven()
    with devices.connect(oven) as device:
        app = Dash(__name__, devices=[device])
        app.layout = html.Div(
            [
                html.P(["Oven: ", devices.value(device.temperature)]),
                devices.row(device.temperature),
                devices.row(device.heating),
                html.B(id="shown"),
            ]
        )

        @app.callback_shared(Output("shown", "children"), Input(*device.heating.setpoint))
        def show(heating):
            return f"heating: {heating}"

        page = await browser.open(await serve(app))
        await expect(page.locator(".ddn-single")).to_have_text("21.5°C")
        await page.get_by_role("switch").press("Space")
        await expect(page.locator("#shown")).to_have_text("heating: True")
        await expect(page.get_by_role("switch")).to_have_attribute("aria-checked", "true")
        assert oven.heating is True
        oven.silent = True
        for view in (page.locator(".ddn-single"), page.get_by_role("group", name="temperature")):
            await expect(view.locator(".ddn-state")).to_contain_text("stale · last good")
            await expect(view.locator(".ddn-state")).to_contain_text("no answer within 0.3 s")
            await expect(view.locator(".ddn-value")).to_have_text("21.5°C")
        oven.silent = False
        await expect(page.locator(".ddn-single .ddn-state")).to_have_count(0, timeout=20_000)


class Counting:
    """Its temperature is the number of the read. Pages are told ten times a second, so it is read less often."""

    def __init__(self) -> None:
        self.reads = 0

    @property
    def temperature(self) -> Annotated[float, devices.Unit("°C"), devices.Period(0.2)]:
        self.reads += 1
        return float(self.reads)


PLOTTED = "() => (document.querySelector('.js-plotly-plot')?._fullData?.[0]?.y || [])"
ZOOM = "(range) => Plotly.relayout(document.querySelector('.js-plotly-plot'), {'xaxis.range': range})"


async def test_a_graph_opens_with_the_past_and_goes_on_live(serve: Serving, browser: Tabs, tmp_path):
    """A late page has all readings, none missing and none twice; a zoom shows its stretch; a file comes down."""
    pytest.importorskip("duckdb")
    with devices.connect(Counting()) as device:
        app = Dash(__name__, devices=[device])
        app.layout = devices.graph(device.temperature)
        with app.record(device, file=tmp_path / "h.duckdb") as history:
            url = await serve(app)
            await eventually(lambda: len(history.to_frame()) > 10, 10)
            page = await browser.open(url)

            async def plotted() -> list[float]:
                return list(await page.evaluate(PLOTTED))

            async def grows() -> bool:
                seen = await plotted()
                return len(seen) > 20

            await eventually(grows, 15)
            seen = await plotted()
            assert seen == [float(n) for n in range(1, len(seen) + 1)]

            async with page.expect_download() as coming:
                await page.get_by_role("button", name="CSV").click()
            path = await (await coming.value).path()
            assert len(path.read_text().splitlines()) > 20

            span = history.span
            assert span is not None
            await page.evaluate(
                ZOOM,
                [_stamp(span[0] - 0.01, utc_offset()), _stamp(span[0] + 1.5, utc_offset())],
            )

            async def zoomed() -> bool:
                seen = await plotted()
                return 2 < len(seen) < 15 and seen[0] == 1

            await eventually(zoomed, 10)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_values_in_a_page_of_ones_own_can_be_read(serve: Serving, browser: Tabs, scheme: str):
    """A page stays white where the system is dark, and what stands in its own text has that text's colour."""
    with devices.connect(Oven()) as device:
        app = Dash(__name__, devices=[device])
        app.layout = html.Div([html.P(devices.value(device.temperature)), app.stop_button(lambda: None)])
        page = await browser.open(await serve(app), color_scheme=scheme)
        color = "view => getComputedStyle(view).color"
        wanted = await page.locator("p").evaluate(color)
        for shown in (page.locator(".ddn-value b"), page.locator(".ddn-unit"), page.locator(".ddn-stop-said")):
            assert await shown.evaluate(color) == wanted


@pytest.mark.parametrize("follows", [False, True])
async def test_a_panel_is_dark_where_its_page_is(serve: Serving, browser: Tabs, follows: bool):
    """The system is dark. A white page has a light panel; one that follows the system has a dark one."""
    style = {"colorScheme": "light dark", "background": "Canvas", "color": "CanvasText"} if follows else {}
    with devices.connect(Oven()) as device:
        app = Dash(__name__, devices=[device])
        app.layout = html.Div(devices.panel(device), style=style)
        page = await browser.open(await serve(app), color_scheme="dark")
        panel = page.locator(".ddn-panel")
        await expect(panel).to_have_css("background-color", "rgb(15, 23, 42)" if follows else "rgb(255, 255, 255)")
        await expect(panel.locator("h2")).to_have_css("color", "rgb(226, 232, 240)" if follows else "rgb(30, 41, 59)")


class Motor:
    """Notes what was set."""

    def __init__(self) -> None:
        self.sets: list[float] = []

    @property
    def speed(self) -> Annotated[float, devices.Unit("mm/s"), devices.Period(0.1)]:
        return self.sets[-1] if self.sets else 0.0

    @speed.setter
    def speed(self, value: float) -> None:
        self.sets.append(value)


async def test_a_button_that_is_held(serve: Serving, browser: Tabs):
    """By pointer and by key it runs until it is let go, loses the focus, or its page is closed."""
    motor = Motor()
    with devices.connect(motor) as device:
        app = Dash(__name__, devices=[device])
        app.layout = html.Div([devices.hold(device.speed, 5, 0, hold=10, label="Jog")])
        page = await browser.open(await serve(app))
        button = page.get_by_role("button", name="Jog")

        await button.hover()
        for end in (page.mouse.up, lambda: button.evaluate("button => button.blur()")):
            motor.sets.clear()
            await page.mouse.down()
            await eventually(lambda: motor.sets == [5], 10)
            await expect(button).to_have_attribute("aria-pressed", "true")
            await expect(button).to_contain_text("5")
            await end()
            await eventually(lambda: motor.sets == [5, 0], 10)
            await expect(button).to_have_attribute("aria-pressed", "false")
            await page.mouse.up()
        for key in ("Space", "Enter"):
            motor.sets.clear()
            await button.focus()
            await page.keyboard.down(key)
            await eventually(lambda: motor.sets == [5], 10)
            await page.keyboard.down(key)  # as a keyboard repeats it
            await page.keyboard.up(key)
            await eventually(lambda: motor.sets == [5, 0], 10)
        motor.sets.clear()
        await page.keyboard.down("Space")
        await eventually(lambda: motor.sets == [5], 10)
        await page.close()
        await eventually(lambda: motor.sets == [5, 0], 15)


async def test_a_page_that_loses_control_holds_nothing(serve: Serving, browser: Tabs):
    """Its button is still pressed, but its beats count no more until it may act again."""
    motor = Motor()
    with devices.connect(motor) as device:
        app = Dash(__name__, devices=[device])
        app.layout = html.Div([devices.hold(device.speed, 5, 0, hold=0.3, label="Jog")])
        page = await browser.open(await serve(app))
        button = page.get_by_role("button", name="Jog")
        await button.hover()
        await page.mouse.down()
        await eventually(lambda: motor.sets[:1] == [5])
        [client] = app.clients
        client.role = "view"
        await eventually(lambda: motor.sets[-1] == 0)
        sets = len(motor.sets)
        await eventually(lambda: sum("may not" in str(entry) for entry in app.journal) > 3)
        await page.mouse.up()
        await page.mouse.down()
        client.role = "control"
        await eventually(lambda: len(motor.sets) > sets and motor.sets[sets] == 5)
        await page.mouse.up()
        await eventually(lambda: motor.sets[-1] == 0)


PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


async def test_a_button_that_is_held_by_a_finger(serve: Serving, browser: Tabs):
    """On a phone it runs until the finger leaves, also when it has slid off, or the system takes the touch away."""
    motor = Motor()
    with devices.connect(motor) as device:
        app = Dash(__name__, devices=[device])
        app.layout = html.Div([devices.hold(device.speed, 5, 0, hold=10, label="Jog"), devices.panel(device)])
        page = await browser.open(await serve(app), **PHONE)
        button = page.get_by_role("button", name="Jog")
        fingers = await page.context.new_cdp_session(page)

        async def touch(kind: str, *points: dict[str, float]) -> None:
            await fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

        box = await button.bounding_box()
        assert box is not None
        on = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for slides, end in ((False, "touchEnd"), (True, "touchEnd"), (False, "touchCancel")):
            motor.sets.clear()
            await touch("touchStart", on)
            await eventually(lambda: motor.sets == [5], 10)
            await expect(button).to_have_attribute("aria-pressed", "true")
            if slides:
                await touch("touchMove", {"x": on["x"], "y": on["y"] + 300})
                await expect(button).to_have_attribute("aria-pressed", "true")
                assert motor.sets == [5]
            await touch(end)
            await eventually(lambda: motor.sets == [5, 0], 10)
            await expect(button).to_have_attribute("aria-pressed", "false")


async def test_a_panel_fits_a_phone(serve: Serving, browser: Tabs, cryostat):
    """With all groups open nothing of it is wider than the page, which would scroll sideways or be cut off."""
    app = Dash(__name__, devices=[cryostat])
    app.layout = devices.panel(cryostat, label="Cryostat")
    page = await browser.open(await serve(app), **PHONE)
    await page.get_by_role("searchbox").fill("e")
    await expect(page.get_by_role("group", name="Temperature", exact=True)).to_have_count(4)
    for view in ("html", ".ddn-panel"):
        wide, room = await page.locator(view).evaluate("view => [view.scrollWidth, view.clientWidth]")
        assert wide <= room <= 390


async def test_a_finger_hits_what_a_panel_has(serve: Serving, browser: Tabs, cryostat, tmp_path):
    """On a phone all controls are 40 pixels high, and no field is written so small that Safari zooms into the page."""
    app = Dash(__name__, devices=[cryostat], keep=tmp_path / "kept.db")
    hold = devices.hold(cryostat.A.t_limit, 1, 0)
    app.layout = html.Div([devices.panel(cryostat), devices.procedures(), devices.kept(), hold])

    @app.procedure
    def sweep(run: devices.Run, stop: float = 4, twice: bool = False):
        """Sweep the limit."""

    page = await browser.open(await serve(app), **PHONE)
    await expect(page.locator(".ddn-row .ddn-value").first).to_have_text("100K")
    await expect(page.get_by_label("name of a preset")).to_be_visible()
    controls = page.locator(".ddn").locator("button, select, input:not([type=checkbox])")
    assert await controls.count() > 15
    small = await controls.evaluate_all(
        """controls => controls.filter(each => each.getBoundingClientRect().height < 40
            || each.tagName !== "BUTTON" && parseFloat(getComputedStyle(each).fontSize) < 16)
            .map(each => each.getAttribute("aria-label") || each.textContent)"""
    )
    assert small == []


async def test_a_stop_button_while_all_else_waits(serve: Serving, browser: Tabs):
    """It reaches its function past a pause and a bus that is held; another page's set still waits after it."""
    motor, stopped = Motor(), []
    with devices.connect(motor) as device:
        app = Dash(__name__, devices=[device])

        def halt() -> None:
            stopped.append(list(motor.sets))

        app.layout = html.Div([app.stop_button(halt, "Halt"), devices.row(device.speed)])
        page = await browser.open(await serve(app))
        field = page.get_by_label("set speed")
        app.pause()
        await field.fill("7")
        await field.press("Enter")
        await expect(page.locator(".ddn-waits")).to_have_count(1)
        await page.get_by_role("button", name="Halt").click()
        await expect(page.locator(".ddn-stop-said")).to_contain_text("stopped at")
        assert stopped == [[]]
        app.resume()
        await eventually(lambda: motor.sets == [7], 10)
        assert any("'Halt' was pressed" in str(each) for each in app.journal)


async def test_a_procedure_from_its_form(serve: Serving, browser: Tabs):
    """What its form asks for reaches it, what does not fit is told, its progress is shown, and it can be aborted."""
    motor = Motor()
    gate = threading.Semaphore(0)
    with devices.connect(motor) as device:
        app = Dash(__name__, devices=[device])

        @app.procedure
        def sweep(
            run: devices.Run, stop: Annotated[float, devices.Limits(0, 10)] = 4, mode: Literal["up", "down"] = "up"
        ):
            """Sweep the speed."""
            for n in run.steps(range(4)):
                device.speed.set(stop * n if mode == "up" else -stop * n)
                while not gate.acquire(timeout=0.05):
                    run.check()

        app.layout = html.Div([devices.procedures()])
        url = await serve(app)
        page, other = await asyncio.gather(browser.open(url), browser.open(url))
        field, start = page.get_by_label("stop of sweep"), page.get_by_role("button", name="Start")
        await expect(field).to_have_value("4")
        await field.fill("11")
        await start.click()
        await expect(page.get_by_role("alert")).to_have_text("stop takes a number from 0 to 10, not 11")
        await field.fill("2,5")
        await page.get_by_label("mode of sweep").select_option("down")
        await start.click()
        for each in (page, other):
            run = each.get_by_role("group", name="sweep 1")
            await expect(run).to_contain_text("running · 0 %")
        await expect(page.get_by_role("alert")).to_have_count(0)
        gate.release(2)
        for each in (page, other):
            await expect(each.get_by_role("progressbar")).to_have_attribute("value", "0.5")
        assert motor.sets == [0, -2.5, -5]
        await other.get_by_role("button", name="Pause sweep 1").click()
        await expect(page.get_by_role("button", name="Resume sweep 1")).to_be_visible()
        await page.get_by_role("button", name="Abort sweep 1").click()
        for each in (page, other):
            await expect(each.get_by_role("group", name="sweep 1")).to_contain_text("aborted")
            await expect(each.get_by_role("progressbar")).to_have_count(0)
        assert motor.sets == [0, -2.5, -5]


async def test_an_alarm_is_acknowledged_on_a_page(serve: Serving, browser: Tabs):
    """All pages see that it was seen; it goes when its signal is well again; the journal has who has seen it."""
    motor = Motor()
    with devices.connect(motor) as device:
        app = Dash(__name__, devices=[device])
        app.layout = devices.alarms()
        app.alarm(device.speed, when=lambda speed: speed > 5, name="too fast")
        url = await serve(app)
        page, other = await asyncio.gather(browser.open(url), browser.open(url))
        await expect(page.locator(".ddn-summary")).to_have_text("none")
        await asyncio.to_thread(device.speed.set, 8)
        for each in (page, other):
            await expect(each.get_by_role("alert")).to_contain_text("major alarm · active")
            await expect(each.get_by_role("alert")).to_contain_text("8 mm/s")
        await page.get_by_role("button", name="Acknowledge").click()
        for each in (page, other):
            await expect(each.locator(".ddn-alarm")).to_contain_text("major alarm · seen")
            await expect(each.get_by_role("alert")).to_have_count(0)
        assert any("'too fast' was acknowledged by" in str(each) for each in app.journal)
        await asyncio.to_thread(device.speed.set, 1)
        for each in (page, other):
            await expect(each.locator(".ddn-alarm")).to_have_count(0)


LAMP = """
from dash_devices_nb import Dash, devices, html

class Lamp:
    brightness: float = 10.0

if "lamp" in globals():
    lamp.close()
lamp = devices.connect(Lamp(), period=0.1)
app = Dash("lamp", devices=[lamp])
app.layout = html.Div([app.stop_button(lambda: lamp.brightness.set(0), "Dark"), devices.panel(lamp)])
app.run(jupyter_height=300)
"""


async def test_a_console_in_jupyterlab(jupyter_lab: Jupyter, browser: Tabs):
    """Through the Jupyter server, whose checks a stop button's POST has to pass: panel, set and stop."""
    browser.allow_errors("Exception opening new comm", "Failed to load resource", "WebSocket conn")
    jupyter_lab.write_notebook("lamp.ipynb", LAMP, "app.stop(); lamp.close()")
    notebook = await LabNotebook.open(browser, jupyter_lab, "lamp.ipynb")
    await notebook.run(0)
    inline = notebook.frame(0)
    tab = await browser.open(f"{jupyter_lab.url}dash-devices/lamp/", context=notebook.page.context)
    await expect(tab.locator(".ddn-value")).to_have_text("10")
    field = tab.get_by_label("set brightness")
    await field.fill("42")
    await field.press("Enter")
    for page in (tab, inline):
        await expect(page.locator(".ddn-value")).to_have_text("42")
    for page, other in ((inline, tab), (tab, inline)):
        await tab.get_by_label("set brightness").fill("7")
        await tab.get_by_label("set brightness").press("Enter")
        await expect(other.locator(".ddn-value")).to_have_text("7")
        await page.get_by_role("button", name="Dark").click()
        await expect(page.locator(".ddn-stop-said")).to_contain_text("stopped at")
        await expect(other.locator(".ddn-value")).to_have_text("0")
    await notebook.run(1)


class Magnet:
    field: Annotated[float, devices.Unit("T"), devices.Limits(-9, 9)] = 0.0


async def test_what_was_kept_is_shown_and_applied(serve: Serving, browser: Tabs, tmp_path):
    """After a restart: kept beside now, one button for all; a preset is saved, compared and loaded by buttons."""

    def start(device: devices.Device) -> Dash:
        app = Dash(__name__, devices=[device], keep=tmp_path / "kept.db")
        app.layout = html.Div(
            [dcc.Input(id="note", value="layout"), html.P(id="out"), devices.kept(), devices.row(device.field)]
        )

        @app.callback_shared(Output("out", "children"), Input("note", "value"))
        def show(note: str) -> str:
            return f"note {note}"

        return app

    with devices.connect(Magnet(), name="magnet", keep=["field"]) as device:
        app = start(device)
        page = await browser.open(await serve(app))
        await page.locator("#note").fill("mine")
        await expect(page.locator("#out")).to_have_text("note mine")
        await page.get_by_label("set field").fill("3")
        await page.get_by_label("set field").press("Enter")
        await expect(page.get_by_role("status").filter(has_text="2 kept")).to_be_visible()
        await page.close()
        await serve.stop(app)
    with devices.connect(Magnet(), name="magnet", keep=["field"]) as device:
        await apply_and_save(await serve(start(device)), browser)


async def apply_and_save(url: str, browser: Tabs) -> None:
    page, other = await asyncio.gather(browser.open(url), browser.open(url))
    rows = page.get_by_role("list", name="what differs from what was kept").get_by_role("listitem")
    await expect(rows).to_have_count(2)
    await expect(rows.filter(has_text="note.value")).to_contain_text("keptminenowlayout")
    await expect(rows.filter(has_text="field")).to_contain_text("kept3 Tnow0 T")
    await expect(page.locator("#out")).to_have_text("note layout")
    await page.get_by_role("button", name="Apply all").click()
    await expect(other.locator("#out")).to_have_text("note mine")
    await expect(other.get_by_label("set field")).to_have_value("3")
    await expect(rows).to_have_count(0)

    await page.get_by_label("name of a preset").fill("warm")
    await page.get_by_label("name of a preset").press("Enter")
    preset = other.get_by_role("group", name="warm")
    await expect(preset).to_contain_text("2 values")
    await page.locator("#note").fill("later")
    await expect(other.locator("#out")).to_have_text("note later")
    await preset.get_by_role("button", name="Compare").click()
    await expect(preset.get_by_role("listitem")).to_contain_text("note.valuepresetminenowlater")
    await preset.get_by_role("button", name="Load").click()
    await expect(page.locator("#out")).to_have_text("note mine")
    await preset.get_by_role("button", name="Delete").click()
    await preset.get_by_role("button", name="Really delete").click()
    await expect(page.get_by_role("group", name="warm")).to_have_count(0)


async def test_an_open_page_when_a_device_changes_its_tree(serve: Serving, browser: Tabs):
    """What is gone says so in the open page, and the layout that is set anew has what is new, without an error."""

    class Crate(devices.Driver):
        name = "crate"
        values: ClassVar[dict[str, float]] = {"a": 1.0, "b": 2.0}

        def signals(self):
            for name in self.values:
                yield devices.DriverSignal(
                    info=devices.SignalInfo((name,), dtype=devices.Dtype.NUMBER, settable=True),
                    read=lambda name=name: self.values[name],
                    write=lambda value, name=name: self.values.__setitem__(name, value),
                    period=0.1,
                )

    crate = Crate()
    with devices.connect(crate) as device:
        app = Dash(__name__, devices=[device])
        app.layout = devices.panel(device)
        page = await browser.open(await serve(app))
        rows = [page.get_by_role("group", name=name, exact=True) for name in "abc"]
        await expect(rows[1].locator(".ddn-value")).to_have_text("2")
        crate.values = {"a": 10.0, "c": 3.0}
        await asyncio.to_thread(device.refresh)
        await expect(rows[1].locator(".ddn-state")).to_contain_text("the device no longer has it")
        await expect(rows[0].locator(".ddn-value")).to_have_text("10")
        app.layout = devices.panel(device)
        await expect(rows[2].locator(".ddn-value")).to_have_text("3")
        await expect(rows[1]).to_have_count(0)
        for name, row in (("c", rows[2]), ("a", rows[0])):
            await page.get_by_label(f"set {name}").fill("7")
            await page.get_by_label(f"set {name}").press("Enter")
            await expect(row.locator(".ddn-value")).to_have_text("7")


class Channel:
    """A number that goes up with each read."""

    def __init__(self) -> None:
        self.reads = 0

    @property
    def level(self) -> Annotated[int, devices.Period(0.05)]:
        self.reads += 1
        return self.reads


class Bench:
    """Three channels."""

    a: Channel
    b: Channel
    c: Channel

    def __init__(self) -> None:
        self.a, self.b, self.c = Channel(), Channel(), Channel()


async def test_a_page_is_sent_what_it_shows(serve: Serving, browser: Tabs):
    """One group is open, one is the input of a callback, one is neither. What is opened is current at once."""
    bench = Bench()
    with devices.connect(bench, name="bench") as device:
        app = Dash(__name__, devices=[device])
        app.layout = html.Div([devices.panel(device, open=["a"]), html.B(id="shown")])
        app.callback(Output("shown", "children"), Input(*device.b.level.value))(lambda value: f"b is {value}")
        sent: list[str] = []
        page = await browser.open()
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sent.append(str(frame))))
        await page.goto(await serve(app))

        def came(name: str) -> int:
            return sum(f'"bench/{name}/level":{{"value"' in frame for frame in sent)

        levels = {name: page.locator(".ddn-group", has_text=name).locator(".ddn-value b") for name in "abc"}
        await expect(levels["a"]).not_to_have_text("–")
        await expect(page.locator("#shown")).to_contain_text("b is ")
        device.want("the test", frozenset(device))
        await eventually(lambda: bench.c.reads > 3)
        before = came("a")
        await eventually(lambda: came("a") > before + 3)
        await eventually(lambda: came("b") > 3)
        assert not came("c")
        await page.get_by_role("button", name="c").click()
        await expect(levels["c"]).not_to_have_text("–")
        device.want("the test", frozenset())
        await eventually(lambda: came("c") > 3)
        await page.get_by_role("button", name="c").click()
        await eventually(lambda: not device._bus.schedule._entries[device.c.level].wanted)
        there, before = came("c"), came("a")
        await eventually(lambda: came("a") > before + 3)
        assert came("c") == there
        assert not app.errors
