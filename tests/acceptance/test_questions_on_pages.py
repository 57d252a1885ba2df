"""`app.ask()` in Chromium: guests answer on their pages, the owner's page counts, late joiners are asked, it ends."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from dash_devices_nb import Dash, Input, dcc, html
from dash_devices_nb.testing import visitor
from tests.support.browser import Tabs
from tests.support.serving import Serving

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.fixture
async def app(serve: Serving) -> Dash:
    """A knob, which guests who look on may not turn."""
    made = Dash("question")
    made.layout = html.Div([dcc.Input(id="knob", value="1"), html.Div("device", id="device")])
    made.callback_shared(None, Input("knob", "value"))(lambda value: None)
    await serve(made)
    return made


async def opened(browser: Tabs, app: Dash, role: str, name: str, **options) -> Page:
    """A page of a browser of its own."""
    headers = visitor(app, role, name, guest=role != "owner")
    context = await browser.context(extra_http_headers=headers, **options)
    page = await browser.open(app.url, context=context)
    await expect(page.locator("#device")).to_have_text("device")
    return page


def card(page: Page) -> Locator:
    """The question on a page."""
    return page.locator("#_dash-devices-question section")


async def test_a_class_answers(app: Dash, browser: Tabs) -> None:
    """By pointer and by keyboard; two tabs of one browser are one person; the result is shown to all, and goes."""
    owner, ada = await opened(browser, app, "owner", "Tom"), await opened(browser, app, "view", "Ada")
    phone = await opened(browser, app, "view", "Ben", **PHONE)
    question = app.ask("What <b>will</b> happen?", ["on", "off", "nothing"])
    await expect(card(ada).get_by_role("heading")).to_have_text("What <b>will</b> happen?")
    await card(ada).get_by_text("off").click()
    await expect(card(ada).locator("small")).to_have_text("Your answer counts. You can change it.")
    await expect(card(owner).locator("small")).to_have_text("1 answer so far")
    await card(phone).get_by_role("radio", name="on").focus()
    await phone.keyboard.press("ArrowDown")
    await phone.keyboard.press("ArrowDown")
    await expect(card(owner).locator("small")).to_have_text("2 answers so far")
    await expect(card(owner).locator("b")).to_have_text(["0", "1", "1"])
    await expect(card(phone).get_by_role("radio", name="nothing")).to_be_checked()
    assert await card(owner).get_by_role("radio").count() == 0

    second = await browser.open(app.url, context=ada.context)
    await expect(card(second).get_by_role("radio", name="off")).to_be_checked()
    await card(second).get_by_text("on", exact=True).click()
    await expect(card(ada).get_by_role("radio", name="on")).to_be_checked()
    assert question.counts == {"on": 1, "off": 0, "nothing": 1}

    question.close(show=True)
    await expect(card(phone).locator("b")).to_have_text(["1", "0", "1"])
    await expect(card(phone).locator("small")).to_have_text("2 answers, closed")
    question.close()
    for page in (owner, ada, phone, second):
        await expect(card(page)).to_be_hidden()


async def test_the_card_can_be_put_aside_and_takes_no_focus(app: Dash, browser: Tabs) -> None:
    """Who types goes on typing; a late page is asked; the next question is shown whole again."""
    page = await opened(browser, app, "control", "Ada")
    await page.locator("#knob").focus()
    app.ask("What will happen?", ["on", "off"])
    await expect(card(page).get_by_role("radiogroup")).to_be_visible()
    assert await page.evaluate("document.activeElement.id") == "knob"
    await card(page).get_by_role("button", name="Put the question aside").click()
    await expect(card(page).get_by_role("radiogroup")).to_be_hidden()
    late = await opened(browser, app, "view", "Ben")
    await expect(card(late).get_by_role("radiogroup")).to_be_visible()
    await page.reload()
    await expect(card(page).get_by_role("radiogroup")).to_be_visible()
    app.ask("And then?", ["off", "on"])
    await expect(card(page).get_by_role("radio")).to_have_count(2)
    await expect(page.locator("#_dash-devices-question .said")).to_have_text("Question: And then?")


async def test_an_answer_is_sent_again_if_the_connection_was_lost(app: Dash, browser: Tabs) -> None:
    """Chosen while the page is offline, it arrives when it is back."""
    page = await opened(browser, app, "view", "Ada")
    question = app.ask("What will happen?", ["on", "off"])
    await expect(card(page).get_by_role("radio")).to_have_count(2)
    await page.evaluate("dashDevices.bridge.socket.send = () => false")
    await card(page).get_by_text("off").click()
    assert question.answers == []
    await page.evaluate("delete dashDevices.bridge.socket.send; dashDevices.bridge.socket._socket.close()")
    await expect(card(page).locator("small")).to_have_text("Your answer counts. You can change it.")
    assert question.counts == {"on": 0, "off": 1}
