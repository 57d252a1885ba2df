"""Pages are sent the signals that they show, and no others. The pages only have a WebSocket, and no browser."""

from __future__ import annotations

from typing import Any

import pytest

from dash_devices_nb import Dash, devices, html
from dash_devices_nb.testing import Tab
from tests.support.eventually import eventually
from tests.support.rawpage import RawPage
from tests.support.serving import Serving


class Lamp:
    """Two settings, which change when somebody sets them."""

    level: float = 1.0
    speed: float = 1.0


@pytest.fixture
def device():
    with devices.connect(Lamp(), name="lamp") as made:
        yield made


@pytest.fixture
def app(device):
    made = Dash(__name__, devices=[device])
    made.layout = html.Div([html.P(id="text")])
    return made


def named(page: RawPage) -> set[str]:
    """The ids of the components of which the page was sent changes, but for the summary of the device."""
    return {name for frame in page.kinds("mods") for name in frame["m"]} - {"lamp"}


async def pushed(app: Dash, pages: list[RawPage], text: str) -> None:
    """A change that all pages get has come to them, and so has all that was before it."""
    app.push_mods({"text": {"children": text}})
    for page in pages:
        await page.got(lambda page=page: page.values.get("text.children") == text)


async def test_each_page_gets_what_it_shows(serve: Serving, app, device):
    """One page shows one signal, one none, one has not said so and gets all; all get the same of what all show."""
    url = await serve(app)
    async with RawPage(url) as one, RawPage(url) as none, RawPage(url) as other:
        await one.send(t="watch", ids={"lamp/level": None})
        await none.send(t="watch", ids={})
        await eventually(lambda: sum(page.watched is not None for page in app._parts.runtime.pages.values()) == 2)
        device.level.set(5)
        device.speed.set(6)
        await pushed(app, [one, none, other], "done")
        assert named(one) == {"text", "lamp/level"}
        assert named(none) == {"text"}
        assert named(other) >= {"text", "lamp/level", "lamp/speed"}
        assert one.values["lamp/level.setpoint"] == 5


async def test_what_was_hidden_comes_whole_when_it_is_shown(serve: Serving, app, device):
    """A page that shows a signal again gets what it lacks of it, in order with later changes, and nothing twice."""
    url = await serve(app)
    async with RawPage(url) as page:
        await page.send(t="watch", ids={"lamp/level": None})
        await eventually(lambda: any(each.watched is not None for each in app._parts.runtime.pages.values()))
        device.speed.set(6)
        await pushed(app, [page], "hidden")
        assert "lamp/speed.setpoint" not in page.values
        await page.send(t="watch", ids={"lamp/level": None, "lamp/speed": 0})
        await page.got(lambda: page.values.get("lamp/speed.setpoint") == 6)
        frame: dict[str, Any] = page.kinds("mods")[-1]
        assert set(frame["m"]) == {"lamp/speed"}
        device.speed.set(7)
        await page.got(lambda: page.values.get("lamp/speed.setpoint") == 7)
        revisions = [each["r"] for each in page.kinds("mods") if "r" in each]
        assert revisions == sorted(revisions)
        await page.send(t="watch", ids={"lamp/level": None, "lamp/speed": revisions[-1]})
        await pushed(app, [page], "nothing is lacking")
        assert set(page.kinds("mods")[-1]["m"]) == {"text"}


async def test_a_slow_page_skips_to_what_it_shows(serve: Serving, app, device):
    """A page that reads nothing for a while gets the latest values, of what it shows only."""
    url = await serve(app)
    async with RawPage(url, reads=False) as page:
        await page.send(t="watch", ids={"lamp/level": None})
        await eventually(lambda: any(each.watched is not None for each in app._parts.runtime.pages.values()))
        for number in range(250):
            device.level.set(number)
            device.speed.set(number)
        page.read()
        await page.got(lambda: page.values.get("lamp/level.setpoint") == 249)
        assert len(page.kinds("mods")) < 250
        assert "lamp/speed" not in named(page)


async def test_a_tab_that_comes_back_says_again_what_it_shows(serve: Serving, app, device):
    """Within the grace and after it: what it shows is current, and comes on."""
    url = await serve(app)
    async with Tab(url) as tab:
        await tab.watch("lamp/level")
        await tab.watch("lamp/speed")
        await eventually(lambda: device.speed.reading.good and not tab.unacknowledged)
        await tab.drop()
        device.level.set(8)
        device.speed.set(8)
        await tab.reconnect()
        await tab.expect("lamp/speed", "setpoint", 8)
        assert tab.prop("lamp/level", "setpoint") != 8
        await tab.watch("lamp/level")
        await tab.expect("lamp/level", "setpoint", 8)
