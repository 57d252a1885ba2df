"""A viewer's page in Chromium: what is off there, and that it comes on at once; asking for the floor; the name."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from dash_devices_nb import ALL, Dash, Input, Output, dcc, html
from dash_devices_nb.core.access.display_names import LONGEST_NAME
from dash_devices_nb.testing import visitor
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
OFF = "[data-dash-devices-off=off]"


def classroom() -> Dash:
    """A device of many controls, in a part of the page that a callback makes anew."""
    app = Dash("classroom")
    app.acted = []
    app.layout = html.Div(
        [
            app.presence(),
            html.Div(id="box", children=knobs(1)),
            dcc.Input(id="mine", value=""),
            dcc.Input(id="later", value=""),
            html.Div(id="computed"),
            html.Button("act", id="act"),
            dcc.Graph(id="graph", figure={"data": [{"y": [1, 2]}], "layout": {"height": 160}}),
            html.Div(id="shown"),
            dcc.Interval(id="tick", interval=250),
        ]
    )
    inputs = [Input("knob", "value"), Input("color", "value"), Input({"p": ALL}, "value"), Input("graph", "clickData")]
    app.callback_shared(Output("shown", "children"), inputs)(lambda knob, color, p, click: f"{knob} {color} {p}")
    app.callback(Output("computed", "children"), Input("mine", "value"))(lambda mine: f"mine {mine}")
    app.callback(None, Input("act", "n_clicks"))(app.acted.append)
    app.callback_shared(None, Input("tick", "n_intervals"))(lambda n: None)
    return app


def knobs(number: int) -> list:
    """The controls, which the program may bring again."""
    return [
        html.B(f"version {number}"),
        dcc.Slider(id="knob", min=0, max=10, step=1, value=3),
        dcc.Dropdown(id="color", options=["red", "blue"], value="red"),
        dcc.Input(id={"p": 1}, value="x"),
    ]


@pytest.fixture
async def app(serve: Serving) -> Dash:
    """The classroom, served."""
    made = classroom()
    await serve(made)
    return made


async def opened(browser: Tabs, app: Dash, role: str, name: str = "", **options) -> Page:
    """A page of a profile of its own, as a guest of this role."""
    headers = visitor(app, role, name, guest=role != "owner")
    context = await browser.context(extra_http_headers=headers, **options)
    page = await browser.open(app.url, context=context)
    await expect(page.locator("#shown")).to_contain_text("red")
    return page


def client_of(app: Dash, name: str):
    """The app's side of a page."""
    return next(client for client in app.clients if client.name == name)


async def is_off(page: Page, component_id: str) -> bool:
    """Whether a component can be neither reached by pointer nor by keyboard, looks so, and says so."""
    return await page.evaluate(
        """id => {
            const element = document.getElementById(id);
            const off = element && element.closest('[data-dash-devices-off=off]');
            if (off) {
                const focusable = 'input, button, [tabindex]';
                (off.matches(focusable) ? off : off.querySelector(focusable) || off).focus();
                const box = off.getBoundingClientRect();
                const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
                const says = off.inert && off.getAttribute('aria-disabled') === 'true';
                const looks = Number(getComputedStyle(off).opacity) < 0.7;
                return says && looks && !off.contains(document.activeElement) && !off.contains(hit);
            }
            return false;
        }""",
        component_id,
    )


IDS = ["knob", "color", '{"p":1}', "act"]


