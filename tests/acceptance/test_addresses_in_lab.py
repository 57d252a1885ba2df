"""Addresses that a program makes before `run()` lead to its app, in a real JupyterLab: inline, in a tab."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import FrameLocator, Page, expect

from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.jupyter import Jupyter
from tests.support.lab import LabNotebook

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
APP = """
from dash_devices_nb import Dash, Input, Output, dcc, html, page_container, page_registry, register_page

app = Dash("places", use_pages=True, pages_folder="")
dot = app.get_asset_url("dot.png")
register_page("one", path="/", layout=html.Div(["page one", html.Img(src=dot, id="inside")], id="page"))
register_page("two", path="/two", redirect_from=["/old-two"], layout=html.Div("page two", id="page"))
register_page("item", path_template="/item/<number>",
              layout=lambda number=None, **_: html.Div(f"item {number}", id="page"))
made_before = html.Img(src=dot, id="returned")

app.layout = html.Div([
    html.Img(src=dot, id="dot"), html.Img(id="pushed"), dcc.Markdown(f"![dot]({dot})", id="marked"),
    html.Div(id="painted", style={"backgroundImage": f"url({dot})"}),
    dcc.Input(id="written", value="/assets/dot.png"), dcc.Store(id="kept", data={"href": "/two"}), html.Div(id="says"),
    *[dcc.Link(p["name"], href=p["relative_path"], id="to" + p["module"]) for p in page_registry.values()],
    html.A("item", href="/item/7?x=1#y", id="toitem7"),
    html.A("old", href="/old-two", id="toold"),
    html.A("data", href=app.get_relative_path("/data.csv"), id="todata"), html.A("lab", href="/lab", id="tolab"),
    html.Button("go", id="go"), html.Div(id="room"), page_container])

@app.callback(Output("room", "children"), Output("says", "children"), Input("go", "n_clicks"),
              prevent_initial_call=True)
def room(n):
    return made_before, page_registry["two"]["relative_path"]

@app.server.route("/data.csv")
async def data():
    return "a,b"

app.run(jupyter_height=500)
"""
WIDTH = "image => image.naturalWidth"
HERE = "/dash-devices/places/"


@pytest.fixture
async def notebook(jupyter_lab: Jupyter, browser: Tabs) -> AsyncIterator[LabNotebook]:
    """The app runs below its cell."""
    browser.allow_errors("Exception opening new comm", "Failed to load resource", "WebSocket connection to")
    (jupyter_lab.root / "assets").mkdir(exist_ok=True)
    (jupyter_lab.root / "assets" / "dot.png").write_bytes(DOT)
    push = "app.push_mods({'pushed': {'src': dot}})"
    jupyter_lab.write_notebook("places.ipynb", APP, push, "app.stop()")
    notebook = await LabNotebook.open(browser, jupyter_lab, "places.ipynb")
    await notebook.run(0)
    await notebook.run(1)
    yield notebook
    await notebook.run(2)


async def shown(place: Page | FrameLocator, *ids: str) -> None:
    """These pictures are there."""
    for each in ids:
        picture = place.locator(each)

        async def is_there(picture=picture) -> bool:
            return await picture.evaluate(WIDTH) == 1

        await eventually(is_there, 10)


async def test_pictures_links_and_pages_lead_to_the_app(notebook: LabNotebook, jupyter_lab: Jupyter, browser: Tabs):
    """Of the layout, of a page's layout, of an answer, of a push; what leads elsewhere, or is no address, stays."""
    frame = notebook.frame(0)
    tab = await browser.open(f"{jupyter_lab.url}{HERE[1:]}", context=notebook.page.context)
    for place in (frame, tab):
        await expect(place.locator("#page")).to_contain_text("page one")
        await shown(place, "#dot", "#inside", "#pushed", "#marked img")
        painted = await place.locator("#painted").evaluate("e => getComputedStyle(e).backgroundImage")
        assert painted.endswith(f'{HERE}assets/dot.png")'), painted
        await place.locator("#go").click()
        await shown(place, "#returned")
        await expect(place.locator("#says")).to_have_text(f"{HERE}two")
        assert await place.locator("#written").input_value() == "/assets/dot.png"
        assert await place.locator("#tolab").get_attribute("href") == "/lab"
        assert await place.locator("#todata").get_attribute("href") == f"{HERE}data.csv"
        assert await place.locator("#toitem7").get_attribute("href") == f"{HERE}item/7?x=1#y"
        await place.locator("#totwo").click()
        await expect(place.locator("#page")).to_have_text("page two")
    assert tab.url.endswith(f"{HERE}two")
    kept = await tab.evaluate("() => dashDevices.bridge.renderer.props('kept').data.href")
    assert kept == "/two", "data is no address"
    await tab.locator("#toitem7").click()
    await expect(tab.locator("#page")).to_have_text("item 7")
    await tab.locator("#toold").click()
    await expect(tab.locator("#page")).to_have_text("page two")
    assert tab.url.endswith(f"{HERE}two")
    await tab.locator("#todata").click()
    await expect(tab.locator("body")).to_have_text("a,b")
