"""KrakenSDR's web interface, unchanged, on our package: what its user expects, in two pages of Chromium.

The receivers are ours (`daq.py`), the signal processor is KrakenSDR's own.
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Error, Page, expect

from tests.others.ancestor import free_port
from tests.others.daq import FRAME_SECONDS, Daq
from tests.others.kraken_setup import FIRMWARE, PROGRAM, SETTINGS, STARTED, STOPPED, prepare
from tests.support.browser import Tabs, launched_chromium
from tests.support.eventually import eventually

RUNNER = Path(__file__).parent / "inside/as_kraken.py"
NEEDS = ("numba", "pyargus", "scipy")
STARTS_WITHIN, ENDS_WITHIN, WITHIN = 180, 15, 45
QUIET_SECONDS = 2.0
PAUSED_SECONDS = 7.0  # more than `PAUSE_SECONDS` of the program
CLICK_SECONDS, SLOW_FRAMES_SECONDS = 2.0, 3.0

# Checks that fail for a reason that is not ours, by their title.
KNOWN: dict[str, str] = {}


@dataclass
class Interface:
    """The running interface, two pages of it, and a look into its program.

    Attributes:
        one, two: Its pages, of two browsers.
        daq: The receivers that it is connected to.
        root: The copy of the checkout in which it runs.
        log: What it prints.
    """

    url: str
    daq: Daq
    root: Path
    log: Path
    tabs: Tabs
    one: Page
    two: Page
    _process: asyncio.subprocess.Process
    _answers: asyncio.StreamReader
    _settled: float = 0.0

    @property
    def pages(self) -> tuple[Page, Page]:
        return self.one, self.two

    async def ask(self, expression: str) -> Any:
        """The value of an expression in the program; `web` is its interface, `sp` its signal processor."""
        assert self._process.stdin is not None
        self._process.stdin.write(expression.encode() + b"\n")
        answer = json.loads(await asyncio.wait_for(self._answers.readline(), WITHIN))
        assert "error" not in answer, f"{expression}: {answer}"
        return answer["value"]

    async def has(self, expression: str, value: Any) -> None:
        """Wait until the program has a value."""
        answer: Any = None

        async def same() -> bool:
            nonlocal answer
            answer = await self.ask(expression)
            return bool(answer == value)

        try:
            await eventually(same, WITHIN)
        except AssertionError:
            raise AssertionError(f"{expression} is {answer!r}, not {value!r}") from None

    async def quiet(self) -> None:
        """Wait until the program has saved nothing for a while, and has read what it saved."""
        saved, since = self._saved(), time.monotonic()

        def lately() -> bool:
            nonlocal saved, since
            if self._saved() != saved:
                saved, since = self._saved(), time.monotonic()
            return time.monotonic() - since < QUIET_SECONDS

        await eventually(lambda: not lately(), WITHIN)
        await self.settled()

    def printed(self, text: str) -> int:
        """How often the program has printed a text."""
        return self.log.read_text().count(text)

    async def settled(self) -> None:
        """Wait until the program has read what it had saved.

        Each half second a timer of its own sets all that is in the settings file, if that is newer than what it had.
        What a callback sets between the timer's reading and its setting is overwritten, and the old value is saved.
        """
        saved = self._saved()
        if saved == self._settled:
            return
        turn = await eventually(lambda: self._turn_that_read(saved), WITHIN)
        await eventually(lambda: self._turned(turn), WITHIN)  # until then it may be setting what it has read
        self._settled = saved

    def _saved(self) -> float:
        """When the settings file was written last."""
        return (self.root / SETTINGS).stat().st_mtime

    async def _turn_that_read(self, saved: float) -> str | None:
        """The program's present timer, once one has read the settings file of that time or a newer one."""
        turn, read = await self.ask(
            "[web.settings_change_timer.name, __import__('variables').dsp_settings['timestamp']]"
        )
        return str(turn) if read >= saved else None

    async def _turned(self, turn: str) -> bool:
        return bool(await self.ask("web.settings_change_timer.name") != turn)

    async def put(self, page: Page, name: str, text: str) -> None:
        """Type into a field, and press Enter."""
        await self.settled()
        field = page.locator(f"#{name}")
        await field.fill(text)
        await field.press("Enter")

    async def choose(self, page: Page, name: str, label: str) -> None:
        """Choose in a dropdown."""
        await self.settled()
        await page.locator(f"#{name}").click()
        option = page.locator(".dash-dropdown-content .dash-dropdown-option").filter(has_text=label)
        await option.get_by_text(label, exact=True).click()
        await page.keyboard.press("Escape")
        await expect(page.locator(".dash-dropdown-content")).to_have_count(0)

    async def tick(self, page: Page, name: str) -> None:
        """Tick a box, or take the tick away."""
        await self.settled()
        await page.locator(f"#{name} input").first.click()

    async def settings(self) -> dict[str, Any]:
        """What is in the settings file, once it is not just being written."""
        kept: dict[str, Any] = {}

        def whole() -> bool:
            try:
                kept.update(json.loads((self.root / SETTINGS).read_text()))
            except json.JSONDecodeError:
                return False
            return True

        await eventually(whole, WITHIN)
        return kept

    async def change_settings(self, **changes: Any) -> None:
        """Change the settings file from outside, as KrakenSDR's remote control does.

        After such a change the program pushes each VFO by itself, and each push calls a callback that saves. What is
        changed while these calls last is saved over before the program's timer reads it.
        """
        await self.quiet()
        path = self.root / SETTINGS
        new = path.with_suffix(".new")
        new.write_text(json.dumps({**await self.settings(), "ext_upd_flag": True, **changes}))
        new.replace(path)

    def did(self, name: str) -> int:
        """How often a script of ours in the place of KrakenSDR's was run."""
        path = self.root.parent / name
        return len(path.read_text().split()) if path.exists() else 0