async def test_a_viewers_controls_are_off_and_come_on_at_once(app, browser: Tabs) -> None:
    """By the role and by the floor; over new components; what is the page's own, and the graph, stay on."""
    page = await opened(browser, app, "view", "Ada")
    for each in IDS:
        await eventually(lambda each=each: is_off(page, each))
    assert not await is_off(page, "mine")
    app.callback_shared(None, Input("later", "value"))(lambda value: None)  # shared from now on
    await eventually(lambda: is_off(page, "later"))
    assert not await is_off(page, "graph")
    await expect(page.locator("#graph")).to_have_attribute("aria-disabled", "true")
    await page.fill("#mine", "own")
    await expect(page.locator("#computed")).to_have_text("mine own")
    app.push_mods({"box": {"children": knobs(2)}})
    await expect(page.locator("#box b")).to_have_text("version 2")
    for each in IDS:
        await eventually(lambda each=each: is_off(page, each))
    box = await page.locator("#knob").bounding_box()
    await page.mouse.click(box["x"] + 20, box["y"] + box["height"] / 2)
    await expect(page.locator("#_dash-devices-floor .why.shown")).to_have_text("View only")
    client_of(app, "Ada").role = "control"
    await expect(page.locator("[data-dash-devices-off]")).to_have_count(0)
    assert await page.locator("#color").get_attribute("aria-disabled") is None
    await page.click("#act")
    await eventually(lambda: app.acted == [1])
    app.control.close()
    await expect(page.locator(OFF)).to_have_count(5)
    await expect(page.locator("#_dash-devices-floor .foot")).to_contain_text("The controls are closed")
    app.control.open()
    await expect(page.locator(OFF)).to_have_count(0)
    assert [entry.summary for entry in app.journal.filter("refusal")] == []


async def test_what_is_forced_past_the_page_is_undone_on_it(app, browser: Tabs) -> None:
    """A viewer who uses the developer tools: the choice goes back, the others saw nothing, the page says why."""
    viewer, owner = await opened(browser, app, "view", "Eve"), await opened(browser, app, "owner")
    await eventually(lambda: is_off(viewer, "color"), 15)
    # Not the slider: stock dcc.Slider shows the first of two values that come within one of its renders.
    await viewer.evaluate("dash_clientside.set_props('color', {value: 'blue'})")
    notice = viewer.locator("#_dash-devices-notices .notice")
    await expect(notice).to_contain_text("You may not change color.value: you may look, but not act.")
    await expect(viewer.locator("#color")).to_contain_text("red")
    await viewer.evaluate("document.getElementById('act').inert = false; document.getElementById('act').click()")
    await eventually(lambda: len(app.journal.filter("refusal")) == 2)
    assert app.acted == []
    await expect(owner.locator("#color")).to_contain_text("red")
    await expect(owner.locator("#shown")).to_have_text("3 red ['x']")


async def test_what_is_undone_at_once_is_undone_on_the_screen_too(app, browser: Tabs) -> None:
    """Dash 4.4.1's slider keeps a value of its own if its prop goes and comes back before it was drawn."""
    viewer = await opened(browser, app, "view", "Eve")
    for number in range(10):
        app.push_mods({"knob": {"value": number % 2}})
        await expect(viewer.locator("#shown")).to_have_text(f"{number % 2} red ['x']")
        await viewer.evaluate("dash_clientside.set_props('knob', {value: 9})")
        await eventually(lambda n=number: len(app.journal.filter("refusal")) == n + 1)
        await expect(viewer.locator("#knob .dash-slider-thumb")).to_have_attribute("aria-valuenow", f"{number % 2}")
    app.push_mods({"knob": {"value": 4}})
    await expect(viewer.locator("#knob input")).to_have_value("4")


