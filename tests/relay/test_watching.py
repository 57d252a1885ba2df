"""The signals of a device that pages behind a relay show are read, and no others."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import pytest
from playwright.async_api import Page, expect

from dash_devices_nb import Dash, devices
from tests.relay.conftest import StartBroker, StartRelay, at
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving
from tests.support.tcp import free_port


class Arm:
    """A group of the stage, closed on a panel."""

    def __init__(self) -> None:
        self.reads = 0

    @property
    def angle(self) -> Annotated[float, devices.Period(0.02)]:
        self.reads += 1
        return float(self.reads)


class Stage:
    """A device that counts how often it is read."""

    arm: Arm

    def __init__(self) -> None:
        self.reads = 0
        self.arm = Arm()

    @property
    def height(self) -> Annotated[float, devices.Period(0.02)]:
        self.reads += 1
        return float(self.reads)


@pytest.fixture
def stage() -> Iterator[devices.Device]:
    with devices.connect(Stage(), name="stage") as made:
        yield made


@pytest.fixture(params=["websocket", "nats"])
async def upstream(
    request: pytest.FixtureRequest, serve: Serving, stage, broker: StartBroker, port: int
) -> AsyncIterator[tuple[str, Dash]]:
    """The address of an app for its relay, by each carrier, and the app."""
    app = Dash("bench", devices=[stage])
    app.layout = devices.panel(stage, open=[])
    url = await serve(app)
    if request.param == "websocket":
        yield url, app
        return
    await broker()
    app.publish(f"nats://127.0.0.1:{port}")
    yield f"nats://127.0.0.1:{port}/bench", app


def names(stage: devices.Device) -> set[str]:
    return {each.id for each in stage.watched}


async def moves(page: Page, label: str) -> None:
    """The value of this row changes on the page."""
    value = page.get_by_role("group", name=label, exact=True).locator(".ddn-value")
    await expect(value).to_have_text(re.compile(r"\d"), timeout=20_000)
    shown = await value.text_content()
    await expect(value).not_to_have_text(shown or "", timeout=20_000)


async def test_what_its_pages_show_is_read(browser: Tabs, relay: StartRelay, stage, upstream):
    """The union of its pages; what one opens is read, and is not when the pages that show it are closed."""
    browser.allow_errors("ERR_|WebSocket connection|Failed to load")
    address, app = upstream
    link = (await asyncio.to_thread(app.share, "view")).url
    program = await relay(address)
    assert names(stage) == set()
    one, two = [await browser.open(at(program, link)) for _ in range(2)]
    for page in (one, two):
        await moves(page, "height")
    assert names(stage) == {"stage/height"}
    await one.get_by_role("button", name="arm").click()
    await moves(one, "angle")
    assert names(stage) == {"stage/height", "stage/arm/angle"}
    await one.close()
    await eventually(lambda: names(stage) == {"stage/height"}, 15)
    await moves(two, "height")
    await two.close()
    await eventually(lambda: names(stage) == set(), 15)


async def test_a_relay_that_dies_watches_nothing(browser: Tabs, relay: StartRelay, stage, upstream):
    """Its signals are not read any more; when it is back, its pages come back, and they are read again."""
    browser.allow_errors("ERR_|WebSocket connection|Failed to load")
    address, app = upstream
    link = (await asyncio.to_thread(app.share, "view")).url
    own = free_port()
    program = await relay(address, port=own)
    page = await browser.open(at(program, link))
    await moves(page, "height")
    os.kill(program.pid, signal.SIGKILL)
    await eventually(lambda: names(stage) == set(), 20)
    await relay(address, port=own)
    await eventually(lambda: names(stage) == {"stage/height"}, 20)
    await moves(page, "height")