Check = Callable[[Interface], Awaitable[None]]
CHECKS: dict[str, Check] = {}


def check(title: str) -> Callable[[Check], Check]:
    """A check with its line in the table; they run in the order of this file."""

    def add(function: Check) -> Check:
        CHECKS[title] = function
        return function

    return add


# ---- what a person does and sees


async def field(name: str, text: str, *pages: Page) -> None:
    """Wait until pages show a value in a field."""
    for page in pages:
        await expect(page.locator(f"#{name}")).to_have_value(text)


async def chosen(name: str, label: str, *pages: Page) -> None:
    """Wait until pages show a choice in a dropdown."""
    for page in pages:
        await expect(page.locator(f"#{name}-value")).to_have_text(label)


async def text(name: str, wanted: str, *pages: Page) -> None:
    """Wait until pages show a text."""
    for page in pages:
        await expect(page.locator(f"#{name}")).to_have_text(wanted)


async def visible(selector: str, *pages: Page) -> None:
    for page in pages:
        await expect(page.locator(selector)).to_be_visible()


async def hidden(selector: str, *pages: Page) -> None:
    for page in pages:
        await expect(page.locator(selector)).to_be_hidden()


async def goes_on(page: Page, script: str) -> None:
    """Wait until what a script says changes."""
    before = await page.evaluate(script)
    await eventually(lambda: _differs(page, script, before), WITHIN)


async def _differs(page: Page, script: str, before: Any) -> bool:
    return bool(await page.evaluate(script) != before)


def trace(graph: str, what: str) -> str:
    """A script that reads the first `line` of a graph as it is drawn; null before it is.

    That is in Plotly's full data: the figure itself keeps numpy's arrays packed.
    """
    return (
        f"(() => {{const plot = document.querySelector('#{graph} .js-plotly-plot');"
        f" const line = plot && plot._fullData && plot._fullData[0]; return line ? {what} : null}})()"
    )


HIGHEST = "Array.from(line.y).reduce((best, y, i, all) => y > all[best] ? i : best, 0)"
"""In the script of a `trace`: where the line is highest."""


async def to(page: Page, header: str) -> None:
    """Go to one of the interface's pages by its header."""
    await page.locator(f"#header_{header}").click()
    await expect(page.locator(f"#header_{header}")).to_have_class("header_active")


# ---- the checks


@check("the configuration page loads in both")
async def loads(ui: Interface) -> None:
    for page in ui.pages:
        await expect(page.locator("#header_config")).to_have_class("header_active")
        await expect(page.locator("#station_id_input")).to_have_value("HERE")
        await expect(page.locator("#init_title_s")).to_have_text("DAQ Subsystem Status")


@check("the pages show that the receivers are connected")
async def connected(ui: Interface) -> None:
    await text("body_daq_conn_status", "Connected", *ui.pages)
    await text("body_daq_frame_type", "Data", *ui.pages)
    await text("body_daq_rf_center_freq", "416.588", *ui.pages)


@check("the status goes on in both pages, frame by frame")
async def status_goes_on(ui: Interface) -> None:
    for page in ui.pages:
        await goes_on(page, "document.querySelector('#body_daq_frame_index').innerText")


@check("opening pages acts on nothing: no command, no button, no reboot")
async def opening_acts_on_nothing(ui: Interface) -> None:
    # Each command has a thread of its own in the program, so they come in any order.
    assert sorted(name for name, _ in ui.daq.commands) == ["FREQ", "GAIN", "INIT"], ui.daq.commands
    assert not ui.printed("btn pushed")
    assert not ui.did("reboot")
    assert not ui.did("shutdown")


@check("a station ID typed in one page is the processor's, the file's and the other page's")
async def station(ui: Interface) -> None:
    await ui.put(ui.one, "station_id_input", "KRAKEN-1")
    await ui.has("sp.station_id", "KRAKEN-1")
    await field("station_id_input", "KRAKEN-1", *ui.pages)
    assert (await ui.settings())["station_id"] == "KRAKEN-1"


