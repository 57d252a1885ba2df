"""The programs in `examples/`: loading one in this process, and what somebody does on its page."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from playwright.async_api import Expect, Page

expect = Expect()
expect.set_options(timeout=40_000)
EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))
BRIGHT = """id => {
    const canvas = document.getElementById(id);
    const bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return bytes.some((byte, index) => index % 4 < 3 && byte > 40);
}"""


@contextmanager
def loaded(name: str) -> Iterator[ModuleType]:
    """Run the program of this name, as far as its `if __name__`. Afterwards its devices and ports are closed."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[spec.name]
        for each in ("arm", "port"):
            if hasattr(module, each):
                getattr(module, each).close()


async def camera(page: Page, other: Page, module: ModuleType) -> None:
    """The pictures flow on both pages, and the exposure is one."""
    await page.locator(".dash-slider-thumb").press("ArrowRight")
    for each in (page, other):
        await expect(each.locator("#shown")).to_have_text("21 ms")
        await each.wait_for_function(BRIGHT, arg="picture")


async def spectrum(page: Page, other: Page, module: ModuleType) -> None:
    """A line and its past on both pages; the axis follows the centre."""
    await page.locator(".dash-slider-thumb").first.press("ArrowRight")
    for each in (page, other):
        await each.wait_for_function(BRIGHT, arg="waterfall")
        await each.wait_for_function(
            "() => Math.abs(document.querySelector('#lines .js-plotly-plot').data[0].x[0] - 89.1) < 0.01"
        )


async def robot_arm(page: Page, other: Page, module: ModuleType) -> None:
    """Held, the joint turns; released, it stands."""
    start = module.driver.shoulder
    button = page.get_by_role("button", name="Up").first
    await button.hover()
    await page.mouse.down()
    await expect(button).to_have_attribute("aria-pressed", "true")
    await page.wait_for_function("() => document.querySelector('#picture .js-plotly-plot').data[1].x[1] < 0.62")
    await page.mouse.up()
    await expect(button).not_to_have_attribute("aria-pressed", "true")
    await other.wait_for_function("() => document.querySelector('#picture .js-plotly-plot').data[1].x[1] < 0.62")
    while module.driver.shoulder_speed:
        await asyncio.sleep(0.01)
    assert module.driver.shoulder > start


async def calibration(page: Page, other: Page, module: ModuleType) -> None:
    """Two points make degrees, on both pages."""
    volts = iter((0.60, 0.75))
    real, module.measure = module.measure, lambda: next(volts)
    module.app.push_mods({"clock": {"disabled": True}})
    for number in "12":
        await page.locator(f"#take-{number}").click()
        await expect(other.locator(f"#taken-{number}")).to_contain_text("mV is")
    module.measure = real
    module.app.push_mods({"clock": {"disabled": False}})
    for each in (page, other):
        await expect(each.locator("#state")).to_have_text("0.0800 °C for each mV, and -32.0 °C at 0 mV.")
        await expect(each.locator("#degrees")).to_contain_text("°C")


async def logger(page: Page, other: Page, module: ModuleType) -> None:
    """It runs for both, and the file goes to the one who asks."""
    await page.locator("#switch").click()
    await expect(other.locator("#switch")).to_have_text("Stop")
    await expect(other.locator("#count")).to_contain_text(" readings, the last")
    await other.wait_for_function("() => document.querySelector('#plot .js-plotly-plot').data[0].x.length > 3")
    async with other.expect_download() as waiting:
        await other.locator("#save").click()
    download = await waiting.value
    lines = Path(await download.path()).read_text(encoding="utf-8").splitlines()
    assert (download.suggested_filename, lines[0]) == ("readings.csv", "time,pressure in hPa")
    assert len(lines) > 3


