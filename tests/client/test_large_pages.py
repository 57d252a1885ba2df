"""Pages of many components: what the renderer is told grows with them, not with their square."""

from __future__ import annotations

from playwright.async_api import expect

from dash_devices_nb import Dash, Input, Output, html
from tests.support.browser import Tabs
from tests.support.serving import Serving

COUNT = 300
TELLINGS = """() => {
    window.tellings = 0;
    dash_stores[0].subscribe(() => { window.tellings += 1; });
}"""


async def test_a_listener_hears_once_of_what_comes_together(serve: Serving, browser: Tabs):
    """Of 300 components that come at once, and of a push to all of them, heard by a callback or not."""
    app = Dash(__name__, suppress_callback_exceptions=True)
    app.layout = html.Div([html.Div(id="place"), html.Div(id="heard"), html.Div(id="own")])

    @app.callback(Output("own", "children"), Input("heard", "children"))
    def own(heard):
        return f"own {heard}"

    page = await browser.open(await serve(app))
    await expect(page.locator("#own")).to_have_text("own None")
    await page.evaluate(TELLINGS)
    app.push_mods({"place": {"children": [html.Div("came", id=f"c{n}") for n in range(COUNT)]}})
    await expect(page.locator(f"#c{COUNT - 1}")).to_have_text("came")
    assert await page.evaluate("tellings") < COUNT // 10
    await page.evaluate("tellings = 0")
    app.push_mods({f"c{n}": {"children": f"push {n}"} for n in range(COUNT)} | {"heard": {"children": "it"}})
    for n in (0, COUNT // 2, COUNT - 1):
        await expect(page.locator(f"#c{n}")).to_have_text(f"push {n}")
    await expect(page.locator("#own")).to_have_text("own it")
    assert await page.evaluate("tellings") < COUNT // 10