@check("the data format that one page chooses shows its fields in both")
async def data_format(ui: Interface) -> None:
    await hidden("#krakenpro_field", *ui.pages)
    await ui.choose(ui.two, "doa_format_type", "Kraken Pro Local")
    await ui.has("sp.DOA_data_format", "Kraken Pro Local")
    await ui.choose(ui.two, "doa_format_type", "DF Aggregator")
    await chosen("doa_format_type", "DF Aggregator", *ui.pages)
    await hidden("#krakenpro_field", *ui.pages)


@check("the server of a format that needs one shows in both pages")
async def mapper_server(ui: Interface) -> None:
    # What it would send goes to a port of this machine at which nobody listens.
    await ui.ask("setattr(sp, 'RDF_mapper_server', 'http://127.0.0.1:9/')")
    await ui.choose(ui.one, "doa_format_type", "RDF Mapper")
    await visible("#rdf_mapper_server_address_field", *ui.pages)
    await ui.put(ui.two, "rdf_mapper_server_address", "http://127.0.0.1:9/save")
    await ui.has("sp.RDF_mapper_server", "http://127.0.0.1:9/save")
    await field("rdf_mapper_server_address", "http://127.0.0.1:9/save", *ui.pages)
    await ui.choose(ui.one, "doa_format_type", "Kraken App")
    await hidden("#rdf_mapper_server_address_field", *ui.pages)


@check("a static location shows its fields in both, and reaches the processor")
async def location(ui: Interface) -> None:
    await hidden("#location_fields", *ui.pages)
    await ui.choose(ui.one, "loc_src_dropdown", "Static")
    await visible("#location_fields", *ui.pages)
    await ui.put(ui.two, "latitude_input", "48.25")
    await ui.put(ui.one, "longitude_input", "11.5")
    await ui.has("[sp.latitude, sp.longitude]", [48.25, 11.5])
    await field("latitude_input", "48.25", *ui.pages)
    await field("longitude_input", "11.5", *ui.pages)


@check("the heading reaches the processor and the other page")
async def heading(ui: Interface) -> None:
    await ui.put(ui.two, "heading_input", "123")
    await ui.has("sp.heading", 123)
    await field("heading_input", "123", *ui.pages)


@check("the location that a timer pushes shows in both pages")
async def gps(ui: Interface) -> None:
    await text("body_gps_latitude", "48.25", *ui.pages)
    await text("body_gps_heading", "123", *ui.pages)


@check("the number of VFOs shows their cards in both pages")
async def active_vfos(ui: Interface) -> None:
    await ui.choose(ui.one, "active_vfos", "3")
    await ui.has("sp.active_vfos", 3)
    await visible("#vfo2", *ui.pages)
    await hidden("#vfo3", *ui.pages)
    await ui.choose(ui.two, "active_vfos", "1")
    await hidden("#vfo1", *ui.pages)
    await ui.has("sp.active_vfos", 1)


@check("a VFO's frequency and bandwidth, among 122 inputs of one callback, reach the processor")
async def vfo(ui: Interface) -> None:
    await ui.put(ui.one, "vfo_0_freq", "416.7")
    await ui.put(ui.two, "vfo_0_bw", "25000")
    await ui.has("[sp.vfo_freq[0], sp.vfo_bw[0]]", [416700000, 25000])
    await field("vfo_0_freq", "416.7", *ui.pages)
    await field("vfo_0_bw", "25000", *ui.pages)


@check("a VFO's squelch field shows and hides in both pages by its mode")
async def squelch(ui: Interface) -> None:
    await hidden("#label_vfo_squelch_0", *ui.pages)
    await ui.choose(ui.one, "vfo_squelch_mode_0", "Manual")
    await chosen("vfo_squelch_mode_0", "Manual", *ui.pages)
    await visible("#label_vfo_squelch_0", *ui.pages)
    await ui.put(ui.two, "vfo_0_squelch", "-70")
    await ui.has("sp.vfo_squelch[0]", -70)
    await field("vfo_0_squelch", "-70", *ui.pages)


@check("the VFO that follows the signal shows its frequency in both pages")
async def auto_max(ui: Interface) -> None:
    await ui.choose(ui.one, "vfo_mode", "VFO-0 Auto Max")
    try:
        for emitter in (416_900_000, 416_300_000):
            ui.daq.emitter = emitter
            for page in ui.pages:
                await eventually(lambda page=page: _near(page, "vfo_0_freq", ui.daq.emitter / 1e6), WITHIN)  # type: ignore[misc]
    finally:
        await ui.choose(ui.two, "vfo_mode", "Standard")
        await ui.has("sp.vfo_mode", "Standard")
    await ui.put(ui.one, "vfo_0_freq", "416.3")
    await ui.has("sp.vfo_freq[0]", 416300000)
    await field("vfo_0_freq", "416.3", *ui.pages)


