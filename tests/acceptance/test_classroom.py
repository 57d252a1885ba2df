"""A lesson in a real JupyterLab: a teacher, a viewer and a controller in browsers of their own, one of them a phone.

The notebook is the one on the classroom; the guests come by its share links and have no login.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, FrameLocator, Page, expect

from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter
from tests.support.lesson import PHONE, Teacher, foot, guest, off

MARKUP = "<img src=x onerror=alert(1)>Zoë"

FORGE = """async target => {
    const prefix = JSON.parse(document.getElementById('_dash-devices-config').textContent).prefix;
    const socket = new WebSocket(`ws://${location.host}${prefix}_dash-devices/ws`);
    const frames = [];
    socket.onopen = () => socket.send(JSON.stringify({t: 'hello', rev: 0}));
    return await new Promise((resolve, reject) => {
        socket.onclose = event => reject(new Error(`closed: ${event.code} ${event.reason}`));
        socket.onmessage = event => {
            const frame = JSON.parse(event.data);
            frames.push(frame);
            if (frame.t === 'welcome') socket.send(JSON.stringify({t: 'set', s: 1, m: {target: {value: target}}}));
            if (frame.t === 'notice') {
                socket.onclose = null;
                socket.close();
                resolve(frames);
            }
        };
    });
}"""


@pytest.fixture(scope="module")
async def teacher(chromium: Browser, jupyter_lab: Jupyter) -> AsyncIterator[Teacher]:
    """The lesson's notebook, with its device, its page and the console, and a cell to work in."""
    tabs = Tabs(chromium)
    teacher = await Teacher.open(tabs, jupyter_lab)
    yield teacher
    errors = tabs.unexpected_errors  # not those of a page whose app stops: it may ask for it before it is closed
    await teacher.do("thermostat.close(); app.stop()")
    await tabs.close()
    assert not errors


async def expect_target(text: str, *pages: Page | FrameLocator) -> None:
    """All show this target."""
    for page in pages:
        await expect(page.locator("#target-shown")).to_have_text(text)


async def test_a_viewer_looks_and_a_controller_acts_whatever_their_pages_send(teacher: Teacher, browser: Tabs):
    """Controls are off, visibly; what is forced past the page is refused, told and undone there; a role is live."""
    vera = await guest(browser, await teacher.link("view", "look"), "Vera")
    carl = await guest(browser, await teacher.link("control", "act"), "Carl", **PHONE)
    await expect(off(vera)).to_have_count(2)
    await expect(off(carl)).to_have_count(0)
    slider = vera.locator("#target").locator("xpath=ancestor-or-self::*[@data-dash-devices-off]")
    assert await slider.evaluate("e => [e.inert, e.ariaDisabled, getComputedStyle(e).opacity < 0.7]") == [
        True,
        "true",
        True,
    ]
    await expect(foot(vera)).to_contain_text("View only")

    await carl.locator(".dash-slider-thumb").press("End")
    await expect_target("28.0 °C", carl, vera, teacher.page)
    await vera.evaluate("dash_clientside.set_props('target', {value: 15})")
    notice = vera.locator("#_dash-devices-notices .notice").first
    await expect(notice).to_contain_text("You may not change target.value: you may look, but not act.")
    await expect(vera.locator(".dash-slider-thumb")).to_have_attribute("aria-valuenow", "28")
    told = await vera.evaluate(FORGE, 15)
    assert "You may not change target.value" in told[-1]["text"]
    assert {"t": "mods", "q": told[-2]["q"], "m": {"target": {"value": 28}}, "f": 1}.items() <= told[-2].items()
    await expect_target("28.0 °C", carl, vera, teacher.page)
    assert await teacher.do("print(thermostat.target, len(app.journal.filter('refusal')))") == "28 2"

    await teacher.do("named('Vera').role = 'control'")
    await expect(off(vera)).to_have_count(0)
    await vera.locator(".dash-slider-thumb").press("Home")
    await expect_target("15.0 °C", carl, vera, teacher.page)
    await teacher.do("named('Vera').role, named('Carl').role = 'view', 'view'")
    await expect(off(vera)).to_have_count(2)
    await expect(off(carl)).to_have_count(2)


async def test_the_floor_goes_to_a_phone_and_back(teacher: Teacher, browser: Tabs):
    """Asked for by touch, granted in the console, held, left; names are text everywhere."""
    url = await teacher.link("view", "look")
    vera, zoe = await guest(browser, url, "Vera"), await guest(browser, url, MARKUP, **PHONE)
    shown = [vera.locator("#dash-devices-presence"), teacher.page.locator("#dash-devices-presence"), teacher.console]
    for place in shown:
        await expect(place).to_contain_text(MARKUP)
        await expect(place.locator("img")).to_have_count(0)

    await teacher.do("app.control.lock(named('Vera'))")
    await expect(off(vera)).to_have_count(0)
    await expect(foot(zoe)).to_contain_text("Vera has control")
    await zoe.get_by_role("button", name="Request control").tap()
    await expect(foot(zoe)).to_contain_text("you are number 1 in line")
    await expect(teacher.console).to_contain_text(f"asking: {MARKUP}")
    said = zoe.locator("#_dash-devices-floor .text")
    assert await said.evaluate("e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight + 1"), "cut off"
    await teacher.console.locator("button", has_text=re.compile("^Grant$")).click()
    await expect(off(zoe)).to_have_count(0)
    await expect(off(vera)).to_have_count(2)
    await expect(foot(vera)).to_contain_text(f"{MARKUP} has control")
    assert await vera.locator("#_dash-devices-floor img").count() == 0
    await zoe.locator("#switch input").tap()
    await expect(vera.locator("#switch input")).not_to_be_checked()
    await eventually(lambda: _prints(teacher, "print(thermostat.enabled)", "False"))

    await zoe.close()
    await expect(foot(vera)).to_contain_text("View only")
    await expect(teacher.console).to_contain_text("Open to all controllers")
    await expect(teacher.console).not_to_contain_text(MARKUP)


async def test_a_revoked_link_sends_its_guests_away(teacher: Teacher, browser: Tabs):
    """The pages close at once with the reason and stay closed; the others' and the teacher's live on."""
    browser.allow_errors("Failed to load resource", "WebSocket connection to")
    vera = await guest(browser, await teacher.link("view", "first"), "Vera", **PHONE)
    ben = await guest(browser, await teacher.link("control", "second"), "Ben")
    await teacher.do("first.revoke()")
    bar = vera.locator("#_dash-devices-notices .bar.shown")
    await expect(bar).to_contain_text("This share link was revoked.")
    await ben.locator(".dash-slider-thumb").press("End")
    await expect_target("28.0 °C", ben, teacher.page)
    await expect(vera.locator("#target-shown")).not_to_have_text("28.0 °C")
    answer = await vera.reload()
    assert answer is not None
    assert answer.status == 403
    await expect(vera.locator("body")).to_contain_text("This share link was revoked.")
    assert "Vera" not in await teacher.do("print([client.label for client in app.clients])")


async def _prints(teacher: Teacher, code: str, text: str) -> bool:
    return await teacher.do(code) == text
