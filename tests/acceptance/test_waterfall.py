"""A waterfall shows each line once, newest at the top; late joiners and pages that come back have the history."""

from __future__ import annotations

import numpy as np
from playwright.async_api import Page, expect

from dash_devices_nb import Dash, Waterfall, dcc, html
from tests.support.browser import Tabs
from tests.support.eventually import eventually
from tests.support.serving import Serving

ROWS = """() => {
    const canvas = document.querySelector('#fall canvas');
    if (!canvas) return null;
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const first = row => data.subarray(4 * row * canvas.width);
    return Array.from({length: canvas.height}, (_, row) => (first(row)[3] ? first(row)[0] : null));
}"""
"""The red of the first pixel of each row, from the top; None: nothing was drawn there."""


def fall(**props: object) -> Waterfall:
    """A waterfall of eight lines, in grey: a value of 0 to 255 is its own colour."""
    return Waterfall(id="fall", history=8, zmin=0, zmax=255, colorscale="grey", **props)


def line(value: float, points: int = 100) -> np.ndarray:
    return np.full(points, value, "f4")


async def shows(page: Page, *rows: int | None) -> None:
    """Wait until these are the rows."""
    wanted = [*rows, *[None] * (8 - len(rows))]

    async def there() -> bool:
        return await page.evaluate(ROWS) == wanted

    try:
        await eventually(there)
    except AssertionError:
        assert await page.evaluate(ROWS) == wanted


async def test_each_line_is_drawn_once_and_late_joiners_have_the_history(serve: Serving, browser: Tabs):
    """Arrays, lists, several lines at once, and more in a row than a page draws."""
    app = Dash(__name__)
    app.layout = html.Div([fall()])
    url = await serve(app)
    page = await browser.open(url)
    await shows(page)
    app.push_mods({"fall": {"addLines": line(10)}})
    app.push_mods({"fall": {"addLines": [20.0] * 100}})
    app.push_mods({"fall": {"addLines": np.array([line(30), line(40)])}})
    await shows(page, 40, 30, 20, 10)
    late = await browser.open(url)
    await shows(late, 40, 30, 20, 10)
    for value in range(50, 120):
        app.push_mods({"fall": {"addLines": line(value)}})
    for each in (page, late):
        await shows(each, *range(119, 111, -1))
    app.push_mods({"fall": {"lines": [[1] * 100, [2] * 100]}})
    for each in (page, late):
        await shows(each, 2, 1)


async def test_its_range_follows_the_values_and_a_pointer_reads_them(serve: Serving, browser: Tabs):
    """Without zmin and zmax; a peak of one point among thousands is seen."""
    app = Dash(__name__)
    app.layout = html.Div(
        [Waterfall(id="fall", history=8, colorscale="grey", x0=100, x1=200, xlabel="MHz", zlabel="dB")]
    )
    page = await browser.open(await serve(app))
    scale, axis = page.locator(".ddn-waterfall-scale"), page.locator(".ddn-waterfall-axis")
    low = line(-90, 50_000)
    low[25_000] = -20
    app.push_mods({"fall": {"addLines": low}})
    await expect(scale).to_have_text("-20-90dB")
    late = await browser.open(page.url)
    await expect(late.locator(".ddn-waterfall-scale")).to_have_text("-20-90dB")
    app.push_mods({"fall": {"addLines": line(-10, 50_000)}})
    await expect(scale).to_have_text("-10-90dB")
    box = await page.locator("#fall canvas").bounding_box()
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 8 * 1.5)
    await expect(axis).to_have_text("100150 MHz: -20 dB200")


async def test_a_waterfall_that_comes_back_has_its_lines(serve: Serving, browser: Tabs):
    """One in a tab that is left and opened again."""
    app = Dash(__name__)
    tabs = [dcc.Tab(label=name, value=name, children=inner) for name, inner in (("one", fall()), ("two", "nothing"))]
    app.layout = dcc.Tabs(id="tabs", value="one", children=tabs)
    page = await browser.open(await serve(app))
    await shows(page)
    app.push_mods({"fall": {"addLines": line(10)}})
    await shows(page, 10)
    await page.get_by_text("two").click()
    await expect(page.locator("#fall")).to_have_count(0)
    await page.get_by_text("one").click()
    await shows(page, 10)
    app.push_mods({"fall": {"addLines": line(20)}})
    await shows(page, 20, 10)