async def _near(page: Page, name: str, value: float) -> bool:
    return abs(float(await page.locator(f"#{name}").input_value() or 0) - value) < 0.01


TUNED_BY_CLICK = "web.tuned_by.count('update_daq_params')"


async def _all_sent(ui: Interface, commands: int, tuned: int) -> bool:
    """Whether each command has come that the program has sent since a moment: two each time that it tunes."""
    return len(ui.daq.commands) - commands == 2 * (len(await ui.ask("web.tuned_by")) - tuned)


@check("new receiver parameters are sent once by a click, and both pages show them")
async def receiver(ui: Interface) -> None:
    before, tuned = len(ui.daq.commands), len(await ui.ask("web.tuned_by"))
    await ui.settled()
    await ui.one.locator("#daq_center_freq").fill("420")
    await ui.choose(ui.one, "daq_rx_gain", "8.7 dB")
    await ui.one.locator("#btn-update_rx_param").click()
    await text("body_daq_rf_center_freq", "420.0", *ui.pages)
    await eventually(lambda: ("GAIN", 87) in ui.daq.commands, WITHIN)
    # The click calls once. The timer that reads the settings file sends the same again where it compares what the click
    # has saved with the header of a frame from before (its `freq_delta`).
    assert await ui.ask(TUNED_BY_CLICK) == 1
    await eventually(lambda: _all_sent(ui, before, tuned), WITHIN)
    assert set(ui.daq.commands[before:]) == {("FREQ", 420_000_000), ("GAIN", 87)}, ui.daq.commands[before:]
    await field("daq_center_freq", "420", *ui.pages)
    await chosen("daq_rx_gain", "8.7 dB", *ui.pages)
    await ui.has("web.module_receiver.daq_center_freq", 420000000)


@check("the VFO that fell out of the band comes into it, in the page that acted")
async def vfo_in_band(ui: Interface) -> None:
    ui.daq.emitter = 420_200_000
    await field("vfo_0_freq", "420", ui.one)
    await ui.has("sp.vfo_freq[0]", 420000000)


@check("automatic gain warns, in the page that acted")
async def gain_warning(ui: Interface) -> None:
    await hidden("#agc_warning", *ui.pages)
    await ui.choose(ui.two, "daq_rx_gain", "Auto")
    await ui.two.locator("#btn-update_rx_param").click()
    await visible("#agc_warning", ui.two)
    await ui.has("web.module_receiver.daq_rx_gain", -100)
    await ui.choose(ui.two, "daq_rx_gain", "15.7 dB")
    await ui.two.locator("#btn-update_rx_param").click()
    await hidden("#agc_warning", *ui.pages)
    await ui.has("web.module_receiver.daq_rx_gain", 15.7)


@check("an array of another form changes the processor, and its fields in that page")
async def arrangement(ui: Interface) -> None:
    await ui.one.locator("#radio_ant_arrangement").get_by_text("Custom", exact=True).click()
    await ui.has("sp.DOA_ant_alignment", "Custom")
    await visible("#customx", ui.one)
    await hidden("#antspacing", ui.one)
    await hidden("#customx", ui.two)
    await ui.put(ui.one, "custom_array_x_meters", "0.1,0.2,0.3,0.4,0.5")
    await ui.has("[round(float(x), 2) for x in web.custom_array_x_meters]", [0.1, 0.2, 0.3, 0.4, 0.5])
    await ui.one.locator("#radio_ant_arrangement").get_by_text("UCA", exact=True).click()
    await ui.has("sp.DOA_ant_alignment", "UCA")
    await visible("#antspacing", ui.one)


@check("a number with a step is the processor's, and its label follows")
async def spacing(ui: Interface) -> None:
    await ui.put(ui.one, "ant_spacing_meter", "0.3")
    await ui.has("web.ant_spacing_meters", 0.3)
    await text("body_ant_spacing_wavelength", "0.494", ui.one)
    await ui.put(ui.one, "ant_spacing_meter", "0.21")
    await ui.has("round(float(sp.DOA_inter_elem_space), 3)", 0.346)


@check("another algorithm is the processor's; what it does not need is disabled in that page")
async def algorithm(ui: Interface) -> None:
    await ui.choose(ui.two, "doa_method", "Capon")
    await ui.has("sp.DOA_algorithm", "Capon")
    await expect(ui.two.locator("#expected_num_of_sources")).to_be_disabled()
    await ui.choose(ui.two, "doa_method", "MUSIC")
    await ui.has("sp.DOA_algorithm", "MUSIC")
    await expect(ui.two.locator("#expected_num_of_sources")).to_be_enabled()


@check("display options are the program's")
async def display_options(ui: Interface) -> None:
    await ui.choose(ui.one, "doa_fig_type", "Compass")
    await ui.put(ui.one, "compass_offset", "5")
    await ui.has("[web._doa_fig_type, web.compass_offset, sp.doa_measure]", ["Compass", 5, "Compass"])
    await ui.choose(ui.one, "doa_fig_type", "Linear")
    await ui.put(ui.one, "compass_offset", "0")
    await ui.has("[web._doa_fig_type, web.compass_offset]", ["Linear", 0])