async def login(page: Page, other: Page, module: ModuleType) -> None:
    """A wrong password is refused; who is in acts; who is not gets nothing."""
    await page.locator("#name").fill("Ada")
    await page.locator("#password").fill("guessed")
    await page.locator("#enter").click()
    await expect(page.locator("#refused")).to_have_text("Name or password is wrong.")
    await page.locator("#password").fill("difference engine")
    await page.locator("#password").press("Enter")
    await expect(page.locator("#device")).to_be_visible()
    await expect(page.locator("#login")).to_be_hidden()
    await page.locator(".dash-slider-thumb").press("ArrowRight")
    await expect(page.locator("#shown")).to_have_text("1 %")
    await expect(page.locator("#who")).to_have_text("set by ada")
    await expect(other.locator("#login")).to_be_visible()
    assert await other.locator("#shown").text_content() == ""


async def many_benches(page: Page, other: Page, module: ModuleType) -> None:
    """One bench is set on one page; the room adds up; all are switched off."""
    for _ in range(2):
        await page.locator(".dash-slider-thumb").nth(2).press("End")
        await page.locator(".dash-slider-thumb").nth(4).press("End")
        for each in (page, other):
            await expect(each.locator("#total")).to_have_text("1.00 A of 2 A in the room")
            await expect(each.locator(".big").nth(2)).to_have_text("12.0 V")
        if _ == 0:
            await other.locator("#off").click()
            await expect(page.locator("#total")).to_have_text("0.00 A of 2 A in the room")


async def quiz(page: Page, other: Page, module: ModuleType) -> None:
    """The owner asks, the guest answers, the result is shown; the guest cannot ask."""
    await page.locator("#ask").click()
    card = other.locator("#_dash-devices-question section")
    await card.get_by_text("gets brighter").click()
    await expect(page.locator("#_dash-devices-question b")).to_have_text(["1", "0", "0"])
    assert not await page.locator("#ask").evaluate("each => Boolean(each.closest('[inert]'))")
    assert await other.locator("#ask").evaluate("each => Boolean(each.closest('[inert]'))")


async def phone_sensor(page: Page, other: Page, module: ModuleType) -> None:
    """The phone is tilted, and the bubble goes, on both pages."""
    await other.locator("#send").click()
    await expect(other.locator("#send")).to_have_text("This phone sends its tilt")
    tilt = "new DeviceOrientationEvent('deviceorientation', {alpha: 0, beta: 6, gamma: -12.5})"
    await other.evaluate(f"dispatchEvent({tilt})")
    for each in (page, other):
        await expect(each.locator("#roll")).to_have_text("-12.5°")
        await expect(each.locator("#bubble")).to_have_attribute("style", "left: 67.5%; top: 41.6%;")


async def serial_terminal(page: Page, other: Page, module: ModuleType) -> None:
    """Typed on one page, pressed on the other: one conversation."""
    await page.locator("#line").fill("*idn?")
    await page.locator("#line").press("Enter")
    await expect(other.locator("#log")).to_contain_text("EXAMPLE,VOLTMETER,1,0.1")
    await expect(page.locator("#line")).to_have_value("")
    await other.get_by_role("button", name="MEAS?").click()
    await expect(page.locator("#log")).to_contain_text("E+00")


PLAYS: dict[str, Callable[[Page, Page, ModuleType], Awaitable[None]]] = {
    each.__name__: each
    for each in (
        camera,
        spectrum,
        robot_arm,
        calibration,
        logger,
        login,
        many_benches,
        quiz,
        phone_sensor,
        serial_terminal,
    )
}
"""What is done with each program. The first page is an owner's in `quiz`, the second a guest's."""


def audience(name: str, module: ModuleType, number: int) -> dict[str, str]:
    """The headers of page 0 or 1: of an owner and a guest, where the program tells them apart."""
    if name != "quiz":
        return {}
    from dash_devices_nb.testing import visitor

    role, person = (("owner", "Teacher"), ("view", "Ada"))[number]
    return visitor(module.app, role, person, guest=number == 1)
