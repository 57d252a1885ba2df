"""A bad network between real pages and the app: a page says that it is offline, comes back by itself, and agrees.

The quick ones have a page whose clock runs ten times as fast; `make faults` runs the same in true time.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.support import quick
from tests.support.browser import Tabs
from tests.support.counted import Counted, counted
from tests.support.eventually import eventually
from tests.support.serving import Serving
from tests.support.tcp import network

LOST = r"WebSocket connection to .* failed|WebSocket is closed before|ERR_"
PACES = [
    pytest.param(quick.TIMES, id="quick"),
    pytest.param(1, id="in true time", marks=[pytest.mark.long, pytest.mark.timeout(400)]),
]
POINTS = "document.querySelector('#graph .js-plotly-plot').data[0].x.map(Number)"


async def opened(browser: Tabs, url: str, pace: int = 1) -> Page:
    page = await browser.open()
    if pace > 1:
        await page.add_init_script(quick.SCRIPT)
    await page.goto(url)
    await expect(page.locator("#graph .js-plotly-plot")).to_be_visible(timeout=20_000)
    await eventually(lambda: page.evaluate("dashDevices.bridge.socket.greeted"))
    return page


async def agree(found: Counted, *pages: Page, within: float = 20) -> None:
    """Wait until pages show all that was pushed and acted, each thing once."""

    async def shows(page: Page) -> bool:
        # Looked up each time: what was done a moment ago may be on its way to the app.
        wanted = {
            "last": str(found.pushed or ""),
            "list": found.listed,
            "echo": f"echo {found.acts[-1]}" if found.acts else "",
            "clicks": str(len(found.clicks) or ""),
        }
        for name, text in wanted.items():
            assert " ".join((await page.locator(f"#{name}").text_content() or "").split()) == text, name
        return True

    for page in pages:
        await eventually(lambda p=page: shows(p), within)
        await eventually(lambda p=page: has_points(p, found.pushed), within)
        await expect(page.locator(".bar")).not_to_be_visible()


async def has_points(page: Page, count: int) -> bool:
    points: list[Any] = await page.evaluate(POINTS)
    assert points == list(range(1, count + 1))
    return True


@pytest.mark.parametrize("lost", [False, True], ids=["bytes wait", "connections are forgotten"])
@pytest.mark.parametrize("pace", PACES)
async def test_a_minute_of_silence(serve: Serving, browser: Tabs, pace: int, lost: bool):
    """No byte passes for a minute, and none comes to an end: acts of both sides count once, and all agree after it."""
    found = counted()
    url = await serve(found.app)
    browser.allow_errors(LOST)
    async with network(url) as net:
        away, witness = await opened(browser, net.url, pace), await opened(browser, url)
        [client] = [each.id for each in found.app.clients if each.host in net.url]
        found.push(5)
        await away.locator("#go").click()
        await eventually(lambda: found.clicks == [1])
        await agree(found, away, witness)
        net.silence()
        found.push(20)
        await away.locator("#name").fill("in silence")
        for _ in range(3):
            await away.locator("#go").click()
        await expect(away.locator(".bar")).to_contain_text("Offline", timeout=60_000 / pace)
        found.push(5)
        await away.locator("#go").click()
        await eventually(lambda: any(each.begins and not each.passes.is_set() for each in net.open[1:]), 60 / pace)
        await away.wait_for_timeout(20_000 / pace)
        (net.forget if lost else net.speak)()
        await expect(away.locator("#clicks")).to_have_text("5", timeout=60_000 / pace)
        found.push(5)
        await agree(found, away, witness)
        assert found.clicks == [1, 2, 3, 4, 5]
        assert found.acts == ["in silence"]
        if not lost:
            assert client in [each.id for each in found.app.clients]


@pytest.mark.parametrize("pace", PACES)
async def test_messages_that_take_longer_than_a_sign_of_life(serve: Serving, browser: Tabs, pace: int):
    """At 20 kB/s a message of 500 kB takes 25 s, in which nothing else comes: the page waits for it all the same."""
    found = counted()
    url = await serve(found.app)
    browser.allow_errors(LOST)
    async with network(url) as net:
        slow, witness = await opened(browser, net.url, pace), await opened(browser, url)
        net.rate = 20_000 * pace
        for number in range(3):
            found.app.push_mods({"list": {"title": f"{number} " + "x" * 500_000}})
            found.push(5)
        await slow.locator("#name").fill("by the slow one")
        await expect(witness.locator("#echo")).to_have_text("echo by the slow one", timeout=180_000 / pace)
        await eventually(lambda: titled(slow, "2 "), 300 / pace)
        await agree(found, slow, witness, within=120 / pace)
        assert found.acts == ["by the slow one"]


# Only in true time: Chromium looks at a text of 1.2 MB again and again.
@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("pace", [1])
async def test_changes_that_take_longer_than_a_sign_of_life(serve: Serving, browser: Tabs, pace: int):
    """At 20 kB/s a change of 1.2 MB takes a minute to be sent: it comes, once, and so does what is behind it."""
    found = counted()
    url = await serve(found.app)
    browser.allow_errors(LOST)
    async with network(url) as net:
        slow, witness = await opened(browser, net.url, pace), await opened(browser, url)
        net.rate = 20_000 * pace
        large = "x" * 1_200_000
        await slow.evaluate(f"dash_clientside.set_props('name', {{value: 'x'.repeat({len(large)})}})")
        await slow.locator("#go").click()
        await expect(witness.locator("#clicks")).to_have_text("1", timeout=240_000 / pace)
        net.rate = None
        await agree(found, slow, witness, within=60)
        assert found.acts == [large]
        assert found.clicks == [1]


async def titled(page: Page, begins: str) -> bool:
    return (await page.locator("#list").get_attribute("title") or "").startswith(begins)


@pytest.mark.parametrize("way", ["up", "down"])
async def test_connections_that_break_within_frames(serve: Serving, browser: Tabs, way: str):
    """Again and again, after a few bytes more each time, while the page acts and the app pushes."""
    found = counted()
    url = await serve(found.app)
    browser.allow_errors(LOST, "Invalid frame header|One or more reserved bits|Unrecognized frame opcode")
    async with network(url) as net:
        page = await opened(browser, net.url)
        for count in (1, 3, 70, 200, 500):
            connections = net.connections
            net.spares[way] = count
            await page.locator("#go").click()
            found.push(6)
            await page.locator("#name").fill(f"after {count}")
            await page.locator("#ask").click()
            await eventually(lambda c=connections: net.connections > c, 10)
        await agree(found, page)
        await expect(page.locator("#answer")).to_have_text("answer 5")
        assert found.clicks == [1, 2, 3, 4, 5]
        assert found.acts == [f"after {count}" for count in (1, 3, 70, 200, 500)]