@check("a box of the basic configuration opens it in that page")
async def basic(ui: Interface) -> None:
    await ui.tick(ui.one, "en_basic_daq_cfg")
    await visible("#basic-cfg-container", ui.one)
    await hidden("#basic-cfg-container", ui.two)
    await ui.tick(ui.one, "en_advanced_daq_cfg")
    await visible("#adv-cfg-container", ui.one)
    await ui.tick(ui.two, "en_basic_daq_cfg")
    await ui.tick(ui.two, "en_advanced_daq_cfg")
    await visible("#adv-cfg-container", ui.two)


@check("a field of the basic configuration pushes what follows from it to both pages")
async def block_length(ui: Interface) -> None:
    await ui.put(ui.one, "cfg_data_block_len", "20")
    await field("cfg_cpi_size", "48000", *ui.pages)
    await ui.has("web.daq_ini_cfg_dict['cpi_size']", 48000)
    await ui.has("web.daq_ini_cfg_dict['config_name']", "Custom")


@check("a field of the advanced configuration pushes what follows from it to both pages")
async def cpi_size(ui: Interface) -> None:
    await asyncio.sleep(QUIET_SECONDS)  # what the last push called in both pages writes what these have, when it comes
    await ui.put(ui.two, "cfg_cpi_size", "24000")
    await field("cfg_data_block_len", "10", *ui.pages)
    await ui.has("web.daq_ini_cfg_dict['cpi_size']", 24000)


@check("a configuration that is loaded shows in both pages")
async def preconfigured(ui: Interface) -> None:
    await ui.choose(ui.one, "daq_cfg_files", "Other")
    await field("cfg_corr_size", "4096", *ui.pages)
    await field("cfg_max_sync_fails", "7", *ui.pages)
    await field("cfg_cpi_size", "32768", *ui.pages)


@check("what its pushes call does not overwrite the name of the configuration that is loaded")
async def preconfigured_keeps_name(ui: Interface) -> None:
    await eventually(lambda: ui.ask("web.daq_ini_cfg_dict['corr_size'] == 4096"), WITHIN)
    await asyncio.sleep(PAUSED_SECONDS)  # the program's own callback pauses, and names it then
    await ui.has("web.daq_ini_cfg_dict['config_name']", "Other")


@check("beta features show in the page that asked for them")
async def beta(ui: Interface) -> None:
    await ui.tick(ui.one, "en_system_control")
    await visible("#system_control_container", ui.one)
    await hidden("#system_control_container", ui.two)
    await ui.tick(ui.one, "en_beta_features")
    await visible("#beta_features_container", ui.one)
    await visible("[id='beta_features_container 0']", ui.one)
    await hidden("#beta_features_container", ui.two)


@check("with nobody acting nothing is saved and nothing is sent")
async def quiet(ui: Interface) -> None:
    await asyncio.sleep(QUIET_SECONDS)
    saved, commands = (ui.root / SETTINGS).stat().st_mtime_ns, len(ui.daq.commands)
    await asyncio.sleep(QUIET_SECONDS)
    assert (saved, commands) == ((ui.root / SETTINGS).stat().st_mtime_ns, len(ui.daq.commands))


@check("settings that are changed from outside reach both pages")
async def outside(ui: Interface) -> None:
    await ui.change_settings(
        station_id="OUTSIDE", doa_method="Bartlett", compass_offset=12, vfo_bw_0=12500, latitude=50.5
    )
    for name, value in (("station_id_input", "OUTSIDE"), ("compass_offset", "12"), ("vfo_0_bw", "12500")):
        await field(name, value, *ui.pages)
    await field("latitude_input", "50.5", *ui.pages)
    await chosen("doa_method", "Bartlett", *ui.pages)


@check("settings that are changed from outside stay: no page answers with what it had")
async def outside_stays(ui: Interface) -> None:
    await ui.quiet()
    await ui.has("[sp.station_id, sp.DOA_algorithm, web.compass_offset]", ["OUTSIDE", "Bartlett", 12])
    await ui.has("[sp.vfo_bw[0], sp.latitude]", [12500, 50.5])
    kept = await ui.settings()
    assert (kept["station_id"], kept["doa_method"], kept["compass_offset"]) == ("OUTSIDE", "Bartlett", 12), kept


@check("a frequency that is changed from outside tunes the receivers, and no page does")
async def outside_frequency(ui: Interface) -> None:
    clicks, before = await ui.ask(TUNED_BY_CLICK), len(ui.daq.values("FREQ"))
    await ui.change_settings(center_freq=416.588, vfo_freq_0=416_900_000, doa_method="MUSIC")
    ui.daq.emitter = 416_900_000
    await field("daq_center_freq", "416.588", *ui.pages)
    await field("vfo_0_freq", "416.9", *ui.pages)
    await text("body_daq_rf_center_freq", "416.588", *ui.pages)
    # As above, its timer may do so twice; no page does.
    assert set(ui.daq.values("FREQ")[before:]) == {416_588_000}, ui.daq.values("FREQ")
    assert await ui.ask(TUNED_BY_CLICK) == clicks


