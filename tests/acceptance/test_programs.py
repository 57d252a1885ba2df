"""Programs as they were written for the original, with only their imports changed, in two real pages each."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from playwright.async_api import Page, expect

from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.processes import Script, ScriptRunner

PROGRAMS = Path(__file__).parents[1] / "programs"


async def two(script: ScriptRunner, browser: Tabs, name: str) -> tuple[Script, Page, Page]:
    program = await script(PROGRAMS / name, env={"PORT": "0"})
    first, second = await asyncio.gather(browser.open(program.url), browser.open(program.url))
    return program, first, second


def thumb(page: Page, number: int):
    return page.locator(".dash-slider-thumb").nth(number)


async def test_shared_and_regular_side_by_side(script: ScriptRunner, browser: Tabs):
    """What is shared moves in both pages, what is regular only in its own."""
    _, first, second = await two(script, browser, "sliders.py")
    for page in (first, second):
        await expect(page.locator("#shared_slider_output")).to_have_text("shared at 5")
        await expect(page.locator("#regular_slider_output")).to_have_text("regular at 5")
    await thumb(first, 0).press("ArrowRight")
    await thumb(first, 1).press("ArrowRight")
    await second.locator("#shared_text").fill("us")
    await second.locator("#regular_text").fill("me")
    for page in (first, second):
        await expect(page.locator("#shared_slider_output")).to_have_text("shared at 6")
        await expect(thumb(page, 0)).to_have_attribute("aria-valuenow", "6")
        await expect(page.locator("#shared_text_output")).to_have_text("all read us")
        await expect(page.locator("#shared_text")).to_have_value("us")
    await expect(first.locator("#regular_slider_output")).to_have_text("regular at 6")
    await expect(second.locator("#regular_slider_output")).to_have_text("regular at 5")
    await expect(second.locator("#regular_text_output")).to_have_text("one reads me")
    await expect(first.locator("#regular_text_output")).to_have_text("one reads ")


async def test_a_thermostat_that_measures_while_somebody_looks(script: ScriptRunner, browser: Tabs):
    """The timer starts with the first client and stops with the last; its pushes show in both pages."""
    program, first, second = await two(script, browser, "thermostat.py")
    await program.printed("clients 2")
    assert program.output.count("timer starts") == 1
    for page in (first, second):
        await expect(page.locator("#temperature")).to_have_text("20 C")
        await expect(page.locator("#target_shown")).to_have_text("target 20 C")
    await thumb(second, 0).press("End")
    for page in (first, second):
        await expect(page.locator("#target_shown")).to_have_text("target 30 C")
        await expect(page.locator("#temperature")).to_have_text("30 C")
    script_points = "document.querySelector('#history .js-plotly-plot').data[0].x"
    await eventually(lambda: first.evaluate(f"{script_points}.length > 10"))
    numbers = await first.evaluate(f"Array.from({script_points})")
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "every reading is drawn once"
    await first.locator("#reset").click()
    await program.printed("reset 1")
    await first.close()
    await program.printed("clients 1")
    await second.close()
    await program.printed("timer stops", 2)
    back = await browser.open(program.url)
    await expect(back.locator("#target_shown")).to_have_text("target 30 C")
    await eventually(lambda: program.output.count("timer starts") == 2)


async def test_a_login_whose_admin_view_follows(script: ScriptRunner, browser: Tabs):
    """A wrong password is answered by alternate outputs; the administrator's table follows who comes and goes."""
    browser.allow_errors("403")
    program, admin, ann = await two(script, browser, "login.py")

    async def log_in(page: Page, name: str, password: str) -> None:
        await page.locator("#username").fill(name)
        await page.locator("#password").fill(password)
        await page.locator("#submit").click()

    await log_in(admin, "admin", "wrong")
    await expect(admin.locator("#message")).to_have_text("Incorrect username and/or password!")
    await expect(admin.locator("#password")).to_have_value("")
    await expect(admin.locator("#username")).to_have_value("")
    await expect(ann.locator("#message")).to_be_empty()
    await log_in(admin, "admin", "root")
    await expect(admin.locator("#table li")).to_have_count(2)
    await expect(admin.locator("#table")).to_have_text(re.compile("127.0.0.1 admin"))
    await log_in(ann, "ann", "secret")
    await expect(ann.locator("#waved")).to_have_text("ann waved 0")
    await ann.locator("#wave").click()
    await expect(ann.locator("#waved")).to_have_text("ann waved 1")
    await expect(admin.locator("#table")).to_contain_text("127.0.0.1 ann")
    third = await browser.open(program.url)
    await expect(admin.locator("#table li")).to_have_count(3)
    await third.evaluate(
        """fetch('/_dash-update-component', {method: 'POST', body: JSON.stringify({
            output: 'waved.children', outputs: {id: 'waved', property: 'children'}, changedPropIds: [],
            inputs: [{id: 'wave', property: 'n_clicks', value: 5}], state: []
        })}).then(answer => { window.refused = answer.status; })"""
    )
    await eventually(lambda: third.evaluate("window.refused === 403"))
    await third.close()
    await expect(admin.locator("#table li")).to_have_count(2)


async def test_two_robots_and_a_stop_for_all(script: ScriptRunner, browser: Tabs):
    """With S2 each client drives its own robot, one command at a time; a positional service makes one shared."""
    _, first, second = await two(script, browser, "robots.py")
    await second.get_by_text("two").click()
    await expect(second.locator("#position")).to_have_text("two at 0")
    await expect(first.locator("#position")).to_have_text("one at 0")

    async def drive(page: Page, times: int) -> None:
        for _ in range(times):
            await page.locator("#forward").click()

    await asyncio.gather(drive(first, 5), drive(second, 3))
    await expect(first.locator("#position")).to_have_text("one at 5")
    await expect(second.locator("#position")).to_have_text("two at 3")
    await second.get_by_text("one").click()
    await expect(second.locator("#position")).to_have_text("one at 5")
    await second.locator("#stop").click()
    for page in (first, second):
        await expect(page.locator("#state")).to_have_text("stopped 1 after running")