async def test_a_guest_on_a_phone_gives_a_name_asks_for_control_acts_and_gives_it_back(app, browser: Tabs) -> None:
    """By touch; the name is text, is kept for the next visit, and all see who has control."""
    phone = await opened(browser, app, "view", **PHONE)
    floor = phone.locator("#_dash-devices-floor")
    await floor.locator("input").fill("<img src=x onerror=alert(1)>Zoë")
    await floor.locator(".main").tap()
    await expect(floor.locator(".text b")).to_have_text("<img src=x onerror=alert(1)>Zoë")
    await expect(phone.locator("#dash-devices-presence")).to_contain_text("<img src=x onerror=alert(1)>Zoë")
    assert await phone.locator("#dash-devices-presence img").count() == 0
    owner = await opened(browser, app, "owner")
    await floor.get_by_role("button", name="Request control").tap()
    await expect(floor.locator(".foot")).to_contain_text("you are number 1 in line")
    await expect(owner.locator("#_dash-devices-floor .foot")).to_contain_text("1 asks for control")
    app.control.grant(seconds=3600)
    chip = phone.locator("#dash-devices-presence > span", has_text="has control")
    assert await chip.evaluate("e => e.scrollWidth <= e.clientWidth"), "a long name hides who has control"
    await expect(floor.locator(".foot")).to_contain_text("You have control")
    await expect(floor.locator(".clock")).to_have_text(re.compile(r"^(60:00|59:\d\d)$"))
    await expect(owner.locator("#dash-devices-presence")).to_contain_text("Zoë has control")
    await phone.locator("#act").tap()
    await eventually(lambda: app.acted == [1])
    assert await phone.evaluate("document.documentElement.scrollWidth") <= 390
    await floor.get_by_role("button", name="Give back").tap()
    await expect(floor.locator(".foot")).to_contain_text("View only")
    assert app.control.state == "open"
    again = await phone.context.new_page()
    await again.goto(app.url)
    await expect(again.locator("#_dash-devices-floor .text b")).to_contain_text("Zoë")
    assert not await again.locator("#_dash-devices-floor form").is_visible()


async def test_a_page_that_is_sent_away_stays_away_and_all_is_off(app, browser: Tabs) -> None:
    """Whatever happens meanwhile that seems a good moment to come back; the name is not asked for any more."""
    page = await opened(browser, app, "control")
    await expect(page.locator("#_dash-devices-floor form")).to_be_visible()
    await expect(page.locator("#_dash-devices-floor input")).to_have_js_property("maxLength", LONGEST_NAME)
    assert not await is_off(page, "knob")
    app.disconnect(app.clients[0], "That was enough.")
    await expect(page.locator("#_dash-devices-notices .bar.shown")).to_have_text("That was enough.")
    await expect(page.locator("#_dash-devices-floor form")).to_be_hidden()
    await eventually(lambda: not app.clients)
    for each in IDS:
        await eventually(lambda each=each: is_off(page, each))
    opened_sockets: list[object] = []
    page.on("websocket", lambda socket: opened_sockets.append(socket))
    await page.evaluate(
        """async () => {
            dashDevices.bridge.socket.retry();
            document.dispatchEvent(new Event('visibilitychange'));
            window.dispatchEvent(new Event('online'));
            await new Promise(done => setTimeout(done, 100));
        }"""
    )
    assert opened_sockets == []
    await expect(page.locator("#_dash-devices-notices .bar.shown")).to_have_text("That was enough.")
    await page.reload()
    await expect(page.locator("#shown")).to_contain_text("red")
    await eventually(lambda: len(app.clients) == 1)


async def test_a_full_house_is_asked_again_in_its_time(app, browser: Tabs) -> None:
    """However often there seems to be a good moment: the page tells why it waits, and waits."""
    app.limits.clients = 0
    context = await browser.context(extra_http_headers=visitor(app, "view", guest=True))
    sockets: list[object] = []
    context.on("page", lambda page: page.on("websocket", lambda socket: sockets.append(socket)))
    page = await browser.open(app.url, context=context)
    await expect(page.locator("#_dash-devices-notices .bar.shown")).to_contain_text("Full: this app has 0 pages open")
    count = len(sockets)
    await page.evaluate(
        """async () => {
            for (let each = 0; each < 10; each++) dashDevices.bridge.socket.retry();
            await new Promise(done => setTimeout(done, 100));
        }"""
    )
    assert len(sockets) == count
    app.limits.clients = 500
    await page.reload()
    await expect(page.locator("#shown")).to_contain_text("red")


async def test_a_page_that_nobody_shares_says_nothing_of_all_this(app, browser: Tabs) -> None:
    """The owner's, and one of a program that knows no roles."""
    for headers in (visitor(app, "owner"), {}):
        context = await browser.context(extra_http_headers=headers)
        page = await browser.open(app.url, context=context)
        await expect(page.locator("#shown")).to_contain_text("red")
        assert await page.locator("#_dash-devices-floor .foot.shown").count() == 0
        assert await page.locator("[data-dash-devices-off]").count() == 0