@check("a page that comes later shows what the device has")
async def late(ui: Interface) -> None:
    page = await new_page(ui.tabs, ui.url)
    await field("station_id_input", "OUTSIDE", page)
    await field("vfo_0_freq", "416.9", page)
    await field("daq_center_freq", "416.588", page)
    await chosen("doa_method", "MUSIC", page)
    await page.close()


@check("a page that is loaded again shows what the device has, not what its browser remembers")
async def reloaded(ui: Interface) -> None:
    before = await ui.ask("dict(web.daq_ini_cfg_dict)")
    await ui.two.evaluate("localStorage.setItem('_dash_persistence.daq_cfg_files.value.true', '[\"x\",null]')")
    for page in ui.pages:
        await page.reload()
        await field("station_id_input", "OUTSIDE", page)
        await field("cfg_corr_size", "4096", page)
        await field("compass_offset", "12", page)
    await ui.has("dict(web.daq_ini_cfg_dict)", before)
    await visible("#adv-cfg-container", *ui.pages)


@check("Stop stops the processing, and is called once")
async def stop(ui: Interface) -> None:
    await ui.one.locator("#btn-stop_proc").click()
    await ui.has("[sp.run_processing, sp.is_running]", [False, False])
    assert ui.printed("Stop pocessing btn pushed") == 1
    frames = ui.daq.frames
    await asyncio.sleep(QUIET_SECONDS / 2)
    assert ui.daq.frames == frames


@check("Start starts it, from the other page, and is called once")
async def start(ui: Interface) -> None:
    await ui.two.locator("#btn-start_proc").click()
    await ui.has("[sp.run_processing, sp.is_running]", [True, True])
    assert ui.printed("Start pocessing btn pushed") == 1
    for page in ui.pages:
        await goes_on(page, "document.querySelector('#body_daq_frame_index').innerText")


@check("a recording is written, and its size shows in both pages")
async def record(ui: Interface) -> None:
    await ui.tick(ui.one, "en_data_record")
    await ui.has("sp.en_data_record", True)
    await ui.put(ui.two, "write_interval_input", "0.1")
    await ui.has("sp.write_interval", 0.1)
    await expect(ui.two.locator("#en_data_record input")).to_be_checked()
    for page in ui.pages:
        await expect(page.locator("#body_file_size")).not_to_have_text("- MB")


@check("a recording can be downloaded, and reloading downloads nothing")
async def download(ui: Interface) -> None:
    async with ui.one.expect_download() as arriving:
        await ui.one.locator("#btn_download_file").click()
    assert (await arriving.value).suggested_filename == "mydata.csv"
    await ui.tick(ui.two, "en_data_record")
    await ui.has("sp.en_data_record", False)
    downloads: list[Any] = []
    ui.one.on("download", lambda each: downloads.append(each))
    await ui.one.reload()
    await text("body_daq_conn_status", "Connected", ui.one)
    assert not downloads


@check("the spectrum page opens in both, and its graphs are drawn")
async def spectrum(ui: Interface) -> None:
    for page in ui.pages:
        await to(page, "spectrum")
        for graph in ("spectrum-graph", "waterfall-graph"):
            await expect(page.locator(f"#{graph} .js-plotly-plot")).to_have_count(1)
    await ui.has("sp.en_spectrum", True)


@check("the spectrum goes on in both pages, around the frequency that is tuned")
async def spectrum_goes_on(ui: Interface) -> None:
    for page in ui.pages:
        await eventually(lambda page=page: page.evaluate(trace("spectrum-graph", "line.x.length === 1024")), WITHIN)  # type: ignore[misc] # fmt: skip
        await goes_on(page, trace("spectrum-graph", "line.y[500]"))
        middle = await page.evaluate(trace("spectrum-graph", "(line.x[0] + line.x[1023]) / 2"))
        assert abs(middle - 416_588_000) < 10_000, middle


@check("the signal is where the emitter sends")
async def peak(ui: Interface) -> None:
    for page in ui.pages:
        at = await page.evaluate(trace("spectrum-graph", f"line.x[{HIGHEST}]"))
        assert at is not None, "the spectrum has no line"
        assert abs(at - 416_900_000) < 5_000, at


@check("the waterfall goes on in both pages, and keeps its fifty lines")
async def waterfall(ui: Interface) -> None:
    for page in ui.pages:
        await goes_on(page, trace("waterfall-graph", "line.z[line.z.length - 1][500]"))
        await eventually(lambda page=page: page.evaluate(trace("waterfall-graph", "line.z.length === 50")), WITHIN)  # type: ignore[misc] # fmt: skip


