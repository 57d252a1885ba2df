"""Pages in Chromium end with everybody's state, whatever comes by another way than the changes of all."""

from __future__ import annotations

import asyncio
import threading

import pytest
from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, Services, dcc, html
from tests.acceptance.test_frames_and_streams import picture, shows
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

DRAWN = "new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 100))"
"""What undoes a change, and large values, are drawn by then."""
PARKED = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def desk(**options) -> tuple[Dash, threading.Event, threading.Event, list[str]]:
    """An app with a shared field and a camera; what holds up its layout and the changes of pages, and who was asked."""
    app = Dash(__name__, **options)
    layout, passed, asked = threading.Event(), threading.Event(), []
    layout.set()
    passed.set()

    def laid_out():
        layout.wait(20)
        return html.Div(
            [dcc.Input(id="name", value=""), html.Div(id="echo"), html.Img(id="camera"), html.Div(id="mark")]
        )

    app.layout = laid_out

    @app.callback_shared(Output("echo", "children"), Input("name", "value"))
    def echo(name):
        return f"echo {name}"

    @app.callback_authorize_output
    def authorize(client, output):
        asked.append(output)
        return passed.wait(20)

    return app, layout, passed, asked


async def two(browser: Tabs, url: str):
    """Two pages of an app."""
    pages = await asyncio.gather(browser.open(url), browser.open(url))
    for page in pages:
        await expect(page.locator("#echo")).to_have_text("echo ")
    return pages


async def end_with(pages, name):
    """The pages end with this name."""
    for page in pages:
        await expect(page.locator("#echo")).to_have_text(f"echo {name}")
        await page.evaluate(DRAWN)
        await expect(page.locator("#name.dash-input-element")).to_have_value(name)


@pytest.mark.parametrize("service", [Services.NORMAL, Services.PUSHER_ALL])
async def test_a_new_layout_keeps_a_change_that_is_still_on_its_way(serve: Serving, browser: Tabs, service):
    """Over HTTP it overtakes the change; over the WebSocket it comes behind it."""
    app, _, passed, asked = desk(server_service=service)
    page, witness = await two(browser, await serve(app))
    await page.evaluate("window.laidOut = dashDevices.bridge._layoutRevision")
    asked.clear()
    passed.clear()
    await page.locator("#name").fill("typed")
    await eventually(lambda: asked)
    app.push_mods({"mark": {"children": "one more revision"}})
    app.reload_pages()
    if service is Services.NORMAL:
        await page.wait_for_function(
            "dashDevices.bridge._layoutRevision > laidOut && dashDevices.bridge.renderer.hydrated"
        )
    passed.set()
    await end_with((page, witness), "typed")


async def test_what_a_page_is_given_alone_has_its_place_in_the_order(serve: Serving, browser: Tabs):
    """Before a change of the page that is on its way; and before what changed for all while the page loaded."""
    app, layout, passed, asked = desk()
    page, witness = await two(browser, await serve(app))
    [mine] = [each for each in app.clients if each.id == await page.evaluate("dashDevices.bridge._client")]
    asked.clear()
    passed.clear()
    await page.locator("#name").fill("typed")
    await eventually(lambda: asked)
    app.push_mods({"name": {"value": "for you"}, "mark": {"children": "given"}}, mine)
    await expect(page.locator("#mark")).to_have_text("given")
    passed.set()
    await end_with((page, witness), "typed")

    layout.clear()
    app.reload_pages()
    await expect(page.locator("#echo")).to_have_count(0)
    app.push_mods({"name": {"value": "for you"}}, mine)
    app.push_mods({"name": {"value": "for all"}})
    layout.set()
    await end_with((page, witness), "for all")


async def test_the_newest_layout_is_shown_when_another_was_asked_for_before(serve: Serving, browser: Tabs):
    """The renderer takes the first answer that comes."""
    app, layout, _, _ = desk()
    page, witness = await two(browser, await serve(app))
    layout.clear()
    app.reload_pages()
    for each in (page, witness):
        await expect(each.locator("#echo")).to_have_count(0)
    app.layout = html.Div([html.B("new", id="new"), html.Div(id="mark")])
    await eventually(lambda: page.evaluate("dashDevices.bridge.requests._number > 0"))
    app.push_mods({"mark": {"children": "pushed"}})
    layout.set()
    for each in (page, witness):
        await expect(each.locator("#new")).to_have_text("new")
        await expect(each.locator("#mark")).to_have_text("pushed")


async def test_images_and_other_values_of_a_place_have_one_order(serve: Serving, browser: Tabs):
    """Whichever comes last is shown: by who was there, who comes later, and who loads a layout."""
    app, layout, _, _ = desk()
    url = await serve(app)
    page, _ = await two(browser, url)
    app.push_frame("camera", picture((200, 40, 40)))
    await shows(page, "camera", 64, (200, 40, 40))
    app.push_frame("camera", picture((40, 200, 40)))
    app.push_mods({"camera": {"src": PARKED}})
    late = await browser.open(url)
    for each in (page, late):
        await expect(each.locator("#camera")).to_have_attribute("src", PARKED)
        await each.evaluate(DRAWN)
        await expect(each.locator("#camera")).to_have_attribute("src", PARKED)
    app.push_frame("camera", picture((40, 40, 200)))
    for each in (page, late):
        await shows(each, "camera", 64, (40, 40, 200))
    app.reload_pages()
    late = await browser.open(url)
    for each in (page, late):
        await shows(each, "camera", 64, (40, 40, 200))
    layout.clear()
    app.reload_pages()
    for each in (page, late):
        await expect(each.locator("#camera")).to_have_count(0)
    app.push_frame("camera", picture((1, 2, 3)))
    app.push_mods({"camera": {"src": PARKED}})
    layout.set()
    for each in (page, late):
        await expect(each.locator("#camera")).to_have_attribute("src", PARKED)
        await each.evaluate(DRAWN)
        await expect(each.locator("#camera")).to_have_attribute("src", PARKED)
