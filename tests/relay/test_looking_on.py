"""Pages that look on through a relay in a process of its own, beside pages at the app."""

from __future__ import annotations

import asyncio

from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, dcc, html
from tests.relay.conftest import StartRelay, at
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

SHOWS = "([id, n]) => document.querySelector(`#${id} .js-plotly-plot`)?.data?.[0].x.length === n"
POINTS = "document.querySelector('#graph .js-plotly-plot').data[0].x.map(Number)"
FRAME = "document.querySelector('#camera').src"


def make_app() -> Dash:
    app = Dash(__name__)
    app.layout = html.Div(
        [
            dcc.Input(id="target", value="20"),
            html.P(id="shown"),
            dcc.Input(id="own", value="a"),
            html.P(id="echo"),
            dcc.Graph(id="graph", figure={"data": [{"x": [0], "y": [0]}]}),
            html.P(id="pushed"),
            html.Img(id="camera"),
            app.presence(),
        ]
    )
    app.callback_shared(Output("shown", "children"), Input("target", "value"))(lambda target: f"at {target}")
    app.callback(Output("echo", "children"), Input("own", "value"))(lambda value: f"echo {value}")
    return app


async def test_they_show_what_pages_at_the_app_show(serve: Serving, browser: Tabs, relay: StartRelay):
    """Changes, pushes, events, images and a page's own callbacks; late pages agree; the app sees one client."""
    app = make_app()
    url = await serve(app)
    link = (await asyncio.to_thread(app.share, "view")).url
    far = at(await relay(url), link)
    here, there = await asyncio.gather(browser.open(url), browser.open(far))
    for page in (here, there):
        await expect(page.locator("#shown")).to_have_text("at 20")
        await expect(page.locator("#echo")).to_have_text("echo a")
    assert "share=" not in there.url
    await here.fill("#target", "21")
    await there.fill("#own", "b")
    await expect(there.locator("#echo")).to_have_text("echo b")
    await expect(here.locator("#echo")).to_have_text("echo a")
    for page in (here, there):
        await expect(page.locator("#shown")).to_have_text("at 21")
        await expect(page.locator("#target")).to_have_value("21")
    await expect(there.locator("#target")).to_be_disabled()
    for n in range(1, 4):
        await asyncio.to_thread(app.push_mods, {"graph": {"extendData": [{"x": [[n]], "y": [[n]]}, [0]]}})
    await asyncio.to_thread(app.push_mods, {"pushed": {"children": "from a cell"}})
    await asyncio.to_thread(app.push_frame, "camera", b"\xff\xd8\xff jpeg")
    late = await browser.open(far)
    for page in (here, there, late):
        await page.wait_for_function(SHOWS, arg=["graph", 4])
        assert await page.evaluate(POINTS) == [0, 1, 2, 3]
        await expect(page.locator("#pushed")).to_have_text("from a cell")
        await eventually(lambda page=page: page.evaluate(FRAME))
        await expect(page.locator(".dash-devices-presence")).to_have_text("3 are here")
    (relayed,) = (client for client in app.clients if client.kind == "relay")
    assert relayed.pages == 2
    await late.close()
    await eventually(lambda: relayed.pages == 1)


async def test_new_callbacks_and_layouts_reach_them(serve: Serving, browser: Tabs, relay: StartRelay):
    """A cell that is run again, and a new layout, show without a reload, also on a page that comes later."""
    app = make_app()
    url = await serve(app)
    far = at(await relay(url), (await asyncio.to_thread(app.share, "view")).url)
    page = await browser.open(far)
    await expect(page.locator("#echo")).to_have_text("echo a")
    app.layout = html.Div([dcc.Input(id="own", value="n"), html.P(id="echo"), html.H1("new", id="title")])
    late = await browser.open(far)
    for each in (page, late):
        await expect(each.locator("#title")).to_have_text("new")
        await expect(each.locator("#echo")).to_have_text("echo n")


async def test_revoking_a_link_acts_at_the_relay(serve: Serving, browser: Tabs, relay: StartRelay):
    """Its pages are closed and say why; pages of another link stay; the link lets nobody in again."""
    app = make_app()
    url = await serve(app)
    first, second = [await asyncio.to_thread(app.share, "view") for _ in range(2)]
    program = await relay(url)
    one, two = [await browser.open(at(program, each.url)) for each in (first, second)]
    for page in (one, two):
        await expect(page.locator("#shown")).to_have_text("at 20")
    await asyncio.to_thread(first.revoke)
    await expect(one.get_by_role("status")).to_contain_text("This share link was revoked")
    await asyncio.to_thread(app.push_mods, {"pushed": {"children": "after"}})
    await expect(two.locator("#pushed")).to_have_text("after")
    assert await one.text_content("#pushed") == ""
    browser.allow_errors("403")
    again = await browser.open(at(program, first.url))
    await expect(again.locator("body")).to_contain_text("This share link was revoked")
    late = await browser.open(at(program, (await asyncio.to_thread(app.share, "view")).url))
    await expect(late.locator("#pushed")).to_have_text("after")