@check("a click into the spectrum tunes the VFO")
async def click_spectrum(ui: Interface) -> None:
    ui.daq.frame_seconds = SLOW_FRAMES_SECONDS
    places = itertools.cycle((416_100_000, 415_700_000, 416_500_000))

    async def tuned() -> bool:
        # A frame that is drawn between pointing and pressing takes the point away, and who misses clicks again: so
        # frames come slowly here, as a busy machine draws without a graphics card. And elsewhere, as a click near the
        # VFO chooses it.
        wanted = next(places)
        x = f"plot.getBoundingClientRect().left + plot._fullLayout._size.l + plot._fullLayout.xaxis.d2p({wanted})"
        y = "plot.getBoundingClientRect().top + plot._fullLayout._size.t + plot._fullLayout._size.h / 2"
        place = await ui.one.evaluate(trace("spectrum-graph", f"[{x}, {y}]"))
        await ui.one.mouse.move(place[0] - 1, place[1])
        await ui.one.mouse.move(*place)
        near = f"plot._hoverdata && Math.abs(plot._hoverdata[0].x - {wanted}) < 20000"  # a pixel is two kilohertz
        await eventually(lambda: ui.one.evaluate(trace("spectrum-graph", near)), CLICK_SECONDS)
        await ui.one.mouse.click(*place)
        await eventually(lambda: ui.ask(f"abs(sp.vfo_freq[0] - {wanted}) < 20000"), CLICK_SECONDS)
        return True

    try:
        await eventually(tuned, WITHIN)
    finally:
        ui.daq.frame_seconds = FRAME_SECONDS
    await ui.quiet()  # a click that was taken for missed may come late


@check("the direction page opens in both, and shows where the emitter stands")
async def direction(ui: Interface) -> None:
    await ui.ask("app.push_mods({'vfo_0_freq': {'value': 416.9}})")
    await ui.has("sp.vfo_freq[0]", 416_900_000)
    for page in ui.pages:
        await to(page, "doa")
        await expect(page.locator("#doa-graph .js-plotly-plot")).to_have_count(1)
    for page in ui.pages:
        await text("body_doa_max", "70.0°", page)


@check("its graph follows the emitter in both pages")
async def direction_follows(ui: Interface) -> None:
    ui.daq.bearing = 200.0
    for page in ui.pages:
        await text("body_doa_max", "200.0°", page)
        assert await page.evaluate(trace("doa-graph", "line.y.length")) == 360
        await eventually(lambda page=page: _is(page, trace("doa-graph", HIGHEST), 200), WITHIN)  # type: ignore[misc]


async def _is(page: Page, script: str, value: Any) -> bool:
    return bool(await page.evaluate(script) == value)


@check("back on the configuration page both show what was set meanwhile")
async def back(ui: Interface) -> None:
    for page in ui.pages:
        await to(page, "config")
    await field("vfo_0_freq", "416.9", *ui.pages)
    await text("body_daq_conn_status", "Connected", *ui.pages)


@check("resetting the configuration reaches both pages, and acts once")
async def reset(ui: Interface) -> None:
    # The defaults go into the settings file, for the program's timer to read: what is saved before that undoes them.
    await ui.quiet()
    await ui.one.locator("#en_system_control input").set_checked(True)
    await ui.one.locator("#btn-save_cfg").click()
    await field("station_id_input", "NOCALL", *ui.pages)
    await field("compass_offset", "0", *ui.pages)
    await chosen("loc_src_dropdown", "None", *ui.pages)
    await ui.has("sp.station_id", "NOCALL")
    assert ui.printed("Loading Default DSP Configuration") == 1


@check("Restart Software is called once")
async def restart(ui: Interface) -> None:
    await ui.one.locator("#en_system_control input").set_checked(True)
    await ui.one.locator("#btn-restart_sw").click()
    await eventually(lambda: ui.did("restarted") == 1, WITHIN)


@check("reconfiguring restarts the receivers once, and the pages go on")
async def reconfigure(ui: Interface) -> None:
    await ui.put(ui.one, "cfg_corr_size", "2048")
    await ui.has("web.daq_ini_cfg_dict['corr_size']", 2048)
    await ui.one.locator("#btn_reconfig_daq_chain").click()
    await text("active_daq_ini_cfg", "Active Configuration: Custom", ui.one)
    await eventually(lambda: (ui.did(FIRMWARE + STOPPED), ui.did(FIRMWARE + STARTED)) == (1, 1), WITHIN)
    assert "corr_size = 2048" in (ui.root.parent / f"{FIRMWARE}daq_chain_config.ini").read_text()
    await text("body_daq_conn_status", "Connected", *ui.pages)
    for page in ui.pages:
        await goes_on(page, "document.querySelector('#body_daq_frame_index').innerText")


