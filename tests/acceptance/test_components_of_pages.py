"""Components that only pages make: they count as long as one shows them."""

from __future__ import annotations

from playwright.async_api import expect

from dash_devices_nb import ALL, Dash, Input, Output, dcc, html
from tests.support.browser import Tabs
from tests.support.serving import Serving

MAKE = """count => Array.from({length: count}, (_, index) => ({
    namespace: 'dash_core_components', type: 'Input', props: {id: {field: index}, type: 'number', debounce: false}
}))"""


def make_app() -> Dash:
    """A number of fields, and their sum, which is everybody's."""
    app = Dash(__name__, suppress_callback_exceptions=True)
    count = dcc.Input(id="count", type="number", value=3)
    app.layout = html.Div([count, html.Div(id="fields"), html.Div(id="sum")])

    @app.callback_shared(Output("sum", "children"), Input({"field": ALL}, "value"))
    def total(values):
        return f"{len(values)} fields, {sum(value or 0 for value in values)}"

    return app


async def test_what_a_page_has_let_go_counts_no_more(serve: Serving, browser: Tabs):
    """A regular callback takes fields away: those that are left count alone, also after a reload."""
    app = make_app()

    @app.callback(Output("fields", "children"), Input("count", "value"))
    def fields(count):
        return [dcc.Input(id={"field": number}, type="number", value=10) for number in range(count)]

    page = await browser.open(await serve(app))
    await expect(page.locator("#sum")).to_have_text("3 fields, 30")
    await page.locator("#count").fill("1")
    await expect(page.locator("#sum")).to_have_text("1 fields, 10")
    await page.locator("#fields input").fill("11")
    await expect(page.locator("#sum")).to_have_text("1 fields, 11")
    await page.reload()
    await expect(page.locator("#fields input")).to_have_count(3)
    await expect(page.locator("#sum")).to_have_text("3 fields, 31")


async def test_what_a_clientside_callback_makes_is_there(serve: Serving, browser: Tabs):
    """Its changes reach the callback and the other page; what it takes away is let go of."""
    app = make_app()
    app.clientside_callback(MAKE, Output("fields", "children"), Input("count", "value"))
    url = await serve(app)
    first, second = await browser.open(url), await browser.open(url)
    for page in (first, second):
        await expect(page.locator("#fields input")).to_have_count(3)
    await first.locator("#fields input").nth(2).fill("5")
    await expect(second.locator("#sum")).to_have_text("1 fields, 5")
    await expect(second.locator("#fields input").nth(2)).to_have_value("5")
    await first.locator("#fields input").nth(0).fill("2")
    await expect(second.locator("#sum")).to_have_text("2 fields, 7")
    await first.locator("#count").fill("1")
    await expect(second.locator("#sum")).to_have_text("1 fields, 2")