@check("nothing was rebooted, shut down or called twice by all this")
async def nothing_else(ui: Interface) -> None:
    assert (ui.did("reboot"), ui.did("shutdown"), ui.did("restarted")) == (0, 0, 1)
    assert ui.printed("Start pocessing btn pushed") == ui.printed("Stop pocessing btn pushed") == 1


@check("no page reported an error")
async def no_errors(ui: Interface) -> None:
    assert not ui.tabs.errors, ui.tabs.errors[:3]


@check("no page showed a notice")
async def no_notices(ui: Interface) -> None:
    for page in ui.pages:
        assert await page.locator("#_dash-devices-notices .notice").all_inner_texts() == []


@check("no callback of the program failed")
async def no_tracebacks(ui: Interface) -> None:
    printed = ui.log.read_text()
    assert "Traceback" not in printed, printed[printed.index("Traceback") :][:2000]


# ---- running them


async def new_page(tabs: Tabs, url: str) -> Page:
    """A page of a browser of its own. On a busy machine the interface needs its time: it computes as well."""
    context = await tabs.context()
    context.set_default_timeout(STARTS_WITHIN * 1000)
    page = await tabs.open(url, context=context)
    context.set_default_timeout(WITHIN * 1000)
    return page


@asynccontextmanager
async def running(source: Path, folder: Path) -> AsyncIterator[Interface]:
    """The interface with its receivers and two pages."""
    daq = Daq("127.83.68.82")
    root = prepare(source, folder, daq)
    log = folder / "printed.log"
    url = f"http://127.0.0.1:{(port := free_port())}/"
    reading, writing = os.pipe()
    paths = (str(Path.cwd()), os.environ.get("PYTHONPATH", ""))
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PATH": f"{folder}/bin{os.pathsep}{os.environ['PATH']}",  # `reboot` and `shutdown` are ours
        "NUMBA_DISABLE_JIT": "1",  # compiling takes longer than all that is computed here
    }
    await daq.start()
    with log.open("wb") as printed:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-u", str(RUNNER), str(root / PROGRAM), str(port), str(writing)),
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=printed,
            pass_fds=(writing,),
            env=environ,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    os.close(writing)
    answers = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(answers), os.fdopen(reading, "rb", 0))

    async def serves() -> bool:
        assert process.returncode is None, log.read_text()
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(url)).status_code == 200
            except httpx.TransportError:
                return False

    try:
        await eventually(serves, STARTS_WITHIN)
        async with launched_chromium() as chromium:
            tabs = Tabs(chromium)
            one, two = [await new_page(tabs, url) for _ in range(2)]
            yield Interface(url, daq, root, log, tabs, one, two, process, answers)
            await tabs.close()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(process.wait(), ENDS_WITHIN)
            except TimeoutError:  # its signal processor's thread never ends by itself
                process.kill()
                await process.wait()
        await daq.close()


async def pictures(ui: Interface, folder: Path, name: str) -> None:
    """What the pages show; a busy page may give none in time."""
    try:
        await ui.tabs.screenshots(folder, name)
    except Error as error:
        print(f"kraken: no picture of {name}: {error.message.splitlines()[0]}", flush=True)


async def drive_interface(source: Path) -> int:
    """Make all checks; print the table, and return how many fail without a known reason."""
    folder = Path(tempfile.mkdtemp(prefix="others-kraken-"))
    expect.set_options(timeout=WITHIN * 1000)
    print(f"kraken: {len(CHECKS)} checks; the interface runs in {folder}", flush=True)
    held, worst = 0, 0
    async with running(source, folder) as ui:
        for number, (title, function) in enumerate(CHECKS.items(), 1):
            try:
                await function(ui)
            except Exception as error:  # noqa: BLE001 - a check that fails in whatever way ends no other
                reason = KNOWN.get(title)
                worst += reason is None
                why = reason or " ".join(f"{type(error).__name__}: {error}".split())[:400]
                print(f"kraken {number:3}  {'known' if reason else 'FAILS':6} {title}: {why}", flush=True)
                await pictures(ui, folder / "screenshots", str(number))
            else:
                held += 1
                late = " (and is in the list of those that fail)" if title in KNOWN else ""
                print(f"kraken {number:3}  holds  {title}{late}", flush=True)
                worst += bool(late)
    print(f"kraken: {held} of {len(CHECKS)} checks hold", flush=True)
    return worst


def drive(source: Path) -> int:
    """Drive the interface of a checkout; 1 if a check fails without a known reason."""
    if not (source / PROGRAM).is_file():
        sys.exit(f"KRAKEN_SOURCE={str(source)!r} is no checkout of krakensdr_doa: it has no {PROGRAM}")
    if missing := [name for name in NEEDS if importlib.util.find_spec(name) is None]:
        sys.exit(f"KrakenSDR's signal processor needs {', '.join(missing)}: pip install 'dash-devices-nb[kraken]'")
    return int(bool(asyncio.run(drive_interface(source))))
